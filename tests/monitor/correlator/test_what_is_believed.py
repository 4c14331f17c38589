"""What an asset's and a venue's verdict believe: one place to look from, blind sources, shared facts, onset, context."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator.fusion import logit
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Fault, Leg, LegState, LegVerdict, Level
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.judges import Judges
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import signal

S = CorrelatorSettings()


def venue_leg(judges: Judges) -> LegVerdict:
    return next(one for one in judges.asset().verdict.legs if one.leg is Leg.VENUE)


def states(judges: Judges) -> list[LegState]:
    return [one.state for one in judges.asset().verdict.legs]


@pytest.mark.parametrize(
    ("vantages", "coverage"), [((), 0.6), (("home",), 0.6), (("home", "away"), 1.0), (("a", "b", "c"), 1.0)]
)
def test_an_assets_venue_leg_seen_from_one_vantage_has_a_coverage_of_six_tenths(
    vantages: tuple[str, ...], coverage: float
) -> None:
    judges = Judges("ab")
    judges.look_from(*vantages)
    covered = {one.leg: one.coverage for one in judges.asset().verdict.legs}
    assert covered == {Leg.LIQUIDATION: 1.0, Leg.VENUE: coverage, Leg.MIGRATION: 1.0}


def test_the_single_vantage_cap_never_raises_coverage() -> None:
    judges = Judges("ab")
    judges.close("a/book_ws")
    assert venue_leg(judges).coverage == 0.5
    judges.close("b/book_ws")
    assert venue_leg(judges).coverage == 0.0


def test_venue_evidence_from_one_vantage_is_discounted_and_from_two_it_is_not() -> None:
    judges = Judges("a")
    judges.fact("a", weight=1.9)  # 1.9 nats are 1.42 at coverage 0.6: ln(0.4 / e + 0.6 e^1.9)
    assert venue_leg(judges).w_lo == pytest.approx(1.4252, abs=1e-4)
    assert venue_leg(judges).state is LegState.FALSE
    judges.look_from("home", "away")
    assert venue_leg(judges).w_lo == pytest.approx(1.9)
    assert venue_leg(judges).state is LegState.TRUE


def test_a_venues_state_is_discounted_too_when_only_one_vantage_sees_it() -> None:
    judges = Judges("a")
    judges.fact("a", weight=1.9)
    [one] = judges.venues.assess(judges.now_s, (), ())
    assert (one.state, one.level) == (LegState.FALSE, Level.CALM)
    judges.look_from("home", "away")
    [one] = judges.venues.assess(judges.now_s, (), ())
    assert (one.state, one.level) == (LegState.TRUE, Level.WATCH)


def test_the_single_vantage_cap_comes_from_the_settings() -> None:
    judges = Judges("a", replace(S, single_vantage_cap=0.9))
    assert venue_leg(judges).coverage == 0.9
    judges.fact("a", weight=1.9)
    assert [one.state for one in judges.venues.assess(judges.now_s, (), ())] == [LegState.TRUE]


def test_a_fact_of_a_venue_is_believed_although_its_feeds_are_closed() -> None:
    judges = Judges("a")
    judges.close("a/book_ws")
    judges.fact("a", weight=3.0)
    [one] = judges.venues.assess(judges.now_s, (), ())
    assert one.state is LegState.TRUE
    assert [(blind.source, blind.coverage, blind.reason) for blind in one.blind] == [("a/book_ws", 0.0, "closed")]


@pytest.mark.parametrize(("closed", "state"), [((), LegState.FALSE), (("a/book_ws",), LegState.UNKNOWN)])
def test_a_venue_is_calm_only_if_its_sources_are_seen(closed: tuple[str, ...], state: LegState) -> None:
    judges = Judges("a")
    judges.close(*closed)
    [one] = judges.venues.assess(judges.now_s, ("a",), ())
    assert (one.state, one.level, one.grade) == (state, Level.CALM, 0)


def test_half_of_a_venues_sources_are_enough_to_see_calm_and_fewer_are_not() -> None:
    judges = Judges("a")
    judges.expect("a/trades", "venue", Subject(asset="BTC", venue="a"))
    judges.close("a/trades")
    assert [one.state for one in judges.venues.assess(judges.now_s, ("a",), ())] == [LegState.FALSE]
    judges.expect("a/depth", "venue", Subject(asset="BTC", venue="a"))
    judges.close("a/depth")
    assert [one.state for one in judges.venues.assess(judges.now_s, ("a",), ())] == [LegState.UNKNOWN]


def test_a_venue_without_declared_sources_can_be_calm() -> None:
    judges = Judges("a")
    assert [one.state for one in judges.venues.assess(judges.now_s, ("z",), ())] == [LegState.FALSE]


@pytest.mark.parametrize(("grade", "level"), [(2, Level.CALM), (3, Level.WATCH), (4, Level.WATCH)])
def test_a_venue_is_reported_from_grade_three_on(grade: int, level: Level) -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0, grade=grade)
    [one] = judges.venues.assess(judges.now_s, (), ())
    assert (one.grade, one.level) == (grade, level)
    assert one.observation(judges.now_s, late=False).at_once is (grade == 4)


def test_a_grade_counts_while_its_finding_weighs_at_least_one_nat() -> None:
    judges = Judges("a")
    judges.fact("a", weight=1.0, grade=4)
    judges.own(Leg.MIGRATION, weight=1.0, grade=4)
    judges.own(Leg.LIQUIDATION, weight=0.99, grade=4)
    assert judges.asset().grades == {Leg.LIQUIDATION: 0, Leg.VENUE: 4, Leg.MIGRATION: 4}
    assert [one.grade for one in judges.venues.assess(judges.now_s, (), ())] == [4]
    judges.now_s += 1
    assert judges.asset().grades == {Leg.LIQUIDATION: 0, Leg.VENUE: 0, Leg.MIGRATION: 0}
    assert [one.grade for one in judges.venues.assess(judges.now_s, (), ())] == [0]


def test_the_highest_grade_of_a_leg_counts() -> None:
    judges = Judges("a")
    judges.own(Leg.MIGRATION, weight=1.5, grade=4, name="x")
    judges.own(Leg.MIGRATION, weight=3.0, grade=1, name="y")
    assert judges.asset().grades[Leg.MIGRATION] == 4


def test_the_onset_of_an_asset_or_venue_is_the_earliest_evidence_of_at_least_half_a_nat() -> None:
    judges = Judges("a")
    judges.now_s = at(60).timestamp()
    judges.fact("a", weight=3.0, second=50, name="x")
    judges.fact("a", weight=3.0, second=30, name="y")
    judges.own(Leg.MIGRATION, weight=3.0, second=40)
    judges.own(Leg.MIGRATION, weight=0.4, second=10, name="faint")
    seen = judges.asset()
    assert [one.onset for one in seen.verdict.legs] == [None, at(30), at(40)]
    assert seen.onset_s == at(30).timestamp()
    [venue] = judges.venues.assess(judges.now_s, (), ())
    assert venue.observation(judges.now_s, late=False).onset_s == at(30).timestamp()


def test_a_venues_highest_grade_counts_and_its_onset_is_that_of_evidence_of_half_a_nat() -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0, grade=2, name="x", second=20)
    judges.fact("a", weight=1.0, grade=4, name="y", second=20)
    judges.fact("a", weight=0.5, grade=1, name="z", second=10)
    judges.now_s = at(10).timestamp()
    [venue] = judges.venues.assess(judges.now_s, (), ())
    assert venue.grade == 4
    assert venue.observation(judges.now_s, late=False).onset_s == at(10).timestamp()


def test_a_source_with_half_its_coverage_is_not_yet_named_as_blind() -> None:
    judges = Judges("a")
    for _ in range(10):  # sequence gaps cost at most half
        subject = Subject(asset="BTC", venue="a")
        judges.hear(Signal(SignalKind.FEED_GAP, subject, at(0), at(0), "a/book_ws", 3, 1.0, {}))
    [venue] = judges.venues.assess(judges.now_s, ("a",), ())
    assert (venue.blind, venue.state) == ((), LegState.FALSE)
    assert judges.asset().verdict.blind == ()
    judges.now_s = at(1100).timestamp()  # e^-0.1 x 1: gaps are forgotten; past 1693 s it is under half
    assert judges.venues.assess(judges.now_s, ("a",), ())[0].blind == ()
    judges.now_s = at(1694).timestamp()
    [blind] = judges.venues.assess(judges.now_s, ("a",), ())[0].blind
    assert (blind.source, blind.coverage, blind.since) == ("a/book_ws", 0.499573772, at(0))


def test_blindness_begins_with_the_first_of_two_vantages_that_are_down() -> None:
    judges = Judges("a")
    judges.attribution.local_since_s.update({"home": at(5).timestamp(), "away": at(3).timestamp()})
    assert {one.since for one in judges.asset().verdict.blind} == {at(3)}
    [venue] = judges.venues.assess(judges.now_s, ("a",), ())
    assert [one.since for one in venue.blind] == [at(3)]


def test_without_evidence_there_is_no_onset() -> None:
    judges = Judges("a")
    assert judges.asset().onset_s is None
    [venue] = judges.venues.assess(judges.now_s, ("a",), ())
    assert venue.observation(judges.now_s, late=True).onset_s is None
    assert venue.observation(judges.now_s, late=True).late


@pytest.mark.parametrize(("weights", "context"), [((), 0.0), ((0.2,), 0.2), ((0.2, 0.2), 0.4), ((0.4, 0.4), 0.5)])
def test_context_adds_at_most_half_a_nat(weights: tuple[float, ...], context: float) -> None:
    judges = Judges("a")
    judges.look_from("home", "away")
    for number, weight in enumerate(weights):
        judges.own(Leg.FRAGILITY, weight=weight, name=f"f{number}")
    verdict = judges.asset().verdict
    assert verdict.context == pytest.approx(context)
    assert verdict.prior == pytest.approx(-6.90675, abs=1e-5)
    assert logit(verdict.p_lo) == pytest.approx(-6.90675 - 3 + context, abs=1e-4)
    assert logit(verdict.p_hi) == pytest.approx(-6.90675 - 3 + context, abs=1e-4)


def test_a_blind_leg_keeps_the_storm_possible_and_adds_no_certainty() -> None:
    judges = Judges("a")
    judges.look_from("home", "away")
    judges.close("a/liquidation")
    verdict = judges.asset().verdict
    assert logit(verdict.p_lo) == pytest.approx(-9.90675, abs=1e-4)
    assert logit(verdict.p_hi) == pytest.approx(-9.90675 + 5, abs=1e-4)
    assert states(judges) == [LegState.UNKNOWN, LegState.FALSE, LegState.FALSE]


def test_sources_below_half_coverage_are_named_worst_first_and_at_most_sixteen() -> None:
    judges = Judges([f"v{number:02}" for number in range(20)])
    judges.close(*(f"v{number:02}/book_ws" for number in range(3, 20)))
    judges.sources.trust["v00/liquidation", "BTC"] = 0.49
    judges.sources.trust["v01/liquidation", "BTC"] = 0.5
    blind = judges.asset().verdict.blind
    assert [one.source for one in blind] == [f"v{number:02}/book_ws" for number in range(3, 19)]
    judges = Judges("ab")
    judges.close("b/book_ws")
    judges.sources.trust["a/liquidation", "BTC"] = 0.49
    judges.sources.trust["b/liquidation", "BTC"] = 0.5
    assert [(one.source, one.leg, one.coverage, one.reason) for one in judges.asset().verdict.blind] == [
        ("b/book_ws", Leg.VENUE, 0.0, "closed"),
        ("a/liquidation", Leg.LIQUIDATION, 0.49, "throttled by the venue"),
    ]


def test_a_shared_fact_alone_belongs_to_the_venue_and_a_finding_of_grade_two_to_the_asset() -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0)
    assert (judges.asset().own, judges.asset().shared_alone, judges.asset().venues) == (False, True, ("a",))
    judges.own(Leg.VENUE, weight=1.0, grade=1)
    assert judges.asset().shared_alone
    judges.own(Leg.FRAGILITY, weight=1.0, grade=4)
    assert judges.asset().shared_alone
    judges.own(Leg.VENUE, weight=1.0, grade=2, name="wallet")
    assert (judges.asset().own, judges.asset().shared_alone) == (True, False)


def test_a_finding_below_half_a_nat_does_not_make_the_trouble_the_assets_own() -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0)
    judges.own(Leg.VENUE, weight=0.49, grade=4)
    assert judges.asset().shared_alone
    judges.own(Leg.MIGRATION, weight=0.5, grade=2)
    assert not judges.asset().shared_alone


def test_two_true_legs_are_not_only_the_venues_trouble() -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0)
    judges.own(Leg.MIGRATION, weight=3.0, grade=1)
    assert not judges.asset().own
    assert not judges.asset().shared_alone


def blind_venue() -> Judges:
    judges = Judges("a")
    judges.fact("a", weight=3.0, grade=2)
    judges.close("a/liquidation", "ethereum/chain")
    return judges


def test_one_true_leg_with_both_others_blind_is_blind_stress_of_the_asset() -> None:
    seen = blind_venue().asset()
    assert seen.blind_stress
    assert (seen.verdict.level, seen.verdict.fault) == (Level.WATCH, Fault.VENUE)
    one_dark = Judges("a")
    one_dark.fact("a", weight=3.0, grade=2)
    one_dark.close("a/liquidation")
    assert (one_dark.asset().blind_stress, one_dark.asset().verdict.level) == (False, Level.CALM)


def test_a_venues_trouble_with_both_other_legs_blind_is_blind_stress_of_the_venue() -> None:
    judges = blind_venue()
    [venue] = judges.venues.assess(judges.now_s, (), (judges.asset(),))
    assert (venue.blind_stress, venue.level) == (True, Level.WATCH)
    assert {(one.source, one.leg) for one in venue.blind} == {
        ("a/liquidation", Leg.LIQUIDATION),
        ("ethereum/chain", Leg.MIGRATION),
    }
    assert venue.observation(judges.now_s, late=False).mark == (Fault.VENUE, True)
    [venue] = judges.venues.assess(judges.now_s, (), ())
    assert (venue.blind_stress, venue.level) == (False, Level.CALM)


def test_blind_stress_of_the_asset_itself_is_not_reported_for_the_venue() -> None:
    judges = blind_venue()
    judges.own(Leg.VENUE, weight=1.0, grade=2)
    [venue] = judges.venues.assess(judges.now_s, (), (judges.asset(),))
    assert not venue.blind_stress


def test_a_venues_episode_gets_its_leg_as_true_unseen_or_calm() -> None:
    judges = Judges("a")
    judges.fact("a", weight=3.0)
    look = judges.venues.assess(judges.now_s, (), ())[0].observation(judges.now_s, late=False)
    assert (look.true, look.unseen, look.p_hi, look.late) == (frozenset({Leg.VENUE}), frozenset(), 0.0, False)
    dark = Judges("a")
    dark.close("a/book_ws")
    look = dark.venues.assess(dark.now_s, ("a",), ())[0].observation(dark.now_s, late=False)
    assert (look.true, look.unseen) == (frozenset(), frozenset({Leg.VENUE}))
    calm = Judges("a")
    look = calm.venues.assess(calm.now_s, ("a",), ())[0].observation(calm.now_s, late=False)
    assert (look.true, look.unseen) == (frozenset(), frozenset())


def test_venues_with_facts_or_open_incidents_are_judged_in_order_of_name() -> None:
    judges = Judges("abc")
    assert judges.venues.assess(judges.now_s, (), ()) == []
    judges.fact("b", weight=3.0)
    assert [one.venue for one in judges.venues.assess(judges.now_s, ("c", "a"), ())] == ["a", "b", "c"]
    assert [one.assets for one in judges.venues.assess(judges.now_s, (), ())] == [("BTC",)]


def test_a_leg_without_declared_sources_is_not_reported_as_blind() -> None:
    judges = Judges("a")
    judges.hear(signal(SignalKind.EXPECT, 0, "z/book_ws", 9.0, leg="venue"))
    seen = judges.judging.assess("ETH", judges.now_s)
    assert {one.state for one in seen.verdict.legs} == {LegState.FALSE}
    assert seen.verdict.blind == ()


def test_a_grave_fact_from_a_vantage_with_little_trust_is_unknown() -> None:
    judges = Judges("a", replace(S, single_vantage_cap=0.1))
    judges.fact("a", weight=3.0)  # ln(0.9 / e + 0.1 e^3) = 0.85 of the 1.5 that make it true
    assert [one.state for one in judges.venues.assess(judges.now_s, (), ())] == [LegState.UNKNOWN]
    assert venue_leg(judges).w_lo == pytest.approx(0.85, abs=0.005)
