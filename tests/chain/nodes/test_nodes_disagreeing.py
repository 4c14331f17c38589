"""Follows several nodes, one of which lags, lies, omits data or is slow: it is reported and never causes a reorg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from chain.events import ChainEvent, PlacedEvent, Retracted
from chain.events.network import NodeFault, NodeFaultKind, Reorged
from chain.nodes.group import NodeGroup
from chain.nodes.health import NodeState
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask
from tests.chain.builders import START, topic
from tests.chain.following import LOCAL
from tests.chain.simulated import UPGRADED, Chain, SimulatedNode, Ticking
from tests.chain.sync.test_reorgs import at_head, followed, valid_events, watcher_of

Twist = Callable[[Ask, Any], Any]


async def through(chain: Chain, *nodes: SimulatedNode, rounds: int = 12) -> list[ChainEvent]:
    """Returns all events while the chain of the honest nodes grows."""
    reported: list[ChainEvent] = []
    async with asyncio.timeout(20), aclosing(watcher_of(*nodes).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if at_head(reported, chain):
                if rounds == 0:
                    break
                rounds -= 1
                chain.grow(2)
    return reported


def faults(reported: list[ChainEvent]) -> set[tuple[str, NodeFaultKind]]:
    return {(event.node, event.fault) for event in reported if isinstance(event, NodeFault)}


def undisputed(reported: list[ChainEvent]) -> list[PlacedEvent]:
    """The events that are valid in the end, as if nobody had disputed them."""
    return [replace(event, place=replace(event.place, disputed=False)) for event in valid_events(reported)]


def nothing_undone(reported: list[ChainEvent]) -> bool:
    return not any(isinstance(event, Reorged | Retracted) for event in reported)


async def test_of_three_nodes_the_one_on_its_own_chain_is_reported_and_causes_no_reorg() -> None:
    chain = Chain(1)
    chain.grow(10)
    own = chain.copy()
    own.reorg(4, 300)
    reported = await through(
        chain, SimulatedNode("liar", own), SimulatedNode("one", chain), SimulatedNode("two", chain, lag=1)
    )
    assert ("liar", NodeFaultKind.FORKED) in faults(reported)
    assert nothing_undone(reported)
    assert undisputed(reported) == valid_events(await followed(chain)), "only the newest block may lack a second voice"


async def test_of_two_nodes_the_one_that_leaves_our_canonical_chain_is_not_followed_and_nobody_is_accused() -> None:
    chain = Chain(2)
    chain.grow(10)
    turncoat = SimulatedNode("turncoat", chain)
    honest = SimulatedNode("honest", chain)
    own = chain.copy()
    own.reorg(3, 50)
    reported: list[ChainEvent] = []
    async with asyncio.timeout(20), aclosing(watcher_of(turncoat, honest).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if at_head(reported, chain):
                if len(chain.blocks) > 30:
                    break
                turncoat.chain = own
                chain.grow(2)
    assert faults(reported) == set()
    assert nothing_undone(reported)
    told = valid_events(reported)
    assert undisputed(reported) == valid_events(await followed(chain))
    assert all(event.place.disputed for event in told if event.place.block_number > 12), "one voice against one"
    assert not any(event.place.disputed for event in told if event.place.block_number < 11)


async def test_of_two_nodes_the_one_stuck_on_a_dead_fork_is_abandoned_in_the_end() -> None:
    chain = Chain(3)
    chain.grow(10)
    dead = chain.copy()
    reported: list[ChainEvent] = []
    nodes = SimulatedNode("stuck", dead), SimulatedNode("moving", chain)
    async with asyncio.timeout(20), aclosing(watcher_of(*nodes).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if at_head(reported, chain):
                if len(chain.blocks) > 40:
                    break
                if len(chain.blocks) > 20:
                    chain.grow(3)
                else:
                    chain.reorg(2, 12)
    assert [event.depth for event in reported if isinstance(event, Reorged)] == [2]
    assert faults(reported) == set(), "one voice against one"
    assert undisputed(reported) == valid_events(await followed(chain))


async def test_a_lagging_node_is_reported_once_and_not_read() -> None:
    chain = Chain(4)
    chain.grow(40)
    late = SimulatedNode("late", chain, lag=20)
    reported = await through(chain, late, SimulatedNode("one", chain))
    assert [(event.node, event.fault) for event in reported if isinstance(event, NodeFault)] == [
        ("late", NodeFaultKind.BEHIND)
    ]
    assert nothing_undone(reported)


async def test_a_head_that_does_not_exist_is_reported_and_the_other_nodes_continue() -> None:
    chain = Chain(5)
    chain.grow(10)

    def ahead(ask: Ask, answer: Any) -> Any:
        if ask == ("eth_getBlockByNumber", ["latest", False]):
            return {**answer, "number": "0xffff", "hash": topic(77), "parentHash": topic(76)}
        return answer

    reported = await through(
        chain, SimulatedNode("boaster", chain, twist=ahead), SimulatedNode("one", chain), SimulatedNode("two", chain)
    )
    assert ("boaster", NodeFaultKind.NULL_BLOCK) in faults(reported)
    assert {node for node, _ in faults(reported)} == {"boaster"}
    assert nothing_undone(reported)


async def test_a_node_that_returns_a_different_old_block_causes_no_reorg() -> None:
    chain = Chain(6)
    chain.grow(10)
    own = chain.copy()
    own.reorg(6, 6)

    def old_ones(ask: Ask, answer: Any) -> Any:
        method, params = ask
        if method == "eth_getBlockByNumber" and params[0] != "latest":
            at = int(params[0], 16)
            return own.blocks[at].header() if at < len(own.blocks) else answer
        return answer

    liar = SimulatedNode("liar", chain, twist=old_ones)
    one, two = SimulatedNode("one", chain), SimulatedNode("two", chain)
    reported = await followed(chain, watcher_of(one, two, liar))
    one.fail = NodeFailure(NodeFaultKind.UNREACHABLE, "")
    chain.grow(3)
    reported += await through(chain, liar, two, SimulatedNode("three", chain), rounds=4)
    assert nothing_undone(reported)


def left_out(ask: Ask, answer: Any) -> Any:
    return [] if ask[0] == "eth_getLogs" and isinstance(answer, list) else answer


def made_up(ask: Ask, answer: Any) -> Any:
    if ask[0] != "eth_getLogs" or not answer:
        return answer
    return [*answer, {**answer[-1], "topics": [UPGRADED, topic(0xBAD)], "logIndex": "0x9"}]


@pytest.mark.parametrize(("twist", "fault"), [(left_out, NodeFaultKind.TRUNCATED), (made_up, NodeFaultKind.FORGED)])
@pytest.mark.parametrize("honest", [0, 1, 2])
async def test_omitted_or_invented_logs_are_noticed_and_their_node_is_reported(
    twist: Twist, fault: NodeFaultKind, honest: int
) -> None:
    chain = Chain(7, silent=0)
    chain.grow(10)
    nodes = [SimulatedNode("liar", chain, twist=twist), *(SimulatedNode(f"n{at}", chain) for at in range(honest))]
    reported = await through(chain, *nodes)
    assert faults(reported) == {("liar", fault)}
    assert valid_events(reported) == valid_events(await followed(chain))


async def test_the_logs_of_a_node_without_receipts_cannot_be_checked_and_are_accepted() -> None:
    chain = Chain(8, silent=0)
    chain.grow(10)

    def poor(ask: Ask, answer: Any) -> Any:
        return Refusal(-32601, "no such method") if ask[0] == "eth_getBlockReceipts" else left_out(ask, answer)

    reported = await through(chain, SimulatedNode("one", chain, twist=poor))
    assert faults(reported) == set()
    assert valid_events(reported)  # the slots still show the changes


async def test_null_heads_are_reported() -> None:
    chain = Chain(9)
    node = SimulatedNode("none", chain, twist=lambda ask, answer: None)
    nodes = NodeGroup(LOCAL.id, [node], Ticking())
    assert await nodes.head(lambda _: False) is None
    [fault] = nodes.take_faults()
    assert fault.fault is NodeFaultKind.NULL_BLOCK


async def test_a_batch_that_is_too_large_is_sent_again_in_smaller_batches() -> None:
    chain = Chain(10)
    chain.grow(80)

    class Small(SimulatedNode):
        async def ask(self, asks: Any) -> list[Any]:
            if min(self.limits.max_asks, len(asks)) > 10:
                raise NodeFailure(NodeFaultKind.BATCH_LIMIT, "")
            return await SimulatedNode.ask(self, asks)

    node = Small("small", chain)
    reported = await through(chain, node, rounds=1)
    assert faults(reported) == {("small", NodeFaultKind.BATCH_LIMIT)}
    assert node.limits.max_asks <= 10
    assert valid_events(reported)


async def test_the_healthiest_node_is_asked_first() -> None:
    chain = Chain(11)
    names = ("erring", "slow", "fast", "late")
    nodes = {name: SimulatedNode(name, chain) for name in names}
    clock = Ticking(0)
    several = NodeGroup(LOCAL.id, list(nodes.values()), clock)
    states = {state.node.name: state for state in several._states}
    states["slow"].latency_s, states["fast"].latency_s = 0.4, 0.02
    states["erring"].errors, states["late"].behind = 0.5, True
    assert [one.node for one in several.health()] == ["fast", "slow", "erring", "late"]
    assert await several.first(_who) == "fast"


async def _who(node: Any) -> str:
    return str(node.name)


def test_a_node_that_asks_for_a_pause_gets_it_and_regains_its_score_slowly() -> None:
    state = NodeState(SimulatedNode("one", Chain(12)))
    state.failed(NodeFailure(NodeFaultKind.THROTTLED, "", rest_s=7), START)
    assert state.rest_until is not None
    assert (state.rest_until - START).total_seconds() == 7
    state.distrust()
    assert state.rank > NodeState(state.node, failures=1).rank
    for _ in range(20):
        state.succeeded(0.01)
    assert state.rank == NodeState(state.node, latency_s=0.01).rank
