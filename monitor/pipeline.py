"""Takes readings and events, sends their signals through the correlator, and appends signals and changes to the local log.

It is synchronous on purpose: each reading is recorded, taken and appended before the next, so that a live run and a replay
see the same order. Whatever leaves the process (database, sinks, recordings, incident traces) reads the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Protocol

from chain.events import ChainEvent
from monitor.incidents import DRILL_PREFIX, IncidentChange
from monitor.intake import Intake
from monitor.intake.unseen import Unseen, UnseenCounts
from monitor.signals import Signal
from probes.readings import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where incident changes come from: the vantage, the machine, and whether all of it is a drill."""

    vantage: str = ""
    instance: str = ""
    drill: bool = False

    def of(self, change: IncidentChange) -> IncidentChange:
        """The change with its origin; the headline of a drill begins with DRILL, in every outlet."""
        headline = f"{DRILL_PREFIX}{change.headline}" if self.drill else change.headline
        return replace(change, vantage=self.vantage, instance=self.instance, drill=self.drill, headline=headline)


HERE = Origin()
WITH_EACH = 4
"""So many signals of complete seconds are judged with each signal that is taken: more than one, so that judging keeps up."""


class CorrelatorLike(Protocol):
    """What the pipeline needs from a correlator."""

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """Signals that cannot be, or came twice, by kind and reason."""
        ...

    def on_signal(self, signal: Signal, most: float = inf) -> Sequence[IncidentChange]:
        """Take one signal in arrival order; return the incident changes. Judge at most about so many signals now."""
        ...

    def admit(self, signal: Signal) -> Signal:
        """A live signal as it is to be judged and recorded."""
        ...

    def complete(self, now: datetime, most: float = inf) -> Sequence[IncidentChange]:
        """Assess every second that all live sources have passed. Judge at most about so many signals now."""
        ...

    @property
    def behind(self) -> bool:
        """Whether a complete second is not wholly judged."""
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


class Observer(Protocol):
    """Sees all signals and changes of this process as they are judged, durable or not: a view on the screen. Must not block."""

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Take signals after their assessment, in arrival order."""
        ...

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Take incident changes, in order."""
        ...


class Output(Protocol):
    """Where signals and changes are appended, in order: the local log, or a recording. Must not block."""

    def signals(self, signals: Sequence[Signal]) -> None:
        """Append signals after their assessment, in arrival order."""
        ...

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        """Append incident changes, behind the signals they rest on."""
        ...


class Pipeline:
    """Passes signals to the correlator, and signals and changes to the log, in order."""

    def __init__(
        self,
        intake: Intake,
        correlator: CorrelatorLike,
        recorder: Recorder,
        output: Output,
        observers: Iterable[Observer] = (),
        origin: Origin = HERE,
    ) -> None:
        self.intake = intake
        self.continue_with(correlator)
        self._recorder = recorder
        self._output = output
        self._observers = tuple(observers)
        self._origin = origin
        self.heard = 0
        """Signals taken in this run."""
        self.last_tick: datetime | None = None
        self.unseen = UnseenCounts()

    def continue_with(self, correlator: CorrelatorLike) -> None:
        """Judge with this correlator from now on: a restart has one that continues, and what it refused before is not counted."""
        self.correlator = correlator
        self._refused_before = dict(correlator.refused)

    def take_reading(self, reading: Reading) -> None:
        """Take a reading of a venue."""
        self.unseen.take(reading)
        self.take(self.intake.reading(reading, self._recorder.record(reading)))

    def take_event(self, event: ChainEvent) -> None:
        """Take an event of a chain."""
        self.take(self.intake.event(event, self._recorder.record_chain(event)))

    def not_seen(self) -> Unseen:
        """What did not become evidence in this run."""
        before = self._refused_before
        refused = {key: count - before.get(key, 0) for key, count in self.correlator.refused.items()}
        return self.unseen.shown(self.intake.unwatched, {key: count for key, count in refused.items() if count})

    def tick(self, now: datetime) -> None:
        """Take the time: its passing is a signal too."""
        self.last_tick = now
        self.take([self.intake.tick(now)])

    def take(self, signals: Sequence[Signal]) -> None:
        """Take signals in this order."""
        if not signals:
            return
        self.heard += len(signals)
        admitted: list[Signal] = []
        changes: list[IncidentChange] = []
        for signal in signals:
            admitted.append(self.correlator.admit(signal))
            if admitted[-1] is not signal:  # stamped with the second that it joins
                self.unseen.late += 1
            changes += self.correlator.on_signal(admitted[-1], WITH_EACH)
        self._output.signals(admitted)
        for observer in self._observers:
            observer.on_signals(admitted)
        self._report(changes)

    def complete(self, now: datetime, most: float = inf) -> bool:
        """Assess what is complete at `now`. This is no signal: what is recorded does not depend on it.

        Judges at most about `most` signals, and returns whether some are left for the next call.
        """
        self._report(self.correlator.complete(now, most))
        return self.correlator.behind

    def finish(self) -> None:
        """Assess everything that is still held back: no signal follows."""
        self._report(self.correlator.finish())

    def report(self, changes: Sequence[IncidentChange]) -> None:
        """Report changes that no signal made: of the daemon's own sinks."""
        self._report(changes)

    def _report(self, changes: Sequence[IncidentChange]) -> None:
        if not changes:
            return
        changes = [self._origin.of(one) for one in changes]
        self._output.changes(changes)
        for observer in self._observers:
            observer.on_changes(changes)
