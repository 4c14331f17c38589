"""Reads blocks from the nodes: headers by number, then the logs and the state of a run of blocks in a few batched requests.

As many providers as the quorum says must agree on the logs. The logs of a single provider are compared with the block's bloom
filter and, if the filter shows logs that the node did not send, with the receipts. The same request asks for writes inside
blocks and for probes; both are bounded, and a block never fails because of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from chain.blocks.block import Block, Header, Write
from chain.blocks.reads import AnyRead, CallBytes, CallWord, Probe, Reads, SlotWord, StateRead
from chain.events import NetworkId
from chain.events.network import NodeFaultKind
from chain.nodes import optional_methods
from chain.nodes.group import MAX_WITNESSES, NodeGroup
from chain.nodes.log_agreement import agreed_logs
from chain.nodes.log_quorum import Agreement
from chain.nodes.log_ranges import Logs, pieces, settle
from chain.nodes.node import Clock, Node
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask, header_ask, header_of, read_ask, read_of
from chain.rpc.multicall import MIN_PACKED, MIN_PACKED_NARROW, Packed, plan, plan_again, single_ask, single_of, unpack
from chain.rpc.probe_batches import ProbeBatch
from chain.rpc.storage_writes import (
    MAX_TRACED,
    TRACE_TIMEOUT_S,
    TraceMethod,
    contradicts,
    is_unsupported,
    writes_asks,
    writes_of,
)

States = dict[str, StateRead]
"""Answers by block hash and read."""
Writes = dict[str, tuple[Write, ...]]
"""Writes by block hash. A block is missing if the node did not give its writes."""


async def headers(nodes: NodeGroup, numbers: Sequence[int]) -> list[Header]:
    """Read the headers with these numbers. Raises NodeFailure."""
    if not numbers:
        return []

    async def act(node: Node) -> list[Header]:
        answers = await node.ask([header_ask(number) for number in numbers])
        if None in answers:
            raise NodeFailure(NodeFaultKind.NULL_BLOCK, f"no block {numbers[answers.index(None)]}")
        found = [header_of(answer) for answer in answers]
        if any(one.number != number for one, number in zip(found, numbers, strict=True)):
            raise NodeFailure(NodeFaultKind.MALFORMED, "another block than the requested one")
        for one, following in pairwise(found):
            if following.number == one.number + 1 and following.parent_hash != one.hash:
                raise NodeFailure(
                    NodeFaultKind.FORKED, f"its block {following.number} does not follow its block {one.number}"
                )
        return found if nodes.blooms else [replace(one, bloom=None) for one in found]

    return await nodes.first(act, max(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksWanted:
    """Names the blocks to read: `run` (oldest first) with logs and moving reads, those in `state_of` with all reads.

    `traced`: also read the writes inside the blocks, if the node gives traces. `live`: also make the probes in the last block.
    """

    run: Sequence[Header]
    reads: Reads
    state_of: Sequence[Header]
    traced: bool = False
    live: bool = False

    @property
    def traced_of(self) -> Sequence[Header]:
        """The blocks whose writes are requested."""
        return self.run if self.traced or self.live else ()

    @property
    def probes(self) -> frozenset[AnyRead]:
        """The probes to make in the last block."""
        return self.reads.probes if self.live else frozenset()


async def blocks(nodes: NodeGroup, network: NetworkId, wanted: BlocksWanted, clock: Clock) -> list[Block]:
    """Read these blocks. Raises NodeFailure."""
    run, reads = wanted.run, wanted.reads

    async def act(node: Node) -> tuple[Node, Logs, States, Writes]:
        return node, *await _read(node, wanted)

    async def logs_only(node: Node) -> Logs:
        return (await _read(node, BlocksWanted(run=run, reads=reads, state_of=())))[0]

    reaching, contested = run[-1].number if run else 0, nodes.contested
    others_wanted = nodes.quorum - 1 if reads.addresses else 0
    (node, logs, state, writes), others = await asyncio.gather(
        nodes.first(act, reaching), nodes.witnesses(logs_only, reaching=reaching, most=others_wanted)
    )
    if notice := node.limits.tracing.notice() if wanted.traced_of else None:
        nodes.mention(node.name, NodeFaultKind.NO_TRACES, notice)
    agreed: dict[str, Agreement] = {}
    if reads.addresses:
        by_node = {node.name: logs} | {name: one for name, one in others.items() if name != node.name}
        if any(one != logs for one in by_node.values()):
            by_node |= await nodes.witnesses(logs_only, reaching=reaching, most=MAX_WITNESSES, asked=by_node)
        agreed = await agreed_logs(nodes, run, reads, by_node)
    return [
        Block(
            network=network,
            header=one,
            seen_at=clock(),
            logs=agreed[one.hash].logs if one.hash in agreed else (),
            state=state.get(one.hash) or StateRead(),
            writes=writes.get(one.hash),
            probed=wanted.live and one is run[-1],
            disputed=agreed[one.hash].disputed if one.hash in agreed else frozenset(),
            contested=contested,
        )
        for one in run
    ]


async def with_all_reads(nodes: NodeGroup, some: Sequence[Block], reads: Reads, clock: Clock) -> list[Block]:
    """Read the deferrable reads of these blocks and add them. Raises NodeFailure."""
    deferred, run = Reads(state=reads.deferrable), [one.header for one in some]
    wanted = BlocksWanted(run=run, reads=deferred, state_of=run)
    found = await blocks(nodes, some[0].network, wanted, clock)
    return [replace(one, state=one.state | more.state) for one, more in zip(some, found, strict=True)]


async def with_checks(nodes: NodeGroup, some: Sequence[tuple[Block, Reads]]) -> list[Block]:
    """Make the reads that each of these blocks calls for, in one request, and add the answers. Raises NodeFailure."""
    if not some:
        return []

    async def act(node: Node) -> tuple[States, Writes]:
        plans = [ReadPlan.of(block.header, reads.state, node) for block, reads in some]
        state = await _state(node, plans, await node.ask([ask for one in plans for ask in one.asks]))
        traced = [block.header for block, reads in some if reads.writes]
        places = frozenset[SlotWord]().union(*(reads.writes for _, reads in some))
        return state, await _several(node, places, traced)

    state, writes = await nodes.first(act, max(block.header.number for block, _ in some))
    return [
        replace(
            block, checked=block.checked | state[block.header.hash], writes=writes.get(block.header.hash, block.writes)
        )
        for block, _ in some
    ]


async def _read(node: Node, wanted: BlocksWanted) -> tuple[Logs, States, Writes]:
    """Read logs, state and writes from this node, nearly always in one request."""
    run, reads, probes = wanted.run, wanted.reads, wanted.probes
    if wanted.state_of and node.limits.untried:
        await optional_methods.learn(node, wanted.state_of[-1], reads.state)
    read_whole = frozenset(one.hash for one in wanted.state_of)
    read_plans = [
        ReadPlan.of(one, reads.state if one.hash in read_whole else reads.per_block, node)
        for one in (run if reads.per_block else wanted.state_of)
    ]
    other_reads = frozenset(read for read in probes if not isinstance(read, Probe)) - reads.state
    if other_reads:
        read_plans.append(ReadPlan.of(run[-1], other_reads, node))
    asked = pieces(reads, run, node.limits)
    check = [header_ask(run[-1].number)] if asked and len(run) > 1 else []  # one block is requested by its hash
    asks = [*(piece.ask() for piece in asked), *check, *(ask for one in read_plans for ask in one.asks)]
    left = optional_methods.asked_of(node, probes - reads.state - other_reads)
    batch = ProbeBatch.of(run[-1], left, node.limits.separate_probes) if left else None
    answers, probed, writes = await _answered_with(
        node, asks, reads.writes, wanted.traced_of, batch.asks if batch else ()
    )
    node.limits.answered_optional(asks, answers)
    node.limits.answered_optional(batch.asks if batch else (), probed)
    logs: Logs = {}
    if asked:
        if check and header_of(answers[len(asked)]).hash != run[-1].hash:
            raise NodeFailure(NodeFaultKind.BEHIND, "the node is on another fork")
        logs = await settle(node, asked, answers[: len(asked)])
    state = await _state(node, read_plans, answers[len(asked) + len(check) :])
    if batch:
        state.setdefault(run[-1].hash, StateRead()).update(batch.read(probed, node.limits.separate_probes))
    for one in [block for block, some in writes.items() if contradicts(some, state.get(block) or StateRead())]:
        del writes[one]
        node.limits.tracing.record(understood=False)
    return logs, state, writes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """Holds the reads of one block, and the requests for them: packed ones first."""

    header: Header
    packed: tuple[Packed, ...]
    plain: tuple[AnyRead, ...]

    @classmethod
    def of(cls, header: Header, reads: frozenset[AnyRead], node: Node) -> ReadPlan:
        """Pack the reads if this node accepts packed calls."""
        least = MIN_PACKED_NARROW if node.limits.narrow else MIN_PACKED
        reads = optional_methods.asked_of(node, reads)
        packed, plain = plan(reads, least) if node.limits.packs else ((), tuple(sorted(reads, key=repr)))
        return cls(header=header, packed=packed, plain=plain)

    @property
    def asks(self) -> list[Ask]:
        """The requests for these reads."""
        return [
            *(some.ask(self.header) for some in self.packed),
            *(read_ask(read, {"blockHash": self.header.hash}) for read in self.plain),
        ]


async def _state(node: Node, read_plans: Sequence[ReadPlan], answers: Sequence[Any]) -> States:
    """Decode the answers by block. A read that a packed call did not answer is requested once more, alone."""
    found: States = {}
    again: list[tuple[Header, AnyRead]] = []
    packed = understood = False
    at = 0
    for one in read_plans:
        words = found.setdefault(one.header.hash, StateRead())
        for some in one.packed:
            unpacked = unpack(some, answers[at])
            at += 1
            packed, understood = True, understood or unpacked is not None
            words |= unpacked or {}
            again += [(one.header, read) for read in some.reads if read not in words]
        _put(words, zip(one.plain, answers[at : at + len(one.plain)], strict=True))
        at += len(one.plain)
    if packed:
        node.limits.packed(understood)
    if again and understood and node.limits.narrow:
        again = await _together_again(node, found, again)
    if again:
        asks = [_again_ask(read, header, packs=understood) for header, read in again]
        for (header, read), answer in zip(again, await node.ask(asks), strict=True):
            alone_again = understood and isinstance(read, CallWord | CallBytes) and not isinstance(answer, Refusal)
            word = single_of(read, answer) if alone_again else read_of(read, answer)
            if word is not None:
                found[header.hash][read] = word
    return found


async def _together_again(
    node: Node, found: States, again: Sequence[tuple[Header, AnyRead]]
) -> list[tuple[Header, AnyRead]]:
    """Request the calls without an answer once more, packed, in one request; return what must be requested alone."""
    left: list[tuple[Header, AnyRead]] = []
    calls: list[tuple[Header, Packed]] = []
    for header in dict.fromkeys(one for one, _ in again):
        packed, alone = plan_again([read for one, read in again if one is header])
        calls += [(header, some) for some in packed]
        left += [(header, read) for read in alone]
    answers = await node.ask([some.ask(header) for header, some in calls])
    for (header, some), answer in zip(calls, answers, strict=True):
        found[header.hash] |= unpack(some, answer) or {}
    return left


def _again_ask(read: AnyRead, header: Header, *, packs: bool) -> Ask:
    at = {"blockHash": header.hash}
    return single_ask(read, at) if packs and isinstance(read, CallWord | CallBytes) else read_ask(read, at)


def _put(words: dict[AnyRead, object], answers: Any) -> None:
    for read, answer in answers:
        word = read_of(read, answer)
        if word is not None:
            words[read] = word


async def _answered_with(
    node: Node,
    asks: Sequence[Ask],
    places: frozenset[SlotWord],
    headers: Sequence[Header],
    probes: Sequence[Ask] = (),
) -> tuple[list[Any], list[Any], Writes]:
    """Return the answers, the answers to the probes, and all writes to these places that the node gives.

    Probes and the writes of one block go into the same request. If it takes too long or fails, it is sent again without
    them. The writes of several blocks are requested afterwards. Raises NodeFailure if the node also fails without them.
    """
    tracing = node.limits.tracing
    wanted = headers if places and headers and tracing.asks(len(headers)) else ()
    more = writes_asks(tracing.method, places, wanted[0]) if len(wanted) == 1 else []
    if not more and not probes:
        return await node.ask(asks), [], await _several(node, places, wanted)
    if node.limits.narrow:  # what may wait must not make what is needed late
        return await _one_by_one(node, asks, places, wanted, probes)
    try:
        answers = await asyncio.wait_for(node.ask([*asks, *probes, *more]), TRACE_TIMEOUT_S)
    except (NodeFailure, TimeoutError):
        answers = await node.ask(asks)
        if more and not probes:
            tracing.record(understood=False)
        return answers, [], await _several(node, places, wanted) if not more else {}
    probed = answers[len(asks) : len(asks) + len(probes)]
    if more:
        writes = await _settled(node, places, wanted, answers[len(asks) + len(probes) :])
    else:
        writes = await _several(node, places, wanted)
    return answers[: len(asks)], probed, writes


async def _one_by_one(
    node: Node, asks: Sequence[Ask], places: frozenset[SlotWord], headers: Sequence[Header], probes: Sequence[Ask]
) -> tuple[list[Any], list[Any], Writes]:
    """Return the same, with the probes and the writes in requests of their own."""
    answers, probed = await node.ask(asks), list[Any]()
    if probes:
        with contextlib.suppress(NodeFailure, TimeoutError):
            probed = await asyncio.wait_for(node.ask(probes), TRACE_TIMEOUT_S)
    return answers, probed, await _several(node, places, headers)


async def _several(node: Node, places: frozenset[SlotWord], headers: Sequence[Header]) -> Writes:
    found: Writes = {}
    tracing = node.limits.tracing
    for at in range(0, len(headers), MAX_TRACED):
        some = headers[at : at + MAX_TRACED]
        if tracing.method is TraceMethod.NONE:
            break
        asks = [ask for one in some for ask in writes_asks(tracing.method, places, one)]
        try:
            answers = await asyncio.wait_for(node.ask(asks), TRACE_TIMEOUT_S * len(some))
        except (NodeFailure, TimeoutError):
            tracing.record(understood=False)
            continue
        found |= await _settled(node, places, some, answers)
    return found


async def _settled(
    node: Node, places: frozenset[SlotWord], headers: Sequence[Header], answers: Sequence[Any]
) -> Writes:
    """Read the writes in the answers. If the node does not know the trace method, try the next method at once."""
    method = node.limits.tracing.method
    found = _understood(node, places, headers, answers)
    if method is not node.limits.tracing.method:
        found |= await _several(node, places, [one for one in headers if one.hash not in found])
    return found


def _understood(node: Node, places: frozenset[SlotWord], headers: Sequence[Header], answers: Sequence[Any]) -> Writes:
    """Read the writes in the answers, and record which trace method the node supports."""
    found: Writes = {}
    tracing = node.limits.tracing
    method, each = tracing.method, len(answers) // len(headers)
    for at, header in enumerate(headers):
        mine = answers[at * each : (at + 1) * each]
        writes = writes_of(method, places, header, mine)
        if writes is not None:
            found[header.hash] = writes
        if tracing.method is not method:
            continue
        if writes is None and is_unsupported(method, mine[0]):
            tracing.downgrade()
        else:
            tracing.record(understood=writes is not None)
    return found
