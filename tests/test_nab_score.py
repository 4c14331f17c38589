"""The NAB score by hand: nothing found is 0, all windows at their first row 100, and what a detection costs where."""

from __future__ import annotations

from math import exp

import pytest

from tests.nab_score import Scored, best_threshold, counted, normalised, probation, sigmoid_weight, windows_of


def series(*rows: int, length: int = 1000) -> Scored:
    return Scored("made", "made", [float(row in rows) for row in range(length)], [(400, 499), (800, 899)])


def test_a_detection_weighs_one_at_the_begin_of_a_window_nothing_at_its_end_and_minus_one_far_after() -> None:
    assert sigmoid_weight(-1.0) == pytest.approx(2 / (1 + exp(-5)) - 1)
    assert sigmoid_weight(0.0) == 0
    assert sigmoid_weight(3.1) == -1


def test_nothing_found_scores_0_and_every_window_at_its_first_row_100() -> None:
    assert normalised([series()], 0.5) == 0
    assert normalised([series(400, 800)], 0.5) == pytest.approx(100)
    assert normalised([series(400, 450, 499, 800)], 0.5) == pytest.approx(100), "only the earliest in a window counts"


def test_false_positives_cost_by_their_place_and_the_profile() -> None:
    assert counted(series(300), 0.5) == pytest.approx(-2 - 0.11)
    assert counted(series(300), 0.5, "low FP") == pytest.approx(-2 - 0.22)
    assert counted(series(), 0.5, "low FN") == -4
    assert counted(series(500), 0.5) == pytest.approx(-2 + 0.11 * (2 / (1 + exp(5 / 99)) - 1))
    assert counted(series(10, 149), 0.5) == -2, "the first 15 % are not judged"
    assert (probation(1000), probation(20_000)) == (150, 750)


def test_windows_lie_around_labels_and_share_a_tenth_of_the_series() -> None:
    labels = [0] * 1000
    labels[500] = labels[505] = labels[800] = labels[50] = 1
    assert windows_of(labels) == [(486, 518), (784, 816)]


def test_the_best_threshold_is_the_one_of_the_highest_score() -> None:
    one = Scored(
        "made", "made", [0.3 if row in (200, 300) else 0.7 if row == 450 else 0.0 for row in range(1000)], [(400, 499)]
    )
    assert 0.3 < best_threshold([one]) <= 0.7
