"""Checks that a method which only probes use is tried with a few probes first, and asked for no more where a node lacks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CodeHash, TouchedState
from chain.nodes import optional_methods
from chain.rpc.errors import Refusal
from chain.rpc.messages import Ask
from tests.chain.builders import address, header
from tests.chain.simulated import Chain, SimulatedNode

PROBES: frozenset[AnyRead] = frozenset(TouchedState(address(at), UNKNOWN_FUNCTION) for at in range(1, 21))


class Answering(SimulatedNode):
    """Answers each request with one answer."""

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        self.asked += asks
        return [Refusal(-32601, "no such method") if self.lag else {"accessList": []} for _ in asks]


async def test_a_node_that_lacks_a_method_is_asked_for_it_three_times_and_then_no_more() -> None:
    node, code = Answering("one", Chain(1), lag=1), CodeHash(address(1))
    await optional_methods.learn(node, header(1), PROBES | {code})
    assert [method for method, _ in node.asked] == ["eth_createAccessList"] * 3
    await optional_methods.learn(node, header(2), PROBES)
    assert len(node.asked) == 3
    assert optional_methods.asked_of(node, PROBES | {code}) == {code}


async def test_a_node_that_has_the_method_is_asked_for_every_probe() -> None:
    node = Answering("one", Chain(1))
    await optional_methods.learn(node, header(1), PROBES)
    assert optional_methods.asked_of(node, PROBES) == PROBES


async def test_a_few_probes_are_not_tried_first() -> None:
    node = Answering("one", Chain(1), lag=1)
    await optional_methods.learn(node, header(1), frozenset(list(PROBES)[:16]))
    assert node.asked == []
