"""MEXC as its API behaves: spot with protobuf frames, USDT futures with JSON frames and contracts of two units.

The numbers of the protobuf fields are those of github.com/mexcdevelop/websocket-proto. A throttled client gets HTTP 429 and
Retry-After (spot), or code 510 in a 200 (futures). Wallets need a key, which a drill does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.world.dialect import (
    Dialect,
    Frame,
    Quiet,
    Reply,
    RestRequest,
    SocketReply,
    compact,
    engine_ms,
    next_funding_ms,
)
from monitor.drill.world.figures import (
    Levels,
    listed,
    message_in,
    named_in,
    numbers,
    price,
    texts,
    traded_base,
    traded_usd,
)
from monitor.drill.world.market import Change, SimVenue

SPOT_SOCKET, FUTURES_SOCKET = "/ws", "/edge"
V1 = "/api/v1/contract/"
DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@"
CONTRACT = 2
"""`contractSize`: base units a contract."""
CHANNELS = {"sub.depth": "book:perp", "sub.ticker": "ticker:perp", "sub.funding.rate": "funding"}
ASKS, BIDS, EVENT_TYPE, FROM_VERSION, TO_VERSION = 1, 2, 3, 4, 5
PRICE, QUANTITY = 1, 2
CHANNEL, SYMBOL, CREATE_TIME, SEND_TIME, DEPTHS = 1, 3, 5, 6, 313


def varint(number: int) -> bytes:
    """A whole number, seven bits a byte (protobuf.dev, "Encoding")."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def field(number: int, value: int | str | bytes) -> bytes:
    """A field of a message: a number, or a text or message with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def _good(payload: object) -> Reply:
    return Reply(payload={"success": True, "code": 0, "data": payload})


class Mexc(Quiet):
    """Implements the dialect."""

    id = "mexc"

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST of both products and two sockets, on one port."""
        base = f"127.0.0.1:{port}"
        rest = {"rest": f"http://{base}", "futures": f"http://{base}"}
        return {**rest, "ws": f"ws://{base}{SPOT_SOCKET}", "ws_futures": f"ws://{base}{FUTURES_SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer: futures in an envelope, spot without one."""
        if request.path.startswith(V1):
            return self._futures(request.path.removeprefix(V1), request, venue)
        now_ms, symbol = request.now_ms, f"{venue.asset}USDT"
        match request.path:
            case "/api/v3/time":
                return Reply(payload={"serverTime": now_ms})
            case "/api/v3/exchangeInfo":
                rows = [_pair(one) for one in listed(venue)]
                return Reply(payload={"timezone": "CST", "serverTime": now_ms, "symbols": rows})
            case "/api/v3/depth" | "/api/v3/ticker/24hr" if request.query.get("symbol") != symbol:
                return Reply(status=400, payload={"code": -1121, "msg": "Invalid symbol."})
            case "/api/v3/depth":
                book = venue.books["spot"]
                bids, asks = (texts(side, venue) for side in book.levels())
                levels = {"bids": bids, "asks": asks}
                return Reply(payload={"lastUpdateId": book.last_id, **levels, "timestamp": now_ms})
            case "/api/v3/ticker/24hr":
                traded = {
                    "volume": f"{traded_base(venue, 'spot'):.2f}",
                    "quoteVolume": f"{traded_usd(venue, 'spot'):.2f}",
                }
                return Reply(payload={"symbol": symbol, "lastPrice": price(venue), **traded, "closeTime": now_ms})
        return None

    def _futures(self, path: str, request: RestRequest, venue: SimVenue) -> Reply | None:
        now_ms, symbol = request.now_ms, f"{venue.asset}_USDT"
        if path == "detail":
            return _good([_contract(one) for one in listed(venue)])
        if path == "risk_reverse":
            fund = {"symbol": symbol, "currency": "USDT", "available": 1_000_000.0, "timestamp": now_ms}
            return _good([fund])
        kind, _, named = path.partition("/")
        if kind not in ("depth", "ticker", "funding_rate"):
            return None
        if (named or request.query.get("symbol")) != symbol:
            return Reply(payload={"success": False, "code": 1001, "message": "Contract does not exist"})
        if kind == "depth":
            book = venue.books["perp"]
            return _good({**_levels(book.levels(), venue), "version": book.frame, "timestamp": now_ms})
        if kind == "ticker":
            return _good(_ticker(venue, now_ms))
        times = {"collectCycle": 8, "nextSettleTime": next_funding_ms(now_ms), "timestamp": now_ms}
        return _good({"symbol": symbol, "fundingRate": venue.weather.funding_rate, **times})

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """In the words of the product."""
        if request.path.startswith(V1):
            return Reply(payload={"success": False, "code": 510, "message": "Excessive frequency of requests"})
        return Reply(status=429, payload={"code": 429, "msg": "Too Many Requests"}, headers={"Retry-After": "1"})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The two sockets."""
        return SocketReply() if path in (SPOT_SOCKET, FUTURES_SOCKET) else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings and subscriptions; answers are JSON on both sockets."""
        message = message_in(text)
        method = str(message.get("method"))
        if path == SPOT_SOCKET:
            return _spot_answer(method, message, venue)
        if method == "ping":
            return SocketReply(answers=[compact({"channel": "pong", "data": now_ms})])
        param = message.get("param")
        known = isinstance(param, dict) and param.get("symbol") == f"{venue.asset}_USDT" and method in CHANNELS
        if not known:
            error = {"channel": "rs.error", "data": "Contract doesn't exist!", "ts": now_ms}
            return SocketReply(answers=[compact(error)])
        answer = {"channel": f"rs.{method}", "data": "success", "ts": now_ms}
        return SocketReply(answers=[compact(answer)], topics=[CHANNELS[method]])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A book's base is REST's; figures come at once."""
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A protobuf message of spot, or every version of a contract's book."""
        if market == "perp":
            row = {**_levels((change.bids, change.asks), venue), "version": change.frame}
            return [_pushed("push.depth", {**row, "cts": engine_ms(venue, now_ms)}, venue, now_ms)]
        sides = b"".join(
            field(number, field(PRICE, at) + field(QUANTITY, size))
            for number, levels in ((ASKS, change.asks), (BIDS, change.bids))
            for at, size in texts(levels, venue)
        )
        channel = f"{DEPTH}{venue.asset}USDT"
        versions = field(FROM_VERSION, str(change.first_id)) + field(TO_VERSION, str(change.last_id))
        head = field(CHANNEL, channel) + field(SYMBOL, f"{venue.asset}USDT")
        times = field(CREATE_TIME, engine_ms(venue, now_ms)) + field(SEND_TIME, now_ms)
        return [head + times + field(DEPTHS, sides + field(EVENT_TYPE, channel.rpartition("@")[0]) + versions)]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """The ticker and the funding rate of the contract."""
        if topic == "ticker:perp":
            return _pushed("push.ticker", _ticker(venue, now_ms), venue, now_ms)
        if topic != "funding":
            return None
        row = {"rate": venue.weather.funding_rate, "symbol": f"{venue.asset}_USDT"}
        return _pushed(
            "push.funding.rate", {**row, "nextSettleTime": next_funding_ms(now_ms)}, venue, now_ms
        )  # fmt: skip


def _pushed(channel: str, row: object, venue: SimVenue, now_ms: int) -> str:
    return compact({"channel": channel, "data": row, "symbol": f"{venue.asset}_USDT", "ts": now_ms})


def _spot_answer(method: str, message: Mapping[str, Any], venue: SimVenue) -> SocketReply:
    """A subscription that is refused has code 0 too, and says so in words."""
    if method == "PING":
        return SocketReply(answers=[compact({"id": 0, "code": 0, "msg": "PONG"})])
    names = [str(one) for one in named_in(message, "params")] if method == "SUBSCRIPTION" else []
    good = bool(names) and all(one == f"{DEPTH}{venue.asset}USDT" for one in names)
    words = ",".join(names)
    text = words if good else f"Not Subscribed successfully! [{words}]. Reason： Blocked! "
    return SocketReply(answers=[compact({"id": 0, "code": 0, "msg": text})], topics=["book:spot"] if good else [])


def _levels(sides: tuple[Levels, Levels], venue: SimVenue) -> dict[str, object]:
    """Levels of a contract's book: price, contracts, and how many orders."""
    bids, asks = ([[*level, 1] for level in numbers(side, venue, CONTRACT)] for side in sides)
    return {"bids": bids, "asks": asks}


def _pair(asset: str) -> dict[str, object]:
    return {
        "symbol": f"{asset}USDT", "status": "1", "baseAsset": asset, "quoteAsset": "USDT",
        "isSpotTradingAllowed": True, "quotePrecision": 4, "baseAssetPrecision": 0,
    }  # fmt: skip


def _contract(asset: str) -> dict[str, object]:
    return {
        "symbol": f"{asset}_USDT", "baseCoin": asset, "quoteCoin": "USDT", "settleCoin": "USDT", "state": 0,
        "contractSize": CONTRACT, "futureType": 1, "apiAllowed": False, "priceUnit": 0.0001, "volUnit": 1,
    }  # fmt: skip


def _ticker(venue: SimVenue, now_ms: int) -> dict[str, object]:
    base = traded_base(venue, "perp")
    return {
        "symbol": f"{venue.asset}_USDT", "lastPrice": venue.mid, "indexPrice": venue.mid, "fairPrice": venue.mid,
        "volume24": round(base / CONTRACT), "amount24": round(traded_usd(venue, "perp"), 2),
        "holdVol": round(venue.interest / CONTRACT), "fundingRate": venue.weather.funding_rate, "timestamp": now_ms,
    }  # fmt: skip


DIALECT: Dialect = Mexc()
