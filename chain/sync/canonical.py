"""Holds the last N blocks of our chain, linked by parent hash; says what to read next and what a reorg undoes. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chain.blocks.block import Header
from chain.events import PlacedEvent
from chain.sync.ancestor_marks import AncestorMarks, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Holds a block of our chain, its events, and the memories of the detectors after it."""

    header: Header
    events: tuple[PlacedEvent, ...]
    memories: dict[str, bytes]


class CanonicalWindow:
    """Holds at most `keep` blocks, oldest first, each the parent of the next."""

    def __init__(self, keep: int, window: Iterable[Followed] = (), ancestors: AncestorMarks | None = None) -> None:
        assert keep > 0
        self._keep = keep
        self.ancestors = ancestors or AncestorMarks()
        self._window: list[Followed] = []
        for followed in window:
            self.extend(followed)

    @property
    def window(self) -> tuple[Followed, ...]:
        """The blocks, oldest first."""
        return tuple(self._window)

    @property
    def tip(self) -> Followed | None:
        """The newest block."""
        return self._window[-1] if self._window else None

    def holds(self, header: Header) -> bool:
        """Whether this block is in the window."""
        known = self._at(header.number)
        return known is not None and known.header.hash == header.hash

    def follows(self, headers: Sequence[Header]) -> bool:
        """Whether these blocks, oldest first, continue the tip without a gap."""
        parent = self._window[-1].header if self._window else None
        for header in headers:
            if parent is not None and (header.parent_hash, header.number) != (parent.hash, parent.number + 1):
                return False
            parent = header
        return True

    def missing(self, head_number: int, start: int, most: int) -> range:
        """Return the next block numbers to read towards `head_number`, at most `most`; from `start` if the window is empty."""
        first = self._window[-1].header.number + 1 if self._window else start
        return range(first, min(head_number, first + most - 1) + 1)

    def extend(self, followed: Followed) -> None:
        """Add the next block. It must follow the tip."""
        assert self.follows([followed.header])
        self._window.append(followed)
        for old in self._window[: -self._keep]:
            self.ancestors.take(Mark(number=old.header.number, hash=old.header.hash), old.events)
        del self._window[: -self._keep]

    def add_events(self, events: Iterable[PlacedEvent]) -> None:
        """Add events to the newest block."""
        self._window[-1] = replace(self._window[-1], events=(*self._window[-1].events, *events))

    def roll_back(self, common_number: int) -> tuple[Followed, ...]:
        """Drop the blocks after `common_number`; return them newest first, the order in which they are undone."""
        dropped = [one for one in self._window if one.header.number > common_number]
        del self._window[len(self._window) - len(dropped) :]
        return tuple(reversed(dropped))

    def common(self, headers: Iterable[Header]) -> int | None:
        """Return the number of the highest of these blocks that is in the window."""
        return max((header.number for header in headers if self.holds(header)), default=None)

    def _at(self, number: int) -> Followed | None:
        if not self._window:
            return None
        position = number - self._window[0].header.number
        return self._window[position] if 0 <= position < len(self._window) else None
