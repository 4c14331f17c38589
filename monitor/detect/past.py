"""Tells how rare a figure is among a stream's own past figures, beyond the largest of them too.

The newest figures are kept in order. Above their upper twentieth the tail is exponential in the logarithm (a power law; Hill,
1975), with a prior, so that a figure beyond all others is rarer the farther it lies.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import exp, log

TAIL = 0.05
PRIOR_EXCESS = 0.25
PRIOR_VALUES = 5.0
"""The shipped prior of the mean excess of logarithms weighs as many values as this."""
MIN_FIGURE = 1e-12
"""Figures are told apart down to here."""


class Past:
    """The newest `capacity` figures of a stream, zero or above."""

    __slots__ = ("_capacity", "_newest", "_ordered")

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._newest: deque[float] = deque()
        self._ordered: list[float] = []
        """Logarithms in ascending order."""

    @property
    def count(self) -> int:
        """How many figures are kept."""
        return len(self._ordered)

    def chance(self, figure: float) -> float:
        """The share of past figures as high as this one; 1 without a past."""
        ordered, count = self._ordered, len(self._ordered)
        if not count:
            return 1.0
        value = log(max(figure, MIN_FIGURE))
        top = max(int(TAIL * count), 1)
        bound = ordered[-top]
        if value <= bound:
            return (count - bisect_left(ordered, value) + 1) / (count + 1)
        excess = sum(one - bound for one in ordered[-top:])
        mean = (excess + PRIOR_VALUES * PRIOR_EXCESS) / (top + PRIOR_VALUES)
        return (top + 1) / (count + 1) * exp(-(value - bound) / mean)

    def learn(self, figure: float) -> None:
        """Take a figure."""
        value = log(max(figure, MIN_FIGURE))
        if len(self._newest) >= self._capacity:
            del self._ordered[bisect_left(self._ordered, self._newest.popleft())]
        self._newest.append(value)
        insort(self._ordered, value)
