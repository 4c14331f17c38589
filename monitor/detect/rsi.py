"""Measures how one-sided a series of closes has been: the relative strength index with Wilder's smoothing.

RSI = 100 - 100 / (1 + gains / losses). The first averages are means of `period` changes; each later one is
(before × (period - 1) + now) / period (J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978).
"""

from __future__ import annotations

PERIOD = 14


class RelativeStrength:
    """One series of closes, one interval apart. `value` is 0..100, None until `period` changes are known or if nothing moved."""

    def __init__(self, period: int = PERIOD) -> None:
        self._period = period
        self._last: float | None = None
        self._changes = 0
        self._gain = 0.0
        self._loss = 0.0

    def closed(self, price: float) -> None:
        """Take the next close."""
        if self._last is not None:
            change = price - self._last
            self._changes = min(self._changes + 1, self._period)
            self._gain += (max(change, 0.0) - self._gain) / self._changes
            self._loss += (max(-change, 0.0) - self._loss) / self._changes
        self._last = price

    @property
    def value(self) -> float | None:
        """The index after the last close."""
        if self._changes < self._period or self._gain + self._loss <= 0:
            return None
        return 100 * self._gain / (self._gain + self._loss)
