"""Finds a count stream that has been far above its usual rate for half an hour, however slowly it rose there.

A surge detector follows the day's pattern within half an hour, so what doubles every half hour is never a surge to it. Here the
usual rate has a memory of a day. The statistic is the logarithm of the last half hour's rate over the usual one; its spread is
what the stream's own half hours have, and what chance gives to so few events. A normal tail turns it into a rate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import erfc, exp, inf, log, sqrt

WINDOW_MIN = 30
HALF_LIFE_S = 86400.0
"""Half-life of the usual rate: the pattern of a day is part of the spread, and a rise of an hour is not learned away."""
MIN_EVENTS = 100.0
"""The memory of the usual rate is at least the time of so many events."""
SPREAD = 0.5
"""Shipped spread of half hours, in log units: two thirds of them are within a factor of 1.65."""
PRIOR_BLOCKS = 24.0
"""What the shipped spread weighs, in half hours."""
MIN_SPREAD = 0.35
FANO = 3.0
"""Variance over mean of counts in half an hour by clustering alone."""
MIN_RATIO = 2.5
"""Less is an ordinary afternoon: after an hour of past the usual rate is known no better than that."""
LOOKS_PER_DAY = 96.0
"""Half hours of a day that a sliding window tells apart."""
WARM_S = 1800.0
LEARNED_PER_DAY = 24.0
"""A half hour that chance makes less often than once an hour is not learned: what grows slowly is not learned while it grows."""
MAX_HELD_S = 86400.0
"""After a day above, that is the new usual rate, which is learned anew."""


@dataclass(frozen=True, slots=True)
class Height:
    """How far a half hour is above the usual: false alarms a day as high, events/s, usual events/s, minutes since it rose."""

    per_day: float
    rate: float
    usual: float
    minutes: int


LOW = Height(inf, 0.0, 0.0, 0)


class Swell:
    """One stream. `add` takes whole minutes in order."""

    def __init__(self) -> None:
        self._window: deque[tuple[float, float]] = deque()
        """(events, seconds seen) of the last minutes."""
        self._events = 0.0
        self._time_s = 0.0
        self._learned_s = 0.0
        self._squares = PRIOR_BLOCKS * SPREAD * SPREAD
        self._blocks = PRIOR_BLOCKS
        self._minutes = 0
        self._held_s = 0.0

    def add(self, events: float, seen_s: float) -> Height:
        """Take a minute: its events, and for how many seconds of it they could be seen."""
        self._window.append((events, seen_s))
        if len(self._window) <= WINDOW_MIN:
            return LOW
        oldest = self._window.popleft()
        height, squares = self._judge()
        if height.per_day > LEARNED_PER_DAY:
            self._held_s = 0.0
            self._learn(*oldest, squares)
        else:
            self._held_s += 60.0
            if self._held_s > MAX_HELD_S:
                self._window.clear()
                self._events = self._time_s = self._learned_s = self._held_s = 0.0
                return LOW
        return height

    def _judge(self) -> tuple[Height, float]:
        """The height of the window, and its squared distance from the usual without what chance gives to it."""
        events, seen_s = (sum(part) for part in zip(*self._window, strict=True))
        if not self._time_s or seen_s < 30 * WINDOW_MIN:
            return LOW, SPREAD * SPREAD
        usual = (self._events + 0.5) / (self._time_s + 1)
        expected = usual * seen_s
        distance = log((events + 0.5) / (expected + 0.5))
        by_chance = FANO / (expected + 1)
        spread = max(self._squares / self._blocks, MIN_SPREAD * MIN_SPREAD)
        blocks = self._learned_s / (60 * WINDOW_MIN)
        variance = spread * (1 + 1 / max(blocks, 1.0)) + by_chance + FANO / (self._events + 1)
        squares = max(distance * distance - by_chance, 0.0)
        if self._learned_s < WARM_S or distance < log(MIN_RATIO):
            return LOW, squares
        per_day = LOOKS_PER_DAY * erfc(distance / sqrt(2 * variance)) / 2
        return Height(per_day, events / seen_s, usual, self._risen_min(usual)), squares

    def _risen_min(self, usual: float) -> int:
        """Minutes since the change of rate that the window makes likeliest."""
        best, minutes, events, seen_s = 0.0, 1, 0.0, 0.0
        for back, (more, longer_s) in enumerate(reversed(self._window), start=1):
            events, seen_s = events + more, seen_s + longer_s
            expected = usual * seen_s
            gain = events * log(events / expected) - events + expected if events > expected > 0 else 0.0
            if gain > best:
                best, minutes = gain, back
        return minutes

    def _learn(self, events: float, seen_s: float, squares: float) -> None:
        memory_s = HALF_LIFE_S / log(2)
        if self._events:
            memory_s = max(memory_s, MIN_EVENTS * self._time_s / self._events)
        fade = exp(-60.0 / memory_s)
        self._events = self._events * fade + events
        self._time_s = self._time_s * fade + seen_s
        self._learned_s += seen_s
        self._minutes += 1
        if self._minutes % WINDOW_MIN == 0 and self._learned_s >= WARM_S:
            keep = exp(-60.0 * WINDOW_MIN / (30 * HALF_LIFE_S))
            self._squares = self._squares * keep + squares
            self._blocks = self._blocks * keep + 1.0
