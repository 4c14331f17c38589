"""A venue that throttles and bans as Binance documents it, in simulated time: no socket, and no clock but the caller's.

Weight is counted in whole minutes for each address. Over the limit: 429 with Retry-After to the end of the minute. Who goes on
before that is banned: 418, two minutes first, twice as long each time, three days at most; each request during a ban starts it
again (developers.binance.com, "General Info", limits; that a request during a ban starts it again is the strictest reading).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from probes.tape import HttpExchange

START = datetime(2026, 11, 1, tzinfo=UTC)
FIRST_BAN_S, MAX_BAN_S = 120.0, 3 * 86400.0
FORGIVEN = 5
"""Requests after a 429 that are forgiven: they may have been on their way."""


def at(now_s: float) -> datetime:
    """The simulated time as a date."""
    return START + timedelta(seconds=now_s)


@dataclass
class BanningVenue:
    """`others(minute)`: the weight that other programs at the same address spend in a minute, at its start."""

    limit: float
    stated: bool = True
    others: Callable[[int], float] = lambda _minute: 0.0
    minute: int = -1
    used: float = 0.0
    throttled_until_s: float = 0.0
    ignored: int = 0
    banned_until_s: float = 0.0
    bans: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def ask(self, cost: float, now_s: float, body: bytes) -> HttpExchange:
        """The answer to a request of this weight."""
        minute = int(now_s // 60)
        if minute != self.minute:
            self.minute, self.used = minute, self.others(minute)
        if now_s < self.banned_until_s:
            return self._banned(now_s)
        if now_s < self.throttled_until_s:
            self.ignored += 1
            if self.ignored > FORGIVEN:
                self.bans += 1
                return self._banned(now_s)
        self.used += cost
        if self.used > self.limit:
            self.throttled_until_s = (minute + 1) * 60.0
            return self._answer(
                429, b'{"code":-1003,"msg":"Too many requests."}', now_s, {"retry-after": self._left(now_s)}
            )
        return self._answer(200, body, now_s, {})

    def _left(self, now_s: float) -> str:
        return str(int(self.throttled_until_s - now_s) + 1)

    def _banned(self, now_s: float) -> HttpExchange:
        length_s = min(FIRST_BAN_S * 2 ** max(self.bans - 1, 0), MAX_BAN_S)
        self.banned_until_s, self.ignored = now_s + length_s, 0
        until_ms = int(at(self.banned_until_s).timestamp() * 1000)
        body = f'{{"code":-1003,"msg":"Way too many requests; IP banned until {until_ms}."}}'.encode()
        return self._answer(418, body, now_s, {"retry-after": str(int(length_s))})

    def _answer(self, status: int, body: bytes, now_s: float, headers: dict[str, str]) -> HttpExchange:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if self.stated:
            headers["x-mbx-used-weight-1m"] = str(int(self.used))
        return HttpExchange(
            sent_at=at(now_s), received_at=at(now_s + 0.05), phases=(), cold=False, status=status, headers=headers,
            body=body, refusal=None, detail="",
        )  # fmt: skip
