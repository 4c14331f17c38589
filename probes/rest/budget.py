"""Counts how much of a venue's request allowance is left, so that the venue never bans us.

Windows slide. The venue's own headers, if it sends them, correct our count. The last tenth is never spent. A Retry-After
or a ban-until is a floor: no request is sent before it, whatever our count says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from probes.readings import Headroom, VenueId
from probes.venue import Budget, Usage

RESERVE = 0.1
MAX_ENTRIES = 20_000
MAX_FLOOR_S = 3 * 86400.0


@dataclass(slots=True)
class _Allowance:
    budget: Budget
    limit: float
    spent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_ENTRIES))
    counted: float = 0.0
    declared: float | None = None
    declared_s: float = 0.0

    def used(self, now_s: float) -> float:
        while self.spent and now_s - self.spent[0][0] >= self.budget.window_s:
            self.counted -= self.spent.popleft()[1]
        if self.declared is not None and now_s - self.declared_s < self.budget.window_s:
            since = sum(cost for at_s, cost in self.spent if at_s > self.declared_s)
            return max(self.declared + since, self.counted)
        return self.counted


class Budgets:
    """All allowances of one venue. Times are unix seconds."""

    def __init__(self, venue: VenueId, budgets: tuple[Budget, ...]) -> None:
        self._venue = venue
        self._allowances = {one.name: _Allowance(one, one.limit) for one in budgets}
        self._floor_s = float("-inf")

    def allows(self, name: str, cost: float, now_s: float) -> bool:
        """Tell whether a request of this cost may be sent now without touching the reserve."""
        if now_s < self._floor_s:
            return False
        allowance = self._allowances.get(name)
        return allowance is None or allowance.used(now_s) + cost <= allowance.limit * (1 - RESERVE)

    def spend(self, name: str, cost: float, now_s: float) -> None:
        """Charge a request that is being sent."""
        allowance = self._allowances.get(name)
        if allowance is not None:
            allowance.spent.append((now_s, cost))
            allowance.counted += cost

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
            allowance.declared, allowance.declared_s = max(used, 0.0), now_s

    def wait_until(self, until_s: float, now_s: float) -> None:
        """Send no request before `until_s` (Retry-After, ban). A floor only rises, to three days from now at most."""
        self._floor_s = max(self._floor_s, min(until_s, now_s + MAX_FLOOR_S))

    def wait_left_s(self, now_s: float) -> float:
        """The seconds until the floor is passed, 0 after it."""
        return max(self._floor_s - now_s, 0.0)

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
                    left=0.0 if now_s < self._floor_s else max(1 - used / allowance.limit, 0.0),
                    used=used,
                    limit=allowance.limit,
                    window_s=allowance.budget.window_s,
                    declared=allowance.declared is not None,
                )
            )
        return readings
