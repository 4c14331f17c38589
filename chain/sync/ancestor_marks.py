"""Remembers hashes and events of a few blocks older than the window, for a reorg deeper than the window. No I/O.

Every `EVERY`-th block that leaves the window leaves a mark. After a deep reorg the new chain is read again from the highest mark
that it shares. Events above that mark whose block is still on the chain are not emitted twice; the others are retracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chain.events import PlacedEvent

EVERY = 64
MAX_MARKS = 64
MAX_EVENTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Holds the number and hash of an old block."""

    number: int
    hash: str


class AncestorMarks:
    """Holds marks, oldest first, and all events above the oldest mark and below the window."""

    def __init__(self, marks: Iterable[Mark] = (), events: Iterable[PlacedEvent] = ()) -> None:
        self._marks = list(marks)
        self._events = list(events)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks, oldest first."""
        return tuple(self._marks)

    @property
    def events(self) -> tuple[PlacedEvent, ...]:
        """The events in the blocks above the oldest mark, oldest first."""
        return tuple(self._events)

    def take(self, mark: Mark, events: Iterable[PlacedEvent]) -> None:
        """Add a block that leaves the window. If events are dropped, the marks below them are dropped too."""
        self._events.extend(events)
        if not self._marks or mark.number >= self._marks[-1].number + EVERY:
            self._marks.append(mark)
        floor = self._marks[-MAX_MARKS:][0].number
        for event in self._events[:-MAX_EVENTS]:
            floor = max(floor, event.place.block_number)
        self._marks = [one for one in self._marks if one.number >= floor] or [mark]
        self._events = [event for event in self._events if event.place.block_number > self._marks[0].number]

    def common(self, hashes: Mapping[int, str]) -> Mark | None:
        """Return the highest mark that has the same hash on another chain."""
        return next((one for one in reversed(self._marks) if hashes.get(one.number) == one.hash), None)

    def split(self, common_number: int, hashes: Mapping[int, str]) -> tuple[list[PlacedEvent], list[PlacedEvent]]:
        """Drop all above `common_number`. Returns the events whose block has one of these hashes, and the others."""
        above = [event for event in self._events if event.place.block_number > common_number]
        self._events = [event for event in self._events if event.place.block_number <= common_number]
        self._marks = [one for one in self._marks if one.number <= common_number]
        remaining = [event for event in above if hashes.get(event.place.block_number) == event.place.block_hash]
        return remaining, [event for event in above if hashes.get(event.place.block_number) != event.place.block_hash]
