"""The chain as we followed it: the last N blocks by parent hash, what to read next, and what a reorg takes back. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chain.blocks.block import Header
from chain.events import PlacedEvent
from chain.sync.ancestor_marks import AncestorMarks, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A block we followed, what was told of it, and the detectors' memories after it."""

    header: Header
    events: tuple[PlacedEvent, ...]
    memories: dict[str, bytes]


class CanonicalWindow:
    """At most `keep` blocks, oldest first, each the parent of the next."""

    def __init__(self, keep: int, window: Iterable[Followed] = (), ancestors: AncestorMarks | None = None) -> None:
        assert keep > 0
        self._keep = keep
        self.ancestors = ancestors or AncestorMarks()
        self._window: list[Followed] = []
        for followed in window:
            self.extend(followed)

    @property
    def window(self) -> tuple[Followed, ...]:
        """What is kept, oldest first."""
        return tuple(self._window)

    @property
    def tip(self) -> Followed | None:
        """The newest block followed."""
        return self._window[-1] if self._window else None

    def holds(self, header: Header) -> bool:
        """Whether this very block is among those kept."""
        known = self._at(header.number)
        return known is not None and known.header.hash == header.hash

    def follows(self, headers: Sequence[Header]) -> bool:
        """Whether these, oldest first, continue the tip without a gap."""
        parent = self._window[-1].header if self._window else None
        for header in headers:
            if parent is not None and (header.parent_hash, header.number) != (parent.hash, parent.number + 1):
                return False
            parent = header
        return True

    def missing(self, head_number: int, start: int, most: int) -> range:
        """The next block numbers to read on the way to `head_number`, at most `most`; from `start` where nothing is kept."""
        first = self._window[-1].header.number + 1 if self._window else start
        return range(first, min(head_number, first + most - 1) + 1)

    def extend(self, followed: Followed) -> None:
        """Take the next block. It must follow the tip."""
        assert self.follows([followed.header])
        self._window.append(followed)
        for old in self._window[: -self._keep]:
            self.ancestors.take(Mark(number=old.header.number, hash=old.header.hash), old.events)
        del self._window[: -self._keep]

    def add_events(self, events: Iterable[PlacedEvent]) -> None:
        """Take what came to be told of the newest block after it was followed."""
        self._window[-1] = replace(self._window[-1], events=(*self._window[-1].events, *events))

    def roll_back(self, common_number: int) -> tuple[Followed, ...]:
        """Drop the blocks after `common_number`; gives them newest first, as they are to be taken back."""
        dropped = [one for one in self._window if one.header.number > common_number]
        del self._window[len(self._window) - len(dropped) :]
        return tuple(reversed(dropped))

    def common(self, headers: Iterable[Header]) -> int | None:
        """The highest of these blocks that is among those kept."""
        return max((header.number for header in headers if self.holds(header)), default=None)

    def _at(self, number: int) -> Followed | None:
        if not self._window:
            return None
        position = number - self._window[0].header.number
        return self._window[position] if 0 <= position < len(self._window) else None
