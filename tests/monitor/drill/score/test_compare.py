"""Tests of what other settings change: incidents that appear, vanish, or have another level or time."""

from __future__ import annotations

from monitor.drill.score.compare import compared, incidents
from monitor.incidents import Level
from tests.monitor.drill.score.said import told

WATCH = (told(100, "opened", Level.WATCH), told(400, "ended", Level.CALM))


def test_an_incident_has_its_times_peak_and_pages() -> None:
    (one,) = incidents([told(100, "opened", Level.WATCH), told(130, "raised", Level.PERFECT_STORM)])

    assert (one.opened_s, one.ended_s, one.peak, one.pages) == (100, None, "perfect-storm", 1)


def test_the_same_incidents_differ_in_nothing() -> None:
    assert not compared(incidents(WATCH), incidents(WATCH))


def test_an_incident_that_is_gone_vanishes_and_a_new_one_appears() -> None:
    other = incidents(
        [told(900, "opened", Level.WATCH, incident="two"), told(950, "ended", Level.CALM, incident="two")]
    )

    changes = compared(incidents(WATCH), other)

    assert [one.what for one in changes] == ["vanishes", "appears"]


def test_incidents_of_two_scopes_are_never_the_same() -> None:
    venue = incidents(
        [told(100, "opened", Level.WATCH, scope="venue:okx"), told(400, "ended", Level.CALM, scope="venue:okx")]
    )

    assert {one.what for one in compared(incidents(WATCH), venue)} == {"vanishes", "appears"}


def test_another_level_and_time_are_told_in_words() -> None:
    after = incidents(
        [told(112, "opened", Level.WATCH), told(150, "raised", Level.STORM_SUSPECTED), told(380, "ended", Level.CALM)]
    )

    (change,) = compared(incidents(WATCH), after)
    (back,) = compared(after, incidents(WATCH))

    assert change.what == (
        "rises to storm-suspected (was watch), opens 12 s later, ends 20 s sooner, pages 1 times (was 0)"
    )
    assert back.what.startswith("reaches only watch (was storm-suspected), opens 12 s sooner")


def test_an_incident_that_does_not_end_any_more_is_told() -> None:
    still = incidents(WATCH[:1])

    assert [one.what for one in compared(incidents(WATCH), still)] == ["does not end"]
    assert [one.what for one in compared(still, incidents(WATCH))] == ["ends"]
    assert not compared(still, still)


def test_of_several_the_one_that_overlaps_most_is_the_same() -> None:
    before = incidents(WATCH)
    after = incidents(
        [
            told(90, "opened", Level.WATCH, incident="a"), told(110, "ended", Level.CALM, incident="a"),
            told(111, "opened", Level.WATCH, incident="b"), told(400, "ended", Level.CALM, incident="b"),
        ]
    )  # fmt: skip

    assert [one.what for one in compared(before, after)] == ["appears", "opens 11 s later"]
