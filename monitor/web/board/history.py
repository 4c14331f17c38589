"""Keeps the latest incidents with their timelines, for the board. Everything older is in the database."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.incidents import IncidentChange, IncidentState
from monitor.signals import Signal

MAX_INCIDENTS = 50
MAX_CHANGES = 40
"""Of a longer timeline, the first change and the latest ones are kept."""

_OVER = (IncidentState.ENDED, IncidentState.ENDED_UNKNOWN, IncidentState.RETRACTED)


class History:
    """An observer of the pipeline. Bounded: what ended longest ago goes first, then what changed longest ago."""

    def __init__(self) -> None:
        self._incidents: dict[str, list[IncidentChange]] = {}

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Signals are not kept."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Take incident changes, in order. A change that is known already is not taken twice."""
        for change in changes:
            timeline = self._incidents.pop(change.incident_id, [])
            if not timeline or change.revision > timeline[-1].revision:
                timeline.append(change)
            if len(timeline) > MAX_CHANGES:
                del timeline[1]
            self._incidents[change.incident_id] = timeline
            if len(self._incidents) > MAX_INCIDENTS:
                del self._incidents[self._least()]

    def incidents(self) -> Sequence[Sequence[IncidentChange]]:
        """The timelines, the incident that changed last first."""
        return [tuple(one) for one in reversed(self._incidents.values())]

    def _least(self) -> str:
        ended = (name for name, timeline in self._incidents.items() if timeline[-1].state in _OVER)
        return next(ended, next(iter(self._incidents)))
