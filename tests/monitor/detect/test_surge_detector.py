"""Tests of the surge detector and its parts: tails, what is usual, clipped counts, and the sketch of quiet peaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from math import exp, inf, lgamma, log

import pytest

from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.clipped import MAX_COUNTED, ClippedCounts
from monitor.detect.quiet_peaks import QuietPeaks
from monitor.detect.surge import NO_SURGE, SurgeDetector
from monitor.detect.tails import surprise
from monitor.detect.usual import Usual
from tests.monitor.detect.streams import clustered, poisson

WEEKLY = 1 / 7


def poisson_tail(count: int, mean: float) -> float:
    return sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count, count + 200))


def negative_binomial_tail(count: int, mean: float, fano: float) -> float:
    shape, share = mean / (fano - 1), (fano - 1) / fano
    return sum(
        exp(lgamma(k + shape) - lgamma(shape) - lgamma(k + 1) + shape * log(1 - share) + k * log(share))
        for k in range(count, count + 2000)
    )


@pytest.mark.parametrize(("count", "mean"), [(3, 0.01), (5, 0.2), (12, 1.0), (40, 13.0), (300, 150.0)])
def test_a_surprise_is_minus_the_logarithm_of_the_poisson_tail(count: int, mean: float) -> None:
    assert surprise(count, mean, 1.0) == pytest.approx(-log(poisson_tail(count, mean)), abs=0.15)


@pytest.mark.parametrize(("count", "mean"), [(5, 0.01), (12, 0.2), (30, 1.0), (80, 13.0), (300, 150.0)])
@pytest.mark.parametrize("fano", [1.5, 3.0, 10.0])
def test_a_surprise_of_clusters_is_minus_the_logarithm_of_the_negative_binomial_tail(
    count: int, mean: float, fano: float
) -> None:
    assert surprise(count, mean, fano) == pytest.approx(-log(negative_binomial_tail(count, mean, fano)), abs=0.35)


def test_a_count_at_its_mean_is_no_surprise_and_a_greater_one_is_always_a_greater_surprise() -> None:
    assert surprise(2, 2.0, 1.0) == surprise(0, 0.0, 3.0) == 0.0
    for fano in (1.0, 2.0):
        found = [surprise(count, 1.0, fano) for count in (5, 10, 100, 1000, 100_000)]
        assert found == sorted(found)
        assert len(set(found)) == len(found)


def test_clusters_are_told_from_chance_and_an_empty_past_keeps_the_shipped_dispersion() -> None:
    usual = Usual(1800, 0.001)
    assert usual.fano(1) == usual.fano(30) == usual.fano(5000) == 2.0
    usual.learn_blocks(0, 3000.0, 1000.0, 60)
    usual.settle()
    assert usual.fano(1) == pytest.approx(3.0, abs=0.02)
    assert usual.fano(1) == usual.fano(5)  # longer blocks begin with what shorter ones told


def test_the_usual_rate_is_a_mean_at_first_and_keeps_a_hundred_events_of_a_rare_stream() -> None:
    usual = Usual(1800, 1e-5)
    usual.learn(30.0, 300.0, 300.0)
    assert usual.rate == pytest.approx(0.1, rel=0.05)
    rare = Usual(1800, 1e-5)
    for _ in range(100):
        rare.learn(1.0, 10_000.0, 10_000.0)
    assert rare.rate == pytest.approx(1e-4, rel=0.05)
    rare.rescale(2.0)
    assert rare.rate == pytest.approx(2e-4, rel=0.05)


def test_the_first_stretch_may_be_guessed() -> None:
    usual = Usual(1800, 0.001)
    usual.guess(10.0, 99.0)
    assert usual.rate == pytest.approx(0.105)


def test_sums_of_clipped_counts_are_as_surprising_as_their_exact_chance() -> None:
    clipped = ClippedCounts(1800, 0.001)
    clipped.learn([1.0] * 2000 + [2.0] * 300 + [9.0] * 100, 7600.0)
    clipped.usual.guess(2700.0, 10_000.0)
    assert clipped.surprise(10, 1.0) == 0.0  # nothing is settled yet
    clipped.settle()
    assert clipped.at == 1
    for _ in range(3):
        clipped.usual.learn_blocks(0, 0.76 * 24_000, 24_000, 60)  # seconds of a Bernoulli law
    clipped.usual.settle()
    clipped.usual.doubt = 0.0
    chance = sum(
        exp(lgamma(21) - lgamma(k + 1) - lgamma(21 - k) + k * log(0.24) + (20 - k) * log(0.76)) for k in range(15, 21)
    )
    assert clipped.surprise(15, 20 * 0.24) == pytest.approx(-log(chance), abs=0.5)
    assert clipped.surprise(20, 20 * 0.24) == pytest.approx(-20 * log(0.24), rel=0.05)
    assert clipped.surprise(1, 20 * 0.24) == 0.0


def test_the_clip_follows_the_quiet_counts() -> None:
    clipped = ClippedCounts(1800, 0.001)
    clipped.settle()
    assert clipped.at == 1
    clipped.learn([4.0] * 1500, 500.0)
    clipped.settle()
    assert clipped.at == 4
    empty = ClippedCounts(1800, 0.001)
    empty.learn([], 5000.0)
    empty.settle()
    assert (empty.at, empty.surprise(3, 0.1)) == (1, 0.0)
    full = ClippedCounts(1800, 0.001)
    full.learn([99.0] * 5000, 0.0)
    full.settle()
    assert full.at == MAX_COUNTED - 1


def test_shipped_peaks_hold_before_anything_was_seen() -> None:
    peaks = QuietPeaks(1.0, 600.0)
    assert peaks.per_day(log(7 * 86_400)) == pytest.approx(WEEKLY)
    assert peaks.statistic_of(WEEKLY) == pytest.approx(log(7 * 86_400))


def test_a_heavier_tail_of_the_quiet_past_lowers_the_grade_of_a_peak() -> None:
    chance = random.Random(1)
    usual, heavy = QuietPeaks(1.0, 600.0), QuietPeaks(1.0, 600.0)
    for _ in range(1000):
        peak = log(600) + chance.expovariate(1.0)
        usual.learn(peak, 600.0)
        heavy.learn(log(600) + 1.6 * (peak - log(600)), 600.0)
    assert usual.per_day(15.0) == pytest.approx(86_400 * exp(-15.0), rel=0.7)
    assert heavy.per_day(15.0) > 5 * usual.per_day(15.0)


def test_no_statistic_is_so_high_that_a_higher_one_has_the_same_rate() -> None:
    peaks = QuietPeaks(1.0, 600.0)
    for _ in range(5000):
        peaks.learn(8.0, 600.0)
    found = [peaks.per_day(one) for one in (10.0, 20.0, 40.0, 80.0, 300.0)]
    assert all(after < before for before, after in pairwise(found))


def test_a_long_rest_does_not_make_an_event_grave() -> None:
    peaks = QuietPeaks(1.0, 600.0)
    for _ in range(5000):
        peaks.learn(0.0, 600.0)
    assert peaks.per_day(9.0) >= 0.49 * 86_400 * exp(-9.0)


def quiet(draw: Callable[[random.Random, float], int], seconds: int, seed: int = 1) -> SurgeDetector:
    """A detector that learned a stream of one event a second."""
    chance = random.Random(seed)
    detector = SurgeDetector(1800, 0.001, 300, 1.5, 0)
    for second in range(seconds):
        count = draw(chance, 1.0)
        if count:
            detector.pass_to(second)
            detector.add(second, float(count))
    return detector


def test_nothing_is_judged_before_the_stream_is_warm_and_a_lone_event_is_nothing() -> None:
    detector = SurgeDetector(1800, 0.001, 300, 1.5, 0)
    assert detector.add(298, 1000.0) is NO_SURGE
    detector.pass_to(100_000)
    assert grade_of_rate(detector.add(100_000, 1.0).per_day) == 0


def test_a_surge_of_ten_times_has_the_same_grade_after_two_hours_and_after_a_day() -> None:
    for seconds in (7200, 86_400):
        detector = quiet(poisson, seconds)
        detector.pass_to(seconds)
        found = [detector.add(seconds + one, 10.0) for one in range(3)]
        assert grade_of_rate(found[2].per_day) == 4
        onset, ratio = detector.onset(seconds + 2, found[2])
        assert onset == seconds
        assert ratio == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(
    ("draw", "times", "max_s"), [(poisson, 3, 12.0), (poisson, 10, 2.0), (clustered, 10, 6.0), (clustered, 30, 2.0)]
)
def test_a_surge_is_grade_three_within_seconds(
    draw: Callable[[random.Random, float], int], times: int, max_s: float
) -> None:
    spent = []
    for seed in range(12):
        chance = random.Random(1000 + seed)
        detector = quiet(draw, 3600, seed)
        second = 3600
        detector.pass_to(second)
        while detector.add(second, float(draw(chance, float(times)))).per_day > WEEKLY:
            second += 1
        spent.append(second - 3599)
    assert sum(spent) / len(spent) <= max_s


def test_an_hour_of_a_surge_is_not_learned_and_half_a_day_of_it_is_the_new_usual() -> None:
    detector = quiet(poisson, 3600)
    for second in range(3600, 7200):
        detector.pass_to(second)
        surge = detector.add(second, 20.0)
    assert detector.usual.rate == pytest.approx(1.0, rel=0.2)
    assert grade_of_rate(surge.per_day) == 4
    for second in range(7200, 14 * 3600):
        detector.pass_to(second)
        detector.add(second, 20.0)
    assert detector.usual.rate > 5


def test_what_was_not_seen_is_not_learned() -> None:
    detector = quiet(poisson, 3600)
    before = detector.usual.rate
    detector.pass_to(3660)
    detector.pass_to(40_000, seen=0.1)
    detector.add(40_001, 1.0)
    detector.pass_to(40_100, seen=0.1)
    assert detector.usual.rate == pytest.approx(before, rel=0.05)
    detector.pass_to(80_000)
    assert detector.usual.rate < 0.5 * before


def test_the_dead_part_of_a_second_expects_no_events() -> None:
    plain, throttled = quiet(poisson, 3600), quiet(poisson, 3600)
    plain.pass_to(3600)
    throttled.pass_to(3600)
    for second in range(3600, 3620):
        found = (plain.add(second, 1.0), throttled.add(second, 1.0, 0.98))
    assert found[0].per_day > 24
    assert grade_of_rate(found[1].per_day) == 4
    throttled.hide(3620, 0.5)
    assert throttled.add(3621, 1.0, 0.98).per_day <= WEEKLY


def test_a_surge_that_is_over_is_not_renewed_by_a_quiet_event() -> None:
    detector = quiet(poisson, 3600)
    detector.pass_to(3600)
    for second in range(3600, 3610):
        surge = detector.add(second, 20.0)
    assert grade_of_rate(surge.per_day) == 4
    assert detector.add(3640, 1.0).per_day == inf


def test_a_stream_with_a_short_warm_up_is_judged_by_its_first_seconds() -> None:
    detector = SurgeDetector(60, 0.001, 15, 1.5, 0)
    for second in range(0, 30, 3):
        assert detector.add(second, 1.0).per_day > WEEKLY
    assert detector.add(31, 60.0).per_day <= WEEKLY


def test_a_stream_that_began_seconds_before_a_minute_is_over_has_no_surge_in_its_usual_events() -> None:
    detector = SurgeDetector(3600.0, 0.02, 0.0, 1.2, 60_057)
    found = []
    for second in range(60_057, 60_150):
        if detector.is_new_round(second):
            detector.pass_to(second)
        found.append(detector.add(second, 1.0).per_day)
    assert min(found) > 24.0
