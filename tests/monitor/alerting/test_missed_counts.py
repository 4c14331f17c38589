"""What a note about missed changes counts: changes that the route would have got, judged in order."""

from __future__ import annotations

from monitor.alerting.missed import Missed, Unsent, missed_of
from monitor.alerting.routing import LastNote, Rule
from monitor.incidents import ChangeKind, Level
from tests.monitor.alerting.sinks.changes import at, change

EVERYTHING = Rule(repeat_s=0)


def test_late_changes_are_counted_with_their_pages_and_their_times() -> None:
    unsent = [Unsent(change(1), True), Unsent(change(2, pages=False), True), Unsent(change(3), True)]

    assert missed_of(EVERYTHING, None, unsent) == Missed(changes=3, pages=2, first_at=at(30), last_at=at(90), late=True)


def test_the_last_change_counts_only_if_it_is_late_and_those_before_it_count_always() -> None:
    unsent = [Unsent(change(1), True), Unsent(change(2), False), Unsent(change(3), False)]

    assert missed_of(EVERYTHING, None, unsent) == Missed(
        changes=2, pages=2, first_at=at(30), last_at=at(60), late=False
    )


def test_one_change_in_time_is_not_missed() -> None:
    assert missed_of(EVERYTHING, None, [Unsent(change(1), False)]) is None


def test_changes_that_the_rule_would_not_have_sent_are_not_missed() -> None:
    rule = Rule(min_level=Level.SQUALL)
    update = change(1, kind=ChangeKind.UPDATED, level=Level.WATCH)
    low = [Unsent(update, True), Unsent(change(2, kind=ChangeKind.ENDED, level=Level.CALM), True)]
    assert missed_of(rule, None, low) is None

    told = LastNote(level=Level.SQUALL, revision=0)
    end = missed_of(rule, told, low)
    assert end is not None
    assert end.changes == 1, "the end: this route got a note before"


def test_updates_count_at_most_once_in_repeat_s() -> None:
    unsent = [Unsent(change(1), True), *(Unsent(change(2 + n, at=at(60 + 20 * n)), True) for n in range(4))]
    missed = missed_of(Rule(), None, unsent)

    assert missed is not None
    assert missed.changes == 3, "the opening, and the updates at 60 s and at 120 s"
    assert missed.last_at == at(120)


def test_what_the_route_got_before_is_not_missed() -> None:
    got = LastNote(level=Level.PERFECT_STORM, revision=2)
    missed = missed_of(EVERYTHING, got, [Unsent(change(revision), True) for revision in (1, 2, 3)])

    assert missed is not None
    assert (missed.changes, missed.first_at) == (1, at(90))
