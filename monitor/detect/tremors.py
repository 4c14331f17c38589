"""Says how often a market's own small tremors make as much as a surge did: every market has some, and a short past shows few.

A tremor is a cluster of events at all of a market's feeds at once, and the market's activity itself wanders. The statistic is the
excess of an excursion in seconds of the usual rate: events over the usual rate, less what a lively market has anyway. Its rate
follows from a shipped prior and the market's own quiet past (`quiet_peaks.py`).
"""

from __future__ import annotations

from math import sqrt

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

    def per_day(self, second: int, events: float, dead: float, usual: float, doubt: float) -> float:
        """Take a second with events; in the part `dead` of it nothing could be seen. Return how often a day tremors make as much.

        `usual` is the usual rate (events/s), `doubt` its relative variance.
        """
        elapsed_s = max(second - self._last_s, 1)
        self._last_s = second
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

    def renew(self, second: int) -> None:
        """Take note that there is a surge in this second: the excursion goes on."""
        self._surge_s = second

    def learn(self, seconds: float) -> None:
        """Learn that so much time was seen; its highest excursion is learned with each block."""
        self._seen_s += seconds
        if self._seen_s >= BLOCK_S:
            self.peaks.learn(min(self._peak, self.peaks.statistic_of(CAP_PER_DAY)), self._seen_s)
            self._seen_s = self._peak = 0.0
