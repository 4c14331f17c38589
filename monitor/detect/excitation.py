"""Measures self-excitation: the share of events that other events caused.

Model-free branching ratio n = 1 - 1 / sqrt(F), where F is the variance over the mean of counts in long windows (Hardiman and
Bouchaud 2014). It is an effect size, not a test. Correct a throttled feed's dead time first: a throttle forces n to 0.
"""

from __future__ import annotations

from collections import deque
from math import sqrt


class Branching:
    """Counts in the last `max_windows` complete windows of `window_s` seconds. Seconds without events need not be told."""

    def __init__(self, window_s: int = 5, max_windows: int = 24) -> None:
        self._window_s = window_s
        self._counts: deque[float] = deque(maxlen=max_windows)
        self._open = 0.0
        self._window: int | None = None

    def add(self, count: float, second: int) -> float:
        """Take the count of a whole unix second, later than those before; return the branching ratio, 0..1."""
        window = second // self._window_s
        if self._window is None:
            self._window = window
        if window > self._window:
            self._counts.append(self._open)
            self._counts.extend([0.0] * min(window - self._window - 1, self._counts.maxlen or 0))
            self._open, self._window = 0.0, window
        self._open += count
        return self.ratio

    @property
    def ratio(self) -> float:
        """The branching ratio; 0 if too little is seen, or if events are no more clustered than by chance."""
        if len(self._counts) < 4:
            return 0.0
        mean = sum(self._counts) / len(self._counts)
        if mean <= 0:
            return 0.0
        variance = sum((one - mean) ** 2 for one in self._counts) / (len(self._counts) - 1)
        fano = variance / mean
        return 0.0 if fano <= 1 else 1 - 1 / sqrt(fano)
