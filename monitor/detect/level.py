"""Measures how far a value is from the usual level of its stream: a robust exponentially weighted level.

Location and scale follow a clipped error, so that a storm moves them slowly: e = clip(x - m, +-4 s), m += a e,
s += a (1.2533 |e| - s), a = 1 - exp(-dt / tau). Give it logarithms of positive figures.
"""

from __future__ import annotations

from math import exp


class RobustLevel:
    """One stream. `tau_s` is the time constant, `floor` the least scale, `warm` how many samples come before the first score."""

    def __init__(self, tau_s: float, floor: float, warm: int = 8) -> None:
        self._tau_s = tau_s
        self._floor = floor
        self._warm = warm
        self._at_s = 0.0
        self.seen = 0
        self.level = 0.0
        self.scale = floor

    def score(self, value: float) -> float:
        """The distance from the level in scales (0 until warm). Changes nothing."""
        if self.seen < self._warm:
            return 0.0
        return (value - self.level) / max(self.scale, self._floor)

    def learn(self, value: float, at_s: float) -> None:
        """Learn a value. Callers leave out values that may belong to a surge."""
        if self.seen == 0:
            self.level = value
            self.scale = self._floor
        else:
            learning_rate = 1 - exp(-max(at_s - self._at_s, 1e-3) / self._tau_s)
            learning_rate = max(learning_rate, 1 / (self.seen + 1))  # the first samples have equal weights
            limit = 4 * max(self.scale, self._floor)
            error = min(max(value - self.level, -limit), limit)
            self.level += learning_rate * error
            self.scale += learning_rate * (1.2533 * abs(error) - self.scale)
        self._at_s = at_s
        self.seen += 1
