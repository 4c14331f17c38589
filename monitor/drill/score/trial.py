"""Runs a correlator over signals as the daemon does, and notes what it said: each change with its time, each second's verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from monitor.correlator import Correlator
from monitor.incidents import Fault, IncidentChange, Leg, LegState, Level
from monitor.signals import Signal


@dataclass(frozen=True, slots=True)
class TimedChange:
    """A change of an incident, and when it left the correlator, unix seconds."""

    at_s: float
    incident_id: str
    scope: str
    kind: str
    level: Level
    fault: Fault
    pages: bool
    venues: frozenset[str] = frozenset()
    """Venues of its findings in the venue leg of grade 2 or more."""


@dataclass(frozen=True, slots=True)
class SecondSaid:
    """What was said of an asset at one second: when it was said, confidence in a storm, level, and the legs that were TRUE."""

    at_s: float
    second_s: float
    p: float
    true: frozenset[Leg]


@dataclass(slots=True)
class Trial:
    """What a correlator said. `signals` counts what it took."""

    told: list[TimedChange] = field(default_factory=list)
    seconds: dict[str, list[SecondSaid]] = field(default_factory=dict)
    """By asset."""
    signals: int = 0

    def take(self, changes: Iterable[IncidentChange], at_s: float) -> None:
        """Note changes that left at `at_s`."""
        for one in changes:
            venues = frozenset(
                found.subject.venue
                for found in one.evidence
                if found.leg is Leg.VENUE and found.grade >= 2 and found.subject.venue is not None
            )
            told = TimedChange(
                at_s, one.incident_id, one.scope, one.kind.value, one.level, one.fault, one.pages, venues
            )
            self.told.append(told)

    def look(self, correlator: Correlator, at_s: float | None = None) -> None:
        """Note the verdict of each asset, if it is a new one. `at_s` None: it was said at the end of its second."""
        for asset, verdict in correlator.verdicts().items():
            said = self.seconds.setdefault(asset, [])
            second_s = verdict.at.timestamp()
            if said and said[-1].second_s >= second_s:
                continue
            true = _TRUE[sum(1 << place for place, one in enumerate(verdict.legs) if one.state is LegState.TRUE)]
            said.append(SecondSaid(second_s if at_s is None else at_s, second_s, verdict.p_lo, true))


_ORDER = tuple(one for one in Leg if one is not Leg.FRAGILITY)
_TRUE = tuple(
    frozenset(leg for place, leg in enumerate(_ORDER) if mask >> place & 1) for mask in range(1 << len(_ORDER))
)


def run(correlator: Correlator, steps: Iterable[tuple[float, list[Signal]]], *, ends: bool = True) -> Trial:
    """Judge signals as they were received: `steps` are times, and what was received before each.

    `ends`: no signal follows, so that every second that is still held back is judged.
    """
    trial, now_s = Trial(), 0.0
    for now_s, signals in steps:
        changes: list[IncidentChange] = []
        for signal in signals:
            changes += correlator.on_signal(correlator.admit(signal))
        changes += correlator.complete(datetime.fromtimestamp(now_s, UTC))
        trial.signals += len(signals)
        if changes:
            trial.take(changes, now_s)
        trial.look(correlator, now_s)
    if ends:
        trial.take(correlator.finish(), now_s)
        trial.look(correlator, now_s)
    return trial
