"""Reads blocks from the nodes: headers by number, then the logs and the state of a run of blocks in a few batched requests.

As many providers as the quorum says must agree on the logs, and a second one on each change of the state. The logs of a single
provider are compared with the block's bloom filter and, if the filter shows logs that the node did not send, with the receipts.
The same request asks for writes inside blocks and for probes; both are bounded, and a block never fails because of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from chain.blocks.block import Block, Header, Write
from chain.blocks.reads import AnyRead, Probe, Reads, SlotWord, StateRead
from chain.events import NetworkId
from chain.events.network import NodeFaultKind
from chain.nodes import optional_methods
from chain.nodes.group import MAX_WITNESSES, NodeGroup
from chain.nodes.log_agreement import agreed_logs
from chain.nodes.log_quorum import Agreement
from chain.nodes.log_ranges import Logs, pieces, settle
from chain.nodes.node import Clock, Node
from chain.nodes.state_reads import ReadPlan, States, agreed_state, state_of
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import Ask, header_ask, header_of
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

    async def logs_and_share(node: Node) -> tuple[Logs, States]:
        share = Reads()
        if nodes.compares_state and run[-1] in wanted.state_of:
            share = _of_state(nodes.state_voices.share(reads.state, packs=node.limits.packs))
        reads_of = replace(
            reads, state=share.state, deferrable=share.deferrable, writes=frozenset(), probes=frozenset()
        )
        logs, state, _ = await _read(
            node, BlocksWanted(run=run, reads=reads_of, state_of=run[-1:] if share.state else ())
        )
        return logs, state

    reaching, contested = run[-1].number if run else 0, nodes.contested
    others_wanted = nodes.quorum - 1 if reads.addresses else 0
    (node, logs, state, writes), heard = await asyncio.gather(
        nodes.first(act, reaching), nodes.witnesses(logs_and_share, reaching=reaching, most=others_wanted)
    )
    others = {name: one for name, (one, _) in heard.items()}
    if notice := node.limits.tracing.notice() if wanted.traced_of else None:
        nodes.mention(node.name, NodeFaultKind.NO_TRACES, notice)
    agreed: dict[str, Agreement] = {}
    if reads.addresses:
        by_node = {node.name: logs} | {name: one for name, one in others.items() if name != node.name}
        if any(one != logs for one in by_node.values()):
            more = await nodes.witnesses(logs_and_share, reaching=reaching, most=MAX_WITNESSES, asked=by_node)
            by_node |= {name: one for name, (one, _) in more.items()}
            heard |= more
        agreed = await agreed_logs(nodes, run, reads, by_node)
    emitters = {block: {log.address for log in one.logs} for block, one in agreed.items()}
    state, disputed = await agreed_state(
        nodes,
        run,
        {node.name: state} | {name: one for name, (_, one) in heard.items() if name != node.name},
        lambda block, read: read.address in emitters.get(block, ()),
    )
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
            doubted=disputed.get(one.hash, frozenset()),
        )
        for one in run
    ]


def _of_state(reads: frozenset[AnyRead]) -> Reads:
    return Reads(state=reads, deferrable=reads)


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

    async def act(node: Node) -> tuple[str, States, Writes]:
        if node.limits.untried:
            await optional_methods.learn(node, some[-1][0].header, some[-1][1].state)
        plans = [ReadPlan.of(block.header, reads.state, node) for block, reads in some]
        asks = [ask for one in plans for ask in one.asks]
        answers = await node.ask(asks)
        node.limits.answered_optional(asks, answers)
        state = await state_of(node, plans, answers)
        traced = [block.header for block, reads in some if reads.writes]
        places = frozenset[SlotWord]().union(*(reads.writes for _, reads in some))
        return node.name, state, await _several(node, places, traced)

    run = [block.header for block, _ in some]
    name, state, writes = await nodes.first(act, max(one.number for one in run))
    state, disputed = await agreed_state(nodes, run, {name: state}, lambda *_: True)
    return [
        replace(
            block,
            checked=block.checked | state[block.header.hash],
            writes=writes.get(block.header.hash, block.writes),
            doubted=block.doubted | disputed.get(block.header.hash, frozenset()),
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
    state = await state_of(node, read_plans, answers[len(asked) + len(check) :])
    if batch:
        state.setdefault(run[-1].hash, StateRead()).update(batch.read(probed, node.limits.separate_probes))
    for one in [block for block, some in writes.items() if contradicts(some, state.get(block) or StateRead())]:
        del writes[one]
        node.limits.tracing.record(understood=False)
    return logs, state, writes


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
