"""The relative strength index against the worked example that StockCharts publishes (ChartSchool, "RSI"), and its edges."""

from __future__ import annotations

import pytest

from monitor.detect.rsi import RelativeStrength

CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
    46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521,
    45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
]  # fmt: skip
PUBLISHED = [
    70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30,
    33.08, 37.77,
]  # fmt: skip


def test_the_published_example_is_met_from_its_fifteenth_close_on() -> None:
    series, values = RelativeStrength(), []
    for close in CLOSES:
        series.closed(close)
        values.append(series.value)
    assert values[:14] == [None] * 14
    assert values[14:] == pytest.approx(PUBLISHED, abs=0.006)


@pytest.mark.parametrize(("step", "value"), [(1.0, 100.0), (-1.0, 0.0), (0.0, None)], ids=["rises", "falls", "stands"])
def test_a_series_that_only_rises_is_100_and_one_that_stands_still_has_none(step: float, value: float | None) -> None:
    series = RelativeStrength()
    for number in range(40):
        series.closed(100 + step * number)
    assert series.value == value


def test_another_period_may_be_given() -> None:
    series = RelativeStrength(2)
    for close in (1.0, 2.0, 1.0):
        series.closed(close)
    assert series.value == 50.0
