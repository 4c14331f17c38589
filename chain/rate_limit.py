"""Limits the rate of requests to a node; a burst may use the allowance of one second. No I/O."""

from __future__ import annotations


class RateLimit:
    """Implements a token bucket. Requests may overdraw it; the next one waits until it has refilled."""

    def __init__(self, per_s: float) -> None:
        assert per_s > 0
        self._per_s = per_s
        self._left = per_s
        self._at_s: float | None = None

    def wait_s(self, asks: int, now_s: float) -> float:
        """Take `asks` requests at `now_s`; return the seconds to wait before they may be sent."""
        self._refill(now_s)
        self._left -= asks
        return max(-self._left / self._per_s, 0.0)

    def left(self, now_s: float) -> float:
        """Return the share of the allowance of one second that is free at `now_s`, 0 to 1."""
        self._refill(now_s)
        return max(self._left / self._per_s, 0.0)

    def _refill(self, now_s: float) -> None:
        if self._at_s is not None:
            self._left = min(self._left + (now_s - self._at_s) * self._per_s, self._per_s)
        self._at_s = now_s
