"""Says when the next batch may be sent to a node: by the operator's allowance, and by the pace that the node's refusals taught.

Requests of a batch and batches are counted apart, because services count either. No I/O; the time is an argument.
"""

from __future__ import annotations

from collections import deque

from chain.rate_limit import RateLimit

WINDOW_S = 1.0
"""Services count in windows of about one second."""
FASTER, HELD = 1.1, 16
"""Growth of the learned pace with each answered batch, after it was held for so many."""
FREE_PER_S = 2000.0
"""A learned pace above this, in requests of batches per second, is dropped."""
NARROW_PER_S = 10.0
"""Batches per second to a node that has shown a limit of its own: a first look at many contracts is spread over time."""
MAX_REMEMBERED = 256
"""Answered batches of the last second that are remembered."""


class Pace:
    """Spaces the batches to one node.

    `calls_per_s`: requests in batches that the operator allows per second; `batches_per_s`: batches. None: no limit.
    """

    def __init__(self, calls_per_s: float | None = None, batches_per_s: float | None = None) -> None:
        self._calls_per_s = calls_per_s
        self._calls = RateLimit(calls_per_s) if calls_per_s else None
        self._batches = RateLimit(batches_per_s) if batches_per_s else None
        self._narrow = RateLimit(NARROW_PER_S)
        self._quiet_until_s = 0.0
        self._learned_per_s: float | None = None
        self._next_s = 0.0
        self._held = 0
        self._answered: deque[tuple[float, int]] = deque(maxlen=MAX_REMEMBERED)

    @property
    def most(self) -> int | None:
        """The requests of one batch that the allowance of one second covers; None: no limit."""
        return max(int(self._calls_per_s), 1) if self._calls_per_s else None

    @property
    def learned_per_s(self) -> float | None:
        """The learned pace in requests per second; None: the node has refused none for its rate, or long ago."""
        return self._learned_per_s

    def wait_s(self, asks: int, now_s: float, *, narrow: bool = False) -> float:
        """Take a batch of `asks` requests at `now_s`; return the seconds to wait before it may be sent.

        `narrow`: the node has shown a limit.
        """
        waits = [self._quiet_until_s - now_s, self._next_s - now_s, 0.0]
        if self._calls:
            waits.append(self._calls.wait_s(asks, now_s))
        if self._batches:
            waits.append(self._batches.wait_s(1, now_s))
        if narrow:
            waits.append(self._narrow.wait_s(1, now_s))
        wait_s = max(waits)
        if self._learned_per_s:
            self._next_s = now_s + wait_s + asks / self._learned_per_s
        return wait_s

    def still_s(self, now_s: float) -> float:
        """Return the seconds until the pause that a node wanted ends; a batch that has waited looks again."""
        return max(self._quiet_until_s - now_s, 0.0)

    def left(self, now_s: float) -> float | None:
        """Return the share of the operator's allowance of one second that is free, 0 to 1; None without an allowance."""
        shares = [one.left(now_s) for one in (self._calls, self._batches) if one]
        return min(shares) if shares else None

    def answered(self, asks: int, now_s: float) -> None:
        """Record an answered batch: after some of them the learned pace grows a little."""
        self._answered.append((now_s, asks))
        self._held += 1
        if self._learned_per_s and self._held > HELD:
            self._learned_per_s *= FASTER
            if self._learned_per_s > FREE_PER_S:
                self._learned_per_s, self._next_s = None, 0.0

    def refused(self, most: int, now_s: float, pause_s: float) -> None:
        """Record a refusal for the rate: nothing is sent for `pause_s`.

        From then on no more goes out in a second than was answered in the last one, but at least one batch of `most`.
        """
        lately = sum(some for at_s, some in self._answered if now_s - at_s <= WINDOW_S)
        pace = float(max(lately, most, 1))
        self._learned_per_s = min(self._learned_per_s or pace, pace)
        self._held = 0
        self._quiet_until_s = max(self._quiet_until_s, now_s + pause_s)
