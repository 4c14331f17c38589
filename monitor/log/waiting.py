"""Holds in memory what is still to be written to the log: in order, bounded, the oldest routine signals dropped first.

Changes, checkpoints and deliveries are never dropped. An image belongs to its place in the order, so it is left out when
routine signals have to wait behind newer items.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.incidents import IncidentChange
from monitor.log import Checkpoint, DeliveryResult, Image
from monitor.signals import Signal
from monitor.signals.kinds import KINDS

Single = IncidentChange | Checkpoint | DeliveryResult | Image
Part = Sequence[Signal] | Single
REQUIRED = 4
"""How many times the bound required signals may take: a disk that stays full for an hour must not end the process."""
_droppable = {kind: one.droppable for kind, one in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Group:
    """What is written in one transaction, in order: runs of signals, and single values between them."""

    parts: tuple[Part, ...]
    rows: int


class Waiting:
    """Parts in order of arrival, at most `bound` rows while there are routine signals to give up. Not thread-safe."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._behind: deque[Part] = deque()
        """Routine signals that newer required ones have passed: they are older than `_parts`."""
        self._parts: deque[Part] = deque()
        self._rows = 0
        self.dropped: Counter[str] = Counter()
        """Signals given up, by kind."""

    def __len__(self) -> int:
        return self._rows

    @property
    def changes(self) -> int:
        """Incident changes that wait."""
        return sum(isinstance(one, IncidentChange) for one in self._parts)

    def add(self, part: Part) -> None:
        """Take signals or a single value, behind everything before it. The oldest routine signals make room."""
        self._parts.append(part)
        self._rows += _rows(part)
        if self._rows > self._bound:
            self._make_room()

    def cut(self, rows: int) -> Group:
        """The next parts in order, of about `rows` rows."""
        parts: list[Part] = []
        taken = 0
        while taken < rows and (source := self._behind or self._parts):
            parts.append(source.popleft())
            taken += _rows(parts[-1])
        self._rows -= taken
        return Group(tuple(parts), taken)

    def cut_required(self, rows: int) -> Group:
        """The next parts of about `rows` rows but routine signals, for a disk that is nearly full. Those stay, images go."""
        parts: list[Part] = []
        taken = 0
        while self._parts and taken < rows:
            part = self._parts.popleft()
            if isinstance(part, Sequence):
                if routine := [one for one in part if _droppable[one.kind]]:
                    self._behind.append(routine)
                if required := [one for one in part if not _droppable[one.kind]]:
                    parts.append(required)
                    taken += len(required)
            elif not isinstance(part, Image):
                parts.append(part)
                taken += 1
            else:
                self._rows -= 1
        self._rows -= taken
        return Group(tuple(parts), taken)

    def put_back(self, group: Group) -> None:
        """Take a group back that could not be written: it is the oldest again."""
        self._parts.extendleft(reversed(group.parts))
        self._rows += group.rows
        if self._rows > self._bound:
            self._make_room()

    def _make_room(self) -> None:
        """Drop the oldest routine signals; beyond `REQUIRED` times the bound, the oldest required signals too."""
        self._drop(self._bound, routine_only=True)
        if self._rows > REQUIRED * self._bound:
            self._drop(REQUIRED * self._bound, routine_only=False)

    def _drop(self, bound: int, *, routine_only: bool) -> None:
        """Drop signals from the oldest part on until `bound` rows are left, or no part has any to give."""
        for waiting in (self._behind, self._parts):
            kept: list[Part] = []
            while waiting and self._rows > bound:
                part = waiting.popleft()
                if not isinstance(part, Sequence):
                    kept.append(part)
                    continue
                remaining = []
                for signal in part:
                    if self._rows > bound and (_droppable[signal.kind] or not routine_only):
                        self.dropped[signal.kind.value] += 1
                        self._rows -= 1
                    else:
                        remaining.append(signal)
                if remaining:
                    kept.append(remaining)
            waiting.extendleft(reversed(kept))


def _rows(part: Part) -> int:
    return len(part) if isinstance(part, Sequence) else 1


def id_and_key(value: Single) -> tuple[str, str]:
    """The id of a value (empty: made up), and its key, if the log remembers the last entry about the same."""
    if isinstance(value, IncidentChange):
        return f"{value.incident_id}:{value.revision}", value.scope
    if isinstance(value, DeliveryResult):
        return f"{value.sink}:{value.incident_id}:{value.revision}", ""
    return "", value.network if isinstance(value, Checkpoint) else "correlator"
