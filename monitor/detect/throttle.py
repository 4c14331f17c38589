"""Estimates the true rate behind a feed that shows one event in a second: from the gaps, not from occupied seconds.

A report tells how long we had to wait for it. Of the latest event of a second it is the time from the event to the second's end,
of the first the time from the second's begin (or from the end of the dead time after the report before). The waiting times
together are the live time of the feed, and reports over live time is the rate (live-time correction of counters; Knoll,
"Radiation Detection and Measurement"). It does not saturate when every second is occupied. Of the largest event the time
says nothing, but its size does: the share of events that are larger takes the place of the waiting time, by the same law.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import erfc, exp, log, log1p, sqrt

from monitor.detect.policy import STAMP_S, ObservedPolicy, Policy

WINDOW_S = 60
"""Seconds of reports behind an estimate."""
MIN_LIVE_S = STAMP_S / 2
MAX_REPORTS = 4096
Z_90 = 1.645
SIZE_MEMORY = 20_000.0
MIN_SIZES = 50
MIN_RATE = 1e-4
SATURATED = 3.0
"""The least rate, at 95 % confidence, if each of 60 seconds is occupied: -ln(1 - 0.95)."""
MIN_CLUSTER_REPORTS = 10
MAX_CLUSTERING = 10.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """The true events a second, between `low` and `high` with 90 % certainty, and the events reported a second."""

    rate: float
    low: float
    high: float
    reported: float

    @property
    def shown(self) -> float:
        """The reported share of the true events, 0..1."""
        return min(self.reported / self.rate, 1.0) if self.rate > 0 else 1.0


@dataclass(frozen=True, slots=True)
class _Second:
    """A second with reports. `live_s` of it the feed could show an event; the report came after `wait_s` of live time.

    `told`: the stamp or the size told the wait.
    """

    second: int
    count: int
    usd: float
    at_s: float
    live_s: float
    wait_s: float
    told: bool


class Sizes:
    """The logarithms of the quiet sizes of a feed's reports: mean and variance, fading."""

    def __init__(self) -> None:
        self.seen = 0
        self._mean = 0.0
        self._square = 0.0

    def learn(self, usd: float) -> None:
        """Learn one quiet report."""
        if not usd > 0:
            return
        self.seen += 1
        share = max(1 / self.seen, 1 / SIZE_MEMORY)
        error = log(usd) - self._mean
        self._mean += share * error
        self._square += share * ((1 - share) * error * error - self._square)

    def larger(self, usd: float, usual: float) -> float | None:
        """The share of all events that are larger, if quiet reports are the largest of their second at the usual rate.

        None: too few sizes are known.
        """
        if self.seen < MIN_SIZES or not usd > 0:
            return None
        above = 0.5 * erfc((log(usd) - self._mean) / sqrt(2 * max(self._square, 1e-6)))
        return min(max(-log1p(-above * (1 - exp(-usual))) / usual, MIN_LIVE_S), 1.0)

    def doubt(self, rate: float) -> float:
        """The relative variance of the share of larger sizes, where one of `rate` is larger: mean and variance are estimates."""
        far = sqrt(2 * log1p(rate))
        return (far + 0.5) ** 2 * (1 + far * far / 2) / min(max(self.seen, 1), SIZE_MEMORY)


class ThrottledStream:
    """The reports of one symbol at one venue."""

    def __init__(self, declared: Policy) -> None:
        self.observed = ObservedPolicy(declared)
        self.sizes = Sizes()
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S)
        self._free_s = 0.0
        """When the dead time after the last report ends."""
        self._now: list[tuple[float, float]] = []

    def take(self, at_s: float, usd: float) -> None:
        """Take a report of the open second."""
        self.observed.take(at_s)
        if len(self._now) < MAX_REPORTS:
            self._now.append((at_s, usd))

    def close(self, second: int, usual: float) -> tuple[int, float, float]:
        """End a second with reports; `usual` events a second are usual here.

        Return the reports, the dead part of this second (less what the second before told of it), and that of the next.
        """
        now, self._now = self._now, []
        at_s = min(max(now[-1][0], float(second)), second + 1.0)
        one = self._second(second, at_s, len(now), sum(usd for _, usd in now), max(usual, MIN_RATE))
        if self.observed.policy is not Policy.COMPLETE:
            self._seconds.append(one)
        told = after = 0.0
        if self.observed.policy is Policy.FIRST_AFTER:
            told = min(max(self._free_s - second, 0.0), 1.0)
            self._free_s = at_s + 1
            after = at_s - second
        return one.count, max(1 - one.live_s - told, 0.0), after

    def _second(self, second: int, at_s: float, count: int, usd: float, usual: float) -> _Second:
        policy, phase = self.observed.policy, at_s - second
        if policy is Policy.COMPLETE or count > 1:
            return _Second(second, count, usd, at_s, 1.0, 1.0, told=True)
        half = (
            MIN_LIVE_S if abs(phase / STAMP_S - round(phase / STAMP_S)) < 0.01 else 0.0
        )  # a stamp cut to milliseconds
        if policy is Policy.LARGEST:
            larger = self.sizes.larger(usd, usual)
            if larger is not None:
                return _Second(second, 1, usd, at_s, larger, larger, told=True)
        elif policy is not Policy.ONE and phase > 0:
            begin_s = max(self._free_s, float(second)) if policy is Policy.FIRST_AFTER else float(second)
            live_s = second + 1 - at_s - half if policy is Policy.LATEST else at_s + half - begin_s
            live_s = min(max(live_s, MIN_LIVE_S), 1.0)
            wait_s = max(at_s + half - self._free_s, MIN_LIVE_S) if policy is Policy.FIRST_AFTER else live_s
            return _Second(second, 1, usd, at_s, live_s, wait_s, told=True)
        live_s = 1 / usual - 1 / (exp(usual) - 1) if usual < 50 else 1 / usual  # nothing tells: the wait that is usual
        return _Second(second, 1, usd, at_s, live_s, live_s, told=False)

    def awake(self, second: int) -> bool:
        """Whether the last minute has reports."""
        while self._seconds and self._seconds[0].second <= second - WINDOW_S:
            self._seconds.popleft()
        return bool(self._seconds)

    def learn_size(self, second: int) -> None:
        """Learn the size of the second's report: it was quiet."""
        if self._seconds and self._seconds[-1].second == second and self._seconds[-1].count == 1:
            self.sizes.learn(self._seconds[-1].usd)

    def estimate(self, second: int, seconds: int = WINDOW_S) -> Estimate:
        """The true rate of so many seconds that end with this one."""
        some = [one for one in self._seconds if second - seconds < one.second <= second]
        count = sum(one.count for one in some)
        reported = count / seconds
        policy = self.observed.policy
        if policy is Policy.COMPLETE or count > 1.1 * len(some) or not some:
            return Estimate(reported, reported, reported, reported)
        if sum(one.told for one in some) < 0.5 * len(some):
            return _by_occupancy(len(some), seconds, reported)
        if policy is Policy.FIRST_AFTER:
            begin_s, end_s = second + 1.0 - seconds, second + 1.0
            waits = [min(one.wait_s, max(one.at_s - begin_s, MIN_LIVE_S)) for one in some]  # what was before is no part
            live_s = sum(waits) + max(end_s - self._free_s, 0.0)
        else:
            waits = [one.wait_s for one in some]
            live_s = seconds - len(some) + sum(one.live_s for one in some)
        rate = count / live_s
        doubt = _clustering(waits, rate) / count
        if policy is Policy.LARGEST:
            doubt += self.sizes.doubt(rate)
        low, high = gamma_interval(1 / doubt, rate)
        return Estimate(max(rate, reported), max(low, reported), max(high, reported), reported)


def _clustering(waits: list[float], rate: float) -> float:
    """The squared variation of waiting times, at least 1 (no clusters): so many reports tell as much as one.

    1 if most waits end with their second, which cuts them.
    """
    if len(waits) < MIN_CLUSTER_REPORTS or rate < SATURATED:
        return 1.0
    mean = sum(waits) / len(waits)
    variance = sum((one - mean) ** 2 for one in waits) / (len(waits) - 1)
    return min(max(variance / (mean * mean), 1.0), MAX_CLUSTERING)


def gamma_interval(count: float, rate: float) -> tuple[float, float]:
    """The 90 % interval of a rate after so many events (gamma law, by the cube root of Wilson and Hilferty)."""
    count = max(count, 0.5)
    spread, centre = Z_90 / (3 * sqrt(count)), 1 - 1 / (9 * count)
    return rate * max(centre - spread, 0.0) ** 3, rate * (centre + spread) ** 3


def _by_occupancy(occupied: int, seconds: int, reported: float) -> Estimate:
    """From the share of occupied seconds alone. If nearly all are, only a lower bound is known."""
    free = seconds - occupied
    if free * SATURATED < 0.15 * seconds:
        rate = max(SATURATED, reported)
        return Estimate(rate, rate, float("inf"), reported)
    rate = -log(free / seconds)
    spread = Z_90 * sqrt(occupied / (free * seconds))
    return Estimate(max(rate, reported), max(rate - spread, reported), max(rate + spread, reported), reported)
