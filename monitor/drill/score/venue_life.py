"""Simulates one venue a second at a time: requests, feeds with their books, lags and pulses, prices and forced orders.

Latencies are lognormal with bursts; books move with the market and on their own; a feed is cut now and then. Each source of
chance has a generator of its own, so that an event changes no other number.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from random import Random

from monitor.drill.score.case import FEEDS
from monitor.drill.score.conditions import Conditions
from monitor.drill.score.forced_orders import Order, OrderFlow, shown
from monitor.drill.score.signal_writer import SignalWriter
from monitor.drill.score.worlds import PRICE, VenueTraits
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind

TIMEOUT_S = 5.0
SILENT_AFTER_S = 15.0
PULSE_S = 5
FAILURES = 2e-4
"""Share of requests that fail on a usual day."""
BURSTS_PER_S = 1 / 2400
BURST_S = 10.0
CUTS_PER_S = 1 / 43_200
"""A feed is closed twice a day."""
TRANSPORT = ("timeout", "timeout", "dns", "reset")
"""What a request ends with when our own network is down."""

_DEPTHS = ((10, 0.25), (25, 0.55), (50, 1.0), (100, 1.6), (200, 2.4))
_NOTIONALS = (("10k", 1e4), ("100k", 1e5), ("1m", 1e6))


@dataclass(slots=True)
class Market:
    """What all venues have in common at a second."""

    price: float = PRICE
    index: float = PRICE
    """The index of many venues, most of which we do not watch."""
    activity: float = 1.0
    """Factor on the usual liquidations."""
    path: float = 1.0
    """Factor on latencies: our own path to everything."""
    depth: float = 1.0


@dataclass(slots=True)
class _Feed:
    open_since_s: float
    closed: bool = False
    silent_since_s: float | None = None
    reported_silent: bool = False
    reopens_s: float = 0.0


class VenueLife:
    """One venue. `place` is its number: it spreads the venues' requests over the second and the minute."""

    def __init__(self, traits: VenueTraits, seed: str, place: int, writer: SignalWriter, start_s: float) -> None:
        self.traits = traits
        self._writer = writer
        self._place = place
        self._phase = (place * 0.618) % 0.9
        self._requests = Random(f"{seed}/{traits.name}/requests")  # noqa: S311
        self._books = Random(f"{seed}/{traits.name}/books")  # noqa: S311
        self._cuts = Random(f"{seed}/{traits.name}/cuts")  # noqa: S311
        self._flow = OrderFlow(
            Random(f"{seed}/{traits.name}/orders"),  # noqa: S311
            traits.liquidations_per_s,
            traits.clustering,
            traits.size_usd,
        )
        self._burst, self._burst_until_s = 1.0, 0.0
        self._own_depth = 0.0
        self._dead_until_s = 0.0
        names = FEEDS if traits.censoring is not None else FEEDS[:1]
        self._feeds = {name: _Feed(start_s) for name in names}

    def announce(self, at_s: float) -> None:
        """Declare the venue's sources and open its feeds, as the daemon does at its start."""
        w, subject = self._writer, self._writer.of_venue(self.traits, instrument=False)
        ws: dict[str, Scalar] = {"leg": Leg.VENUE.value, "weight": 1.0, "class": "ws"}
        w.write(SignalKind.EXPECT, self._source("book_ws"), at_s, 5.0, ws, subject=subject)
        w.write(SignalKind.EXPECT, self._source("server_time"), at_s, 10.0, ws | {"class": "rest"}, subject=subject)
        if self.traits.censoring is not None:
            own: dict[str, Scalar] = {"leg": Leg.LIQUIDATION.value, "censoring": self.traits.censoring}
            w.write(SignalKind.EXPECT, self._source("liquidation"), at_s, 15.0, ws | own, subject=subject)
        for name in self._feeds:
            self._opened(name, at_s)

    def second(self, start_s: float, now: Conditions, market: Market) -> None:
        """Write the signals of the second that begins at `start_s` (a whole unix second)."""
        self._request(start_s, now, market)
        orders = self._flow.second(start_s, market.activity * now.surge)
        for name, feed in self._feeds.items():
            if not self._speaks(name, feed, start_s, now):
                continue
            self._lag(name, start_s, now, market)
            if name == "book_ws":
                self._book("book_ws", "ws", start_s + self._phase, now, market)
            else:
                self._forced(orders, start_s, now, market)
                self._mark(start_s + self._phase, now, market)
            if (int(start_s) + self._place) % PULSE_S == 0:
                at_s = start_s + self._phase
                self._feed_event(SignalKind.FEED_PULSE, name, at_s, 50.0)

    def jolt(self, factor: float) -> None:
        """A tremor of the market: orders come in a cluster."""
        self._flow.jolt(factor * self.traits.liquidations_per_s)

    def _source(self, stream: str) -> str:
        return f"{self.traits.name}/{stream}"

    # -- requests

    def _check(self, second: int) -> str:
        turn = (second + 7 * self._place) % 60
        if turn % 5 == 0:
            return "server_time"
        for every, at, check in (
            (15, 1, "open_interest"), (30, 2, "book_rest"), (60, 3, "system_status"), (60, 4, "wallet_status"),
            (15, 6, "funding"), (60, 7, "volume"),
        ):  # fmt: skip
            if turn % every == at:
                return check
        return "mark_price"

    def _request(self, start_s: float, now: Conditions, market: Market) -> None:
        rng = self._requests
        check = self._check(int(start_s))
        noise, chance, burst = rng.gauss(0.0, self.traits.latency_sigma), rng.random(), rng.random()
        strength = rng.random()
        if burst < BURSTS_PER_S:
            self._burst, self._burst_until_s = 2.0 * 4.0**strength, start_s + BURST_S * 2 * strength
        usual = self.traits.latency_s * market.path * (self._burst if start_s < self._burst_until_s else 1.0)
        latency_s = usual * now.latency * exp(noise) + now.latency_s
        outcome = "ok"
        if now.network_down:
            outcome = TRANSPORT[int(chance * len(TRANSPORT))]
        elif chance < now.failing:
            outcome = now.outcome
        elif chance > 1 - FAILURES:
            outcome = "venue_error"
        if outcome == "timeout" or latency_s >= TIMEOUT_S:
            outcome, latency_s = "timeout", TIMEOUT_S
        at_s = start_s + self._phase + latency_s
        whole = check in ("server_time", "system_status", "wallet_status")
        words: dict[str, Scalar] = {
            "check": check, "outcome": outcome, "ours": False, "censored": outcome == "timeout", "cold": False,
            "service_s": latency_s,
        }  # fmt: skip
        subject = self._writer.of_venue(self.traits, asset=not whole)
        self._writer.write(SignalKind.REQUEST, self._source(check), at_s, latency_s, words, subject=subject)
        if outcome == "ok":
            self._answer(check, at_s, latency_s, now, market)

    def _answer(self, check: str, at_s: float, latency_s: float, now: Conditions, market: Market) -> None:
        match check:
            case "server_time":
                words: dict[str, Scalar] = {"bound_s": latency_s / 2 + 0.0005, "origin": "rest"}
                self._tell(SignalKind.CLOCK_OFFSET, "clock", at_s, 0.002, words, whole=True)
            case "open_interest":
                base = self.traits.interest_base * now.interest
                self._tell(SignalKind.OPEN_INTEREST, check, at_s, base * self._price(now, market), {"base": base})
            case "funding":
                self._tell(SignalKind.FUNDING, check, at_s, 1e-4, {"interval_s": 28_800.0})
            case "volume":
                price = self._price(now, market)
                self._tell(SignalKind.VOLUME, check, at_s, 6e7, {"market": "perp", "last": price})
            case "book_rest":
                self._book("book_rest", "rest", at_s, now, market)
            case "system_status":
                self._status(at_s, now)
            case "wallet_status":
                self._wallet(at_s, 1.0 if now.withdrawals is None else now.withdrawals)
            case _:
                if "liquidation" not in self._feeds:
                    self._mark(at_s, now, market)

    def _tell(
        self, kind: SignalKind, stream: str, at_s: float, value: float, words: dict[str, Scalar], *, whole: bool = False
    ) -> None:
        subject = self._writer.of_venue(self.traits, asset=not whole)
        self._writer.write(kind, self._source(stream), at_s, value, words, subject=subject)

    def _status(self, at_s: float, now: Conditions) -> None:
        words: dict[str, Scalar] = {
            "title": now.status_title, "planned": now.planned, "service": "", "begins_s": None, "ends_s": None,
        }  # fmt: skip
        self._tell(SignalKind.VENUE_STATUS, "system_status", at_s, now.status or 0.0, words, whole=True)

    def _wallet(self, at_s: float, state: float) -> None:
        words: dict[str, Scalar] = {"deposits": True, "withdrawals": state > 0.0, "delayed": state == 0.5}
        subject = self._writer.of_venue(self.traits, instrument=False)
        self._writer.write(SignalKind.WALLET, self._source("wallet_status"), at_s, state, words, subject=subject)

    # -- feeds

    def _speaks(self, name: str, feed: _Feed, start_s: float, now: Conditions) -> bool:
        """Whether a feed sends in this second; its own changes are written."""
        at_s = start_s + self._phase * 0.5
        chance, length = self._cuts.random(), self._cuts.random()
        if not feed.closed and (name in now.cut or now.network_down or chance < CUTS_PER_S):
            feed.closed = True
            feed.reopens_s = start_s + 2.0 + 6.0 * length
            lived_s = start_s - feed.open_since_s
            self._feed_event(SignalKind.FEED_CLOSED, name, at_s, lived_s, planned=now.planned)
        if feed.closed:
            if name in now.cut or now.network_down or start_s < feed.reopens_s:
                return False
            feed.closed, feed.open_since_s = False, start_s
            self._opened(name, at_s)
        if name in now.mute:
            feed.silent_since_s = start_s if feed.silent_since_s is None else feed.silent_since_s
            if start_s - feed.silent_since_s >= SILENT_AFTER_S and not feed.reported_silent:
                feed.reported_silent = True
                self._claim(name, "silent", at_s)
                self._feed_event(SignalKind.FEED_SILENT, name, at_s, SILENT_AFTER_S)
            return False
        if feed.reported_silent:
            self._claim(name, "speaking", at_s)
        feed.silent_since_s, feed.reported_silent = None, False
        return True

    def _opened(self, name: str, at_s: float) -> None:
        self._feed_event(SignalKind.FEED_OPENED, name, at_s, 0.0)
        self._claim(name, "acknowledged", at_s + 0.02)
        self._claim(name, "speaking", at_s + 0.04)

    def _feed_event(self, kind: SignalKind, name: str, at_s: float, value: float, *, planned: bool = False) -> None:
        words: dict[str, Scalar] = {"planned": planned, "detail": ""}
        self._tell(kind, name, at_s, value, words, whole=True)

    def _claim(self, name: str, state: str, at_s: float) -> None:
        covers = state == "speaking" or (state == "acknowledged" and name == "liquidation")
        words: dict[str, Scalar] = {"channel": name, "main": True, "state": state, "reason": ""}
        self._tell(SignalKind.CLAIM, name, at_s, float(covers), words)

    def _lag(self, name: str, start_s: float, now: Conditions, market: Market) -> None:
        at_s = start_s + self._phase + 0.05
        lag_s = self.traits.transit_s * market.path * now.latency**0.5 * exp(self._books.gauss(0.0, 0.3)) + now.lag_s
        self._tell(SignalKind.FEED_LAG, name, at_s, lag_s, {"bound_s": self.traits.latency_s / 2})
        if name == "book_ws":
            engine_s = 0.003 * now.latency**0.5 * exp(self._books.gauss(0.0, 0.4)) + now.lag_s
            self._tell(SignalKind.ENGINE_LAG, name, at_s, engine_s, {})

    def _price(self, now: Conditions, market: Market) -> float:
        return market.price * now.price

    def _mark(self, at_s: float, now: Conditions, market: Market) -> None:
        price = self._price(now, market) * exp(self._books.gauss(0.0, 1e-4))
        self._tell(SignalKind.MARK_PRICE, "mark_price", at_s, price, {"index": market.index, "quote": "USDT"})

    def _book(self, stream: str, origin: str, at_s: float, now: Conditions, market: Market) -> None:
        rng = self._books
        self._own_depth += -self._own_depth / 60.0 + rng.gauss(0.0, 0.03)
        depth = self.traits.depth_usd * market.depth * now.depth * exp(self._own_depth)
        spread = self.traits.spread_bps * now.spread * exp(rng.gauss(0.0, 0.1)) * max(1.0, market.depth**-0.5)
        tilt = 1.0 + rng.gauss(0.0, 0.05)
        price = self._price(now, market)
        words: dict[str, Scalar] = {"state": now.book_state, "mid": price, "quote": "USDT", "origin": origin}
        for bps, share in _DEPTHS:
            words[f"bid_depth_{bps}_usd"] = depth * share * tilt
            words[f"ask_depth_{bps}_usd"] = depth * share * (2.0 - tilt)
        for name, usd in _NOTIONALS:
            cost = spread / 2 + 50.0 * usd / depth if usd < 2.4 * depth else None
            words[f"sell_slippage_{name}_bps"] = words[f"buy_slippage_{name}_bps"] = cost
        self._tell(SignalKind.BOOK, stream, at_s, spread, words)

    # -- forced orders

    def _forced(self, orders: list[Order], start_s: float, now: Conditions, market: Market) -> None:
        censoring = self.traits.censoring
        if not orders or censoring is None:
            return
        told, self._dead_until_s = shown(orders, censoring, start_s, self._dead_until_s)
        price = self._price(now, market)
        for one in told:
            words: dict[str, Scalar] = {
                "side": "long", "price": price, "quantity": one.usd / price, "censoring": censoring, "backlog": False,
            }  # fmt: skip
            self._writer.write(
                SignalKind.LIQUIDATION, self._source("liquidation"), one.sent_s + self.traits.transit_s + now.lag_s,
                one.usd, words, subject=self._writer.of_venue(self.traits), event_s=one.at_s,
            )  # fmt: skip
