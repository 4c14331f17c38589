"""Measures how old messages are when they arrive: the worst of each second per instrument, by the venue's clock. Pure.

The engine's own lag (between two stamps of one venue) needs no clock and is reported beside it.
"""

from __future__ import annotations

from datetime import datetime

from probes.clock_offset import ClockOffset
from probes.readings import EngineLag, FeedLag, VenueId
from probes.readings.admission import MAX_CLOCK_OFFSET_S


class LagMeter:
    """Collects stamps; `readings` returns the worst of the second and resets. Bounded by the instruments subscribed."""

    def __init__(self, venue: VenueId, feed: str, offset: ClockOffset) -> None:
        self._venue = venue
        self._feed = feed
        self._offset = offset
        self._age: dict[str, float] = {}
        self._engine: dict[str, float] = {}

    def stamp(self, instrument: str, received_s: float, event_s: float, engine_s: float | None) -> None:
        """Take the stamps of one message: receipt, venue, engine (unix seconds)."""
        if abs(event_s - received_s) <= MAX_CLOCK_OFFSET_S:
            self._offset.frame(received_s, event_s)  # what is older speaks of an older time, not of the clock
        age = received_s - event_s
        if age > self._age.get(instrument, float("-inf")):
            self._age[instrument] = age
        if engine_s is not None:
            lag = event_s - engine_s
            if lag > self._engine.get(instrument, float("-inf")):
                self._engine[instrument] = lag

    def readings(self, received_at: datetime, now_s: float) -> list[FeedLag | EngineLag]:
        """The readings of the last second."""
        readings: list[FeedLag | EngineLag] = [
            EngineLag(venue=self._venue, feed=self._feed, instrument=name, received_at=received_at, lag_s=lag)
            for name, lag in self._engine.items()
        ]
        best = self._offset.best(now_s)
        if best is not None:
            readings += [
                FeedLag(
                    venue=self._venue, feed=self._feed, instrument=name, received_at=received_at,
                    lag_s=age + best.offset_s, bound_s=best.bound_s,
                )
                for name, age in self._age.items()
            ]  # fmt: skip
        self._age.clear()
        self._engine.clear()
        return readings
