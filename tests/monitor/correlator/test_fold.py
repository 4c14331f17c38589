"""Tests of the fold of many venues: the rate that they earn together, against figures by hand and against simulation."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.correlator import CorrelatorSettings
from monitor.correlator.fold import NOTHING, Stress, fold, joint_per_day, nats_of, rate_of_nats, reach
from monitor.correlator.fusion import leg_nats, logit
from monitor.incidents import Leg, LegState, Level
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import Story, run_log

HOUR_DAYS, FIVE_MINUTES_S = 1 / 24, 300.0


def test_one_of_one_place_has_its_own_rate() -> None:
    assert joint_per_day(1 / 7, HOUR_DAYS, 1, 1) == pytest.approx(1 / 7)


def test_two_of_two_places_at_once_follow_the_overlap_formula() -> None:
    per_day = joint_per_day(0.1, 0.01, 2, 2)
    assert per_day == pytest.approx(
        2 * 0.1 * 0.1 * 0.01 * (2 * 1.5), rel=0.01
    )  # 2 r r d, times 2 (1 + 1/2) for the choice


@pytest.mark.parametrize(("count", "of"), [(1, 6), (2, 6), (3, 6), (3, 12)])
def test_the_joint_rate_is_that_of_simulated_independent_places(count: int, of: int) -> None:
    chance, per_day, lasts_days, days = random.Random(count * 100 + of), 8.0, 0.01, 4000
    begins: list[tuple[float, int]] = []
    for _ in range(of):
        at = 0.0
        while (at := at + chance.expovariate(per_day / (1 - per_day * lasts_days))) < days:
            begins += [(at, 1), (at + lasts_days, -1)]
            at += lasts_days  # in its episode, a place begins no other
    stressed = seen = 0
    for _, step in sorted(begins):
        seen += step > 0 and stressed >= count - 1
        stressed += step
    without_choice = joint_per_day(per_day, lasts_days, count, of) / (count * sum(1 / one for one in range(1, of + 1)))
    assert without_choice == pytest.approx(seen / days, rel=0.15)


@given(st.floats(0, 4))
def test_nats_and_rates_are_inverse(nats: float) -> None:
    assert nats_of(rate_of_nats(nats)) == pytest.approx(nats, abs=1e-9)


def test_rates_beyond_the_scale_end_it() -> None:
    assert rate_of_nats(9.0) == 1 / 91
    assert (nats_of(1e9), nats_of(0.0)) == (0.0, 4.0)


def test_one_venue_alone_reaches_an_asset_by_the_square_and_several_by_the_sum_of_their_shares() -> None:
    assert [reach(share, 1) for share in (0.25, 0.5, 1.0)] == [0.25, 1.0, 1.0]
    assert [reach(share, 2) for share in (0.25, 0.5, 1.0)] == [0.5, 1.0, 1.0]


def test_nothing_at_any_place_folds_to_nothing() -> None:
    assert fold([], 4) == NOTHING


def test_the_rarest_place_alone_is_believed_where_the_others_add_nothing() -> None:
    grave, weak = Stress("a", 1e-6, 300.0, 0.6), Stress("b", 500.0, 300.0, 0.1)
    assert fold([weak, grave], 5).places == {"a"}


def assessors(of: int, **settings: object) -> Assessors:
    made = Assessors([f"v{index}" for index in range(of)], CorrelatorSettings(**settings))  # type: ignore[arg-type]
    made.reachable_from("home", "away")
    return made


def stress(made: Assessors, count: int, weight: float, *, far_per_day: float | None = None) -> None:
    for index in range(count):
        one = made.fact(f"v{index}", weight=weight, grade=int(weight))
        rate = rate_of_nats(weight) if far_per_day is None else far_per_day
        made.board.put(replace(one, half_life_s=FIVE_MINUTES_S, far_per_day=rate))


@pytest.mark.parametrize(
    ("of", "count", "weight", "grade"),
    [
        (1, 1, 4.0, 4),  # once a quarter: its own rate
        (2, 1, 4.0, 3),  # one of two, and either count could have been: 3 in a quarter
        (4, 3, 2.0, 4),  # three of four, each once a day, within minutes of each other
        (14, 3, 2.0, 3),  # 14 · C(13, 2) / 288² · 3 · 3.25 = .13 a day
        (14, 10, 1.0, 4),  # ten of fourteen a little slow, each once an hour
        (50, 3, 1.0, 0),  # each once an hour: three of fifty at once is nothing
    ],
)
def test_venues_at_once_get_the_grade_that_their_joint_rate_earns(
    of: int, count: int, weight: float, grade: int
) -> None:
    made = assessors(of)
    stress(made, count, weight)
    assert made.asset().grades[Leg.VENUE] == grade


def test_a_rate_that_was_measured_far_beyond_the_last_grade_pays_for_the_number_of_venues() -> None:
    rare, usual = assessors(2), assessors(2)
    stress(rare, 1, 4.0, far_per_day=1e-6)
    stress(usual, 1, 4.0)
    assert (rare.asset().grades[Leg.VENUE], usual.asset().grades[Leg.VENUE]) == (4, 3)


@pytest.mark.parametrize("of", [1, 4, 7, 14, 30, 50])
def test_all_venues_down_make_the_leg_true_and_one_of_four_or_more_does_not(of: int) -> None:
    every, one = assessors(of), assessors(of)
    stress(every, of, 4.0)
    stress(one, 1, 4.0, far_per_day=1e-9)
    assert every.asset().verdict.legs[1].state is LegState.TRUE
    assert (one.asset().verdict.legs[1].state is LegState.TRUE) is (of == 1)


def test_what_venues_say_together_fades_as_what_one_says_and_the_grade_does_not() -> None:
    made = assessors(4)
    stress(made, 4, 4.0)
    made.now_s += FIVE_MINUTES_S
    faded = made.asset()
    assert faded.verdict.legs[1].evidence == pytest.approx(2.0)
    assert faded.grades[Leg.VENUE] == 4
    made.now_s += FIVE_MINUTES_S
    assert made.asset().verdict.legs[1].evidence == pytest.approx(1.0)


def test_fresh_stress_of_some_venues_is_not_diluted_by_what_others_had_long_ago() -> None:
    made = assessors(4)
    stress(made, 4, 4.0)
    made.now_s += 4 * FIVE_MINUTES_S
    for venue in ("v0", "v1"):
        one = made.fact(venue, weight=4.0, grade=4, second=4 * FIVE_MINUTES_S)
        made.board.put(replace(one, half_life_s=FIVE_MINUTES_S))
    assert made.asset().verdict.legs[1].evidence == pytest.approx(4.0)


def test_venues_of_one_provider_count_once() -> None:
    apart, together = assessors(14), assessors(14, providers={"cloud": ("v0", "v1", "v2")})
    for made in (apart, together):
        stress(made, 3, 2.0)
    legs = [made.asset().verdict.legs[1] for made in (apart, together)]
    assert legs[0].evidence > legs[1].evidence
    assert together.asset().grades[Leg.VENUE] < apart.asset().grades[Leg.VENUE]


def test_a_venue_belongs_to_one_provider_at_most() -> None:
    with pytest.raises(ValueError, match="share no venue, not kraken"):
        CorrelatorSettings(providers={"a": ("kraken", "okx"), "b": ("kraken",)})


@given(
    st.lists(st.tuples(st.integers(0, 6), st.floats(0.1, 4.0)), min_size=1, max_size=8),
    st.floats(0, 4),
    st.integers(7, 12),
)
def test_contributions_sum_to_the_logit_and_the_first_is_what_its_removal_takes(
    facts: list[tuple[int, float]], own: float, of: int
) -> None:
    made = assessors(of)
    for index, (venue, weight) in enumerate(facts):
        made.fact(f"v{venue}", weight=weight, grade=1, name=f"f{index}")
    made.own(Leg.MIGRATION, weight=own)
    verdict = made.asset().verdict
    parts = [part.nats for leg in verdict.legs for part in leg.contributions]
    assert sum(parts) + verdict.prior + verdict.context == pytest.approx(logit(verdict.p_lo), abs=1e-9)
    for number, leg in ((1, verdict.legs[1]), (2, verdict.legs[2])):
        first = leg.contributions[0]
        made.board.withdraw(first.evidence_id)
        without = made.asset().verdict
        lost = verdict.legs[number].w_lo - without.legs[number].w_lo
        assert lost == pytest.approx(first.nats, abs=1e-9)
        assert logit(verdict.p_lo) - logit(without.p_lo) == pytest.approx(lost, abs=1e-6)
        verdict = without


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.1, 4.0)), min_size=2, max_size=8))
def test_further_stress_never_lowers_a_leg(facts: list[tuple[int, float]]) -> None:
    made = assessors(5)
    before = -1.0
    for index, (venue, weight) in enumerate(facts):
        made.fact(f"v{venue}", weight=weight, grade=1, name=f"f{index}")
        now = leg_nats(made.board.of("BTC", Leg.VENUE, made.now_s), made.settings)
        assert now >= before - 1e-9
        before = now


def storm(of: int, down: int) -> tuple[Level, set[str]]:
    venues = tuple(f"v{index:02}" for index in range(of))
    story = Story(380, venues=venues).surge(310, 380).upgrade(330).trouble(320, 380, *venues[:down])
    outcome = run_log(story.signals())
    return max((one.level for one in outcome.of()), default=Level.CALM), {one.scope for one in outcome.changes}


@pytest.mark.parametrize("of", [1, 4, 7, 14, 30])
@pytest.mark.slow
def test_all_venues_down_with_a_surge_and_an_upgrade_are_a_perfect_storm(of: int) -> None:
    assert storm(of, of)[0] is Level.PERFECT_STORM


@pytest.mark.parametrize("of", [4, 7, 14, 30])
@pytest.mark.slow
def test_one_venue_down_of_many_is_a_venues_episode_and_makes_no_storm_of_a_surge_and_an_upgrade(of: int) -> None:
    level, scopes = storm(of, 1)
    assert level < Level.STORM_SUSPECTED
    assert "venue:v00" in scopes
