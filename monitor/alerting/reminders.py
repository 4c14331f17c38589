"""Knows which incidents a sink has heard of and not yet seen end, and when each is to be sent again.

Pure: the caller gives the time, in seconds of any clock that only runs forward.
"""

from __future__ import annotations

from collections import OrderedDict

from monitor.alerting.routing import ENDS, MAX_INCIDENTS
from monitor.incidents import IncidentChange


class Reminders:
    """The open incidents of one sink, the one that is due first in front. `every_s` 0: none is ever sent again."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._sent: OrderedDict[str, tuple[float, IncidentChange]] = OrderedDict()

    @property
    def due_s(self) -> float | None:
        """When the next reminder is due; None if there is none."""
        first = next(iter(self._sent.values()), None)
        return None if first is None else first[0] + self._every_s

    def sent(self, change: IncidentChange, now_s: float) -> None:
        """Take note that the sink got this change, or was reminded of it; an end ends the reminding."""
        self._sent.pop(change.incident_id, None)
        if self._every_s <= 0 or change.kind in ENDS:
            return
        self._sent[change.incident_id] = (now_s, change)
        if len(self._sent) > MAX_INCIDENTS:
            self._sent.popitem(last=False)

    def due(self, now_s: float) -> list[IncidentChange]:
        """The latest change that the sink got of each incident that is to be sent again now."""
        return [change for sent_s, change in self._sent.values() if sent_s + self._every_s <= now_s]
