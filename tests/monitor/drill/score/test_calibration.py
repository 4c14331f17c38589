"""Tests of stated against true probabilities, by hand-computed figures."""

from __future__ import annotations

import pytest

from monitor.drill.score.calibration import Calibration, calibrated


def test_the_error_is_the_mean_gap_of_the_bins_by_their_seconds() -> None:
    # bin .2: stated .2 .2, true 1 of 2 -> |.4 - 1| = .6; bin .9: stated .9 .9, true 2 of 2 -> |1.8 - 2| = .2; of 4 seconds
    made = calibrated([(0.2, True), (0.2, False), (0.9, True), (0.9, True)])

    assert made.ece() == pytest.approx(0.8 / 4)


def test_the_brier_score_is_the_mean_squared_error() -> None:
    made = calibrated([(0.2, True), (0.9, True)])

    assert made.brier() == pytest.approx((0.8**2 + 0.1**2) / 2)


def test_a_doubtful_second_has_p_above_a_twentieth() -> None:
    made = calibrated([(0.05, False), (0.06, False), (0.0, False)])

    assert sum(one.seconds for one in made.doubtful) == 1
    assert made.ece_doubtful() == pytest.approx(0.06)


def test_a_probability_of_one_lies_in_the_last_bin() -> None:
    assert calibrated([(1.0, True)]).bins[-1].true == 1


def test_calibrations_add_up() -> None:
    first, second = calibrated([(0.2, True)]), calibrated([(0.9, False)])

    both = first.plus(second)

    assert both == calibrated([(0.2, True), (0.9, False)])
    assert both.seconds == 2


def test_nothing_judged_has_no_error() -> None:
    empty = Calibration()

    assert (empty.ece(), empty.ece_doubtful(), empty.brier()) == (None, None, None)
