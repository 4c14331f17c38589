"""Holds what was appended until the writing thread takes it: the event loop appends, the thread takes, both at any time.

Whoever appends many signals encodes them at once, because what was just made lies in this core's cache: the thread would need
more than twice the time for it, with the interpreter's lock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from monitor.incidents import IncidentChange
from monitor.log.codec import ROWS_AT_ONCE, EncodedRun
from monitor.log.waiting import Part, Single
from monitor.signals import Signal

PART_ROWS = 1_000
"""The most signals of one part: a transaction has few more rows than its most."""


class Inbox:
    """Signals and single values in order of arrival. Thread-safe; its length is in rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: list[Part] = []
        self._run: list[Signal] = []
        """The newest signals, not encoded yet: they stand behind all parts."""
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def changes(self) -> int:
        """Incident changes that wait."""
        with self._lock:
            return sum(isinstance(one, IncidentChange) for one in self._parts)

    def extend(self, signals: Sequence[Signal]) -> None:
        """Append signals."""
        with self._lock:
            self._run.extend(signals)
            self._rows += len(signals)
            if len(self._run) >= ROWS_AT_ONCE:
                self._parts += [
                    EncodedRun(self._run[at : at + PART_ROWS]) for at in range(0, len(self._run), PART_ROWS)
                ]
                self._run = []

    def add(self, *values: Single) -> None:
        """Append single values."""
        with self._lock:
            if self._run:
                self._parts.append(self._run)
                self._run = []
            self._parts += values
            self._rows += len(values)

    def take(self) -> list[Part]:
        """All parts in order; they are here no longer."""
        with self._lock:
            parts, run = self._parts, self._run
            self._parts, self._run, self._rows = [], [], 0
        return [*parts, run] if run else parts
