"""Kraken spot as its API behaves: errors in a 200, answers by the venue's own names, XBT for bitcoin in REST, WebSocket v2.

Books have a CRC32 of the ten best levels instead of a sequence (docs.kraken.com, "Spot WebSockets v2: book checksum"). A
throttled client gets `EAPI:Rate limit exceeded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import formatdate
from zlib import crc32

from monitor.drill.world.dialect import BYSTANDER, Dialect, Frame, Quiet, Reply, RestRequest, SocketReply, compact
from monitor.drill.world.figures import (
    Levels,
    iso,
    listed,
    mark,
    message_in,
    named_in,
    price,
    texts,
    traded_base,
)
from monitor.drill.world.market import Change, SimVenue

SOCKET = "/v2"
BEST = 10
"""Levels of each side in a checksum."""
SIZE = ".8f"
"""`lot_decimals`: the digits of a size."""


def _rest_asset(asset: str) -> str:
    return "XBT" if asset == BYSTANDER else asset


def _good(result: object) -> Reply:
    return Reply(payload={"error": [], "result": result})


class Kraken(Quiet):
    """Implements the dialect."""

    id = "kraken"

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and one socket, on one port."""
        return {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}{SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer; every one is a 200."""
        seconds = request.now_ms // 1000
        name = f"{venue.asset}USDT"
        match request.path.removeprefix("/0/public/"):
            case "Time":
                return _good({"unixtime": seconds, "rfc1123": formatdate(seconds)})
            case "SystemStatus":
                return _good({"status": _state(venue), "timestamp": iso(seconds * 1000)})
            case "Assets":
                return _good({_rest_asset(one): _asset(one, venue) for one in listed(venue)})
            case "AssetPairs":
                return _good({f"{_rest_asset(one)}USDT": _pair(one, venue) for one in listed(venue)})
            case "Depth" | "Ticker" if request.query.get("pair") != name:
                return Reply(payload={"error": ["EQuery:Unknown asset pair"]})
            case "Depth":
                bids, asks = ([[*level, seconds] for level in texts(side, venue)] for side in _book(venue))
                return _good({name: {"asks": asks, "bids": bids}})
            case "Ticker":
                traded, average, last = f"{traded_base(venue, 'spot'):.8f}", mark(venue), price(venue)
                best = {"a": [last, "1", "1.000"], "b": [last, "1", "1.000"], "o": last}
                return _good({name: {**best, "c": [last, "1"], "v": [traded] * 2, "p": [average] * 2, "t": [9, 9]}})
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """An error in a 200."""
        return Reply(payload={"error": ["EAPI:Rate limit exceeded"]})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The socket states the platform's state, and sends heartbeats."""
        if path != SOCKET:
            return None
        row = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1}
        status = {"channel": "status", "type": "update", "data": [row]}
        return SocketReply(answers=[compact(status)], topics=["ping"])

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings, and subscriptions: an answer for each symbol."""
        message = message_in(text)
        times = {"time_in": iso(now_ms), "time_out": iso(now_ms)}
        if message.get("method") == "ping":
            return SocketReply(answers=[compact({"method": "pong", **times})])
        params = message.get("params")
        if message.get("method") != "subscribe" or not isinstance(params, dict):
            return SocketReply(answers=[compact({"error": "Unsupported method", "success": False, **times})])
        answers, topics = [], []
        for symbol in named_in(params, "symbol"):
            head = {"method": "subscribe", "req_id": message.get("req_id")}
            if params.get("channel") != "book" or symbol != f"{venue.asset}/USDT":
                error = {"error": f"Currency pair not supported {symbol}", "success": False, "symbol": symbol}
                answers.append(compact({**head, **error, **times}))
                continue
            result = {"channel": "book", "depth": params.get("depth"), "snapshot": True, "symbol": symbol}
            answers.append(compact({**head, "result": result, "success": True, **times}))
            topics.append("book:spot")
        return SocketReply(answers=answers, topics=topics)

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The whole book."""
        return [_frame("snapshot", _book(venue), venue, now_ms)] if topic == "book:spot" else []

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A change, with the checksum of the book after it."""
        return [_frame("update", (change.bids, change.asks), venue, now_ms)] if market == "spot" else []

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """A heartbeat."""
        return compact({"channel": "heartbeat"}) if topic == "ping" else None


def _book(venue: SimVenue) -> tuple[Levels, Levels]:
    return venue.books["spot"].levels()


def _frame(kind: str, sides: tuple[Levels, Levels], venue: SimVenue, now_ms: int) -> str:
    """Numbers keep their trailing zeros, which the checksum counts: the text is made by hand."""
    bids, asks = (
        ",".join(f'{{"price":{venue.grid.text(at)},"qty":{size:{SIZE}}}}' for at, size in side) for side in sides
    )
    row = (
        f'{{"symbol":"{venue.asset}/USDT","bids":[{bids}],"asks":[{asks}],"checksum":{_checksum(venue)},'
        f'"timestamp":"{iso(now_ms)}"}}'
    )
    return f'{{"channel":"book","type":"{kind}","data":[{row}]}}'


def _checksum(venue: SimVenue) -> int:
    """Of asks and then bids, the best first: price and size without the point and the leading zeros."""
    bids, asks = _book(venue)
    numbers = [
        text.replace(".", "").lstrip("0")
        for at, size in (*asks[:BEST], *bids[:BEST])
        for text in (venue.grid.text(at), f"{size:{SIZE}}")
    ]
    return crc32("".join(numbers).encode())


def _state(venue: SimVenue) -> str:
    return "cancel_only" if venue.weather.cancel_only else "online"


def _asset(asset: str, venue: SimVenue) -> dict[str, object]:
    out, into = venue.weather.withdrawals_closed, venue.weather.deposits_closed
    words = {
        (True, True): "funding_temporarily_disabled",
        (True, False): "deposit_only",
        (False, True): "withdrawal_only",
    }
    status = words.get((out, into), "enabled") if asset == venue.asset else "enabled"
    return {"aclass": "currency", "altname": _rest_asset(asset), "decimals": 10, "status": status}


def _pair(asset: str, venue: SimVenue) -> dict[str, object]:
    name = _rest_asset(asset)
    return {
        "altname": f"{name}USDT", "wsname": f"{name}/USDT", "base": name, "quote": "USDT", "status": "online",
        "pair_decimals": venue.grid.digits, "lot_decimals": 8, "aclass_base": "currency", "aclass_quote": "currency",
    }  # fmt: skip


DIALECT: Dialect = Kraken()
