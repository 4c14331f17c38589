"""Tests of detectors against values computed by hand from the formulas of docs/detection.md, and at their edges."""

from __future__ import annotations

from math import log

import pytest

from monitor.detect.excitation import Branching
from monitor.detect.failures import FailureBets
from monitor.detect.focus import PoissonFocus
from monitor.detect.level import RobustLevel
from monitor.detect.rate import Background

EXACT = 1e-4


def test_focus_gives_the_likelihood_ratio_of_a_poisson_step() -> None:
    focus = PoissonFocus(1.5)
    for _ in range(20):
        focus.add(1, 1.0)
    for _ in range(3):
        focus.add(5, 1.0)
    assert focus.excess.statistic == pytest.approx(12.1416, abs=EXACT)  # 15 ln 5 - 3 (5 - 1)
    assert (focus.excess.bins, focus.excess.ratio) == (3, 5.0)


def test_focus_gives_the_likelihood_ratio_of_one_bin() -> None:
    excess = PoissonFocus(1.5).add(10, 1.0)
    assert excess.statistic == pytest.approx(14.0259, abs=EXACT)  # 10 ln 10 - 9
    assert (excess.bins, excess.ratio) == (1, 10.0)


def test_focus_tests_a_weak_excess_against_the_minimum_surge_ratio() -> None:
    excess = PoissonFocus(1.5).add(13, 10.0)
    assert excess.statistic == pytest.approx(0.2710, abs=EXACT)  # 13 ln 1.5 - 10 x 0.5, not 13 ln 1.3 - 3
    assert excess.ratio == 1.3


def test_focus_finds_nothing_before_the_first_bin_and_after_a_reset() -> None:
    focus = PoissonFocus()
    nothing = (0.0, 0, 1.0)
    assert (focus.excess.statistic, focus.excess.bins, focus.excess.ratio) == nothing
    focus.add(50, 1.0)
    focus.reset()
    assert (focus.excess.statistic, focus.excess.bins, focus.excess.ratio) == nothing
    assert focus.add(2, 1.0).bins == 1


def test_focus_finds_no_surge_below_the_break_even_ratio() -> None:
    focus = PoissonFocus(1.5)
    assert focus.add(12, 10.0).statistic == 0  # 1.2 is under 0.5 / ln 1.5 = 1.233
    assert focus.excess.bins == 0
    assert focus._curves == []
    focus.add(12.4, 10.0)
    assert len(focus._curves) == 1


def test_focus_counts_surges_from_one_and_a_half_times_normal_by_default() -> None:
    assert PoissonFocus().add(13, 10.0).statistic == pytest.approx(0.2710, abs=EXACT)


def test_focus_weighs_bins_by_their_expected_counts() -> None:
    focus = PoissonFocus(1.5)
    focus.add(6, 2.0)
    assert focus.add(4, 1.0).statistic == pytest.approx(5.0397, abs=EXACT)  # 10 ln (10 / 3) - 7
    assert focus.excess.ratio == pytest.approx(10 / 3)


@pytest.mark.parametrize(("most", "bins", "statistic"), [(3, 3, 12.1416), (2, 2, 9.7523)])
def test_focus_keeps_the_set_number_of_windows_and_forgets_the_oldest(most: int, bins: int, statistic: float) -> None:
    focus = PoissonFocus(1.5, most)
    for count in (4, 5, 6):
        focus.add(count, 1.0)
    assert focus.excess.bins == bins
    assert focus.excess.statistic == pytest.approx(statistic, abs=EXACT)  # 15 ln 5 - 12; 11 ln 5.5 - 9


def test_focus_keeps_sixty_four_windows_by_default() -> None:
    focus = PoissonFocus()
    for count in range(2, 102):
        focus.add(count, 1.0)
    assert len(focus._curves) == 64


def test_focus_keeps_one_window_of_several_with_one_ratio() -> None:
    focus = PoissonFocus()
    for _ in range(5):
        focus.add(3, 1.0)
    assert len(focus._curves) == 1
    assert focus.excess.bins == 5


def test_focus_drops_a_window_that_an_earlier_one_dominates() -> None:
    focus = PoissonFocus()
    for count, usual in ((8, 4.0), (6, 1.0), (8, 2.0)):
        focus.add(count, usual)
    # 22 / 7 and 14 / 3 rise and stay; 8 / 2 is more than the first and less than the second
    assert [(curve[0], curve[1]) for curve in focus._curves] == [(22, 7.0), (14, 3.0)]


def test_focus_refuses_a_surge_ratio_of_one_and_a_bin_that_expects_nothing() -> None:
    with pytest.raises(AssertionError):
        PoissonFocus(1.0)
    with pytest.raises(AssertionError):
        PoissonFocus().add(1, 0.0)


def test_a_level_follows_its_formula_for_an_ordinary_and_an_extreme_value() -> None:
    level = RobustLevel(100.0, 0.5, warm=3)
    assert (level.level, level.scale, level.seen) == (0.0, 0.5, 0)
    level.learn(10.0, 0.0)
    assert (level.level, level.scale) == (10.0, 0.5)
    level.learn(11.0, 1.0)  # weighs 1/2: scale 0.5 + (1.2533 - 0.5) / 2
    assert level.level == 10.5
    assert level.scale == pytest.approx(0.87665)
    assert level.score(99.0) == 0
    level.learn(100.0, 2.0)  # weighs 1/3; the error is clipped at 4 x 0.87665 = 3.5066
    assert level.level == pytest.approx(11.66887, abs=EXACT)
    assert level.scale == pytest.approx(2.04937, abs=EXACT)
    assert level.score(100.0) == pytest.approx(43.1015, abs=1e-3)
    assert level.seen == 3


def test_a_level_clips_an_extreme_fall_like_an_extreme_rise() -> None:
    level = RobustLevel(100.0, 0.5, warm=3)
    for second, value in enumerate((10.0, 9.0, -100.0)):
        level.learn(value, float(second))
    assert level.level == pytest.approx(8.33113, abs=EXACT)
    assert level.scale == pytest.approx(2.04937, abs=EXACT)


def test_a_level_moves_by_one_minus_the_decay_of_the_elapsed_time() -> None:
    level = RobustLevel(1.0, 0.5)
    level.learn(0.0, 0.0)
    level.learn(1.0, 2.0)
    assert level.level == pytest.approx(0.86466, abs=EXACT)  # 1 - e^-2
    level.learn(0.0, 3.0)
    assert level.level == pytest.approx(0.86466 * 0.36788, abs=EXACT)


def test_values_of_one_moment_count_as_a_millisecond_apart() -> None:
    level = RobustLevel(0.001, 0.5)
    level.learn(0.0, 5.0)
    level.learn(1.0, 5.0)
    assert level.level == pytest.approx(0.63212, abs=EXACT)


def test_a_level_that_never_moved_uses_the_minimum_scale() -> None:
    level = RobustLevel(1.0, 0.5)
    for second in range(0, 100, 10):
        level.learn(3.0, float(second))
    assert level.scale < 0.001
    assert level.score(4.0) == pytest.approx(2.0)
    level.learn(1000.0, 1000.0)
    assert level.level == pytest.approx(5.0)


def test_failures_and_answers_move_the_bets_by_their_formula() -> None:
    bets = FailureBets(0.1)
    assert bets.statistic == 1.0
    assert bets.add(1.0) == pytest.approx(1.84375)  # mean of 1.225, 1.45, 1.9, 2.8
    assert bets.add(1.0) == pytest.approx(3.76328, abs=EXACT)  # mean of their squares
    assert bets.add(0.0) == pytest.approx(3.24537, abs=EXACT)  # times 0.975, 0.95, 0.9, 0.8


def test_good_answers_do_not_offset_the_next_failure() -> None:
    bets = FailureBets()
    assert bets.add(0.0) == pytest.approx(0.90625)
    assert bets.add(0.0) == pytest.approx(0.90625)
    assert bets.add(1.0) == pytest.approx(1.84375)


@pytest.mark.parametrize("allowed", [0.0, 0.5])
def test_bets_on_an_impossible_share_are_refused(allowed: float) -> None:
    with pytest.raises(AssertionError):
        FailureBets(allowed)


def test_the_wealth_of_the_bets_has_a_maximum() -> None:
    bets = FailureBets()
    for _ in range(1000):
        bets.add(1.0)
    assert bets.statistic == 1e15


def test_branching_follows_from_variance_over_mean() -> None:
    branching = Branching(1)
    assert [branching.add(count, second) for second, count in enumerate((0, 4, 0, 4))] == [0, 0, 0, 0]
    assert branching.add(0, 4) == pytest.approx(0.38763, abs=EXACT)  # F = (16 / 3) / 2
    regular = Branching(1)
    assert [regular.add(count, second) for second, count in enumerate((1, 2, 1, 2, 1))] == [0] * 5


def test_branching_counts_windows_of_five_seconds_and_forgets_after_twenty_four() -> None:
    branching = Branching()
    for second, count in enumerate([*[0] * 5, *[4] * 5] * 2):
        assert branching.add(count, second) == 0
    assert branching.add(2, 20) == pytest.approx(0.72614, abs=EXACT)  # 0, 20, 0, 20: F = 13.33
    for second in range(21, 121):
        branching.add(2, second)
    assert branching.ratio == pytest.approx(0.24173, abs=EXACT)  # 24 windows: F = 400 / 23 / 10
    branching.add(2, 125)
    assert branching.ratio == pytest.approx(0.20161, abs=EXACT)  # 20, 0, 20, ten of 10, 2: F = 1.569


def test_seconds_without_events_need_not_be_told_to_branching() -> None:
    told, skipped = Branching(), Branching()
    for second in range(100):
        count = 3 if second % 20 < 2 else 0
        told.add(count, second)
        if count:
            skipped.add(count, second)
    told.add(1, 100)
    skipped.add(1, 100)
    assert told.ratio == skipped.ratio > 0
    assert skipped.add(1, 10_000) == 0


def learned(half_life_s: float, *counts: float) -> Background:
    background = Background(half_life_s, 0.01)
    for count in counts:
        background.learn(count)
    return background


def test_a_background_is_a_plain_mean_at_first_with_an_upper_bound_of_two_standard_errors() -> None:
    background = learned(1800, 3, 0, 0)
    assert background.seconds == 3
    assert background.rate == pytest.approx(1.0)
    assert background.upper == pytest.approx(2.15470, abs=EXACT)  # 1 + 2 sqrt(1 / 3)


def test_a_background_halves_in_its_half_life_and_its_error_follows_its_memory() -> None:
    background = learned(1, 4, 0, 0)
    assert background.rate == pytest.approx(1.0)
    assert background.upper == pytest.approx(2.17741, abs=EXACT)  # 1 + 2 sqrt(1 / (2 / ln 2))


def test_a_background_without_history_is_its_floor_with_the_error_of_one_second() -> None:
    background = learned(1800)
    assert (background.rate, background.fano) == (0.01, 1.0)
    assert background.upper == pytest.approx(0.21)


def test_clusters_raise_the_standard_error_of_a_background() -> None:
    background = learned(1e9, *([0] * 10 + [2] * 10) * 3)
    assert background.fano == pytest.approx(10.0)
    assert background.upper == pytest.approx(1.81650, abs=EXACT)  # 1 + 2 sqrt(10 / 60)


def test_dispersion_is_judged_from_six_blocks_of_ten_seconds_on() -> None:
    counts = ([0] * 10 + [2] * 10) * 3
    assert learned(1e9, *counts[:-1]).fano == 1.0
    assert learned(1e9, *counts).fano == pytest.approx(10.0)  # 0 and 20 a block: variance 100 over mean 10


def test_dispersion_is_the_worse_of_blocks_of_ten_and_of_sixty_seconds() -> None:
    counts = ([0] * 60 + [1] * 60) * 3
    assert learned(1e9, *counts[:-1]).fano == pytest.approx(5.2, abs=0.2)
    assert learned(1e9, *counts).fano == pytest.approx(30.0)  # 0 and 60 a minute: variance 900 over mean 30


def test_dispersion_forgets_with_the_memory_of_the_background() -> None:
    half_life_s = log(2) / -log(0.95)  # a twentieth a second, half a block
    background = learned(half_life_s, *([0] * 10 + [2] * 10) * 3)
    assert background.fano == pytest.approx(6.875)  # mean 13.125, mean square 262.5


def test_counts_more_even_than_chance_are_no_less_than_poisson() -> None:
    assert learned(1e9, *[1] * 360).fano == 1.0
