"""Makes the notes of one route: of a change in time, of an incident's present state, and of what a silence held back.

What was missed and what was lost is said with the next note that is made; when a note's change was judged is remembered with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.alerting.backlog import Backlog
from monitor.alerting.crossings import Crossings
from monitor.alerting.missed import Unsent, missed_of
from monitor.alerting.routing import ENDS, Router
from monitor.alerting.sink import Note, note_of
from monitor.alerting.sinks import Route
from monitor.incidents import SINK_PREFIX, IncidentChange
from monitor.signals import Clock


class Notes:
    """The notes of one route. `lost`: entries of the log that were removed unread and that no note has mentioned yet."""

    def __init__(self, route: Route, backlog: Backlog, clock: Clock, crossings: Crossings) -> None:
        self.lost = 0
        self._rule = route.rule
        self._stale_after_s = route.stale_after_s
        self._backlog = backlog
        self._clock = clock
        self._crossings = crossings

    def is_late(self, at: datetime) -> bool:
        """Whether a change that the log took then is too old to be sent on its own."""
        return (self._clock() - at).total_seconds() > self._stale_after_s

    def of_change(self, change: IncidentChange, logged_at: datetime) -> Note:
        """The note of a change in time."""
        crossed_at = self._crossings.of(change, logged_at)
        return note_of(change, self._rule.min_level, lost=self.lost, crossed_at=crossed_at)

    async def present(self, incident_id: str, first: int, router: Router) -> Note | None:
        """A note with the incident's present state, and what was missed from `first` on; None if the log holds none of it."""
        seen = await self._backlog.of(incident_id, first)
        present = await self._backlog.full(seen[-1].position) if seen else None
        if present is None:
            return None
        unsent = [Unsent(one.change, self.is_late(one.at)) for one in seen]
        missed = missed_of(self._rule, router.last_note(incident_id), unsent)
        crossed_at = self._crossings.of(seen[0].change, seen[0].at)
        return note_of(present, self._rule.min_level, missed=missed, lost=self.lost, crossed_at=crossed_at)

    async def is_moot(self, change: IncidentChange, position: int) -> bool:
        """Whether a change tells of a sink that was broken and works again: nobody need hear of both at once."""
        if not change.scope.startswith(SINK_PREFIX) or change.kind in ENDS:
            return False
        seen = await self._backlog.of(change.incident_id, position)
        return bool(seen) and seen[-1].change.kind in ENDS

    async def released(self, incident_id: str, first: int, router: Router) -> Note | None:
        """The note of an incident whose silence has ended: its present state, a page if one was held back."""
        seen = await self._backlog.of(incident_id, first)
        present = await self._backlog.full(seen[-1].position) if seen else None
        if present is None:
            return None
        present = replace(present, pages=any(one.change.pages for one in seen) and present.kind not in ENDS)
        return note_of(present, self._rule.min_level, lost=self.lost) if router.decide(present).goes else None
