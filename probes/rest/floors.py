"""Remembers until when nothing may be sent after a refusal: to a host, from a budget or to one endpoint.

Each wait has a longest length and rare trials, so that one forged header cannot silence a venue for days. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from probes.readings import Refusal

MAX_WAIT_S = {Refusal.BANNED: 3 * 86400.0, Refusal.THROTTLED: 900.0, Refusal.WAF_BLOCKED: 900.0}
"""The longest wait that we obey, by the kind of refusal: one header must not silence us for days (docs/venues.md, rule 6)."""
MAX_OTHER_WAIT_S = 300.0
SET_BACK_S = 1.0
"""A time this long before the last refusal is of a clock that was set back; less is the order in which answers are read."""


class Scope(NamedTuple):
    """What a wait is about: `kind` is host, budget, firewall (one endpoint) or firewalls (a host)."""

    kind: str
    name: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Trials:
    """When a wait is tried, in seconds from its start: first after `first_s`, then at pauses that double up to `max_pause_s`."""

    first_s: float
    max_pause_s: float


THROTTLED_TRIALS = Trials(300.0, 900.0)
MAX_BANNED_PAUSE_S = 3600.0
FIREWALL_TRIALS = Trials(60.0, 900.0)


@dataclass(slots=True)
class Floor:
    """The time before which nothing is sent within one scope, but trials."""

    trials: Trials
    pause_s: float
    until_s: float = -inf
    refused_s: float = -inf
    trial_s: float = inf

    def at(self, now_s: float) -> None:
        """Take a clock that was set back: the wait begins anew, and is no longer than the one that was demanded."""
        back_s = self.refused_s - now_s
        if back_s >= SET_BACK_S and now_s < self.until_s:
            self.until_s, self.trial_s, self.refused_s = self.until_s - back_s, self.trial_s - back_s, now_s

    def allows(self, now_s: float, *, trial: bool) -> bool:
        """Tell whether a request may be sent now; `trial`: it may try before the end."""
        self.at(now_s)
        return now_s >= self.until_s or (trial and now_s >= self.trial_s)

    def sent(self, now_s: float) -> None:
        """Take note of a request: during a wait it is a trial, and the next one comes later."""
        if now_s < self.until_s:
            self.pause_s = min(2 * self.pause_s, self.trials.max_pause_s)
            self.trial_s = now_s + self.pause_s

    def rise(self, until_s: float, now_s: float, untried_s: float = 0.0) -> None:
        """Wait until then; an earlier end than the present one changes nothing. For `untried_s` seconds there is no trial."""
        if now_s >= self.until_s:
            self.trial_s = now_s + self.pause_s
        self.trial_s = max(self.trial_s, now_s + untried_s)
        self.until_s = max(self.until_s, until_s)
        self.refused_s = now_s

    def answered(self, sent_s: float) -> None:
        """End the wait if the request was sent after the refusal."""
        if sent_s > self.refused_s:
            self.until_s = -inf
            self.pause_s = self.trials.first_s


class Floors:
    """The waits of one venue by scope. `tried_by_liveness`: scopes whose trials only the liveness check makes."""

    def __init__(self, tried_by_liveness: Iterable[Scope]) -> None:
        self._liveness = frozenset(tried_by_liveness)
        self._floors: dict[Scope, Floor] = {}

    def allow(self, scopes: Iterable[Scope], now_s: float, *, liveness: bool) -> bool:
        """Tell whether a request of these scopes may be sent now."""
        return all(
            floor.allows(now_s, trial=liveness or scope not in self._liveness)
            for scope in scopes
            if (floor := self._floors.get(scope)) is not None
        )

    def sent(self, scopes: Iterable[Scope], now_s: float) -> None:
        """Take note of a request of these scopes."""
        for scope in scopes:
            if scope in self._floors:
                self._floors[scope].sent(now_s)

    def rise(self, scope: Scope, until_s: float, now_s: float, trials: Trials, untried_s: float = 0.0) -> None:
        """Wait in this scope, for `untried_s` seconds without a trial."""
        if scope not in self._floors:
            self._floors[scope] = Floor(trials, trials.first_s)
        self._floors[scope].rise(until_s, now_s, untried_s)

    def answered(self, scopes: Iterable[Scope], sent_s: float) -> None:
        """End the waits of these scopes: a request that was sent then got a good answer."""
        for scope in scopes:
            if scope in self._floors:
                self._floors[scope].answered(sent_s)

    def left_s(self, scopes: Iterable[Scope] | None, now_s: float) -> float:
        """The longest wait left within these scopes (None: within any), 0 without one."""
        chosen = [self._floors[one] for one in (self._floors if scopes is None else scopes) if one in self._floors]
        for one in chosen:
            one.at(now_s)
        return max((one.until_s - now_s for one in chosen), default=0.0)

    def waiting(self, kind: str, name: str, now_s: float) -> list[Scope]:
        """The scopes of this kind and name in which nothing is sent now."""
        found = [one for one in self._floors if (one.kind, one.name) == (kind, name)]
        return [one for one in found if now_s < self._floors[one].until_s]


def max_wait_s(kind: Refusal) -> float:
    """The longest wait that this kind of refusal may demand."""
    return MAX_WAIT_S.get(kind, MAX_OTHER_WAIT_S)
