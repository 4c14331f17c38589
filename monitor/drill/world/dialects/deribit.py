"""Deribit as its API behaves: JSON-RPC over HTTP GET and over one socket, linear perpetuals and spot in USDC.

Amounts are base units. Liquidations are trades with a flag, where `direction` is the taker's order. A throttled client gets error
10028 with HTTP 429.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.world.dialect import Dialect, Frame, Quiet, Reply, RestRequest, SocketReply, compact
from monitor.drill.world.figures import (
    Levels,
    closing_side,
    listed,
    message_in,
    named_in,
    numbers,
    traded_base,
    traded_usd,
)
from monitor.drill.world.market import Change, Forced, SimVenue

API = "/api/v2"
SOCKET = "/ws/api/v2"
TRADES = ("trades.future.any.100ms", "trades.future.USDC.100ms")


def _names(asset: str) -> dict[str, str]:
    return {"perp": f"{asset}_USDC-PERPETUAL", "spot": f"{asset}_USDC"}


def _answer(now_ms: int, **parts: object) -> dict[str, object]:
    stamps = {"usIn": now_ms * 1000, "usOut": now_ms * 1000 + 40, "usDiff": 40, "testnet": False}
    return {"jsonrpc": "2.0", **parts, **stamps}


class Deribit(Quiet):
    """Implements the dialect."""

    id = "deribit"
    flush_s = 0.1

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and one socket, on one port."""
        return {"rest": f"http://127.0.0.1:{port}{API}", "ws": f"ws://127.0.0.1:{port}{SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """The result of a public method, or an error with its HTTP status."""
        method, now_ms = request.path.removeprefix(f"{API}/public/"), request.now_ms
        match method:
            case "get_time":
                return Reply(payload=_answer(now_ms, result=now_ms))
            case "status":
                return Reply(payload=_answer(now_ms, result={"locked": "false", "locked_indices": []}))
            case "get_instruments":
                kinds = ("future", "spot") if request.query.get("kind") is None else (request.query["kind"],)
                rows = [_instrument(one, kind) for one in listed(venue) for kind in kinds if kind in ("future", "spot")]
                return Reply(payload=_answer(now_ms, result=rows))
        if method not in ("get_order_book", "ticker", "get_book_summary_by_instrument", "get_funding_rate_value"):
            return None
        markets = {name: market for market, name in _names(venue.asset).items()}
        market = markets.get(request.query.get("instrument_name", ""))
        if market is None:
            return Reply(status=400, payload=_answer(now_ms, error={"code": 13020, "message": "not_found"}))
        result = _ticker(market, venue, now_ms)
        if method == "get_funding_rate_value":  # what was charged between two times: eight hours are asked for
            return Reply(payload=_answer(now_ms, result=result.get("current_funding", 0)))
        if method == "get_book_summary_by_instrument":
            rest = {"creation_timestamp": now_ms, "last": venue.mid, "base_currency": venue.asset}
            return Reply(payload=_answer(now_ms, result=[{**result, **result.pop("stats"), **rest}]))
        if method == "get_order_book":
            book = venue.books[market]
            bids, asks = (numbers(side, venue) for side in book.levels())
            result |= {"change_id": book.last_id, "bids": bids, "asks": asks}
        return Reply(payload=_answer(now_ms, result=result))

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with error 10028."""
        error = {"code": 10028, "message": "too_many_requests", "data": {"wait": 1}}
        return Reply(status=429, payload=_answer(request.now_ms, error=error))

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The one socket."""
        return SocketReply() if path == SOCKET else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """`public/test`, and subscriptions: the answer lists the channels that exist, and leaves out the others."""
        message = message_in(text)
        number, params = message.get("id"), message.get("params")
        if message.get("method") == "public/test":
            return SocketReply(answers=[compact(_answer(now_ms, id=number, result={"version": "1.2.26"}))])
        if message.get("method") != "public/subscribe" or not isinstance(params, dict):
            error = {"code": -32601, "message": "Method not found"}
            return SocketReply(answers=[compact(_answer(now_ms, id=number, error=error))])
        found = [(one, topic) for one in named_in(params, "channels") if (topic := _topic(str(one), venue.asset))]
        answer = _answer(now_ms, id=number, result=[channel for channel, _ in found])
        return SocketReply(answers=[compact(answer)], topics=[topic for _, topic in found])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The first notification of a book is whole; a ticker comes at once."""
        if topic.startswith("book:"):
            market = topic.removeprefix("book:")
            book = venue.books[market]
            return [_book("snapshot", market, book.levels(), {"change_id": book.last_id}, venue, now_ms)]
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """`prev_change_id` is the `change_id` of the notification before."""
        ids = {"change_id": change.last_id, "prev_change_id": change.prev_id}
        return [_book("change", market, (change.bids, change.asks), ids, venue, now_ms)]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """The ticker of the perpetual."""
        if topic != "ticker:perp":
            return None
        return _pushed(f"ticker.{_names(venue.asset)['perp']}.100ms", _ticker("perp", venue, now_ms))

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """Trades whose taker was liquidated."""
        name = _names(venue.asset)["perp"]
        rows = [
            {
                "trade_seq": number, "trade_id": str(number), "timestamp": one.at_ms, "tick_direction": 0,
                "price": float(f"{one.price:.{venue.grid.digits}f}"), "mark_price": venue.mid, "index_price": venue.mid,
                "instrument_name": name, "direction": closing_side(one), "amount": one.base, "liquidation": "T",
            }
            for number, one in enumerate(orders)
        ]  # fmt: skip
        return [_pushed(TRADES[0], rows)]


def _pushed(channel: str, payload: object) -> str:
    params = {"channel": channel, "data": payload}
    return compact({"jsonrpc": "2.0", "method": "subscription", "params": params})


def _book(
    kind: str, market: str, sides: tuple[Levels, Levels], ids: Mapping[str, int], venue: SimVenue, now_ms: int
) -> str:
    """Levels name what happened to them: "new", "change" or "delete"."""
    usual = "new" if kind == "snapshot" else "change"
    bids, asks = (
        [["delete" if size == 0 else usual, price, size] for price, size in numbers(side, venue)] for side in sides
    )
    name = _names(venue.asset)[market]
    row = {"type": kind, "timestamp": now_ms, "instrument_name": name, **ids, "bids": bids, "asks": asks}
    return _pushed(f"book.{name}.100ms", row)


def _topic(channel: str, asset: str) -> str | None:
    if channel in TRADES:
        return "forced"
    if channel == "platform_state":
        return "status"
    kind, _, rest = channel.partition(".")
    market = {f"{name}.100ms": market for market, name in _names(asset).items()}.get(rest)
    return f"{kind}:{market}" if market is not None and kind in ("book", "ticker") else None


def _instrument(asset: str, kind: str) -> dict[str, object]:
    future = {
        "settlement_period": "perpetual",
        "expiration_timestamp": 32_503_708_800_000,
        "settlement_currency": "USDC",
    }
    return {
        "instrument_name": _names(asset)["perp" if kind == "future" else "spot"], "kind": kind, "base_currency": asset,
        "quote_currency": "USDC", "counter_currency": "USDC", "contract_size": 1, "is_active": True,
        "instrument_type": "linear", "state": "open", "tick_size": 0.0001, "min_trade_amount": 1,
        **(future if kind == "future" else {}),
    }  # fmt: skip


def _ticker(market: str, venue: SimVenue, now_ms: int) -> dict[str, Any]:
    """The figures; the funding rate is stated for eight hours."""
    usd = round(traded_usd(venue, market), 2)
    found: dict[str, Any] = {
        "instrument_name": _names(venue.asset)[market], "timestamp": now_ms, "state": "open", "mark_price": venue.mid,
        "index_price": venue.mid, "last_price": venue.mid,
    }  # fmt: skip
    stats = {"high": None, "low": None, "volume": round(traded_base(venue, market), 2), "volume_notional": usd}
    if market == "spot":
        return {**found, "stats": stats}
    rate = venue.weather.funding_rate
    found |= {"current_funding": rate, "funding_8h": rate, "open_interest": round(venue.interest)}
    return {**found, "stats": {**stats, "volume_usd": usd}}


DIALECT: Dialect = Deribit()
