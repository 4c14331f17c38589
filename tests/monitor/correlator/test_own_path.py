"""A way out that is slow for every target is not reported as the venues' delay; what a venue adds by itself still is."""

from __future__ import annotations

import random

import pytest

from monitor.correlator.own_path import MAX_CONTROLS, OwnPath
from monitor.correlator.settings import CorrelatorSettings
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

HOME = Subject(vantage="home")
ALPHA = Subject(venue="alpha", vantage="home")
CONTROLS = ("a", "b", "c")
SLOW_S = 600


def control(name: str, second: float, latency_s: float, outcome: str = "ok", vantage: str = "home") -> Signal:
    attributes = {"outcome": outcome, "target": name}
    at = moment(second)
    return Signal(SignalKind.CONTROL, Subject(vantage=vantage), at, at, f"control/{name}", 1, latency_s, attributes)


def read(path: OwnPath, signal: Signal) -> None:
    path.on_signal(signal, signal.received_at.timestamp())


def after_quiet(names: tuple[str, ...] = CONTROLS, latency_s: float = 0.02) -> OwnPath:
    """The controls answered as usual for ten minutes."""
    path = OwnPath()
    for second in range(0, SLOW_S, 5):
        for name in names:
            read(path, control(name, second, latency_s))
    return path


def now(second: float) -> float:
    return moment(second).timestamp()


def test_controls_that_all_answer_twice_as_slowly_say_that_our_way_out_is_twice_as_slow() -> None:
    path = after_quiet()
    assert path.ratio("home", now(SLOW_S)) == 1.0
    for name in CONTROLS:
        read(path, control(name, SLOW_S, 0.041))  # 20 + 1 ms twice, less the resolution of 1 ms
    assert path.ratio("home", now(SLOW_S + 1)) == pytest.approx(2.0)
    assert path.slow(now(SLOW_S + 1)) == ("home",)


def test_one_slow_control_of_three_says_nothing() -> None:
    path = after_quiet()
    read(path, control("a", SLOW_S, 0.2))
    read(path, control("b", SLOW_S, 0.02))
    assert path.ratio("home", now(SLOW_S)) == 1.0


def test_of_two_controls_both_must_be_slow_and_one_alone_never_says_anything() -> None:
    two = after_quiet(("a", "b"))
    read(two, control("a", SLOW_S, 0.2))
    assert two.ratio("home", now(SLOW_S)) == 1.0
    read(two, control("b", SLOW_S, 0.062))
    assert two.ratio("home", now(SLOW_S)) == pytest.approx(3.0)
    one = after_quiet(("a",))
    read(one, control("a", SLOW_S, 0.2))
    assert one.ratio("home", now(SLOW_S)) == 1.0


def test_a_rise_by_less_than_a_quarter_is_usual() -> None:
    path = after_quiet()
    for name in CONTROLS:
        read(path, control(name, SLOW_S, 0.024))
    assert path.ratio("home", now(SLOW_S)) == 1.0


def test_what_was_read_twelve_seconds_ago_says_nothing_of_now() -> None:
    path = after_quiet()
    for name in CONTROLS:
        read(path, control(name, SLOW_S, 0.062))
    assert path.ratio("home", now(SLOW_S + 12)) == pytest.approx(3.0)
    assert path.ratio("home", now(SLOW_S + 12.5)) == 1.0


def test_vantages_are_apart_and_an_unknown_one_is_as_usual() -> None:
    path = after_quiet()
    for name in CONTROLS:
        read(path, control(name, SLOW_S, 0.062))
        read(path, control(name, SLOW_S, 0.02, vantage="away"))
    assert path.ratio("away", now(SLOW_S)) == 1.0
    assert path.ratio(None, now(SLOW_S)) == 1.0


def test_a_control_that_failed_is_no_slow_answer() -> None:
    path = after_quiet()
    for name in CONTROLS:
        read(path, control(name, SLOW_S, 3.0, outcome="timeout"))
    assert path.ratio("home", now(SLOW_S)) == 1.0


def test_the_number_of_controls_is_bounded() -> None:
    names = tuple(f"t{number}" for number in range(MAX_CONTROLS + 5))
    path = after_quiet(names)
    for name in names[MAX_CONTROLS:]:
        read(path, control(name, SLOW_S, 9.0))
    assert path.ratio("home", now(SLOW_S)) == 1.0


def test_a_rise_is_open_until_two_controls_were_read_after_it_or_ten_seconds_are_over() -> None:
    path = after_quiet()
    since = now(SLOW_S)
    assert path.is_open("home", since, now(SLOW_S + 1))
    read(path, control("a", SLOW_S + 1, 0.02))
    assert path.is_open("home", since, now(SLOW_S + 2))
    read(path, control("b", SLOW_S + 3, 0.02))
    assert not path.is_open("home", since, now(SLOW_S + 3))
    assert not after_quiet().is_open("home", since - 5, now(SLOW_S + 5))
    assert not OwnPath().is_open("home", since, since), "without controls there is nothing to wait for"


def venue_and_controls(
    factor_of_venue: float, factor_of_controls: float, controls_after_s: float = 0.0
) -> LoneProducer:
    """Ten quiet minutes, then forty seconds in which the venue, the controls, or both answer so many times as slowly.

    The controls begin `controls_after_s` later.
    """
    rng = random.Random(7)
    lone = LoneProducer("venue_latency", CorrelatorSettings(warm_s=60))
    for second in range(SLOW_S + 40):
        venue = factor_of_venue if second >= SLOW_S else 1.0
        controls = factor_of_controls if second >= SLOW_S + controls_after_s else 1.0
        for place, name in enumerate(CONTROLS):
            if (second + place) % 5 == 0:
                signal = control(name, second, 0.02 * controls * rng.lognormvariate(0, 0.1))
                lone.attribution.own_path.on_signal(signal, now(second))
        words = {"outcome": "ok", "check": "server_time"}
        lone.send(
            SignalKind.REQUEST, second + 0.5, 0.2 * venue * rng.lognormvariate(0, 0.1), ALPHA, dict(words), "alpha/time"
        )
        lone.complete(second + 1)
    return lone


def test_a_venue_that_is_as_slow_as_the_controls_is_not_blamed() -> None:
    assert venue_and_controls(2.5, 2.5).evidence == []


def test_a_venue_that_is_slow_alone_is_blamed() -> None:
    evidence = venue_and_controls(2.5, 1.0).only()
    assert evidence.name == "venue_latency"
    assert evidence.value == pytest.approx(0.5, rel=0.3)


def test_what_a_venue_adds_to_a_slow_way_out_is_blamed_by_so_much() -> None:
    evidence = venue_and_controls(10.0, 2.0).only()
    assert evidence.value == pytest.approx(1.0, rel=0.3)


def test_a_venue_that_was_slow_long_before_our_way_out_is_blamed_all_the_same() -> None:
    evidence = venue_and_controls(10.0, 2.0, controls_after_s=20).only()
    assert evidence.grade >= 1
    assert evidence.onset == moment(SLOW_S + 0.5)
