"""Tests of the gate before the correlator: signals that cannot be are refused, counted and change nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from chain.events import ControlChange
from monitor.correlator import Correlator, gate, sequencer
from monitor.correlator.gate import AGREE, LEAP_S, PAST_S, Gate, Refused
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from monitor.signals.chain_kinds import CONTROL_CHANGES
from monitor.signals.kinds import KINDS
from tests.monitor.correlator.hostile import hostile
from tests.monitor.correlator.storm import DRILL, Story, at

MANY: dict[str, Any] = {f"a{number}": 1 for number in range(201)}
VALUES = {SignalKind.BOOK, SignalKind.WALLET, SignalKind.VENUE_STATUS, SignalKind.FUNDING}
STORM = Story(90).trouble(30, 75).surge(40, 75).upgrade(50).signals()


def request(second: float, value: Any = 0.05, source: str = "alpha/server_time", **attributes: Any) -> Signal:
    return Signal(
        SignalKind.REQUEST, Subject(venue="alpha"), at(second), at(second), source, int(second), value, attributes
    )


def refused(*signals: Signal) -> dict[tuple[str, str], int]:
    own = Gate()
    for one in signals:
        list(own.take(one))
    return dict(own.refused)


@pytest.mark.parametrize("seed", range(6))
def test_no_signal_of_any_form_in_any_order_makes_the_correlator_raise(seed: int) -> None:
    chance, correlator, second = random.Random(seed), Correlator(DRILL), 0.0
    for number in range(300):
        second += chance.choice((0, 0, 0, 0.01, 0.2, 1))
        correlator.on_signal(hostile(chance, second, number))
    correlator.finish()
    assert Correlator.thaw(correlator.freeze()).refused == correlator.refused
    assert set(correlator.refused) <= {(kind.value, reason.value) for kind in SignalKind for reason in Refused}


@pytest.mark.parametrize("seed", range(2))
def test_refused_signals_change_neither_incidents_nor_digest(seed: int) -> None:
    chance = random.Random(seed)
    clean, dirty = Correlator(DRILL), Correlator(DRILL)
    for number, one in enumerate(STORM):
        clean.on_signal(one)
        dirty.on_signal(one)
        if chance.random() < 0.1:
            wrong = hostile(chance, number / 20, number)
            if refused(wrong):
                dirty.on_signal(wrong)
        if chance.random() < 0.01:  # fits its kind, but from a clock that is a day ahead of all others
            ahead = timedelta(days=1)
            dirty.on_signal(
                msgspec.structs.replace(one, received_at=one.received_at + ahead, event_time=one.event_time + ahead)
            )
    assert [one.incident_id for one in clean.finish()] == [one.incident_id for one in dirty.finish()]
    assert clean.digest() == dirty.digest()
    assert clean.verdicts() == dirty.verdicts()
    assert sum(dirty.refused.values()) > 50
    assert not clean.refused


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (request(1, float("nan")), Refused.VALUE),
        (request(1, float("inf")), Refused.VALUE),
        (request(1, -1.0), Refused.VALUE),
        (request(1, 1e31), Refused.VALUE),
        (request(1, True), Refused.VALUE),
        (request(1, "0.05"), Refused.VALUE),
        (request(1, outcome=float("nan")), Refused.ATTRIBUTE),
        (request(1, outcome=["ok"]), Refused.ATTRIBUTE),
        (request(1, outcome="x" * 20_001), Refused.ATTRIBUTE),
        (request(1, outcome=10**400), Refused.ATTRIBUTE),
        (request(1, **MANY), Refused.ATTRIBUTE),
        (request(1, source=""), Refused.NAME),
        (request(1, source="x" * 301), Refused.NAME),
        (msgspec.structs.replace(request(1), seq=1.5), Refused.NAME),
        (msgspec.structs.replace(request(1), subject=Subject(asset="B" * 301)), Refused.NAME),
        (msgspec.structs.replace(request(1), received_at=at(1).replace(tzinfo=None)), Refused.TIME),
        (msgspec.structs.replace(request(1), event_time=at(1).replace(tzinfo=None)), Refused.TIME),
        (msgspec.structs.replace(request(1), event_time=at(1).replace(year=1960)), Refused.TIME),
        (msgspec.structs.replace(request(1), received_at=at(1).replace(year=2300)), Refused.TIME),
        (msgspec.structs.replace(request(1), received_at=at(1).replace(year=1999)), Refused.TIME),
    ],
)
def test_what_cannot_be_is_refused_and_counted_by_kind_and_reason(wrong: Signal, reason: Refused) -> None:
    assert refused(wrong) == {("request", reason.value): 1}


def test_an_attributes_name_is_text() -> None:
    wrong: Any = {7: "ok"}
    assert refused(msgspec.structs.replace(request(1), attributes=wrong)) == {("request", "attribute"): 1}


@pytest.mark.parametrize(
    ("kind", "value", "attributes"),
    [
        (SignalKind.EXPECT, 1.0, {"leg": "weather"}),
        (SignalKind.EXPECT, 1.0, {"leg": "venue", "weight": -1.0}),
        (SignalKind.CUSTOM_EVENT, 1.0, {}),
        (SignalKind.CUSTOM_EVENT, 1.0, {"leg": "venue", "grade": 5}),
        (SignalKind.CONTROL_CHANGED, 1.0, {"change": "moved"}),
        (SignalKind.TOKEN_USE, 10.0, {"active": -5.0}),
        (SignalKind.TOKEN_USE, 10.0, {"active": "many"}),
        (SignalKind.OPEN_INTEREST, 1.0, {"base": -1.0}),
        (SignalKind.BOOK, -2.0, {}),
        (SignalKind.WALLET, 2.0, {}),
        (SignalKind.VENUE_STATUS, 3.0, {}),
        (SignalKind.FUNDING, 101.0, {}),
    ],
)
def test_a_kind_holds_what_is_declared_with_it(kind: SignalKind, value: float, attributes: dict[str, Any]) -> None:
    wrong = Signal(kind, Subject(asset="BTC", venue="alpha"), at(1), at(1), "alpha/x", 1, value, attributes)
    assert list(refused(wrong)) == [(kind.value, "value" if kind in VALUES else "attribute")]


def test_the_words_of_a_declaration_are_those_of_the_code_that_reads_them() -> None:
    assert {one.value for one in ControlChange} == CONTROL_CHANGES
    for kind in (SignalKind.EXPECT, SignalKind.CUSTOM_EVENT):
        assert KINDS[kind].words["leg"] - {None} == {leg.value for leg in Leg}


def test_one_clock_that_is_ahead_is_refused_and_the_others_go_on() -> None:
    own = Gate()
    taken = [one for second in (1, LEAP_S + 100, 2, 3) for one in own.take(request(second))]
    assert [one.seq for one in taken] == [1, 2, 3]
    assert own.refused == {("request", "future"): 1}


def test_a_signal_of_an_hour_ahead_is_taken_and_one_of_more_is_held() -> None:
    own = Gate()
    assert [one.seq for second in (0, 3600, 7201) for one in own.take(request(second))] == [0, 3600]


def test_after_hours_with_nothing_heard_all_signals_agree_and_none_is_lost() -> None:
    own = Gate()
    seconds = [1, *(LEAP_S + 100 + number for number in range(2 * AGREE))]
    taken = [one.seq for second in seconds for one in own.take(request(second))]
    assert taken == [int(second) for second in seconds]
    assert not own.refused
    few = Gate()
    assert [one.seq for second in (1, 9000, 9001) for one in few.take(request(second))] == [1]
    assert [one.seq for one in few.flush()] == [9000, 9001]


def test_a_signal_of_the_day_before_is_refused_and_one_of_an_hour_ago_is_late() -> None:
    own = Gate()
    seconds = (PAST_S + 10, 5, PAST_S - 3600)
    assert [one.seq for second in seconds for one in own.take(request(second))] == [PAST_S + 10, PAST_S - 3600]
    assert own.refused == {("request", "past"): 1}


def test_a_signal_that_is_sent_twice_is_judged_once() -> None:
    once, twice = Correlator(DRILL), Correlator(DRILL)
    for one in STORM:
        once.on_signal(one)
        twice.on_signal(one)
        twice.on_signal(msgspec.structs.replace(one))
    once.finish()
    twice.finish()
    assert once.digest() == twice.digest()
    assert once.verdicts() == twice.verdicts()
    assert sum(twice.refused.values()) == len(STORM)
    assert {reason for _, reason in twice.refused} == {"duplicate"}


def test_late_signals_of_a_clock_that_was_set_back_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "MAX_LATE", 10)
    correlator = Correlator(DRILL)
    for second in (0, 600, *(100 + number / 10 for number in range(30))):
        correlator.on_signal(request(second))
    assert correlator.late == 30
    assert correlator.refused == {("request", "late"): 20}


def test_a_source_that_floods_loses_what_is_too_much_and_no_other_source_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_A_SECOND", 10)
    own = Gate()
    for number in range(30):
        list(own.take(request(1 + number / 100)))
        list(own.take(request(1 + number / 100, source=f"beta/{number % 3}")))
    assert own.refused == {("request", "flood"): 20}
    assert len(list(own.take(request(2)))) == 1


@pytest.mark.parametrize("bound", ["MAX_SOURCES", "MAX_ASSETS"])
def test_new_names_beyond_the_bound_are_refused_and_known_ones_are_not(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, bound, 3)
    own = Gate()
    for number in (0, 1, 2, 3, 4, 0):
        name = f"N{number}"
        list(own.take(msgspec.structs.replace(request(1), source=name, subject=Subject(asset=name))))
    assert own.refused == {("request", "too_many"): 2}


def test_an_asset_that_trades_at_no_venue_has_a_verdict_and_no_stress() -> None:
    correlator = Correlator(DRILL)
    legs: dict[str, Any] = {"leg": "liquidation", "weight": 1.0}
    correlator.on_signal(
        Signal(SignalKind.EXPECT, Subject(asset="NOVENUE"), at(0), at(0), "x/liquidation", 1, 5.0, legs)
    )
    for one in Story(30).trouble(5, 30).signals():
        correlator.on_signal(one)
    verdict = correlator.verdicts()["NOVENUE"]
    assert [leg.evidence for leg in verdict.legs] == [-1.0, -1.0, -1.0]


def test_what_a_leap_held_back_is_judged_at_the_end() -> None:
    correlator = Correlator(DRILL)
    last = Story(20).signals()[-1]
    for one in Story(20).signals():
        correlator.on_signal(one)
    before = correlator.verdicts()["BTC"].at
    ahead = timedelta(seconds=LEAP_S + 100)
    correlator.on_signal(
        msgspec.structs.replace(last, event_time=last.event_time + ahead, received_at=last.received_at + ahead)
    )
    assert correlator.verdicts()["BTC"].at == before
    correlator.finish()
    assert correlator.verdicts()["BTC"].at > before + timedelta(seconds=LEAP_S)
    assert set(correlator.exits) == {"BTC"}
