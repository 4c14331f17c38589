"""Takes readings and events, sends their signals through the correlator, and passes the results to store, sinks and telemetry.

It is synchronous on purpose: each reading is recorded, assessed and queued before the next, so that a live run and a replay
see the same order. The bounded queues are at the ends: in probes and chain, in the store's writer, in the delivery to sinks.
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


class CorrelatorLike(Protocol):
    """What the pipeline needs from a correlator."""

    def on_signal(self, signal: Signal) -> Sequence[IncidentChange]:
        """Take one signal in arrival order; return the incident changes."""
        ...

    def finish(self) -> Sequence[IncidentChange]:
        """Assess everything that is still held back."""
        ...


class Recorder(Protocol):
    """What the pipeline needs from telemetry: a span or figure for each reading, event and change."""

    def record(self, reading: Reading) -> str | None:
        """Record a reading; return the link of its span, if it has one."""
        ...

    def record_chain(self, event: ChainEvent) -> str | None:
        """Record a chain event; return the link of its span, if it has one."""
        ...

    def record_change(self, change: IncidentChange) -> str:
        """Record an incident change; return the incident's trace id."""
        ...


class Observer(Protocol):
    """Receives all signals and changes: store writer, deliveries, recording, drill view. Must not block."""

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Take signals after their assessment, in arrival order."""
        ...

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Take incident changes, in order."""
        ...


class Pipeline:
    """Passes signals to the correlator, and signals and changes to the observers, in order."""

    def __init__(
        self, intake: Intake, correlator: CorrelatorLike, recorder: Recorder, observers: Iterable[Observer]
    ) -> None:
        self.intake = intake
        self._correlator = correlator
        self._recorder = recorder
        self._observers = tuple(observers)
        self.signals = 0
        self.replayed = 0
        self.last_tick: datetime | None = None

    def take_reading(self, reading: Reading) -> None:
        """Take a reading of a venue."""
        self.take(self.intake.reading(reading, self._recorder.record(reading)))

    def take_event(self, event: ChainEvent) -> None:
        """Take an event of a chain."""
        self.take(self.intake.event(event, self._recorder.record_chain(event)))

    def tick(self, now: datetime) -> None:
        """Take the time: its passing is a signal too."""
        self.last_tick = now
        self.take([self.intake.tick(now)])

    def take(self, signals: Sequence[Signal]) -> None:
        """Take signals in this order."""
        if not signals:
            return
        self.signals += len(signals)
        changes = [change for signal in signals for change in self._correlator.on_signal(signal)]
        for observer in self._observers:
            observer.on_signals(signals)
        self._report(changes)

    def replay(self, signals: Sequence[Signal]) -> None:
        """Replay signals of an earlier run so that usual levels are known: none of it is delivered or written again."""
        self.replayed += len(signals)
        for signal in signals:
            self._correlator.on_signal(signal)

    def finish(self) -> None:
        """Assess everything that is still held back: no signal follows."""
        self._report(self._correlator.finish())

    def _report(self, changes: Sequence[IncidentChange]) -> None:
        if not changes:
            return
        for change in changes:
            self._recorder.record_change(change)
        for observer in self._observers:
            observer.on_changes(changes)
