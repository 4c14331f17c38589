"""Decides which sinks get an incident change, and why. Pure: no clock except the changes' own event time, no sockets.

A sink that got a note about an incident also gets its later changes and its end, whatever the level is then; otherwise
the rule's level and `pages_only` decide. Updates at the same level are rate-limited, so that they do not bury the page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.incidents import LEVEL_NAMES, ChangeKind, IncidentChange, Level

MAX_INCIDENTS = 1024
"""How many incidents one route remembers; the one without a note for the longest time is forgotten first."""

REPEATS = frozenset({ChangeKind.UPDATED, ChangeKind.AMENDED})
"""Kinds that repeat a known incident at its present level."""

ENDS = frozenset({ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which changes a route accepts. `repeat_s` (event time) is the minimum time between two UPDATED of one incident."""

    min_level: Level = Level.WATCH
    pages_only: bool = False
    changed_level_only: bool = False
    repeat_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNote:
    """The last note that a route sent about one incident: its level, and when an update was last sent."""

    level: Level
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a change goes to a route, and the reason in words."""

    goes: bool
    reason: str


def decide(rule: Rule, last_note: LastNote | None, change: IncidentChange) -> Decision:
    """Whether `rule` accepts `change`, given the route's `last_note` about the incident (None: no note yet)."""
    repeat = change.kind in REPEATS
    if last_note is not None and not repeat:
        return Decision(goes=True, reason=f"{change.kind}: this route got a note about {change.incident_id} before")
    if change.kind in ENDS:
        return Decision(goes=False, reason=f"{change.kind}: this route never got a note about {change.incident_id}")
    if change.level < rule.min_level:
        return _reject(f"level {LEVEL_NAMES[change.level]} is below {LEVEL_NAMES[rule.min_level]}")
    if rule.pages_only and not change.pages:
        return _reject("the change does not page, and this route accepts pages only")
    if last_note is None or change.level != last_note.level:
        return Decision(goes=True, reason=f"level {LEVEL_NAMES[change.level]} is news to this route")
    if rule.changed_level_only:
        return _reject(f"level {LEVEL_NAMES[change.level]} has not changed")
    if change.kind is ChangeKind.UPDATED and last_note.updated_at is not None:
        since_s = (change.at - last_note.updated_at).total_seconds()
        if since_s < rule.repeat_s:
            return _reject(f"an update was sent {since_s:.0f} s ago; at most one in {rule.repeat_s:.0f} s")
    return Decision(goes=True, reason=f"{change.kind} at level {LEVEL_NAMES[change.level]}")


def last_note_after(last_note: LastNote | None, change: IncidentChange) -> LastNote:
    """The route's last note after `change` was sent."""
    before = last_note or LastNote(level=change.level)
    at = change.at if change.kind is ChangeKind.UPDATED else before.updated_at
    return replace(before, level=change.level, updated_at=at)


class Router:
    """Decides on one route's changes in order, and remembers its last notes."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._last_notes: OrderedDict[str, LastNote] = OrderedDict()

    def decide(self, change: IncidentChange) -> Decision:
        """Decide on the next change."""
        last_note = self._last_notes.get(change.incident_id)
        decision = decide(self.rule, last_note, change)
        if decision.goes:
            self._last_notes[change.incident_id] = last_note_after(last_note, change)
            self._last_notes.move_to_end(change.incident_id)
            if len(self._last_notes) > MAX_INCIDENTS:
                self._last_notes.popitem(last=False)
        return decision


def _reject(reason: str) -> Decision:
    return Decision(goes=False, reason=reason)
