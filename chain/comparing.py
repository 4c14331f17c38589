"""Between what the detectors found and what is told: upgrades get what old and new code differ by, fetched and read here.

The hook of the watcher and of the scan is `Comparing.compared`: digested blocks in, the same blocks out, their upgrades
filled in. It depends on the chain alone: code is asked by block hash, the new one after the block, the old one
before it (after it, where it came in this very block); how much is compared is bounded for each block, never for a batch
or by a clock. Only nodes that fail, and code that takes too long to read, leave fields None; nothing here raises or drops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain.block import Header
from chain.changes import changed
from chain.code import Code
from chain.code_reader import CodeReader
from chain.events import Address, ContractUpgraded, NodeFaultKind, PlacedEvent
from chain.facets import NOBODY
from chain.network import Network
from chain.nodes import Nodes
from chain.rpc import Ask, NodeFailure, Refusal
from chain.source import MOST_ASKS, Source
from chain.stretch import Digested

ASIDE = frozenset({"admin", "pending"})
"""Roles whose address is not code that runs for the contract."""
CODE, FACET = "code", "facet"
LEAVING = frozenset({FACET, "delegate"})
"""Roles that may be given up, so that nobody is no mistake there."""
MOST_PAIRS = 24
"""Pairs of codes compared in one block; a diamond rarely changes more facets at once."""
TRIES = 3
PAUSE_S = 0.6
"""Between them: a node that failed once rests for half a second."""
ASKING_S = 12.0
"""For all tries."""

Batch = Sequence[tuple[Header, Sequence[PlacedEvent]]]


@dataclass(frozen=True, slots=True)
class _At:
    """Code to be had: of whom, after which block."""

    address: Address
    block_hash: str


Act = Callable[[Source], Awaitable[list[bytes | None]]]
_Pair = tuple[_At | None, _At]


class Comparing:
    """One network's. A block without upgrades costs nothing, a batch of blocks with some one request."""

    def __init__(self, network: Network, nodes: Nodes, reader: CodeReader | None = None) -> None:
        self._network = network
        self._nodes = nodes
        self._reader = reader or CodeReader()

    async def compared(self, found: Sequence[Digested]) -> list[Digested]:
        """The same blocks, what was told of upgrades filled in."""
        told = await self.filled([(one.block.header, one.told) for one in found])
        return [replace(one, told=events) for one, events in zip(found, told, strict=True)]

    async def filled(self, batch: Batch) -> list[list[PlacedEvent]]:
        """The events of each block, in their order."""
        pairs: dict[tuple[str, str], _Pair] = {}  # (block hash, event id)
        for header, events in batch:
            pairs |= {(header.hash, event_id): pair for event_id, pair in _pairs(header, events).items()}
        if not pairs:
            return [list(events) for _, events in batch]
        codes = await self._codes({one for pair in pairs.values() for one in pair if one}, batch[-1][0].number)
        return [
            [self._with(event, pairs.get((header.hash, event.event_id)), codes) for event in events]
            for header, events in batch
        ]

    def _with(self, event: PlacedEvent, pair: _Pair | None, codes: Mapping[_At, Code]) -> PlacedEvent:
        if pair is None or not isinstance(event, ContractUpgraded):
            return event
        old, new = (None if at is None else codes.get(at) for at in pair)
        if event.role in LEAVING and event.new == NOBODY:
            new = None
        links = self._network.links(pair[1].address) if new and new.size else ()
        served = (event.gained, event.lost) if event.role == FACET else None
        change = changed(old, new, links, served)
        return replace(event, change=change, gained=change.gained or (), lost=change.lost or ())

    async def _codes(self, wanted: set[_At], reaching: int) -> dict[_At, Code]:
        """The codes that some node gives, read; so many at once as one request holds."""
        ordered = sorted(wanted, key=lambda at: (at.block_hash, at.address))
        found: dict[_At, Code] = {}
        for begin in range(0, len(ordered), MOST_ASKS):
            bodies = await self._bodies(ordered[begin : begin + MOST_ASKS], reaching)
            read = await self._reader.read(bodies.values())
            found |= {at: read[body] for at, body in bodies.items()}
        return found

    async def _bodies(self, asked: Sequence[_At], reaching: int) -> dict[_At, bytes]:
        asks: list[Ask] = [("eth_getCode", [at.address, {"blockHash": at.block_hash}]) for at in asked]

        async def act(node: Source) -> list[bytes | None]:
            return [_body(answer) for answer in await node.ask(asks)]

        try:
            async with asyncio.timeout(ASKING_S):
                found = await self._tried(act, reaching)
        except (NodeFailure, TimeoutError):
            return {}
        return {at: body for at, body in zip(asked, found, strict=True) if body is not None}

    async def _tried(self, act: Act, reaching: int) -> list[bytes | None]:
        for _ in range(TRIES - 1):
            try:
                return await self._nodes.first(act, reaching)
            except NodeFailure:
                await asyncio.sleep(PAUSE_S)
        return await self._nodes.first(act, reaching)


def _pairs(header: Header, events: Iterable[PlacedEvent]) -> dict[str, _Pair]:
    """Which codes each upgrade of this block went from and to; the first `MOST_PAIRS` different ones."""
    came: set[str] = set()
    kept: set[_Pair] = set()
    found: dict[str, _Pair] = {}
    for event in events:
        if not isinstance(event, ContractUpgraded) or event.role in ASIDE:
            continue
        if event.role == CODE:
            pair: _Pair = _At(event.contract, header.parent_hash), _At(event.contract, header.hash)
        else:
            before = header.hash if event.old in came else header.parent_hash
            old = None if event.old is None else _At(Address(event.old), before)
            pair = old, _At(Address(event.new), header.hash)
        came.add(event.new)
        if pair in kept or len(kept) < MOST_PAIRS:
            kept.add(pair)
            found[event.event_id] = pair
    return found


def _body(answer: Any) -> bytes | None:
    """The code; None where the node does not keep that state. Raises NodeFailure where another node may do better."""
    if isinstance(answer, Refusal):
        if answer.unreadable:
            return None
        raise answer.failure()
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
