"""Reports new pools of watched tokens, as the factories that the operator named write them.

The logs join the one query of a block, so a factory costs no further request. Pools of other tokens are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain.blocks.abi import Unreadable
from chain.blocks.block import Block, Log
from chain.blocks.reads import Reads
from chain.events import PlacedEvent, PoolCreated
from chain.liquidity.factories import by_topic
from chain.watch import Watch

STAGE = 1

MAX_A_BLOCK = 32
"""Pools are free to make on some networks: beyond so many in one block, the rest of it is not reported."""


class NewPools:
    """One network's new pools."""

    def __init__(self, watch: Watch) -> None:
        named = (*watch.tokens, *(one.address for one in watch.contracts), *(one.address for one in watch.collateral))
        self._tokens = frozenset(map(str, named))
        self._factories = frozenset(watch.factories) if self._tokens else frozenset()
        topics = frozenset(by_topic()) if self._factories else frozenset()
        self._reads = Reads(addresses=self._factories, topics=topics)

    def reads(self) -> Reads:
        """The logs of the factories."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The new pools of watched tokens in this block, in order."""
        if not self._factories:
            return []
        found: list[PlacedEvent] = [event for log in block.logs for event in self._of(block, log)]
        return found[:MAX_A_BLOCK]

    def memory(self) -> bytes:
        """Nothing is remembered."""
        return b""

    def recall(self, memory: bytes) -> None:
        """Nothing is remembered."""

    def _of(self, block: Block, log: Log) -> Iterator[PoolCreated]:
        form = by_topic().get(log.topics[0]) if log.topics and log.address in self._factories else None
        if form is None:
            return
        try:
            said = form.read(log)
        except Unreadable:
            return
        if said.token0 in self._tokens or said.token1 in self._tokens:
            yield PoolCreated(
                place=block.place(log),
                seen_at=block.seen_at,
                event_id=block.event_id("pool", log.index),
                factory=log.address,
                pool=said.pool,
                pool_kind=form.kind,
                token0=said.token0,
                token1=said.token1,
            )


def make(watch: Watch) -> NewPools:
    """The detector for this watch."""
    return NewPools(watch)
