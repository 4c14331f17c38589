"""Tests of adoption: a program that judged the log again continues the incidents that another one told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.correlator import Correlator
from monitor.correlator.attribution import Attribution
from monitor.correlator.episodes import Episode, Observation
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Leg, LegState, Level
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.alerting.sinks.changes import change, leg, verdict
from tests.monitor.correlator.storm import DRILL, Story, at
from tests.monitor.correlator.test_fault_attribution import ask, rounds

S = CorrelatorSettings(enter_ticks=1, lower_ticks=3, leave_after_s=10, held_blind_max_s=100, merge_s=50)
ALL_TRUE = tuple(leg(one, LegState.TRUE, 5) for one in (Leg.LIQUIDATION, Leg.VENUE, Leg.MIGRATION))


def last(**changed: Any) -> IncidentChange:
    """The last change of a perfect storm that an earlier program told at second 30, as revision 4."""
    told = {
        "revision": 4, "at": at(30), "opened_at": at(0), "verdict": replace(verdict(), legs=ALL_TRUE),
        "peak": Level.PERFECT_STORM, "parent_id": "venue-x", **changed,
    }  # fmt: skip
    return replace(change(), **told)


def adopted(**changed: Any) -> Episode:
    episode = Episode("asset:BTC", S)
    episode.adopt(last(**changed))
    return episode


def seen(second: float, level: Level, **changed: Any) -> Observation:
    first = Observation(now_s=at(second).timestamp(), level=level, p_hi=0.9 if level else 0.0)
    return replace(first, **changed)


def dark(second: float) -> Observation:
    return seen(second, Level.CALM, p_hi=0.9, unseen=frozenset({Leg.LIQUIDATION, Leg.VENUE, Leg.MIGRATION}))


def test_an_adopted_incident_keeps_its_id_its_time_its_peak_and_its_parent() -> None:
    episode = adopted(level=Level.SQUALL)
    assert (episode.open, episode.live, episode.state) == (True, True, IncidentState.OPEN)
    assert (episode.incident_id, episode.parent_id, episode.revision) == (last().incident_id, "venue-x", 4)
    assert (episode.opened_s, episode.level, episode.peak) == (
        at(0).timestamp(), Level.SQUALL, Level.PERFECT_STORM,
    )  # fmt: skip


def test_an_adopted_incident_does_not_page_again_for_a_level_that_was_paged() -> None:
    episode = adopted(level=Level.SQUALL)
    assert episode.step(seen(31, Level.PERFECT_STORM)) is ChangeKind.RAISED
    assert (episode.pages, episode.revision) == (False, 5)


def test_an_adopted_incident_pages_for_a_level_that_was_not_paged() -> None:
    episode = adopted(level=Level.SQUALL, peak=Level.SQUALL)
    episode.step(seen(31, Level.PERFECT_STORM))
    assert episode.pages


def test_an_adopted_incident_pages_again_when_the_merging_time_has_passed() -> None:
    episode = adopted(level=Level.SQUALL)
    episode.step(seen(30 + S.merge_s + 1, Level.PERFECT_STORM))
    assert episode.pages


BLIND = (
    leg(Leg.LIQUIDATION, LegState.UNKNOWN, None), leg(Leg.VENUE, LegState.TRUE, 5), leg(Leg.MIGRATION, LegState.UNKNOWN, None),
)  # fmt: skip


@pytest.mark.parametrize(("legs", "pages"), [(BLIND, False), (ALL_TRUE, True)])
def test_blindness_under_stress_that_was_paged_is_not_paged_again(legs: tuple[Any, ...], *, pages: bool) -> None:
    episode = adopted(level=Level.WATCH, verdict=replace(verdict(), legs=legs))
    episode.step(seen(31, Level.SQUALL, blind_stress=True, true=frozenset({Leg.VENUE})))
    assert episode.pages is pages


def test_an_adopted_incident_ends_after_its_time_of_calm_from_now_on() -> None:
    episode = adopted()
    for second in range(100, 110):
        assert episode.step(seen(second, Level.CALM)) in (None, ChangeKind.LOWERED)
    assert episode.step(seen(110, Level.CALM)) is ChangeKind.ENDED
    assert episode.incident_id == last().incident_id


def test_a_leg_that_was_true_and_is_unknown_now_does_not_lower_an_adopted_incident() -> None:
    episode = adopted()
    for second in range(31, 40):
        assert episode.step(dark(second)) is None
    assert episode.step(dark(41)) is ChangeKind.HELD_BLIND
    assert episode.level is Level.PERFECT_STORM


def test_an_incident_that_was_held_blind_is_held_on_from_when_it_began() -> None:
    episode = adopted(state=IncidentState.HELD_BLIND, kind=ChangeKind.HELD_BLIND)
    assert episode.step(dark(129)) is None
    assert episode.state is IncidentState.HELD_BLIND
    assert episode.step(dark(130)) is ChangeKind.ENDED_UNKNOWN
    assert (episode.incident_id, episode.revision) == (last().incident_id, 5)


def test_an_incident_that_was_held_blind_resumes_when_its_stress_is_seen_again() -> None:
    episode = adopted(state=IncidentState.HELD_BLIND)
    assert episode.step(seen(40, Level.PERFECT_STORM)) is ChangeKind.RESUMED
    assert not episode.pages


@pytest.mark.parametrize(("second", "kind", "same"), [(80, ChangeKind.RESUMED, True), (81, ChangeKind.OPENED, False)])
def test_an_ended_incident_resumes_with_its_id_within_the_merging_time(
    second: int, kind: ChangeKind, *, same: bool
) -> None:
    episode = adopted(state=IncidentState.ENDED, level=Level.CALM)
    assert (episode.open, episode.live) == (False, False)
    assert episode.step(seen(second, Level.SQUALL)) is kind
    assert (episode.incident_id == last().incident_id) is same
    assert episode.revision == (5 if same else 1)


def test_a_venue_incident_without_a_verdict_is_adopted() -> None:
    episode = Episode("venue:alpha", S)
    episode.adopt(last(scope="venue:alpha", verdict=None, level=Level.WATCH, peak=Level.WATCH))
    assert episode.step(seen(31, Level.WATCH)) is None


def test_an_incident_that_was_judged_again_alike_is_not_set_back() -> None:
    correlator = Correlator(DRILL)
    signals = Story(70).trouble(30, 70, "alpha", "beta").surge(35, 70).upgrade(45).signals()
    changes = [one for signal in signals for one in correlator.on_signal(signal)]
    image = correlator.freeze()
    correlator.adopt([next(one for one in changes if one.scope == "asset:BTC")])
    assert correlator.freeze() == image


def test_an_adopted_incident_of_an_asset_is_open_at_once_and_a_venue_is_judged_while_it_is_quiet() -> None:
    correlator = Correlator(DRILL)
    venue = last(scope="venue:alpha", incident_id="venue-alpha-1", verdict=None, level=Level.WATCH, peak=Level.WATCH)
    correlator.adopt([last(), venue])
    assert [one.incident_id for one in correlator.open_incidents()] == [last().incident_id, "venue-alpha-1"]
    changes = [one for signal in Story(60).signals() for one in correlator.on_signal(signal)]
    assert ChangeKind.ENDED in [one.kind for one in changes if one.incident_id == "venue-alpha-1"]


def test_an_ended_incident_of_what_is_not_watched_any_more_stays_as_it_is() -> None:
    correlator = Correlator(DRILL)
    correlator.adopt([last(state=IncidentState.ENDED)], lambda _: False)
    assert correlator.open_incidents() == []
    tick = Signal(SignalKind.TICK, Subject(), at(40), at(40), "clock", 1, 0.0)
    assert [*correlator.on_signal(tick), *correlator.finish()] == []


def test_the_end_of_what_is_not_watched_any_more_is_not_lost_by_a_kill_before_the_first_second() -> None:
    first = Correlator(DRILL)
    first.adopt([last()], lambda _: False)
    second = Correlator.thaw(first.freeze())
    tick = Signal(SignalKind.TICK, Subject(), at(40), at(40), "clock", 1, 0.0)
    changes = [*second.on_signal(tick), *second.finish()]
    assert [(one.kind, one.revision) for one in changes] == [(ChangeKind.ENDED_UNKNOWN, 5)]
    assert second.open_incidents() == []


def adopted_network() -> Attribution:
    one = Attribution(DRILL)
    one.adopt("home", at(0).timestamp())
    return one


def test_an_adopted_failure_of_our_own_network_ends_when_targets_answer() -> None:
    one = adopted_network()
    assert one.on_second(at(5).timestamp()) == []
    assert one.local_since_s == {"home": at(0).timestamp()}
    for name in "abxyz":
        ask(one, 6, name, "ok")
    assert one.on_second(at(7).timestamp()) == [("home", False)]


def test_an_adopted_failure_of_our_own_network_goes_on_while_targets_fail() -> None:
    one = adopted_network()
    rounds(one, "abxyz", since=5)
    assert one.on_second(at(7).timestamp()) == []
    assert "home" in one.local_since_s


def test_a_failure_of_our_own_network_goes_on_with_its_id_and_its_end_is_the_next_revision() -> None:
    correlator = Correlator(DRILL)
    network = last(scope="vantage:home", incident_id="vantage-home-1", verdict=None, revision=1, opened_at=at(0))
    correlator.adopt([network])
    changes = [one for signal in Story(30).signals() for one in correlator.on_signal(signal)]
    own = [one for one in changes if one.scope == "vantage:home"]
    assert [(one.incident_id, one.kind, one.revision) for one in own] == [("vantage-home-1", ChangeKind.ENDED, 2)]
