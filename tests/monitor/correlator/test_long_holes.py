"""Tests of long holes in what was heard: incidents end as unknown in the right second, and what cannot change is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from monitor.correlator import Correlator, sequencer
from monitor.correlator.active_evidence import ActiveEvidence
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.sequencer import SETTLED_AFTER_S, Sequencer
from monitor.incidents import ChangeKind, Evidence, IncidentChange, IncidentState, Leg
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.alerting.sinks.changes import evidence
from tests.monitor.correlator.storm import DRILL, START, Story, at
from tests.monitor.correlator.test_event_order import complete_ones, flushed, released
from tests.monitor.correlator.test_fault_attribution import ask, rounds

HOLE_S = 7200
HELD = replace(DRILL, held_blind_max_s=600)
LEAVES_S = HELD.leave_after_s + HELD.held_blind_max_s


def later(signals: Sequence[Signal], seconds: float) -> list[Signal]:
    """The same signals that much later, numbered on."""
    by = timedelta(seconds=seconds)
    return [
        msgspec.structs.replace(
            one, event_time=one.event_time + by, received_at=one.received_at + by, seq=one.seq + 100_000
        )
        for one in signals
    ]


def story(lasts_s: int) -> Story:
    return Story(lasts_s).trouble(30, lasts_s, "alpha", "beta").surge(35, lasts_s).upgrade(45)


STORM_THEN_HOLE = [*story(70).signals(), *later(story(120).signals(), HOLE_S)]


def judged(signals: Sequence[Signal]) -> tuple[list[IncidentChange], Correlator, int]:
    """The changes, the correlator, and how many seconds were assessed."""
    correlator, seconds = Correlator(HELD), 0
    changes: list[IncidentChange] = []
    assess = correlator._assess

    def counted(second: sequencer.Second) -> list[IncidentChange]:
        nonlocal seconds
        seconds += 1
        return assess(second)

    correlator._assess = counted  # type: ignore[method-assign]
    for one in signals:
        changes += correlator.on_signal(one)
    return [*changes, *correlator.finish()], correlator, seconds


@pytest.mark.slow
def test_hours_with_nothing_heard_gives_the_same_log_whether_its_seconds_are_skipped_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skipping, first, few = judged(STORM_THEN_HOLE)
    monkeypatch.setattr(sequencer, "SETTLED_AFTER_S", 10 * HOLE_S)
    every, second, many = judged(STORM_THEN_HOLE)
    assert first.digest() == second.digest()
    assert skipping == every
    assert first.verdicts() == second.verdicts()
    assert many > HOLE_S
    assert few < SETTLED_AFTER_S + LEAVES_S + 400


def test_an_incident_that_was_open_before_hours_of_silence_ends_as_unknown_in_its_second() -> None:
    changes, _, _ = judged(STORM_THEN_HOLE)
    mine = [one for one in changes if one.scope == "asset:BTC"]
    held = next(one for one in mine if one.kind is ChangeKind.HELD_BLIND)
    ended = mine[mine.index(held) + 1]
    assert ended.kind is ChangeKind.ENDED_UNKNOWN
    assert ended.incident_id == held.incident_id == mine[0].incident_id
    assert ended.at == held.at + timedelta(seconds=HELD.held_blind_max_s)
    assert mine[mine.index(ended) + 1].incident_id != ended.incident_id


def test_after_a_hole_every_second_is_judged_again() -> None:
    _, correlator, _ = judged(STORM_THEN_HOLE)
    assert correlator.verdicts()["BTC"].at >= at(HOLE_S + 119)
    assert [one.scope for one in correlator.open_incidents() if one.scope == "asset:BTC"] == ["asset:BTC"]


def signal_at(second: float, number: int) -> Signal:
    return Signal(SignalKind.TICK, Subject(), at(second), at(second), "clock", number, 0.0)


@pytest.mark.parametrize(
    ("settled", "count"), [(True, SETTLED_AFTER_S + 4 + (10_000 - SETTLED_AFTER_S - 4) % 60), (False, 10_000)]
)
def test_the_rest_of_a_hole_is_skipped_only_when_it_is_settled(count: int, *, settled: bool) -> None:
    one = Sequencer(3.0)
    released(one, signal_at(0.5, 1))
    one.push(signal_at(10_000.5, 2))
    seconds = complete_ones(one, settled=settled)
    assert len(seconds) == count
    last = flushed(one)
    assert [second.end_s for second in last] == [int(START.timestamp()) + 10_000 - shift for shift in (2, 1, 0, -1)]


def fact(at_s: float, subject: Subject, leg: Leg) -> Evidence:
    return evidence(at=at(at_s), subject=subject, leg=leg, id=str(subject))


@pytest.mark.parametrize(
    ("subject", "leg", "steady"),
    [
        (Subject(asset="BTC"), Leg.MIGRATION, True),
        (Subject(asset="BTC"), Leg.LIQUIDATION, False),
        (Subject(asset="ETH"), Leg.MIGRATION, False),
        (Subject(venue="alpha"), Leg.VENUE, False),
    ],
)
def test_fresh_evidence_is_steady_only_about_a_watched_leg_of_an_asset(
    subject: Subject, leg: Leg, *, steady: bool
) -> None:
    coverage = Coverage()
    expect = Signal(
        SignalKind.EXPECT, Subject(asset="BTC"), at(0), at(0), "ethereum/chain", 1, 6.0, {"leg": "migration"}
    )
    coverage.on_signal(expect, at(0).timestamp())
    board = ActiveEvidence(coverage)
    board.put(fact(100, subject, leg))
    assert board.steady(at(99).timestamp()) is steady
    assert board.steady(at(100).timestamp())


def test_coverage_is_dark_only_when_every_source_is_idle_and_faded() -> None:
    coverage = Coverage()
    for name, gap_s in (("alpha/book_ws", 1.0), ("beta/book_ws", 10.0)):
        expect = Signal(SignalKind.EXPECT, Subject(asset="BTC"), at(0), at(0), name, 1, gap_s, {"leg": "venue"})
        coverage.on_signal(expect, at(0).timestamp())
    assert not coverage.dark(at(300).timestamp())
    coverage.idle_changes(at(300).timestamp(), 3.0)
    assert not coverage.dark(at(200).timestamp())
    assert coverage.dark(at(300).timestamp())


def local() -> Attribution:
    one = Attribution(HELD)
    rounds(one, "abxyz")
    assert one.on_second(at(2).timestamp()) == [("home", True)]
    return one


def test_a_failure_of_our_own_network_is_not_over_while_nothing_is_asked() -> None:
    one = local()
    assert one.on_second(at(300).timestamp()) == []
    for name in "abxyz":
        ask(one, 301, name, "ok")
    assert one.on_second(at(302).timestamp()) == [("home", False)]


def test_a_failure_of_our_own_network_is_given_up_when_nothing_is_asked_for_as_long_as_an_incident_is_held() -> None:
    one = local()
    over_s = 2 + HELD.local_cooldown_s + HELD.held_blind_max_s
    assert one.on_second(at(over_s - 1).timestamp()) == []
    assert one.on_second(at(over_s).timestamp()) == [("home", False)]


def test_our_own_network_down_before_hours_of_silence_ends_as_unknown_and_not_as_answering() -> None:
    signals = [*Story(60).network_down(20, 60).signals(), *later(Story(60).signals(), HOLE_S)]
    changes, _, seconds = judged(signals)
    own = [one for one in changes if one.scope == "vantage:home"]
    assert [(one.kind, one.state) for one in own] == [
        (ChangeKind.OPENED, IncidentState.OPEN), (ChangeKind.ENDED_UNKNOWN, IncidentState.ENDED_UNKNOWN),
    ]  # fmt: skip
    assert own[1].headline == ("LOCAL home: nothing was asked for too long; whether our own network is back is unknown")
    assert seconds < HOLE_S / 2
