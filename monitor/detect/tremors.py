"""Says how often a market by itself makes as much as a surge did: every market is lively at times, and a short past shows few.

A tremor is a cluster of events at all of a market's feeds at once. Its statistic is the excess of an excursion in seconds of the
usual rate: events over the usual rate, less what a lively market has anyway; its rate follows from a shipped prior and the
market's own quiet past (`quiet_peaks.py`). Activity also wanders, for as long as it likes: there the ratio to the usual rate
counts and not how long it lasts (`wander_per_day`), and its spread is learned from blocks of ten minutes.
"""

from __future__ import annotations

from math import erfc, log, sqrt

from monitor.detect.quiet_peaks import QuietPeaks

PER_DAY = 12.0
"""Shipped: so many tremors a day begin an excursion."""
EXCESS_S = 60.0
"""Shipped: their mean excess, in seconds of the usual rate."""
LIVELY = 2.0
"""Up to so many times the usual rate a market is lively: such a time adds no excess."""
CALM_S = 60
"""So long without a surge ends an excursion."""
BLOCK_S = 600.0
SPREAD = 0.5
"""Shipped spread of activity in log units: two thirds of the time it is within a factor of 1.65 of the usual."""
MIN_SPREAD = 0.35
SPREAD_BLOCKS = 72.0
"""What the shipped spread weighs, in blocks: half a day."""
FANO = 3.0
"""Variance over mean of a block's events by clustering alone."""
SPREAD_HALF_LIFE_S = 30 * 86400.0
MAX_RATIO = 8.0
"""A block of so many times the usual rate is a surge and tells nothing of the activity."""
MIN_LIVE_S = 1.0
Z_90 = 1.645
LOOKS_PER_DAY = 96.0
"""So many times a day the activity may have become another."""
CAP_PER_DAY = 1 / 60
"""An excursion is learned as at most what chance makes once in two months."""
DAY_S = 86400.0


class Tremors:
    """The excursions of one market, from `began_s` (whole unix seconds) on."""

    def __init__(self, began_s: int) -> None:
        self.peaks = QuietPeaks(PER_DAY / DAY_S, BLOCK_S)
        self._events = 0.0
        self._live_s = 0.0
        self._wall_s = 0.0
        self._usual = 0.0
        """The usual rate when the excursion began."""
        self._last_s = began_s
        self._surge_s = began_s
        self._peak = 0.0
        self._seen_s = 0.0
        self._squares = SPREAD_BLOCKS * SPREAD * SPREAD
        self._blocks = SPREAD_BLOCKS
        self._block_events = 0.0
        self._block_dead_s = 0.0

    def per_day(self, second: int, events: float, dead: float, usual: float, doubt: float) -> float:
        """Take a second with events; in the part `dead` of it nothing could be seen. Return how often a day tremors make as much.

        `usual` is the usual rate (events/s), `doubt` its relative variance.
        """
        elapsed_s = max(second - self._last_s, 1)
        self._last_s = second
        self._block_events += events
        self._block_dead_s += dead
        if second - self._surge_s > CALM_S:
            self._events = 0.0
        if not self._events:
            self._live_s = self._wall_s = 0.0
            self._usual, elapsed_s = usual, 1
        self._events += events
        self._live_s += max(elapsed_s - dead, 1e-4)
        self._wall_s += elapsed_s
        lively = LIVELY * (1 + sqrt(doubt))
        usual = min(usual, self._usual)  # what came since the excursion began is not usual
        if self._events / self._live_s <= lively * usual:
            self._events = 0.0
            return self.peaks.per_day(0.0)
        rate = max(self._events - 1, 0.0) / self._live_s  # one event began the excursion: it tells nothing of the rate
        statistic = max(rate / usual - lively, 0.0) * self._wall_s / EXCESS_S
        self._peak = max(self._peak, statistic)
        return self.peaks.per_day(statistic)

    def per_day_of(self, ratio: float, seconds: float, doubt: float) -> float:
        """How often a day tremors make so many times the usual rate for so long."""
        lively = LIVELY * (1 + sqrt(doubt))
        return self.peaks.per_day(max(ratio - lively, 0.0) * seconds / EXCESS_S)

    def wander_per_day(self, ratio: float, events: float) -> float:
        """How often a day the market's activity alone makes a rate of so many times the usual, seen in so many events.

        So few events as begin a surge leave the ratio open: its lower bound counts.
        """
        ratio *= max(1 - Z_90 / sqrt(events), 0.0)
        spread = sqrt(max(self._squares / self._blocks, MIN_SPREAD * MIN_SPREAD))
        return LOOKS_PER_DAY * erfc(log(max(ratio, 1.0)) / (spread * sqrt(2))) / 2

    def renew(self, second: int) -> None:
        """Take note that there is a surge in this second: the excursion goes on."""
        self._surge_s = second

    def learn(self, seconds: float, usual: float) -> None:
        """Learn that so much time was seen, at this usual rate. Each block's highest excursion and its rate are learned."""
        self._seen_s += seconds
        if self._seen_s >= BLOCK_S:
            self.peaks.learn(min(self._peak, self.peaks.statistic_of(CAP_PER_DAY)), self._seen_s)
            self._learn_spread(usual)
            self._seen_s = self._peak = self._block_events = self._block_dead_s = 0.0

    def _learn_spread(self, usual: float) -> None:
        expected = usual * max(self._seen_s - self._block_dead_s, MIN_LIVE_S)
        distance = log((self._block_events + 0.5) / (expected + 0.5))
        if distance > log(MAX_RATIO):
            return  # a surge
        fade = 0.5 ** (self._seen_s / SPREAD_HALF_LIFE_S)
        self._squares = self._squares * fade + max(distance * distance - FANO / (expected + 1), 0.0)
        self._blocks = self._blocks * fade + 1.0
