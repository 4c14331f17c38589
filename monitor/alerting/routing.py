"""Which sinks hear of an incident change, and why. Pure: no clock but the changes' own event time, no sockets.

A sink that was told of an incident also hears how it goes on and how it ends, whatever the level has become; otherwise
its rule's level and pages decide. Updates at the same level are damped, so that a storm does not drown its own page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.incidents import LEVEL_NAMES, ChangeKind, IncidentChange, Level

MAX_INCIDENTS = 1024
"""Incidents one route remembers; the longest unheard-of is forgotten first."""

REPEATS = frozenset({ChangeKind.UPDATED, ChangeKind.AMENDED})
"""Kinds that repeat a known incident at the level it has."""

ENDS = frozenset({ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a route asks of a change. `repeat_s` (event time) is the least time between two UPDATED of one incident."""

    min_level: Level = Level.WATCH
    pages_only: bool = False
    changed_level_only: bool = False
    repeat_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNote:
    """What a route already said of one incident: the last level, and when an update last went out."""

    level: Level
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a change goes to a route, and the reason in words."""

    goes: bool
    reason: str


def decide(rule: Rule, told: LastNote | None, change: IncidentChange) -> Decision:
    """Whether `change` goes where `rule` stands, given what that route `told` of the incident before (None: nothing)."""
    repeat = change.kind in REPEATS
    if told is not None and not repeat:
        return Decision(goes=True, reason=f"{change.kind}: this route was told of {change.incident_id} before")
    if change.kind in ENDS:
        return Decision(goes=False, reason=f"{change.kind}: this route was never told of {change.incident_id}")
    if change.level < rule.min_level:
        return _no(f"level {LEVEL_NAMES[change.level]} is below {LEVEL_NAMES[rule.min_level]}")
    if rule.pages_only and not change.pages:
        return _no("the change does not page, and this route takes pages only")
    if told is None or change.level != told.level:
        return Decision(goes=True, reason=f"level {LEVEL_NAMES[change.level]} is news to this route")
    if rule.changed_level_only:
        return _no(f"level {LEVEL_NAMES[change.level]} has not changed")
    if change.kind is ChangeKind.UPDATED and told.updated_at is not None:
        since_s = (change.at - told.updated_at).total_seconds()
        if since_s < rule.repeat_s:
            return _no(f"an update went out {since_s:.0f} s ago; at most one in {rule.repeat_s:.0f} s")
    return Decision(goes=True, reason=f"{change.kind} at level {LEVEL_NAMES[change.level]}")


def after(told: LastNote | None, change: IncidentChange) -> LastNote:
    """What a route has told once `change` went out."""
    known = told or LastNote(level=change.level)
    at = change.at if change.kind is ChangeKind.UPDATED else known.updated_at
    return replace(known, level=change.level, updated_at=at)


class Router:
    """One route's decisions in order; remembers what went out."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._told: OrderedDict[str, LastNote] = OrderedDict()

    def decide(self, change: IncidentChange) -> Decision:
        """The decision on the next change."""
        told = self._told.get(change.incident_id)
        decision = decide(self.rule, told, change)
        if decision.goes:
            self._told[change.incident_id] = after(told, change)
            self._told.move_to_end(change.incident_id)
            if len(self._told) > MAX_INCIDENTS:
                self._told.popitem(last=False)
        return decision


def _no(reason: str) -> Decision:
    return Decision(goes=False, reason=reason)
