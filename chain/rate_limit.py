"""How fast a node may be asked: so many questions a second, with a second's worth at once. No I/O."""

from __future__ import annotations


class RateLimit:
    """An allowance that fills steadily. Debts are paid before the next question."""

    def __init__(self, per_s: float) -> None:
        assert per_s > 0
        self._per_s = per_s
        self._left = per_s
        self._at_s: float | None = None

    def wait_s(self, asks: int, now_s: float) -> float:
        """Take `asks` questions at `now_s`; gives the seconds to wait before they may be asked."""
        if self._at_s is not None:
            self._left = min(self._left + (now_s - self._at_s) * self._per_s, self._per_s)
        self._at_s = now_s
        self._left -= asks
        return max(-self._left / self._per_s, 0.0)
