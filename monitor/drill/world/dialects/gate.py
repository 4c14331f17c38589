"""Gate v4 as its API behaves: spot and USDT futures, keyless wallets with a delay flag, its own processing time in every header.

Its liquidation channel is complete, an array each second; the sign of a size is the position's direction. A throttled client
gets HTTP 429, TOO_MANY_REQUESTS, and when the window ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.scenario import Liquidated
from monitor.drill.world.dialect import (
    BYSTANDER,
    Dialect,
    Reply,
    RestRequest,
    SocketReply,
    compact,
    engine_ms,
    next_funding_ms,
)
from monitor.drill.world.market import SPOT_VOLUME_USD, Change, Forced, SimVenue
from monitor.drill.world.weather import CALM, Weather

API = "/api/v4"
SPOT_SOCKET = "/ws/v4"
FUTURES_SOCKET = "/v4/ws/usdt"
CONTRACT = 5
"""`quanto_multiplier`: base units a contract."""
LIMIT, WINDOW_S = 200, 10


def _name(asset: str) -> str:
    return f"{asset}_USDT"


def _side(market: str, rows: Sequence[tuple[int, int]], venue: SimVenue) -> list[Any]:
    if market == "spot":
        return [[venue.grid.text(at), str(base)] for at, base in rows]
    return [{"p": venue.grid.text(at), "s": str(base // CONTRACT)} for at, base in rows]


class Gate:
    """Implements the dialect."""

    id = "gate"
    flush_s = 1.0

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and two sockets, on one port."""
        base = f"127.0.0.1:{port}"
        return {
            "rest": f"http://{base}{API}",
            "ws_spot": f"ws://{base}{SPOT_SOCKET}/",
            "ws_futures": f"ws://{base}{FUTURES_SOCKET}",
        }

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer, with the budget left and the time it took inside."""
        if not request.path.startswith(API):
            return None
        payload = self._payload(request.path.removeprefix(API), request.query, venue, request.now_ms)
        if payload is None:
            return None
        headers = _headers(request, venue)
        if payload == "no such name":
            error = {"label": "INVALID_PARAM_VALUE", "message": "unknown contract or currency pair"}
            return Reply(status=400, payload=error, headers=headers)
        return Reply(payload=payload, headers=headers)

    def _payload(self, path: str, query: Mapping[str, str], venue: SimVenue, now_ms: int) -> Any:
        match path:
            case "/spot/time":
                return {"server_time": now_ms}
            case "/spot/currencies":
                return [_currency(venue.asset, venue.weather), _currency(BYSTANDER, CALM)]
            case "/futures/usdt/contracts":
                return [_contract(venue, now_ms), _bystander()]
            case "/margin/currency_pairs" | "/futures/btc/contracts":
                return []
            case "/spot/currency_pairs":
                return [
                    {"id": _name(one), "base": one, "quote": "USDT", "trade_status": "tradable"}
                    for one in (venue.asset, BYSTANDER)
                ]
            case "/futures/usdt/insurance":
                return [{"t": now_ms // 1000, "b": "100000000.0000"}]
        if path == f"/futures/usdt/contracts/{_name(venue.asset)}":
            return _contract(venue, now_ms)
        if not path.startswith(("/spot/", "/futures/usdt/")):
            return None
        if _name(venue.asset) not in (query.get("contract"), query.get("currency_pair")):
            return "no such name"
        return self._of_asset(path, venue, now_ms)

    def _of_asset(self, path: str, venue: SimVenue, now_ms: int) -> Any:
        match path:
            case "/futures/usdt/order_book":
                return self._order_book("perp", venue, now_ms / 1000)
            case "/spot/order_book":
                return self._order_book("spot", venue, now_ms)
            case "/futures/usdt/tickers":
                return [_ticker(venue)]
            case "/futures/usdt/funding_rate":
                return [{"t": next_funding_ms(now_ms) // 1000 - 8 * 3600, "r": f"{venue.weather.funding_rate:.6f}"}]
            case "/futures/usdt/contract_stats":
                return [_stats(venue, now_ms)]
            case "/futures/usdt/liq_orders":
                return [
                    {
                        "contract": _name(venue.asset), "size": _signed(one), "left": 0, "time": one.at_ms // 1000,
                        "fill_price": f"{one.price:.{venue.grid.digits}f}",
                        "order_price": f"{one.price:.{venue.grid.digits}f}",
                    }
                    for one in reversed(venue.recent)
                ]  # fmt: skip
            case "/spot/tickers":
                return [_spot_ticker(venue)]
        return None

    def _order_book(self, market: str, venue: SimVenue, stamp: float) -> dict[str, object]:
        book = venue.books[market]
        bids, asks = book.levels()
        return {
            "id": book.last_id, "current": stamp, "update": stamp, "asks": _side(market, asks, venue),
            "bids": _side(market, bids, venue),
        }  # fmt: skip

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429, until the next full second."""
        headers = {
            "X-Gate-RateLimit-Limit": str(LIMIT),
            "X-Gate-RateLimit-Requests-Remain": "0",
            "X-Gate-RateLimit-Reset-Timestamp": str(request.now_ms // 1000 + 1),
        }
        payload = {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (003)"}
        return Reply(status=429, payload=payload, headers=headers)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The two sockets."""
        return SocketReply() if path.rstrip("/") in (SPOT_SOCKET, FUTURES_SOCKET) else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings and subscriptions; each channel is acknowledged, or refused with an error inside."""
        try:
            message = json.loads(text)
            channel, event = str(message.get("channel", "")), message.get("event")
            payload = [str(one) for one in message.get("payload") or []]
        except (ValueError, AttributeError):
            return SocketReply(answers=[compact({"error": {"code": 1, "message": "invalid message"}})])
        stamps = {"time": now_ms // 1000, "time_ms": now_ms}
        if channel.endswith(".ping"):
            pong = {**stamps, "channel": channel.replace(".ping", ".pong"), "event": "", "result": None}
            return SocketReply(answers=[compact(pong)])
        topic = _topic(path, channel, payload, venue.asset) if event == "subscribe" else None
        answer = {**stamps, "conn_id": "drill", "channel": channel, "event": event, "payload": payload}
        if topic is None:
            error = {"code": 2, "message": f"unknown channel or payload: {channel} {payload}"}
            return SocketReply(answers=[compact({**answer, "error": error, "result": {"status": "fail"}})])
        return SocketReply(answers=[compact({**answer, "result": {"status": "success"}})], topics=[topic])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """A book's base is REST's; a ticker comes at once."""
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`order_book_update`: `t` by the engine, `time_ms` by the gateway."""
        row: dict[str, object] = {
            "t": engine_ms(venue, now_ms), "s": _name(venue.asset), "U": change.first_id, "u": change.last_id,
            "b": _side(market, change.bids, venue), "a": _side(market, change.asks, venue),
        }  # fmt: skip
        channel = "spot.order_book_update" if market == "spot" else "futures.order_book_update"
        return [_pushed(channel, row, now_ms)]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> str | None:
        """`futures.tickers`."""
        return _pushed("futures.tickers", [_ticker(venue)], now_ms) if topic == "ticker:perp" else None

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`futures.public_liquidates`: every order of the second."""
        rows = [
            {
                "price": f"{one.price:.{venue.grid.digits}f}", "size": str(_signed(one)), "time": one.at_ms,
                "contract": _name(venue.asset),
            }
            for one in orders
        ]  # fmt: skip
        return [_pushed("futures.public_liquidates", rows, now_ms)]


def _headers(request: RestRequest, venue: SimVenue) -> dict[str, str]:
    used = venue.count(request.now_ms / 1000, WINDOW_S)
    in_us = request.now_ms * 1000
    return {
        "X-In-Time": str(in_us),
        "X-Out-Time": str(in_us + 2000 + int(venue.weather.engine_lag_s * 1e6)),
        "X-Gate-RateLimit-Limit": str(LIMIT),
        "X-Gate-RateLimit-Requests-Remain": str(max(int(LIMIT - used), 0)),
        "X-Gate-RateLimit-Reset-Timestamp": str((request.now_ms // 1000 // WINDOW_S + 1) * WINDOW_S),
    }


def _topic(path: str, channel: str, payload: Sequence[str], asset: str) -> str | None:
    futures = path.rstrip("/") == FUTURES_SOCKET
    if futures and channel == "futures.public_liquidates":
        return "forced" if payload in (["!all"], [_name(asset)]) else None
    if _name(asset) not in payload:
        return None
    if futures:
        return {"futures.order_book_update": "book:perp", "futures.tickers": "ticker:perp"}.get(channel)
    return "book:spot" if channel == "spot.order_book_update" else None


def _pushed(channel: str, result: object, now_ms: int) -> str:
    frame = {"time": now_ms // 1000, "time_ms": now_ms, "channel": channel, "event": "update", "result": result}
    return compact(frame)


def _signed(order: Forced) -> int:
    contracts = max(order.base // CONTRACT, 1)
    return contracts if order.side is Liquidated.LONG else -contracts


def _currency(asset: str, weather: Weather) -> dict[str, object]:
    out, late, into = weather.withdrawals_closed, weather.withdrawals_delayed, weather.deposits_closed
    chain = {"name": "ETH", "withdraw_disabled": out, "withdraw_delayed": late, "deposit_disabled": into}
    return {"currency": asset, "delisted": False, "withdraw_disabled": out, "chain": "ETH", "chains": [chain]}


def _bystander() -> dict[str, object]:
    return {"name": _name(BYSTANDER), "quanto_multiplier": "0.0001", "in_delisting": False}


def _contract(venue: SimVenue, now_ms: int) -> dict[str, object]:
    return {
        "name": _name(venue.asset), "quanto_multiplier": str(CONTRACT), "in_delisting": False,
        "mark_price": f"{venue.mid:.8f}", "index_price": f"{venue.mid:.8f}",
        "funding_rate": f"{venue.weather.funding_rate:.6f}", "funding_interval": 28800,
        "funding_next_apply": next_funding_ms(now_ms) // 1000,
    }  # fmt: skip


def _ticker(venue: SimVenue) -> dict[str, object]:
    usd, price = venue.perp_volume_usd(), f"{venue.mid:.{venue.grid.digits}f}"
    return {
        "contract": _name(venue.asset), "last": price, "mark_price": f"{venue.mid:.8f}",
        "index_price": f"{venue.mid:.8f}", "funding_rate": f"{venue.weather.funding_rate:.6f}",
        "quanto_multiplier": str(CONTRACT), "total_size": f"{venue.interest / CONTRACT:.0f}",
        "volume_24h_base": f"{usd / venue.mid:.0f}", "volume_24h_quote": f"{usd:.0f}",
    }  # fmt: skip


def _spot_ticker(venue: SimVenue) -> dict[str, str]:
    return {
        "currency_pair": _name(venue.asset), "last": f"{venue.mid:.{venue.grid.digits}f}",
        "base_volume": f"{SPOT_VOLUME_USD / venue.mid:.0f}", "quote_volume": f"{SPOT_VOLUME_USD:.2f}",
    }  # fmt: skip


def _stats(venue: SimVenue, now_ms: int) -> dict[str, object]:
    return {
        "time": now_ms // 1000, "lsr_account": venue.weather.long_short, "top_lsr_account": venue.weather.long_short,
        "open_interest": f"{venue.interest / CONTRACT:.0f}", "open_interest_usd": venue.interest * venue.mid,
        "mark_price": venue.mid,
    }  # fmt: skip


DIALECT: Dialect = Gate()
