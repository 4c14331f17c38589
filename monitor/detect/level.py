"""Robust exponentially weighted level: how far is a value from what this stream usually says?

Location and scale follow a clipped error, so that a storm moves them slowly: e = clip(x - m, +-4 s), m += a e,
s += a (1.2533 |e| - s), a = 1 - exp(-dt / tau) (facts: detection §1.2). Feed logarithms of positive figures.
"""

from __future__ import annotations

from math import exp


class RobustLevel:
    """One stream. `tau_s` is the memory; `floor` the least scale, in the units fed; `warm` samples before it speaks."""

    def __init__(self, tau_s: float, floor: float, warm: int = 8) -> None:
        self._tau_s = tau_s
        self._floor = floor
        self._warm = warm
        self._at_s = 0.0
        self.seen = 0
        self.level = 0.0
        self.scale = floor

    def score(self, value: float) -> float:
        """Distance from the level in scales (0 until warm). Changes nothing."""
        if self.seen < self._warm:
            return 0.0
        return (value - self.level) / max(self.scale, self._floor)

    def learn(self, value: float, at_s: float) -> None:
        """Take a value into the level. Callers leave out what they believe to be part of a surge."""
        if self.seen == 0:
            self.level = value
            self.scale = self._floor
        else:
            pace = 1 - exp(-max(at_s - self._at_s, 1e-3) / self._tau_s)
            pace = max(pace, 1 / (self.seen + 1))  # the first samples weigh alike
            reach = 4 * max(self.scale, self._floor)
            error = min(max(value - self.level, -reach), reach)
            self.level += pace * error
            self.scale += pace * (1.2533 * abs(error) - self.scale)
        self._at_s = at_s
        self.seen += 1
