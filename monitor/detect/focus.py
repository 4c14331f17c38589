"""Poisson-FOCuS: is there any window ending now in which events came faster than the background explains?

Ward, Dilillo, Eckley, Fearnhead, "Poisson-FOCuS", JASA 2023 (arXiv 2208.01494): equals the generalised likelihood ratio
over all windows at O(1) amortised cost. S = max over windows and mu >= mu_min of K log(mu) - B (mu - 1), where K are the
events and B the events expected in the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log


@dataclass(frozen=True, slots=True)
class Excess:
    """The best window: its statistic in nats, how many bins ago it began, and events over expected."""

    statistic: float
    bins: int
    ratio: float


NO_EXCESS = Excess(0.0, 0, 1.0)


class PoissonFocus:
    """One stream of counts with a known expectation a bin. `most_curves` bounds memory (oldest are merged away)."""

    def __init__(self, mu_min: float = 1.5, most_curves: int = 64) -> None:
        assert mu_min > 1
        self._mu_min = mu_min
        self._drop_below = (mu_min - 1) / log(mu_min)
        self._most = most_curves
        self._curves: list[list[float]] = []  # [events, expected, bins], oldest first, ratio strictly increasing
        self.excess = NO_EXCESS

    def add(self, count: float, expected: float) -> Excess:
        """Take the next bin; give the best window ending with it."""
        assert expected > 0
        curves = self._curves
        for curve in curves:
            curve[0] += count
            curve[1] += expected
            curve[2] += 1
        curves.append([count, expected, 1])
        kept: list[list[float]] = []
        for curve in curves:
            if curve[0] <= self._drop_below * curve[1]:
                continue  # starting anew is at least as good from now on
            if kept and kept[-1][0] * curve[1] >= curve[0] * kept[-1][1]:
                continue  # the older window, with at least its ratio, dominates it
            kept.append(curve)
        self._curves = kept[-self._most :]
        self.excess = self._best()
        return self.excess

    def _best(self) -> Excess:
        best = NO_EXCESS
        for events, expected, bins in self._curves:
            mu = max(events / expected, self._mu_min)
            statistic = events * log(mu) - expected * (mu - 1)
            if statistic > best.statistic:
                best = Excess(statistic, int(bins), events / expected)
        return best

    def reset(self) -> None:
        """Forget every window: what went before is not part of what comes."""
        self._curves.clear()
        self.excess = NO_EXCESS
