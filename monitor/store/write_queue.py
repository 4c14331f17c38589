"""What waits in memory to be written: in order, bounded, and what is given up first when it grows too long.

Signals of `KEPT` kinds, incident changes and checkpoints are never given up. Everything keeps its place: a checkpoint is
cut no sooner than the signals that were told before it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime

from monitor.incidents import IncidentChange
from monitor.signals import Signal, SignalKind
from monitor.store.batch import Batch

KEPT = frozenset(
    {
        SignalKind.LIQUIDATION,
        SignalKind.HEAD,
        SignalKind.HEAD_STALLED,
        SignalKind.REORG,
        SignalKind.NODE_FAULT,
        SignalKind.UPGRADE,
        SignalKind.CODE_COMPARED,
        SignalKind.UPGRADE_QUEUED,
        SignalKind.OPERATION_ENDED,
        SignalKind.LIQUIDITY_REMOVED,
        SignalKind.LIQUIDITY_ADDED,
        SignalKind.MIGRATION,
        SignalKind.BEHAVIOUR_MISMATCH,
        SignalKind.RETRACTION,
    }
)
"""Liquidations and what a chain shows."""


class WriteQueue:
    """Rows in order of arrival, at most `bound` while there are routine signals to give up."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._order = 0
        self._routine: deque[tuple[int, Signal]] = deque()
        self._kept: deque[tuple[int, Signal | IncidentChange | tuple[str, bytes]]] = deque()
        self.dropped: Counter[str] = Counter()
        """Routine signals given up, by kind."""

    def __len__(self) -> int:
        return len(self._routine) + len(self._kept)

    def add_signals(self, signals: Iterable[Signal]) -> None:
        """Queue signals; the oldest routine ones make room."""
        for signal in signals:
            self._order += 1
            if signal.kind in KEPT:
                self._kept.append((self._order, signal))
            else:
                self._routine.append((self._order, signal))
        self._make_room()

    def add_kept(self, items: Iterable[IncidentChange | tuple[str, bytes]]) -> None:
        """Queue incident changes, or checkpoints as (network, body)."""
        for item in items:
            self._order += 1
            self._kept.append((self._order, item))
        self._make_room()

    def cut(self, run_id: str, number: int, cut_at: datetime, rows: int) -> Batch:
        """The next `rows` in order as a batch; of several checkpoints of one network, the last."""
        signals: list[Signal] = []
        changes: list[IncidentChange] = []
        checkpoints: dict[str, bytes] = {}
        for _ in range(min(rows, len(self))):
            if not self._kept or (self._routine and self._routine[0][0] < self._kept[0][0]):
                signals.append(self._routine.popleft()[1])
                continue
            item = self._kept.popleft()[1]
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
