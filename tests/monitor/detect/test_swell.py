"""Tests of rises over hours: a stream that doubles every half hour is found, a stream that swings by itself is not."""

from __future__ import annotations

import random
from math import exp, inf

import pytest

from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.swell import LOW, MAX_HELD_S, WINDOW_MIN, Height, Swell

MINUTE_S = 60.0
QUIET_MIN = 120


def after_quiet(rate_per_s: float, minutes: int = QUIET_MIN) -> Swell:
    """A stream that had exactly its usual rate for so long."""
    swell = Swell()
    for _ in range(minutes):
        swell.add(rate_per_s * MINUTE_S, MINUTE_S)
    return swell


def then(swell: Swell, rate_per_s: float, minutes: int, seen_s: float = MINUTE_S) -> Height:
    height = LOW
    for _ in range(minutes):
        height = swell.add(rate_per_s * seen_s, seen_s)
    return height


@pytest.mark.parametrize(("times", "grade"), [(2.4, 0), (2.6, 2), (3.0, 3), (5.0, 4)])
# its spread is at the least, 0.35 in log units, with 96 looks a day: 0.3 a day, 0.08, 0.0002
def test_half_an_hour_at_so_many_times_the_usual_has_this_grade(times: float, grade: int) -> None:
    assert grade_of_rate(then(after_quiet(1.0, 3000), times, WINDOW_MIN).per_day) == grade


def test_it_says_the_rate_the_usual_rate_and_since_when() -> None:
    height = then(after_quiet(1.0), 6.0, 20)
    assert height.usual == pytest.approx(1.0, rel=0.01)
    assert height.rate == pytest.approx((20 * 6 + 10) / 30)
    assert height.minutes == 20


def test_a_stream_that_doubles_every_half_hour_is_found_and_held_as_long_as_it_lasts() -> None:
    rng = random.Random(3)
    swell = after_quiet(0.05)
    grades = []
    for minute in range(300):
        rate = 0.05 * min(2 ** (minute / 30), 16.0)
        events = sum(rng.random() < rate * MINUTE_S / 200 for _ in range(200))
        grades.append(grade_of_rate(swell.add(float(events), MINUTE_S).per_day))
    found = next(minute for minute, grade in enumerate(grades) if grade >= 2)
    assert found <= 75
    assert min(grades[90:]) >= 3


def test_a_stream_that_swings_by_half_its_rate_all_day_is_no_rise() -> None:
    rng = random.Random(5)
    swell, log_activity, false = Swell(), 0.0, 0
    for _ in range(3 * 1440):
        log_activity += -log_activity / 10 + rng.gauss(0, 0.4 * (2 / 10) ** 0.5)
        height = swell.add(30.0 * exp(log_activity), MINUTE_S)
        false += grade_of_rate(height.per_day) >= 3
    assert false == 0


def test_nothing_is_said_before_half_an_hour_was_learned_and_half_an_hour_was_seen() -> None:
    swell = after_quiet(1.0, 40)
    assert then(swell, 30.0, 10).per_day == inf
    blind = after_quiet(1.0, 200)
    assert then(blind, 30.0, WINDOW_MIN, seen_s=20.0).per_day == inf


def test_what_was_not_seen_is_no_calm() -> None:
    swell = after_quiet(1.0)
    then(swell, 0.0, 300, seen_s=0.0)
    assert then(swell, 6.0, WINDOW_MIN).usual == pytest.approx(1.0, rel=0.01)


def test_a_stream_at_rest_needs_more_than_a_few_events() -> None:
    swell = after_quiet(0.0, 1440)
    assert grade_of_rate(then(swell, 3 / 1800, WINDOW_MIN).per_day) <= 1


def test_after_a_day_the_height_is_the_new_usual_rate() -> None:
    swell = after_quiet(1.0)
    assert then(swell, 20.0, int(MAX_HELD_S / MINUTE_S) - 1).per_day < 1e-3
    assert grade_of_rate(then(swell, 20.0, 120).per_day) == 0
