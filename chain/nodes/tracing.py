"""Asking a node for more than a block's logs and state, in the very batch of these, bounded, and never at the block's cost:
the writes inside blocks, and probes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from chain.blocks.block import Header, Write
from chain.blocks.reads import SlotWord
from chain.nodes.node import Node
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import Ask
from chain.rpc.storage_writes import MAX_TRACED, PATIENCE_S, Means, misses, writes_asks, writes_of

Writes = dict[str, tuple[Write, ...]]
"""By block hash; a block whose writes were not given is missing."""


async def answered_with(
    node: Node,
    asks: Sequence[Ask],
    places: frozenset[SlotWord],
    headers: Sequence[Header],
    probes: Sequence[Ask] = (),
) -> tuple[list[Any], list[Any], Writes]:
    """The answers, those to the probes, and all writes of these places in these blocks as far as the node gives them.

    Probes and the writes of one block are asked in the same request; if that takes too long or fails, what was asked is
    asked again without them. The writes of several blocks are asked after it. Raises NodeFailure where the node fails
    without them too.
    """
    tracing = node.traits.tracing
    wanted = headers if places and headers and tracing.asks(len(headers)) else ()
    more = writes_asks(tracing.means, places, wanted[0]) if len(wanted) == 1 else []
    if not more and not probes:
        return await node.ask(asks), [], await _several(node, places, wanted)
    try:
        answers = await asyncio.wait_for(node.ask([*asks, *probes, *more]), PATIENCE_S)
    except (NodeFailure, TimeoutError):
        answers = await node.ask(asks)
        if more and not probes:
            tracing.went(understood=False)
        return answers, [], await _several(node, places, wanted) if not more else {}
    told = answers[len(asks) : len(asks) + len(probes)]
    if more:
        writes = await _settled(node, places, wanted, answers[len(asks) + len(probes) :])
    else:
        writes = await _several(node, places, wanted)
    return answers[: len(asks)], told, writes


async def _several(node: Node, places: frozenset[SlotWord], headers: Sequence[Header]) -> Writes:
    found: Writes = {}
    tracing = node.traits.tracing
    for at in range(0, len(headers), MAX_TRACED):
        some = headers[at : at + MAX_TRACED]
        if tracing.means is Means.NONE:
            break
        asks = [ask for one in some for ask in writes_asks(tracing.means, places, one)]
        try:
            answers = await asyncio.wait_for(node.ask(asks), PATIENCE_S * len(some))
        except (NodeFailure, TimeoutError):
            tracing.went(understood=False)
            continue
        found |= await _settled(node, places, some, answers)
    return found


async def _settled(
    node: Node, places: frozenset[SlotWord], headers: Sequence[Header], answers: Sequence[Any]
) -> Writes:
    """What the answers say; where the node did not know what it was asked, it is asked at once for less."""
    means = node.traits.tracing.means
    found = _understood(node, places, headers, answers)
    if means is not node.traits.tracing.means:
        found |= await _several(node, places, [one for one in headers if one.hash not in found])
    return found


def _understood(node: Node, places: frozenset[SlotWord], headers: Sequence[Header], answers: Sequence[Any]) -> Writes:
    """What the answers say, and what they say of the node."""
    found: Writes = {}
    tracing = node.traits.tracing
    means, each = tracing.means, len(answers) // len(headers)
    for at, header in enumerate(headers):
        mine = answers[at * each : (at + 1) * each]
        writes = writes_of(means, places, header, mine)
        if writes is not None:
            found[header.hash] = writes
        if tracing.means is not means:
            continue
        if writes is None and misses(means, mine[0]):
            tracing.lesser()
        else:
            tracing.went(understood=writes is not None)
    return found
