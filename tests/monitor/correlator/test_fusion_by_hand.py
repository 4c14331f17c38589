"""Tests of legs, probabilities, levels and joint rates against figures computed by hand from docs/detection.md."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest

from monitor.correlator.active_evidence import WeighedEvidence
from monitor.correlator.fusion import Sight, bounds, contributions, leg_nats, leg_verdict, logistic, logit
from monitor.correlator.levels import blind_under_stress, by_chance, joint_far_per_day, level_of
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, Leg, LegState, LegVerdict, Level
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import evidence

S = CorrelatorSettings()
TRUE, FALSE, UNKNOWN = LegState.TRUE, LegState.FALSE, LegState.UNKNOWN


def weighed(*nats: float) -> list[WeighedEvidence]:
    return [WeighedEvidence(one, evidence(f"e{index}", second=100 - index)) for index, one in enumerate(nats)]


def parts(*nats: float, coverage: float = 1.0) -> list[tuple[str, float]]:
    return [(one.name, round(one.nats, 9)) for one in contributions(weighed(*nats), coverage, S)]


@pytest.mark.parametrize(("coverage", "p_lo"), [(1.0, 0.990), (0.6, 0.983), (0.3, 0.967), (0.1, 0.91), (0.0, 0.40)])
def test_a_storm_becomes_less_certain_as_the_liquidation_feed_goes_blind_and_stays_possible(
    coverage: float, p_lo: float
) -> None:
    legs = [bounds(4.0, coverage, S), bounds(3.5, 1.0, S), bounds(3.0, 1.0, S)]
    prior = log(0.0027 / 0.9973)
    assert logistic(prior + sum(low for low, _ in legs)) == pytest.approx(p_lo, abs=0.005)
    assert logistic(prior + sum(high for _, high in legs)) == pytest.approx(0.990, abs=0.0005)


@pytest.mark.parametrize(
    ("seen", "coverage", "low", "high"),
    [(4.0, 0.3, 2.8116, 4.0), (-1.0, 0.0, -1.0, 4.0), (-1.0, 1.0, -1.0, -1.0), (2.0, 0.6, 1.5218, 3.2685)],
)
def test_the_interval_of_a_leg_follows_its_formula(seen: float, coverage: float, low: float, high: float) -> None:
    assert bounds(seen, coverage, S)[0] == pytest.approx(low, abs=1e-4)
    assert bounds(seen, coverage, S)[1] == pytest.approx(high, abs=1e-4)


def test_log_odds_and_probability_are_inverse_functions() -> None:
    assert logit(0.5) == 0
    assert logit(0.001) == pytest.approx(-6.90675, abs=1e-5)
    assert logistic(-6.90675) == pytest.approx(0.001, abs=1e-7)
    assert logistic(2.0) == pytest.approx(0.880797, abs=1e-6)
    assert logistic(0.0) == 0.5


def test_the_heaviest_finding_counts_in_full_the_second_by_half_and_the_third_not_at_all() -> None:
    assert leg_nats(weighed(2.0, 1.0, 0.9), S) == 2.5
    assert leg_nats(weighed(2.0, 1.0), S) == 2.5
    assert leg_nats(weighed(4.0, 3.0), S) == 4.0


def test_a_contribution_is_what_the_leg_loses_without_it_and_what_is_heavier() -> None:
    assert parts(3.0) == [("e0", 4.0), ("calm", -1.0)]
    assert parts(3.0, 2.0) == [("e0", 2.0), ("e1", 3.0), ("calm", -1.0)]  # 4 with both, 2 without e0, -1 without any
    assert parts(2.0, 1.0, 0.9) == [("e0", 1.05), ("e1", 0.55), ("e2", 1.9), ("calm", -1.0)]


def test_the_lightest_findings_are_one_contribution() -> None:
    names = [name for name, _ in parts(*[2.0] * 8)]
    assert names == ["e0", "e1", "e2", "e3", "e4", "e5", "others", "calm"]
    assert sum(nats for _, nats in parts(*[2.0] * 8)) == pytest.approx(3.0)


def test_a_leg_without_evidence_counts_one_nat_for_calm_whatever_is_seen() -> None:
    assert leg_nats([], S) == -1.0
    assert parts() == parts(coverage=0.3) == parts(coverage=0.0) == [("calm", -1.0)]


def test_weak_evidence_moves_a_leg_from_calm_to_evidence_without_a_jump() -> None:
    assert leg_nats(weighed(0.25), S) == pytest.approx(-0.25)
    assert leg_nats(weighed(0.4, 0.4), S) == pytest.approx(0.2)
    assert leg_nats(weighed(0.5), S) == 0.5


def test_a_contribution_names_its_evidence_and_its_onset() -> None:
    contribution = contributions(weighed(2.0), 1.0, S)[0]
    assert (contribution.evidence_id, contribution.name, contribution.said) == ("e0", "e0", "e0")
    assert contribution.onset == at(100)


@pytest.mark.parametrize(
    ("nats", "coverage", "state"),
    [
        (1.6, 1.0, TRUE),
        (1.4, 1.0, FALSE),
        (2.0, 0.59, TRUE),  # (e^1.5 - e^-1) / (e^2 - e^-1) = 0.586
        (2.0, 0.58, UNKNOWN),
        (1.99, 0.5, FALSE),
        (1.99, 0.49, UNKNOWN),
        (2.0, 0.5, UNKNOWN),
        (4.0, 0.3, TRUE),
        (0.0, 0.5, FALSE),
        (0.0, 0.49, UNKNOWN),
    ],
)
def test_a_leg_is_true_by_its_lower_bound_and_false_only_with_enough_coverage(
    nats: float, coverage: float, state: LegState
) -> None:
    assert leg_verdict(Leg.MIGRATION, weighed(nats), Sight.even(coverage), True, S).state is state


def test_a_leg_is_true_exactly_at_the_threshold() -> None:
    settings = replace(S, true_nats=bounds(2.0, 0.7, S)[0])
    assert leg_verdict(Leg.VENUE, weighed(2.0), Sight.even(0.7), True, settings).state is TRUE


def test_a_leg_without_declared_sources_is_calm_and_not_blind() -> None:
    verdict = leg_verdict(Leg.MIGRATION, [], Sight.even(0.0), False, S)
    assert (verdict.state, verdict.coverage, verdict.w_lo, verdict.w_hi) == (FALSE, 1.0, -1.0, -1.0)
    assert leg_verdict(Leg.MIGRATION, [], Sight.even(0.0), True, S).state is UNKNOWN


def test_what_evidence_adds_shrinks_with_sight_and_all_sum_to_the_lower_bound() -> None:
    verdict = leg_verdict(Leg.MIGRATION, weighed(4.0, 3.0), Sight.even(0.3), True, S)
    assert [one.name for one in verdict.contributions] == ["e0", "e1", "calm"]
    assert verdict.contributions[0].nats == pytest.approx(2.8116 - 1.8378, abs=1e-3)  # ln(.7 e^-1 + .3 e^3) = 1.8378
    assert sum(one.nats for one in verdict.contributions) == pytest.approx(2.8116, abs=1e-4)


def test_the_onset_of_a_leg_is_the_earliest_evidence_of_at_least_half_a_nat() -> None:
    assert leg_verdict(Leg.MIGRATION, weighed(3.0, 2.0, 0.5, 0.49), Sight.even(1.0), True, S).onset == at(98)
    assert leg_verdict(Leg.MIGRATION, weighed(0.49), Sight.even(1.0), True, S).onset is None
    assert leg_verdict(Leg.MIGRATION, [], Sight.even(1.0), True, S).onset is None


def legs(*states: LegState) -> list[LegVerdict]:
    return [
        LegVerdict(leg=leg, state=state, evidence=0, coverage=1, w_lo=0, w_hi=0, onset=None, contributions=())
        for leg, state in zip(LEGS, states, strict=True)
    ]


@pytest.mark.parametrize(
    ("states", "grades", "p_lo", "level"),
    [
        ((TRUE, TRUE, TRUE), (2, 2, 2), 0.73, Level.PERFECT_STORM),
        ((TRUE, TRUE, TRUE), (4, 4, 4), 0.72, Level.SQUALL),
        ((TRUE, TRUE, UNKNOWN), (3, 2, 0), 0.9, Level.STORM_SUSPECTED),
        ((TRUE, UNKNOWN, TRUE), (2, 0, 3), 0.0, Level.STORM_SUSPECTED),
        ((TRUE, TRUE, UNKNOWN), (2, 2, 4), 0.9, Level.SQUALL),
        ((TRUE, TRUE, FALSE), (4, 4, 0), 0.9, Level.SQUALL),
        ((TRUE, FALSE, FALSE), (3, 0, 0), 0.9, Level.WATCH),
        ((TRUE, FALSE, FALSE), (2, 3, 3), 0.9, Level.CALM),
        ((TRUE, UNKNOWN, UNKNOWN), (2, 0, 0), 0.0, Level.WATCH),
        ((TRUE, UNKNOWN, FALSE), (2, 0, 0), 0.9, Level.CALM),
        ((FALSE, UNKNOWN, UNKNOWN), (4, 4, 4), 0.9, Level.CALM),
        ((UNKNOWN, UNKNOWN, UNKNOWN), (4, 4, 4), 0.9, Level.CALM),
    ],
)
def test_levels_follow_from_the_true_legs_the_unseen_legs_and_their_grades(
    states: tuple[LegState, LegState, LegState], grades: tuple[int, int, int], p_lo: float, level: Level
) -> None:
    assert level_of(legs(*states), dict(zip(LEGS, grades, strict=True)), p_lo, S) is level


@pytest.mark.parametrize(("grades", "storm"), [((2, 2, 2), False), ((3, 2, 2), True), ((3, 3, 3), True)])
def test_three_true_legs_make_a_storm_at_the_documented_grades(grades: tuple[int, ...], storm: bool) -> None:
    found = [
        leg_verdict(leg, weighed(grade), Sight.even(1.0), True, S) for leg, grade in zip(LEGS, grades, strict=True)
    ]
    p_lo = logistic(log(0.0027 / 0.9973) + sum(one.w_lo for one in found))
    level = level_of(found, dict(zip(LEGS, grades, strict=True)), p_lo, S)
    assert level is (Level.PERFECT_STORM if storm else Level.SQUALL)


@pytest.mark.parametrize(
    ("states", "blind"),
    [
        ((TRUE, UNKNOWN, UNKNOWN), True),
        ((UNKNOWN, UNKNOWN, TRUE), True),
        ((TRUE, TRUE, UNKNOWN), False),
        ((TRUE, UNKNOWN, FALSE), False),
        ((UNKNOWN, UNKNOWN, UNKNOWN), False),
        ((FALSE, UNKNOWN, UNKNOWN), False),
    ],
)
def test_stress_is_blind_if_one_leg_is_true_and_both_others_are_unseen(
    states: tuple[LegState, LegState, LegState], blind: bool
) -> None:
    assert blind_under_stress(legs(*states)) is blind


def test_the_joint_rate_of_three_unequal_legs_is_the_documented_one() -> None:
    per_day = joint_far_per_day([1.0, 2.0, 0.2], [600.0, 1200.0, 3600.0])
    assert per_day * 365.25 == pytest.approx(0.14, abs=0.005)
    assert per_day == pytest.approx(0.4 * 2000 / 1440**2)  # d1 d2 + d1 d3 + d2 d3 = 200 + 600 + 1200 square minutes


def test_the_joint_rate_of_two_unequal_legs_follows_the_overlap_formula() -> None:
    assert joint_far_per_day([1.0, 2.0], [600.0, 1200.0]) == pytest.approx(1 / 24)
    assert joint_far_per_day([2.0, 0.5], [864.0, 8640.0]) == pytest.approx(0.11)


def test_the_rate_of_one_leg_is_its_own() -> None:
    assert joint_far_per_day([0.25], [600.0]) == 0.25


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (1.0, "by chance once in 1.0 days"),
        (1.01, "by chance 1 times a day"),
        (1 / 7, "by chance once in 1.0 weeks"),
        (1 / 6.9, "by chance once in 6.9 days"),
        (1 / 365.25, "by chance once in 1.0 years"),
        (1 / 365, "by chance once in 52 weeks"),
        (-1.0, "by chance: never measured"),
    ],
)
def test_a_rate_is_written_in_the_greatest_unit_that_it_fills(per_day: float, words: str) -> None:
    assert by_chance(per_day) == words


def test_the_default_settings_are_the_documented_operating_point() -> None:
    assert (S.prior, S.calm_nats, S.storm_nats, S.true_nats) == (0.0027, 1.0, 4.0, 1.5)
    assert (S.false_below_nats, S.false_coverage, S.single_vantage_cap) == (2.0, 0.5, 0.6)
    assert (S.context_cap_nats, S.storm_p, S.critical_p) == (0.5, 0.73, 0.96)
    assert (S.leave_p_hi, S.leave_after_s, S.held_blind_max_s, S.merge_s) == (0.54, 600.0, 3600.0, 900.0)
    assert (S.enter_ticks, S.lower_ticks, S.idle_gaps) == (2, 15, 3.0)
    assert (S.lateness_ws_s, S.lateness_rest_s, S.lateness_chain_s) == (2.0, 3.0, 3.0)
    assert (S.warm_s, S.local_cooldown_s) == (300.0, 30.0)
    assert (S.liquidation_half_life_s, S.venue_half_life_s, S.book_half_life_s) == (180.0, 300.0, 180.0)
    assert (S.liquidity_half_life_s, S.upgrade_half_life_s, S.queued_lead_s) == (3600.0, 21600.0, 3600.0)
    assert (S.local_share, S.market_share, S.mu_min, S.rate_floor) == (0.8, 0.6, 1.5, 0.001)
    assert S.level_long_s == 14400.0
    assert 1800 <= S.background_half_life_s <= 3600


def test_integers_and_floats_give_the_same_setting() -> None:
    assert isinstance(CorrelatorSettings(warm_s=15).warm_s, float)
    assert isinstance(CorrelatorSettings(enter_ticks=2).enter_ticks, int)


@pytest.mark.parametrize("name", ["prior", "storm_p", "critical_p", "leave_p_hi", "single_vantage_cap", "local_share"])
def test_a_share_or_probability_is_above_zero_and_at_most_one(name: str) -> None:
    for wrong in (0.0, 1.01):
        with pytest.raises(ValueError, match=name):
            replace(S, **{name: wrong})  # type: ignore[arg-type]
    assert getattr(replace(S, **{name: 1.0}), name) == 1.0  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["background_half_life_s", "level_long_s", "rate_floor", "idle_gaps"])
def test_a_half_life_or_floor_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        replace(S, **{name: 0.0})  # type: ignore[arg-type]
    assert getattr(replace(S, **{name: 0.5}), name) == 0.5  # type: ignore[arg-type]


def test_one_tick_is_allowed_for_entering_and_lowering_and_zero_is_refused() -> None:
    assert replace(S, enter_ticks=1, lower_ticks=1).lower_ticks == 1
    for name in ("enter_ticks", "lower_ticks"):
        with pytest.raises(ValueError, match=name):
            replace(S, **{name: 0})  # type: ignore[arg-type]


def test_confidence_in_calm_needs_coverage_of_all_legs() -> None:
    calm = [bounds(-1.0, 1.0, S)[1]] * 3
    one_dark = [*calm[:2], bounds(-1.0, 0.0, S)[1]]
    prior = log(0.001 / 0.999)
    assert logistic(prior + sum(calm)) == pytest.approx(exp(-9.9068), abs=1e-5)
    assert logistic(prior + sum(one_dark)) > 50 * logistic(prior + sum(calm))


def test_a_leg_of_zero_length_meets_two_others_only_while_one_of_them_lasts() -> None:
    assert joint_far_per_day([1.0, 1.0, 1.0], [86400.0, 0.0, 43200.0]) == pytest.approx(0.5)
    assert joint_far_per_day([1.0, 2.0, 3.0], [0.0, 86400.0, 0.0]) == 0
