"""Tests of an episode's thresholds from both sides: entering, leaving, held blind, ending, merging, paging, inheritance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, ChangeKind, IncidentState, Leg, Level

S = CorrelatorSettings(enter_ticks=3, lower_ticks=4, leave_after_s=5, held_blind_max_s=20, merge_s=50, leave_p_hi=0.3)
CALM = Observation(now_s=0.0, level=Level.CALM, p_hi=0.1)
WATCH = Observation(now_s=0.0, level=Level.WATCH, p_hi=0.9, true=frozenset({Leg.VENUE}))
SQUALL = replace(WATCH, level=Level.SQUALL, true=frozenset(LEGS[:2]))
STORM = replace(WATCH, level=Level.PERFECT_STORM, true=frozenset(LEGS))
DARK = replace(CALM, p_hi=0.97, unseen=frozenset(LEGS))


def run(episode: Episode, observation: Observation, since: int, until: int) -> list[tuple[int, ChangeKind]]:
    changes = []
    for second in range(since, until):
        kind = episode.step(replace(observation, now_s=float(second)))
        if kind is not None:
            changes.append((second, kind))
    return changes


def opened(observation: Observation = WATCH) -> Episode:
    episode = Episode("asset:BTC", S)
    assert episode.step(replace(observation, at_once=True)) is ChangeKind.OPENED
    return episode


def state(episode: Episode) -> IncidentState:
    return episode.state


def pages(episode: Episode) -> bool:
    return episode.pages


def critical(episode: Episode) -> bool:
    return episode.critical


def test_a_level_opens_an_incident_after_the_set_number_of_ticks_in_a_row() -> None:
    episode = Episode("asset:BTC", S)
    assert not episode.live
    assert run(episode, WATCH, 0, 2) == []
    assert (episode.open, episode.live) == (False, True)
    assert run(episode, CALM, 2, 3) == []
    assert not episode.live
    assert run(episode, WATCH, 3, 8) == [(5, ChangeKind.OPENED)]
    assert (episode.state, episode.level, episode.peak, episode.revision) == (
        IncidentState.OPEN, Level.WATCH, Level.WATCH, 1,
    )  # fmt: skip


def test_evidence_of_the_highest_grade_opens_and_raises_at_once() -> None:
    episode = Episode("asset:BTC", S)
    assert episode.step(replace(WATCH, at_once=True)) is ChangeKind.OPENED
    assert episode.step(replace(SQUALL, now_s=1.0, at_once=True)) is ChangeKind.RAISED
    assert episode.step(replace(STORM, now_s=2.0)) is None


def test_evidence_of_the_highest_grade_without_a_level_opens_nothing() -> None:
    assert Episode("asset:BTC", S).step(replace(CALM, at_once=True)) is None


def test_a_higher_level_is_reported_after_the_set_number_of_ticks_in_a_row() -> None:
    episode = opened()
    assert run(episode, SQUALL, 1, 3) == []
    assert run(episode, WATCH, 3, 4) == []
    assert run(episode, SQUALL, 4, 7) == [(6, ChangeKind.RAISED)]
    assert (episode.level, episode.peak, episode.revision) == (Level.SQUALL, Level.SQUALL, 2)


def test_a_lower_level_is_reported_after_the_set_number_of_ticks_and_the_peak_stays() -> None:
    episode = opened(STORM)
    assert run(episode, WATCH, 1, 4) == []
    assert run(episode, STORM, 4, 5) == []
    assert run(episode, WATCH, 5, 9) == [(8, ChangeKind.LOWERED)]
    assert (episode.level, episode.peak) == (Level.WATCH, Level.PERFECT_STORM)


@pytest.mark.parametrize(("p_hi", "ends"), [(0.30, True), (0.31, False)])
def test_calm_ends_an_incident_only_if_a_storm_is_seen_to_be_unlikely(p_hi: float, *, ends: bool) -> None:
    episode = opened()
    changes = run(episode, replace(CALM, p_hi=p_hi), 1, 10)
    assert changes == [(6, ChangeKind.ENDED if ends else ChangeKind.HELD_BLIND)]
    assert episode.open is not ends


def test_calm_must_be_seen_for_the_whole_time_without_a_break() -> None:
    episode = opened()
    assert run(episode, CALM, 1, 6) == []
    assert run(episode, WATCH, 6, 7) == []
    assert run(episode, CALM, 7, 11) == []
    assert run(episode, DARK, 11, 12) == []
    assert run(episode, CALM, 12, 20) == [(17, ChangeKind.ENDED)]
    assert (episode.state, episode.level, episode.ended_s) == (IncidentState.ENDED, Level.CALM, 17.0)


def test_a_blind_incident_is_held_at_its_level_and_then_ends_as_unknown() -> None:
    episode = opened(STORM)
    assert run(episode, DARK, 1, 40) == [(6, ChangeKind.HELD_BLIND), (26, ChangeKind.ENDED_UNKNOWN)]
    assert (episode.state, episode.open, episode.peak) == (IncidentState.ENDED_UNKNOWN, False, Level.PERFECT_STORM)


def test_an_incident_held_blind_keeps_its_level() -> None:
    episode = opened(STORM)
    run(episode, DARK, 1, 7)
    assert (episode.state, episode.level, episode.open) == (IncidentState.HELD_BLIND, Level.PERFECT_STORM, True)


def test_blindness_that_is_interrupted_is_counted_from_zero_again() -> None:
    episode = opened(STORM)
    assert run(episode, DARK, 1, 6) == []
    assert run(episode, STORM, 6, 7) == []
    assert run(episode, DARK, 7, 13) == [(12, ChangeKind.HELD_BLIND)]
    assert run(episode, STORM, 13, 14) == [(13, ChangeKind.RESUMED)]
    assert state(episode) is IncidentState.OPEN
    assert run(episode, DARK, 14, 19) == []


def test_an_incident_held_blind_with_one_true_leg_is_lowered_to_the_visible_level() -> None:
    episode = opened(STORM)
    observation = replace(WATCH, unseen=frozenset({Leg.LIQUIDATION, Leg.MIGRATION}))
    assert run(episode, observation, 1, 30) == [(6, ChangeKind.HELD_BLIND), (26, ChangeKind.LOWERED)]
    assert (episode.level, episode.state, episode.open) == (Level.WATCH, IncidentState.OPEN, True)
    assert run(episode, replace(WATCH, unseen=frozenset({Leg.MIGRATION})), 30, 60) == []


def test_an_incident_held_blind_is_open_again_when_its_level_rises() -> None:
    episode = opened(WATCH)
    run(episode, DARK, 1, 7)
    assert state(episode) is IncidentState.HELD_BLIND
    assert run(episode, STORM, 7, 10) == [(9, ChangeKind.RAISED)]
    assert state(episode) is IncidentState.OPEN


def test_a_changed_mark_is_reported_after_the_set_number_of_ticks_and_a_flicker_is_not() -> None:
    episode = opened(replace(WATCH, mark=("a",)))
    assert run(episode, replace(WATCH, mark=("b",)), 1, 3) == []
    assert run(episode, replace(WATCH, mark=("a",)), 3, 4) == []
    assert run(episode, replace(WATCH, mark=("b",)), 4, 12) == [(6, ChangeKind.UPDATED)]
    assert episode.revision == 2


def test_a_late_signal_that_changes_nothing_amends_nothing() -> None:
    episode = opened(replace(WATCH, mark=("a",)))
    assert run(episode, replace(WATCH, mark=("a",), late=True), 1, 5) == []
    assert run(episode, replace(WATCH, mark=("b",), late=True), 5, 6) == [(5, ChangeKind.AMENDED)]


def test_a_retraction_lowers_at_once_and_retracts_the_incident_if_nothing_is_left() -> None:
    episode = opened(SQUALL)
    assert run(episode, replace(SQUALL, retracted=True), 1, 2) == []
    assert run(episode, replace(WATCH, retracted=True), 2, 3) == [(2, ChangeKind.AMENDED)]
    assert (episode.level, episode.open) == (Level.WATCH, True)
    assert run(episode, replace(CALM, retracted=True), 3, 4) == [(3, ChangeKind.RETRACTED)]
    assert (episode.open, episode.state, episode.level) == (False, IncidentState.RETRACTED, Level.CALM)


def test_a_retracted_leg_does_not_count_as_true_when_it_goes_blind() -> None:
    episode = opened(SQUALL)
    run(episode, replace(WATCH, retracted=True), 1, 2)
    dark = replace(WATCH, unseen=frozenset({Leg.LIQUIDATION}))
    assert run(episode, dark, 2, 20) == []


@pytest.mark.parametrize(("since", "kind"), [(56, ChangeKind.RESUMED), (57, ChangeKind.OPENED)])
def test_trouble_that_returns_within_the_merging_time_resumes_the_same_incident(since: int, kind: ChangeKind) -> None:
    episode = opened()
    first = episode.incident_id
    assert run(episode, CALM, 1, 7) == [(6, ChangeKind.ENDED)]
    assert run(episode, replace(WATCH, at_once=True), since, since + 1) == [(since, kind)]
    assert (episode.incident_id == first) is (kind is ChangeKind.RESUMED)
    assert episode.revision == (3 if kind is ChangeKind.RESUMED else 1)


def test_a_new_incident_inherits_nothing_of_the_old_one() -> None:
    episode = opened(replace(STORM, critical=True, blind_stress=True, mark=("a",), onset_s=-20.0))
    episode.parent_id = "venue-alpha-1"
    run(episode, CALM, 1, 7)
    first = episode.incident_id
    assert run(episode, replace(WATCH, at_once=True, mark=("b",), onset_s=90.0), 100, 101) == [(100, ChangeKind.OPENED)]
    assert episode.incident_id != first
    assert (episode.opened_s, episode.revision) == (90.0, 1)
    assert [episode.parent_id] == [None]
    assert (episode.level, episode.peak, episode.critical, episode.pages) == (Level.WATCH, Level.WATCH, False, False)
    dark = replace(WATCH, mark=("b",), unseen=frozenset({Leg.LIQUIDATION, Leg.MIGRATION}))
    assert run(episode, dark, 101, 120) == []  # no leg of the old storm counts as true


def test_a_resumed_incident_keeps_its_opening_time_peak_and_parent() -> None:
    episode = opened(replace(STORM, onset_s=-20.0))
    episode.parent_id = "venue-alpha-1"
    run(episode, CALM, 1, 7)
    run(episode, replace(WATCH, at_once=True, onset_s=20.0), 20, 21)
    assert (episode.opened_s, episode.peak, episode.parent_id) == (-20.0, Level.PERFECT_STORM, "venue-alpha-1")
    assert episode.level is Level.WATCH


@pytest.mark.parametrize(("onset_s", "opened_s"), [(None, 7.0), (3.0, 3.0), (9.0, 7.0)])
def test_an_incident_begins_with_the_onset_of_its_evidence_and_never_after_it_was_reported(
    onset_s: float | None, opened_s: float
) -> None:
    episode = Episode("asset:BTC", S)
    episode.step(replace(WATCH, now_s=7.0, at_once=True, onset_s=onset_s))
    assert episode.opened_s == opened_s
    assert episode.incident_id.startswith("asset-btc-7-")


def test_only_suspected_and_perfect_storms_page() -> None:
    for level in (Level.WATCH, Level.SQUALL):
        assert not pages(opened(replace(STORM, level=level)))
    for level in (Level.STORM_SUSPECTED, Level.PERFECT_STORM):
        assert pages(opened(replace(STORM, level=level)))


def test_each_level_pages_once_as_it_rises_and_an_update_does_not() -> None:
    episode = opened(replace(STORM, level=Level.STORM_SUSPECTED))
    assert pages(episode)
    assert run(episode, replace(STORM, at_once=True), 1, 2) == [(1, ChangeKind.RAISED)]
    assert pages(episode)
    assert run(episode, replace(STORM, mark=("b",)), 2, 6) == [(4, ChangeKind.UPDATED)]
    assert not pages(episode)


@pytest.mark.parametrize(("since", "pages_again"), [(50, False), (51, True)])
def test_a_level_reached_again_pages_only_after_the_merging_time(since: int, *, pages_again: bool) -> None:
    episode = opened(STORM)
    run(episode, SQUALL, 1, 5)
    assert run(episode, replace(STORM, at_once=True), since, since + 1) == [(since, ChangeKind.RAISED)]
    assert episode.pages is pages_again


def test_blind_stress_pages_once_and_again_after_the_incident_ended() -> None:
    episode = opened(replace(WATCH, blind_stress=True))
    assert pages(episode)
    assert run(episode, replace(WATCH, blind_stress=True, mark=("b",)), 1, 5) == [(3, ChangeKind.UPDATED)]
    assert not pages(episode)
    run(episode, CALM, 5, 11)
    assert run(episode, replace(WATCH, blind_stress=True, at_once=True), 20, 21) == [(20, ChangeKind.RESUMED)]
    assert pages(episode)


def test_a_second_blind_stress_of_one_incident_does_not_page_again() -> None:
    episode = opened(replace(WATCH, mark=("a",)))
    assert not pages(episode)
    assert run(episode, replace(WATCH, mark=("b",), blind_stress=True), 1, 4) == [(3, ChangeKind.UPDATED)]
    assert pages(episode)
    assert run(episode, replace(WATCH, mark=("a",)), 4, 7) == [(6, ChangeKind.UPDATED)]
    assert not pages(episode)
    assert run(episode, replace(WATCH, mark=("b",), blind_stress=True), 7, 10) == [(9, ChangeKind.UPDATED)]
    assert not pages(episode)


def test_critical_is_the_value_that_was_last_reported() -> None:
    episode = opened(STORM)
    assert not critical(episode)
    run(episode, replace(STORM, critical=True, mark=("critical",)), 1, 3)
    assert not critical(episode)
    run(episode, replace(STORM, critical=True, mark=("critical",)), 3, 4)
    assert critical(episode)
    run(episode, STORM, 4, 7)
    assert not critical(episode)


@pytest.mark.parametrize(
    ("true", "unseen", "level", "lowered"),
    [
        (LEGS[:2], (), Level.SQUALL, Level.SQUALL),
        (LEGS[:1], LEGS[1:2], Level.WATCH, Level.SQUALL),
        (LEGS[:1], (), Level.CALM, None),
        ((), LEGS[1:2], Level.CALM, Level.WATCH),
        ((), LEGS[1:], Level.CALM, Level.SQUALL),
        ((), LEGS, Level.CALM, None),
        (LEGS[:2], LEGS[2:], Level.SQUALL, None),
    ],
)
def test_a_storm_is_lowered_after_the_set_ticks_to_the_level_that_may_still_be_true(
    true: tuple[Leg, ...], unseen: tuple[Leg, ...], level: Level, lowered: Level | None
) -> None:
    episode = opened(STORM)
    observation = replace(STORM, level=level, true=frozenset(true), unseen=frozenset(unseen))
    assert run(episode, observation, 1, 5) == ([] if lowered is None else [(4, ChangeKind.LOWERED)])
    assert episode.level is (Level.PERFECT_STORM if lowered is None else lowered)


def test_a_scope_without_a_report_has_no_incident() -> None:
    episode = Episode("asset:BTC", S)
    assert (episode.open, episode.incident_id, episode.revision) == (False, "", 0)
    assert (episode.level, episode.peak, episode.state) == (Level.CALM, Level.CALM, IncidentState.ENDED)
    assert not critical(episode)
    assert not pages(episode)
    assert run(episode, CALM, 0, 20) == []


def test_a_leg_that_became_true_after_the_opening_still_counts_as_true_when_it_goes_blind() -> None:
    episode = opened(WATCH)
    run(episode, STORM, 1, 4)
    dark = replace(SQUALL, true=frozenset({Leg.VENUE, Leg.MIGRATION}), unseen=frozenset({Leg.LIQUIDATION}))
    assert run(episode, dark, 4, 12) == [(9, ChangeKind.HELD_BLIND)]
    assert episode.level is Level.PERFECT_STORM


def test_one_tick_of_a_higher_level_restarts_the_count_of_lower_ticks() -> None:
    episode = opened(SQUALL)
    assert run(episode, WATCH, 1, 4) == []
    assert run(episode, STORM, 4, 5) == []
    assert run(episode, WATCH, 5, 9) == [(8, ChangeKind.LOWERED)]


def test_one_tick_of_a_higher_level_restarts_the_time_of_calm_and_of_blindness() -> None:
    for observation in (CALM, DARK):
        episode = opened(WATCH)
        assert run(episode, observation, 1, 6) == []
        assert run(episode, SQUALL, 6, 7) == []
        assert run(episode, observation, 7, 12) == []


def test_one_tick_of_calm_restarts_the_time_of_blindness() -> None:
    episode = opened(WATCH)
    assert run(episode, DARK, 1, 6) == []
    assert run(episode, CALM, 6, 7) == []
    assert run(episode, DARK, 7, 13) == [(12, ChangeKind.HELD_BLIND)]


def test_each_step_up_and_each_step_down_is_counted_from_zero() -> None:
    episode = opened(WATCH)
    assert run(episode, SQUALL, 1, 4) == [(3, ChangeKind.RAISED)]
    assert run(episode, STORM, 4, 7) == [(6, ChangeKind.RAISED)]
    assert run(episode, SQUALL, 7, 11) == [(10, ChangeKind.LOWERED)]
    assert run(episode, WATCH, 11, 15) == [(14, ChangeKind.LOWERED)]


def test_an_incident_held_blind_that_is_seen_at_a_lower_level_is_open_again() -> None:
    episode = opened(STORM)
    run(episode, DARK, 1, 7)
    assert state(episode) is IncidentState.HELD_BLIND
    assert run(episode, WATCH, 7, 11) == [(10, ChangeKind.LOWERED)]
    assert state(episode) is IncidentState.OPEN


def test_a_storm_that_may_still_be_likely_never_ends_as_resolved() -> None:
    episode = opened(STORM)
    unsure = replace(CALM, p_hi=0.5)
    assert run(episode, unsure, 1, 40) == [(6, ChangeKind.HELD_BLIND), (26, ChangeKind.ENDED_UNKNOWN)]
    assert state(episode) is IncidentState.ENDED_UNKNOWN


def test_a_resumed_incident_does_not_count_a_leg_as_true_that_was_seen_to_end() -> None:
    episode = opened(STORM)
    run(episode, CALM, 1, 7)
    assert run(episode, replace(WATCH, at_once=True), 20, 21) == [(20, ChangeKind.RESUMED)]
    dark = replace(WATCH, unseen=frozenset({Leg.LIQUIDATION, Leg.MIGRATION}))
    assert run(episode, dark, 21, 60) == []
