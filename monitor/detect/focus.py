"""Finds windows that end now in which events came faster than the background explains: Poisson-FOCuS.

Ward, Dilillo, Eckley and Fearnhead, "Poisson-FOCuS", JASA 2023 (arXiv 2208.01494): it equals the generalised likelihood ratio
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
    """One stream of counts with a known expectation for each bin. `max_curves` bounds memory: the oldest curves are dropped."""

    def __init__(self, mu_min: float = 1.5, max_curves: int = 64) -> None:
        assert mu_min > 1
        self._mu_min = mu_min
        self._drop_below = (mu_min - 1) / log(mu_min)
        self._max_curves = max_curves
        self._curves: list[list[float]] = []  # [events, expected, bins], oldest first, ratio strictly increasing
        self.excess = NO_EXCESS

    def add(self, count: float, expected: float) -> Excess:
        """Take the next bin; return the best window that ends with it."""
        assert expected > 0
        curves = self._curves
        for curve in curves:
            curve[0] += count
            curve[1] += expected
            curve[2] += 1
        curves.append([count, expected, 1])
        remaining: list[list[float]] = []
        for curve in curves:
            if curve[0] <= self._drop_below * curve[1]:
                continue  # a window that begins now is at least as good
            if remaining and remaining[-1][0] * curve[1] >= curve[0] * remaining[-1][1]:
                continue  # the older window has at least its ratio, so it is always better
            remaining.append(curve)
        self._curves = remaining[-self._max_curves :]
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
        """Forget every window: earlier events are no part of later windows."""
        self._curves.clear()
        self.excess = NO_EXCESS
