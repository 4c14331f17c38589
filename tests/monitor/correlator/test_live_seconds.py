"""Tests of live seconds: judged when all sources have passed them, and the recorded signals give the live digest again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.correlator import Correlator
from monitor.correlator.sequencer import Second, Sequencer, order_s
from monitor.correlator.transit import PARTS, TransitLag
from monitor.incidents import ChangeKind, IncidentChange
from monitor.signals import Scalar, Signal, SignalKind
from tests.branches import Reached
from tests.monitor.correlator.storm import DRILL, Story, at
from tests.monitor.correlator.test_event_order import ZERO_S, complete_ones, flushed, plain, released, signal_at

FORCED = SignalKind.LIQUIDATION


def completed(sequencer: Sequencer, second: float) -> list[tuple[int, list[int], list[int]]]:
    return plain(passed(sequencer, second))


def passed(sequencer: Sequencer, second: float) -> list[Second]:
    """The seconds that are complete then."""
    sequencer.complete(ZERO_S + second)
    return complete_ones(sequencer)


def stamped(second: float, stamp: Scalar, seq: int = 9) -> Signal:
    one = signal_at(second, seq=seq)
    return msgspec.structs.replace(one, attributes={"ordered_at": stamp})


def taken(sequencer: Sequencer, *signals: Signal) -> list[Signal]:
    """The signals as a live run admits and pushes them."""
    admitted = []
    for one in signals:
        admitted.append(sequencer.admit(one))
        released(sequencer, admitted[-1])
    return admitted


def test_a_live_second_is_released_two_tenths_after_its_end() -> None:
    sequencer = Sequencer(3.0)
    taken(sequencer, signal_at(10.5), signal_at(11.1, seq=2))
    assert completed(sequencer, 11.19)[-1:] == [(10, [], [])]
    assert completed(sequencer, 11.2) == [(11, [1], [])]
    assert completed(sequencer, 12.19) == []
    assert completed(sequencer, 12.2) == [(12, [2], [])]


def test_a_live_second_waits_as_long_as_liquidations_were_on_their_way() -> None:
    sequencer = Sequencer(3.0)
    taken(sequencer, signal_at(10.2, kind=FORCED, received=10.95), signal_at(11.5, seq=2))
    assert completed(sequencer, 11.94)[-1:] == [(10, [], [])]
    assert completed(sequencer, 11.96) == [(11, [1], [])]


def test_the_slowest_feed_is_waited_for_whichever_feed_was_heard_last() -> None:
    sequencer = Sequencer(3.0)
    taken(
        sequencer,
        signal_at(10.1, "slow", kind=FORCED, received=11.1),
        signal_at(11.0, "fast", seq=2, kind=FORCED, received=11.1),
    )
    assert completed(sequencer, 12.1)[-1:] == [(10, [], [])]
    assert completed(sequencer, 12.3) == [(11, [1], [])]


def test_a_lag_is_forgotten_after_a_minute() -> None:
    sequencer = Sequencer(3.0)
    taken(sequencer, signal_at(10.0, kind=FORCED, received=12.0), signal_at(90.5, seq=2), signal_at(91.5, seq=3))
    assert completed(sequencer, 91.3)[-1:] == [(91, [2], [])]


@pytest.mark.parametrize("lag_s", [3.0, 500.0])
def test_a_live_second_waits_for_at_most_the_lateness(lag_s: float) -> None:
    sequencer = Sequencer(3.0)
    taken(
        sequencer, signal_at(10.5), signal_at(10.0, seq=2, kind=FORCED, received=10.0 + lag_s), signal_at(13.0, seq=3)
    )
    assert completed(sequencer, 14.1)[-1:] == []
    assert completed(sequencer, 14.3) == [(11, [2, 1], [])]


def test_old_liquidations_sent_at_subscribe_are_no_sign_of_a_slow_feed() -> None:
    sequencer = Sequencer(3.0)
    taken(sequencer, signal_at(8.0, kind=FORCED, received=10.5, backlog=True), signal_at(11.1, seq=2))
    assert completed(sequencer, 11.2)[-1:] == [(11, [1], [])]


def test_no_second_after_that_of_the_latest_signal_is_released() -> None:
    sequencer = Sequencer(3.0)
    assert completed(sequencer, 10.0) == []
    taken(sequencer, signal_at(10.5))
    assert completed(sequencer, 500.0)[-1] == (11, [1], [])
    assert completed(sequencer, 900.0) == []


def test_a_live_signal_after_its_second_is_stamped_with_the_second_it_joins_and_is_late_there() -> None:
    sequencer = Sequencer(3.0)
    taken(sequencer, signal_at(10.5), signal_at(11.3, seq=2))
    completed(sequencer, 11.3)
    early, late, again = taken(
        sequencer, signal_at(11.0, seq=3), signal_at(10.99, seq=4, state="ok"), signal_at(10.8, seq=5)
    )
    assert dict(early.attributes) == {}
    assert dict(late.attributes) == {"state": "ok", "ordered_at": ZERO_S + 11}
    assert order_s(late) == ZERO_S + 11
    assert msgspec.structs.replace(late, attributes={"state": "ok"}) == signal_at(10.99, seq=4, state="ok")
    assert sequencer.late == 2
    assert completed(sequencer, 12.3) == [(12, [3, 2], [5, 4])]
    assert again.attributes["ordered_at"] == ZERO_S + 11


def test_a_stamped_signal_joins_its_second_in_a_replay_and_is_late_there() -> None:
    sequencer = Sequencer(3.0)
    seconds = plain(
        released(sequencer, signal_at(10.5), stamped(10.2, ZERO_S + 12), signal_at(12.5, seq=2), flush=True)
    )
    assert seconds[-3:] == [(11, [1], []), (12, [], []), (13, [2], [9])]
    assert sequencer.late == 1


def test_a_stamped_signal_in_a_second_of_its_own_is_released_at_the_end() -> None:
    sequencer = Sequencer(3.0)
    seconds = plain(released(sequencer, signal_at(10.5), stamped(10.2, ZERO_S + 11), flush=True))
    assert seconds[-2:] == [(11, [1], []), (12, [], [9])]


def test_a_stamped_signal_under_the_watermark_joins_the_next_second() -> None:
    sequencer = Sequencer(3.0)
    released(sequencer, signal_at(10.5), signal_at(15.5, seq=2))
    assert plain(released(sequencer, stamped(10.2, ZERO_S + 11), signal_at(16.5, seq=3)))[0] == (13, [], [9])
    assert sequencer.late == 1


@pytest.mark.parametrize(
    "stamp",
    ["12", "", None, True, float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 10**400, 0, ZERO_S + 10.9, ZERO_S],
)  # fmt: skip
def test_a_stamp_that_cannot_be_is_ignored(stamp: Scalar) -> None:
    sequencer = Sequencer(3.0)
    one = stamped(10.2, stamp)
    assert order_s(one) == ZERO_S + 10.2
    assert plain(released(sequencer, one, signal_at(11.5), flush=True))[-2:] == [(11, [9], []), (12, [1], [])]
    assert sequencer.late == 0


@pytest.mark.slow
def test_a_stamp_of_the_far_future_holds_up_no_other_signal() -> None:
    correlator = Correlator(DRILL)
    last = 253402300798
    signals = [stamped(10.2, last), *(signal_at(second, seq=second) for second in range(11, 20))]
    for one in signals:
        correlator.on_signal(one)
    assert correlator.late == 1
    correlator.finish()
    assert correlator.late == 1


def test_the_window_of_lags_is_bounded() -> None:
    lags = TransitLag()
    for part in range(1000):
        lags.take(part * 10.0, 1.0)
    assert len(vars(lags)["_largest"]) == PARTS + 1
    assert lags.largest(9990.0) == 1.0
    assert lags.largest(99999.0) == 0.0


def test_a_lag_counts_for_six_parts_of_ten_seconds_and_the_one_that_has_begun() -> None:
    lags = TransitLag()
    lags.take(49.0, 5.0)
    assert lags.largest(109.9) == 5.0
    assert lags.largest(110.0) == 0.0


@dataclass
class Live:
    """A live run of one correlator: what it admitted and what it reported."""

    correlator: Correlator
    admitted: list[Signal] = field(default_factory=list)
    changes: list[IncidentChange] = field(default_factory=list)
    restarts: int = 0


def log(chance: random.Random) -> list[tuple[float, Signal]]:
    """A storm that spreads to all venues, with the time at which each signal is taken: some of all kinds come far too late."""
    story = Story(60).trouble(20, 50, "alpha", "beta").trouble(30, 50, "gamma", "delta")
    story.surge(24, 50).upgrade(26).migrate(26).retract(46)
    slow = {venue: chance.choice((0.0, 0.3, 1.5)) for venue in story.venues}
    arrivals = []
    for one in story.signals():
        way_s = 0.0
        if one.kind is FORCED:
            way_s = slow[one.source.split("/")[0]] * chance.random()
        if one.kind is not SignalKind.EXPECT and chance.random() < 0.08:
            way_s += 8.0 * chance.random()
        got = one.received_at + timedelta(seconds=way_s if one.kind is FORCED else 0.0)
        taken_at = one.received_at.timestamp() + way_s + 0.1 * chance.random() * (one.kind is not SignalKind.EXPECT)
        arrivals.append((taken_at, msgspec.structs.replace(one, received_at=got)))
    return sorted(arrivals, key=lambda pair: pair[0])


def run_live(seed: int, *, killed: bool = False) -> Live:
    chance, restart = random.Random(seed), random.Random(seed)
    live = Live(Correlator(DRILL))
    for taken_at, one in log(chance):
        if chance.random() < 0.5:
            now = at(taken_at - ZERO_S - 0.2 * chance.random())
            live.changes += live.correlator.complete(now)
        if killed and restart.random() < 0.01:
            live.correlator = Correlator.thaw(live.correlator.freeze())
            live.restarts += 1
        live.admitted.append(live.correlator.admit(one))
        live.changes += live.correlator.on_signal(live.admitted[-1])
    live.changes += live.correlator.complete(at(90))  # the stop comes long after the last signal
    live.changes += live.correlator.finish()
    return live


def replayed(signals: list[Signal]) -> tuple[Correlator, list[IncidentChange]]:
    correlator = Correlator(DRILL)
    changes = [change for one in signals for change in correlator.on_signal(one)]
    return correlator, [*changes, *correlator.finish()]


late_ones = Reached("a signal after its second was judged")
amended = Reached("a change because of a late signal")
restarted = Reached("a restart")


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_the_admitted_signals_give_the_live_digest_in_order_and_shuffled_within_the_lateness(
    seed: int, killed: bool
) -> None:
    live = run_live(seed, killed=killed)
    late_ones(live.correlator.late > 0)
    restarted(live.restarts > 0)
    amended(any(one.kind is ChangeKind.AMENDED for one in live.changes))
    again, changes = replayed(live.admitted)
    assert again.digest() == live.correlator.digest()
    assert changes == live.changes
    assert again.late == live.correlator.late
    chance = random.Random(seed)
    when = {id(one): order_s(one) + 3.0 * chance.random() for one in live.admitted}
    mixed, changes = replayed(sorted(live.admitted, key=lambda one: when[id(one)]))
    assert mixed.digest() == live.correlator.digest()
    assert changes == live.changes
    assert mixed.late == live.correlator.late


def test_a_restart_at_random_signals_of_a_live_run_changes_nothing() -> None:
    one, other = run_live(3), run_live(3, killed=True)
    assert other.restarts > 5
    assert (other.admitted, other.changes) == (one.admitted, one.changes)
    assert other.correlator.digest() == one.correlator.digest()
    assert other.correlator.freeze() == one.correlator.freeze()


def test_a_live_run_reports_earlier_than_the_watermark_and_its_late_signals_amend() -> None:
    """The same log, taken live, is judged before the signal at which a replay judges it."""
    correlator, replay = Correlator(DRILL), Correlator(DRILL)
    for signal in Story(40).trouble(20, 40).surge(20, 40).upgrade(22).signals():
        now = signal.received_at
        opened = [one.kind for one in correlator.complete(now)]
        if opened:
            assert now < correlator.open_incidents()[0].at + timedelta(seconds=1.2)
            assert not replay.open_incidents()
            return
        assert not correlator.on_signal(correlator.admit(signal))
        replay.on_signal(signal)
    pytest.fail("no incident opened")


def seconds_of(times: list[tuple[float, float]], nows: list[float]) -> tuple[list[Second], list[Signal], Sequencer]:
    """A live run of the sequencer: (event time, way) of each liquidation, and a moment before each at which it completes."""
    sequencer = Sequencer(3.0)
    seconds: list[Second] = []
    signals = []
    order = sorted(enumerate(times), key=lambda one: sum(one[1]))
    for (index, (event_s, way_s)), before_s in zip(order, nows, strict=False):
        seconds += passed(sequencer, event_s + way_s - before_s)
        signals.append(sequencer.admit(signal_at(event_s, seq=index, kind=FORCED, received=event_s + way_s)))
        seconds += released(sequencer, signals[-1])
    seconds += passed(sequencer, 60)  # the stop comes long after the last signal
    return [*seconds, *flushed(sequencer)], signals, sequencer


stamps = Reached("a stamped signal")


@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 8)), min_size=1, max_size=40),
    st.lists(st.floats(-2, 2), min_size=40, max_size=40),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_the_seconds_of_a_live_run_are_those_of_its_replays(
    times: list[tuple[float, float]], nows: list[float], chance: random.Random
) -> None:
    live, signals, sequencer = seconds_of(times, nows)
    stamps(any(one.attributes for one in signals))
    when = {id(one): order_s(one) + 3.0 * chance.random() for one in signals}
    for order in (signals, sorted(signals, key=lambda one: when[id(one)])):
        again = Sequencer(3.0)
        seconds = released(again, *order, flush=True)
        assert [one for one in seconds if one.signals or one.late] == [one for one in live if one.signals or one.late]
        assert seconds[-1].end_s == live[-1].end_s
        assert again.late == sequencer.late
