"""Measures how much tokens are used, hour by hour: transfers, their sum, addresses taking part, reserves in watched pools.

The first block after an hour reports it. Pools' balances are read only in the last `READ_S` seconds of an hour, so that
a thousand pools cost nothing the rest of the time; blocks further apart than that may miss the reading. Mints and burns
(the zero address) are transfers, but the zero address takes no part.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from chain.blocks.abi import selector_of, topic_of
from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, CallWord, Reads
from chain.events import Address, PlacedEvent, TokenUsed
from chain.usage.distinct_count import Sketch
from chain.watch import Watch

STAGE = 1

TRANSFER = topic_of("Transfer(address,address,uint256)")
BALANCE_OF = selector_of("balanceOf(address)").hex()
HOUR_S = 3600
READ_S = 120
MAX_MOVED = 1 << 256
ADDRESS_LENGTH = 42
"""Pools with a longer id hold nothing themselves: their manager holds the tokens of all its pools together."""


class _Hour(msgspec.Struct):
    transfers: int = 0
    moved: str = "0"  # decimal: more than 64 bits
    registers: str = ""  # the sketch of addresses, base64
    reserves: str | None = None  # decimal
    complete: bool = False


class _Memory(msgspec.Struct):
    hour: int | None = None  # hours since 1970
    time_s: int = 0
    tokens: dict[str, _Hour] = {}


class TokenUse:
    """One network's tokens."""

    def __init__(self, watch: Watch) -> None:
        self._tokens = tuple(dict.fromkeys(watch.tokens))
        self._pools = {
            token: tuple(
                pool.address
                for pool in watch.pools
                if token in (pool.token0, pool.token1, *pool.tokens) and len(pool.address) == ADDRESS_LENGTH
            )
            for token in self._tokens
        }
        self._memory = _Memory()
        reads: frozenset[AnyRead] = frozenset(read for token in self._tokens for read in self._balances(token))
        topics = frozenset({TRANSFER}) if self._tokens else frozenset()
        self._in_the_hour = Reads(addresses=frozenset(self._tokens), topics=topics)
        self._as_it_ends = Reads(addresses=frozenset(self._tokens), topics=topics, state=reads)

    def reads(self) -> Reads:
        """Transfers of the tokens and, as an hour ends, the pools' balances."""
        ending = self._memory.time_s % HOUR_S >= HOUR_S - READ_S
        return self._as_it_ends if ending else self._in_the_hour

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The hour that ended with this block, if one did."""
        if not self._tokens:
            return []
        time_s = int(block.header.time.timestamp())
        found: list[PlacedEvent] = list(self._turned(block, time_s // HOUR_S))
        self._memory.time_s = time_s
        for token in self._tokens:
            self._counted(block, token, self._memory.tokens.setdefault(token, _Hour()))
        return found

    def memory(self) -> bytes:
        """The hour so far."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)

    def _balances(self, token: Address) -> list[CallWord]:
        return [CallWord(token, f"0x{BALANCE_OF}{int(pool, 16):064x}") for pool in self._pools[token]]

    def _turned(self, block: Block, hour: int) -> Iterator[TokenUsed]:
        memory = self._memory
        if memory.hour == hour:
            return
        if memory.hour is not None:
            for token in self._tokens:
                yield self._used(block, token, memory.hour, memory.tokens.get(token, _Hour()))
        complete = memory.hour is not None
        memory.hour = hour
        memory.tokens = {token: _Hour(complete=complete) for token in self._tokens}

    def _used(self, block: Block, token: Address, hour: int, counted: _Hour) -> TokenUsed:
        return TokenUsed(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("used", token, hour),
            token=token,
            hour=datetime.fromtimestamp(hour * HOUR_S, UTC),
            transfers=counted.transfers,
            moved=int(counted.moved),
            active=Sketch(b64decode(counted.registers)).count(),
            reserves=None if counted.reserves is None else int(counted.reserves),
            complete=counted.complete,
        )

    def _counted(self, block: Block, token: Address, hour: _Hour) -> None:
        transfers = [
            log for log in block.logs if log.address == token and len(log.topics) > 1 and log.topics[0] == TRANSFER
        ]
        if transfers:
            sketch = Sketch(b64decode(hour.registers))
            for log in transfers:
                for party in (log.word(0), log.word(1)):
                    if party:
                        sketch.add(party)
            hour.registers = b64encode(sketch.registers).decode()
            hour.transfers += len(transfers)
            hour.moved = str(min(int(hour.moved) + sum(log.word(2) for log in transfers), MAX_MOVED))
        held = [block.state.get(read) for read in self._balances(token)]
        known = [one for one in held if one is not None]
        if known and len(known) == len(held):  # with a part of them alone, the reserves would seem to have been drained
            hour.reserves = str(sum(known))


def make(watch: Watch) -> TokenUse:
    """The detector for this watch."""
    return TokenUse(watch)
