"""Kraken Derivatives as its API behaves: REST v3, one socket of flat frames, the status page of all Kraken's products.

A frame of a book is one level, `seq` rises by one. Liquidations are trades of that type. Funding is hourly, absolute in REST and
relative in the socket. A throttled client gets `apiLimitExceeded` in a 200.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.world.dialect import BYSTANDER, Dialect, Frame, Quiet, Reply, RestRequest, SocketReply, compact
from monitor.drill.world.figures import (
    closing_side,
    iso,
    message_in,
    named_in,
    numbers,
    status_page,
    traded_base,
    traded_usd,
)
from monitor.drill.world.market import Change, Forced, SimVenue

API = "/derivatives/api/v3"
SOCKET = "/ws/v1"
HOURS = 8
"""The world's funding rate is one of eight hours; here it is charged each hour."""
HOUR_MS = 3_600_000
FEEDS = {"book": "book:perp", "trade": "forced", "ticker": "ticker:perp"}


def _name(asset: str) -> str:
    return f"PF_{'XBT' if asset == BYSTANDER else asset}USD"


def _good(now_ms: int, **payload: object) -> Reply:
    return Reply(payload={"result": "success", "serverTime": iso(now_ms), **payload})


class KrakenFutures(Quiet):
    """Implements the dialect."""

    id = "kraken_futures"
    flush_s = 0.25

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST, status page and one socket, on one port."""
        base = f"127.0.0.1:{port}"
        return {"rest": f"http://{base}{API}", "status": f"http://{base}/status", "ws": f"ws://{base}{SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer. One contract's ticker may be asked for by any name that is listed."""
        path, now_ms = request.path.removeprefix(API), request.now_ms
        match path:
            case "/status/api/v2/components.json":
                return Reply(payload=status_page("REST API", "Websocket API", group="Kraken Derivatives"))
            case "/instruments":
                return _good(now_ms, instruments=[_contract(asset) for asset in (venue.asset, BYSTANDER)])
            case "/tickers":
                return _good(now_ms, tickers=[_ticker(venue, now_ms)])
            case "/tickers/PF_XBTUSD":
                return _good(now_ms, ticker={"symbol": _name(BYSTANDER), "suspended": False, "postOnly": False})
        if request.query.get("symbol", path.removeprefix("/tickers/")) != _name(venue.asset):
            error = {"result": "error", "error": "notFound", "serverTime": iso(now_ms)}
            return Reply(status=404, payload=error) if path.startswith(("/tickers", "/orderbook", "/history")) else None
        if path == "/orderbook":
            bids, asks = venue.books["perp"].levels()
            return _good(now_ms, orderBook={"bids": numbers(bids, venue), "asks": numbers(asks, venue)})
        if path == "/history":
            rows = [{**_trade(one, venue), "time": iso(one.at_ms)} for one in reversed(venue.recent)]
            return _good(now_ms, history=[{**row, "size": row.pop("qty")} for row in rows])
        return _good(now_ms, ticker=_ticker(venue, now_ms)) if path.startswith("/tickers/") else None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """An error in a 200."""
        error = {"result": "error", "error": "apiLimitExceeded", "serverTime": iso(request.now_ms)}
        return Reply(payload=error)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The socket introduces itself."""
        return SocketReply(answers=[compact({"event": "info", "version": 1})]) if path == SOCKET else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """One answer for each contract of a subscription."""
        message = message_in(text)
        if message.get("event") != "subscribe":
            return SocketReply(answers=[compact({"event": "error", "message": "Json Parse Error"})])
        feed = str(message.get("feed"))
        answers, topics = [], []
        for name in named_in(message, "product_ids"):
            good = feed in FEEDS and name == _name(venue.asset)
            event = "subscribed" if good else "subscribed_failed"
            answers.append(compact({"event": event, "feed": feed, "product_ids": [name]}))
            topics += [FEEDS[feed]] if good else []
        return SocketReply(answers=answers, topics=topics)

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The whole book, the newest trades, the ticker."""
        if topic == "forced":
            head = {"feed": "trade_snapshot", "product_id": _name(venue.asset)}
            return [compact({**head, "trades": [_pushed_trade(one, venue) for one in reversed(venue.recent)]})]
        if topic == "book:perp":
            book = venue.books["perp"]
            bids, asks = ([{"price": at, "qty": size} for at, size in numbers(side, venue)] for side in book.levels())
            head = {"feed": "book_snapshot", "product_id": _name(venue.asset)}
            rest = {"timestamp": now_ms, "seq": book.last_id, "tickSize": None, "bids": bids, "asks": asks}
            return [compact({**head, **rest})]
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A frame for each level; the numbers of a change are as many as its levels."""
        if market != "perp":
            return []
        levels = [("buy", *one) for one in numbers(change.bids, venue)]
        levels += [("sell", *one) for one in numbers(change.asks, venue)]
        return [
            compact({
                "feed": "book", "product_id": _name(venue.asset), "side": side, "seq": number, "price": price,
                "qty": size, "timestamp": now_ms,
            })
            for number, (side, price, size) in enumerate(levels, change.first_id)
        ]  # fmt: skip

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """The ticker, with the relative funding rate."""
        if topic != "ticker:perp":
            return None
        rate = venue.weather.funding_rate / HOURS
        return compact({
            "time": now_ms, "product_id": _name(venue.asset), "feed": "ticker", "funding_rate": rate * venue.mid,
            "relative_funding_rate": rate, "next_funding_rate_time": (now_ms // HOUR_MS + 1) * HOUR_MS,
            "volume": round(traded_base(venue, "perp"), 2), "volumeQuote": round(traded_usd(venue, "perp"), 2),
            "index": venue.mid, "last": venue.mid, "tag": "perpetual", "suspended": False, "post_only": False,
            "openInterest": round(venue.interest), "markPrice": venue.mid, "maturityTime": 0,
        })  # fmt: skip

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A trade for each."""
        return [compact({"feed": "trade", **_pushed_trade(one, venue)}) for one in orders]


def _trade(order: Forced, venue: SimVenue) -> dict[str, Any]:
    """A trade of type liquidation, with the side of the closing order."""
    price = float(f"{order.price:.{venue.grid.digits}f}")
    return {"uid": "drill", "side": closing_side(order), "type": "liquidation", "qty": order.base, "price": price}


def _pushed_trade(order: Forced, venue: SimVenue) -> dict[str, Any]:
    return {"product_id": _name(venue.asset), **_trade(order, venue), "seq": order.at_ms, "time": order.at_ms}


def _contract(asset: str) -> dict[str, object]:
    return {
        "symbol": _name(asset), "type": "flexible_futures", "tickSize": 0.0001, "contractSize": 1, "tradeable": True,
        "postOnly": False, "base": asset, "quote": "USD", "pair": f"{asset}:USD",
    }  # fmt: skip


def _ticker(venue: SimVenue, now_ms: int) -> dict[str, object]:
    return {
        "tag": "perpetual", "pair": f"{venue.asset}:USD", "symbol": _name(venue.asset), "markPrice": venue.mid,
        "vol24h": round(traded_base(venue, "perp"), 2), "volumeQuote": round(traded_usd(venue, "perp"), 2),
        "openInterest": round(venue.interest), "indexPrice": venue.mid, "last": venue.mid, "lastTime": iso(now_ms),
        "fundingRate": venue.weather.funding_rate / HOURS * venue.mid, "suspended": False, "postOnly": False,
    }  # fmt: skip


DIALECT: Dialect = KrakenFutures()
