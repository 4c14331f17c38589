"""Learns the usual rate of a count stream and how clustered it is.

Background: an exponentially weighted mean of counts a second, frozen by the caller during surges, with a floor so that the
first events of an idle stream do not alarm. Dispersion: the variance over the mean of counts in blocks (Fano factor), short
ones for bursts and long ones for self-excitation; above 1.3 counts come in clusters and Poisson thresholds do not hold
(docs/detection.md, "Surges").
"""

from __future__ import annotations

from math import exp, log, sqrt

BLOCKS_S = (10, 60)
MIN_BLOCKS = 6


class _Blocks:
    """Variance over mean of counts in blocks of one length."""

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._open = 0.0
        self._bins = 0
        self._mean = 0.0
        self._square = 0.0
        self._blocks = 0

    def learn(self, count: float, learning_rate: float) -> None:
        self._open += count
        self._bins += 1
        if self._bins == self._length_s:
            self._blocks += 1
            share = max(learning_rate * self._length_s, 1 / self._blocks)
            self._mean += share * (self._open - self._mean)
            self._square += share * (self._open**2 - self._square)
            self._open, self._bins = 0.0, 0

    @property
    def fano(self) -> float:
        if self._blocks < MIN_BLOCKS or self._mean <= 0:
            return 1.0
        return max((self._square - self._mean**2) / self._mean, 1.0)


class Background:
    """Rate (events/s) and dispersion of a stream of one-second counts."""

    def __init__(self, half_life_s: float, floor: float) -> None:
        self._learning_rate = 1 - exp(-log(2) / half_life_s)
        self._floor = floor
        self._blocks = tuple(_Blocks(length_s) for length_s in BLOCKS_S)
        self._raw = 0.0
        self._weight = 2 * half_life_s / log(2)
        self.seconds = 0

    @property
    def rate(self) -> float:
        """Events a second, at least the floor."""
        return max(self._raw, self._floor)

    @property
    def upper(self) -> float:
        """The rate plus two standard errors: a short history must not make a surge."""
        rate = self.rate
        return rate + 2 * sqrt(rate * self.fano / min(max(self.seconds, 1), self._weight))

    @property
    def fano(self) -> float:
        """Variance over mean of block counts, the larger of short and long blocks; 1 until six blocks are seen."""
        return max(one.fano for one in self._blocks)

    def learn(self, count: float) -> None:
        """Learn a quiet second."""
        self.seconds += 1
        learning_rate = max(self._learning_rate, 1 / self.seconds)  # a plain mean until a half-life is seen
        self._raw += learning_rate * (count - self._raw)
        for blocks in self._blocks:
            blocks.learn(count, self._learning_rate)
