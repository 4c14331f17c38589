"""Simulates a venue's liquidations: a self-exciting count with a market in common, and what the venue's feed shows of it.

The true orders of a second come from a Hawkes process in steps of a second (Hawkes 1971; kernel and branching ratio as in
Bacry and Muzy, arXiv 1401.0903), so that a quiet stream comes in clusters. The feed's policy then leaves out what it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from random import Random

KERNEL_S = 10.0
"""How long an order excites others, on average."""
_KEPT = exp(-1.0 / KERNEL_S)
SIZE_SIGMA = 1.8
MAX_PER_S = 400


@dataclass(frozen=True, slots=True)
class Order:
    """One forced order: when it was filled, its notional in USD, and when the venue sends it."""

    at_s: float
    usd: float
    sent_s: float


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count; beyond 30 by its normal approximation."""
    if mean <= 0.0:
        return 0
    if mean > 30.0:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    limit, product, count = exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


class OrderFlow:
    """The true orders of one venue, a second at a time. The usual rate includes what orders excite."""

    def __init__(self, rng: Random, usual_per_s: float, clustering: float, size_usd: float) -> None:
        self._rng = rng
        self._immigrants_per_s = usual_per_s * (1 - clustering)
        self._clustering = clustering
        self._log_size = log(size_usd)
        self._excited_per_s = 0.0

    def jolt(self, extra_per_s: float) -> None:
        """Excite the flow from outside: a market's own small tremor."""
        self._excited_per_s += extra_per_s

    def second(self, start_s: float, factor: float) -> list[Order]:
        """The orders of the second that begins at `start_s`, while the usual flow is multiplied by `factor`; in order of time."""
        rng = self._rng
        mean = self._immigrants_per_s * factor + self._excited_per_s
        count = min(poisson(rng, mean), MAX_PER_S)
        self._excited_per_s = self._excited_per_s * _KEPT + self._clustering * (1 - _KEPT) * count
        times = sorted(start_s + rng.random() for _ in range(count))
        return [Order(at, exp(rng.gauss(self._log_size, SIZE_SIGMA)), at) for at in times]


def shown(orders: Sequence[Order], censoring: str, start_s: float, dead_until_s: float) -> tuple[list[Order], float]:
    """What a feed with this policy shows of a second's orders, and until when it is silent (one_per_second)."""
    if not orders or censoring == "complete":
        return list(orders), dead_until_s
    if censoring == "one_per_second":
        kept = []
        for one in orders:
            if one.at_s >= dead_until_s:
                kept.append(one)
                dead_until_s = one.at_s + 1.0
        return kept, dead_until_s
    chosen = orders[-1] if censoring == "latest_per_second" else max(orders, key=lambda one: one.usd)
    return [Order(chosen.at_s, chosen.usd, start_s + 1.0)], dead_until_s
