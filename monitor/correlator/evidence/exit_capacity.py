"""Finds assets of which far less can leave than usual, and keeps each asset's exit capacity for pages and commands.

What the known ways give now is compared with what the same ways usually give at this hour, so that a way that we lose sight of is
no fall. Half, a third, a tenth and a fiftieth of the usual are grades 1 to 4 (this project's own). Looked at every ten seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log

from monitor.correlator.active_evidence import utc
from monitor.correlator.exit_capacity import (
    MAX_INSTRUMENTS,
    MINUTES,
    Book,
    Venue,
    Wallets,
    amounts_of,
    venue_way,
)
from monitor.correlator.exit_pools import Network, PoolExits, sales_of
from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.level import RobustLevel
from monitor.incidents import ExitCapacity, ExitWay, Leg, WayState
from monitor.signals import Signal, SignalKind, Subject

LOOK_EVERY_S = 10.0
FALLS = (log(2), log(3), log(10), log(50))
LASTING_S = 20.0
"""A fall must last: venues quote empty books for a moment."""
MIN_SEEN = 30
"""Five minutes of looks before anything is usual."""
HOURS_TAU_S = 7 * 86400.0
FALL_OVER_S = 120.0
LAST_TENTH = 0.1
MAX_WAYS = 32
MIN_USD = 1.0


@dataclass(slots=True)
class _Usual:
    """What one way usually gives within 1 %: lately, and at each hour of the day once another day was seen."""

    lately: RobustLevel
    by_hour: dict[int, RobustLevel] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)
    """Hour -> the last day of which it has learnt."""

    def usd(self, now_s: float) -> float | None:
        """The usual amount; None until it is known."""
        hour, day = _hour_and_day(now_s)
        level = self.by_hour.get(hour)
        if level is None or level.seen < MIN_SEEN or (self.days.get(hour) == day and level.seen < 2 * MIN_SEEN):
            level = self.lately
        return exp(level.level) if level.seen >= MIN_SEEN else None

    def learn(self, usd: float, now_s: float) -> None:
        """Learn an amount of a quiet time."""
        hour, day = _hour_and_day(now_s)
        value = log(max(usd, MIN_USD))
        self.lately.learn(value, now_s)
        if hour not in self.by_hour:
            self.by_hour[hour] = RobustLevel(HOURS_TAU_S, 0.2)
        self.by_hour[hour].learn(value, now_s)
        self.days[hour] = day


@dataclass(slots=True)
class _Asset:
    books: dict[str, dict[str, Book]] = field(default_factory=dict)
    wallets: dict[str, Wallets] = field(default_factory=dict)
    usual: dict[str, _Usual] = field(default_factory=dict)
    past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=int(FALL_OVER_S / LOOK_EVERY_S) + 1))
    """(time, USD within 1 % at once of the known ways), the newest last."""
    low_s: float | None = None


class ExitCapacityEvidence:
    """How much of each watched asset can leave."""

    kinds = frozenset(
        {
            SignalKind.BOOK,
            SignalKind.BOOK_REFILL,
            SignalKind.WALLET,
            SignalKind.WALLET_SILENT,
            SignalKind.WALLET_RESUMED,
            SignalKind.REQUEST,
            SignalKind.VENUE_STATUS,
            SignalKind.POOL_DEPTH,
            SignalKind.HOLDER_FROZEN,
            SignalKind.RETRACTION,
            SignalKind.HEAD,
            SignalKind.HEAD_STALLED,
            SignalKind.HEAD_RESUMED,
            SignalKind.MARK_PRICE,
        }
    )

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._venues: dict[str, Venue] = {}
        self._assets: dict[str, _Asset] = {}
        self._pools = PoolExits()

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a book, a refill, a wallet's state, an answer or a status of a venue, a price, a pool or a network's head."""
        subject = signal.subject
        if signal.kind is SignalKind.MARK_PRICE:
            if subject.asset is not None and isinstance(signal.attributes.get("quote"), str):
                place = f"{subject.venue}/{subject.instrument}"
                self._pools.prices.take(subject.asset, place, signal.value, at_s)
        elif subject.venue is None:
            self._take_of_chain(signal, at_s)
        elif signal.kind is SignalKind.REQUEST:
            self._take_request(signal, subject.venue, at_s)
        elif signal.kind is SignalKind.VENUE_STATUS:
            service = str(signal.attributes.get("service") or "")
            self._venues.setdefault(subject.venue, Venue()).take_state(service, signal.value >= 2, at_s)
        elif subject.asset is not None:
            self._take_of_asset(signal, subject.asset, subject.venue, at_s)

    def _take_of_chain(self, signal: Signal, at_s: float) -> None:
        subject, attributes = signal.subject, signal.attributes
        if signal.kind in (SignalKind.HEAD, SignalKind.HEAD_STALLED, SignalKind.HEAD_RESUMED):
            network = self._pools.networks.setdefault(subject.network or "", Network())
            if signal.kind is SignalKind.HEAD_STALLED:
                network.stalled = True
            else:
                network.take_head(attributes.get("lag_s"), at_s)
        elif signal.kind is SignalKind.RETRACTION:
            self._pools.retract(str(attributes.get("retracts", "")))
        elif subject.asset is not None and subject.pool is not None:
            pool = self._pools.pool(subject.asset, subject.network or "", subject.pool)
            if pool is None:
                return
            self._assets.setdefault(subject.asset, _Asset())
            if signal.kind is SignalKind.POOL_DEPTH:
                pool.sales = sales_of(subject.asset, attributes, at_s)
            elif signal.kind is SignalKind.HOLDER_FROZEN:
                pool.frozen = signal.value > 0

    def _take_request(self, signal: Signal, venue: str, at_s: float) -> None:
        if signal.attributes.get("ours") is not True:
            self._venues.setdefault(venue, Venue()).take(signal.attributes.get("outcome") == "ok", at_s)

    def _take_of_asset(self, signal: Signal, name: str, venue: str, at_s: float) -> None:
        asset = self._assets.get(name)
        if asset is None:
            asset = self._assets[name] = _Asset()
        if signal.kind in (SignalKind.BOOK, SignalKind.BOOK_REFILL):
            books = asset.books.setdefault(venue, {})
            instrument = signal.subject.instrument or ""
            if instrument not in books and len(books) >= MAX_INSTRUMENTS:
                return
            book = books.setdefault(instrument, Book())
            if signal.kind is SignalKind.BOOK:
                take_book(book, signal, at_s)
            elif signal.attributes.get("side") == "bid" and signal.attributes.get("censored") is not True:
                book.refills_s.append(signal.value)
            return
        wallets, network = asset.wallets.setdefault(venue, Wallets()), signal.subject.network or ""
        if signal.kind is SignalKind.WALLET:
            wallets.take(network, signal.value, at_s)
        elif signal.kind is SignalKind.WALLET_SILENT:
            wallets.silent[network] = None
        else:
            wallets.silent.pop(network, None)

    def on_second(self, now_s: float) -> None:
        """Look at every asset in each tenth second of the clock: when it is looked at depends on no signal."""
        if now_s % LOOK_EVERY_S >= 1:
            return
        for name in sorted(self._assets):
            self._look(name, self._assets[name], now_s)

    def _look(self, name: str, asset: _Asset, now_s: float) -> None:
        none = Wallets()
        ways = [
            venue_way(
                venue, self._venues.get(venue, NEVER_ASKED), asset.books[venue], asset.wallets.get(venue, none), now_s
            )
            for venue in sorted(asset.books)[:MAX_WAYS]
        ]
        ways += [(one, ONCE) for one in self._pools.ways(name, now_s)]
        if not ways:
            return
        now_usd, usual_usd = self._against_usual(asset, [one for one, _ in ways], now_s)
        if any(one.state is not WayState.UNKNOWN for one, _ in ways):
            asset.past.append((now_s, now_usd))
        while asset.past and now_s - asset.past[0][0] > FALL_OVER_S:
            asset.past.popleft()
        share = None if usual_usd is None else now_usd / usual_usd
        if usual_usd is not None:
            self._board.note(name, "exit", usual_usd / max(now_usd, MIN_USD), now_s)
        self._board.exits[name] = ExitCapacity(
            asset=name,
            at=utc(now_s),
            amounts=amounts_of(ways),
            ways=tuple(one for one, _ in ways),
            normal_share=None if share is None else round(share, 4),
            countdown_s=countdown_s(asset.past, usual_usd),
        )
        self._judge(name, asset, now_usd, usual_usd, now_s)

    def _against_usual(self, asset: _Asset, ways: list[ExitWay], now_s: float) -> tuple[float, float | None]:
        """What the known ways give now, and what those of them usually give whose usual is known; learns in quiet."""
        now_usd = usual_usd = compared_usd = 0.0
        amounts = []
        for way in ways:
            if way.state is WayState.UNKNOWN:
                continue
            usd = (way.usd_1 or 0.0) if way.state is WayState.OPEN else 0.0
            amounts.append((way, usd))
            now_usd += usd
            if (usual := asset.usual.get(way.name)) is not None and (known := usual.usd(now_s)) is not None:
                usual_usd += known
                compared_usd += usd
        quiet = not usual_usd or compared_usd > usual_usd / 2
        for way, usd in amounts:
            if quiet and way.state is WayState.OPEN:
                usual = asset.usual.setdefault(way.name, _Usual(RobustLevel(self._board.settings.level_long_s, 0.2)))
                usual.learn(usd, now_s)
        return compared_usd if usual_usd else now_usd, usual_usd or None

    def _judge(self, name: str, asset: _Asset, now_usd: float, usual_usd: float | None, now_s: float) -> None:
        grade = 0 if usual_usd is None else graded(log(usual_usd / max(now_usd, MIN_USD)), FALLS)
        if not grade or usual_usd is None:
            asset.low_s = None
            self._board.withdraw(f"exit_capacity:{name}")
            return
        if asset.low_s is None:
            asset.low_s = now_s
        if now_s - asset.low_s < LASTING_S:
            return
        self._board.put(
            Finding(
                name="exit_capacity",
                leg=Leg.VENUE,
                subject=Subject(asset=name),
                grade=grade,
                onset_s=asset.low_s,
                at_s=now_s,
                half_life_s=self._board.settings.book_half_life_s,
                value=now_usd,
                normal=usual_usd,
                unit="USD",
                said=f"{now_usd:,.0f} USD of {name} could leave within 1 % ({usual_usd:,.0f} usual)",
            )
        )


NEVER_ASKED = Venue()
ONCE = dict.fromkeys(MINUTES, 1.0)
"""How often a pool can be sold into: that others bring back its price is not measured."""


def take_book(book: Book, signal: Signal, at_s: float) -> None:
    """Take a sample of a book's bids; without both depths in dollars nothing of it is known."""
    of: Callable[[str], object] = signal.attributes.get
    depths = [one for one in (of("bid_depth_100_usd"), of("bid_depth_500_usd")) if isinstance(one, int | float)]
    book.at_s, book.state = at_s, str(of("state"))
    book.usd = (float(depths[0]), float(depths[1])) if len(depths) == 2 else None


def countdown_s(past: deque[tuple[float, float]], usual_usd: float | None) -> float | None:
    """Seconds until a tenth of the usual is left, if it goes on falling as in the last two minutes; None if it does not."""
    if usual_usd is None or len(past) < 2:
        return None
    (then_s, then_usd), (now_s, now_usd) = past[0], past[-1]
    if now_usd <= LAST_TENTH * usual_usd:
        return 0.0
    if now_s <= then_s or now_usd >= 0.9 * then_usd:
        return None
    rate = log(then_usd / now_usd) / (now_s - then_s)
    return round(log(now_usd / (LAST_TENTH * usual_usd)) / rate, 1)


def _hour_and_day(now_s: float) -> tuple[int, int]:
    return int(now_s // 3600) % 24, int(now_s // 86400)


PRODUCER = ExitCapacityEvidence
