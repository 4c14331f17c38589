"""Routing: a pure decision with its reason."""

from __future__ import annotations

import pytest

from monitor.incidents import ChangeKind, Level
from monitor.routing import MOST_INCIDENTS, Router, Rule
from tests.monitor.sinks.changes import at, change


def test_a_change_at_the_least_level_goes_and_one_below_stays() -> None:
    router = Router(Rule(min_level=Level.SQUALL))

    low = router.decide(change(level=Level.WATCH))
    high = router.decide(change(level=Level.SQUALL))

    assert (low.goes, low.reason) == (False, "level watch is below squall")
    assert (high.goes, high.reason) == (True, "level squall is news to this route")


def test_a_route_for_pages_is_not_told_of_what_does_not_page() -> None:
    router = Router(Rule(pages_only=True))

    assert not router.decide(change(pages=False)).goes
    assert "pages only" in router.decide(change(pages=False)).reason
    assert router.decide(change(pages=True)).goes


@pytest.mark.parametrize("kind", [ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED])
def test_who_heard_of_an_incident_hears_its_end_and_nobody_else_does(kind: ChangeKind) -> None:
    rule = Rule(min_level=Level.PERFECT_STORM, pages_only=True)
    heard, unheard = Router(rule), Router(rule)
    heard.decide(change())
    end = change(9, kind=kind, level=Level.CALM, pages=False)

    assert heard.decide(end).goes
    assert not unheard.decide(end).goes
    assert "never told" in unheard.decide(end).reason


def test_a_lowering_below_the_least_level_is_still_told() -> None:
    router = Router(Rule(min_level=Level.PERFECT_STORM))
    router.decide(change())

    assert router.decide(change(2, kind=ChangeKind.LOWERED, level=Level.WATCH, pages=False)).goes


def test_updates_go_at_most_once_a_minute_by_event_time() -> None:
    router = Router(Rule())
    router.decide(change(1))
    goes = [router.decide(change(2 + n, at=at(60 + 20 * n))).goes for n in range(5)]

    assert goes == [True, False, False, True, False]
    assert "an update went out 20 s ago" in router.decide(change(7, at=at(140))).reason


def test_an_update_whose_level_is_news_is_not_damped() -> None:
    router = Router(Rule())
    for revision in (1, 2):
        router.decide(change(revision, level=Level.SQUALL, at=at(revision)))

    assert router.decide(change(3, at=at(4), level=Level.PERFECT_STORM)).goes


def test_an_amendment_is_told_at_once() -> None:
    router = Router(Rule())
    for revision in (1, 2):
        router.decide(change(revision, at=at(revision)))

    assert router.decide(change(3, at=at(4), kind=ChangeKind.AMENDED)).goes


def test_a_route_for_changed_levels_hears_no_repeats() -> None:
    router = Router(Rule(changed_level_only=True))
    router.decide(change(1))

    decision = router.decide(change(2))
    assert (decision.goes, decision.reason) == (False, "level perfect-storm has not changed")
    assert router.decide(change(3, kind=ChangeKind.AMENDED, level=Level.SQUALL)).goes


def test_a_route_forgets_the_incident_longest_unheard_of() -> None:
    router = Router(Rule())
    router.decide(change())
    for index in range(MOST_INCIDENTS):
        router.decide(change(incident_id=f"other-{index}"))

    assert not router.decide(change(2, kind=ChangeKind.ENDED, level=Level.CALM)).goes
    assert router.decide(change(2, incident_id="other-0", kind=ChangeKind.ENDED, level=Level.CALM)).goes
