"""Checks declared targets, the probe calls, and when a declaration is contradicted; all inputs are built by hand."""

from __future__ import annotations

import pytest

from chain.behaviour.declared import Declared, Finding, bodies, declared, holding, judge
from chain.blocks.delegates import Delegate
from chain.blocks.reads import AnyRead, CallBytes, CallWord, SlotWord, StateRead
from chain.events import Role
from tests.chain.builders import topic
from tests.chain.detectors.test_behaviour import BEACON, BEACON_SLOT, CLAIM, FORM, IMPLEMENTATION, A, B, C, P
from tests.chain.proxies.test_diamonds import FIRST, SECOND, table_body


def test_declared_targets_come_from_the_slots_beacons_and_tables_of_a_contract() -> None:
    via = next(where.read for where in FORM.via(Role.BEACON, BEACON))
    state: dict[AnyRead, object] = {CLAIM: int(A, 16), SlotWord(P, BEACON_SLOT): int(BEACON, 16)}
    assert declared(FORM, P, StateRead(state)).sure is False
    what = declared(FORM, P, StateRead({**state, via: int(B, 16), CallWord(P, IMPLEMENTATION): int(C, 16)}))
    assert what.slots | what.asked == {A, B, BEACON}
    assert what.sure
    assert what.getters == {IMPLEMENTATION: C}
    table = next(where.read for where in FORM.own_places(P) if isinstance(where.read, CallBytes))
    word = table_body({int(A, 16): (FIRST,), int(B, 16): (SECOND,)})
    what = declared(FORM, P, StateRead({table: word}))
    assert what.slots == {A, B}
    assert {body[:10] for body in bodies(what, topic(5), traced=True)} == {FIRST, SECOND}


def test_probe_calls_are_unrelated_and_unpredictable() -> None:
    what = Declared(getters={IMPLEMENTATION: A})
    assert len(bodies(what, topic(1 << 80), traced=False)) == 3
    assert bodies(what, topic(3 << 100), traced=True)[-1] == IMPLEMENTATION
    assert not {*bodies(what, topic(3 << 70), traced=False)} <= {*bodies(what, topic(5 << 70), traced=False)}


@pytest.mark.parametrize(
    ("what", "found", "verdict"),
    [
        (Declared(slots=frozenset({A})), {"1": [Delegate(A)], "2": []}, Finding.KEPT),
        (Declared(slots=frozenset({A})), {"1": [Delegate(C), Delegate(A)]}, Finding.KEPT),
        (Declared(slots=frozenset({A})), {"1": [], "2": []}, Finding.UNKNOWN),
        (Declared(slots=frozenset({A})), {"1": [Delegate(A)], "2": [Delegate(B)]}, Finding.BROKEN),
        (Declared(slots=frozenset({A}), sure=False), {"1": [Delegate(B)]}, Finding.UNKNOWN),
        (Declared(slots=frozenset({A}), account=True), {"1": [Delegate(B)]}, Finding.UNKNOWN),
        (Declared(slots=frozenset({A}), asked=frozenset({BEACON})), {"1": [Delegate(B, BEACON)]}, Finding.KEPT),
        (Declared(slots=frozenset({A}), getters={"g": B}), {"1": [Delegate(B)], "g": [Delegate(B)]}, Finding.BROKEN),
        (Declared(slots=frozenset({A}), getters={"g": B}), {"1": [Delegate(B)], "g": []}, Finding.KEPT),
        (Declared(slots=frozenset({A}), getters={"g": B}), {"1": [Delegate(B)]}, Finding.KEPT),
        (Declared(getters={"g": A}), {"1": [Delegate(B)], "2": [Delegate(B)], "g": []}, Finding.BROKEN),
        (Declared(getters={"g": A}), {"1": [Delegate(B)], "2": [Delegate(B)], "g": [Delegate(B)]}, Finding.CUSTOM),
        (Declared(getters={"g": A}), {"1": [Delegate(B)], "2": [Delegate(B)]}, Finding.UNKNOWN),
        (Declared(), {"1": [Delegate(B)], "2": [Delegate(C)], "3": [Delegate(B)]}, Finding.UNKNOWN),
        (Declared(), {"1": [Delegate(B)]}, Finding.UNKNOWN),
        (Declared(), {"1": [Delegate(B)], "2": [Delegate(B)]}, Finding.CUSTOM),
    ],
)
def test_only_a_delegation_to_another_contract_contradicts_the_declaration(
    what: Declared, found: dict[str, list[Delegate]], verdict: Finding
) -> None:
    assert judge(what, found).verdict is verdict


def test_the_slot_that_holds_a_target_is_found_at_any_offset_and_own_slots_come_first() -> None:
    words = {SlotWord(A, 1): int(B, 16), SlotWord(P, 9): int(B, 16) << 96 | 5, SlotWord(P, 3): 7}
    assert holding(words, B, [P]) == (SlotWord(P, 9), 96)
    assert holding(words, B, []) == (SlotWord(P, 9), 96)
    assert holding(words, B, [A]) == (SlotWord(A, 1), 0)
    assert holding(words, C, [P]) is None
