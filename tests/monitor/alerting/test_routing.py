"""Routing: a pure decision with its reason, and a memory of what was sent that another router can go on with."""

from __future__ import annotations

import pytest

from monitor.alerting.routing import MAX_INCIDENTS, Decision, Router, Rule
from monitor.incidents import ChangeKind, IncidentChange, Level
from tests.monitor.alerting.sinks.changes import at, change


class Sending(Router):
    """A router whose changes are sent as soon as they go."""

    def decide(self, change: IncidentChange) -> Decision:
        decision = super().decide(change)
        if decision.goes:
            self.record(change)
        return decision


def test_a_change_at_the_minimum_level_is_sent_and_one_below_is_not() -> None:
    router = Sending(Rule(min_level=Level.SQUALL))

    low = router.decide(change(level=Level.WATCH))
    high = router.decide(change(level=Level.SQUALL))

    assert (low.goes, low.reason) == (False, "level watch is below squall")
    assert (high.goes, high.reason) == (True, "level squall is news to this route")


def test_a_pages_only_route_gets_no_change_that_does_not_page() -> None:
    router = Sending(Rule(pages_only=True))

    assert not router.decide(change(pages=False)).goes
    assert "pages only" in router.decide(change(pages=False)).reason
    assert router.decide(change(pages=True)).goes


@pytest.mark.parametrize("kind", [ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED])
def test_only_a_route_that_got_an_incident_gets_its_end(kind: ChangeKind) -> None:
    rule = Rule(min_level=Level.PERFECT_STORM, pages_only=True)
    informed, uninformed = Sending(rule), Sending(rule)
    informed.decide(change())
    end = change(9, kind=kind, level=Level.CALM, pages=False)

    assert informed.decide(end).goes
    assert not uninformed.decide(end).goes
    assert "never got a note" in uninformed.decide(end).reason


def test_a_lowering_below_the_minimum_level_is_still_sent() -> None:
    router = Sending(Rule(min_level=Level.PERFECT_STORM))
    router.decide(change())

    assert router.decide(change(2, kind=ChangeKind.LOWERED, level=Level.WATCH, pages=False)).goes


def test_updates_go_at_most_once_a_minute_by_event_time() -> None:
    router = Sending(Rule())
    router.decide(change(1))
    goes = [router.decide(change(2 + n, at=at(60 + 20 * n))).goes for n in range(5)]

    assert goes == [True, False, False, True, False]
    assert "an update was sent 20 s ago" in router.decide(change(7, at=at(140))).reason


def test_an_update_with_a_new_level_is_sent_at_once() -> None:
    router = Sending(Rule())
    for revision in (1, 2):
        router.decide(change(revision, level=Level.SQUALL, at=at(revision)))

    assert router.decide(change(3, at=at(4), level=Level.PERFECT_STORM)).goes


def test_an_amendment_is_sent_at_once() -> None:
    router = Sending(Rule())
    for revision in (1, 2):
        router.decide(change(revision, at=at(revision)))

    assert router.decide(change(3, at=at(4), kind=ChangeKind.AMENDED)).goes


def test_a_route_for_changed_levels_gets_no_repeats() -> None:
    router = Sending(Rule(changed_level_only=True))
    router.decide(change(1))

    decision = router.decide(change(2))
    assert (decision.goes, decision.reason) == (False, "level perfect-storm has not changed")
    assert router.decide(change(3, kind=ChangeKind.AMENDED, level=Level.SQUALL)).goes


def test_a_route_forgets_the_incident_with_the_oldest_change() -> None:
    router = Sending(Rule())
    router.decide(change())
    for index in range(MAX_INCIDENTS):
        router.decide(change(incident_id=f"other-{index}"))

    assert not router.decide(change(2, kind=ChangeKind.ENDED, level=Level.CALM)).goes
    assert router.decide(change(2, incident_id="other-0", kind=ChangeKind.ENDED, level=Level.CALM)).goes


def test_a_route_remembers_1024_incidents_and_not_one_more() -> None:
    full, over = Sending(Rule()), Sending(Rule())
    for router, others in ((full, 1023), (over, 1024)):
        router.decide(change(incident_id="first"))
        for index in range(others):
            router.decide(change(incident_id=f"other-{index}"))

    end = change(2, incident_id="first", kind=ChangeKind.ENDED, level=Level.CALM)
    assert (full.decide(end).goes, over.decide(end).goes) == (True, False)


def test_a_route_does_not_forget_an_incident_with_a_recent_change() -> None:
    router = Sending(Rule())
    router.decide(change(incident_id="first"))
    for index in range(1023):
        router.decide(change(incident_id=f"other-{index}"))
    router.decide(change(2, incident_id="first", kind=ChangeKind.LOWERED, level=Level.WATCH))
    router.decide(change(incident_id="one-more"))

    first, other = (
        change(3, incident_id=name, kind=ChangeKind.ENDED, level=Level.CALM) for name in ("first", "other-0")
    )
    assert router.decide(first).goes
    assert not router.decide(other).goes


def test_an_amendment_does_not_delay_the_next_update() -> None:
    router = Sending(Rule())
    router.decide(change(1, at=at(0)))
    assert router.decide(change(2, at=at(10))).goes
    assert router.decide(change(3, at=at(60), kind=ChangeKind.AMENDED)).goes

    assert not router.decide(change(4, at=at(69.9))).goes
    assert router.decide(change(5, at=at(70))).goes


def test_an_update_with_a_lower_level_is_sent_at_once_too() -> None:
    router = Sending(Rule())
    router.decide(change(1, at=at(0)))
    router.decide(change(2, at=at(1)))

    assert router.decide(change(3, at=at(2), level=Level.WATCH)).goes


def test_an_update_must_still_match_the_level_and_page_rule_of_the_route() -> None:
    router = Sending(Rule(min_level=Level.SQUALL, pages_only=True))
    router.decide(change(1))

    assert not router.decide(change(2, level=Level.WATCH)).goes
    assert not router.decide(change(3, level=Level.SQUALL, pages=False)).goes
    assert router.decide(change(4, level=Level.SQUALL)).goes


@pytest.mark.parametrize("kind", [ChangeKind.RAISED, ChangeKind.LOWERED, ChangeKind.HELD_BLIND, ChangeKind.RESUMED])
def test_a_route_that_got_the_incident_gets_every_change_that_is_no_repeat(kind: ChangeKind) -> None:
    router = Sending(Rule(min_level=Level.PERFECT_STORM, pages_only=True, changed_level_only=True))
    router.decide(change(1))

    decision = router.decide(change(2, kind=kind, pages=False))
    assert (decision.goes, "got a note" in decision.reason) == (True, True)


def test_a_route_accepts_everything_by_default() -> None:
    assert Rule() == Rule(min_level=Level.WATCH, pages_only=False, changed_level_only=False, repeat_s=60.0)
    assert not Sending(Rule()).decide(change(level=Level.CALM)).goes


def test_a_decision_alone_is_not_remembered() -> None:
    router = Router(Rule())

    assert router.decide(change(1)).goes
    assert router.decide(change(1)).goes
    assert router.notes == ()


@pytest.mark.parametrize("revision", [1, 2])
def test_a_revision_that_a_route_got_alone_or_within_a_later_one_never_goes_again(revision: int) -> None:
    router = Router(Rule(repeat_s=0))
    router.record(change(2))

    decision = router.decide(change(revision, kind=ChangeKind.RAISED))
    assert (decision.goes, decision.reason) == (False, f"this route got revision 2 of {change().incident_id} before")
    assert router.decide(change(3)).goes


def test_a_router_goes_on_with_the_notes_of_another() -> None:
    rule = Rule(min_level=Level.PERFECT_STORM)
    before = Router(rule)
    before.record(change(1))
    before.record(change(2))
    after = Router(rule, before.notes)

    assert after.notes == before.notes
    assert after.last_note(change().incident_id) == before.last_note(change().incident_id)
    assert after.decide(change(3, kind=ChangeKind.ENDED, level=Level.CALM)).goes
    assert not after.decide(change(3, at=at(70))).goes, "the last update counts"
    assert not Router(rule).decide(change(3, kind=ChangeKind.ENDED, level=Level.CALM)).goes


def test_a_router_takes_over_no_more_notes_than_it_may_remember() -> None:
    router = Router(Rule())
    router.record(change())
    ((_name, note),) = router.notes
    over = Router(Rule(), [(f"i-{number}", note) for number in range(MAX_INCIDENTS + 2)])

    assert len(over.notes) == MAX_INCIDENTS
    assert over.notes[0][0] == "i-2"
