"""Computes the pause before a reconnection: it doubles, with jitter, so that clients do not all return at once."""

from __future__ import annotations

import random

MAX_PAUSE_S = 30.0
MIN_SHARE = 0.1


class BackOff:
    """Pauses of 0.1 to 1.1 times a bound, in seconds; the bound doubles up to 30 s."""

    def __init__(self, first_s: float, seed: int | None = None) -> None:
        self._first_s = first_s
        self._bound_s = first_s
        self._random = random.Random(seed)  # noqa: S311  # jitter, not secrecy

    def after(self, lived_s: float, *, flooding: bool = False) -> float:
        """The pause after a connection that lived this long. Only a life longer than the longest pause resets the bound.

        After a flood the bound is the longest at once: each connection to such a venue costs its whole allowance.
        """
        if flooding:
            self._bound_s = MAX_PAUSE_S
        elif lived_s > MAX_PAUSE_S:
            self._bound_s = self._first_s
        pause_s = self._bound_s * (MIN_SHARE + self._random.random())
        self._bound_s = min(2 * self._bound_s, MAX_PAUSE_S)
        return pause_s
