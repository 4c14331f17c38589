"""The one way: readings and events in, signals through the correlator, and out to store, sinks and telemetry.

Synchronous on purpose: what a source hands over is told, judged and queued before the next, so live and replay see the
same order. The bounded queues lie at the ends (the floors' own, the store's writer, the sinks' delivery).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from chain.events import ChainEvent
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.signals import Signal
from probes.readings import Reading


class Judge(Protocol):
    """What the pipeline needs of a correlator."""

    def on_signal(self, signal: Signal) -> Sequence[IncidentChange]:
        """Take one signal in arrival order; give what changed."""
        ...

    def finish(self) -> Sequence[IncidentChange]:
        """Judge everything still held back."""
        ...


class Recorder(Protocol):
    """What the pipeline needs of telemetry: a span or figure for each reading, event and change."""

    def record(self, reading: Reading) -> str | None:
        """Record a reading; the link of its span, where it made one."""
        ...

    def record_chain(self, event: ChainEvent) -> str | None:
        """Record a chain event; the link of its span, where it made one."""
        ...

    def record_change(self, change: IncidentChange) -> str:
        """Record an incident change; the incident's trace id."""
        ...


class Observer(Protocol):
    """Whoever wants to see what passes: store writer, deliveries, recording, drill view. Must not block."""

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Signals as they were judged, in arrival order."""
        ...

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Incident changes, in order."""
        ...


class Pipeline:
    """Hands everything the floors say to the judge, and what both say to the observers, in order."""

    def __init__(self, intake: Intake, judge: Judge, recorder: Recorder, observers: Iterable[Observer]) -> None:
        self.intake = intake
        self._judge = judge
        self._recorder = recorder
        self._observers = tuple(observers)
        self.signals = 0
        self.relived = 0
        self.last_tick: datetime | None = None

    def take_reading(self, reading: Reading) -> None:
        """What a venue said."""
        self.take(self.intake.reading(reading, self._recorder.record(reading)))

    def take_event(self, event: ChainEvent) -> None:
        """What a chain showed."""
        self.take(self.intake.event(event, self._recorder.record_chain(event)))

    def tick(self, now: datetime) -> None:
        """Time has passed."""
        self.last_tick = now
        self.take([self.intake.tick(now)])

    def take(self, signals: Sequence[Signal]) -> None:
        """Judge signals in this order."""
        if not signals:
            return
        self.signals += len(signals)
        changes = [change for signal in signals for change in self._judge.on_signal(signal)]
        for observer in self._observers:
            observer.on_signals(signals)
        self._tell(changes)

    def relive(self, signals: Sequence[Signal]) -> None:
        """Judge signals of an earlier run, so that what was usual is known: nothing of it is told or written again."""
        self.relived += len(signals)
        for signal in signals:
            self._judge.on_signal(signal)

    def finish(self) -> None:
        """Judge what is still held back; nothing comes after."""
        self._tell(self._judge.finish())

    def _tell(self, changes: Sequence[IncidentChange]) -> None:
        if not changes:
            return
        for change in changes:
            self._recorder.record_change(change)
        for observer in self._observers:
            observer.on_changes(changes)
