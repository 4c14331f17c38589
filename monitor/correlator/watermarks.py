"""Says up to when every vantage was heard, by the ticks of each one's own clock. Pure.

A second of several vantages is complete when all of them have passed it. One that is further behind the first than the bound is
not waited for: it is late or away, and what it sends later is late.
"""

from __future__ import annotations

from math import inf

AWAY_S = 5.0
"""A vantage whose clock did not tick for so long is away: it ticks every second."""
MAX_VANTAGES = 256
"""Beyond, a new vantage is not waited for."""


class Watermarks:
    """The last tick of each vantage, in unix seconds. Ticks without a vantage are nobody's: they only go ahead."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._ticks: dict[str, float] = {}
        self._first_s = -inf
        """The latest tick of all."""

    def take(self, vantage: str | None, at_s: float) -> None:
        """Take a tick."""
        self._first_s = max(self._first_s, at_s)
        if vantage is None or (vantage not in self._ticks and len(self._ticks) >= MAX_VANTAGES):
            return
        self._ticks[vantage] = max(self._ticks.get(vantage, -inf), at_s)

    def passed_s(self) -> float:
        """Up to when every vantage that is waited for was heard; infinity if there is only one: nobody waits for itself."""
        if len(self._ticks) < 2:
            return inf
        since_s = self._first_s - self._wait_s
        return min((one for one in self._ticks.values() if one >= since_s), default=inf)
