"""Binance spot as its API behaves: REST v3 with weights, combined streams named in the URL, a book whose base is REST's.

A throttled client gets HTTP 429, code -1003, Retry-After. Wallets need a key, which a drill does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.drill.world.dialect import Dialect, Frame, Quiet, Reply, RestRequest, SocketReply, compact
from monitor.drill.world.figures import listed, message_in, price, texts, traded_base, traded_usd
from monitor.drill.world.market import Change, SimVenue

WEIGHTS = {"/api/v3/depth": 50.0, "/api/v3/exchangeInfo": 20.0, "/api/v3/ticker/24hr": 2.0}
MINUTE_S, DAY_MS = 60, 86_400_000
SOCKET = "/stream"


class BinanceSpot(Quiet):
    """Implements the dialect."""

    id = "binance_spot"

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and one socket, on one port."""
        return {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer, with the weight used this minute."""
        payload = self._payload(request, venue)
        if payload is None:
            return None
        used = venue.count(request.now_ms / 1000, MINUTE_S, WEIGHTS.get(request.path, 1.0))
        headers = {"X-MBX-USED-WEIGHT-1M": f"{used:.0f}"} if request.path.startswith("/api/") else {}
        return Reply(status=400 if "code" in payload else 200, payload=payload, headers=headers)

    def _payload(self, request: RestRequest, venue: SimVenue) -> Mapping[str, object] | None:
        now_ms, symbol = request.now_ms, f"{venue.asset}USDT"
        match request.path:
            case "/api/v3/time":
                return {"serverTime": now_ms}
            case "/sapi/v1/system/status":
                return {"status": 0, "msg": "normal"}
            case "/api/v3/exchangeInfo":
                rows = [_listed(asset) for asset in listed(venue)]
                return {"timezone": "UTC", "serverTime": now_ms, "rateLimits": [], "symbols": rows}
        if request.path not in ("/api/v3/depth", "/api/v3/ticker/24hr"):
            return None
        if request.query.get("symbol") != symbol:
            return {"code": -1121, "msg": "Invalid symbol."}
        if request.path == "/api/v3/depth":
            bids, asks = (texts(side, venue) for side in venue.books["spot"].levels())
            return {"lastUpdateId": venue.books["spot"].last_id, "bids": bids, "asks": asks}
        return {
            "symbol": symbol, "lastPrice": price(venue), "volume": f"{traded_base(venue, 'spot'):.2f}", "count": 100_000,
            "quoteVolume": f"{traded_usd(venue, 'spot'):.2f}", "openTime": now_ms - DAY_MS, "closeTime": now_ms,
        }  # fmt: skip

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with -1003."""
        msg = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        return Reply(status=429, payload={"code": -1003, "msg": msg}, headers={"Retry-After": "1"})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """`/stream?streams=…`: a stream of depths is the book."""
        if path != SOCKET:
            return None
        return SocketReply(topics=["book:spot"] if "@depth" in query.get("streams", "") else [])

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Streams come by the URL; LIST_SUBSCRIPTIONS names them."""
        message = message_in(text)
        if message.get("method") != "LIST_SUBSCRIPTIONS":
            return SocketReply(answers=[compact({"code": 2, "msg": "Invalid request: unknown variant"})])
        return SocketReply(answers=[compact({"result": [_stream(venue)], "id": message.get("id")})])

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """`depthUpdate`: the first id follows the last id of the frame before."""
        if market != "spot":
            return []
        event = {
            "e": "depthUpdate", "E": now_ms, "s": f"{venue.asset}USDT", "U": change.first_id, "u": change.last_id,
            "b": texts(change.bids, venue), "a": texts(change.asks, venue),
        }  # fmt: skip
        return [compact({"stream": _stream(venue), "data": event})]


def _stream(venue: SimVenue) -> str:
    return f"{venue.asset}usdt@depth@100ms".lower()


def _listed(asset: str) -> dict[str, object]:
    return {
        "symbol": f"{asset}USDT", "status": "TRADING", "baseAsset": asset, "quoteAsset": "USDT",
        "isSpotTradingAllowed": True, "permissions": [], "permissionSets": [], "filters": [],
    }  # fmt: skip


DIALECT: Dialect = BinanceSpot()
