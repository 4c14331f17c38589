"""The text of a note, line by line: what is unknown is named, and what does not apply has no line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerting.sink import note_of
from monitor.incidents import ChangeKind, Fault, IncidentChange, Leg, LegState, Level, brief_usd
from tests.monitor.alerting.sinks.changes import INCIDENT, change, leg, verdict
from tests.monitor.cli.test_exits import capacity


def text_of(said: IncidentChange) -> list[str]:
    """The lines of a note's text."""
    return note_of(said, Level.WATCH).text.splitlines()


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ({Leg.VENUE: LegState.TRUE}, "legs: venue true"),
        (
            {Leg.LIQUIDATION: LegState.FALSE, Leg.VENUE: LegState.TRUE, Leg.MIGRATION: LegState.TRUE},
            "legs: liquidation false, venue true, migration true",
        ),
        (
            {Leg.LIQUIDATION: LegState.UNKNOWN, Leg.VENUE: LegState.TRUE, Leg.MIGRATION: LegState.UNKNOWN},
            "legs: liquidation unknown, venue true, migration unknown (unknown is not calm: liquidation, migration)",
        ),
    ],
)
def test_only_unknown_legs_are_said_not_to_be_calm(states: dict[Leg, LegState], line: str) -> None:
    legs = tuple(leg(name, state, None) for name, state in states.items())

    assert text_of(change(verdict=replace(verdict(), legs=legs)))[1] == line


def test_the_text_of_a_storm_has_these_lines() -> None:
    said = change(
        headline="BTC: storm", verdict=replace(verdict(), legs=(leg(Leg.VENUE, LegState.TRUE, None),)),
        fault=Fault.MARKET, counter_evidence=("funding is usual", "pools are usual"),
    )  # fmt: skip

    assert text_of(said) == [
        "BTC: storm",
        "legs: venue true",
        "venue: the venue leg moved",
        "confidence: storm 62%, calm 3%",
        "by chance once in 2.7 years",
        "fault: market",
        "against: funding is usual; pools are usual",
        "blind: binance_usdm/liquidation (silent)",
        "runbook: ops/runbooks/perfect-storm.md",
        f"replay: {INCIDENT}:1",
    ]


def test_the_text_of_a_venues_trouble_has_no_lines_that_do_not_apply() -> None:
    said = change(
        headline="bybit: slow", verdict=None, fault=Fault.NONE, counter_evidence=(), blind=(), far_per_day=0.0
    )

    assert text_of(said) == ["bybit: slow", "runbook: ops/runbooks/perfect-storm.md", f"replay: {INCIDENT}:1"]


@pytest.mark.parametrize(
    ("level", "pages", "kind", "title"),
    [
        (Level.PERFECT_STORM, True, ChangeKind.OPENED, "PERFECT STORM PAGE asset:BTC opened"),
        (Level.STORM_SUSPECTED, False, ChangeKind.ENDED_UNKNOWN, "STORM SUSPECTED asset:BTC ended unknown"),
        (Level.WATCH, False, ChangeKind.UPDATED, "WATCH asset:BTC updated"),
    ],
)
def test_a_title_has_words_in_place_of_hyphens_and_underscores(
    level: Level, pages: bool, kind: ChangeKind, title: str
) -> None:
    note = note_of(change(level=level, pages=pages, kind=kind), Level.SQUALL)

    assert (note.title, note.min_level) == (title, Level.SQUALL)


def test_the_title_of_a_drill_begins_with_drill() -> None:
    assert note_of(change(drill=True), Level.WATCH).title == "DRILL PERFECT STORM PAGE asset:BTC opened"


def test_a_page_says_how_much_can_leave() -> None:
    lines = text_of(change(exit=capacity(5e3, None)))
    assert (
        "exit: 5 k USD of BTC can leave within 1 % in a minute, 5 k USD in an hour; closed: gate; unknown: okx" in lines
    )


@pytest.mark.parametrize(
    ("usd", "words"),
    [(0.4, "0 USD"), (940, "940 USD"), (1234, "1.2 k USD"), (45_600, "46 k USD"), (3.14e9, "3.1 B USD")],
)
def test_dollars_are_written_as_people_say_them(usd: float, words: str) -> None:
    assert brief_usd(usd) == words
