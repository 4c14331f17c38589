"""Defines the correlator's results: legs, levels, evidence, verdicts and incident changes, as frozen dataclasses.

Nats are natural-log odds; probabilities and coverage are 0..1; times are aware UTC event times. msgspec encodes everything
here to JSON as it is, and that encoding is the documented format (docs/formats.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from monitor.signals import Subject


class Leg(StrEnum):
    """The three legs of a storm, and the context under them."""

    LIQUIDATION = "liquidation"
    VENUE = "venue"
    MIGRATION = "migration"
    FRAGILITY = "fragility"
    """Context only: bounded weight, never a leg by itself."""


LEGS = (Leg.LIQUIDATION, Leg.VENUE, Leg.MIGRATION)


class LegState(StrEnum):
    """The state of a leg in Kleene logic: what could not be seen is UNKNOWN, never FALSE."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Level(IntEnum):
    """How severe: one leg, two legs, two with a blind third (pages), three legs."""

    CALM = 0
    WATCH = 1
    SQUALL = 2
    STORM_SUSPECTED = 3
    PERFECT_STORM = 4


LEVEL_NAMES = {
    Level.CALM: "calm",
    Level.WATCH: "watch",
    Level.SQUALL: "squall",
    Level.STORM_SUSPECTED: "storm-suspected",
    Level.PERFECT_STORM: "perfect-storm",
}


class Fault(StrEnum):
    """Whose fault: our own vantage, the path to a venue, one venue, or the whole market."""

    NONE = "none"
    LOCAL = "local"
    PATH = "path"
    VENUE = "venue"
    MARKET = "market"


class IncidentState(StrEnum):
    """The state of an episode. ENDED_UNKNOWN never counts as resolved."""

    OPEN = "open"
    HELD_BLIND = "held_blind"
    ENDED = "ended"
    ENDED_UNKNOWN = "ended_unknown"
    RETRACTED = "retracted"


class ChangeKind(StrEnum):
    """Why a change of an incident is reported."""

    OPENED = "opened"
    RAISED = "raised"
    LOWERED = "lowered"
    UPDATED = "updated"
    """Same level, but a leg, the fault or criticality changed."""
    AMENDED = "amended"
    """A late signal changed what had been reported; the revision goes up."""
    HELD_BLIND = "held_blind"
    RESUMED = "resumed"
    ENDED = "ended"
    ENDED_UNKNOWN = "ended_unknown"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One finding of one detector about one entity. `grade` is the evidence level L1..L4 by measured false-alarm rate.

    `weight` is in nats at `at` and halves each `half_life_s`. `value` against `normal` in `unit` explains it; `far_per_day` is
    how often chance alone would produce it. `links` are "trace_id:span_id" of contributing probe spans (bounded).
    `shared` marks venue-wide evidence that several assets refer to (one fact, counted once).
    """

    id: str
    leg: Leg
    name: str
    subject: Subject
    grade: int
    weight: float
    half_life_s: float
    onset: datetime
    at: datetime
    value: float
    normal: float | None
    unit: str
    far_per_day: float
    said: str
    links: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one piece of evidence adds to its leg now, in nats, after the rule w₁ + ½w₂ and the cap."""

    evidence_id: str
    name: str
    nats: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blindness:
    """A source that gives no sight now, why, and since when."""

    source: str
    leg: Leg
    coverage: float
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegVerdict:
    """One leg of one asset: evidence E (nats), coverage c, the interval [w_lo, w_hi], and its state."""

    leg: Leg
    state: LegState
    evidence: float
    coverage: float
    w_lo: float
    w_hi: float
    onset: datetime | None
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state of one asset at one time. `p_lo` is confidence(storm); 1 − `p_hi` is confidence(calm).

    `prior` + Σ w_lo over legs + `context` = logit(p_lo) exactly (1e-9).
    """

    at: datetime
    asset: str
    level: Level
    p_lo: float
    p_hi: float
    prior: float
    context: float
    legs: tuple[LegVerdict, ...]
    fault: Fault
    blind: tuple[Blindness, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """One line of the incident log; `revision` counts them.

    `scope` is "asset:BTC", "venue:bybit", "target:NAME" (one of the operator's own) or "vantage:NAME".

    `level` is the level now, `peak` the highest so far. `far_per_day` is the joint false-alarm rate. `verdict` is None
    for venue and vantage scopes. `pages`: this change pages somebody. `vantage` and `instance`: the place and the machine that
    saw it. `drill`: it is a rehearsal, and nothing happened.
    """

    incident_id: str
    scope: str
    kind: ChangeKind
    state: IncidentState
    at: datetime
    opened_at: datetime
    revision: int
    level: Level
    peak: Level
    critical: bool
    pages: bool
    fault: Fault
    headline: str
    verdict: Verdict | None
    evidence: tuple[Evidence, ...]
    counter_evidence: tuple[str, ...]
    blind: tuple[Blindness, ...]
    rejected_causes: tuple[str, ...]
    far_per_day: float
    runbook: str
    replay_id: str
    parent_id: str | None = None
    vantage: str = ""
    instance: str = ""
    drill: bool = False
