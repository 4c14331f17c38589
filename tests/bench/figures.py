"""Holds a benchmark's figure: its unit, its target, the simulated parts, and a peer measured in the same run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure. If `value` is None it could not be measured, and `note` says why.

    `least` or `most` is the target, in the same unit. `peer_value` is the value of the named peer, measured in the same run.
    """

    name: str
    value: float | None
    unit: str
    simulated: str
    least: float | None = None
    most: float | None = None
    peer: str = ""
    peer_value: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none. A figure that could not be measured does not meet it."""
        if self.least is None and self.most is None:
            return None
        if self.value is None:
            return False
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def aim(self) -> str:
        """The target as text."""
        if self.least is not None:
            return f">= {shown(self.least)}"
        return "" if self.most is None else f"<= {shown(self.most)}"


def shown(value: float | None) -> str:
    """A value as people read it: thousands grouped, three significant digits below a hundred."""
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rates(
    count: int, *works: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = perf_counter
) -> list[float]:
    """The median rate of each work (`count` items a call). The works take turns, so that a disturbance affects all of them."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for index, work in enumerate(works):
            gc.collect()
            began = clock()
            work()
            took[index].append(clock() - began)
    return [count / median(one) for one in took]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
