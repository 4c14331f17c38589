"""Tests of the figures of many cases, by hand-computed values."""

from __future__ import annotations

import pytest

from monitor.drill.score.marks import judge
from monitor.drill.score.summary import delays, figures, mistakes, percentile
from monitor.drill.score.truth import Spell, Truth
from monitor.incidents import Leg, Level
from tests.monitor.drill.score.said import ASSET, told, trial
from tests.monitor.drill.score.test_truth import STORM

ALL = {Leg.LIQUIDATION: range(102, 400), Leg.VENUE: range(201, 400), Leg.MIGRATION: range(304, 400)}
FOUND = judge(
    trial(
        told(103, "opened", Level.WATCH), told(310, "raised", Level.PERFECT_STORM), seconds=range(400), p=0.9, true=ALL
    ),
    STORM,
    ASSET,
)
MISSED = judge(trial(seconds=range(400)), STORM, ASSET)
FALSE = judge(trial(told(10, "opened", Level.PERFECT_STORM), seconds=range(400)), Truth(), ASSET)
QUIET = judge(trial(seconds=range(400)), Truth(), ASSET)


def test_recall_counts_storms_and_precision_counts_incidents() -> None:
    made = figures([FOUND, MISSED, FALSE, QUIET])

    assert (made.recall, made.precision) == (0.5, 0.5)
    assert made.storm_held == pytest.approx(590 / 1200), (
        "the storm lasts from 300 to 900, twice; once it is told from 310 on"
    )
    assert (made.storms, made.storms_found, made.right_storms, made.wrong_storms) == (2, 1, 1, 1)


def test_rates_are_per_day_of_judged_seconds() -> None:
    made = figures([FALSE, QUIET])

    assert made.days == pytest.approx(800 / 86_400)
    assert made.false_per_day["perfect-storm"] == pytest.approx(86_400 / 800)
    assert made.false_per_day["watch"] == 0


def test_what_was_never_found_is_later_than_everything() -> None:
    made = delays([3.0, None, 1.0, 2.0])

    assert (made.of, made.found, made.p50_s, made.p95_s) == (4, 3, 2.0, None)


def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile(list(map(float, range(1, 21))), 0.95) == 19.0
    assert percentile([5.0], 0.95) == 5.0
    assert percentile([], 0.5) is None


def test_the_delays_of_legs_are_told_leg_by_leg() -> None:
    made = figures([FOUND, MISSED])

    assert made.leg_delays["venue"].found == 1
    assert made.leg_delays["liquidation"].p50_s == 2.5


def test_the_mistakes_of_a_case_are_told_in_words_and_a_case_without_any_is_clean() -> None:
    blind = judge(
        trial(told(5, "opened", Level.CALM), told(9, "ended", Level.CALM)),
        Truth(blind=(Spell(onset_s=0, end_s=10),)),
        ASSET,
    )

    assert [mistakes(one) for one in (FOUND, QUIET, FALSE, blind)] == [
        (), (), ("false perfect-storm",), ("resolved while blind",),
    ]  # fmt: skip
    assert mistakes(MISSED) == (
        "perfect-storm not found (reached calm)", "liquidation leg not found", "venue leg not found",
        "migration leg not found",
    )  # fmt: skip
    assert figures([FOUND, MISSED, FALSE, QUIET, blind]).clean == 2


def test_several_false_alarms_of_a_level_are_told_with_their_number() -> None:
    said = trial(told(1, "opened", Level.WATCH), told(2, "opened", Level.WATCH, incident="two"))

    assert mistakes(judge(said, Truth(), ASSET)) == ("false watch (2 times)",)


def test_nothing_judged_gives_no_figure() -> None:
    made = figures([])

    assert made.recall is None
    assert made.false_per_day["watch"] is None
    assert made.flaps_mean is None


def test_the_reliability_table_has_a_row_for_each_tenth() -> None:
    made = figures([FOUND])

    assert len(made.reliability) == 10
    row = made.reliability[9]
    assert row.stated == pytest.approx(0.9)
    assert row.true == pytest.approx(0.25), "100 of 400 seconds were the storm's"
