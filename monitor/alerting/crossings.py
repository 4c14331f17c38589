"""Knows when each change was judged, so that the time to its delivery counts all of the way: the wait for the disk too.

What an earlier run judged counts from when the log took it. What is known of deliveries goes to a recorder, such as telemetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from monitor.incidents import IncidentChange
from monitor.signals import Clock, Signal

MAX_CHANGES = 4096
"""How many changes are remembered; the oldest is forgotten first, and then counts from when the log took it."""


class DeliveryRecorder(Protocol):
    """Takes how deliveries go, such as telemetry. Must not block."""

    def record_delivery(self, sink: str, outcome: str) -> None:
        """One outcome: delivered, try_again, refused, given_up, silenced, missed or failed."""
        ...

    def record_delivery_latency(self, sink: str, sink_type: str, latency_s: float) -> None:
        """The time from a change's judgement to its delivery, in seconds."""
        ...


class Unrecorded:
    """A recorder that keeps nothing."""

    def record_delivery(self, sink: str, outcome: str) -> None:
        """Keep nothing."""

    def record_delivery_latency(self, sink: str, sink_type: str, latency_s: float) -> None:
        """Keep nothing."""


class Crossings:
    """When each change was judged. An observer of the pipeline; bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._judged: dict[tuple[str, int], datetime] = {}

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Signals are not delivered."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Remember that these changes were judged now."""
        now = self._clock()
        for one in changes:
            self._judged.setdefault((one.incident_id, one.revision), now)
        while len(self._judged) > MAX_CHANGES:
            del self._judged[next(iter(self._judged))]

    def of(self, change: IncidentChange, logged_at: datetime) -> datetime:
        """When a change was judged; `logged_at`, when the log took it, for one that this process did not judge."""
        return min(self._judged.get((change.incident_id, change.revision), logged_at), logged_at)
