"""The grade of a false-alarm rate."""

from __future__ import annotations

import math

import pytest

from monitor.detect.alarm_rate import grade_of_rate, nats_of_rate


@pytest.mark.parametrize(
    ("per_day", "grade"),
    [(25, 0), (24, 1), (1.01, 1), (1, 2), (0.15, 2), (1 / 7, 3), (1 / 90, 3), (1 / 91, 4), (0, 4)],
)
def test_grades_are_an_hour_a_day_a_week_and_a_quarter(per_day: float, grade: int) -> None:
    assert grade_of_rate(per_day) == grade


@pytest.mark.parametrize("absurd", [math.nan, -1.0])
def test_a_rate_that_is_none_has_no_grade(absurd: float) -> None:
    assert grade_of_rate(absurd) == 0
    assert nats_of_rate(absurd) == 0


def test_the_weight_is_the_grade_at_its_bound_and_goes_on_between() -> None:
    assert [nats_of_rate(one) for one in (24, 1, 1 / 7, 1 / 91)] == pytest.approx([1, 2, 3, 4])
    assert nats_of_rate(25) == 0
    assert nats_of_rate(1e-9) == 4
    assert nats_of_rate(math.sqrt(24)) == pytest.approx(1.5)  # halfway by logarithm between 24 a day and one a day
    assert nats_of_rate(0.2) > nats_of_rate(0.3)
