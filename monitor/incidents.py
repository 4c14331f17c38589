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

SINK_PREFIX = "sink:"
"""The scope of an incident of one of our own sinks is this and its name: it is broken, and nothing happened in the market."""


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
    """Whose fault: our own vantage, the path to a venue, one venue, a provider of several venues, or the whole market."""

    NONE = "none"
    LOCAL = "local"
    PATH = "path"
    VENUE = "venue"
    PROVIDER = "provider"
    """One cloud or operator that carries several venues (`correlator.providers`)."""
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
    """What one piece of evidence adds to its leg's `w_lo` now, in nats: what the leg would lose without it and the heavier ones.

    `onset` is the evidence's own; None where the item is no piece of evidence.
    """

    evidence_id: str
    name: str
    nats: float
    said: str
    onset: datetime | None = None


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
    """One leg of one asset: evidence E (nats), coverage c, the interval [w_lo, w_hi], and its state.

    `w_lo` rests on a higher coverage than c where throttled feeds hide events: that takes nothing from what they show.
    """

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


MAX_HEADLINE = 120
"""Characters of a headline, with `DRILL_PREFIX` where it is a drill."""
DRILL_PREFIX = "DRILL: "


class WayState(StrEnum):
    """Whether a way out of an asset works. UNKNOWN is neither open nor closed: it adds nothing, and is named."""

    OPEN = "open"
    DELAYED = "delayed"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitWay:
    """One way out: a venue or a pool, whether it works and why not, and what could leave there at once, in USD.

    `usd_1`, `usd_5`: within 1 % and 5 % of the middle price; None where it is not known.
    """

    name: str
    state: WayState
    usd_1: float | None
    usd_5: float | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAmount:
    """What could leave within so many percent of the price in so many minutes, in USD; None where every way is unknown."""

    percent: int
    minutes: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCapacity:
    """How much of an asset could be sold and taken out now (docs/detection.md, "Exit capacity").

    `amounts` are lower bounds: ways that are unknown add nothing. `normal_share`: what the known ways give now, of what the same
    ways usually give (None until that is known). `countdown_s`: seconds until a tenth of the usual is left, if it goes on falling
    as in the last two minutes; None if it does not fall.
    """

    asset: str
    at: datetime
    amounts: tuple[ExitAmount, ...]
    ways: tuple[ExitWay, ...]
    normal_share: float | None
    countdown_s: float | None

    def usd(self, percent: int, minutes: int) -> float | None:
        """One of the amounts."""
        return next(one.usd for one in self.amounts if (one.percent, one.minutes) == (percent, minutes))

    @property
    def words(self) -> str:
        """The answer in one line: what can leave now and in an hour, against the usual, and which ways are shut or unknown."""
        now, hour = self.usd(1, 1), self.usd(1, 60)
        if now is None or hour is None:
            said = f"nobody can see whether {self.asset} can leave"
        elif hour == 0:
            said = f"nothing of {self.asset} can leave by the ways that we see"
        else:
            said = f"{brief_usd(now)} of {self.asset} can leave within 1 % in a minute, {brief_usd(hour)} in an hour"
        if self.normal_share is not None:
            said += f", {self.normal_share:.0%} of the usual"
        if self.countdown_s is not None:
            said += f", a tenth of the usual in {self.countdown_s / 60:.0f} min if it goes on so"
        for state in (WayState.CLOSED, WayState.DELAYED, WayState.UNKNOWN):
            names = [one.name for one in self.ways if one.state is state]
            if names:
                said += f"; {state}: {', '.join(names)}"
        return said


def brief_usd(usd: float) -> str:
    """An amount of dollars as people say it: "940 USD", "12 k USD", "3.4 M USD"."""
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if usd >= size:
            return f"{usd / size:.2g}{unit} USD" if usd < 10 * size else f"{usd / size:,.0f}{unit} USD"
    return f"{usd:.0f} USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """One line of the incident log; `revision` counts them.

    `scope` is "asset:BTC", "venue:bybit", "target:NAME" (one of the operator's own), "vantage:NAME", or "sink:NAME": one of
    our own sinks is broken.

    `headline` has at most `MAX_HEADLINE` characters. `level` is the level now, `peak` the highest so far. `far_per_day` is the
    joint false-alarm rate. `verdict` is None for other scopes than assets. `pages`: this change pages somebody. `vantage` and
    `instance`: the place and the machine that saw it. `drill`: it is a rehearsal, and nothing happened.
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
    exit: ExitCapacity | None = None
    """How much of the asset could leave then; None for other scopes, and where nothing of it is watched."""
    far_basis: str = ""
    """In words what `far_per_day` rests on: "from 31 days of your own data", or "from shipped priors, not measured here"."""
    news: tuple[str, ...] = ()
    """What this change knows and no change of the incident before: grave findings, blind sources. Empty when it opens."""
