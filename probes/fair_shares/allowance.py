"""Says how much work one connection of a venue may cause: bytes, messages, control frames and seconds of our CPU.

Each is a bucket that refills at a steady rate and holds a burst. What is beyond it is a flood: the connection is closed. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So much a second for ever, and `burst` at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one connection. The defaults are declared in `FAIR`, with the reason of each."""

    bytes: Rate
    messages: Rate
    control_frames: Rate
    cpu_s: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a connection has caused: bytes, messages (or readings, where one message has many), control frames, CPU seconds.

    An empty frame is a control frame here: no venue says anything with it.
    """

    bytes: int = 0
    messages: int = 0
    control_frames: int = 0
    cpu_s: float = 0.0


FAIR = Limits(
    # Full depth of fifty instruments each 100 ms is about 2.5 MB/s; a REST answer may have 8 MB. Twice that at once.
    bytes=Rate(per_s=8e6, burst=16e6),
    # A storm of 6,000 liquidations a second on one connection must pass, in batches of two seconds too; the largest batch that
    # a venue documents has 10,000 records (docs/venues.md, "Fair shares").
    messages=Rate(per_s=7_000, burst=14_000),
    # Venues send one ping in 20 s to 3 min (Binance), HTX one in 5 s. Ten a second is fifty times that.
    control_frames=Rate(per_s=10, burst=100),
    # One connection may not take more than three quarters of the one event loop that all venues share.
    cpu_s=Rate(per_s=0.75, burst=3.0),
)


READINGS = Rate(per_s=7_000, burst=1_750)
"""What one venue may hand over, all its connections together. More waits in its bounded queue: the correlator takes a second of
signals in one step, some 10 µs each, and 7,000 are as much as others can wait for."""


class _Bucket:
    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Take an amount; false if there is not so much left."""
        left = self._left + (now_s - self._at_s) * self._rate.per_s - amount  # the work was spread over that time
        self._left, self._at_s = min(left, self._rate.burst), now_s
        return left >= 0.0


class Allowance:
    """What one connection may still cause. `now_s` is seconds of any steady clock."""

    def __init__(self, limits: Limits, now_s: float) -> None:
        self._buckets = (
            ("bytes", _Bucket(limits.bytes, now_s)),
            ("messages", _Bucket(limits.messages, now_s)),
            ("control frames", _Bucket(limits.control_frames, now_s)),
            ("CPU time", _Bucket(limits.cpu_s, now_s)),
        )

    def spend(self, work: Work, now_s: float) -> str | None:
        """Count the work of a connection. Returns what it had too much of, or None while it is within its limits."""
        amounts = (work.bytes, work.messages, work.control_frames, work.cpu_s)
        taken = [bucket.take(amount, now_s) for (_, bucket), amount in zip(self._buckets, amounts, strict=True)]
        return next((name for (name, _), good in zip(self._buckets, taken, strict=True) if not good), None)


class Pace:
    """Spreads work over time: says how long to wait before the next part of it. `now_s` is seconds of any steady clock."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._due_s = float("-inf")

    def wait_s(self, amount: int, now_s: float) -> float:
        """Count an amount that was just taken; returns the seconds to wait, 0 within the burst."""
        ahead_s = self._rate.burst / self._rate.per_s
        self._due_s = max(self._due_s, now_s - ahead_s) + amount / self._rate.per_s
        return max(self._due_s - now_s, 0.0)
