"""Finds when a stream of latencies or lags is slower than usual, and how often chance alone makes it as slow.

The level is a robust average of logarithms, learned only in quiet. A rise is judged by the stream's own past
(`monitor/detect/shift.py`), so that 40 to 120 ms is found as 2 to 6 s is.
"""

from __future__ import annotations

from math import exp, log

from monitor.detect.level import RobustLevel
from monitor.detect.shift import NONE, Rise, ShiftLanes

RESOLUTION_S = 0.001
"""Stamps of venues are whole milliseconds: less does not count."""
UNIT = 0.15
"""The unit of distance in log seconds: the first lane is a rise by a quarter."""
LEVEL_S = 3600.0
"""Time constant of the level: follows the pattern of a day, and no rise within minutes."""
MIN_LEVEL_VALUES = 64.0
"""The time constant is at least so many usual gaps."""
RELEARN_S = 4 * 3600.0
"""After so long a rise is the usual latency."""
MAX_GAP_S = 600.0
GAPS = 4.0
"""A gap counts as observed up to `MAX_GAP_S` or so many usual gaps."""
WARM = 8


class LatencyStream:
    """One stream. `add` takes values in order of time; a time that goes back counts as no time."""

    __slots__ = ("_clock", "_gap_s", "_gaps", "_lanes", "_last_s", "_level", "_lifted_s")

    def __init__(self) -> None:
        self._level = RobustLevel(1.0, UNIT, WARM)
        """Its clock counts time constants."""
        self._lanes = ShiftLanes()
        self._clock = 0.0
        self._last_s: float | None = None
        self._gap_s = 0.0
        self._gaps = 0
        self._lifted_s = 0.0
        """How long the level has not been learned."""

    @property
    def normal_s(self) -> float:
        """The usual latency."""
        return max(exp(self._level.level) - RESOLUTION_S, 0.0)

    def add(self, latency_s: float, at_s: float) -> Rise:
        """Take a latency (below zero counts as zero) of a unix time."""
        after_s = self._elapsed_s(at_s)
        value = log(max(latency_s, 0.0) + RESOLUTION_S)
        level = self._level
        rise = NONE
        if level.seen >= WARM:
            rise = self._lanes.add((value - level.level) / UNIT, level.scale / UNIT, at_s, after_s)
        self._clock += after_s / max(LEVEL_S, MIN_LEVEL_VALUES * self._gap_s)
        if self._lanes.quiet:
            self._lifted_s = 0.0
            level.learn(value, self._clock)
            return rise
        self._lifted_s += after_s
        if self._lifted_s > max(RELEARN_S, MIN_LEVEL_VALUES * self._gap_s):
            self._lanes.clear()
            self._level = RobustLevel(1.0, UNIT, WARM)
            self._level.learn(value, self._clock)
        return rise

    def forget_rise(self) -> None:
        """Take a rise under way for none, and learn nothing of it: its values were not the stream's own."""
        self._lanes.drop()
        self._lifted_s = 0.0

    def _elapsed_s(self, at_s: float) -> float:
        """The observed time since the value before: a hole in the record is no quiet time."""
        if self._last_s is None:
            self._last_s = at_s
            return 0.0
        elapsed_s = max(at_s - self._last_s, 0.0)
        self._last_s = at_s
        if self._gaps:
            elapsed_s = min(elapsed_s, max(MAX_GAP_S, GAPS * self._gap_s))
        self._gaps = min(self._gaps + 1, 32)
        self._gap_s += (elapsed_s - self._gap_s) / self._gaps
        return elapsed_s
