"""Runs random schedules of honest and lying providers of several endpoints: no lie is believed, no honest node is named."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

from chain.blocks.block import Header, Log
from chain.events.network import NodeFaultKind
from chain.nodes.group import NodeGroup
from chain.nodes.log_quorum import judge, with_receipts
from chain.nodes.voices import majority, voices
from chain.rpc.messages import Ask
from tests.chain.builders import address, header, log, topic
from tests.chain.following import LOCAL
from tests.chain.simulated import Chain, SimulatedNode, Ticking

SCHEDULES = 1000
ACCUSED = frozenset({NodeFaultKind.FORKED, NodeFaultKind.FORGED, NodeFaultKind.TRUNCATED, NodeFaultKind.BEHIND})


def test_a_provider_has_one_voice_and_its_endpoints_share_it() -> None:
    providers = {"a1": "a", "a2": "a", "b": "b"}
    assert voices({"a1": "x", "a2": "x", "b": "y"}, providers) == {"x": 1, "y": 1}
    assert voices({"a1": "x", "a2": "y", "b": "y"}, providers) == {"x": Fraction(1, 2), "y": Fraction(3, 2)}
    assert voices({"c": "x", "d": "x"}, providers) == {"x": 2}, "a node of no named provider is its own"
    assert majority({"a1": "x", "a2": "x", "b": "y"}, providers) is None
    assert majority({"a1": "x", "a2": "y", "b": "y"}, providers) is None, "who contradicts himself has no voice"
    assert majority({"a1": "y", "a2": "y", "b": "y", "c": "x"}, providers) == "y"


def test_a_node_that_leaves_out_of_its_logs_what_its_receipts_show_is_at_fault() -> None:
    one, two = log(address(1), topic(1)), log(address(1), topic(2), index=1)
    found, faults = with_receipts({"a": (two,), "b": (one, two), "c": (two,)}, {"a": (one,), "b": (two,)})
    assert found == {"a": (one, two), "b": (one, two), "c": (two,)}
    assert faults == {"a": NodeFaultKind.TRUNCATED}


@dataclass(frozen=True, slots=True)
class Reported:
    """What nodes say of one block. `lies`: the endpoints whose logs are not the true ones."""

    truth: frozenset[Log]
    logs: dict[str, tuple[Log, ...]]
    providers: dict[str, str]
    lies: frozenset[str]


def told(dice: random.Random, honest: int) -> Reported:
    """One liar of one to three endpoints among `honest` providers of one or two."""
    some = [log(address(dice.randrange(3)), topic(dice.randrange(4)), index=at) for at in range(dice.randrange(5))]
    logs: dict[str, tuple[Log, ...]] = {}
    providers: dict[str, str] = {}
    for provider in range(honest):
        for at in range(dice.randint(1, 2)):
            logs[f"h{provider}{at}"] = tuple(some)
            providers[f"h{provider}{at}"] = f"honest{provider}"
    lie = falsified(dice, some)
    for at in range(dice.randint(1, 3)):
        logs[f"liar{at}"] = lie if dice.random() < 0.7 else falsified(dice, some)
        providers[f"liar{at}"] = "liar"
    names = list(logs)
    dice.shuffle(names)
    lies = frozenset(name for name in names if set(logs[name]) != set(some))
    return Reported(frozenset(some), {name: logs[name] for name in names}, providers, lies)


def falsified(dice: random.Random, some: list[Log]) -> tuple[Log, ...]:
    kept = [one for one in some if dice.random() < 0.6]
    return (*kept, *(log(address(9), topic(9), index=10 + at) for at in range(dice.randrange(3))))


def test_two_honest_providers_outvote_a_liar_of_any_number_of_endpoints_and_only_the_liar_is_named() -> None:
    dice = random.Random(1)
    for _ in range(SCHEDULES):
        case = told(dice, honest=2)
        found = judge(header(1), case.logs, case.providers)
        assert set(found.logs) == case.truth
        assert set(found.faults) == case.lies
        assert not found.disputed


def test_the_lie_of_one_provider_against_one_honest_one_is_never_believed_and_nobody_is_named() -> None:
    dice = random.Random(2)
    lies = 0
    for _ in range(SCHEDULES):
        case = told(dice, honest=1)
        found = judge(header(1), case.logs, case.providers)
        lies += bool(case.lies)
        assert not found.faults.keys() - case.lies, "no honest node"
        assert set(found.logs) - found.disputed <= case.truth
        assert case.truth <= set(found.logs)
        if all(name in case.lies for name, provider in case.providers.items() if provider == "liar"):
            assert found.faults == {}
    assert lies > SCHEDULES / 2


@dataclass(slots=True)
class Town:
    """Honest nodes that see the chain a little late, and a liar's endpoints on a chain of its own."""

    dice: random.Random
    chain: Chain
    honest: list[SimulatedNode] = field(default_factory=list)
    liars: list[SimulatedNode] = field(default_factory=list)
    true_hashes: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)

    def go_on(self) -> None:
        """Some blocks, or a natural fork of one block; each honest node sees it now or at the next check."""
        dice = self.dice
        if dice.random() < 0.1:
            self.chain.reorg(1, 2)
        else:
            self.chain.grow(dice.choice((0, 1, 1, 2)))
        self.true_hashes |= {block.hash for block in self.chain.blocks}
        for node in self.honest:
            if node.name in self.late or dice.random() < 0.7:
                node.chain = snapshot(self.chain)
                self.late.discard(node.name)
            else:
                self.late.add(node.name)
        for node in self.liars:
            if node.chain is not self.chain:
                node.chain.grow(dice.choice((0, 1, 1, 2)))


def snapshot(chain: Chain) -> Chain:
    other = Chain.__new__(Chain)
    other.blocks, other.by_hash = list(chain.blocks), dict(chain.by_hash)
    return other


def boasting(ask: Ask, answer: Any) -> Any:
    if ask == ("eth_getBlockByNumber", ["latest", False]):
        return {**answer, "number": "0xffff", "hash": topic(77), "parentHash": topic(76)}
    return answer


def town_of(seed: int, honest: int) -> Town:
    dice = random.Random(seed)
    chain = Chain(seed)
    chain.grow(10)
    town = Town(dice, chain, true_hashes={block.hash for block in chain.blocks})
    for provider in range(honest):
        town.honest += [
            SimulatedNode(f"h{provider}{at}", snapshot(chain), party=f"honest{provider}")
            for at in range(dice.randint(1, 2))
        ]
    own, twist = chain, None
    kind = dice.choice(("fork", "extension", "boast"))
    if kind == "boast":
        twist = boasting
    else:
        own = chain.copy()
        if kind == "fork":
            own.reorg(dice.randint(1, 5), dice.randint(0, 5))
    for at in range(dice.randint(1, 3)):
        node = SimulatedNode(f"liar{at}", own, party="liar")
        node.twist = twist or node.twist
        town.liars.append(node)
    return town


async def checked(town: Town, group: NodeGroup, checks: int, seen: Callable[[str, Header], None]) -> set[str]:
    """Follows what the group believes for some checks; returns the accused nodes."""
    nodes = {node.name: node for node in (*town.honest, *town.liars)}
    window = {block.hash for block in town.chain.blocks}
    tip: Header | None = None
    accused: set[str] = set()
    for _ in range(checks):
        found = await group.head(lambda one, window=window: one.hash in window, tip)  # type: ignore[misc]
        accused |= {fault.node for fault in group.take_faults() if fault.fault in ACCUSED}
        if found is not None and found[1].hash in nodes[found[0]].chain.by_hash:
            name, tip = found
            window = {block.hash for block in nodes[name].chain.blocks[: tip.number + 1]}
            seen(name, tip)
        town.go_on()
    return accused


async def two_honest(seeds: range) -> None:
    named = forks = 0
    for seed in seeds:
        town = town_of(seed, honest=2)
        nodes = [*town.honest, *town.liars]
        town.dice.shuffle(nodes)

        def true(name: str, head: Header, known: set[str] = town.true_hashes) -> None:
            assert head.hash in known, f"followed a block of {name}"

        accused = await checked(town, NodeGroup(LOCAL.id, nodes, Ticking(0.05)), 12, true)
        assert not accused & {node.name for node in town.honest}
        if all(node.twist is not boasting for node in town.liars):
            forks += 1
            named += accused == {node.name for node in town.liars}
    assert (named, forks > 0) == (forks, True)


async def one_honest(seeds: range) -> None:
    for seed in seeds:
        town = town_of(seed, honest=1)
        nodes = [*town.honest, *town.liars]
        town.dice.shuffle(nodes)
        group = NodeGroup(LOCAL.id, nodes, Ticking(0.05))

        def true(name: str, head: Header, known: set[str] = town.true_hashes, group: NodeGroup = group) -> None:
            assert head.hash in known or group.contested, f"believed a block of {name}"

        accused = await checked(town, group, 12, true)
        assert not accused & {node.name for node in town.honest}


async def test_no_chain_of_a_liar_is_followed_against_two_honest_providers_and_the_liar_alone_is_named() -> None:
    await two_honest(range(60))


async def test_one_honest_provider_is_never_named_and_no_lie_of_another_is_followed_as_certain() -> None:
    await one_honest(range(60))


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("schedules", [two_honest, one_honest])
async def test_in_a_thousand_random_schedules_no_honest_node_is_named_and_no_lie_believed(
    schedules: Callable[[range], Awaitable[None]],
) -> None:
    await schedules(range(60, 60 + SCHEDULES))
