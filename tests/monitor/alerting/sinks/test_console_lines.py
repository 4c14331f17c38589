"""The console's lines: coloured for terminals only, one line for each part, whatever the text holds."""

from __future__ import annotations

import io
import sys

import aiohttp
import pytest

from monitor.alerting.missed import Missed
from monitor.alerting.sink import Delivered, note_of
from monitor.alerting.sinks.console import ConsoleSettings, ConsoleSink, Stream, lines
from monitor.incidents import Level
from monitor.signals.plain_text import one_line
from tests.monitor.alerting.sinks.changes import INCIDENT, at, change

RED = "\x1b[1;37;41m"
"""Bold white on red: the colour of a perfect storm."""


class Terminal(io.StringIO):
    """A stream that is a terminal, and counts how often it is flushed."""

    flushes = 0

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.flushes += 1
        super().flush()


async def printed(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, settings: ConsoleSettings) -> str:
    """What the sink writes to this stream in place of stderr."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    async with aiohttp.ClientSession() as client:
        assert await ConsoleSink(settings, {}).deliver(client, note_of(change(), Level.WATCH)) == Delivered()
    return stream.getvalue()


async def test_a_terminal_gets_colours_and_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()

    assert RED in await printed(monkeypatch, terminal, ConsoleSettings())
    assert terminal.flushes >= 1


async def test_a_terminal_gets_no_colours_if_the_operator_turned_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    text = await printed(monkeypatch, Terminal(), ConsoleSettings(colour=False))

    assert ";41m" not in text
    assert "PERFECT-STORM" in text


async def test_a_file_gets_no_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in await printed(monkeypatch, io.StringIO(), ConsoleSettings())


async def test_a_long_headline_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    assert len((await printed(monkeypatch, io.StringIO(), ConsoleSettings())).splitlines()) == 2


def test_numbers_and_words_of_a_headline_have_no_colour_of_their_own() -> None:
    text = lines(note_of(change(headline="12 liquidations"), Level.WATCH))

    assert [text.plain[span.start : span.end] for span in text.spans] == [
        "12:00:30 ",
        " PERFECT-STORM ",
        f"{INCIDENT}:1",
    ]


def test_the_headline_is_shown_unless_it_is_left_out() -> None:
    note = note_of(change(headline="slow"), Level.WATCH)

    assert lines(note).plain == f"12:00:30  PERFECT-STORM  PAGE asset:BTC opened {INCIDENT}:1\n         slow"
    assert lines(note, headline=False).plain == f"12:00:30  PERFECT-STORM  PAGE asset:BTC opened {INCIDENT}:1"


def test_what_was_missed_or_lost_is_shown_even_without_the_headline() -> None:
    missed = Missed(changes=1, pages=1, first_at=at(30), last_at=at(30), late=True)
    note = note_of(change(headline="slow"), Level.WATCH, missed=missed, lost=1)

    assert lines(note, headline=False).plain.splitlines() == [
        f"12:00:30  PERFECT-STORM  asset:BTC opened (1 change missed, 1 page) {INCIDENT}:1",
        "         missed: 1 change (1 page), 2026-01-01 12:00:30 UTC, not sent in time; this is the present state",
        "         changes may have been lost: the log no longer holds 1 entry that was not read",
    ]


@pytest.mark.parametrize(
    ("text", "shown"), [("a\tb\r\nc", "a b  c"), ("\x1b[2J", " [2J"), ("Zürich − 5", "Zürich − 5")]
)
def test_each_control_character_becomes_a_space(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_lines_go_to_stderr_in_colour_with_their_headline_by_default() -> None:
    assert ConsoleSettings() == ConsoleSettings(stream=Stream.STDERR, colour=True, headline=True)
