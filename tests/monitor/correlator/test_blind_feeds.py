"""Tests of stories in which feeds go blind: missing data is never calm, never a veto and never a recovery."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.incidents import ChangeKind, IncidentState, Leg, Level
from tests.monitor.correlator.storm import DRILL, NETWORK, Story, run_log
from tests.monitor.correlator.test_scenarios import ONSET_S, highest


def test_two_legs_and_a_blind_third_are_a_suspected_storm_that_pages() -> None:
    story = Story(ONSET_S + 120).trouble(ONSET_S, 9999).upgrade(ONSET_S + 20)
    story.mute(ONSET_S - 60, 9999, *(f"{venue}/liquidation" for venue in story.venues))
    outcome = run_log(story.signals())
    suspected = next(one for one in outcome.of() if one.level is Level.STORM_SUSPECTED)
    assert suspected.pages
    assert highest(outcome) is Level.STORM_SUSPECTED
    assert "cannot see: liquidation" in suspected.headline
    assert {one.source for one in suspected.blind} == {f"{venue}/liquidation" for venue in story.venues}


def test_one_leg_with_both_others_blind_pages_once() -> None:
    story = Story(ONSET_S + 200).surge(ONSET_S, 9999)
    story.mute(ONSET_S - 60, 9999, f"{NETWORK}/chain")
    story.mute(
        ONSET_S - 60, 9999, *(f"{venue}/{feed}" for venue in story.venues for feed in ("book_ws", "server_time"))
    )
    outcome = run_log(story.signals())
    assert highest(outcome) is Level.WATCH
    assert [one.pages for one in outcome.of()].count(True) == 1


def test_a_storm_whose_feeds_go_blind_is_held_and_then_ends_as_unknown() -> None:
    settings = replace(DRILL, held_blind_max_s=60)
    story = Story(400).trouble(30, 75).surge(40, 75).upgrade(50).migrate(50).mute(75, 9999, *Story(1).sources)
    outcome = run_log(story.signals(), settings)
    kinds = [one.kind for one in outcome.of()]
    after = [one for one in outcome.of() if outcome.when(one) > 75]
    assert not any(one.kind in (ChangeKind.LOWERED, ChangeKind.ENDED) for one in after)
    assert kinds[-2:] == [ChangeKind.HELD_BLIND, ChangeKind.ENDED_UNKNOWN]
    held, ended = outcome.of()[-2:]
    assert (held.state, held.level) == (IncidentState.HELD_BLIND, Level.PERFECT_STORM)
    assert ended.state is IncidentState.ENDED_UNKNOWN
    assert ended.at.timestamp() - held.at.timestamp() == pytest.approx(60, abs=1)


@pytest.mark.parametrize("leg", ["liquidation", "chain"])
@pytest.mark.slow
def test_one_blind_leg_neither_lowers_nor_resolves_a_storm(leg: str) -> None:
    story = Story(300).trouble(30, 75).surge(40, 75).upgrade(50).migrate(50)
    story.vantages = ("home", "away")
    story.mute(75, 9999, *(one for one in story.sources if one.endswith(leg)))
    outcome = run_log(story.signals(), DRILL)
    assert outcome.of()[-1].state in (IncidentState.OPEN, IncidentState.HELD_BLIND)
    assert not any(one.kind is ChangeKind.ENDED for one in outcome.of())


def test_a_storm_can_end_when_its_blind_leg_sees_calm_again() -> None:
    story = Story(400).trouble(30, 75).surge(40, 75).upgrade(50).migrate(50)
    story.mute(70, 200, *(one for one in story.sources if one.endswith("liquidation")))
    outcome = run_log(story.signals(), DRILL)
    last = outcome.of()[-1]
    assert last.kind is ChangeKind.ENDED
    assert outcome.when(last) > 200


def test_a_storm_held_blind_too_long_is_lowered_to_the_visible_level() -> None:
    settings = replace(DRILL, held_blind_max_s=40, upgrade_half_life_s=21600, liquidity_half_life_s=3600)
    story = Story(300).trouble(30, 9999).surge(40, 75).upgrade(50).migrate(50)
    story.mute(75, 9999, *(one for one in story.sources if one.endswith("liquidation")))
    outcome = run_log(story.signals(), settings)
    held = next(one for one in outcome.of() if one.kind is ChangeKind.HELD_BLIND)
    lowered = next(one for one in outcome.of() if one.kind is ChangeKind.LOWERED)
    assert held.level is Level.PERFECT_STORM
    assert lowered.level is Level.STORM_SUSPECTED
    assert outcome.when(lowered) - outcome.when(held) == pytest.approx(40, abs=2)


def test_coverage_falls_when_a_feed_is_silent_and_the_verdict_names_the_feed() -> None:
    story = Story(ONSET_S).mute(300, 9999, "alpha/liquidation")
    outcome = run_log(story.signals())
    seen = {leg.leg: leg.coverage for leg in outcome.verdicts[290].legs}
    blind = {leg.leg: leg.coverage for leg in outcome.verdicts[ONSET_S].legs}
    assert seen[Leg.LIQUIDATION] == pytest.approx(1.0)
    assert blind[Leg.LIQUIDATION] == pytest.approx(0.75, abs=1e-3)
    assert blind[Leg.VENUE] == seen[Leg.VENUE]
    assert [one.source for one in outcome.verdicts[ONSET_S].blind] == ["alpha/liquidation"]
    assert outcome.verdicts[ONSET_S].p_hi > outcome.verdicts[290].p_hi
