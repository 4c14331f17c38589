"""Knows what an incident change is about, its legs, assets and venues, and whether a route's filters accept that. Pure.

An incident of the vantage concerns everybody: whoever asks for one asset must hear that nobody can see it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.incidents import Evidence, IncidentChange, Leg, LegState, Level
from monitor.signals import TARGET_PREFIX


class Drills(StrEnum):
    """Whether a route accepts rehearsals: like everything else, nothing else, or never."""

    ANY = "any"
    ONLY = "only"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a route asks for. An empty set asks for nothing: everything passes. Of a set, one in common is enough."""

    legs: frozenset[Leg] = frozenset()
    assets: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()
    drill: Drills = Drills.ANY

    def refusal(self, change: IncidentChange) -> str:
        """Why `change` is not for this route, in words; empty if it is."""
        if change.drill and self.drill is Drills.NEVER:
            return "it is a drill, and this route accepts none"
        if not change.drill and self.drill is Drills.ONLY:
            return "it is no drill, and this route accepts drills only"
        if change.scope.startswith("vantage:"):
            return ""
        asked: tuple[tuple[str, Collection[str], Collection[str]], ...] = (
            ("leg", self.legs, legs_of(change)),
            ("asset", self.assets, assets_of(change)),
            ("venue", self.venues, venues_of(change)),
        )
        for what, wanted, given in asked:
            if wanted and not set(wanted) & set(given):
                return f"it concerns {what} {', '.join(sorted(given)) or 'none'}, not {', '.join(sorted(wanted))}"
        return ""


def legs_of(change: IncidentChange) -> frozenset[Leg]:
    """The legs that are true; from storm-suspected on also those that nobody can see: unknown is not calm."""
    if change.verdict is None:
        return frozenset({Leg.VENUE} | {one.leg for one in change.evidence})
    states = {LegState.TRUE, LegState.UNKNOWN} if change.level >= Level.STORM_SUSPECTED else {LegState.TRUE}
    return frozenset(one.leg for one in change.verdict.legs if one.state in states)


def assets_of(change: IncidentChange) -> frozenset[str]:
    """The asset of the scope; for others the assets that the evidence names."""
    kind, _, name = change.scope.partition(":")
    if kind == "asset":
        return frozenset({name})
    return frozenset(one.subject.asset for one in change.evidence if one.subject.asset is not None)


def venues_of(change: IncidentChange) -> frozenset[str]:
    """The venue of the scope, or "target:NAME"; for others those that the evidence names."""
    kind, _, name = change.scope.partition(":")
    if kind == "venue":
        return frozenset({name})
    if change.scope.startswith(TARGET_PREFIX):
        return frozenset({change.scope})
    return frozenset(one.subject.venue for one in change.evidence if one.subject.venue is not None)


def outline(change: IncidentChange) -> IncidentChange:
    """The change without its detail, for a look ahead: only what `Filters` asks for is left, once each."""
    told: dict[tuple[Leg, str | None, str | None], Evidence] = {}
    for one in change.evidence:
        told.setdefault((one.leg, one.subject.asset, one.subject.venue), replace(one, said="", links=()))
    verdict = change.verdict
    if verdict is not None:
        legs = tuple(replace(one, contributions=()) for one in verdict.legs)
        verdict = replace(verdict, legs=legs, blind=())
    return replace(
        change, verdict=verdict, evidence=tuple(told.values()), counter_evidence=(), blind=(), rejected_causes=()
    )
