"""Reading blocks whole: headers by number, then logs and state of a run of blocks in a few batched questions.

Logs are believed of as many nodes as the quorum asks for; a single node's are held against the block's bloom filter and,
where that speaks of logs that were not told, against the receipts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from chain import bloom
from chain.block import Block, CallNeed, Header, Need, Needs, address_of
from chain.detector import Watch, WatchedPool
from chain.events import NetworkId, NodeFaultKind
from chain.logs import Logs, pieces, settle
from chain.nodes import Nodes
from chain.opinions import Verdict, judge
from chain.packed import Packed, plan, unpack
from chain.rpc import (
    Ask,
    NodeFailure,
    header_ask,
    header_of,
    read_ask,
    read_of,
    receipts_ask,
    receipts_of,
)
from chain.source import Source

TOKEN0_CALL, TOKEN1_CALL = "0x0dfe1681", "0xd21220a7"
RECEIPTS = "receipts"

States = dict[str, dict[Need, int]]
"""Answers by block hash and need."""


async def headers(nodes: Nodes, numbers: Sequence[int]) -> list[Header]:
    """The headers of these numbers. Raises NodeFailure."""
    if not numbers:
        return []

    async def act(node: Source) -> list[Header]:
        answers = await node.ask([header_ask(number) for number in numbers])
        if None in answers:
            raise NodeFailure(NodeFaultKind.NULL_BLOCK, f"no block {numbers[answers.index(None)]}")
        found = [header_of(answer) for answer in answers]
        if any(one.number != number for one, number in zip(found, numbers, strict=True)):
            raise NodeFailure(NodeFaultKind.MALFORMED, "another block than asked for")
        for one, following in pairwise(found):
            if following.number == one.number + 1 and following.parent_hash != one.hash:
                raise NodeFailure(NodeFaultKind.FORKED, f"its block {following.number} does not follow its own")
        return found if nodes.blooms else [replace(one, bloom=None) for one in found]

    return await nodes.first(act, max(numbers))


async def blocks(
    nodes: Nodes,
    network: NetworkId,
    run: Sequence[Header],
    needs: Needs,
    clock: Callable[[], datetime],
    *,
    state_of: Sequence[Header],
) -> list[Block]:
    """These blocks, oldest first, with their logs, and the state of those in `state_of`. Raises NodeFailure."""

    async def act(node: Source) -> tuple[Source, Logs, States]:
        return node, *await _read(node, run, needs, state_of)

    async def logs_only(node: Source) -> Logs:
        return (await _read(node, run, needs, ()))[0]

    reaching = run[-1].number if run else 0
    wanted = nodes.quorum - 1 if needs.addresses else 0
    (node, logs, state), others = await asyncio.gather(
        nodes.first(act, reaching), nodes.witnesses(logs_only, reaching=reaching, after=1, most=wanted)
    )
    if needs.addresses:
        told = {node.name: logs} | {name: one for name, one in others.items() if name != node.name}
        if len(told) > 1 and any(one != logs for one in told.values()):
            told |= await nodes.witnesses(logs_only, reaching=reaching, after=1 + wanted, most=1)
        if len(told) == 1:
            told |= await _receipts(node, run, needs, logs)
        logs = _believed(nodes, run, told)
    return [
        Block(network=network, header=one, seen_at=clock(), logs=logs.get(one.hash, ()), state=state.get(one.hash, {}))
        for one in run
    ]


async def _read(node: Source, run: Sequence[Header], needs: Needs, state_of: Sequence[Header]) -> tuple[Logs, States]:
    """The logs and the state as this node tells them: nearly always in one request."""
    packed, plain = plan(needs.reads) if node.traits.packs else ((), tuple(sorted(needs.reads, key=repr)))
    asked = pieces(needs, run, node.traits)
    check = [header_ask(run[-1].number)] if asked else []
    state_asks: list[Ask] = [
        ask
        for one in state_of
        for ask in (*(some.ask(one) for some in packed), *(read_ask(need, one) for need in plain))
    ]
    answers = await node.ask([*(piece.ask() for piece in asked), *check, *state_asks])
    logs: Logs = {}
    if asked:
        if header_of(answers[len(asked)]).hash != run[-1].hash:
            raise NodeFailure(NodeFaultKind.BEHIND, "on another fork")
        logs = await settle(node, asked, answers[: len(asked)])
    return logs, await _state(node, state_of, packed, plain, answers[len(asked) + len(check) :])


async def _state(
    node: Source, state_of: Sequence[Header], packed: Sequence[Packed], plain: Sequence[Need], answers: Sequence[Any]
) -> States:
    """The words by block. What a packed call did not answer is asked once more by itself."""
    found: States = {}
    again: list[tuple[Header, Need]] = []
    each = len(packed) + len(plain)
    understood = not (packed and state_of)
    for at, one in enumerate(state_of):
        mine = answers[at * each : (at + 1) * each]
        words = found.setdefault(one.hash, {})
        for some, answer in zip(packed, mine[: len(packed)], strict=True):
            unpacked = unpack(some, answer)
            understood = understood or unpacked is not None
            words |= unpacked or {}
            again += [(one, need) for need in some.needs if need not in words]
        _put(words, zip(plain, mine[len(packed) :], strict=True))
    if packed and state_of:
        node.traits.packed(understood)
    if again:
        for (one, need), answer in zip(
            again, await node.ask([read_ask(need, one) for one, need in again]), strict=True
        ):
            _put(found[one.hash], [(need, answer)])
    return found


def _put(words: dict[Need, int], answers: Any) -> None:
    for need, answer in answers:
        word = read_of(need, answer)
        if word is not None:
            words[need] = word


async def _receipts(node: Source, run: Sequence[Header], needs: Needs, logs: Logs) -> dict[str, Logs]:
    """The logs once more from the receipts, where a bloom filter speaks of logs that were not told."""
    doubtful = [one for one in run if bloom.suspicious(one, needs, logs[one.hash])]
    if not doubtful:
        return {}
    try:
        answers = await node.ask([receipts_ask(one) for one in doubtful])
        found = {one.hash: receipts_of(answer, needs, one) for one, answer in zip(doubtful, answers, strict=True)}
    except NodeFailure:
        return {}  # many nodes have no such question: then there is nothing to hold the logs against
    return {RECEIPTS: logs | found}


def _believed(nodes: Nodes, run: Sequence[Header], told: Mapping[str, Logs]) -> Logs:
    believed: Logs = {}
    for one in run:
        verdict: Verdict = judge(one, {name: logs[one.hash] for name, logs in told.items()})
        believed[one.hash] = verdict.logs
        for name, fault in verdict.faults.items():
            nodes.accuse(name, fault, f"logs of block {one.number}")
    return believed


async def with_tokens(nodes: Nodes, watch: Watch, head: Header) -> Watch:
    """The watch with each pool's tokens, asked of the pools where not given; a pool that has none is left as it is."""
    bare = [pool for pool in watch.pools if not (pool.token0 and pool.token1)]
    if not bare:
        return watch
    needs = [CallNeed(pool.address, call) for pool in bare for call in (TOKEN0_CALL, TOKEN1_CALL)]

    async def act(node: Source) -> list[int | None]:
        answers = await node.ask([read_ask(need, head) for need in needs])
        return [read_of(need, answer) for need, answer in zip(needs, answers, strict=True)]

    words = await nodes.first(act)
    found: dict[str, WatchedPool] = {}
    for pool, token0, token1 in zip(bare, words[::2], words[1::2], strict=True):
        if token0 and token1:
            found[pool.address] = replace(pool, token0=address_of(token0), token1=address_of(token1))
    return replace(watch, pools=tuple(found.get(pool.address, pool) for pool in watch.pools))
