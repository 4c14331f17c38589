"""Knows which incidents a sink has heard of and not yet seen end, and when each is to be told again.

Pure: the caller gives the time, in seconds of any clock that only runs forward.
"""

from __future__ import annotations

from collections import OrderedDict

from monitor.alerting.routing import ENDS, MAX_INCIDENTS
from monitor.incidents import IncidentChange


class Reminders:
    """The open incidents of one sink, the one that is due first in front. `every_s` 0: none is ever told again."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: OrderedDict[str, tuple[float, IncidentChange]] = OrderedDict()

    @property
    def due_s(self) -> float | None:
        """When the next reminder is due; None if there is none."""
        first = next(iter(self._told.values()), None)
        return None if first is None else first[0] + self._every_s

    def told(self, change: IncidentChange, now_s: float) -> None:
        """Take note that the sink got this change, or was reminded of it; an end ends the reminding."""
        self._told.pop(change.incident_id, None)
        if self._every_s <= 0 or change.kind in ENDS:
            return
        self._told[change.incident_id] = (now_s, change)
        if len(self._told) > MAX_INCIDENTS:
            self._told.popitem(last=False)

    def due(self, now_s: float) -> list[IncidentChange]:
        """The latest change that the sink got of each incident that is to be told again now."""
        return [change for told_s, change in self._told.values() if told_s + self._every_s <= now_s]
