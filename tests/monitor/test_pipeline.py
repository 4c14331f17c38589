"""Tests of the pipeline: signals are judged in order and appended before their changes; observers see the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

import msgspec
import pytest

from chain.events import ChainEvent
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.pipeline import Origin, Pipeline
from monitor.signals import Signal, SignalKind
from probes.readings import EngineLag, Reading, SlotMissed, VenueId
from tests.monitor.alerting.sinks.changes import START, change, signal
from tests.monitor.telemetry.samples import upgrade

LAG = EngineLag(venue=VenueId("bybit"), feed="book_ws", instrument=None, received_at=START, lag_s=0.5)


@dataclass
class Seen:
    """Judge, recorder and output at once: lists the calls of each in one log."""

    log: list[object] = field(default_factory=list)
    at_the_end: tuple[IncidentChange, ...] = ()
    completed: list[datetime] = field(default_factory=list)
    mosts: list[float] = field(default_factory=list)
    behind: bool = False
    refused: dict[tuple[str, str], int] = field(default_factory=dict)

    def admit(self, given: Signal) -> Signal:
        return (
            msgspec.structs.replace(given, attributes={"ordered_at": 7}) if given.kind is SignalKind.FUNDING else given
        )

    def complete(self, now: datetime, most: float = inf) -> Sequence[IncidentChange]:
        self.completed.append(now)
        self.mosts.append(most)
        return self.at_the_end

    def on_signal(self, given: Signal, most: float = inf) -> Sequence[IncidentChange]:
        self.mosts.append(most)
        joins = given.attributes.get("ordered_at")
        self.log.append(("judged", given.seq) if joins is None else ("judged", given.seq, joins))
        return [change(given.seq)] if given.kind is SignalKind.LIQUIDATION else []

    def finish(self) -> Sequence[IncidentChange]:
        return self.at_the_end

    def record(self, reading: Reading) -> str | None:
        self.log.append(("recorded", reading))
        return "a:b"

    def record_chain(self, event: ChainEvent) -> str | None:
        self.log.append(("recorded", event))
        return "c:d"

    def signals(self, signals: Sequence[Signal]) -> None:
        self.log.append(("appended", [one.seq for one in signals]))

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        self.log.append(("appended", "changes", [one.revision for one in changes]))


class Observing:
    """An observer that writes into a shared list."""

    def __init__(self, name: str, log: list[object]) -> None:
        self.name = name
        self.log = log
        self.signals: list[Signal] = []

    def on_signals(self, signals: Sequence[Signal]) -> None:
        self.signals += signals
        self.log.append((self.name, [one.seq for one in signals]))

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        self.log.append((self.name, "changes", [one.revision for one in changes]))


def pipeline(seen: Seen) -> tuple[Pipeline, Observing, Observing]:
    """A pipeline with two observers, `a` and `b`."""
    observers = Observing("a", seen.log), Observing("b", seen.log)
    return Pipeline(Intake(vantage="here", assets=("BTC",)), seen, seen, seen, observers), *observers


def test_signals_are_judged_then_appended_then_their_changes_are_appended() -> None:
    seen = Seen()
    ours, _, _ = pipeline(seen)
    ours.take([signal(1), signal(2)])
    assert seen.log == [
        ("judged", 1), ("judged", 2), ("appended", [1, 2]), ("a", [1, 2]), ("b", [1, 2]),
        ("appended", "changes", [1, 2]), ("a", "changes", [1, 2]), ("b", "changes", [1, 2]),
    ]  # fmt: skip
    assert ours.heard == 2


def test_nothing_is_appended_or_observed_without_changes() -> None:
    seen = Seen()
    ours, _, _ = pipeline(seen)
    ours.take([signal(1, kind=SignalKind.REQUEST)])
    assert seen.log == [("judged", 1), ("appended", [1]), ("a", [1]), ("b", [1])]


def test_an_empty_list_of_signals_reports_nothing() -> None:
    seen = Seen()
    ours, _, _ = pipeline(seen)
    ours.take([])
    ours.finish()
    assert (seen.log, ours.heard) == ([], 0)


def test_changes_held_back_are_sent_at_the_end() -> None:
    seen = Seen(at_the_end=(change(7),))
    ours, _, _ = pipeline(seen)
    ours.finish()
    assert seen.log == [("appended", "changes", [7]), ("a", "changes", [7]), ("b", "changes", [7])]


def test_changes_of_a_completed_second_are_sent_without_a_signal() -> None:
    seen = Seen(at_the_end=(change(7),))
    ours, _, _ = pipeline(seen)
    ours.complete(START)
    assert seen.completed == [START]
    assert seen.log == [("appended", "changes", [7]), ("a", "changes", [7]), ("b", "changes", [7])]
    assert ours.heard == 0


def test_with_a_signal_few_of_complete_seconds_are_judged_and_a_call_says_whether_some_are_left() -> None:
    seen = Seen(behind=True)
    ours, _, _ = pipeline(seen)
    ours.take([signal(1)])
    assert 1 < seen.mosts.pop() <= 16, "more than one: judging keeps up"
    assert ours.complete(START, 100)
    seen.behind = False
    assert not ours.complete(START)
    assert seen.mosts == [100, inf]


def test_a_signal_is_judged_and_observed_as_it_was_admitted() -> None:
    seen = Seen()
    ours, first, _ = pipeline(seen)
    ours.take([signal(1, kind=SignalKind.FUNDING)])
    assert seen.log[0] == ("judged", 1, 7)
    assert [one.attributes for one in first.signals] == [{"ordered_at": 7}]
    assert ours.not_seen().late == 1, "it was stamped with a later second"


def test_a_reading_is_recorded_and_its_span_is_linked_to_its_signals() -> None:
    seen = Seen()
    ours, first, _ = pipeline(seen)
    ours.take_reading(LAG)
    assert seen.log[0] == ("recorded", LAG)
    ours.take_reading(
        SlotMissed(venue=LAG.venue, check="depth", instrument=None, scheduled_at=START, received_at=START, missed=3)
    )
    assert (ours.not_seen().missed, ours.not_seen().late) == ({f"{LAG.venue} depth": 3}, 0)
    (one, _) = first.signals
    assert (one.kind, one.value, one.link) == (SignalKind.ENGINE_LAG, 0.5, "a:b")


def test_a_chain_event_is_recorded_and_its_span_is_linked_to_its_signals() -> None:
    seen = Seen()
    ours, first, _ = pipeline(seen)
    event = upgrade()
    ours.take_event(event)
    assert seen.log[0] == ("recorded", event)
    assert [(one.kind, one.link) for one in first.signals] == [(SignalKind.UPGRADE, "c:d")]


def test_a_tick_is_a_signal_of_the_clock_and_is_remembered() -> None:
    seen = Seen()
    ours, first, _ = pipeline(seen)
    assert ours.last_tick is None
    for second in (1, 2):
        ours.tick(START + timedelta(seconds=second))
    assert ours.last_tick == START + timedelta(seconds=2)
    assert [(one.kind, one.source, one.received_at) for one in first.signals] == [
        (SignalKind.TICK, "clock", START + timedelta(seconds=second)) for second in (1, 2)
    ]
    assert ours.heard == 2


@pytest.mark.parametrize(("drill", "begins"), [(True, "DRILL: "), (False, "")])
def test_every_outlet_gets_changes_with_their_origin_and_a_drill_says_so(drill: bool, begins: str) -> None:
    seen = Seen(at_the_end=(change(7),))
    given: list[IncidentChange] = []
    observer = Observing("a", seen.log)
    observer.on_changes = given.extend  # type: ignore[method-assign,assignment]
    origin = Origin(vantage="tokyo", instance="watch-1", drill=drill)
    Pipeline(Intake(vantage="tokyo", assets=("BTC",)), seen, seen, seen, (observer,), origin).finish()
    [one] = given
    assert (one.vantage, one.instance, one.drill) == ("tokyo", "watch-1", drill)
    assert one.headline == begins + change(7).headline


def test_what_the_correlator_refuses_is_counted_from_the_start_of_this_process() -> None:
    seen = Seen(refused={("book", "value"): 2})
    under_test, *_ = pipeline(seen)
    assert under_test.not_seen().refused == {}
    seen.refused["book", "value"] = 5
    seen.refused["liquidation", "future"] = 1
    assert under_test.not_seen().refused == {"book value": 3, "liquidation future": 1}
    under_test.continue_with(Seen(refused={("book", "value"): 9}))
    assert under_test.not_seen().refused == {}
