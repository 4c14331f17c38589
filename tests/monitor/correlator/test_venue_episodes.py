"""A venue in trouble is one incident for all its assets, and the parent of their own incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.incidents import ChangeKind, Fault, IncidentState, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, NETWORK, Outcome, Story, at, run_log

ASSETS = tuple(f"A{number:02d}" for number in range(49))


def with_more_assets(story: Story) -> Story:
    """Add forty-nine assets that the same sources cover."""
    for asset in ASSETS:
        for source in story.sources:
            venue, _, stream = source.partition("/")
            leg = {"liquidation": "liquidation", "chain": "migration"}.get(stream, "venue")
            subject = Subject(asset=asset, venue=None if venue == NETWORK else venue)
            attributes: dict[str, Scalar] = {"leg": leg, "weight": 1.0}
            story.extra.append(Signal(SignalKind.EXPECT, subject, at(0), at(0), source, 1, 6.0, attributes))
    return story


def wallet(asset: str, second: float, state: float, venue: str = "alpha") -> Signal:
    subject = Subject(asset=asset, venue=venue, network="bitcoin")
    return Signal(SignalKind.WALLET, subject, at(second), at(second), f"{venue}/wallet", int(second), state, {})


def scopes(outcome: Outcome) -> set[str]:
    return {one.scope for one in outcome.changes}


def test_the_outage_of_one_venue_is_one_incident_for_fifty_assets() -> None:
    outcome = run_log(with_more_assets(Story(75).trouble(30, 9999, "alpha")).signals(), DRILL)
    assert [(one.scope, one.kind) for one in outcome.changes] == [("venue:alpha", ChangeKind.OPENED)]
    opened = outcome.changes[0]
    assert 30 < outcome.when(opened) <= 40
    assert (opened.level, opened.fault, opened.pages) == (Level.WATCH, Fault.VENUE, False)
    assert opened.verdict is None
    assert opened.parent_id is None
    assert opened.runbook == "ops/runbooks/venue.md"
    assert opened.headline.startswith("WATCH venue alpha: ")
    assert "affects 50 assets: A00, A01, A02 and 47 more" in opened.headline
    assert {one.subject.venue for one in opened.evidence} == {"alpha"}
    assert {one.level for one in outcome.correlator.verdicts().values()} == {Level.CALM}
    assert [one.scope for one in outcome.correlator.open_incidents()] == ["venue:alpha"]


def test_an_asset_with_a_finding_of_its_own_has_its_own_incident_and_the_venues_for_parent() -> None:
    story = with_more_assets(Story(75).trouble(30, 9999, "alpha"))
    for venue in ("alpha", "beta"):
        story.extra += [wallet("A07", second, 1.0 if second < 50 else 0.0, venue) for second in range(20, 75)]
    outcome = run_log(story.signals(), DRILL)
    assert scopes(outcome) == {"venue:alpha", "asset:A07"}
    own = outcome.of("asset:A07")
    assert 50 <= outcome.when(own[0]) <= 53
    assert {one.parent_id for one in own} == {outcome.changes[0].incident_id}
    assert "withdrawals" in {one.name for one in own[0].evidence}


def queue(second: float) -> float:
    """Withdrawals are open, and from 20 s on delayed."""
    return 1.0 if second < 20 else 0.5


def test_a_queue_of_withdrawals_at_one_venue_is_an_incident_of_that_venue_and_names_the_asset() -> None:
    story = with_more_assets(Story(360))
    story.extra += [wallet("A07", second, queue(second)) for second in range(10, 360, 10)]
    outcome = run_log(story.signals(), DRILL)
    [opened] = outcome.changes
    assert (opened.scope, opened.kind, opened.level) == ("venue:alpha", ChangeKind.OPENED, Level.WATCH)
    assert 320 <= outcome.when(opened) <= 325
    assert "alpha withdrawals of A07 over bitcoin delayed for 5 min since 12:00:20" in opened.headline
    assert "affects 1 asset: A07" in opened.headline


def test_withdrawals_that_close_at_several_venues_are_the_assets_own_incident_alone() -> None:
    story = with_more_assets(Story(75))
    for venue in ("alpha", "beta", "gamma"):
        story.extra += [wallet("A07", second, 1.0 if second < 50 else 0.0, venue) for second in range(20, 75)]
    assert scopes(run_log(story.signals(), DRILL)) == {"asset:A07"}


@pytest.mark.slow
def test_a_second_leg_opens_the_assets_own_incident_as_a_child_of_the_venues() -> None:
    story = with_more_assets(Story(330).trouble(30, 75, "alpha", "beta").surge(60, 250))
    outcome = run_log(story.signals(), DRILL)
    assert scopes(outcome) == {"venue:alpha", "venue:beta", "asset:BTC"}
    assert outcome.of()[0].level is Level.SQUALL
    parents = {one.parent_id for one in outcome.of()}
    assert len(parents) == 1
    assert parents < {outcome.of(f"venue:{name}")[0].incident_id for name in ("alpha", "beta")}
    assert outcome.when(outcome.of()[-1]) > max(
        outcome.when(outcome.of(f"venue:{name}")[-1]) for name in ("alpha", "beta")
    )


def test_an_incident_that_does_not_need_the_venue_has_no_parent() -> None:
    outcome = run_log(Story(75).surge(40, 75).signals(), DRILL)
    assert {one.parent_id for one in outcome.changes} == {None}


def test_a_venues_incident_ends_after_enough_calm_and_resumes_when_the_trouble_returns() -> None:
    outcome = run_log(Story(300).trouble(30, 60, "alpha").trouble(200, 230, "alpha").signals(), DRILL)
    kinds = [one.kind for one in outcome.of("venue:alpha")]
    assert kinds == [ChangeKind.OPENED, ChangeKind.ENDED, ChangeKind.RESUMED, ChangeKind.ENDED]
    assert len({one.incident_id for one in outcome.changes}) == 1
    assert [one.revision for one in outcome.changes] == [1, 2, 3, 4]
    ended = outcome.changes[1]
    assert (ended.state, ended.level, ended.peak) == (IncidentState.ENDED, Level.CALM, Level.WATCH)
    assert outcome.when(ended) >= 60 + DRILL.leave_after_s


def test_a_blind_venue_is_held_and_then_ends_as_unknown() -> None:
    story = Story(250).trouble(30, 60, "alpha").mute(60, 9999, *(f"alpha/{one}" for one in ("book_ws", "server_time")))
    outcome = run_log(story.signals(), replace(DRILL, held_blind_max_s=60))
    changes = outcome.of("venue:alpha")
    assert [one.kind for one in changes] == [ChangeKind.OPENED, ChangeKind.HELD_BLIND, ChangeKind.ENDED_UNKNOWN]
    assert changes[1].level is Level.WATCH
    assert changes[1].headline.endswith("; affects 1 asset: BTC; blind: 2 sources")
    assert "alpha/book_ws" in {one.source for one in changes[1].blind}


def test_failing_answers_still_count_when_the_venues_feeds_are_closed() -> None:
    story = Story(75).trouble(30, 9999, "alpha", outcome="overloaded").mute(25, 9999, "alpha/book_ws")
    outcome = run_log(story.signals(), DRILL)
    assert outcome.of("venue:alpha")[0].kind is ChangeKind.OPENED


def test_our_own_outage_opens_no_venue_incident_and_holds_an_open_one_blind() -> None:
    down = run_log(Story(150).network_down(40, 70).signals(), DRILL)
    assert scopes(down) == {"vantage:home"}
    story = Story(150, vantages=("home",)).trouble(25, 9999, "alpha", outcome="overloaded").network_down(45, 120)
    outcome = run_log(story.signals(), replace(DRILL, leave_after_s=5))
    kinds = [one.kind for one in outcome.of("venue:alpha")]
    assert kinds[:2] == [ChangeKind.OPENED, ChangeKind.HELD_BLIND]
    held = outcome.of("venue:alpha")[1]
    assert held.fault is Fault.LOCAL
    assert held.runbook == "ops/runbooks/local.md"
    assert [one.source for one in held.blind] == ["vantage"]
    assert not any(one.kind is ChangeKind.ENDED and outcome.when(one) <= 120 for one in outcome.changes)


def test_a_venue_in_trouble_while_the_other_legs_are_blind_pages_once_for_all_its_assets() -> None:
    story = Story(110).trouble(50, 9999, "alpha", "beta")
    story.mute(30, 9999, f"{NETWORK}/chain", *(f"{venue}/liquidation" for venue in story.venues))
    outcome = run_log(with_more_assets(story).signals(), DRILL)
    assert scopes(outcome) == {"venue:alpha", "venue:beta"}
    paged = [one for one in outcome.changes if one.pages]
    assert sorted(one.scope for one in paged) == ["venue:alpha", "venue:beta"]
    assert f"{NETWORK}/chain" in {one.source for one in paged[0].blind}


@pytest.mark.parametrize(("value", "count"), [(1.0, 0), (2.0, 1)])
def test_a_venue_without_watched_assets_is_reported_when_it_says_it_is_down(value: float, count: int) -> None:
    story = Story(60)
    subject = Subject(venue="zeta")
    story.extra = [
        Signal(
            SignalKind.VENUE_STATUS, subject, at(second), at(second), "zeta/status", second, value, {"title": "halt"}
        )
        for second in range(30, 60, 5)
    ]
    outcome = run_log(story.signals(), DRILL)
    assert len(outcome.changes) == count
    assert all("no watched asset trades there" in one.headline for one in outcome.changes)
