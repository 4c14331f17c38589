"""Hyperliquid as its API behaves: POSTs to /info, one socket, whole books of twenty levels a side, its status page.

Sizes are base units and figures text. Perpetuals are charged funding each hour; spot pairs have a number for a name. A throttled
client gets HTTP 429 with the body `null`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.world.dialect import BYSTANDER, Dialect, Frame, Quiet, Reply, RestRequest, SocketReply, compact
from monitor.drill.world.figures import mark, message_in, price, status_page, traded_base, traded_usd
from monitor.drill.world.market import Change, SimVenue

SOCKET = "/ws"
SHOWN = 20
"""Levels a side of `l2Book`."""
HOURS = 8
"""The world's funding rate is one of eight hours; here it is charged each hour."""
PAIRS = {"@107": (1, 107), "@1": (2, 1)}
"""Spot pairs of the asset and the bystander: the number of the base token, and the pair's own."""
IDLE = {"funding": "0.0000125", "openInterest": "0.0", "markPx": "60000.0", "oraclePx": "60000.0", "midPx": "60000.0"}


class Hyperliquid(Quiet):
    """Implements the dialect."""

    id = "hyperliquid"

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST, one socket and the status page, on one port."""
        base = f"127.0.0.1:{port}"
        return {"rest": f"http://{base}", "ws": f"ws://{base}{SOCKET}", "status": f"http://{base}/status"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """What a POST to /info asks for by its type."""
        if request.path == "/status/api/v2/summary.json":
            return Reply(payload=status_page())
        if request.path != "/info":
            return None
        match request.body.get("type"):
            case "exchangeStatus":
                return Reply(payload={"specialStatuses": None, "time": request.now_ms})
            case "metaAndAssetCtxs":
                return Reply(payload=[_meta(venue), [_context(venue), _idle()]])
            case "meta":
                return Reply(payload=_meta(venue))
            case "spotMeta":
                return Reply(payload=_spot_meta(venue))
            case "spotMetaAndAssetCtxs":
                return Reply(payload=[_spot_meta(venue), [_spot_context(venue), {**_idle(), "coin": "@1"}]])
            case "l2Book" if (market := _market(str(request.body.get("coin")), venue)) is not None:
                return Reply(payload=_book(market, venue, request.now_ms))
        return Reply(status=422, payload="Failed to deserialize the JSON body into the target type")

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with `null`."""
        return Reply(status=429, payload=None)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The one socket."""
        return SocketReply() if path == SOCKET else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings, and subscriptions of one coin each."""
        message = message_in(text)
        if message.get("method") == "ping":
            return SocketReply(answers=[compact({"channel": "pong"})])
        asked = message.get("subscription")
        topic = _topic(asked, venue) if message.get("method") == "subscribe" and isinstance(asked, dict) else None
        if topic is None:
            error = f"Invalid subscription {compact(asked)}"
            return SocketReply(answers=[compact({"channel": "error", "data": error})])
        answer = {"method": "subscribe", "subscription": asked}
        return SocketReply(answers=[compact({"channel": "subscriptionResponse", "data": answer})], topics=[topic])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The book and the figures at once."""
        if topic.startswith("book:"):
            return [_pushed_book(topic.removeprefix("book:"), venue, now_ms)]
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The whole book after the change."""
        return [_pushed_book(market, venue, now_ms)]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """`activeAssetCtx`."""
        if topic != "ticker:perp":
            return None
        return compact({"channel": "activeAssetCtx", "data": {"coin": venue.asset, "ctx": _context(venue)}})


def _market(coin: str, venue: SimVenue) -> str | None:
    return {venue.asset: "perp", "@107": "spot"}.get(coin)


def _topic(asked: Mapping[str, Any], venue: SimVenue) -> str | None:
    market = _market(str(asked.get("coin")), venue)
    if asked.get("type") == "l2Book" and market is not None:
        return f"book:{market}"
    return "ticker:perp" if asked.get("type") == "activeAssetCtx" and market == "perp" else None


def _book(market: str, venue: SimVenue, now_ms: int) -> dict[str, object]:
    levels = [
        [{"px": venue.grid.text(at), "sz": f"{size}.0", "n": 1} for at, size in side[:SHOWN]]
        for side in venue.books[market].levels()
    ]
    return {"coin": venue.asset if market == "perp" else "@107", "time": now_ms, "levels": levels}


def _pushed_book(market: str, venue: SimVenue, now_ms: int) -> str:
    return compact({"channel": "l2Book", "data": _book(market, venue, now_ms)})


def _meta(venue: SimVenue) -> dict[str, object]:
    universe = [{"name": one, "szDecimals": 0, "maxLeverage": 10} for one in (venue.asset, BYSTANDER)]
    return {"universe": universe, "marginTables": [], "collateralToken": 0}


def _spot_meta(venue: SimVenue) -> dict[str, object]:
    names = ("USDC", venue.asset, BYSTANDER)
    tokens = [{"name": one, "szDecimals": 0, "weiDecimals": 8, "index": at} for at, one in enumerate(names)]
    universe = [
        {"name": name, "tokens": [base, 0], "index": index, "isCanonical": False}
        for name, (base, index) in PAIRS.items()
    ]
    return {"universe": universe, "tokens": tokens}


def _context(venue: SimVenue) -> dict[str, object]:
    return {
        "funding": f"{venue.weather.funding_rate / HOURS:.10f}", "openInterest": f"{venue.interest:.1f}",
        "prevDayPx": price(venue), "dayNtlVlm": f"{traded_usd(venue, 'perp'):.2f}", "premium": "0.0",
        "oraclePx": mark(venue), "markPx": mark(venue), "midPx": mark(venue),
        "dayBaseVlm": f"{traded_base(venue, 'perp'):.2f}",
    }  # fmt: skip


def _idle() -> dict[str, object]:
    """The figures of the bystander."""
    return {**IDLE, "prevDayPx": "60000.0", "dayNtlVlm": "0.0", "dayBaseVlm": "0.0", "premium": None}


def _spot_context(venue: SimVenue) -> dict[str, object]:
    return {
        "coin": "@107", "prevDayPx": price(venue), "markPx": mark(venue), "midPx": mark(venue),
        "dayNtlVlm": f"{traded_usd(venue, 'spot'):.2f}", "dayBaseVlm": f"{traded_base(venue, 'spot'):.2f}",
        "circulatingSupply": "1000000000.0", "totalSupply": "1000000000.0",
    }  # fmt: skip


DIALECT: Dialect = Hyperliquid()
