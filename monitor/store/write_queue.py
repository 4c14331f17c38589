"""Holds in memory what the store has still to write: in order, bounded, the oldest droppable signals dropped first.

Incident changes, checkpoints and signals whose kind is not `droppable` are never dropped. A checkpoint is never written
before the signals that came before it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime

from monitor.incidents import IncidentChange
from monitor.signals import Signal
from monitor.signals.kinds import KINDS
from monitor.store.batch import Batch


class WriteQueue:
    """Rows in order of arrival, at most `bound` while there are routine signals to give up."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._order = 0
        self._routine: deque[tuple[int, Signal]] = deque()
        self._required: deque[tuple[int, Signal | IncidentChange | tuple[str, bytes]]] = deque()
        self.dropped: Counter[str] = Counter()
        """Routine signals given up, by kind."""

    def __len__(self) -> int:
        return len(self._routine) + len(self._required)

    def add_signals(self, signals: Iterable[Signal]) -> None:
        """Queue signals; the oldest routine ones make room."""
        for signal in signals:
            self._order += 1
            if KINDS[signal.kind].droppable:
                self._routine.append((self._order, signal))
            else:
                self._required.append((self._order, signal))
        self._make_room()

    def add_required(self, items: Iterable[IncidentChange | tuple[str, bytes]]) -> None:
        """Queue incident changes, or checkpoints as (network, body)."""
        for item in items:
            self._order += 1
            self._required.append((self._order, item))
        self._make_room()

    def cut(self, run_id: str, number: int, cut_at: datetime, rows: int) -> Batch:
        """The next `rows` in order as a batch; of several checkpoints of one network, the last."""
        signals: list[Signal] = []
        changes: list[IncidentChange] = []
        checkpoints: dict[str, bytes] = {}
        for _ in range(min(rows, len(self))):
            if not self._required or (self._routine and self._routine[0][0] < self._required[0][0]):
                signals.append(self._routine.popleft()[1])
                continue
            item = self._required.popleft()[1]
            if isinstance(item, Signal):
                signals.append(item)
            elif isinstance(item, IncidentChange):
                changes.append(item)
            else:
                checkpoints[item[0]] = item[1]
        return Batch(
            run_id=run_id,
            number=number,
            cut_at=cut_at,
            signals=tuple(signals),
            changes=tuple(changes),
            checkpoints=checkpoints,
        )

    def _make_room(self) -> None:
        while len(self) > self._bound and self._routine:
            self.dropped[self._routine.popleft()[1].kind.value] += 1
