"""Never get banned: how much of a venue's request allowance is left, by its own headers where it has them.

Windows slide. The last tenth is never spent. A Retry-After or a ban-until is a floor: nothing is asked before it, whatever
our own count says.
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
class _Account:
    budget: Budget
    limit: float
    spent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_ENTRIES))
    ours: float = 0.0
    declared: float | None = None
    declared_s: float = 0.0

    def used(self, now_s: float) -> float:
        while self.spent and now_s - self.spent[0][0] >= self.budget.window_s:
            self.ours -= self.spent.popleft()[1]
        if self.declared is not None and now_s - self.declared_s < self.budget.window_s:
            since = sum(cost for at_s, cost in self.spent if at_s > self.declared_s)
            return max(self.declared + since, self.ours)
        return self.ours


class Budgets:
    """All allowances of one venue. Times are unix seconds."""

    def __init__(self, venue: VenueId, budgets: tuple[Budget, ...]) -> None:
        self._venue = venue
        self._accounts = {one.name: _Account(one, one.limit) for one in budgets}
        self._floor_s = float("-inf")

    def may(self, name: str, cost: float, now_s: float) -> bool:
        """Whether a request of this cost may be made now without touching the reserve."""
        if now_s < self._floor_s:
            return False
        account = self._accounts.get(name)
        return account is None or account.used(now_s) + cost <= account.limit * (1 - RESERVE)

    def spend(self, name: str, cost: float, now_s: float) -> None:
        """Charge a request that is being made."""
        account = self._accounts.get(name)
        if account is not None:
            account.spent.append((now_s, cost))
            account.ours += cost

    def learn(self, usage: Usage, now_s: float) -> None:
        """Believe the venue's own headers."""
        account = self._accounts.get(usage.budget)
        if account is None:
            return
        if usage.limit is not None and usage.limit > 0:
            account.limit = usage.limit
        used = usage.used
        if used is None and usage.remaining is not None:
            used = account.limit - usage.remaining
        if used is not None:
            account.declared, account.declared_s = max(used, 0.0), now_s

    def wait(self, until_s: float, now_s: float) -> None:
        """Ask nothing before `until_s` (Retry-After, ban). Floors only rise, and never beyond three days."""
        self._floor_s = max(self._floor_s, min(until_s, now_s + MAX_FLOOR_S))

    def waits_s(self, now_s: float) -> float:
        """How long until the floor is passed, 0 if it is."""
        return max(self._floor_s - now_s, 0.0)

    def headroom(self, now_s: float, received_at: datetime) -> list[Headroom]:
        """What is left of each allowance, in order of name."""
        told = []
        for name in sorted(self._accounts):
            account = self._accounts[name]
            used = account.used(now_s)
            told.append(
                Headroom(
                    venue=self._venue,
                    budget=name,
                    received_at=received_at,
                    left=0.0 if now_s < self._floor_s else max(1 - used / account.limit, 0.0),
                    used=used,
                    limit=account.limit,
                    window_s=account.budget.window_s,
                    declared=account.declared is not None,
                )
            )
        return told
