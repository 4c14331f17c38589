"""Counts how much of a venue's request allowance is left, so that the venue never bans us.

Windows slide. The venue's own headers, if it sends them, correct our count. The last tenth is never spent. A Retry-After
or a ban-until is a floor: no request is sent before it, whatever our count says, except a rare trial that no ban forbids.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from probes.readings import Headroom, Refusal, VenueId
from probes.venue import Budget, Usage

RESERVE = 0.1
MAX_ENTRIES = 20_000
MAX_WAIT_S = {Refusal.BANNED: 3 * 86400.0, Refusal.THROTTLED: 900.0}
"""The longest wait that we obey, by the kind of refusal: one header must not silence us for days (docs/venues.md, rule 5)."""
MAX_OTHER_WAIT_S = 300.0
FIRST_TRIAL_S = 300.0
"""Seconds of a wait before its first trial; the pauses double, to the longest wait of a throttling."""


@dataclass(slots=True)
class _Allowance:
    budget: Budget
    limit: float
    spent: deque[tuple[float, float]] = field(default_factory=deque)
    counted: float = 0.0
    declared: float | None = None
    declared_s: float = 0.0
    declared_until_s: float = 0.0

    def spend(self, cost: float, now_s: float) -> None:
        """Charge a request. If too many are held, the two oldest become one that expires with the younger."""
        self.spent.append((now_s, cost))
        self.counted += cost
        if len(self.spent) > MAX_ENTRIES:
            _, oldest = self.spent.popleft()
            at_s, next_oldest = self.spent[0]
            self.spent[0] = (at_s, oldest + next_oldest)

    def declare(self, used: float, now_s: float, resets_s: float | None) -> None:
        """Take the venue's count. It is valid until the venue says that it resets, and for one window at most."""
        self.declared, self.declared_s, self.declared_until_s = used, now_s, now_s + self.budget.window_s
        if resets_s is not None and now_s < resets_s < self.declared_until_s:
            self.declared_until_s = resets_s

    def used(self, now_s: float) -> float:
        while self.spent and now_s - self.spent[0][0] >= self.budget.window_s:
            self.counted -= self.spent.popleft()[1]
        if self.declared is not None and now_s < self.declared_until_s:
            since = sum(cost for at_s, cost in self.spent if at_s > self.declared_s)
            return max(self.declared + since, self.counted)
        return self.counted


@dataclass(slots=True)
class _Floors:
    """The times before which nothing is sent. A ban has no trial; a throttling has one after five minutes, then ever rarer."""

    ban_s: float = -inf
    throttled_s: float = -inf
    refused_s: float = -inf
    trial_s: float = inf
    pause_s: float = FIRST_TRIAL_S

    def left_s(self, now_s: float) -> float:
        return max(self.ban_s - now_s, self.throttled_s - now_s, 0.0)

    def allow(self, now_s: float, trial: bool) -> bool:
        if now_s < self.ban_s:
            return False
        return now_s >= self.throttled_s or (trial and now_s >= self.trial_s)

    def sent(self, now_s: float) -> None:
        if now_s < self.throttled_s:
            self.pause_s = min(2 * self.pause_s, MAX_WAIT_S[Refusal.THROTTLED])
            self.trial_s = now_s + self.pause_s

    def rise(self, until_s: float, now_s: float, kind: Refusal) -> None:
        until_s = min(until_s, now_s + MAX_WAIT_S.get(kind, MAX_OTHER_WAIT_S))
        if kind is Refusal.BANNED:
            self.ban_s = max(self.ban_s, until_s)
            return
        if now_s >= self.throttled_s:
            self.trial_s = now_s + self.pause_s
        self.throttled_s = max(self.throttled_s, until_s)
        self.refused_s = now_s

    def answered(self, sent_s: float) -> None:
        if sent_s > self.refused_s:
            self.throttled_s = -inf
            self.pause_s = FIRST_TRIAL_S


class Budgets:
    """All allowances of one venue. Times are unix seconds."""

    def __init__(self, venue: VenueId, budgets: tuple[Budget, ...]) -> None:
        self._venue = venue
        self._allowances = {one.name: _Allowance(one, one.limit) for one in budgets}
        self._floors = _Floors()

    def allows(self, name: str, cost: float, now_s: float, *, trial: bool = False) -> bool:
        """Tell whether a request of this cost may be sent now without touching the reserve.

        `trial`: it is the cheapest check, which may be sent now and then before the end of a long throttling.
        """
        if not self._floors.allow(now_s, trial):
            return False
        allowance = self._allowances.get(name)
        return allowance is None or allowance.used(now_s) + cost <= allowance.limit * (1 - RESERVE)

    def spend(self, name: str, cost: float, now_s: float) -> None:
        """Charge a request that is being sent."""
        self._floors.sent(now_s)
        allowance = self._allowances.get(name)
        if allowance is not None:
            allowance.spend(cost, now_s)

    def learn(self, usage: Usage, now_s: float) -> None:
        """Take the usage that the venue's headers declare."""
        allowance = self._allowances.get(usage.budget)
        if allowance is None:
            return
        if usage.limit is not None and usage.limit > 0:
            allowance.limit = usage.limit
        used = usage.used
        if used is None and usage.remaining is not None:
            used = allowance.limit - usage.remaining
        if used is not None:
            resets_s = None if usage.resets_at is None else usage.resets_at.timestamp()
            allowance.declare(max(used, 0.0), now_s, resets_s)

    def wait_until(self, until_s: float, now_s: float, kind: Refusal = Refusal.THROTTLED) -> None:
        """Send no request before `until_s` (Retry-After, ban), at most the longest wait of this kind. A floor only rises."""
        self._floors.rise(until_s, now_s, kind)

    def answered(self, sent_s: float) -> None:
        """Lift the floor of a throttling: the venue answered well to a request that was sent after it. A ban stays."""
        self._floors.answered(sent_s)

    def wait_left_s(self, now_s: float) -> float:
        """The seconds until the floor is passed, 0 after it."""
        return self._floors.left_s(now_s)

    def headroom(self, now_s: float, received_at: datetime) -> list[Headroom]:
        """The headroom of each allowance, sorted by name."""
        readings = []
        for name in sorted(self._allowances):
            allowance = self._allowances[name]
            used = allowance.used(now_s)
            readings.append(
                Headroom(
                    venue=self._venue,
                    budget=name,
                    received_at=received_at,
                    left=0.0 if self.wait_left_s(now_s) else max(1 - used / allowance.limit, 0.0),
                    used=used,
                    limit=allowance.limit,
                    window_s=allowance.budget.window_s,
                    declared=allowance.declared is not None,
                )
            )
        return readings
