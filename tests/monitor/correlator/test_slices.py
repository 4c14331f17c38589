"""Tests of judging in slices: a second of a storm is judged in many steps, and the incidents and the digest are the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.correlator import Correlator
from monitor.incidents import IncidentChange
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, Story, at
from tests.monitor.correlator.test_determinism import LOG, OUTCOME


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(0, len(LOG)))
@settings(max_examples=6, deadline=None)
def test_judging_in_slices_gives_the_same_incidents_also_when_saved_within_a_second(
    mosts: list[int], stop: int
) -> None:
    correlator = Correlator(DRILL)
    changes: list[IncidentChange] = []
    for index, signal in enumerate(LOG):
        changes += correlator.on_signal(signal, mosts[index % len(mosts)])
        if index == stop or (abs(index - stop) < 200 and correlator.behind and index % 40 == 0):
            correlator = Correlator.thaw(correlator.freeze())
    changes += correlator.finish()
    assert correlator.digest() == OUTCOME.correlator.digest()
    assert changes == OUTCOME.changes
    assert not correlator.behind


def storm_second(count: int) -> list[Signal]:
    """So many liquidations of one second, and a signal long after it."""
    subject = Subject(asset="BTC", venue="alpha", instrument="BTCUSDT")
    forced = [
        Signal(
            SignalKind.LIQUIDATION, subject, at(10.5), at(10.5), "alpha/liquidation", number, 1000.0, {"side": "long"}
        )
        for number in range(count)
    ]
    return [*forced, Signal(SignalKind.TICK, Subject(), at(14.5), at(14.5), "clock", 1, 0.0)]


def test_no_call_judges_more_signals_of_a_second_than_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Signal] = []
    take = Correlator._take

    def noted(self: Correlator, signal: Signal) -> None:
        taken.append(signal)
        take(self, signal)

    monkeypatch.setattr(Correlator, "_take", noted)
    correlator = Correlator(DRILL)
    signals = storm_second(1000)
    for signal in signals:
        correlator.on_signal(signal, 4)
    assert len(taken) <= 4
    calls = 0
    while correlator.behind:
        before = len(taken)
        correlator.complete(at(14.6), 100)
        assert len(taken) - before <= 100
        calls += 1
    assert calls >= 10
    assert taken == signals[:-1]


def test_what_comes_for_a_second_that_is_being_judged_is_late() -> None:
    whole, sliced = Correlator(DRILL), Correlator(DRILL)
    late = Signal(SignalKind.TICK, Subject(), at(10.7), at(10.7), "clock", 2, 0.0)
    for signal in [*storm_second(200), late]:
        whole.on_signal(signal)
        sliced.on_signal(sliced.admit(signal), 4)
    assert sliced.behind
    assert (whole.late, sliced.late) == (1, 1)
    assert list(whole.finish()) == list(sliced.finish())
    assert whole.digest() == sliced.digest()


def test_a_long_pause_is_judged_in_slices_too() -> None:
    log = Story(60).trouble(30, 60, "alpha", "beta").surge(30, 60).signals()
    after = [
        Signal(SignalKind.TICK, Subject(), at(second), at(second), "clock", 900 + second, 0.0) for second in (300, 301)
    ]
    whole, sliced = Correlator(DRILL), Correlator(DRILL)
    wanted: list[IncidentChange] = []
    got: list[IncidentChange] = []
    for signal in [*log, *after]:
        wanted += whole.on_signal(signal)
        got += sliced.on_signal(signal, 4)
    assert len(got) < len(wanted)
    steps = 0
    while sliced.behind:
        got += sliced.complete(after[-1].received_at - timedelta(hours=1), 128)
        steps += 1
    assert got == wanted
    assert steps > 10
    assert sliced.digest() == whole.digest()
