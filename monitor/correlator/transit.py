"""Knows how long liquidations were on their way: the largest lag between event and receipt in the last minute of event time.

Only liquidations are ordered by event time, so only they can come after others of a later time. The largest lag over all feeds
is what the slowest feed needs; a feed without liquidations adds nothing.
"""

from __future__ import annotations

from math import floor

PART_S = 10
PARTS = 6
"""The window is six parts of ten seconds, and the one that has begun."""


class TransitLag:
    """The largest lag by part of event time."""

    def __init__(self) -> None:
        self._largest: dict[int, float] = {}

    def take(self, event_s: float, lag_s: float) -> None:
        """Take the lag of a liquidation that happened at `event_s`, in unix seconds."""
        part = floor(event_s / PART_S)
        if lag_s > self._largest.get(part, 0.0):
            self._largest[part] = lag_s
            if len(self._largest) > PARTS + 1:
                del self._largest[min(self._largest)]

    def largest(self, now_s: float) -> float:
        """The largest lag of what happened in the last minute before `now_s`, in seconds; 0 if nothing did."""
        since = floor(now_s / PART_S) - PARTS
        return max((lag_s for part, lag_s in self._largest.items() if part >= since), default=0.0)
