"""What lies below the window: a few hashes of old blocks, and what was told there, for a reorg deeper than memory. No I/O.

Every `EVERY`-th block that leaves the window leaves a mark. From the highest mark that the new chain shares, it is read
again; what was told above that mark and still stands is not told twice, what is gone is taken back.
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
    """An old block."""

    number: int
    hash: str


class AncestorMarks:
    """Marks, oldest first, and all that was told above the oldest of them and below the window."""

    def __init__(self, marks: Iterable[Mark] = (), events: Iterable[PlacedEvent] = ()) -> None:
        self._marks = list(marks)
        self._events = list(events)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The old blocks that are known, oldest first."""
        return tuple(self._marks)

    @property
    def events(self) -> tuple[PlacedEvent, ...]:
        """What was told in the blocks above the oldest mark, oldest first."""
        return tuple(self._events)

    def take(self, mark: Mark, events: Iterable[PlacedEvent]) -> None:
        """Take a block that leaves the window. What is forgotten takes the marks below it along."""
        self._events.extend(events)
        if not self._marks or mark.number >= self._marks[-1].number + EVERY:
            self._marks.append(mark)
        floor = self._marks[-MAX_MARKS:][0].number
        for event in self._events[:-MAX_EVENTS]:
            floor = max(floor, event.place.block_number)
        self._marks = [one for one in self._marks if one.number >= floor] or [mark]
        self._events = [event for event in self._events if event.place.block_number > self._marks[0].number]

    def common(self, hashes: Mapping[int, str]) -> Mark | None:
        """The highest mark that has this hash on another chain."""
        return next((one for one in reversed(self._marks) if hashes.get(one.number) == one.hash), None)

    def split(self, common_number: int, hashes: Mapping[int, str]) -> tuple[list[PlacedEvent], list[PlacedEvent]]:
        """Forget all above `common_number`; gives what still stands there, by these hashes, and what is gone."""
        above = [event for event in self._events if event.place.block_number > common_number]
        self._events = [event for event in self._events if event.place.block_number <= common_number]
        self._marks = [one for one in self._marks if one.number <= common_number]
        remaining = [event for event in above if hashes.get(event.place.block_number) == event.place.block_hash]
        return remaining, [event for event in above if hashes.get(event.place.block_number) != event.place.block_hash]
