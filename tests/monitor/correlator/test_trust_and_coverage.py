"""Tests of the trust behind a verdict: a single vantage, blind sources, shared facts, onset, context."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator.fusion import logit
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Fault, Leg, LegState, LegVerdict, Level
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import signal

S = CorrelatorSettings()


def venue_leg(assessors: Assessors) -> LegVerdict:
    return next(one for one in assessors.asset().verdict.legs if one.leg is Leg.VENUE)


def states(assessors: Assessors) -> list[LegState]:
    return [one.state for one in assessors.asset().verdict.legs]


@pytest.mark.parametrize(
    ("vantages", "coverage"),
    [
        ((), 0.6),
        (("home",), 0.6),
        (("home", "away"), 1.0),
        (("a", "b", "c"), 1.0),
        (("b", "c"), 0.6),
        (("x", "y"), 0.6),
    ],
)
def test_an_assets_venue_leg_seen_from_one_network_has_a_coverage_of_six_tenths(
    vantages: tuple[str, ...], coverage: float
) -> None:
    assessors = Assessors("ab")
    assessors.reachable_from(*vantages)
    covered = {one.leg: one.coverage for one in assessors.asset().verdict.legs}
    assert covered == {Leg.LIQUIDATION: 1.0, Leg.VENUE: coverage, Leg.MIGRATION: 1.0}


def test_the_single_vantage_cap_never_raises_coverage() -> None:
    assessors = Assessors("ab")
    assessors.close("a/book_ws")
    assert venue_leg(assessors).coverage == 0.5
    assessors.close("b/book_ws")
    assert venue_leg(assessors).coverage == 0.0


def test_venue_evidence_from_one_vantage_is_discounted_and_from_two_it_is_not() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=1.9)  # 1.9 nats are 1.42 at coverage 0.6: ln(0.4 / e + 0.6 e^1.9)
    assert venue_leg(assessors).w_lo == pytest.approx(1.4252, abs=1e-4)
    assert venue_leg(assessors).state is LegState.FALSE
    assessors.reachable_from("home", "away")
    assert venue_leg(assessors).w_lo == pytest.approx(1.9)
    assert venue_leg(assessors).state is LegState.TRUE


def test_a_venues_state_is_discounted_too_when_only_one_vantage_sees_it() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=1.9)
    [one] = assessors.venues.assess(assessors.now_s, (), ())
    assert (one.state, one.level) == (LegState.FALSE, Level.CALM)
    assessors.reachable_from("home", "away")
    [one] = assessors.venues.assess(assessors.now_s, (), ())
    assert (one.state, one.level) == (LegState.TRUE, Level.WATCH)


def test_the_single_vantage_cap_comes_from_the_settings() -> None:
    assessors = Assessors("a", replace(S, single_vantage_cap=0.9))
    assert venue_leg(assessors).coverage == 0.9
    assessors.fact("a", weight=1.9)
    assert [one.state for one in assessors.venues.assess(assessors.now_s, (), ())] == [LegState.TRUE]


def test_a_fact_of_a_venue_is_believed_although_its_feeds_are_closed() -> None:
    assessors = Assessors("a")
    assessors.close("a/book_ws")
    assessors.fact("a", weight=3.0)
    [one] = assessors.venues.assess(assessors.now_s, (), ())
    assert one.state is LegState.TRUE
    assert [(blind.source, blind.coverage, blind.reason) for blind in one.blind] == [("a/book_ws", 0.0, "closed")]


@pytest.mark.parametrize(("closed", "state"), [((), LegState.FALSE), (("a/book_ws",), LegState.UNKNOWN)])
def test_a_venue_is_calm_only_if_its_sources_are_seen(closed: tuple[str, ...], state: LegState) -> None:
    assessors = Assessors("a")
    assessors.close(*closed)
    [one] = assessors.venues.assess(assessors.now_s, ("a",), ())
    assert (one.state, one.level, one.grade) == (state, Level.CALM, 0)


def test_half_of_a_venues_sources_are_enough_to_see_calm_and_fewer_are_not() -> None:
    assessors = Assessors("a")
    assessors.expect("a/trades", "venue", Subject(asset="BTC", venue="a"))
    assessors.close("a/trades")
    assert [one.state for one in assessors.venues.assess(assessors.now_s, ("a",), ())] == [LegState.FALSE]
    assessors.expect("a/depth", "venue", Subject(asset="BTC", venue="a"))
    assessors.close("a/depth")
    assert [one.state for one in assessors.venues.assess(assessors.now_s, ("a",), ())] == [LegState.UNKNOWN]


def test_a_venue_without_declared_sources_can_be_calm() -> None:
    assessors = Assessors("a")
    assert [one.state for one in assessors.venues.assess(assessors.now_s, ("z",), ())] == [LegState.FALSE]


@pytest.mark.parametrize(("grade", "level"), [(2, Level.CALM), (3, Level.WATCH), (4, Level.WATCH)])
def test_a_venue_is_reported_from_grade_three_on(grade: int, level: Level) -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0, grade=grade)
    [one] = assessors.venues.assess(assessors.now_s, (), ())
    assert (one.grade, one.level) == (grade, level)
    assert one.observation(assessors.now_s, late=False).at_once is (grade == 4)


def test_a_grade_counts_while_its_finding_weighs_at_least_one_nat() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=1.0, grade=4)
    assessors.own(Leg.MIGRATION, weight=1.0, grade=4)
    assessors.own(Leg.LIQUIDATION, weight=0.99, grade=4)
    assert assessors.asset().grades == {Leg.LIQUIDATION: 0, Leg.VENUE: 4, Leg.MIGRATION: 4}
    assert [one.grade for one in assessors.venues.assess(assessors.now_s, (), ())] == [4]
    assessors.now_s += 1
    assert assessors.asset().grades == {Leg.LIQUIDATION: 0, Leg.VENUE: 0, Leg.MIGRATION: 0}
    assert [one.grade for one in assessors.venues.assess(assessors.now_s, (), ())] == [0]


def test_the_highest_grade_of_a_leg_counts() -> None:
    assessors = Assessors("a")
    assessors.own(Leg.MIGRATION, weight=1.5, grade=4, name="x")
    assessors.own(Leg.MIGRATION, weight=3.0, grade=1, name="y")
    assert assessors.asset().grades[Leg.MIGRATION] == 4


def test_the_onset_of_an_asset_or_venue_is_the_earliest_evidence_of_at_least_half_a_nat() -> None:
    assessors = Assessors("a")
    assessors.now_s = at(60).timestamp()
    assessors.fact("a", weight=3.0, second=50, name="x")
    assessors.fact("a", weight=3.0, second=30, name="y")
    assessors.own(Leg.MIGRATION, weight=3.0, second=40)
    assessors.own(Leg.MIGRATION, weight=0.4, second=10, name="faint")
    seen = assessors.asset()
    assert [one.onset for one in seen.verdict.legs] == [None, at(30), at(40)]
    assert seen.onset_s == at(30).timestamp()
    [venue] = assessors.venues.assess(assessors.now_s, (), ())
    assert venue.observation(assessors.now_s, late=False).onset_s == at(30).timestamp()


def test_a_venues_highest_grade_counts_and_its_onset_is_that_of_evidence_of_half_a_nat() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0, grade=2, name="x", second=20)
    assessors.fact("a", weight=1.0, grade=4, name="y", second=20)
    assessors.fact("a", weight=0.5, grade=1, name="z", second=10)
    assessors.now_s = at(10).timestamp()
    [venue] = assessors.venues.assess(assessors.now_s, (), ())
    assert venue.grade == 4
    assert venue.observation(assessors.now_s, late=False).onset_s == at(10).timestamp()


def test_a_source_with_half_its_coverage_is_not_yet_named_as_blind() -> None:
    assessors = Assessors("a")
    for _ in range(10):  # sequence gaps cost at most half
        subject = Subject(asset="BTC", venue="a")
        assessors.receive(Signal(SignalKind.FEED_GAP, subject, at(0), at(0), "a/book_ws", 3, 1.0, {}))
    [venue] = assessors.venues.assess(assessors.now_s, ("a",), ())
    assert (venue.blind, venue.state) == ((), LegState.FALSE)
    assert assessors.asset().verdict.blind == ()
    assessors.now_s = at(1100).timestamp()  # e^-0.1 x 1: gaps are forgotten; past 1693 s it is under half
    assert assessors.venues.assess(assessors.now_s, ("a",), ())[0].blind == ()
    assessors.now_s = at(1694).timestamp()
    [blind] = assessors.venues.assess(assessors.now_s, ("a",), ())[0].blind
    assert (blind.source, blind.coverage, blind.since) == ("a/book_ws", 0.499573772, at(0))


def test_blindness_begins_with_the_first_of_two_vantages_that_are_down() -> None:
    assessors = Assessors("a")
    assessors.attribution.local_since_s.update({"home": at(5).timestamp(), "away": at(3).timestamp()})
    assert {one.since for one in assessors.asset().verdict.blind} == {at(3)}
    [venue] = assessors.venues.assess(assessors.now_s, ("a",), ())
    assert [one.since for one in venue.blind] == [at(3)]


def test_without_evidence_there_is_no_onset() -> None:
    assessors = Assessors("a")
    assert assessors.asset().onset_s is None
    [venue] = assessors.venues.assess(assessors.now_s, ("a",), ())
    assert venue.observation(assessors.now_s, late=True).onset_s is None
    assert venue.observation(assessors.now_s, late=True).late


@pytest.mark.parametrize(("weights", "context"), [((), 0.0), ((0.2,), 0.2), ((0.2, 0.2), 0.4), ((0.4, 0.4), 0.5)])
def test_context_adds_at_most_half_a_nat(weights: tuple[float, ...], context: float) -> None:
    assessors = Assessors("a")
    assessors.reachable_from("home", "away")
    for number, weight in enumerate(weights):
        assessors.own(Leg.FRAGILITY, weight=weight, name=f"f{number}")
    verdict = assessors.asset().verdict
    assert verdict.context == pytest.approx(context)
    assert verdict.prior == pytest.approx(-5.91180, abs=1e-5)
    assert logit(verdict.p_lo) == pytest.approx(-5.91180 - 3 + context, abs=1e-4)
    assert logit(verdict.p_hi) == pytest.approx(-5.91180 - 3 + context, abs=1e-4)


def test_a_blind_leg_keeps_the_storm_possible_and_adds_no_certainty() -> None:
    assessors = Assessors("a")
    assessors.reachable_from("home", "away")
    assessors.close("a/liquidation")
    verdict = assessors.asset().verdict
    assert logit(verdict.p_lo) == pytest.approx(-8.91180, abs=1e-4)
    assert logit(verdict.p_hi) == pytest.approx(-8.91180 + 5, abs=1e-4)
    assert states(assessors) == [LegState.UNKNOWN, LegState.FALSE, LegState.FALSE]


def test_sources_below_half_coverage_are_named_worst_first_and_at_most_sixteen() -> None:
    assessors = Assessors([f"v{number:02}" for number in range(20)])
    assessors.close(*(f"v{number:02}/book_ws" for number in range(3, 20)))
    assessors.sources.trust["v00/liquidation", "BTC"] = 0.49
    assessors.sources.trust["v01/liquidation", "BTC"] = 0.5
    blind = assessors.asset().verdict.blind
    assert [one.source for one in blind] == [f"v{number:02}/book_ws" for number in range(3, 19)]
    assessors = Assessors("ab")
    assessors.close("b/book_ws")
    assessors.sources.trust["a/liquidation", "BTC"] = 0.49
    assessors.sources.trust["b/liquidation", "BTC"] = 0.5
    assert [(one.source, one.leg, one.coverage, one.reason) for one in assessors.asset().verdict.blind] == [
        ("b/book_ws", Leg.VENUE, 0.0, "closed"),
        ("a/liquidation", Leg.LIQUIDATION, 0.49, "throttled by the venue"),
    ]


def test_a_shared_fact_alone_belongs_to_the_venue_and_a_finding_of_grade_two_to_the_asset() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0)
    assert (assessors.asset().own, assessors.asset().shared_alone, assessors.asset().venues) == (False, True, ("a",))
    assessors.own(Leg.VENUE, weight=1.0, grade=1)
    assert assessors.asset().shared_alone
    assessors.own(Leg.FRAGILITY, weight=1.0, grade=4)
    assert assessors.asset().shared_alone
    assessors.own(Leg.VENUE, weight=1.0, grade=2, name="wallet")
    assert (assessors.asset().own, assessors.asset().shared_alone) == (True, False)


def test_a_finding_below_half_a_nat_does_not_make_the_trouble_the_assets_own() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0)
    assessors.own(Leg.VENUE, weight=0.49, grade=4)
    assert assessors.asset().shared_alone
    assessors.own(Leg.MIGRATION, weight=0.5, grade=2)
    assert not assessors.asset().shared_alone


def test_two_true_legs_are_not_only_the_venues_trouble() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0)
    assessors.own(Leg.MIGRATION, weight=3.0, grade=1)
    assert not assessors.asset().own
    assert not assessors.asset().shared_alone


def blind_venue() -> Assessors:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0, grade=2)
    assessors.close("a/liquidation", "ethereum/chain")
    return assessors


def test_one_true_leg_with_both_others_blind_is_blind_stress_of_the_asset() -> None:
    seen = blind_venue().asset()
    assert seen.blind_stress
    assert (seen.verdict.level, seen.verdict.fault) == (Level.WATCH, Fault.VENUE)
    one_dark = Assessors("a")
    one_dark.fact("a", weight=3.0, grade=2)
    one_dark.close("a/liquidation")
    assert (one_dark.asset().blind_stress, one_dark.asset().verdict.level) == (False, Level.CALM)


def test_a_venues_trouble_with_both_other_legs_blind_is_blind_stress_of_the_venue() -> None:
    assessors = blind_venue()
    [venue] = assessors.venues.assess(assessors.now_s, (), (assessors.asset(),))
    assert (venue.blind_stress, venue.level) == (True, Level.WATCH)
    assert {(one.source, one.leg) for one in venue.blind} == {
        ("a/liquidation", Leg.LIQUIDATION),
        ("ethereum/chain", Leg.MIGRATION),
    }
    assert venue.observation(assessors.now_s, late=False).mark == (Fault.VENUE, True)
    [venue] = assessors.venues.assess(assessors.now_s, (), ())
    assert (venue.blind_stress, venue.level) == (False, Level.CALM)


def test_blind_stress_of_the_asset_itself_is_not_reported_for_the_venue() -> None:
    assessors = blind_venue()
    assessors.own(Leg.VENUE, weight=1.0, grade=2)
    [venue] = assessors.venues.assess(assessors.now_s, (), (assessors.asset(),))
    assert not venue.blind_stress


def test_a_venues_episode_gets_its_leg_as_true_unseen_or_calm() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=3.0)
    observation = assessors.venues.assess(assessors.now_s, (), ())[0].observation(assessors.now_s, late=False)
    assert (observation.true, observation.unseen, observation.p_hi, observation.late) == (
        frozenset({Leg.VENUE}),
        frozenset(),
        0.0,
        False,
    )
    dark = Assessors("a")
    dark.close("a/book_ws")
    observation = dark.venues.assess(dark.now_s, ("a",), ())[0].observation(dark.now_s, late=False)
    assert (observation.true, observation.unseen) == (frozenset(), frozenset({Leg.VENUE}))
    calm = Assessors("a")
    observation = calm.venues.assess(calm.now_s, ("a",), ())[0].observation(calm.now_s, late=False)
    assert (observation.true, observation.unseen) == (frozenset(), frozenset())


def test_venues_with_facts_or_open_incidents_are_judged_in_order_of_name() -> None:
    assessors = Assessors("abc")
    assert assessors.venues.assess(assessors.now_s, (), ()) == []
    assessors.fact("b", weight=3.0)
    assert [one.venue for one in assessors.venues.assess(assessors.now_s, ("c", "a"), ())] == ["a", "b", "c"]
    assert [one.assets for one in assessors.venues.assess(assessors.now_s, (), ())] == [("BTC",)]


def test_a_leg_without_declared_sources_is_not_reported_as_blind() -> None:
    assessors = Assessors("a")
    assessors.receive(signal(SignalKind.EXPECT, 0, "z/book_ws", 9.0, leg="venue"))
    seen = assessors.asset_assessor.assess("ETH", assessors.now_s)
    assert {one.state for one in seen.verdict.legs} == {LegState.FALSE}
    assert seen.verdict.blind == ()


def test_a_grave_fact_from_a_vantage_with_little_trust_is_unknown() -> None:
    assessors = Assessors("a", replace(S, single_vantage_cap=0.1))
    assessors.fact("a", weight=3.0)  # ln(0.9 / e + 0.1 e^3) = 0.85 of the 1.5 that make it true
    assert [one.state for one in assessors.venues.assess(assessors.now_s, (), ())] == [LegState.UNKNOWN]
    assert venue_leg(assessors).w_lo == pytest.approx(0.85, abs=0.005)
