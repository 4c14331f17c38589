"""What we read late because of ourselves is not told as a venue's fault, and what is the venue's own still is."""

from __future__ import annotations

import random

import pytest

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.own_lag import MAX_PERIODS, OwnLag
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

ALPHA = Subject(venue="alpha", vantage="home")
SETTINGS = CorrelatorSettings(warm_s=15)


def said(
    kind: SignalKind, second: float, value: float, subject: Subject = ALPHA, source: str = "alpha/time", **given: Scalar
) -> Signal:
    return Signal(kind, subject, moment(second), moment(second), source, 1, value, given)


def late(second: float, lag_s: float, vantage: str | None = "home") -> Signal:
    return said(SignalKind.LOOP_LAG, second, lag_s, Subject(vantage=vantage), "loop")


def lag_of(*periods: tuple[float, float]) -> OwnLag:
    own = OwnLag()
    for second, lag_s in periods:
        own.on_signal(late(second, lag_s), moment(second).timestamp())
    return own


@pytest.mark.parametrize(
    ("received_s", "value", "lag_s"),
    [
        (10.9, 0.3, 0.4),  # the lag from 10.5 to 10.9 is in its second
        (10.2, 0.1, 0.4),  # so is this, before the lag began: a second counts as a whole
        (11.2, 0.1, 0.0),
        (11.2, 0.8, 0.4),  # it was on its way when we were late
        (9.9, 0.1, 0.0),
        (14.0, 3.5, 0.4),
    ],
)
def test_the_lag_beside_a_value_is_that_of_the_whole_seconds_in_which_it_was_measured(
    received_s: float, value: float, lag_s: float
) -> None:
    own = lag_of((10.5, 0.4))
    assert own.lag_s(said(SignalKind.REQUEST, received_s, value)) == pytest.approx(lag_s)


def test_a_sampled_lag_is_measured_in_the_second_before_it_is_told() -> None:
    own = lag_of((10.5, 0.4))
    for kind in (SignalKind.FEED_LAG, SignalKind.ENGINE_LAG):
        assert own.lag_s(said(kind, 11.3, 0.001)) == pytest.approx(0.4)
        assert own.lag_s(said(kind, 12.3, 0.001)) == 0.0


def test_a_lag_above_a_tenth_of_a_value_explains_it() -> None:
    own = lag_of((10.5, 0.2))
    assert own.explains(said(SignalKind.REQUEST, 10.9, 1.99))
    assert not own.explains(said(SignalKind.REQUEST, 10.9, 2.01))
    assert not own.explains(said(SignalKind.REQUEST, 20.9, 0.1)), "no lag explains nothing"
    assert not OwnLag().explains(said(SignalKind.REQUEST, 10.9, 0.1))


def test_one_place_is_late_without_the_others() -> None:
    own = lag_of((10.5, 0.2))
    other = Subject(venue="alpha", vantage="away")
    assert own.in_second_of(said(SignalKind.FEED_CLOSED, 10.1, 5.0))
    assert not own.in_second_of(said(SignalKind.FEED_CLOSED, 11.1, 5.0))
    assert not own.in_second_of(said(SignalKind.FEED_CLOSED, 10.1, 5.0, other))
    assert own.lag_s(said(SignalKind.REQUEST, 10.9, 0.1, other)) == 0.0
    own.on_signal(late(10.5, 0.3, None), moment(10.5).timestamp())
    assert own.lag_s(said(SignalKind.REQUEST, 10.9, 0.1, Subject(venue="alpha"))) == pytest.approx(0.3)
    assert own.between_s(moment(10).timestamp(), moment(11).timestamp()) == pytest.approx(0.3), "the largest"


def test_the_lag_between_two_times_is_what_lies_between_them() -> None:
    own = lag_of((10.5, 0.4), (12.0, 1.0))
    base = moment(0).timestamp()
    assert own.between_s(base, base + 100) == pytest.approx(1.4)
    assert own.between_s(base + 10.7, base + 12.5) == pytest.approx(0.7)
    assert own.between_s(base + 11, base + 12) == 0.0
    assert OwnLag().between_s(base, base + 100) == 0.0


def test_a_bounded_number_of_periods_is_remembered() -> None:
    own = lag_of(*((float(second), 0.1) for second in range(MAX_PERIODS + 1)))
    assert not own.in_second_of(said(SignalKind.REQUEST, 0.5, 0.1))
    assert own.in_second_of(said(SignalKind.REQUEST, 1.5, 0.1))


def own_lag(lone: LoneProducer, second: float, lag_s: float) -> None:
    lone.attribution.own_lag.on_signal(late(second, lag_s), moment(second).timestamp())


@pytest.mark.parametrize(
    ("value", "lag_s", "name"),
    [(0.9, 0.0, "venue_latency"), (0.9, 0.6, None), (9.0, 0.06, "venue_latency")],
)
def test_a_latency_that_our_lag_explains_is_no_evidence_and_a_much_larger_one_is(
    value: float, lag_s: float, name: str | None
) -> None:
    lone = LoneProducer("venue_latency", SETTINGS)
    for second in range(60):
        lone.send(SignalKind.REQUEST, second, 0.005, ALPHA, {"outcome": "ok"})
        lone.complete(second + 1)
    for second in range(60, 70):
        if lag_s:
            own_lag(lone, second + 0.2, lag_s)
        lone.send(SignalKind.REQUEST, second + 0.9, value, ALPHA, {"outcome": "ok"})
        lone.complete(second + 1)
    assert list(lone.grades) == ([name] if name else [])
    if name and lag_s:
        assert value - 10 * lag_s <= lone.only().value < value, "less our own lag in each of its seconds"


@pytest.mark.parametrize("kind", [SignalKind.FEED_LAG, SignalKind.ENGINE_LAG])
@pytest.mark.parametrize("lag_s", [0.0, 0.6])
def test_a_lag_of_a_feed_or_an_engine_that_our_own_explains_is_no_evidence(kind: SignalKind, lag_s: float) -> None:
    lone = LoneProducer("venue_latency", SETTINGS)
    for second in range(70):
        slow = second >= 60
        if slow and lag_s:
            own_lag(lone, second - 0.8, lag_s)
        lone.send(kind, second, 0.6 if slow else 0.001, ALPHA, {"bound_s": 0.0})
        lone.complete(second + 1)
    assert bool(lone.grades) is not bool(lag_s)


@pytest.mark.parametrize(
    ("outcome", "lag_s", "counts"),
    [
        ("timeout", 0.0, True),
        ("timeout", 0.6, False),
        ("timeout", 0.06, True),
        ("venue_error", 0.6, True),
        ("flooding", 0.6, True),
    ],
)
def test_failures_in_transport_that_our_lag_explains_are_nobodys_and_a_venues_own_words_count(
    outcome: str, lag_s: float, *, counts: bool
) -> None:
    lone = LoneProducer("venue_failures")
    for second in range(20):
        if lag_s:
            own_lag(lone, second + 0.2, lag_s)
        lone.send(SignalKind.REQUEST, second + 0.9, 0.9, ALPHA, {"outcome": outcome})
    lone.complete(20)
    assert bool(lone.grades) is counts


@pytest.mark.parametrize("lag_s", [0.0, 0.6])
def test_time_outs_that_our_lag_explains_do_not_make_our_network_suspected(lag_s: float) -> None:
    attribution = Attribution(CorrelatorSettings())
    for second in range(3):
        if lag_s:
            attribution.own_lag.on_signal(late(second + 0.2, lag_s), moment(second + 0.2).timestamp())
        for venue in "abc":
            signal = said(
                SignalKind.REQUEST, second + 0.9, 0.5, Subject(venue=venue, vantage="home"), outcome="timeout"
            )
            attribution.on_signal(signal, moment(second + 0.9).timestamp())
    attribution.on_second(moment(3).timestamp())
    assert attribution.suspected is not bool(lag_s)


@pytest.mark.parametrize(("silence_s", "lag_s", "told"), [(30.0, 0.6, True), (3.0, 0.0, True), (3.0, 0.6, False)])
def test_a_silence_that_our_lag_explains_blinds_nothing(silence_s: float, lag_s: float, *, told: bool) -> None:
    lone = LoneProducer("feed_faults")
    coverage = Coverage(lone.attribution.own_lag)
    if lag_s:
        own_lag(lone, 40.2, lag_s)
    silent = said(SignalKind.FEED_SILENT, 40.9, silence_s, Subject(asset="BTC", venue="alpha", vantage="home"))
    coverage.on_signal(silent, moment(40.9).timestamp())
    assert (("alpha/time" in coverage.by_name) and coverage.by_name["alpha/time"].down_s is not None) is told


@pytest.mark.parametrize("lag_s", [0.0, 0.6])
def test_cuts_in_seconds_in_which_we_were_late_are_no_fault_and_gaps_are(lag_s: float) -> None:
    cut, holes = LoneProducer("feed_faults"), LoneProducer("feed_faults")
    for second in range(4):
        for lone, kind in ((cut, SignalKind.FEED_CLOSED), (holes, SignalKind.FEED_GAP)):
            if lag_s:
                own_lag(lone, second + 0.2, lag_s)
            lone.send(kind, second + 0.9, 5.0, ALPHA)
    assert bool(cut.grades) is not bool(lag_s)
    assert holes.grades


def test_the_time_in_which_we_were_late_makes_no_source_stale_and_our_lag_is_no_source() -> None:
    own = OwnLag()
    coverage = Coverage(own)
    place = Subject(asset="BTC", venue="alpha", vantage="home")
    coverage.on_signal(said(SignalKind.EXPECT, 0, 5.0, place, leg="venue"), moment(0).timestamp())
    coverage.on_signal(said(SignalKind.FEED_PULSE, 1, 1.0, place), moment(1).timestamp())
    source, now_s = coverage.by_name["alpha/time"], moment(9).timestamp()
    stale = coverage.seen(source, now_s)
    assert stale < 1.0
    hold = late(2, 3.5)
    coverage.on_signal(hold, moment(2).timestamp())
    own.on_signal(hold, moment(2).timestamp())
    assert coverage.seen(source, now_s) == 1.0
    assert list(coverage.by_name) == ["alpha/time"]


def test_a_feed_closed_for_flooding_is_blind_by_that_name() -> None:
    coverage = Coverage()
    place = Subject(asset="BTC", venue="alpha")
    closed = said(SignalKind.FEED_CLOSED, 1, 1.0, place, detail="flooding: control frames")
    coverage.on_signal(closed, moment(1).timestamp())
    assert coverage.by_name["alpha/time"].why(moment(2).timestamp()) == "flooding"


def held_up(*, told: bool) -> list[Signal]:
    """Two venues that answer in 5 ms, and from second 60 on in 0.9 s because of us, once in each second."""
    log: list[Signal] = []
    for second in range(90):
        at, slow = moment(second + 0.9), second >= 60
        if slow and told:
            log.append(late(second + 0.2, 0.6))
        for venue in ("alpha", "beta"):
            subject = Subject(venue=venue, vantage="home")
            value = 0.9 if slow else 0.005
            log.append(
                Signal(SignalKind.REQUEST, subject, at, at, f"{venue}/time", second, value, {"outcome": "ok", "check": "time"})
            )  # fmt: skip
    return log


def played(log: list[Signal]) -> Correlator:
    correlator = Correlator(SETTINGS)
    for one in log:
        correlator.on_signal(one)
    correlator.finish()
    return correlator


def test_evidence_of_a_hold_of_our_own_appears_only_if_the_lag_is_not_told() -> None:
    assert list(played(held_up(told=False))._evidence.everything())
    assert not list(played(held_up(told=True))._evidence.everything())


def test_a_lag_told_after_what_was_read_late_is_taken_before_it_and_gives_the_same_digest() -> None:
    log = held_up(told=True)
    told_late = sorted(log, key=lambda one: one.received_at.timestamp() + (1.5 if one.source == "loop" else 0.0))
    assert told_late != log
    assert not list(played(told_late)._evidence.everything())
    chance = random.Random(1)
    mixed = sorted(log, key=lambda one: one.received_at.timestamp() + 1.9 * chance.random())
    assert {played(one).digest() for one in (log, told_late, mixed)} == {played(log).digest()}


def test_a_correlator_that_was_frozen_still_knows_our_lag() -> None:
    log = held_up(told=True)
    whole, first = Correlator(SETTINGS), Correlator(SETTINGS)
    for one in log:
        whole.on_signal(one)
    for one in log[:150]:
        first.on_signal(one)
    thawed = Correlator.thaw(first.freeze())
    assert thawed._coverage._own_lag is thawed._attribution.own_lag
    for one in log[150:]:
        thawed.on_signal(one)
    whole.finish()
    thawed.finish()
    assert thawed.digest() == whole.digest()
    assert not list(thawed._evidence.everything())
