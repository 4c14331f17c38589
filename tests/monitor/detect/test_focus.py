"""Tests of Poisson-FOCuS against brute force over every window, and at its published operating points."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import log
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.focus import NO_EXCESS, PoissonFocus
from tests.branches import Reached
from tests.monitor.detect.streams import clustered, hawkes, poisson

BINS = st.lists(st.tuples(st.integers(0, 20), st.floats(0.01, 5)), min_size=1, max_size=60)


def brute(bins: list[tuple[int, float]], mu_min: float) -> float:
    best, events, expected = 0.0, 0.0, 0.0
    for count, usual in reversed(bins):
        events += count
        expected += usual
        mu = max(events / expected, mu_min)
        best = max(best, events * log(mu) - expected * (mu - 1))
    return best


@given(BINS, st.floats(1.05, 3))
@settings(max_examples=300, deadline=None)
def test_the_statistic_is_the_likelihood_ratio_over_all_windows(bins: list[tuple[int, float]], mu_min: float) -> None:
    focus = PoissonFocus(mu_min)
    for index, (count, usual) in enumerate(bins):
        excess = focus.add(count, usual)
        assert excess.statistic == pytest.approx(brute(bins[: index + 1], mu_min), abs=1e-9)


a_window = Reached("a reported window")


@given(BINS)
@settings(max_examples=100, deadline=None)
def test_the_reported_window_has_the_reported_ratio(bins: list[tuple[int, float]]) -> None:
    focus = PoissonFocus()
    for count, usual in bins:
        focus.add(count, usual)
    excess = focus.excess
    window = bins[len(bins) - excess.bins :]
    if a_window(excess.bins > 0):
        assert excess.ratio == pytest.approx(sum(k for k, _ in window) / sum(b for _, b in window))


def test_an_onset_is_found_to_the_exact_bin() -> None:
    focus = PoissonFocus()
    for count in [1, 0, 2, 1, 0, 1] * 20 + [12] * 5:
        focus.add(count, 1.0)
    assert focus.excess.bins == 5
    assert focus.excess.ratio == pytest.approx(12)


def test_a_reset_forgets_all_earlier_bins() -> None:
    focus = PoissonFocus()
    focus.add(50, 1.0)
    focus.reset()
    assert focus.excess is NO_EXCESS
    assert focus.add(1, 1.0).statistic == 0


def alarms(draw: Callable[[], float], threshold: float, bins: int, mean: float = 1.0) -> int:
    focus = PoissonFocus()
    found = 0
    for _ in range(bins):
        if focus.add(draw(), mean).statistic >= threshold:
            found += 1
            focus.reset()
    return found


def delays(draw: Callable[[random.Random, float], float], threshold: float, times: float, changes: int) -> list[int]:
    found = []
    for seed in range(changes):
        chance = random.Random(seed)
        focus = PoissonFocus()
        for _ in range(100):
            focus.add(draw(chance, 1.0), 1.0)
        focus.reset()
        seconds = 1
        while focus.add(draw(chance, times), 1.0).statistic < threshold:
            seconds += 1
        found.append(seconds)
    return found


@pytest.mark.thorough
def test_on_poisson_counts_the_weekly_threshold_alarms_at_most_weekly() -> None:
    chance = random.Random(11)
    assert alarms(lambda: poisson(chance, 1.0), 12.5, 604_800) <= 2


@pytest.mark.thorough
def test_on_clustered_counts_the_poisson_threshold_is_void_and_the_raised_one_holds() -> None:
    chance = random.Random(12)
    assert alarms(lambda: clustered(chance, 1.0), 12.5, 20_000) > 5
    assert alarms(lambda: clustered(chance, 1.0), 66, 150_000) <= 1


@pytest.mark.thorough
def test_on_clustered_counts_clipped_at_four_the_clipped_threshold_holds() -> None:
    chance = random.Random(13)
    mean = fmean(min(clustered(chance, 1.0), 4) for _ in range(50_000))
    assert alarms(lambda: min(clustered(chance, 1.0), 4), 21, 150_000, mean) <= 1


def test_on_self_excited_counts_the_raised_threshold_holds() -> None:
    counts = hawkes(14, 0.5, 0.5, 100_000)
    assert alarms(lambda: next(counts), 66, 100_000) <= 1


@pytest.mark.parametrize(("times", "max_s"), [(3, 12), (5, 5), (10, 2)])
def test_a_surge_of_poisson_counts_is_seen_in_seconds(times: float, max_s: float) -> None:
    assert fmean(delays(poisson, 12.5, times, 300)) <= max_s


@pytest.mark.parametrize(("times", "max_s"), [(10, 6), (30, 2)])
def test_a_surge_of_clustered_counts_is_seen_in_seconds(times: float, max_s: float) -> None:
    assert fmean(delays(clustered, 66, times, 300)) <= max_s


def test_the_number_of_curves_stays_small() -> None:
    chance = random.Random(15)
    focus = PoissonFocus()
    most = 0
    for _ in range(20_000):
        focus.add(poisson(chance, 1.0), 1.0)
        most = max(most, len(focus._curves))
    assert most <= 32
