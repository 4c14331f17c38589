"""Tests of how often a market's own tremors make as much as a surge did: from the shipped prior, and from its own past."""

from __future__ import annotations

from math import exp

import pytest

from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.tremors import CALM_S, EXCESS_S, PER_DAY, Tremors

RATE = 1.0
SEEN_S = 600


def after(seconds: int, events: float, *, dead: float = 0.0, of: Tremors | None = None, begin_s: int = 0) -> float:
    """Tremors a day as grave as so many seconds with `events` each, a surge in every one."""
    tremors = Tremors(begin_s) if of is None else of
    found = float("inf")
    for second in range(begin_s + 1, begin_s + seconds + 1):
        found = tremors.per_day(second, events, dead, RATE, 0.0)
        tremors.renew(second)
    return found


def test_a_surge_is_as_rare_as_the_shipped_law_of_tremors_says() -> None:
    # 10 s at 13 times: 129 events after the first, 12.9 times the usual; 10.9 times above a lively market
    assert after(10, 13.0) == pytest.approx(PER_DAY * exp(-10 * 10.9 / EXCESS_S))


def test_a_lively_market_is_no_excess_however_long() -> None:
    assert after(3600, 1.9) == pytest.approx(PER_DAY)


def test_three_times_the_usual_for_five_minutes_is_no_tremor_any_more() -> None:
    assert after(60, 3.0) > 1.0
    assert after(300, 3.0) < 1 / 7


def test_half_of_the_seconds_unseen_is_twice_the_rate() -> None:
    assert after(10, 6.5, dead=0.5) < after(10, 7.0)


def test_one_event_tells_no_rate() -> None:
    assert after(1, 1.0, dead=0.999) == pytest.approx(PER_DAY)


def test_an_excursion_ends_with_a_minute_of_calm() -> None:
    tremors = Tremors(0)
    assert after(60, 20.0, of=tremors) < 1e-3
    assert after(1, 20.0, of=tremors, begin_s=60 + CALM_S + 1) > 1.0


def test_a_market_that_trembles_often_needs_more() -> None:
    calm, lively = Tremors(0), Tremors(0)
    for block in range(200):
        for tremors, times in ((calm, 1.0), (lively, 12.0)):
            after(10, times, of=tremors, begin_s=block * SEEN_S)
            tremors.learn(SEEN_S, RATE)
    moved_s = 200 * SEEN_S
    assert after(15, 20.0, of=lively, begin_s=moved_s) > 3 * after(15, 20.0, of=calm, begin_s=moved_s)


def test_a_crash_is_not_learned_as_a_tremor() -> None:
    tremors = Tremors(0)
    for block in range(20):
        after(300, 100.0, of=tremors, begin_s=block * SEEN_S)
        tremors.learn(SEEN_S, RATE)
    assert after(60, 100.0, of=tremors, begin_s=20 * SEEN_S) < 1 / 91


def test_less_than_a_block_is_not_learned_yet() -> None:
    tremors = Tremors(0)
    tremors.learn(SEEN_S - 1, RATE)
    assert tremors.peaks.per_day(0.0) == pytest.approx(PER_DAY)
    tremors.learn(1, RATE)
    assert tremors.peaks.per_day(0.0) < PER_DAY


@pytest.mark.parametrize(
    ("ratio", "grade"),
    [(2.0, 1), (3.0, 1), (4.0, 2), (5.0, 3), (12.0, 4)],
    # a normal tail of spread 0.5 in log units, 96 looks a day: 8 a day, 1.3, 0.27, 0.06, 0.00002
)
def test_activity_that_wanders_makes_few_times_the_usual_often_and_many_never(ratio: float, grade: int) -> None:
    assert grade_of_rate(Tremors(0).wander_per_day(ratio, 1e6)) == grade


def test_a_ratio_that_rests_on_few_events_counts_by_its_lower_bound() -> None:
    tremors = Tremors(0)
    assert tremors.wander_per_day(12.0, 9.0) == pytest.approx(
        tremors.wander_per_day(12.0 * (1 - 1.645 / 3), 1e12), rel=1e-4
    )
    assert grade_of_rate(tremors.wander_per_day(12.0, 2.0)) == 0


def test_a_market_whose_blocks_swing_by_three_needs_a_higher_ratio_and_a_steady_one_a_lower() -> None:
    def after_days(swing: float) -> Tremors:
        tremors = Tremors(0)
        for block in range(20 * 144):
            tremors.per_day(block * SEEN_S + 1, 600.0 * (swing if block % 2 else 1 / swing), 0.0, 600.0, 0.0)
            tremors.learn(SEEN_S, RATE)
        return tremors

    assert after_days(3.0).wander_per_day(5.0, 1e6) > 1.0
    assert after_days(1.1).wander_per_day(4.0, 1e6) < Tremors(0).wander_per_day(4.0, 1e6) / 10


def test_a_surge_of_many_times_the_usual_is_not_learned_as_activity() -> None:
    tremors = Tremors(0)
    for block in range(200):
        tremors.per_day(block * SEEN_S + 1, 600.0 * 20, 0.0, 600.0, 0.0)
        tremors.learn(SEEN_S, RATE)
    assert tremors.wander_per_day(5.0, 1e6) == pytest.approx(Tremors(0).wander_per_day(5.0, 1e6))


def test_a_tremor_of_a_market_that_is_lively_anyway_counts_by_what_it_adds_itself() -> None:
    tremors = Tremors(0)
    for second in range(1, 601):
        lively = tremors.per_day(second, 3.0, 0.0, RATE, 0.0)
        tremors.renew(second)
    assert lively < 1e-2, "ten minutes at three times the usual are long"
    # 3 s at 12 times: 9.9 times above a lively market for 3 s is half of the mean tremor
    assert tremors.per_day_of(12.0, 3.0, 0.0) == pytest.approx(PER_DAY * exp(-3 * 10.0 / EXCESS_S))
