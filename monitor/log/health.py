"""How the log and its readers are, as `/readyz`, `/metrics` and `stormwatch status` show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BEHIND_S = 60.0
"""A reader that is farther behind than this makes the daemon not ready."""
TICK_LATE_S = 10.0
"""So long without a second of the daemon's clock, which is an entry of the log, makes it not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """How the log is: `failing` says why the disk cannot be written, None if it can. Sizes in bytes, counts since the start."""

    failing: str | None
    waiting: int
    """Rows in memory that are not durable yet."""
    written: int
    size: int
    segments: int
    dropped: Mapping[str, int]
    """Signals given up, by kind: memory was full while the disk could not be written, or the disk limit was reached."""
    lost: Mapping[str, int]
    """Rows removed by the disk limit before a reader had read them, by reader."""
    damaged: int
    """Segments that could not be read and were set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLag:
    """How far one reader is behind: entries of the log, age of the oldest that it has not passed in seconds, and why.

    None: unknown.
    """

    entries: int | None
    behind_s: float | None
    state: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFigures:
    """The log, and each of its readers by name."""

    log: LogHealth
    readers: Mapping[str, ReaderLag]
