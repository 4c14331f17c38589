"""Prints incident changes on the operator's terminal: one coloured line each, then what was missed and the headline.

Headlines contain text from venues and chains: control characters are removed, and nothing is interpreted as markup. A closed
stream refuses.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import TextIO

import aiohttp
from rich.console import Console
from rich.text import Text

from monitor.alerting.sink import Delivered, Note, Outcome, Refused
from monitor.alerting.sinks import SinkType
from monitor.incidents import LEVEL_NAMES, Level
from monitor.signals.plain_text import one_line

STYLES = {
    Level.CALM: "green",
    Level.WATCH: "yellow",
    Level.SQUALL: "bold yellow",
    Level.STORM_SUSPECTED: "bold red",
    Level.PERFECT_STORM: "bold white on red",
}


class Stream(StrEnum):
    """Where the lines go."""

    STDERR = "stderr"
    STDOUT = "stdout"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """`stream` is stderr by default, so that stdout holds results only; turn `colour` off for plain logs."""

    stream: Stream = Stream.STDERR
    colour: bool = True
    headline: bool = True


class ConsoleSink:
    """The console sink."""

    def __init__(self, settings: ConsoleSettings, env: Mapping[str, str], key: str = "sinks.console") -> None:
        self._settings = settings

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Print the note; refused if the stream is closed."""
        # The stream is looked up each time: code that replaces sys.stderr (a progress bar, a test) gets the lines.
        stream = sys.stdout if self._settings.stream is Stream.STDOUT else sys.stderr
        try:
            stream.write(self._rendered(note, stream))
            stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            return Refused(why=f"{self._settings.stream} cannot be written: {type(error).__name__}")
        return Delivered()

    def _rendered(self, note: Note, stream: TextIO) -> str:
        """The lines, coloured if the stream is a terminal. Rich must not write them itself: it exits on a broken pipe."""
        buffer = StringIO()
        Console(
            file=buffer,
            force_terminal=stream.isatty(),
            no_color=not self._settings.colour,
            soft_wrap=True,
            highlight=False,
        ).print(lines(note, headline=self._settings.headline))
        encoding = stream.encoding or "utf-8"
        return buffer.getvalue().encode(encoding, "replace").decode(encoding)


def lines(note: Note, *, headline: bool = True) -> Text:
    """Render the note: time, level, title, idempotency key; below it what the operator missed, and the headline."""
    change = note.change
    text = Text()
    text.append(f"{change.at:%H:%M:%S} ", style="dim")
    text.append(f" {LEVEL_NAMES[change.level].upper()} ", style=STYLES[change.level])
    level = LEVEL_NAMES[change.level].upper().replace("-", " ")
    text.append(f" {one_line(' '.join(note.title.replace(level, '', 1).split()))} ")
    text.append(one_line(note.key), style="dim")
    for remark in note.remarks:
        text.append(f"\n         {one_line(remark)}")
    if headline:
        text.append(f"\n         {one_line(change.headline)}")
    return text


SINK = SinkType(settings=ConsoleSettings, build=ConsoleSink)
