"""Learns the counts of a stream's seconds, each clipped at a quiet percentile: a surge is many active seconds, a cluster is one.

How far sums of clipped counts come follows from the stream's own histogram. The chance that n seconds have a mean of at least
x is exp(-n I(x)) over (1 - exp(-t)) sqrt(2 pi n v), with I(x) = sup over t of t x - ln E exp(t X), and v the variance of the
tilted counts (Bahadur and Ranga Rao 1960, for whole numbers). Where one second brings the next, the tail is that of a
negative binomial law.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log, pi

from monitor.detect.tails import surprise
from monitor.detect.usual import Usual

CLIP_SHARE = 0.95
MAX_COUNTED = 16
MIN_SECONDS = 1000.0
TILTS = 24
MAX_TILT = 4.0
EXCITED = 1.15
"""Above this ratio of the dispersions of long and short blocks one second brings the next: the tail is heavier."""


class ClippedCounts:
    """The usual clipped counts of a stream; `at` is where they are clipped."""

    def __init__(self, half_life_s: float, floor: float) -> None:
        self.at = 1
        self.usual = Usual(half_life_s, floor)
        self._seconds = [0.0] * MAX_COUNTED
        """Quiet seconds by count."""
        self._mean = 0.0
        self._ratios: list[float] = []
        self._rates: list[float] = []
        self._offsets: list[float] = []
        """By tilt: the tilted mean over the mean, Cramér's rate, and the logarithm of what is not its power."""

    def learn(self, counts: list[float], empty_s: float) -> None:
        """Learn quiet seconds: the counts of those with events, and how many had none."""
        self._seconds[0] += empty_s
        for one in counts:
            self._seconds[min(int(one), MAX_COUNTED - 1)] += 1.0

    def settle(self) -> None:
        """Set the clip by what was learned, and work out how far sums of clipped counts come."""
        seconds = self._seconds
        total = sum(seconds)
        if total < MIN_SECONDS:
            return
        below, at = seconds[0], 0
        while below < CLIP_SHARE * total:
            at += 1
            below += seconds[at]
        at = max(at, 1)
        if at != self.at:
            before = sum([min(one, self.at) * seconds[one] for one in range(MAX_COUNTED)])
            after = sum([min(one, at) * seconds[one] for one in range(MAX_COUNTED)])
            self.at = at
            self.usual.rescale(after / before if before > 0 else 1.0)
        shares = [one / total for one in seconds[:at]]
        shares.append(1 - sum(shares))
        self._settle_rates(shares)

    def _settle_rates(self, shares: list[float]) -> None:
        self._mean = sum([count * share for count, share in enumerate(shares)])
        self._ratios, self._rates, self._offsets = [1.0], [0.0], [0.0]
        if self._mean <= 0:
            return
        for step in range(1, TILTS + 1):
            tilt = MAX_TILT * step / TILTS
            weights = [share * exp(tilt * count) for count, share in enumerate(shares)]
            total = sum(weights)
            tilted = sum([count * weight for count, weight in enumerate(weights)]) / total
            variance = sum([(count - tilted) ** 2 * weight for count, weight in enumerate(weights)]) / total
            self._ratios.append(tilted / self._mean)
            self._rates.append(tilt * tilted - log(total))
            self._offsets.append(log(1 - exp(-tilt)) + log(2 * pi * max(variance, 1e-9)) / 2)

    def surprise(self, count: float, expected: float) -> float:
        """The surprise in nats of a sum of clipped counts where so many were expected; 0 until enough seconds were learned."""
        ratio = count / expected
        after = bisect_right(self._ratios, ratio)
        if after == 0 or self._mean <= 0:
            return 0.0
        seconds = expected / self._mean
        usual = self.usual
        fano = usual.fano(max(seconds, 1.0))
        if fano > EXCITED * usual.fano(1.0):
            return surprise(count, expected, fano + expected * usual.doubt)
        seconds *= usual.fano(1.0) / (fano + expected * usual.doubt)
        before = after - 1
        if after == len(self._ratios):
            return seconds * (self._rates[-1] + MAX_TILT * (ratio - self._ratios[-1]) * self._mean)  # its tangent
        share = (ratio - self._ratios[before]) / (self._ratios[after] - self._ratios[before])
        rate = self._rates[before] + share * (self._rates[after] - self._rates[before])
        offset = self._offsets[before] + share * (self._offsets[after] - self._offsets[before])
        return seconds * rate + max(offset + log(max(seconds, 1e-9)) / 2, 0.0)
