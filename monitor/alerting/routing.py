"""Decides which sinks get an incident change, and why. Pure: no clock except the changes' own event time, no sockets.

A sink that got a note about an incident also gets its later changes and its end, whatever the level is then; otherwise
the rule's level, `pages_only` and filters decide. Updates at the same level are rate-limited, so that they do not bury the page.
A revision that a sink got, alone or as the present state of a note about missed changes, never goes to it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.alerting.concern import Filters
from monitor.incidents import LEVEL_NAMES, SINK_PREFIX, ChangeKind, IncidentChange, Level

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
    filters: Filters = field(default_factory=Filters)
    own_scope: str = ""
    """The scope of incidents about this very sink: they are for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNote:
    """The last note that a route sent about one incident: its level and revision, and when an update was last sent."""

    level: Level
    revision: int
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a change goes to a route, and the reason in words."""

    goes: bool
    reason: str


def decide(rule: Rule, last_note: LastNote | None, change: IncidentChange) -> Decision:
    """Whether `rule` accepts `change`, given the route's `last_note` about the incident (None: no note yet)."""
    if last_note is not None and change.revision <= last_note.revision:
        return _reject(f"this route got revision {last_note.revision} of {change.incident_id} before")
    repeat = change.kind in REPEATS
    if last_note is not None and not repeat:
        return Decision(goes=True, reason=f"{change.kind}: this route got a note about {change.incident_id} before")
    if change.kind in ENDS:
        return Decision(goes=False, reason=f"{change.kind}: this route never got a note about {change.incident_id}")
    if change.scope.startswith(SINK_PREFIX):
        return _of_a_sink(rule, change)
    if change.level < rule.min_level:
        return _reject(f"level {LEVEL_NAMES[change.level]} is below {LEVEL_NAMES[rule.min_level]}")
    if rule.pages_only and not change.pages:
        return _reject("the change does not page, and this route accepts pages only")
    refusal = "" if last_note is not None else rule.filters.refusal(change)
    if refusal:
        return _reject(refusal)
    if last_note is None or change.level != last_note.level:
        return Decision(goes=True, reason=f"level {LEVEL_NAMES[change.level]} is news to this route")
    if rule.changed_level_only:
        return _reject(f"level {LEVEL_NAMES[change.level]} has not changed")
    if change.kind is ChangeKind.UPDATED and last_note.updated_at is not None:
        since_s = (change.at - last_note.updated_at).total_seconds()
        if since_s < rule.repeat_s:
            return _reject(f"an update was sent {since_s:.0f} s ago; at most one in {rule.repeat_s:.0f} s")
    return Decision(goes=True, reason=f"{change.kind} at level {LEVEL_NAMES[change.level]}")


def _of_a_sink(rule: Rule, change: IncidentChange) -> Decision:
    """A broken sink is reported by every other one, whatever its level and filters are: who relies on it must hear of that."""
    if change.scope == rule.own_scope:
        return _reject("it is about this very sink")
    refusal = replace(Filters(), drill=rule.filters.drill).refusal(change)
    return _reject(refusal) if refusal else Decision(goes=True, reason="another sink is broken")


def last_note_after(last_note: LastNote | None, change: IncidentChange) -> LastNote:
    """The route's last note after `change` was sent."""
    updated_at = None if last_note is None else last_note.updated_at
    if change.kind is ChangeKind.UPDATED:
        updated_at = change.at
    return LastNote(level=change.level, revision=change.revision, updated_at=updated_at)


class Router:
    """Decides on one route's changes in order, and remembers its last notes: `notes`, the longest untouched one first."""

    def __init__(self, rule: Rule, notes: Iterable[tuple[str, LastNote]] = ()) -> None:
        self.rule = rule
        self._last_notes: OrderedDict[str, LastNote] = OrderedDict(notes)
        self._forget()

    @property
    def notes(self) -> tuple[tuple[str, LastNote], ...]:
        """The last note about each incident, by incident id: what another Router needs to go on from here."""
        return tuple(self._last_notes.items())

    def last_note(self, incident_id: str) -> LastNote | None:
        """The last note about an incident; None if there was none, or it is forgotten."""
        return self._last_notes.get(incident_id)

    def decide(self, change: IncidentChange) -> Decision:
        """Decide on the next change. Nothing is remembered before `record`."""
        return decide(self.rule, self.last_note(change.incident_id), change)

    def record(self, change: IncidentChange) -> None:
        """Remember that the route got a note about this change."""
        self._last_notes[change.incident_id] = last_note_after(self.last_note(change.incident_id), change)
        self._last_notes.move_to_end(change.incident_id)
        self._forget()

    def _forget(self) -> None:
        while len(self._last_notes) > MAX_INCIDENTS:
            self._last_notes.popitem(last=False)


def _reject(reason: str) -> Decision:
    return Decision(goes=False, reason=reason)
