"""Tests of one scope's episode: opening, updates, held blind, ending, paging."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator.active_evidence import utc
from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, ChangeKind, Leg, Level

S = CorrelatorSettings()


def test_a_late_signal_that_changes_a_leg_amends_at_once() -> None:
    episode = Episode("asset:BTC", S)
    observation = Observation(
        now_s=0.0, level=Level.WATCH, p_hi=0.9, true=frozenset({Leg.VENUE}), at_once=True, mark=("a",)
    )
    assert episode.step(observation) is ChangeKind.OPENED
    assert episode.step(replace(observation, now_s=1.0, mark=("b",))) is None
    assert episode.step(replace(observation, now_s=2.0, mark=("b",))) is ChangeKind.UPDATED
    assert episode.step(replace(observation, now_s=3.0, mark=("c",), late=True)) is ChangeKind.AMENDED
    assert episode.revision == 3


def episode_with(*legs: Leg, level: Level) -> tuple[Episode, Observation]:
    settings = replace(S, leave_after_s=5, held_blind_max_s=20, lower_ticks=3)
    episode = Episode("asset:BTC", settings)
    observation = Observation(now_s=0.0, level=level, p_hi=0.9, true=frozenset(legs), at_once=True)
    assert episode.step(observation) is ChangeKind.OPENED
    return episode, replace(observation, at_once=False)


def run(episode: Episode, observation: Observation, since: int, until: int) -> list[ChangeKind]:
    kinds = [episode.step(replace(observation, now_s=float(second))) for second in range(since, until)]
    return [one for one in kinds if one is not None]


def test_an_incident_held_blind_resumes_when_its_legs_are_seen_again() -> None:
    episode, observation = episode_with(*LEGS, level=Level.PERFECT_STORM)
    blind = replace(observation, level=Level.CALM, true=frozenset(), unseen=frozenset(LEGS))
    assert run(episode, blind, 1, 10) == [ChangeKind.HELD_BLIND]
    assert run(episode, observation, 10, 12) == [ChangeKind.RESUMED]
    assert not episode.pages


@pytest.mark.parametrize(
    ("true", "unseen", "level", "lowered"),
    [
        ({Leg.VENUE}, {Leg.LIQUIDATION}, Level.WATCH, Level.SQUALL),
        (set(), {Leg.LIQUIDATION}, Level.CALM, Level.WATCH),
        (set(), {Leg.LIQUIDATION, Leg.VENUE}, Level.CALM, Level.SQUALL),
        ({Leg.VENUE, Leg.LIQUIDATION}, set(), Level.SQUALL, Level.SQUALL),
    ],
)
def test_a_storm_is_lowered_to_the_level_that_may_still_be_true(
    true: set[Leg], unseen: set[Leg], level: Level, lowered: Level
) -> None:
    episode, observation = episode_with(*LEGS, level=Level.PERFECT_STORM)
    observation = replace(observation, level=level, true=frozenset(true), unseen=frozenset(unseen))
    assert run(episode, observation, 1, 5) == [ChangeKind.LOWERED]
    assert episode.level is lowered
    assert episode.peak is Level.PERFECT_STORM


def test_two_legs_with_a_third_unseen_that_never_was_true_may_still_be_a_suspected_storm() -> None:
    episode, observation = episode_with(Leg.VENUE, Leg.MIGRATION, level=Level.STORM_SUSPECTED)
    observation = replace(
        observation, level=Level.WATCH, true=frozenset({Leg.VENUE}), unseen=frozenset({Leg.MIGRATION, Leg.LIQUIDATION})
    )
    assert run(episode, observation, 1, 10) == [ChangeKind.HELD_BLIND]
    assert episode.level is Level.STORM_SUSPECTED


def test_a_storm_that_is_lower_for_a_moment_reports_nothing() -> None:
    episode, observation = episode_with(*LEGS, level=Level.PERFECT_STORM)
    assert run(episode, replace(observation, level=Level.SQUALL, true=frozenset(LEGS[:2])), 1, 3) == []
    assert run(episode, observation, 3, 5) == []


def test_the_same_level_pages_once_in_the_merging_time_and_again_after_it() -> None:
    episode, observation = episode_with(*LEGS, level=Level.PERFECT_STORM)
    low = replace(observation, level=Level.SQUALL, true=frozenset(LEGS[:2]))
    paged = [episode.pages]
    for second in (10, 1000):
        assert run(episode, low, second - 5, second) == [ChangeKind.LOWERED]
        assert run(episode, observation, second, second + 2) == [ChangeKind.RAISED]
        paged.append(episode.pages)
    assert paged == [True, False, True]


def test_a_scope_that_opens_long_after_it_ended_is_a_new_incident() -> None:
    episode, observation = episode_with(Leg.VENUE, level=Level.WATCH)
    first = episode.incident_id
    calm = replace(observation, level=Level.CALM, true=frozenset(), p_hi=0.01)
    assert run(episode, calm, 1, 10) == [ChangeKind.ENDED]
    assert run(episode, replace(observation, onset_s=1990.0), 2000, 2002) == [ChangeKind.OPENED]
    assert episode.incident_id != first
    assert utc(episode.opened_s).timestamp() == 1990.0
