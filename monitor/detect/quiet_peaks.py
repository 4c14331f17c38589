"""Turns a statistic into a rate of false alarms: a bounded sketch of how high it came on the stream's own quiet past.

Peaks over threshold with an exponential tail (Pickands 1975; Siffer et al., KDD 2017, for streams): the highest peaks of blocks
give the rate at a threshold and the slope of the tail beyond it. A shipped rate and slope count as a few peaks more, so the
figures hold before anything was seen. The tail has no end: a statistic that was never seen has a rate, however high it is.
"""

from __future__ import annotations

from math import exp, log

BIN_NATS = 0.25
BINS = 240
TAIL_PEAKS = 40.0
"""The tail is fitted to this many peaks."""
PRIOR_PEAKS = 5.0
PRIOR_TAIL_PEAKS = 30.0
HALF_LIFE_S = 90 * 86400.0
MIN_SLOPE, MAX_SLOPE = 0.85, 2.5
MIN_OF_SHIPPED = 0.5
"""The rate at the threshold is at least this part of the shipped one: a stream that rests does not make its first event grave."""
DAY_S = 86400.0


class QuietPeaks:
    """The peaks of a statistic in nats, by blocks of `block_s`. Shipped: `per_s` at 0 nats, and the `slope` of the tail."""

    def __init__(self, per_s: float, block_s: float, slope: float = 1.0) -> None:
        self._prior_per_s = per_s
        self._prior_slope = slope
        self._lowest_bin = int(max(slope * log(2 * per_s * block_s), 0.0) / BIN_NATS) + 1
        """The lowest bin of the tail: every second block has a peak as high."""
        self._counts = [0.0] * BINS
        self._time_s = 0.0
        self._threshold = 0.0
        self._slope = slope
        self._at_threshold = per_s

    def learn(self, peak: float, time_s: float) -> None:
        """Learn the highest statistic of a quiet block of this length."""
        fade = exp(-time_s * log(2) / HALF_LIFE_S)
        self._time_s = self._time_s * fade + time_s
        self._counts = [one * fade for one in self._counts]
        self._counts[min(int(peak / BIN_NATS), BINS - 1)] += 1.0
        self._fit()

    def _fit(self) -> None:
        above = excess = 0.0
        index = BINS
        while index > self._lowest_bin and above < TAIL_PEAKS:
            index -= 1
            excess += above * BIN_NATS + 0.5 * BIN_NATS * self._counts[index]
            above += self._counts[index]
        self._threshold = index * BIN_NATS
        slope = (PRIOR_TAIL_PEAKS * self._prior_slope + excess) / (PRIOR_TAIL_PEAKS + above)
        self._slope = min(max(slope, MIN_SLOPE), MAX_SLOPE)
        usual = self._prior_per_s * exp(-self._threshold / self._prior_slope)
        learned = (above + PRIOR_PEAKS) / (self._time_s + PRIOR_PEAKS / usual)
        self._at_threshold = max(learned, MIN_OF_SHIPPED * usual)

    def per_day(self, statistic: float) -> float:
        """How often a day chance makes a peak as high. Under the threshold the tail is prolonged downwards."""
        return DAY_S * self._at_threshold * exp(-(statistic - self._threshold) / self._slope)

    def statistic_of(self, per_day: float) -> float:
        """The statistic that chance reaches so often."""
        return self._threshold + self._slope * log(DAY_S * self._at_threshold / per_day)
