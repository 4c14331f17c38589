"""Judges from the times of a feed's reports which of the events of a second it shows: all, the latest, the first, the largest.

The latest of many events is near the end of its second and the first near its begin; the first after a dead time never comes
sooner than the dead time; the largest comes at any time. Sparse reports do not tell: then what the feed declares holds.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp, floor, log

PHASES = 20
MIN_DENSE = 30
"""A policy is judged by so many dense reports, and again after as many more."""
DENSE_GAP_S = 1.999
"""Reports closer than this are dense: their times tell how the feed chooses."""
MAX_DENSE = 600
"""After so many the counts of the dense reports are halved: a venue may change its policy."""
DECIDED_NATS = 10.0
COMPLETE_SHARE = 0.05
"""More reports than this share in one second with the one before: the feed is complete."""
STAMP_S = 0.001
"""The usual resolution of stamps."""
RATES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Events a second at which the phases are tried."""
MAX_OCCUPIED = 0.97


class Policy(StrEnum):
    """Which of the events of a window a feed shows. FIRST_AFTER: the first once a dead time is over; ONE: not known which."""

    COMPLETE = "complete"
    LATEST = "latest_per_second"
    LARGEST = "largest_per_second"
    FIRST = "first_per_second"
    FIRST_AFTER = "first_after_dead_time"
    ONE = "one_per_second"


class ObservedPolicy:
    """Judges from the times of reports how a feed chooses. `declared` holds until they tell otherwise."""

    def __init__(self, declared: Policy) -> None:
        self.declared = declared
        self.policy = declared
        self._last_s = -1e18
        self._dense = 0
        self._doubles = 0
        self._short = 0
        self._coarse = 0
        self._phases = [0.0] * PHASES
        self._singles = 0.0
        """The log-likelihood of dense windows with a single report, if the feed were complete."""
        self._occupied = 0.0

    def declare(self, declared: Policy) -> None:
        """The feed says how it chooses."""
        if declared is not self.declared:
            self.declared = self.policy = declared
            self._forget()

    def _forget(self) -> None:
        self._dense = self._doubles = self._short = self._coarse = 0
        self._phases = [0.0] * PHASES
        self._singles = 0.0

    def take(self, at_s: float) -> None:
        """Take a report's own time, in unix seconds; times ascend."""
        gap_s, self._last_s = at_s - self._last_s, at_s
        if not 0 <= gap_s < DENSE_GAP_S:
            self._occupied *= 0.9 ** min(max(gap_s, 1.0), 60.0)
            return
        second, before = floor(at_s), floor(at_s - gap_s)
        same = second == before
        self._dense += 1
        self._doubles += same
        self._short += gap_s < 1 - STAMP_S
        phase = at_s % 1
        self._coarse += phase == 0.0
        if (
            second - before < 2
        ):  # of the second after the next only an early report is dense: its phase says nothing of the choice
            self._phases[int(phase * PHASES)] += 1
        self._count_single(same=same)
        if self._dense % MIN_DENSE == 0:
            self._decide()
        if self._dense >= MAX_DENSE:
            self._dense, self._doubles, self._short, self._coarse = (
                one // 2 for one in (self._dense, self._doubles, self._short, self._coarse)
            )
            self._phases = [one / 2 for one in self._phases]

    def _count_single(self, *, same: bool) -> None:
        if same:
            self._singles = 0.0
            return
        self._occupied = 0.9 * self._occupied + 0.1
        rate = -log(1 - min(self._occupied, MAX_OCCUPIED))
        self._singles = max(self._singles + log(rate / (exp(rate) - 1)), -1e3)

    def _decide(self) -> None:
        as_declared = self.declared is Policy.COMPLETE and self._singles > -DECIDED_NATS
        complete = as_declared or self._doubles > COMPLETE_SHARE * self._dense
        self.policy = Policy.COMPLETE if complete else self._chosen()

    def _chosen(self) -> Policy:
        """Which event of a window a throttled feed shows."""
        if self._coarse > 0.5 * self._dense:
            return Policy.ONE
        if self._short <= max(0.01 * self._dense, 1.0):  # one alone is a new connection, whose dead time begins anew
            return Policy.FIRST_AFTER
        uniform = -log(PHASES) * sum(self._phases)
        latest = max(self._likelihood(rate, backwards=True) for rate in RATES)
        first = max(self._likelihood(rate, backwards=False) for rate in RATES)
        if max(latest, first) > uniform + DECIDED_NATS:
            return Policy.LATEST if latest > first else Policy.FIRST
        declared = self.declared
        return Policy.ONE if declared in (Policy.COMPLETE, Policy.FIRST_AFTER) else declared

    def _likelihood(self, rate: float, *, backwards: bool) -> float:
        """The log-likelihood of the phases, if reports are the latest (backwards) or first of whole seconds at this rate."""
        step, total = rate / PHASES, 1 - exp(-rate)
        found = 0.0
        for index, count in enumerate(self._phases):
            if count:
                before = (PHASES - 1 - index if backwards else index) * step
                found += count * (-before + log((1 - exp(-step)) / total))
        return found
