"""OKX v5 as its API behaves: one envelope, everything text, channels subscribed by message, plain "ping" and "pong".

Its liquidation channel sends at most one order a contract and second, and begins with old news. It has one stamp only, the
book's, so a lagging engine shows as a late feed. A throttled client gets HTTP 429 with code 50011.
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

SOCKET = "/ws/v5/public"
CONTRACT = 10
"""`ctVal`: base units a contract."""
BACKLOG_AGE_MS = 45_000


def _swap(venue: SimVenue) -> str:
    return f"{venue.asset}-USDT-SWAP"


def _levels(rows: Sequence[tuple[int, int]], venue: SimVenue, size: int) -> list[list[str]]:
    return [[venue.grid.text(at), str(base // size), "0", "1" if base else "0"] for at, base in rows]


def _good(rows: Sequence[object]) -> Reply:
    return Reply(payload={"code": "0", "msg": "", "data": rows})


class Okx:
    """Implements the dialect."""

    id = "okx"
    flush_s = 1.0

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and the public socket, on one port."""
        return {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}{SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer. There are no budget headers."""
        path, query = request.path.removeprefix("/api/v5/"), request.query
        match path:
            case "public/time":
                return _good([{"ts": str(request.now_ms)}])
            case "system/status":
                return _good([])
            case "public/instruments":
                return _good(_listing(query.get("instType", ""), venue.asset))
        if path == "public/insurance-fund":
            held = {"balance": "100000000", "ccy": "USDT", "ts": str(request.now_ms), "type": "regular_update"}
            return _good([{"details": [held], "instFamily": query.get("instFamily", ""), "instType": "SWAP"}])
        if path not in _PATHS:
            return None
        inst = query.get("instId", "")
        if inst not in (_swap(venue), f"{venue.asset}-USDT"):
            payload = {"code": "51001", "msg": "Instrument ID or Spread ID doesn't exist.", "data": []}
            return Reply(payload=payload)
        return _good(self._rows(path, inst, venue, request.now_ms))

    def _rows(self, path: str, inst: str, venue: SimVenue, now_ms: int) -> list[Any]:
        match path:
            case "market/books":
                swap = inst.endswith("-SWAP")
                book = venue.books["perp" if swap else "spot"]
                bids, asks = book.levels()
                size = CONTRACT if swap else 1
                return [
                    {
                        "asks": _levels(asks, venue, size), "bids": _levels(bids, venue, size),
                        "ts": str(engine_ms(venue, now_ms)), "seqId": book.last_id,
                    }
                ]  # fmt: skip
            case "public/open-interest":
                return [_interest(venue, now_ms)]
            case "public/funding-rate":
                return [
                    {
                        "instId": inst, "instType": "SWAP", "fundingRate": f"{venue.weather.funding_rate:.10f}",
                        "fundingTime": str(next_funding_ms(now_ms)), "nextFundingTime": "", "ts": str(now_ms),
                    }
                ]  # fmt: skip
            case "public/mark-price":
                return [_mark(venue, now_ms)]
            case "market/ticker":
                return [_ticker(inst, venue, now_ms)]
        return [[str(now_ms), f"{venue.weather.long_short:.4f}"]]

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """50011 with 429."""
        return Reply(status=429, payload={"msg": "Too Many Requests", "code": "50011"})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The public socket."""
        return SocketReply() if path == SOCKET else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings and subscriptions."""
        if text == "ping":
            return SocketReply(answers=["pong"])
        try:
            message = json.loads(text)
            op, args = message.get("op"), message.get("args") or []
        except (ValueError, AttributeError):
            return SocketReply(answers=[compact({"event": "error", "code": "60012", "msg": "Invalid request"})])
        answers, topics = [], []
        for arg in args:
            topic = _topic(arg, venue) if op == "subscribe" and isinstance(arg, dict) else None
            if topic is None:
                msg = f"Wrong URL or channel or instId doesn't exist: {arg}"
                answers.append(compact({"event": "error", "code": "60018", "msg": msg, "connId": "drill"}))
                continue
            answers.append(compact({"event": "subscribe", "arg": arg, "connId": "drill"}))
            topics.append(topic)
        return SocketReply(answers=answers, topics=topics)

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """A book's snapshot; the backlog of forced orders; the first mark price and open interest."""
        if topic.startswith("book:"):
            market = topic.removeprefix("book:")
            book = venue.books[market]
            bids, asks = book.levels()
            row = _book_row(market, bids, asks, venue, now_ms, seq=(book.last_id, -1))
            return [_pushed("books", _inst(market, venue), [row], action="snapshot")]
        if topic == "forced":
            old = Forced(at_ms=now_ms - BACKLOG_AGE_MS, side=Liquidated.LONG, price=venue.mid, base=CONTRACT)
            return self.forced([old], venue, now_ms)
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """A `books` update; the checksum is 0 since 2026-06."""
        seq = (change.last_id, change.prev_id)
        row = _book_row(market, change.bids, change.asks, venue, now_ms, seq=seq)
        return [_pushed("books", _inst(market, venue), [row], action="update")]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> str | None:
        """`mark-price` and `open-interest`."""
        if topic == "mark":
            return _pushed("mark-price", _swap(venue), [_mark(venue, now_ms)])
        if topic == "interest":
            return _pushed("open-interest", _swap(venue), [_interest(venue, now_ms)])
        return None

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[str]:
        """`liquidation-orders`: one order, sizes in contracts."""
        order = orders[-1]
        long = order.side is Liquidated.LONG
        detail = {
            "bkLoss": "0", "bkPx": f"{order.price:.{venue.grid.digits}f}", "ccy": "", "posSide": "long" if long else "short",
            "side": "sell" if long else "buy", "sz": str(max(order.base // CONTRACT, 1)), "ts": str(order.at_ms),
        }  # fmt: skip
        row = {
            "details": [detail], "instFamily": f"{venue.asset}-USDT", "instId": _swap(venue), "instType": "SWAP",
            "uly": f"{venue.asset}-USDT",
        }  # fmt: skip
        return [compact({"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]})]


_PATHS = (
    "market/books", "public/open-interest", "public/funding-rate", "public/mark-price", "market/ticker",
    "rubik/stat/contracts/long-short-account-ratio-contract",
)  # fmt: skip


def _inst(market: str, venue: SimVenue) -> str:
    return _swap(venue) if market == "perp" else f"{venue.asset}-USDT"


def _topic(arg: Mapping[str, Any], venue: SimVenue) -> str | None:
    channel, inst = arg.get("channel"), arg.get("instId")
    if channel == "liquidation-orders" and arg.get("instType") == "SWAP":
        return "forced"
    if channel == "status":
        return "status"
    if channel == "adl-warning":
        return "warning"  # nothing is sent while all is normal
    if inst not in (_swap(venue), f"{venue.asset}-USDT"):
        return None
    swap = inst == _swap(venue)
    if channel == "books":
        return "book:perp" if swap else "book:spot"
    return {"mark-price": "mark", "open-interest": "interest"}.get(str(channel)) if swap else None


def _pushed(channel: str, inst: str, rows: Sequence[object], action: str = "") -> str:
    frame: dict[str, object] = {"arg": {"channel": channel, "instId": inst}, "data": rows}
    return compact({**frame, "action": action} if action else frame)


def _book_row(
    market: str, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], venue: SimVenue, now_ms: int,
    *, seq: tuple[int, int],
) -> dict[str, object]:  # fmt: skip
    size = CONTRACT if market == "perp" else 1
    return {
        "asks": _levels(asks, venue, size), "bids": _levels(bids, venue, size), "ts": str(engine_ms(venue, now_ms)),
        "checksum": 0, "seqId": seq[0], "prevSeqId": seq[1],
    }  # fmt: skip


def _interest(venue: SimVenue, now_ms: int) -> dict[str, str]:
    return {
        "instType": "SWAP", "instId": _swap(venue), "oi": f"{venue.interest / CONTRACT:.0f}",
        "oiCcy": f"{venue.interest:.0f}", "oiUsd": f"{venue.interest * venue.mid:.2f}", "ts": str(now_ms),
    }  # fmt: skip


def _mark(venue: SimVenue, now_ms: int) -> dict[str, str]:
    return {"instType": "SWAP", "instId": _swap(venue), "markPx": f"{venue.mid:.8f}", "ts": str(now_ms)}


def _ticker(inst: str, venue: SimVenue, now_ms: int) -> dict[str, str]:
    swap = inst.endswith("-SWAP")
    base = (venue.perp_volume_usd() if swap else SPOT_VOLUME_USD) / venue.mid
    return {
        "instType": "SWAP" if swap else "SPOT", "instId": inst, "last": f"{venue.mid:.{venue.grid.digits}f}",
        "vol24h": f"{base / CONTRACT:.0f}" if swap else f"{base:.0f}",
        "volCcy24h": f"{base:.0f}" if swap else f"{SPOT_VOLUME_USD:.2f}", "ts": str(now_ms),
    }  # fmt: skip


def _listing(kind: str, asset: str) -> list[dict[str, str]]:
    if kind == "SPOT":
        return [
            {"instType": "SPOT", "instId": f"{one}-USDT", "baseCcy": one, "quoteCcy": "USDT", "state": "live"}
            for one in (asset, BYSTANDER)
        ]
    if kind != "SWAP":
        return []
    return [
        {
            "instType": "SWAP", "instId": f"{one}-USDT-SWAP", "uly": f"{one}-USDT", "instFamily": f"{one}-USDT",
            "settleCcy": "USDT", "ctType": "linear", "ctVal": str(CONTRACT), "ctMult": "1", "ctValCcy": one,
            "state": "live",
        }
        for one in (asset, BYSTANDER)
    ]  # fmt: skip


DIALECT: Dialect = Okx()
