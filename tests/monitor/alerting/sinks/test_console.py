"""The console sink: one line and the headline, no text read as markup, no escape sequences from untrusted text."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import aiohttp
import pytest

from monitor.alerting.sink import Delivered, Refused, note_of
from monitor.alerting.sinks.console import STYLES, ConsoleSettings, ConsoleSink, Stream, lines
from monitor.incidents import Level
from tests.monitor.alerting.sinks.changes import INCIDENT, change


async def delivered(settings: ConsoleSettings, text: str = "") -> None:
    note = note_of(change(headline=text) if text else change(), Level.WATCH)
    async with aiohttp.ClientSession() as client:
        assert await ConsoleSink(settings, {}).deliver(client, note) == Delivered()


async def test_a_change_is_one_line_and_its_headline_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    await delivered(ConsoleSettings())

    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first == f"12:00:30  PERFECT-STORM  PAGE asset:BTC opened {INCIDENT}:1"
    assert second.strip() == change().headline


async def test_stdout_can_be_chosen_and_the_headline_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    await delivered(ConsoleSettings(stream=Stream.STDOUT, headline=False))

    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) == 1


async def test_untrusted_text_is_neither_markup_nor_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    await delivered(ConsoleSettings(), "[bold]not bold[/bold]\x1b[2J\x07\nsecond line [/]")

    err = capsys.readouterr().err
    assert "[bold]not bold[/bold]" in err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert len(err.splitlines()) == 2


async def test_a_closed_terminal_is_a_refusal_and_does_not_end_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    async with aiohttp.ClientSession() as client:
        note = note_of(change(), Level.WATCH)
        broken = os.fdopen(write_end, "w", encoding="ascii")
        monkeypatch.setattr(sys, "stderr", broken)
        outcome = await ConsoleSink(ConsoleSettings(), {}).deliver(client, note)
        assert outcome == Refused(why="stderr cannot be written: BrokenPipeError")
        with contextlib.suppress(OSError):
            broken.close()
        outcome = await ConsoleSink(ConsoleSettings(), {}).deliver(client, note)
        assert outcome == Refused(why="stderr cannot be written: ValueError")


async def test_an_ascii_terminal_shows_the_text_with_replacement_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
    await delivered(ConsoleSettings(), "− 5 %")

    assert b"? 5 %" in raw.getvalue()


@pytest.mark.parametrize("level", list(Level))
def test_every_level_has_its_colour(level: Level) -> None:
    text = lines(note_of(change(level=level), Level.WATCH))
    assert STYLES[level] in {str(span.style) for span in text.spans}
