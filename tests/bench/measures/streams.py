"""Measures surges of liquidations on simulated streams: false alarms at grade 3, delays, and the rate behind throttles.

Backgrounds are learned, never given. A rate of one a week needs many weeks: the figures are sums over streams of days, simulated
second by second with an event, and the note says how many alarms were counted. All seeds are fixed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import exp, log, sqrt
from statistics import fmean

from monitor.correlator.settings import CorrelatorSettings
from monitor.detect.alarm_rate import MAX_PER_DAY
from monitor.detect.policy import Policy
from monitor.detect.surge import SurgeDetector
from monitor.detect.throttle import ThrottledStream
from tests.bench.figures import Figure, quantile
from tests.monitor.detect.liquidation_feeds import by_second, poisson_events, shown

DAYS = 2
SEED = 100
DELAYS = 30
QUIET_S = 3600
APART_S = 60
DAY_S = 86_400
DAILY, WEEKLY = MAX_PER_DAY[1:3]
MEANS = (0.05, 0.2, 1.0)
POLICIES = (Policy.COMPLETE, Policy.LATEST, Policy.FIRST_AFTER)
SIMULATED = "streams of events; background, dispersion and peaks are learned"
Events = Iterator[tuple[float, float]]


def poisson(seed: int, mean: float, seconds: float) -> Events:
    """Independent events."""
    return poisson_events(seed, mean, seconds)


def clustered(seed: int, mean: float, seconds: float, fano: float = 3.0) -> Events:
    """Negative binomial counts of seconds with this variance over mean."""
    chance = random.Random(seed)
    shape, share = mean / (fano - 1), (fano - 1) / fano
    none = fano**-shape
    second = -1
    while True:
        second += 1 + int(log(1 - chance.random()) / log(none))
        if second >= seconds:
            return
        count, mass, left = 1, none * shape * share, chance.random() * (1 - none)
        while left > mass and count < 1000:
            left -= mass
            mass *= share * (shape + count) / (count + 1)
            count += 1
        yield from ((at_s, 1.0) for at_s in sorted(second + chance.random() for _ in range(count)))


def excited(seed: int, mean: float, seconds: float, branching: float = 0.5) -> Events:
    """Events of which each brings half a further one within seconds (Hawkes process, exponential kernel of one second)."""
    chance = random.Random(seed)
    base, at_s, more = mean * (1 - branching), 0.0, 0.0
    while True:
        most = base + more
        wait_s = chance.expovariate(most)
        at_s += wait_s
        more *= exp(-wait_s)
        if at_s >= seconds:
            return
        if chance.random() * most <= base + more:
            more += branching
            yield at_s, 1.0


STREAMS = {"Poisson": poisson, "negative binomial of 3": clustered, "self-exciting by half": excited}


class _Run:
    """One stream through a feed of one policy."""

    def __init__(self, policy: Policy) -> None:
        s = CorrelatorSettings()
        self._stream = ThrottledStream(policy)
        self.detector = SurgeDetector(s.background_half_life_s, s.rate_floor, s.warm_s, s.mu_min, 0)
        self._next = (0, 0.0)

    def second(self, second: int, events: list[tuple[float, float]]) -> float:
        """False alarms a day of the surge that ends with this second."""
        detector, stream = self.detector, self._stream
        detector.pass_to(second)
        if self._next[1] > 0 and self._next[0] < second:
            detector.hide(*self._next)
        dead = self._next[1] if self._next[0] == second else 0.0
        for at_s, usd in events:
            stream.take(at_s, usd)
        count, now_dead, next_dead = stream.close(second, detector.usual.rate)
        self._next = (second + 1, next_dead)
        return detector.add(second, float(count), dead + now_dead).per_day


def alarms(kind: str, mean: float, policy: Policy, seed: int, days: float) -> tuple[int, int]:
    """Episodes of grade 2 and of grade 3 in so many days of a stream that never changes."""
    run, found, last = _Run(policy), [0, 0], [-DAY_S, -DAY_S]
    for second, events in by_second(shown(STREAMS[kind](seed, mean, days * DAY_S), policy)):
        per_day = run.second(second, events)
        for index, most in enumerate((DAILY, WEEKLY)):
            if per_day <= most:
                found[index] += second - last[index] > APART_S
                last[index] = second
    return found[0], found[1]


def delay_s(kind: str, times: float, seed: int) -> int:
    """Seconds from a change of rate, from one event a second, to grade 3."""
    run = _Run(Policy.COMPLETE)
    for second, events in by_second(STREAMS[kind](seed, 1.0, QUIET_S)):
        run.second(second, events)
    for second, events in by_second(STREAMS[kind](seed + 1, times, 600)):
        if run.second(QUIET_S + second, events) <= WEEKLY:
            return second + 1
    return 600


def throttled(policy: Policy, rate: float, seed: int) -> tuple[float, bool, float]:
    """Relative error of a minute's estimate, whether its interval holds the truth, and the error of the shown share."""
    stream = ThrottledStream(policy)
    warm_s = 12 * QUIET_S if policy is Policy.LARGEST else QUIET_S
    for second, events in by_second(shown(poisson_events(seed, 0.2, warm_s), policy)):
        for at_s, usd in events:
            stream.take(at_s, usd)
        stream.close(second, 0.2)
        stream.learn_size(second)
    true = list(poisson_events(seed + 1, rate, 60, warm_s))
    for second, events in by_second(shown(iter(true), policy)):
        for at_s, usd in events:
            stream.take(at_s, usd)
        stream.close(second, 0.2)
    found = stream.estimate(warm_s + 59)
    share = 60 * found.reported / len(true)
    return abs(found.rate / rate - 1), found.low <= rate <= found.high, abs(found.shown - share)


def bench() -> list[Figure]:
    """False alarms, delays, and estimates behind throttles."""
    return [*_rates(), *_delays(), *_estimates()]


def _rates() -> list[Figure]:
    figures = []
    for kind in STREAMS:
        runs = [(mean, policy) for mean in MEANS for policy in POLICIES]
        found = [alarms(kind, mean, policy, SEED, DAYS) for mean, policy in runs]
        days = len(runs) * DAYS
        for grade, rate, count in zip((2, 3), (DAILY, WEEKLY), map(sum, zip(*found, strict=True)), strict=True):
            nominal = days * rate
            figures.append(
                Figure(
                    name=f"false alarms of grade {grade}, {kind}",
                    value=count / nominal,
                    unit="of nominal",
                    most=2.0,
                    simulated=SIMULATED,
                    note=f"{count} in {days} days at {', '.join(map(str, MEANS))} a second, complete and throttled: "
                    f"± {sqrt(max(count, 1)) / nominal:.2f}",
                )
            )
    return figures


def _delays() -> list[Figure]:
    aims = {"Poisson": ((3, 12.0), (10, 2.0), (30, 2.0)), "negative binomial of 3": ((3, 30.0), (10, 6.0), (30, 2.0))}
    figures = []
    for kind, steps in aims.items():
        for times, most in steps:
            spent = [delay_s(kind, times, 1000 + 10 * seed) for seed in range(DELAYS)]
            figures.append(
                Figure(
                    name=f"delay to grade 3, {kind}, {times} times", value=fmean(spent), unit="s", most=most,
                    simulated=SIMULATED, note=f"mean of {DELAYS}; p95 {quantile(spent, 0.95)} s; after an hour of quiet",
                )
            )  # fmt: skip
    return figures


def _estimates() -> list[Figure]:
    figures = []
    for policy in (Policy.LATEST, Policy.FIRST, Policy.FIRST_AFTER, Policy.LARGEST):
        found = [throttled(policy, rate, 100 * seed) for rate in (5.0, 20.0, 100.0) for seed in range(DELAYS)]
        held = sum(one[1] for one in found) / len(found)
        figures.append(
            Figure(
                name=f"true rate to 100 a second, {policy.value}: error at p90", value=quantile([one[0] for one in found], 0.9),
                unit="of truth", most=0.25, simulated="Poisson events of lognormal sizes behind the policy, 60 s",
                note=f"intervals of 90 % hold {held:.0%}; trust within {quantile([one[2] for one in found], 0.9):.3f} at p90",
            )
        )  # fmt: skip
    return figures
