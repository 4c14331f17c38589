"""Bybit v5 as its API behaves: one envelope, linear and spot categories, topics subscribed by message.

Its liquidation topic is complete, every 500 ms. A throttled client gets HTTP 200 with retCode 10006: its 403 would ask for ten
quiet minutes, longer than a drill.
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

SOCKETS = {"/v5/public/linear": "perp", "/v5/public/spot": "spot", "/v5/public/misc/status": "status"}
SHOWN = 50
"""Levels of an `orderbook.50` snapshot."""


def _levels(rows: Sequence[tuple[int, int]], venue: SimVenue) -> list[list[str]]:
    return [[venue.grid.text(at), str(size)] for at, size in rows]


def _good(result: object, now_ms: int) -> Reply:
    return Reply(payload={"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms})


class Bybit:
    """Implements the dialect."""

    id = "bybit"
    flush_s = 0.5

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and three sockets, on one port."""
        base = f"127.0.0.1:{port}"
        return {
            "rest": f"http://{base}",
            "ws_linear": f"ws://{base}/v5/public/linear",
            "ws_spot": f"ws://{base}/v5/public/spot",
            "ws_status": f"ws://{base}/v5/public/misc/status",
        }

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer; keyless answers carry no budget headers."""
        path, now_ms = request.path, request.now_ms
        if path == "/v5/market/time":
            return _good({"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}, now_ms)
        if path == "/v5/system/status":
            return _good({"list": []}, now_ms)
        if path == "/v5/market/instruments-info":
            return _good(_listing(request.query.get("category", ""), venue.asset), now_ms)
        if path == "/v5/market/insurance":
            held = {
                "coin": "USDT",
                "symbols": f"{venue.asset}USDT,BTCUSDT",
                "balance": "100000000",
                "value": "100000000",
            }
            return _good({"updatedTime": str(now_ms), "list": [held]}, now_ms)
        if not path.startswith("/v5/market/"):
            return None
        if request.query.get("symbol") != f"{venue.asset}USDT":
            return Reply(payload={"retCode": 10001, "retMsg": "symbol invalid", "result": {}, "time": now_ms})
        result = self._result(request, venue)
        return None if result is None else _good(result, now_ms)

    def _result(self, request: RestRequest, venue: SimVenue) -> Any:
        category, now_ms = request.query.get("category", ""), request.now_ms
        symbol, weather = f"{venue.asset}USDT", venue.weather
        match request.path.removeprefix("/v5/market/"):
            case "orderbook":
                book = venue.books["spot" if category == "spot" else "perp"]
                bids, asks = book.levels()
                return {
                    "s": symbol, "b": _levels(bids, venue), "a": _levels(asks, venue), "ts": now_ms, "u": book.frame,
                    "seq": book.frame * 7, "cts": engine_ms(venue, now_ms),
                }  # fmt: skip
            case "adlAlert":
                row = {
                    "coin": "USDT", "symbol": symbol, "balance": "100000000", "maxBalance": "", "insurancePnlRatio": "-0.3",
                    "pnlRatio": "0", "adlTriggerThreshold": "10000", "adlStopRatio": "-0.25",
                }  # fmt: skip
                return {"updatedTime": str(now_ms), "list": [row]}
            case "tickers":
                row = _spot_ticker(venue) if category == "spot" else _ticker(venue, now_ms)
                return {"category": category, "list": [row]}
            case "open-interest":
                row = {"openInterest": f"{2 * venue.interest:.0f}", "timestamp": str(now_ms)}
                return {"symbol": symbol, "category": category, "list": [row], "nextPageCursor": ""}
            case "funding/history":
                row = {
                    "symbol": symbol, "fundingRate": f"{weather.funding_rate:.8f}",
                    "fundingRateTimestamp": str(next_funding_ms(now_ms) - 8 * 3600 * 1000),
                }  # fmt: skip
                return {"category": category, "list": [row]}
            case "account-ratio":
                longs = weather.long_short / (1 + weather.long_short)
                row = {
                    "symbol": symbol, "buyRatio": f"{longs:.4f}", "sellRatio": f"{1 - longs:.4f}",
                    "timestamp": str(now_ms),
                }  # fmt: skip
                return {"list": [row], "nextPageCursor": ""}
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """10006 in a 200."""
        payload = {
            "retCode": 10006,
            "retMsg": "Too many visits!",
            "result": {},
            "retExtInfo": {},
            "time": request.now_ms,
        }
        return Reply(payload=payload)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The three sockets; nothing is subscribed by the URL."""
        return SocketReply() if path in SOCKETS else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings and subscriptions."""
        try:
            message = json.loads(text)
            op, req_id, args = message.get("op"), message.get("req_id", ""), message.get("args") or []
        except (ValueError, AttributeError):
            return SocketReply(answers=[compact({"success": False, "ret_msg": "error:invalid op"})])
        if op == "ping":
            pong = {"success": True, "ret_msg": "pong", "conn_id": "drill", "req_id": req_id, "op": "ping"}
            return SocketReply(answers=[compact(pong)])
        topics = [topic for arg in args if (topic := _topic(path, str(arg), venue.asset)) is not None]
        good = op == "subscribe" and len(topics) == len(args)
        answer = {
            "success": good, "ret_msg": "subscribe" if good else f"error:handler not found,topic:{args}",
            "conn_id": "drill", "req_id": req_id, "op": op,
        }  # fmt: skip
        return SocketReply(answers=[compact(answer)], topics=topics if good else [])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """A book's snapshot; the ticker's first frame."""
        if topic.startswith("book:"):
            book = venue.books[topic.removeprefix("book:")]
            bids, asks = book.levels()
            return [self._orderbook("snapshot", book.frame, bids, asks, venue, now_ms)]
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """An `orderbook.50` delta: `u` rises by one a frame on this wire."""
        return [self._orderbook("delta", change.frame, change.bids, change.asks, venue, now_ms)]

    def _orderbook(
        self, kind: str, frame: int, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]],
        venue: SimVenue, now_ms: int,
    ) -> str:  # fmt: skip
        symbol = f"{venue.asset}USDT"
        row = {"s": symbol, "b": _levels(bids, venue), "a": _levels(asks, venue), "u": frame, "seq": frame * 7}
        return compact(
            {
                "topic": f"orderbook.{SHOWN}.{symbol}", "type": kind, "ts": now_ms, "data": row,
                "cts": engine_ms(venue, now_ms),
            }
        )  # fmt: skip

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> str | None:
        """`tickers`, the linear ones whole in each frame."""
        if topic not in ("ticker:perp", "ticker:spot"):
            return None
        row = _ticker(venue, now_ms) if topic == "ticker:perp" else _spot_ticker(venue)
        topic_name = f"tickers.{venue.asset}USDT"
        return compact({"topic": topic_name, "type": "snapshot", "cs": now_ms, "ts": now_ms, "data": row})

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`allLiquidation`: every order; `S` is the position's side."""
        symbol = f"{venue.asset}USDT"
        rows = [
            {
                "T": one.at_ms, "s": symbol, "S": "Buy" if one.side is Liquidated.LONG else "Sell", "v": str(one.base),
                "p": f"{one.price:.{venue.grid.digits}f}",
            }
            for one in orders
        ]  # fmt: skip
        return [compact({"topic": f"allLiquidation.{symbol}", "type": "snapshot", "ts": now_ms, "data": rows})]


def _topic(path: str, arg: str, asset: str) -> str | None:
    kind, _, rest = arg.partition(".")
    socket = SOCKETS.get(path)
    if socket == "status":
        return "status" if arg == "system.status" else None
    if rest.rpartition(".")[2] != f"{asset}USDT":
        return None
    known = {"orderbook": f"book:{socket}", "tickers": f"ticker:{socket}"}
    if socket == "perp":
        known["allLiquidation"] = "forced"
    return known.get(kind)


def _listing(category: str, asset: str) -> dict[str, object]:
    rows = [
        {
            "symbol": f"{one}USDT", "status": "Trading", "baseCoin": one, "quoteCoin": "USDT",
            **({} if category == "spot" else {"contractType": "LinearPerpetual", "settleCoin": "USDT"}),
        }
        for one in (asset, BYSTANDER)
    ]  # fmt: skip
    return {"category": category, "list": rows if category in ("spot", "linear") else [], "nextPageCursor": ""}


def _ticker(venue: SimVenue, now_ms: int) -> dict[str, str]:
    price = f"{venue.mid:.{venue.grid.digits}f}"
    usd = venue.perp_volume_usd()
    return {
        "symbol": f"{venue.asset}USDT", "lastPrice": price, "markPrice": price, "indexPrice": price,
        "openInterest": f"{2 * venue.interest:.0f}", "openInterestValue": f"{2 * venue.interest * venue.mid:.2f}",
        "singleOpenInterest": f"{venue.interest:.0f}",
        "singleOpenInterestValue": f"{venue.interest * venue.mid:.2f}",
        "fundingRate": f"{venue.weather.funding_rate:.8f}", "nextFundingTime": str(next_funding_ms(now_ms)),
        "fundingIntervalHour": "8", "turnover24h": f"{usd:.2f}", "volume24h": f"{usd / venue.mid:.0f}",
    }  # fmt: skip


def _spot_ticker(venue: SimVenue) -> dict[str, str]:
    return {
        "symbol": f"{venue.asset}USDT", "lastPrice": f"{venue.mid:.{venue.grid.digits}f}",
        "turnover24h": f"{SPOT_VOLUME_USD:.2f}", "volume24h": f"{SPOT_VOLUME_USD / venue.mid:.0f}",
    }  # fmt: skip


DIALECT: Dialect = Bybit()
