"""Whom an address delegates to, from the answers of an inspection: by traces, by sentinels, or not known."""

from __future__ import annotations

from chain.behaviour.declared import Finding
from chain.blocks.delegates import Delegate
from chain.blocks.reads import AnyRead, RunsOneOf, SlotWord, StateRead, TouchedState, TracedDelegates
from chain.events import Address, ProbedBy
from chain.inspection.delegation import first_reads, judged, next_reads
from tests.chain.builders import address

AT, NAMED, HIDDEN = address(0xA0), address(0x100001), address(0x100002)


def traces(*targets: Address) -> dict[AnyRead, object]:
    """The answers of a node with traces: each call of the first batch went to these targets."""
    delegates = tuple(Delegate(one) for one in targets)
    return {one: delegates for one in first_reads(AT) if isinstance(one, TracedDelegates)}


def touched(slot: int) -> dict[AnyRead, object]:
    """The access list of the last call: this slot of the address, and another account."""
    first = sorted((one for one in first_reads(AT) if isinstance(one, TouchedState)), key=lambda one: one.traced)
    return {first[0]: ((AT, (slot,)), (HIDDEN, ()))}


def test_the_first_batch_asks_for_traces_and_for_what_a_call_touches() -> None:
    asked = first_reads(AT)

    assert {type(one) for one in asked} == {TouchedState, TracedDelegates}
    assert {one.traced for one in asked if isinstance(one, TouchedState)} == {True, False}
    assert {one.address for one in asked} == {AT}


def test_with_traces_the_second_batch_reads_only_the_slots_that_were_touched() -> None:
    assert next_reads(AT, [NAMED], StateRead({**traces(NAMED), **touched(7)})) == {SlotWord(AT, 7)}


def test_without_traces_sentinels_are_asked_for_in_place_of_what_is_named_and_touched() -> None:
    asked = next_reads(AT, [NAMED], StateRead(touched(7)))
    sentinels = [one for one in asked if isinstance(one, RunsOneOf)]

    assert SlotWord(AT, 7) in asked
    assert sentinels
    assert {one.targets for one in sentinels} == {(NAMED, HIDDEN)}


def test_without_any_target_no_sentinel_is_asked_for() -> None:
    assert next_reads(AT, [], StateRead({})) == set()


def test_no_answer_leaves_it_unknown() -> None:
    found = judged(AT, [NAMED], StateRead({}))

    assert (found.verdict, found.target, found.probed_by, found.probes) == (Finding.UNKNOWN, None, None, 0)


def test_calls_that_reach_the_named_target_are_as_declared() -> None:
    found = judged(AT, [NAMED], StateRead(traces(NAMED)))

    assert (found.verdict, found.target, found.probed_by) == (Finding.KEPT, None, ProbedBy.TRACE)


def test_calls_that_reach_another_target_than_named_show_it_and_the_slot_that_holds_it() -> None:
    state = StateRead({**traces(HIDDEN), **touched(7), SlotWord(AT, 7): int(HIDDEN, 16)})
    found = judged(AT, [NAMED], state)

    assert (found.verdict, found.target) == (Finding.BROKEN, HIDDEN)
    assert (found.slot_of, found.slot) == (AT, 7)


def test_where_no_slot_holds_the_other_target_none_is_named() -> None:
    found = judged(AT, [NAMED], StateRead(traces(HIDDEN)))

    assert (found.target, found.slot_of, found.slot) == (HIDDEN, None, None)


def test_sentinels_are_named_as_what_showed_it() -> None:
    sentinels = [one for one in next_reads(AT, [NAMED], StateRead(touched(7))) if isinstance(one, RunsOneOf)]
    shown: dict[AnyRead, object] = dict.fromkeys(sentinels, NAMED)
    found = judged(AT, [NAMED], StateRead({**touched(7), **shown}))

    assert (found.verdict, found.probed_by) == (Finding.KEPT, ProbedBy.SENTINEL)
