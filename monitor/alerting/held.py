"""Holds what is not sent to one sink because of a silence or maintenance, and when it is worth looking again."""

from __future__ import annotations

from datetime import datetime

from monitor.alerting.memory import MAX_OWED, Owed
from monitor.alerting.quiet import Hold, Quiet, QuietSource
from monitor.alerting.routing import ENDS
from monitor.incidents import IncidentChange
from monitor.signals import Clock

LOOK_S = 5.0
"""How often a sink that holds something back looks whether a silence has ended."""


class Held:
    """The incidents of one sink that are held back, `notes` by incident id, each from the position of its first change on."""

    def __init__(self, quiet: QuietSource, clock: Clock) -> None:
        self.notes: dict[str, Owed] = {}
        self._quiet = quiet
        self._clock = clock
        self._looked: tuple[Quiet, datetime] | None = None

    def silence_of(self, change: IncidentChange) -> Hold | None:
        """What holds `change` back now. An end is never held back: whoever got its beginning gets its end."""
        return None if change.kind in ENDS else self._quiet().held_by(change, self._clock())

    def reminds(self, change: IncidentChange) -> bool:
        """Whether people are to be reminded of it: not while it is silenced, never once it is acknowledged."""
        return change.incident_id not in self._quiet().acknowledged and self.silence_of(change) is None

    def hold(self, position: int, change: IncidentChange) -> str | None:
        """Hold a change back; returns the incident that made way because too many are held, if one did."""
        first = self.notes.get(change.incident_id)
        self.notes[change.incident_id] = Owed(
            incident_id=change.incident_id,
            position=position if first is None else first.position,
            revision=change.revision,
            since=self._clock() if first is None else first.since,
        )
        self._looked = None
        if len(self.notes) <= MAX_OWED:
            return None
        oldest = next(iter(self.notes))
        del self.notes[oldest]
        return oldest

    def is_due(self) -> bool:
        """Whether a silence may have ended since the last look: one has reached its end, or another set of them holds."""
        if not self.notes:
            return False
        quiet, now = self._quiet(), self._clock()
        if self._looked is not None and self._looked[0] is quiet and now < self._looked[1]:
            return False
        ends = [one.until for one in quiet.holds if one.until > now]
        self._looked = (quiet, min(ends, default=now))
        return True
