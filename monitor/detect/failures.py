"""Tests whether requests fail more often than allowed: an e-process over successes and failures.

E-CUSUM with a mixture of bets (Shin, Ramdas and Rinaldo 2023, "E-detectors"): M = max(M, 1) (1 + eta (x - p0)), averaged over
eta. If failures have probability at most p0, the mean time between false alarms is at least the threshold, even without
independence. A threshold of 604,800 is a week of one-second bins.
"""

from __future__ import annotations

_BETS = (0.25, 0.5, 1.0, 2.0)
_MAX_WEALTH = 1e15


class FailureBets:
    """One stream of outcomes. `allowed` is p0; `statistic` is the e-value (1: no evidence)."""

    def __init__(self, allowed: float = 0.1) -> None:
        assert 0 < allowed < 0.5
        self._allowed = allowed
        self._wealth = [1.0] * len(_BETS)
        self.statistic = 1.0

    def add(self, failed: float) -> float:
        """Take one outcome (1 failed, 0 good, or a share in between); return the e-value."""
        edge = failed - self._allowed
        self._wealth = [
            min(max(wealth, 1.0) * max(1 + bet * edge, 1e-9), _MAX_WEALTH)
            for wealth, bet in zip(self._wealth, _BETS, strict=True)
        ]
        self.statistic = sum(self._wealth) / len(_BETS)
        return self.statistic
