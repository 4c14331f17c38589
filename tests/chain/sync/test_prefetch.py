"""Checks that a prefetched block equals a block read later: it is completed if more is wanted by then, or read again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chain.blocks.block import Block
from chain.blocks.reads import CodeHash, Reads, SlotWord
from chain.events.network import NodeFaultKind
from chain.nodes.group import NodeGroup
from chain.nodes.web3_node import Web3Node
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import header_ask
from chain.sync.prefetch import Prefetch, Wanted
from tests.chain.builders import START
from tests.chain.following import LOCAL
from tests.chain.metered import Meter, rented
from tests.chain.simulated import PROXY, SLOT, UPGRADED, Chain, SimulatedNode, Ticking

LOGS = Reads(addresses=frozenset({PROXY}), topics=frozenset({UPGRADED}))
ONE_SLOT = frozenset({SlotWord(PROXY, SLOT)})
SOME = replace(LOGS, state=ONE_SLOT, deferrable=ONE_SLOT)
MORE = replace(LOGS, state=ONE_SLOT | {CodeHash(PROXY)}, deferrable=ONE_SLOT | {CodeHash(PROXY)})
FEW = range(5, 25)


def reader(node: SimulatedNode, *, every_block: bool = False) -> Prefetch:
    nodes = NodeGroup(LOCAL.id, (node,), Ticking())
    return Prefetch(nodes, LOCAL.id, lambda: START, every_block=every_block)


def grown() -> SimulatedNode:
    chain = Chain(1)
    chain.grow(30)
    return SimulatedNode("one", chain)


async def at_once(wanted: Wanted, *, every_block: bool = False) -> list[Block]:
    return await reader(grown(), every_block=every_block).blocks(wanted)


@pytest.mark.parametrize("every_block", [False, True])
@pytest.mark.parametrize("begun", [SOME, MORE, LOGS])
@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(numbers=FEW, reads=SOME),
        Wanted(numbers=FEW, reads=MORE),
        Wanted(numbers=FEW, reads=MORE, grown=True),
        Wanted(numbers=range(5, 6), reads=MORE, grown=True),
        Wanted(numbers=FEW, reads=replace(MORE, deferrable=ONE_SLOT)),
        Wanted(numbers=FEW, reads=Reads(state=ONE_SLOT, deferrable=ONE_SLOT)),
    ],
)
async def test_the_same_blocks_are_returned_whatever_was_prefetched(
    begun: Reads, wanted: Wanted, every_block: bool
) -> None:
    ahead = reader(grown(), every_block=every_block)
    ahead.start(Wanted(numbers=wanted.numbers, reads=begun))
    assert await ahead.blocks(wanted) == await at_once(wanted, every_block=every_block)


async def test_a_stalled_head_costs_one_more_request_and_nothing_is_read_twice() -> None:
    node = grown()
    ahead = reader(node)
    ahead.start(Wanted(numbers=FEW, reads=SOME))
    await asyncio.sleep(0.01)
    before = node.requests
    await ahead.blocks(Wanted(numbers=FEW, reads=replace(SOME, probes=ONE_SLOT)))
    assert node.requests == before > 0
    ahead.start(Wanted(numbers=FEW, reads=SOME))
    await ahead.blocks(Wanted(numbers=FEW, reads=MORE, grown=True))
    assert node.requests == 2 * before + 1


async def test_a_prefetch_that_failed_or_was_cancelled_is_read_again() -> None:
    node, wanted = grown(), Wanted(numbers=FEW, reads=SOME)
    ahead = reader(node)
    node.fail = NodeFailure(NodeFaultKind.MALFORMED, "not itself today")
    ahead.start(wanted)
    with pytest.raises(NodeFailure):
        await ahead.blocks(wanted)
    node.fail = None
    assert await ahead.blocks(wanted) == await at_once(wanted)
    ahead.start(wanted)
    await ahead.cancel()
    assert await ahead.blocks(wanted) == await at_once(wanted)


async def test_nothing_is_prefetched_over_a_websocket() -> None:
    node = replace(grown(), pushes=True)
    reader(node).start(Wanted(numbers=FEW, reads=SOME))
    await asyncio.sleep(0.01)
    assert node.requests == 0


@pytest.mark.slow
async def test_requests_cancelled_at_any_moment_block_no_later_request() -> None:
    async with rented(lambda method, params: "0x1", Meter(), takes_s=0) as url:
        node = Web3Node(url, chain_id=1, timeout_s=5)
        node.limits.max_asks = 1  # several requests at the same time
        try:
            for turns in range(40):
                asking = asyncio.create_task(node.ask([header_ask(1)] * 6))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                assert await node.ask([header_ask(1)]) == ["0x1"]
        finally:
            await node.close()
