"""Tests of an incident's text: figures, onset, counter-evidence, blind sources, false-alarm rate and size limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator import Correlator
from monitor.correlator.episodes import Episode
from monitor.correlator.explain import blindness_order, rejected_causes, runbook, venue_runbook
from monitor.correlator.headlines import local_headline, venue_headline
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Blindness, ChangeKind, Fault, IncidentChange, IncidentState, Leg, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_headlines import venue
from tests.monitor.correlator.test_parts import evidence

S = CorrelatorSettings()


def forced(second: float, usd: float, seq: int) -> Signal:
    subject = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
    text: dict[str, Scalar] = {"side": "long", "censoring": "complete", "backlog": False}
    return Signal(SignalKind.LIQUIDATION, subject, at(second), at(second), "alpha/liquidation", seq, usd, text)


def surge(per_s: int, usd: float) -> list[IncidentChange]:
    """The changes of one forced order of 100 USD every ten seconds for five minutes, then `per_s` a second of `usd` each."""
    correlator = Correlator()
    asset_change: list[IncidentChange] = []
    for second in range(306):
        count = per_s if second >= 300 else int(second % 10 == 0)
        signals = [
            forced(second + 0.1 + n / 100, usd if second >= 300 else 100.0, 9 * second + n) for n in range(count)
        ]
        tick = Signal(SignalKind.TICK, Subject(), at(second + 0.9), at(second + 0.9), "clock", second, 0.0)
        for one in (*signals, tick):
            asset_change += correlator.on_signal(one)
    return asset_change


def test_a_surge_is_reported_as_a_multiple_of_normal_with_its_rate_and_its_dollars() -> None:
    [opened] = surge(5, 1000.0)
    # 5/s against 0.1/s; ten orders of 1,000 USD and two of 100 within 30 s; the chance is the stream's own
    said = "liquidations 49x normal (5.0/s, 10,200 USD in 30 s, 100% longs) since 12:05:00"
    assert opened.headline == f"WATCH BTC: {said}"
    assert opened.far_basis == "as its gravest finding says"
    assert opened.evidence[0].far_per_day <= 1 / 91
    assert (opened.at, opened.opened_at) == (at(302), at(300))


def test_the_evidence_of_a_surge_holds_the_figures_of_its_text() -> None:
    [opened] = surge(20, 1_000_000.0)
    [found] = opened.evidence
    assert found.said == "liquidations 197x normal (20.0/s, 20,000,200 USD in 30 s, 100% longs)"
    assert found.value == pytest.approx(20.0)
    assert found.normal == pytest.approx(0.102, abs=0.001)  # 30 in 300 s, and a little for what is not known
    assert (found.unit, found.grade, found.weight, found.onset) == ("1/s", 4, 4.0, at(300))
    assert opened.at == at(301)  # grade 4 in its first second: reported at once


def episode(scope: str, **has: object) -> Episode:
    built = Episode(scope, S)
    fields: dict[str, object] = {
        "incident_id": "i-1", "opened_s": at(-5).timestamp(), "level": Level.SQUALL, "peak": Level.PERFECT_STORM,
        "critical": True, "pages": True, "revision": 7, "state": IncidentState.OPEN, "parent_id": "p-1",
    }  # fmt: skip
    for name, value in (fields | has).items():
        setattr(built, name, value)
    return built


def two_legs() -> Assessors:
    assessors = Assessors("a")
    assessors.reachable_from("home", "away")
    assessors.now_s = at(60).timestamp()
    assessors.own(Leg.LIQUIDATION, weight=3.0, grade=3, name="fast", second=50)
    assessors.own(Leg.MIGRATION, weight=2.0, grade=2, name="moved", second=40)
    return assessors


def asset_change(assessors: Assessors, kind: ChangeKind = ChangeKind.RAISED) -> IncidentChange:
    return assessors.change_writer.asset(kind, episode("asset:BTC"), assessors.asset(), assessors.now_s)


def test_a_change_says_its_legs_in_order_of_onset_and_how_often_chance_would_bring_both() -> None:
    change = asset_change(two_legs())
    # by the shipped priors: one a day of ten minutes and a fifth a day of an hour: 0.2 · 4200 s = 1 in 103 days
    assert change.far_per_day == 0.0097
    assert change.far_basis == "from shipped priors, not measured here"
    assert change.headline == "SQUALL BTC: moved:migration since 12:00:40; fast:liquidation since 12:00:50"


def test_a_change_carries_what_the_episode_and_the_verdict_hold() -> None:
    change = asset_change(two_legs())
    assert (change.incident_id, change.scope, change.kind) == ("i-1", "asset:BTC", ChangeKind.RAISED)
    assert (change.state, change.level, change.peak) == (IncidentState.OPEN, Level.SQUALL, Level.PERFECT_STORM)
    assert (change.at, change.opened_at, change.revision) == (at(60), at(-5), 7)
    assert (change.critical, change.pages, change.parent_id) == (True, True, "p-1")
    assert (change.replay_id, change.runbook) == ("i-1:7", "ops/runbooks/squall.md")
    assert change.counter_evidence == ("venue seen calm with coverage 100%",)
    assert [one.id for one in change.evidence] == ["moved:migration", "fast:liquidation"]
    assert change.fault is Fault.NONE
    assert change.rejected_causes == ("local: other targets answer", "market: fewer than most venues are in stress")


def test_the_headline_names_unseen_legs_and_then_how_many_sources_are_blind() -> None:
    assessors = Assessors("abcd")
    assessors.close(*(f"{venue}/liquidation" for venue in "abcd"))
    change = asset_change(assessors)
    assert change.headline == (
        "SQUALL BTC (seen now: calm): nothing strong now; cannot see: liquidation; blind: 4 sources"
    )
    assert len(change.blind) == 4
    assert change.far_per_day == 0
    assert change.counter_evidence == (
        "venue seen calm with coverage 60%",
        "migration seen calm with coverage 100%",
    )


def test_a_leg_whose_grade_has_faded_is_left_out_of_the_chance_rate() -> None:
    assessors = two_legs()
    assessors.own(Leg.VENUE, weight=0.9, grade=4, name="x", second=60)
    assessors.own(Leg.VENUE, weight=0.9, grade=4, name="y", second=60)
    assert asset_change(assessors).far_per_day == 0.0097


def test_a_grave_finding_of_a_leg_that_is_not_true_is_left_out_of_the_chance_rate() -> None:
    assessors = two_legs()
    assessors.own(Leg.VENUE, weight=1.0, grade=4, name="x", second=60)
    assert asset_change(assessors).far_per_day == 0.0097


def test_at_most_twenty_four_pieces_of_evidence_are_reported_the_heaviest_of_a_leg_first() -> None:
    assessors = Assessors("a")
    for index in range(30):
        assessors.own(Leg.MIGRATION, weight=1.0 + index / 10, name=f"m{index:02}", second=-index)
    change = asset_change(assessors)
    assert len(change.evidence) == 24
    onsets = [one.onset for one in change.evidence]
    assert onsets == sorted(onsets)


def test_at_most_twenty_four_facts_of_a_venue_are_reported_in_order_of_onset() -> None:
    assessors = Assessors("a")
    for index in range(30):
        assessors.fact("a", weight=1.0 + index / 10, name=f"v{index:02}", second=index % 7)
    assessors.now_s = at(7).timestamp()
    [seen] = assessors.venues.assess(assessors.now_s, (), ())
    change = assessors.change_writer.venue(ChangeKind.OPENED, episode("venue:a"), seen, assessors.now_s)
    assert {one.name for one in change.evidence} == {f"v{index:02}:a" for index in range(6, 30)}
    assert list(change.evidence) == sorted(change.evidence, key=lambda one: (one.onset, one.id))


def test_a_venues_change_names_its_strongest_fact_and_the_affected_assets() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=2.0, grade=3, name="slow", second=0)
    down = assessors.fact("a", weight=4.0, grade=2, name="down", second=10)
    assessors.board.put(replace(down, far_per_day=1 / 7))
    assessors.now_s = at(10).timestamp()
    [seen] = assessors.venues.assess(assessors.now_s, (), ())
    change = assessors.change_writer.venue(
        ChangeKind.OPENED, episode("venue:a", level=Level.WATCH), seen, assessors.now_s
    )
    assert change.headline == "WATCH venue a: down:a since 12:00:10; affects 1 asset: BTC"
    assert change.far_per_day == 0.14
    assert (change.critical, change.verdict, change.parent_id, change.fault) == (False, None, None, Fault.VENUE)
    assert (change.runbook, change.replay_id, change.revision) == ("ops/runbooks/venue.md", "i-1:7", 7)
    assert (change.opened_at, change.at, change.pages) == (at(-5), at(10), True)
    assert change.rejected_causes == ("local: other targets answer", "market: fewer than most venues are in stress")


def test_a_venues_headline_names_a_fact_of_half_a_nat() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=0.5, grade=4, name="slow")
    [seen] = assessors.venues.assess(assessors.now_s, (), ())
    change = assessors.change_writer.venue(ChangeKind.ENDED, episode("venue:a"), seen, assessors.now_s)
    assert "slow:a since 12:00:00" in change.headline


def test_a_venues_headline_without_a_strong_fact_names_none() -> None:
    assessors = Assessors("a")
    assessors.fact("a", weight=0.49, grade=4)
    [seen] = assessors.venues.assess(assessors.now_s, (), ())
    ended = episode("venue:a", level=Level.CALM)
    change = assessors.change_writer.venue(ChangeKind.ENDED, ended, seen, assessors.now_s)
    assert change.headline == ("CALM venue a: nothing strong now; affects 1 asset: BTC")


def test_an_incident_that_is_held_blind_keeps_its_level_in_its_headline_and_says_what_is_seen() -> None:
    assessors = two_legs()
    held = episode("asset:BTC", level=Level.PERFECT_STORM, state=IncidentState.HELD_BLIND)
    change = assessors.change_writer.asset(ChangeKind.HELD_BLIND, held, assessors.asset(), assessors.now_s)
    assert change.level is Level.PERFECT_STORM
    assert change.headline.startswith("PERFECT STORM BTC (seen now: squall): moved:migration since")
    assessors.fact("a", weight=0.4)
    [seen] = assessors.venues.assess(assessors.now_s, (), ())
    watched = episode("venue:a", level=Level.WATCH, state=IncidentState.HELD_BLIND)
    told = assessors.change_writer.venue(ChangeKind.HELD_BLIND, watched, seen, assessors.now_s)
    assert told.headline.startswith("WATCH venue a (seen now: calm): nothing strong now")


def test_the_incident_of_our_own_network_opens_and_ends_without_a_page() -> None:
    assessors = Assessors("a")
    own = Episode("vantage:Home", S)
    began = assessors.change_writer.local("Home", True, at(100).timestamp(), own)
    assert (began.kind, began.state, began.level, began.fault) == (
        ChangeKind.OPENED, IncidentState.OPEN, Level.WATCH, Fault.LOCAL,
    )  # fmt: skip
    assert (began.revision, began.at, began.opened_at, began.pages) == (1, at(100), at(100), False)
    assert began.incident_id == f"vantage-home-{int(at(100).timestamp())}"
    assert began.runbook == "ops/runbooks/local.md"
    assert (own.open, began.critical, began.far_per_day) == (True, False, 0.0)
    assert began.headline.startswith("LOCAL Home: nearly every venue and control fails at once")
    ended = assessors.change_writer.local("Home", False, at(150).timestamp(), own)
    assert (ended.kind, ended.state, ended.level, ended.peak) == (
        ChangeKind.ENDED, IncidentState.ENDED, Level.CALM, Level.WATCH,
    )  # fmt: skip
    assert (ended.revision, ended.at, ended.opened_at) == (2, at(150), at(100))
    assert ended.incident_id == began.incident_id
    assert ended.headline == "LOCAL Home: our own network answers again"
    assert [own.open] == [False]
    again = assessors.change_writer.local("Home", True, at(900).timestamp(), own)
    assert (again.revision, again.opened_at) == (1, at(900))
    assert again.incident_id != began.incident_id
    assert again.replay_id == f"{again.incident_id}:1"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "no watched asset trades there"),
        (1, "affects 1 asset: A0"),
        (2, "affects 2 assets: A0, A1"),
        (8, "affects 8 assets: A0, A1, A2, A3, A4, A5, A6, A7"),
        (9, "affects 9 assets: A0, A1, A2, A3, A4, A5, A6, A7 and 1 more"),
    ],
)
def test_a_venues_headline_names_eight_assets_and_counts_the_rest(count: int, text: str) -> None:
    assets = [f"A{index}" for index in range(count)]
    told = venue_headline(Level.WATCH, venue("v", assets=assets), None)
    assert told == f"WATCH venue v: nothing strong now; {text}"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault.MARKET, "; the market"),
        (Fault.PATH, "; the path there"),
        (Fault.LOCAL, "; our own network is down"),
        (Fault.VENUE, ""),
    ],
)
def test_a_venues_headline_says_whose_fault_it_is_if_it_is_not_the_venues(fault: Fault, text: str) -> None:
    blind = [Blindness(source="v/x", leg=Leg.VENUE, coverage=0.0, since=at(0), reason="closed")]
    headline = venue_headline(Level.WATCH, venue("v", fault, ["BTC"], blind), evidence("slow", second=3))
    assert headline == f"WATCH venue v: slow since 12:00:03{text}; affects 1 asset: BTC; blind: v/x (closed)"


@pytest.mark.parametrize(
    ("fault", "good", "rejected"),
    [
        (Fault.VENUE, True, ("local: other targets answer", "market: fewer than most venues are in stress")),
        (Fault.VENUE, False, ("local: too few targets fail at once", "market: fewer than most venues are in stress")),
        (Fault.MARKET, True, ("local: other targets answer",)),
        (Fault.LOCAL, False, ("market: fewer than most venues are in stress",)),
    ],
)
def test_other_causes_are_listed_as_rejected_with_their_reason(
    fault: Fault, *, good: bool, rejected: tuple[str, ...]
) -> None:
    assert rejected_causes(fault, good) == rejected


def test_runbooks_are_chosen_by_level_and_by_fault() -> None:
    assert runbook("b/", Level.STORM_SUSPECTED, Fault.VENUE) == "b/storm-suspected.md"
    assert runbook("b/", Level.STORM_SUSPECTED, Fault.LOCAL) == "b/local.md"
    assert venue_runbook("b/", Fault.PATH) == "b/venue.md"
    assert venue_runbook("b/", Fault.LOCAL) == "b/local.md"


def test_the_source_with_the_least_coverage_is_named_first_and_equal_ones_by_name() -> None:
    one = Blindness(source="b", leg=Leg.VENUE, coverage=0.2, since=at(0), reason="closed")
    order = [replace(one, coverage=0.1), replace(one, source="a"), one]
    assert sorted([order[2], order[1], order[0]], key=blindness_order) == order


def test_the_local_headline_says_that_our_network_is_down_or_back() -> None:
    assert local_headline("home", back=True) == "LOCAL home: our own network answers again"
    assert local_headline("home", back=False).endswith("our own network, not the venues")


def test_the_bound_of_evidence_is_shared_by_all_legs() -> None:
    assessors = Assessors("a")
    for leg, count in ((Leg.LIQUIDATION, 20), (Leg.MIGRATION, 10)):
        for index in range(count):
            assessors.own(leg, weight=2.0, name=f"e{index:02}")
    assert len(asset_change(assessors).evidence) == 24
