"""Learns what is usual for a count stream: its rate, and how clustered its counts are in blocks of four lengths.

Both are ratios of fading sums over quiet time, so a second without events costs nothing: it is learned when its minute ends.
The variance over mean of blocks (Fano factor) at one length is the starting point for the next longer one, until blocks of
that length have been seen; of the shortest it is a shipped figure, because liquidations come in clusters.
"""

from __future__ import annotations

from math import exp, log

BLOCKS_S = (1, 10, 60, 600)
_LOG_BLOCKS = tuple(log(one) for one in BLOCKS_S)
PRIOR_FANO = 2.0
PRIOR_EVENTS = 10.0
"""What the shipped Fano factor of single seconds weighs, in events."""
PRIOR_BLOCKS = 100.0
"""What the Fano factor of the next shorter blocks weighs, in blocks."""
DISPERSION_HALF_LIFE_S = 30 * 86400.0
MIN_EVENTS = 100.0
"""The memory of the rate is at least the time of so many events: a rare stream keeps its past."""
MAX_MEMORY_S = 60 * 86400.0


class Usual:
    """The usual rate (events/s) and dispersion of a stream. `floor` is the least rate, `half_life_s` the rate's memory."""

    def __init__(self, half_life_s: float, floor: float) -> None:
        self._tau_s = half_life_s / log(2)
        self._floor = floor
        self._events = 0.0
        self._time_s = 0.0
        self._squares = [0.0] * len(BLOCKS_S)
        self._expected = [0.0] * len(BLOCKS_S)
        self.rate = floor
        self.doubt = 1.0
        """Relative variance of the rate."""
        self._fano = [PRIOR_FANO] * len(BLOCKS_S)

    def learn(self, events: float, time_s: float, elapsed_s: float) -> None:
        """Learn a stretch of quiet time: its events, and the time in which they could be seen."""
        memory_s = min(max(self._tau_s, MIN_EVENTS / self.rate), MAX_MEMORY_S)
        fade = exp(-elapsed_s / memory_s)
        self._events = self._events * fade + events
        self._time_s = self._time_s * fade + time_s
        self.rate = max((self._events + 0.5) / (self._time_s + 1), self._floor)
        self.doubt = self._fano[2] / (self._events + 1)

    def guess(self, events: float, time_s: float) -> None:
        """Take the rate of a first stretch of time for the usual one, until `learn` is called."""
        self.rate = max((events + 0.5) / (time_s + 1), self._floor)
        self.doubt = PRIOR_FANO / (events + 1)

    def learn_blocks(self, length: int, squares: float, expected: float, elapsed_s: float) -> None:
        """Learn blocks of the length with this index: the sum of (events - expected)², and of the events expected."""
        fade = exp(-elapsed_s * log(2) / DISPERSION_HALF_LIFE_S)
        self._squares[length] = self._squares[length] * fade + squares
        self._expected[length] = self._expected[length] * fade + expected

    def rescale(self, ratio: float) -> None:
        """Count events otherwise from now on: so many of the new for one of the old. Their dispersion is learned anew."""
        self._events *= ratio
        self.rate = max(self.rate * ratio, self._floor)
        self._squares = [one * ratio / 4 for one in self._squares]
        self._expected = [one * ratio / 4 for one in self._expected]

    def settle(self) -> None:
        """Work the dispersion out again from what was learned."""
        before = PRIOR_FANO
        for index, length_s in enumerate(BLOCKS_S):
            weight = PRIOR_EVENTS if index == 0 else max(PRIOR_BLOCKS * length_s * self.rate, PRIOR_EVENTS)
            before = max((self._squares[index] + weight * before) / (self._expected[index] + weight), 1.0)
            self._fano[index] = before

    def fano(self, seconds: float) -> float:
        """Variance over mean of counts in so many seconds."""
        at = log(seconds)
        for index in range(1, len(BLOCKS_S)):
            if at <= _LOG_BLOCKS[index]:
                share = (at - _LOG_BLOCKS[index - 1]) / (_LOG_BLOCKS[index] - _LOG_BLOCKS[index - 1])
                return self._fano[index - 1] + share * (self._fano[index] - self._fano[index - 1])
        return self._fano[-1]
