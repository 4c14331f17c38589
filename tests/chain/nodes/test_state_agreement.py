"""Runs random schedules of a provider that lies about the state, asked first: no lie is believed, no honest node is named."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from chain.blocks.reads import AnyRead, CodeHash, SlotWord
from chain.events import ChainEvent
from chain.events.network import NodeFaultKind
from chain.events.upgrades import ContractUpgraded
from chain.nodes.state_agreement import FEW_PACKED, MAX_ASKED_AGAIN, MAX_UNPACKED, MAX_UNSETTLED, SHARES, StateVoices
from chain.rpc.messages import Ask
from tests.chain.builders import address, header
from tests.chain.nodes.test_nodes_disagreeing import faults, nothing_undone, through
from tests.chain.simulated import PROXY, SLOT, Chain, SimulatedNode
from tests.chain.sync.test_reorgs import followed, valid_events

SEEDS = range(4)
LATE = 2
"""Blocks until a hidden change is found where few answers are compared in each block: two blocks come at once."""


def lying(chain: Chain, lie: Callable[[int, int], int]) -> Callable[[Ask, Any], Any]:
    """Answers `lie(block, slot)` for the watched slot."""

    def twist(ask: Ask, answer: Any) -> Any:
        method, params = ask
        if (
            method == "eth_getStorageAt"
            and params[0] == PROXY
            and int(params[1], 16) == SLOT
            and isinstance(answer, str)
        ):
            return f"0x{lie(chain.by_hash[params[2]['blockHash']].number, int(answer, 16)):064x}"
        return answer

    return twist


def inventing(seed: int) -> Callable[[int, int], int]:
    return lambda number, slot: 0xBAD if random.Random(f"{seed} {number}").random() < 0.3 else slot


def upgrades(reported: Sequence[ChainEvent]) -> list[tuple[int, str | None, str]]:
    return [
        (event.place.block_number, event.old, event.new)
        for event in valid_events(list(reported))
        if isinstance(event, ContractUpgraded)
    ]


@pytest.mark.parametrize("seed", SEEDS)
async def test_of_three_providers_an_invented_change_is_not_told_and_the_liar_alone_is_named(seed: int) -> None:
    chain = Chain(seed, silent=0.5)
    liar = SimulatedNode("liar", chain, twist=lying(chain, inventing(seed)))
    reported = await through(chain, liar, SimulatedNode("one", chain), SimulatedNode("two", chain))
    assert upgrades(reported) == upgrades(await followed(chain))
    assert faults(reported) == {("liar", NodeFaultKind.FORGED)}
    assert not any(event.place.disputed for event in valid_events(reported))
    assert nothing_undone(reported)


@pytest.mark.parametrize("seed", SEEDS)
async def test_of_two_providers_an_invented_change_is_told_as_disputed_and_nobody_is_at_fault(seed: int) -> None:
    chain = Chain(seed, silent=0.5)
    liar = SimulatedNode("liar", chain, twist=lying(chain, inventing(seed)))
    reported = await through(chain, liar, SimulatedNode("one", chain))
    lies = [
        event for event in valid_events(reported) if isinstance(event, ContractUpgraded) and int(event.new, 16) == 0xBAD
    ]
    assert lies
    assert all(event.place.disputed for event in lies)
    assert faults(reported) == {("liar", NodeFaultKind.DISPUTED), ("one", NodeFaultKind.DISPUTED)}


@pytest.mark.parametrize("honest", [1, 2])
async def test_a_change_that_the_first_node_hides_is_found_within_a_few_blocks(honest: int) -> None:
    chain = Chain(5)
    chain.grow(4, quiet=True)
    liar = SimulatedNode("liar", chain, twist=lying(chain, lambda number, slot: 1))
    nodes = [SimulatedNode(f"honest{at}", chain) for at in range(honest)]
    hidden: list[int] = []

    def grow(blocks: int) -> None:
        Chain.grow(chain, blocks, quiet=bool(hidden))
        hidden.extend(one.number for one in chain.blocks[-blocks:] if one.slot != 1 and not hidden)

    chain._silent = 1.0
    chain.grow = grow  # type: ignore[assignment, method-assign]
    reported = await through(chain, liar, *nodes, rounds=16)
    found = [event for event in valid_events(reported) if isinstance(event, ContractUpgraded)]
    assert hidden
    assert found
    assert found[0].place.block_number <= hidden[0] + LATE
    assert found[0].place.disputed is (honest == 1)
    fault = NodeFaultKind.FORGED if honest == 2 else NodeFaultKind.DISPUTED
    assert ("liar", fault) in faults(reported)
    if honest == 2:
        assert {node for node, _ in faults(reported)} == {"liar"}


async def test_a_logged_change_that_the_first_node_denies_is_told_in_its_block() -> None:
    chain = Chain(3, silent=0.0)
    liar = SimulatedNode("liar", chain, twist=lying(chain, lambda number, slot: 1))
    reported = await through(chain, liar, SimulatedNode("one", chain), SimulatedNode("two", chain))
    assert upgrades(reported) == upgrades(await followed(chain)) != []
    assert {node for node, _ in faults(reported)} == {"liar"}


READ, OTHER = SlotWord(address(1), 1), CodeHash(address(2))
PROVIDERS = {"a": "a", "b": "b", "c": "c"}


async def test_only_answers_that_are_new_or_changed_are_asked_of_a_second_provider() -> None:
    voices, asked = StateVoices(PROVIDERS), list[frozenset[AnyRead]]()
    one, two, three = header(1), header(2), header(3)

    async def others(
        doubts: Mapping[str, frozenset[AnyRead]], heard: Sequence[str], most: int
    ) -> Mapping[str, Mapping[str, Mapping[AnyRead, object]]]:
        asked.extend(doubts.values())
        return {"b": {block: {read: words[block][read] for read in reads} for block, reads in doubts.items()}}

    words: dict[str, dict[AnyRead, object]] = {
        one.hash: {READ: 1, OTHER: 5},
        two.hash: {READ: 1, OTHER: 5},
        three.hash: {READ: 2, OTHER: 5},
    }
    for run in ([one], [two], [three], [three]):
        found = await voices.agreed(run, {"a": {head.hash: words[head.hash] for head in run}}, others, lambda *_: False)
        assert (found.instead, found.disputed, found.faults) == ({}, {}, {})
    assert asked == [frozenset({READ, OTHER}), frozenset({READ})]


async def test_a_change_that_nobody_else_answers_for_counts() -> None:
    async def nobody(*_: object) -> Mapping[str, Mapping[str, Mapping[AnyRead, object]]]:
        return {}

    found = await StateVoices(PROVIDERS).agreed(
        [header(1)], {"a": {header(1).hash: {READ: 1}}}, nobody, lambda *_: False
    )
    assert (found.instead, found.disputed, found.faults) == ({}, {}, {})


Answers = Mapping[str, Mapping[str, Mapping[AnyRead, object]]]


class Others:
    """Answers of the other nodes by name and block; those that are late or leave a read out have none."""

    def __init__(self, words: dict[str, dict[str, object]]) -> None:
        self.words = words
        self.asked: list[tuple[str, ...]] = []

    async def __call__(self, doubts: Mapping[str, frozenset[AnyRead]], heard: Sequence[str], most: int) -> Answers:
        self.asked.append(tuple(doubts))
        names = [name for name in self.words if name not in heard][:most]
        return {
            name: {
                block: {read: self.words[name][block] for read in reads if block in self.words[name]}
                for block, reads in doubts.items()
            }
            for name in names
        }


async def agreed(voices: StateVoices, number: int, word: object, others: Others) -> tuple[object, bool, object]:
    """What is believed of a slot in a block, whether it is disputed, and who is at fault."""
    head = header(number)
    found = await voices.agreed([head], {"a": {head.hash: {READ: word}}}, others, lambda *_: False)
    return found.instead.get(head.hash, {}).get(READ, word), head.hash in found.disputed, dict(found.faults)


async def test_a_voice_that_comes_a_block_late_tells_who_was_at_fault() -> None:
    voices, first, second, third = StateVoices(PROVIDERS), header(1).hash, header(2).hash, header(3).hash
    others = Others({"b": {first: 1, second: 1, third: 1}, "c": {first: 1}})
    assert await agreed(voices, 1, 1, others) == (1, False, {})
    disputed = {("a", NodeFaultKind.DISPUTED): 2, ("b", NodeFaultKind.DISPUTED): 2}
    assert await agreed(voices, 2, 9, others) == (9, True, disputed)
    assert voices.unsettled() == (header(2),)
    others.words["c"] |= {second: 1, third: 1}
    assert await agreed(voices, 3, 1, others) == (1, False, {("a", NodeFaultKind.FORGED): 2})
    assert voices.unsettled() == ()


async def test_a_dispute_is_asked_about_a_few_times_and_only_of_those_who_gave_no_answer() -> None:
    voices = StateVoices(PROVIDERS)
    others = Others({"b": {header(at).hash: 1 for at in (1, 2)}})
    await agreed(voices, 1, 1, others)
    await agreed(voices, 2, 9, others)
    others.words = {"c": {}}
    others.asked.clear()
    for number in range(3, 3 + MAX_ASKED_AGAIN):
        assert voices.unsettled() == (header(2),)
        await voices.agreed([header(number)], {"a": {}}, others, lambda *_: False)
    assert others.asked == [(header(2).hash,)] * MAX_ASKED_AGAIN
    assert voices.unsettled() == ()


async def test_a_change_that_the_asked_providers_leave_out_counts_as_disputed_until_one_confirms_it() -> None:
    voices, first, second = StateVoices(PROVIDERS), header(1).hash, header(2).hash
    others = Others({"b": {first: 1}, "c": {first: 1}})
    assert await agreed(voices, 1, 1, others) == (1, False, {})
    assert await agreed(voices, 2, 9, others) == (9, True, {})
    others.words["c"][second] = 9
    voices = StateVoices(PROVIDERS)
    await agreed(voices, 1, 1, others)
    assert await agreed(voices, 2, 9, others) == (9, False, {}), "the third provider confirms it"


async def test_a_second_endpoint_of_the_same_provider_confirms_nothing() -> None:
    voices, first, second = StateVoices({"a": "x", "sister": "x", "b": "b"}), header(1), header(2)
    others = Others({"b": {first.hash: 1}})
    await agreed(voices, 1, 1, others)
    said: dict[str, dict[str, dict[AnyRead, object]]] = {name: {second.hash: {READ: 9}} for name in ("a", "sister")}
    found = await voices.agreed([second], said, others, lambda *_: False)
    assert READ.address in found.disputed[second.hash]


async def test_disputes_that_are_remembered_have_a_bound() -> None:
    voices = StateVoices({"a": "a", "b": "b"})
    reads = [SlotWord(address(at), 1) for at in range(MAX_UNSETTLED + 5)]
    head = header(1)

    async def denied(doubts: Mapping[str, frozenset[AnyRead]], *_: object) -> Answers:
        return {"b": {block: dict.fromkeys(some, 2) for block, some in doubts.items()}}

    await voices.agreed([head], {"a": {head.hash: dict.fromkeys(reads, 1)}}, denied, lambda *_: False)
    assert len(voices._unsettled) == MAX_UNSETTLED


def test_every_read_is_compared_in_turn_and_few_where_each_is_a_request_of_its_own() -> None:
    reads = frozenset[AnyRead](SlotWord(address(at), 1) for at in range(10_000))
    voices = StateVoices(PROVIDERS)
    compared = [voices.share(reads, packs=True) for _ in range(SHARES)]
    assert frozenset[AnyRead]().union(*compared) == reads
    assert all(len(some) == len(reads) / SHARES for some in compared)
    assert len(voices.share(reads, packs=False)) == MAX_UNPACKED
    few = frozenset(sorted(reads, key=repr)[:FEW_PACKED])
    assert voices.share(few, packs=True) == few, "few are compared in every block"
    few = frozenset(sorted(reads, key=repr)[:MAX_UNPACKED])
    assert voices.share(few, packs=False) == few
    assert voices.share(frozenset(), packs=True) == frozenset()
