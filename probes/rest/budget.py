"""Counts how much of a venue's request allowances is left, so that the venue never bans us.

Windows slide, by host and class of endpoints. The venue's own headers, if it sends them, correct our count. The last tenth is
never spent. A Retry-After or a ban-until is a floor within its scope: no request is sent before it, except a rare trial.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

from probes.readings import Headroom, Refusal, VenueId
from probes.rest.floors import (
    FIREWALL_TRIALS,
    MAX_BANNED_PAUSE_S,
    THROTTLED_TRIALS,
    Floors,
    Scope,
    Trials,
    max_wait_s,
)
from probes.rest.priority import RESERVE, SHARES, Priority
from probes.venue import SHORTEST_BAN_S, Budget, RestCall, Usage

MAX_ENTRIES = 20_000
"""Requests of one allowance that are remembered; with as many in its window none is sent, so that the count stays exact."""
MAX_ENDPOINTS = 64
"""Endpoints of one venue with accounts of their own; the rest share one. A venue's file names some ten."""
OTHER = "other"
MAX_LIMIT_FACTOR = 100.0
"""A stated limit further than this from the documented one, up or down, is not believed, nor what is stated beside it."""
LIMIT_HOLDS_S = 900.0
"""A stated limit counts so long; without an answer that repeats it, the documented one does again."""


@dataclass(slots=True)
class Allowance:
    """What was spent of one budget in its window, and what the venue says of it."""

    budget: Budget
    limit: float
    spent: deque[tuple[float, float]] = field(default_factory=deque)
    counted: float = 0.0
    declared: float | None = None
    declared_sent_s: float = 0.0
    declared_until_s: float = 0.0
    limit_until_s: float = inf
    since: float = 0.0
    """Spent since the request whose answer declared the usage."""

    def spend(self, cost: float, now_s: float) -> None:
        """Charge a request that `full` did not forbid."""
        assert len(self.spent) < MAX_ENTRIES, "a full allowance sends nothing"
        self.spent.append((now_s, cost))
        self.counted += cost
        self.since += cost

    def full(self, now_s: float) -> bool:
        """Tell whether as many requests as can be remembered are in the window."""
        self._forget(now_s)
        return len(self.spent) >= MAX_ENTRIES

    def declare(self, used: float, now_s: float, sent_s: float, resets_s: float | None) -> None:
        """Take the venue's count, as the answer to the request of `sent_s` states it. What was sent later may not be in it.

        It is valid until the venue says that it resets, and for one window at most; where nothing is left, until the reset even
        if that is later, within the longest wait of a throttling. An older request's answer that comes later is passed over.
        """
        if self.declared is not None and now_s < self.declared_until_s and sent_s < self.declared_sent_s:
            return
        self.declared, self.declared_sent_s, self.declared_until_s = used, sent_s, now_s + self.budget.window_s
        self.since = sum(cost for at_s, cost in self.spent if at_s > sent_s)
        if resets_s is not None and resets_s > now_s and (resets_s < self.declared_until_s or used >= self.limit):
            self.declared_until_s = min(resets_s, max(self.declared_until_s, now_s + max_wait_s(Refusal.THROTTLED)))

    def used(self, now_s: float) -> float:
        """The units in use now: by the venue's count and what came after it, or by ours if that is more."""
        self._forget(now_s)
        if self.declared is not None and now_s < self.declared_until_s:
            return max(self.declared + self.since, self.counted)
        return self.counted

    def _forget(self, now_s: float) -> None:
        if now_s >= self.limit_until_s:
            self.limit, self.limit_until_s = self.budget.limit, inf
        while self.spent and now_s - self.spent[0][0] >= self.budget.window_s:
            self.counted -= self.spent.popleft()[1]
        if not self.spent:
            self.counted = 0.0  # no rounding stays behind


class Account(NamedTuple):
    """What one endpoint's requests are charged to, and what a wait that concerns them can be about."""

    allowances: tuple[Allowance, ...]
    scopes: tuple[Scope, ...]


class Budgets:
    """All allowances and waits of one venue. Times are unix seconds. `liveness`: the calls that try whether a wait is over."""

    def __init__(self, venue: VenueId, budgets: tuple[Budget, ...], liveness: Iterable[RestCall] = ()) -> None:
        self._venue = venue
        self._declared = {one.name: one for one in budgets}
        self._allowances = {(one.name, ""): Allowance(one, one.limit) for one in budgets}
        self._endpoints: set[str] = set()
        self._accounts: dict[tuple[str, str, str], Account] = {}
        self._floors = Floors(scope for call in liveness for scope in self._account(call).scopes)

    def allows(self, call: RestCall, priority: Priority, now_s: float) -> bool:
        """Tell whether this request may be sent now: no wait forbids it, and its rank's share of the budget holds it."""
        account = self._account(call)
        for one in account.allowances:
            if one.full(now_s) or one.used(now_s) + call.cost > one.limit * self._share(one.budget, priority):
                return False
        return self._floors.allow(account.scopes, now_s, liveness=priority is Priority.LIVENESS)

    def spend(self, call: RestCall, now_s: float) -> None:
        """Charge a request that is being sent."""
        account = self._account(call)
        self._floors.sent(account.scopes, now_s)
        for one in account.allowances:
            one.spend(call.cost, now_s)

    def learn(self, usage: Usage, call: RestCall, now_s: float, sent_s: float) -> None:
        """Take the usage that the headers of an answer declare. A header of one host says nothing about another's budget."""
        budget = self._declared.get(usage.budget)
        if budget is None or call.host not in budget.hosts or (budget.each and call.budget != budget.name):
            return
        allowance = self._allowance(budget, call)
        if usage.limit is not None:
            if not budget.limit / MAX_LIMIT_FACTOR <= usage.limit <= budget.limit * MAX_LIMIT_FACTOR:
                return
            allowance.limit, allowance.limit_until_s = usage.limit, now_s + LIMIT_HOLDS_S
        used = usage.used
        if used is None and usage.remaining is not None:
            used = allowance.limit - usage.remaining
        if used is not None:
            resets_s = None if usage.resets_at is None else usage.resets_at.timestamp()
            most = allowance.limit * MAX_LIMIT_FACTOR
            allowance.declare(min(max(used, 0.0), most), now_s, sent_s, resets_s)

    def wait_until(self, until_s: float, call: RestCall, now_s: float, kind: Refusal = Refusal.THROTTLED) -> None:
        """Send nothing before `until_s`, at most the longest wait of this kind: to the host after a ban, else from the budget."""
        until_s = min(until_s, now_s + max_wait_s(kind))
        if kind is Refusal.BANNED:
            self._floors.rise(
                Scope("host", call.host), until_s, now_s, Trials(self._ban_s(call.host), MAX_BANNED_PAUSE_S)
            )
        else:
            self._floors.rise(self._budget_scope(call), until_s, now_s, THROTTLED_TRIALS)

    def firewalled(self, call: RestCall, now_s: float, stated_s: float = 0.0) -> None:
        """Leave an endpoint alone that a firewall shields, and the whole host once a second endpoint of it is shielded too.

        A page may be blocked for its country while the rest of the host answers, so one endpoint alone does not silence it.
        For the `stated_s` seconds of the page's Retry-After nothing is tried, as far as the longest wait goes.
        """
        limit_s = max_wait_s(Refusal.WAF_BLOCKED)
        until_s, untried_s = now_s + limit_s, min(stated_s, limit_s)
        one = Scope("firewall", call.host, self._endpoint(call))
        if any(other != one for other in self._floors.waiting("firewall", call.host, now_s)):
            self._floors.rise(Scope("firewalls", call.host), until_s, now_s, FIREWALL_TRIALS, untried_s)
        self._floors.rise(one, until_s, now_s, FIREWALL_TRIALS, untried_s)

    def answered(self, call: RestCall, sent_s: float) -> None:
        """End the waits that concern this request: the venue answered well, and it was sent after their refusals."""
        self._floors.answered(self._account(call).scopes, sent_s)

    def wait_left_s(self, now_s: float, call: RestCall | None = None) -> float:
        """The seconds until every wait that concerns this request (None: any) is over; 0 without one."""
        return max(self._floors.left_s(None if call is None else self._account(call).scopes, now_s), 0.0)

    def headroom(self, now_s: float, received_at: datetime) -> list[Headroom]:
        """The headroom of each budget, sorted by name; of one that is counted by endpoint, that of the fullest endpoint."""
        return [self._headroom(self._declared[name], now_s, received_at) for name in sorted(self._declared)]

    def _headroom(self, budget: Budget, now_s: float, received_at: datetime) -> Headroom:
        own = [one for (name, _), one in self._allowances.items() if name == budget.name]
        fullest = max(own, key=lambda one: one.used(now_s) / one.limit)
        used = fullest.used(now_s)
        waits = [scope for host in budget.hosts for kind in ("host", "firewalls") for scope in [Scope(kind, host)]]
        waits += self._floors.waiting("budget", budget.name, now_s)
        return Headroom(
            venue=self._venue,
            budget=budget.name,
            host="+".join(budget.hosts),
            received_at=received_at,
            left=0.0 if self._floors.left_s(waits, now_s) > 0 else max(1 - used / fullest.limit, 0.0),
            used=used,
            limit=fullest.limit,
            window_s=budget.window_s,
            declared=any(one.declared is not None for one in own),
        )

    def _account(self, call: RestCall) -> Account:
        """The allowances of a call's own budget and of the wider one, and its scopes."""
        endpoint = self._endpoint(call)
        key = (call.host, call.budget, endpoint)
        found = self._accounts.get(key)
        if found is None:
            budget, charged = self._declared.get(call.budget), []
            while budget is not None:
                charged.append(self._allowance(budget, call))
                budget = self._declared.get(budget.within)
            scopes = (
                Scope("host", call.host), Scope("firewalls", call.host), self._budget_scope(call),
                Scope("firewall", call.host, endpoint),
            )  # fmt: skip
            found = self._accounts[key] = Account(tuple(charged), scopes)
        return found

    def _allowance(self, budget: Budget, call: RestCall) -> Allowance:
        key = (budget.name, self._endpoint(call) if budget.each else "")
        if key not in self._allowances:
            self._allowances[key] = Allowance(budget, budget.limit)
        return self._allowances[key]

    def _endpoint(self, call: RestCall) -> str:
        """The name of the call's endpoint, OTHER beyond `MAX_ENDPOINTS`."""
        name = call.endpoint or call.path
        if name not in self._endpoints and len(self._endpoints) >= MAX_ENDPOINTS:
            return OTHER
        self._endpoints.add(name)
        return name

    def _budget_scope(self, call: RestCall) -> Scope:
        budget = self._declared.get(call.budget)
        each = budget is not None and budget.each
        return Scope("budget", call.budget, self._endpoint(call) if each else "")

    def _ban_s(self, host: str) -> float:
        """The shortest ban that the venue documents for this host."""
        return max((one.ban_s for one in self._declared.values() if host in one.hosts), default=SHORTEST_BAN_S)

    @staticmethod
    def _share(budget: Budget, priority: Priority) -> float:
        """An endpoint with an allowance of its own shares it with no other rank."""
        return 1 - RESERVE if budget.each else SHARES[priority]
