"""Compares the old and the new code after an upgrade event, and gives the comparison as an event of its own.

The result depends on the chain alone: code is requested by block hash, the new code after the block, the old code before it
(after it, if that code also came in this block). The number of comparisons is bounded for each block, never for a batch or by a
clock. Only failing nodes, and code that takes too long to read, leave fields None; nothing here raises or drops an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chain.blocks.block import Header
from chain.blocks.reads import NO_CODE, CodeHash, Reads
from chain.blocks.standards import NOBODY
from chain.bytecode.code import Code
from chain.bytecode.diff import changed
from chain.bytecode.reader import CodeReader
from chain.events import Address, CodeCompared, PlacedEvent, Role
from chain.events.network import NodeFaultKind
from chain.events.upgrades import ContractUpgraded
from chain.networks import Network
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.nodes.node import MAX_ASKS, Clock, Node
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask
from chain.rpc.multicall import MIN_PACKED
from chain.sync.digest import Digested

IGNORED_ROLES = frozenset({Role.ADMIN, Role.PENDING})
"""Roles whose address holds no code that the contract runs."""
CODE, FACET = Role.CODE, Role.FACET
REMOVABLE_ROLES = frozenset({FACET, Role.DELEGATE})
"""Roles that may become empty: the zero address is then a valid new value."""
MAX_PAIRS = 24
"""Pairs of codes compared in one block; a diamond rarely changes more facets at once."""
TRIES = 3
PAUSE_S = 0.6
"""Seconds between tries: a node is paused for half a second after its first failure."""
REQUESTS_S = 12.0
"""Seconds for all tries in a scan of the past."""
LIVE_REQUESTS_S = 4.0
"""Seconds for all tries at the head, where the next block waits."""

Batch = Sequence[tuple[Header, Sequence[PlacedEvent]]]


@dataclass(frozen=True, slots=True)
class _CodeAt:
    """Names the code of an address after a block."""

    address: Address
    block_hash: str


Act = Callable[[Node], Awaitable[list[bytes | None]]]
_Pair = tuple[_CodeAt | None, _CodeAt]


class CodeComparison:
    """Compares codes on one network. A block without upgrades costs no request, one with upgrades one, a batch a few."""

    def __init__(
        self,
        network: Network,
        nodes: NodeGroup,
        clock: Clock,
        *,
        requests_s: float = REQUESTS_S,
        reader: CodeReader | None = None,
    ) -> None:
        self._network = network
        self._nodes = nodes
        self._clock = clock
        self._requests_s = requests_s
        self._reader = reader or CodeReader()

    async def compared(self, found: Sequence[Digested]) -> list[Digested]:
        """Return the same blocks with their comparisons after their events."""
        more = await self.missing([(one.block.header, one.events) for one in found])
        return [
            replace(one, events=[*one.events, *events]) if events else one
            for one, events in zip(found, more, strict=True)
        ]

    async def missing(self, batch: Batch) -> list[list[CodeCompared]]:
        """Return for each block the missing comparisons, in the order of its upgrades."""
        upgrades_by_block = [not_compared(events) if events else [] for _, events in batch]
        pairs: dict[str, _Pair] = {}
        for (header, events), upgrades in zip(batch, upgrades_by_block, strict=True):
            pairs |= _pairs(header, events) if upgrades else {}
        codes = await self._codes({one for pair in pairs.values() for one in pair if one}, batch)
        now = self._clock()
        return [
            [self._event(event, pairs.get(event.event_id), codes, now) for event in upgrades]
            for upgrades in upgrades_by_block
        ]

    def _event(
        self, event: ContractUpgraded, pair: _Pair | None, codes: Mapping[_CodeAt, Code], now: datetime
    ) -> CodeCompared:
        old, new = (codes.get(at) if at else None for at in pair or (None, None))
        if event.role in REMOVABLE_ROLES and event.new == NOBODY:
            new = None
        links = self._network.links(pair[1].address) if pair and new and new.size else ()
        served = (event.gained, event.lost) if event.role == FACET else None
        return CodeCompared(
            place=event.place,
            seen_at=now,
            event_id=f"{event.event_id}/compared",
            contract=event.contract,
            role=event.role,
            old=event.old,
            new=event.new,
            upgrade_id=event.event_id,
            change=changed(old, new, links, served),
        )

    async def _codes(self, wanted: set[_CodeAt], batch: Batch) -> dict[_CodeAt, Code]:
        """Fetch and read the codes, as many at once as one request holds. Codes that no node gives are missing."""
        unchanged = await self._unchanged(wanted, batch) if len(batch) > 1 and len(wanted) >= MIN_PACKED else {}
        ordered = sorted(wanted - unchanged.keys(), key=lambda at: (at.block_hash, at.address))
        found = await self._read(unchanged)
        for begin in range(0, len(ordered), MAX_ASKS):
            asked = ordered[begin : begin + MAX_ASKS]
            found |= await self._read(await self._bodies(asked, batch[-1][0].number))
        return found

    async def _read(self, bodies: Mapping[_CodeAt, bytes]) -> dict[_CodeAt, Code]:
        read = await self._reader.read(bodies.values(), len({at.block_hash for at in bodies}))
        return {at: read[body] for at, body in bodies.items()}

    async def _unchanged(self, wanted: set[_CodeAt], batch: Batch) -> dict[_CodeAt, bytes]:
        """Fetch once each code whose hash is the same before the first and after the last block, and so in between. A node
        gives thousands of hashes in one answer, but old codes slowly and one by one.
        """
        first, last = batch[0][0], batch[-1][0]
        reads = Reads(state=frozenset(map(CodeHash, {at.address for at in wanted})))
        ends = replace(first, number=first.number - 1, hash=first.parent_hash), last
        try:
            blocks = fetch.BlocksWanted(run=ends, reads=reads, state_of=ends)
            found = await fetch.blocks(self._nodes, self._network.id, blocks, self._clock)
        except NodeFailure:
            return {}
        before, after = (one.state for one in found)
        same = {read.address: word for read, word in after.items() if before.get(read) == word}
        holders = {word: _CodeAt(address, last.hash) for address, word in same.items() if word != NO_CODE}
        bodies: dict[_CodeAt, bytes] = {}
        for begin in range(0, len(holders), MAX_ASKS):
            bodies |= await self._bodies([*holders.values()][begin : begin + MAX_ASKS], last.number)
        codes = {word: bodies[at] for word, at in holders.items() if at in bodies} | {NO_CODE: b""}
        return {at: codes[same[at.address]] for at in wanted if same.get(at.address) in codes}

    async def _bodies(self, asked: Sequence[_CodeAt], reaching: int) -> dict[_CodeAt, bytes]:
        asks: list[Ask] = [("eth_getCode", [at.address, {"blockHash": at.block_hash}]) for at in asked]

        async def act(node: Node) -> list[bytes | None]:
            return [_body(answer) for answer in await node.ask(asks)]

        try:
            async with asyncio.timeout(self._requests_s):
                found = await self._with_retries(act, reaching)
        except (NodeFailure, TimeoutError):
            return {}
        return {at: body for at, body in zip(asked, found, strict=True) if body is not None}

    async def _with_retries(self, act: Act, reaching: int) -> list[bytes | None]:
        for _ in range(TRIES - 1):
            try:
                return await self._nodes.first(act, reaching)
            except NodeFailure:
                await asyncio.sleep(PAUSE_S)
        return await self._nodes.first(act, reaching)


def not_compared(events: Iterable[PlacedEvent]) -> list[ContractUpgraded]:
    """Return the upgrades of code among these events that have no comparison yet."""
    all_events = list(events)
    done = {event.upgrade_id for event in all_events if isinstance(event, CodeCompared)}
    upgrades = (event for event in all_events if isinstance(event, ContractUpgraded))
    return [event for event in upgrades if event.role not in IGNORED_ROLES and event.event_id not in done]


def _pairs(header: Header, events: Iterable[PlacedEvent]) -> dict[str, _Pair]:
    """Return the old and new code of each upgrade of this block; the first `MAX_PAIRS` different pairs."""
    came: set[str] = set()
    known: set[_Pair] = set()
    found: dict[str, _Pair] = {}
    for event in events:
        if not isinstance(event, ContractUpgraded) or event.role in IGNORED_ROLES:
            continue
        if event.role == CODE:
            at = event.holder or event.contract
            pair: _Pair = _CodeAt(at, header.parent_hash), _CodeAt(at, header.hash)
        else:
            before = header.hash if event.old in came else header.parent_hash
            old = None if event.old is None else _CodeAt(Address(event.old), before)
            pair = old, _CodeAt(Address(event.new), header.hash)
        came.add(event.new)
        if pair in known or len(known) < MAX_PAIRS:
            known.add(pair)
            found[event.event_id] = pair
    return found


def _body(answer: Any) -> bytes | None:
    """Read the code; None if the node no longer stores that state. Raises NodeFailure if another node may answer."""
    if isinstance(answer, Refusal):
        if answer.unreadable:
            return None
        raise answer.failure()
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
