"""Binance USD-M as its API behaves: fapi, sapi, futures/data and spot paths; combined streams named in the URL.

Its feed sends only the latest forced order of each second and symbol. A throttled client gets HTTP 429, code -1003, Retry-After.
"""

from __future__ import annotations

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
from monitor.drill.world.figures import message_in
from monitor.drill.world.market import SPOT_VOLUME_USD, Change, Forced, SimVenue

WEIGHTS = {"/fapi/v1/insuranceBalance": 40.0, "/fapi/v1/depth": 20.0, "/api/v3/ticker/24hr": 2.0}
MINUTE_S = 60


def _levels(rows: Sequence[tuple[int, int]], venue: SimVenue) -> list[list[str]]:
    return [[venue.grid.text(at), str(size)] for at, size in rows]


STEADY: dict[str, Any] = {
    "/sapi/v1/system/status": {"status": 0, "msg": "normal"},
    "/fapi/v1/fundingInfo": [{"symbol": f"{BYSTANDER}USDT", "fundingIntervalHours": 4}],
}


class Binance:
    """Implements the dialect."""

    id = "binance_usdm"
    flush_s = 1.0

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST, spot and the two socket routes, on one port."""
        base = f"127.0.0.1:{port}"
        return {
            "rest": f"http://{base}",
            "spot": f"http://{base}",
            "ws_public": f"ws://{base}/public",
            "ws_market": f"ws://{base}/market",
        }

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer, with the weight used this minute."""
        payload = self._payload(request, venue)
        if payload is None:
            return None
        headers: dict[str, str] = {}
        if not request.path.startswith("/futures/data"):
            used = venue.count(request.now_ms / 1000, MINUTE_S, WEIGHTS.get(request.path, 1.0))
            headers["X-MBX-USED-WEIGHT-1M"] = f"{used:.0f}"
        if payload == "no such symbol":
            return Reply(status=400, payload={"code": -1121, "msg": "Invalid symbol."}, headers=headers)
        return Reply(payload=payload, headers=headers)

    def _payload(self, request: RestRequest, venue: SimVenue) -> Any:
        path, now_ms = request.path, request.now_ms
        if path == "/fapi/v1/time":
            return {"serverTime": now_ms}
        if path in ("/fapi/v1/exchangeInfo", "/api/v3/exchangeInfo"):
            return {"timezone": "UTC", "serverTime": now_ms, "symbols": [_listed(venue.asset), _listed(BYSTANDER)]}
        if path in STEADY:
            return STEADY[path]
        if path == "/fapi/v1/insuranceBalance":
            held = {"asset": "USDT", "marginBalance": "100000000.0", "updateTime": now_ms}
            return [{"symbols": [f"{venue.asset}USDT", f"{BYSTANDER}USDT"], "assets": [held]}]
        if not path.startswith(("/fapi/v1/", "/api/v3/", "/futures/data/")):
            return None
        if request.query.get("symbol") != f"{venue.asset}USDT":
            return "no such symbol"
        symbol, price = f"{venue.asset}USDT", venue.grid.digits
        if path == "/fapi/v1/depth":
            bids, asks = venue.books["perp"].levels()
            return {
                "lastUpdateId": venue.books["perp"].last_id, "E": now_ms, "T": engine_ms(venue, now_ms),
                "bids": _levels(bids, venue), "asks": _levels(asks, venue),
            }  # fmt: skip
        if path == "/fapi/v1/openInterest":
            return {"symbol": symbol, "openInterest": f"{venue.interest:.0f}", "time": now_ms}
        if path == "/fapi/v1/premiumIndex":
            return {
                "symbol": symbol, "markPrice": f"{venue.mid:.8f}", "indexPrice": f"{venue.mid:.8f}",
                "estimatedSettlePrice": f"{venue.mid:.8f}", "lastFundingRate": f"{venue.weather.funding_rate:.8f}",
                "interestRate": "0.00010000", "nextFundingTime": next_funding_ms(now_ms), "time": now_ms,
            }  # fmt: skip
        if path in ("/fapi/v1/ticker/24hr", "/api/v3/ticker/24hr"):
            usd = venue.perp_volume_usd() if path.startswith("/fapi") else SPOT_VOLUME_USD
            return {
                "symbol": symbol, "lastPrice": f"{venue.mid:.{price}f}", "volume": f"{usd / venue.mid:.0f}",
                "quoteVolume": f"{usd:.2f}", "openTime": now_ms - 86_400_000, "closeTime": now_ms, "count": 100_000,
            }  # fmt: skip
        if path in ("/futures/data/globalLongShortAccountRatio", "/futures/data/topLongShortAccountRatio"):
            ratio = venue.weather.long_short
            return [
                {
                    "symbol": symbol, "longShortRatio": f"{ratio:.4f}", "longAccount": f"{ratio / (1 + ratio):.4f}",
                    "shortAccount": f"{1 / (1 + ratio):.4f}", "timestamp": now_ms,
                }
            ]  # fmt: skip
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with -1003."""
        msg = "Too many requests; current limit is 2400 request weight per 1 MINUTE. Please use the websocket."
        return Reply(status=429, payload={"code": -1003, "msg": msg}, headers={"Retry-After": "1"})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """`/public/stream?streams=…` and `/market/stream?streams=…`; a stream of the other route sends nothing."""
        if path not in ("/public/stream", "/market/stream"):
            return None
        topics = []
        for stream in query.get("streams", "").split("/"):
            if "@depth" in stream and path.startswith("/public"):
                topics.append("book:perp")
            elif stream.startswith("!forceOrder") and path.startswith("/market"):
                topics.append("forced")
            elif "@markPrice" in stream and path.startswith("/market"):
                topics.append("mark")
        return SocketReply(topics=topics)

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Streams come by the URL; LIST_SUBSCRIPTIONS names those of this route."""
        message = message_in(text)
        if not message:
            return SocketReply(answers=[compact({"error": {"code": 2, "msg": "Invalid request"}})])
        listed = None
        if message.get("method") == "LIST_SUBSCRIPTIONS":
            symbol = f"{venue.asset}USDT".lower()
            market = ["!forceOrder@arr", f"{symbol}@markPrice@1s"]
            listed = [f"{symbol}@depth@100ms"] if path.startswith("/public") else market
        return SocketReply(answers=[compact({"result": listed, "id": message.get("id")})])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """Nothing: the book's base is REST's."""
        return ()

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`depthUpdate`, with `pu` the previous frame's `u`."""
        symbol = f"{venue.asset}USDT"
        event = {
            "e": "depthUpdate", "E": now_ms, "T": engine_ms(venue, now_ms), "s": symbol, "U": change.first_id,
            "u": change.last_id, "pu": change.prev_id, "b": _levels(change.bids, venue), "a": _levels(change.asks, venue),
        }  # fmt: skip
        return [compact({"stream": f"{symbol.lower()}@depth@100ms", "data": event})]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> str | None:
        """`markPriceUpdate`."""
        if topic != "mark":
            return None
        symbol, mark = f"{venue.asset}USDT", f"{venue.mid:.8f}"
        event = {
            "e": "markPriceUpdate", "E": now_ms, "s": symbol, "p": mark, "i": mark, "P": mark,
            "r": f"{venue.weather.funding_rate:.8f}", "T": next_funding_ms(now_ms),
        }  # fmt: skip
        return compact({"stream": f"{symbol.lower()}@markPrice@1s", "data": event})

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`forceOrder` of the latest order; `S` is the closing order's side."""
        order = orders[-1]
        price, size = f"{order.price:.{venue.grid.digits}f}", str(order.base)
        event = {
            "e": "forceOrder", "E": now_ms, "ps": f"{venue.asset}USDT", "st": 1,
            "o": {
                "s": f"{venue.asset}USDT", "S": "SELL" if order.side is Liquidated.LONG else "BUY", "o": "LIMIT",
                "f": "IOC", "q": size, "p": price, "ap": price, "X": "FILLED", "l": size, "z": size, "T": order.at_ms,
            },
        }  # fmt: skip
        return [compact({"stream": "!forceOrder@arr", "data": event})]


def _listed(asset: str) -> dict[str, str]:
    return {
        "symbol": f"{asset}USDT", "pair": f"{asset}USDT", "contractType": "PERPETUAL", "status": "TRADING",
        "baseAsset": asset, "quoteAsset": "USDT", "marginAsset": "USDT",
    }  # fmt: skip


DIALECT: Dialect = Binance()
