"""Tests of the printed chance: shipped priors, a deployment's own rates, time slides, the worse of both, and its words."""

from __future__ import annotations

import random

import pytest

from monitor.correlator import Correlator
from monitor.correlator.chance import DAY_S, KEPT_DAYS, MAX_EPISODES, PRIOR_WORDS, LegHistory
from monitor.correlator.levels import by_chance
from monitor.incidents import LEGS, Leg, Level
from tests.monitor.correlator.storm import DRILL, START, Story, run_log

LIQUIDATION, VENUE, MIGRATION = LEGS


def history(days: float, spans: dict[Leg, list[tuple[float, float]]], asset: str = "BTC") -> LegHistory:
    """A month whose seconds are counted, and in which only begins and ends are told."""
    made = LegHistory()
    told = sorted({moment for some in spans.values() for span in some for moment in span} | {days * DAY_S})
    for moment in told:
        true = {leg for leg, some in spans.items() for since, until in some if since <= moment < until}
        made.observe(asset, true, moment)
    made._watched_s = days * DAY_S
    made._night = int(days) - 1
    made.on_second(days * DAY_S, 1)
    return made


def test_before_a_week_was_watched_shipped_priors_stand_in_and_say_so() -> None:
    young = history(6.9, {LIQUIDATION: [(100.0, 200.0)]})
    chance = young.of("BTC", LEGS)
    assert chance.basis == PRIOR_WORDS == "from shipped priors, not measured here"
    assert 1 / chance.per_day / 365.25 == pytest.approx(
        7.1, abs=0.1
    )  # 1, 2 and .2 a day of 10, 20 and 60 min: .14 a year


def test_a_months_own_episodes_give_the_rate_and_say_how_many_days_they_are() -> None:
    spans = {
        leg: [(hour * 3600.0, hour * 3600.0 + lasts_s) for hour in range(first, 30 * 24, every)]
        for leg, lasts_s, first, every in ((LIQUIDATION, 600.0, 0, 24), (VENUE, 1200.0, 6, 12))
    }
    chance = history(30.0, spans).of("BTC", (LIQUIDATION, VENUE))
    assert chance.basis == "from 30 days of your own data"
    assert chance.per_day == pytest.approx(31 / 30 * 61 / 30 * 1800 / DAY_S, rel=0.01)


def test_a_leg_that_was_never_true_has_one_episode_to_come_and_not_the_rate_zero() -> None:
    chance = history(31.0, {}).of("BTC", LEGS)
    assert chance.per_day == pytest.approx((1 / 31) ** 3 * (600 * 1200 + 600 * 3600 + 1200 * 3600) / DAY_S**2)
    assert chance.per_day > 0


def test_slides_count_what_rates_do_not_know_and_the_worse_is_told() -> None:
    # both legs keep to one rhythm, and each slide of a month by 101 parts meets it again: far oftener than the rates say
    part_s = 31 * DAY_S / 101
    rhythm = [(number * part_s, number * part_s + 60.0) for number in range(1, 100)]
    chance = history(31.0, {LIQUIDATION: rhythm, VENUE: rhythm}).of("BTC", (LIQUIDATION, VENUE))
    by_rates = (100 / 31) ** 2 * 120 / DAY_S
    assert chance.per_day == pytest.approx(99 / 31, rel=0.05)
    assert chance.per_day > 100 * by_rates


def test_slides_agree_with_the_formula_for_independent_legs() -> None:
    chance = random.Random(11)
    spans = {leg: [] for leg in LEGS}  # type: dict[Leg, list[tuple[float, float]]]
    for leg, lasts_s in ((LIQUIDATION, 1800.0), (VENUE, 2400.0), (MIGRATION, 3600.0)):
        at = 0.0
        while (at := at + chance.expovariate(6 / DAY_S)) < 30.9 * DAY_S:
            spans[leg].append((at, at + lasts_s))
            at += lasts_s
    made = history(31.0, spans)
    rates = [len(spans[leg]) / 31 for leg in LEGS]
    days = [0.0208, 0.0278, 0.0417]
    expected = rates[0] * rates[1] * rates[2] * (days[0] * days[1] + days[0] * days[2] + days[1] * days[2])
    assert made._slides[LEGS] == pytest.approx(expected, rel=0.35)


def test_what_is_kept_is_bounded_and_older_than_a_month_is_forgotten() -> None:
    made = LegHistory()
    for number in range(3 * MAX_EPISODES):
        made.observe("BTC", {VENUE}, number * 100.0)
        made.observe("BTC", set(), number * 100.0 + 50)
    assert len(made._spans["BTC", VENUE]) == MAX_EPISODES
    made.on_second(0.0, 1)
    made.on_second(KEPT_DAYS * DAY_S + 3 * MAX_EPISODES * 100.0 + 1, 1)
    assert not made._spans


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (1 / (52.1 * 7), "by chance once in 52 weeks"),
        (1 / (9.96 * 365.25), "by chance once in 10 years"),
        (1 / (684_462.7 * 365.25), "by chance once in 680,000 years"),
        (1 / (684_462_696.8 * 365.25), "by chance less than once in a million years"),
        (1e-300, "by chance less than once in a million years"),
        (137.0, "by chance 140 times a day"),
    ],
)
def test_a_chance_is_never_said_with_more_than_two_digits(per_day: float, words: str) -> None:
    assert by_chance(per_day) == words
    assert by_chance(per_day, "so") == f"{words} (so)"


def test_a_storms_change_names_the_rate_and_its_basis() -> None:
    outcome = run_log(Story(380).surge(310, 380).upgrade(330).trouble(320, 380).signals())
    storm = next(one for one in outcome.of() if one.level is Level.PERFECT_STORM)
    assert (storm.far_basis, storm.far_per_day) == (PRIOR_WORDS, 0.00039)
    assert Correlator.thaw(outcome.correlator.freeze()).digest() == outcome.correlator.digest()


def test_the_correlator_remembers_when_each_leg_was_true_and_what_it_watched() -> None:
    outcome = run_log(Story(150).trouble(30, 60).signals(), DRILL)
    kept = Correlator.thaw(outcome.correlator.freeze())._history
    [(since, until)] = kept._spans["BTC", VENUE]
    assert 30 < since - START.timestamp() < 60 < until - START.timestamp() < 150
    assert set(kept._spans) == {("BTC", VENUE)}
    assert kept.days == pytest.approx(150 / DAY_S, rel=0.05)


def test_a_leg_that_had_no_other_beside_it_slides_to_nothing() -> None:
    made = history(31.0, {LIQUIDATION: [(1000.0, 2000.0)]})
    assert set(made._slides.values()) == {0.0}
