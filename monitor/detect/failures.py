"""Are requests failing more often than they may? An e-process over successes and failures.

E-CUSUM with a mixture of bets (Shin, Ramdas, Rinaldo, "E-detectors"): M = max(M, 1) (1 + eta (x - p0)), averaged over
eta. If failures come with probability at most p0, the mean time between false alarms is at least the threshold, without
independence. Threshold 604,800 is a week of one-second bins.
"""

from __future__ import annotations

_BETS = (0.25, 0.5, 1.0, 2.0)
_CEILING = 1e15


class FailureBets:
    """One stream of outcomes. `allowed` is p0; `statistic` the e-value (1: nothing seen)."""

    def __init__(self, allowed: float = 0.1) -> None:
        assert 0 < allowed < 0.5
        self._allowed = allowed
        self._wealth = [1.0] * len(_BETS)
        self.statistic = 1.0

    def add(self, failed: float) -> float:
        """Take one outcome (1 failed, 0 good, or a share between); give the e-value."""
        edge = failed - self._allowed
        self._wealth = [
            min(max(wealth, 1.0) * max(1 + bet * edge, 1e-9), _CEILING)
            for wealth, bet in zip(self._wealth, _BETS, strict=True)
        ]
        self.statistic = sum(self._wealth) / len(_BETS)
        return self.statistic
