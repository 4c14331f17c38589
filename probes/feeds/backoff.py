"""How long to wait before connecting again: doubling, with jitter, so that a venue that comes back is not stormed."""

from __future__ import annotations

import random

MAX_PAUSE_S = 30.0
MIN_SHARE = 0.1


class BackOff:
    """Pauses in seconds between a tenth of and one and a tenth times a bound that doubles up to half a minute."""

    def __init__(self, first_s: float, seed: int | None = None) -> None:
        self._first_s = first_s
        self._most_s = first_s
        self._random = random.Random(seed)  # noqa: S311  # jitter, not secrecy

    def after(self, lived_s: float) -> float:
        """The pause after a connection that lived this long. Only one that outlived the longest pause starts anew."""
        if lived_s > MAX_PAUSE_S:
            self._most_s = self._first_s
        pause_s = self._most_s * (MIN_SHARE + self._random.random())
        self._most_s = min(2 * self._most_s, MAX_PAUSE_S)
        return pause_s
