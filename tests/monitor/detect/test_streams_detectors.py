"""Tests of the other detectors: robust level, failure bets, branching, background rate, dead time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detect.excitation import Branching
from monitor.detect.failures import FailureBets
from monitor.detect.level import RobustLevel
from monitor.detect.rate import Background
from tests.monitor.detect.streams import clustered, hawkes, poisson

WEEK = 604_800


def warm_level(values: list[float], tau_s: float = 300.0, floor: float = 0.05) -> RobustLevel:
    level = RobustLevel(tau_s, floor)
    for second, value in enumerate(values):
        level.learn(value, float(second))
    return level


def test_a_level_gives_no_score_until_it_is_warm() -> None:
    assert warm_level([1.0] * 7).score(1e9) == 0
    assert warm_level([1.0] * 8).score(1e9) > 0


def test_a_level_learns_location_and_scale_of_normal_noise() -> None:
    chance = random.Random(1)
    level = warm_level([chance.gauss(5, 2) for _ in range(5000)])
    assert level.level == pytest.approx(5, abs=0.5)
    assert level.scale == pytest.approx(2, rel=0.25)


def test_one_extreme_value_moves_a_level_by_at_most_four_scales_times_the_learning_rate() -> None:
    chance = random.Random(2)
    level = warm_level([chance.gauss(0, 1) for _ in range(2000)])
    before, scale = level.level, level.scale
    level.learn(1e9, 2000.0)
    assert 0 < level.level - before <= 4 * scale / 300


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_level_stays_among_the_values_it_learned(values: list[float]) -> None:
    level = warm_level(values)
    assert min(values) - 1e-6 <= level.level <= max(values) + 1e-6
    assert level.scale > 0


def test_failures_within_the_allowed_share_do_not_alarm_for_a_week_of_outcomes() -> None:
    chance = random.Random(3)
    bets = FailureBets(0.05)
    assert max(bets.add(float(chance.random() < 0.05)) for _ in range(200_000)) < WEEK


@pytest.mark.parametrize(("share", "most"), [(1.0, 14), (0.5, 40), (0.25, 200)])
def test_failures_above_the_allowed_share_alarm_soon(share: float, most: int) -> None:
    spent = []
    for seed in range(50):
        chance = random.Random(seed)
        bets = FailureBets(0.05)
        outcomes = 1
        while bets.add(float(chance.random() < share)) < WEEK:
            outcomes += 1
        spent.append(outcomes)
    assert sorted(spent)[len(spent) // 2] <= most


def test_many_failures_never_overflow() -> None:
    bets = FailureBets(0.05)
    assert max(bets.add(1.0) for _ in range(10_000)) <= 1e15


def test_unclustered_events_have_little_branching() -> None:
    chance = random.Random(4)
    branching = Branching()
    ratios = [branching.add(poisson(chance, 5.0), second) for second in range(600)]
    assert ratios[18] == 0
    assert max(ratios) < 0.5


def test_regular_and_absent_events_have_no_branching() -> None:
    regular, absent = Branching(), Branching()
    for second in range(100):
        regular.add(3.0, second)
        absent.add(0.0, second)
    assert regular.ratio == absent.ratio == 0


def test_self_excited_events_have_much_branching() -> None:
    branching = Branching()
    ratios = [branching.add(count, second) for second, count in enumerate(hawkes(5, 0.5, 0.9, 3000))]
    assert sorted(ratios[200:])[len(ratios[200:]) // 2] > 0.5


def background(counts: list[int]) -> Background:
    found = Background(1800, 0.01)
    for count in counts:
        found.learn(count)
    return found


def test_a_background_learns_the_rate_and_that_poisson_is_not_clustered() -> None:
    chance = random.Random(6)
    found = background([poisson(chance, 0.7) for _ in range(7200)])
    assert found.rate == pytest.approx(0.7, rel=0.15)
    assert found.fano < 1.5


def test_a_background_detects_clusters() -> None:
    chance = random.Random(7)
    assert background([clustered(chance, 1.0) for _ in range(7200)]).fano == pytest.approx(3, rel=0.4)


def test_an_idle_background_keeps_its_floor() -> None:
    found = background([0] * 1000)
    assert found.rate == 0.01
    assert found.fano == 1
