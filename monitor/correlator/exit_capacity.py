"""Computes how much of an asset could leave now: the bids of venues that answer and pay out, and the depth of pools.

A way counts only if each of its parts is seen to work: a fresh book that takes orders, a venue that answers and is not in
maintenance, open withdrawals and, where hot wallets are watched, payments that go on. What is not seen is unknown and adds
nothing; what is seen to be shut adds nothing either, and is said apart. Pure (docs/detection.md, "Exit capacity").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from monitor.incidents import ExitAmount, ExitWay, WayState

PERCENTS = (1, 5)
MINUTES = (1, 10, 60)
BOOK_FRESH_S = 30.0
ANSWERS_S = 60.0
WALLET_FRESH_S = 900.0
STATUS_FRESH_S = 1800.0
MIN_GOOD_SHARE = 0.5
MAX_OUTCOMES = 20
MAX_REFILLS = 9
MAX_TURNS = 5
"""A book is counted at most so many times within an hour: makers who were hit stop coming back."""
COUNTED = frozenset({"ok", "hollow"})
"""The states of a book whose bids count. `empty` is known to have none; of all others nothing is known."""
MAX_INSTRUMENTS = 16
MAX_NETWORKS = 32


@dataclass(slots=True)
class Book:
    """The bids of one instrument in USD when it was last sampled, and how long its last sweeps took to come back by half."""

    at_s: float = float("-inf")
    state: str = ""
    usd: tuple[float, float] | None = None
    refills_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_REFILLS))

    def known(self, now_s: float) -> tuple[float, float] | None:
        """The USD within 1 % and 5 %; None if nothing fresh is known of it."""
        if now_s - self.at_s > BOOK_FRESH_S:
            return None
        if self.state == "empty":
            return (0.0, 0.0)
        return self.usd if self.state in COUNTED else None

    def turns(self, minutes: int) -> float:
        """How many times the book can be sold into within so many minutes: once, and half of it again for each refill."""
        if not self.refills_s:
            return 1.0
        refills = minutes * 60 // max(median(self.refills_s), 1.0)
        return min(1 + 0.5 * refills, float(MAX_TURNS))


@dataclass(slots=True)
class Venue:
    """Whether a venue answers: its latest answers, the newest last, and what it declares of itself."""

    outcomes: deque[bool] = field(default_factory=lambda: deque(maxlen=MAX_OUTCOMES))
    answered_s: float = float("-inf")
    asked_s: float = float("-inf")
    status_s: float = float("-inf")
    maintenance: bool = False
    shut: dict[str, float] = field(default_factory=dict)
    """The instruments that it declares to take no orders, with the time of its last word."""

    def take_state(self, service: str, maintenance: bool, at_s: float) -> None:
        """Take what it declares of itself, or of a part, which may be an instrument."""
        if not service:
            self.maintenance, self.status_s = maintenance, at_s
            return
        self.shut.pop(service, None)
        if maintenance and len(self.shut) < MAX_INSTRUMENTS:
            self.shut[service] = at_s

    def takes_orders(self, instrument: str, now_s: float) -> bool:
        """Whether it does not declare the opposite of an instrument."""
        said_s = self.shut.get(instrument)
        return said_s is None or now_s - said_s > STATUS_FRESH_S

    def take(self, good: bool, at_s: float) -> None:
        """Take the outcome of a request."""
        self.outcomes.append(good)
        self.asked_s = at_s
        if good:
            self.answered_s = at_s

    def state(self, now_s: float) -> tuple[WayState, str]:
        """Whether it can be traded at, and why not."""
        if self.maintenance and now_s - self.status_s <= STATUS_FRESH_S:
            return WayState.CLOSED, "the venue declares maintenance"
        if now_s - self.asked_s > ANSWERS_S:
            return WayState.UNKNOWN, "the venue was not asked lately"
        good = sum(self.outcomes) / len(self.outcomes)
        if now_s - self.answered_s > ANSWERS_S or good < MIN_GOOD_SHARE:
            return WayState.CLOSED, f"{1 - good:.0%} of its last answers failed"
        return WayState.OPEN, ""


@dataclass(slots=True)
class Wallets:
    """The withdrawals of one asset at one venue, by network: when seen, the level (1 open, 0.5 delayed, 0 closed), silent."""

    levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    silent: dict[str, None] = field(default_factory=dict)

    def take(self, network: str, level: float, at_s: float) -> None:
        """Take what the venue declares of one network."""
        self.levels[network] = (at_s, level)
        while len(self.levels) > MAX_NETWORKS:
            del self.levels[next(iter(self.levels))]

    def state(self, now_s: float) -> tuple[WayState, str]:
        """Whether anything can be withdrawn by any network, and why not."""
        fresh = {one: level for one, (at_s, level) in self.levels.items() if now_s - at_s <= WALLET_FRESH_S}
        alive = {one: level for one, level in fresh.items() if one not in self.silent}
        best = max(alive.values(), default=None)
        if best is not None and best >= 1:
            return WayState.OPEN, ""
        if best is not None and best > 0:
            return WayState.DELAYED, "withdrawals are delayed"
        if fresh and max(fresh.values()) <= 0:
            return WayState.CLOSED, "withdrawals are closed"
        if fresh:
            return WayState.UNKNOWN, "withdrawals are declared open, and its hot wallet pays nothing out"
        return WayState.UNKNOWN, "withdrawals are not seen"


def venue_way(
    name: str, venue: Venue, books: Mapping[str, Book], wallets: Wallets, now_s: float
) -> tuple[ExitWay, dict[int, float]]:
    """The way out by one venue, and how often its books can be sold into within so many minutes, the sparest first."""
    trading = {one: book for one, book in books.items() if venue.takes_orders(one, now_s)}
    known = {one: usd for one, book in trading.items() if (usd := book.known(now_s)) is not None}
    states = [venue.state(now_s), wallets.state(now_s)]
    if books and not trading:
        states.append((WayState.CLOSED, "no orders are taken"))
    elif not known:
        states.append((WayState.UNKNOWN, "no fresh book"))
    state, why = _worst(states)
    usd_1 = sum(one[0] for one in known.values()) if known else None
    usd_5 = sum(one[1] for one in known.values()) if known else None
    turns = {minutes: min((books[one].turns(minutes) for one in known), default=1.0) for minutes in MINUTES}
    return ExitWay(name=name, state=state, usd_1=usd_1, usd_5=usd_5, why=why), turns


def _worst(states: Iterable[tuple[WayState, str]]) -> tuple[WayState, str]:
    """The state of a way of several parts: shut if one is shut, else unknown if one is unknown, else delayed if one is."""
    found = list(states)
    for state in (WayState.CLOSED, WayState.UNKNOWN, WayState.DELAYED):
        for one, why in found:
            if one is state:
                return one, why
    return WayState.OPEN, ""


def amounts_of(ways: Iterable[tuple[ExitWay, Mapping[int, float]]]) -> tuple[ExitAmount, ...]:
    """What could leave by all ways together. Delayed ways count within an hour only; unknown ways never.

    Where no way is known to be open, delayed or shut, nothing is known: None.
    """
    found = [one for one in ways if one[0].state is not WayState.UNKNOWN]
    amounts = []
    for percent in PERCENTS:
        for minutes in MINUTES:
            usd = sum(_usd(way, percent, minutes) * turns[minutes] for way, turns in found)
            amounts.append(ExitAmount(percent=percent, minutes=minutes, usd=round(usd, 2) if found else None))
    return tuple(amounts)


def _usd(way: ExitWay, percent: int, minutes: int) -> float:
    usd = way.usd_1 if percent == 1 else way.usd_5
    counts = way.state is WayState.OPEN or (way.state is WayState.DELAYED and minutes == MINUTES[-1])
    return usd if counts and usd is not None else 0.0
