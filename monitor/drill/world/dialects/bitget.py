"""Bitget as its API behaves: REST v2 for spot and USDT futures, one socket of v3 whose topics name their kind of instrument.

All sizes are base units, save liquidations, in the quote coin with the position's side; of each second only the largest is sent.
A throttled client gets HTTP 429, code 429.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitor.drill.scenario import Liquidated
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
    longs,
    mark,
    message_in,
    named_in,
    period_ms,
    price,
    texts,
    traded_base,
    traded_usd,
)
from monitor.drill.world.market import Change, Forced, SimVenue

SOCKET = "/v3/ws/public"
KINDS = {"perp": "usdt-futures", "spot": "spot"}
MIX, SPOT = "/api/v2/mix/market/", "/api/v2/spot/"


def _good(payload: object, now_ms: int) -> Reply:
    envelope = {"code": "00000", "msg": "success", "requestTime": now_ms, "data": payload}
    return Reply(payload=envelope, headers={"x-mbx-used-remain-limit": "9"})


class Bitget(Quiet):
    """Implements the dialect."""

    id = "bitget"

    def hosts(self, port: int) -> Mapping[str, str]:
        """REST and one socket, on one port."""
        return {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}{SOCKET}"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer in the envelope."""
        path, now_ms = request.path, request.now_ms
        match path:
            case "/api/v2/public/time":
                return _good({"serverTime": str(now_ms)}, now_ms)
            case "/api/v2/spot/public/coins":
                return _good([_coin(one, venue) for one in listed(venue)], now_ms)
            case "/api/v2/spot/public/symbols":
                return _good([_pair(one) for one in listed(venue)], now_ms)
            case "/api/v2/mix/market/contracts":
                ours = request.query.get("productType") == "USDT-FUTURES"
                return _good([_contract(one) for one in listed(venue)] if ours else [], now_ms)
            case "/api/v2/margin/currencies":
                return _good([], now_ms)
        if not path.startswith((MIX, SPOT)):
            return None
        if request.query.get("symbol") != f"{venue.asset}USDT":
            error = {"code": "40034", "msg": "Parameter does not exist", "requestTime": now_ms, "data": None}
            return Reply(status=400, payload=error)
        found = self._of_asset(path, venue, now_ms)
        return None if found is None else _good(found, now_ms)

    def _of_asset(self, path: str, venue: SimVenue, now_ms: int) -> Any:
        symbol, stamp = f"{venue.asset}USDT", str(now_ms)
        match path.removeprefix(MIX).removeprefix(SPOT):
            case "merge-depth":
                bids, asks = venue.books["perp"].levels()
                levels = {"asks": texts(asks, venue), "bids": texts(bids, venue)}
                return {**levels, "ts": stamp, "scale": price(venue, venue.grid.step), "precision": "scale0"}
            case "market/orderbook":
                bids, asks = venue.books["spot"].levels()
                return {"asks": texts(asks, venue), "bids": texts(bids, venue), "ts": stamp}
            case "open-interest":
                return {"openInterestList": [{"symbol": symbol, "size": f"{venue.interest:.0f}"}], "ts": stamp}
            case "current-fund-rate":
                rate = f"{venue.weather.funding_rate:.6f}"
                coming = str(next_funding_ms(now_ms))
                return [{"symbol": symbol, "fundingRate": rate, "fundingRateInterval": "8", "nextUpdate": coming}]
            case "symbol-price":
                prices = {"price": price(venue), "indexPrice": mark(venue), "markPrice": mark(venue)}
                return [{"symbol": symbol, **prices, "ts": stamp}]
            case "account-long-short":
                share, ratio = longs(venue), venue.weather.long_short
                row = {"longAccountRatio": f"{share:.4f}", "shortAccountRatio": f"{1 - share:.4f}"}
                return [{**row, "longShortAccountRatio": f"{ratio:.4f}", "ts": str(period_ms(now_ms))}]
            case "ticker":
                held = {"holdingAmount": f"{venue.interest:.0f}", "markPrice": mark(venue), "indexPrice": mark(venue)}
                return [{**_ticker("perp", venue, stamp), **held, "fundingRate": f"{venue.weather.funding_rate:.6f}"}]
            case "market/tickers":
                return [_ticker("spot", venue, stamp)]
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with code 429."""
        payload = {"code": "429", "msg": "Too Many Requests", "requestTime": request.now_ms, "data": None}
        return Reply(status=429, payload=payload)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The one public socket."""
        return SocketReply() if path == SOCKET else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """The ping is a bare word; each topic of a request is answered by itself."""
        if text == "ping":
            return SocketReply(answers=["pong"])
        message = message_in(text)
        answers, topics = [], []
        for arg in named_in(message, "args"):
            topic = _topic(arg, venue.asset) if message.get("op") == "subscribe" else None
            if topic is None:
                answers.append(compact({"event": "error", "code": 30001, "msg": "topic doesn't exist", "arg": arg}))
                continue
            answers.append(compact({"event": "subscribe", "arg": arg}))
            topics.append(topic)
        return SocketReply(answers=answers, topics=topics)

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """A whole book, and a ticker at once."""
        if topic.startswith("book:"):
            market = topic.removeprefix("book:")
            book = venue.books[market]
            return [_book("snapshot", market, book.levels(), (book.last_id, 0), venue, now_ms)]
        frame = self.frame_each_second(topic, venue, now_ms)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """`pseq` is the `seq` of the frame before."""
        return [_book("update", market, (change.bids, change.asks), (change.last_id, change.prev_id), venue, now_ms)]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """The ticker of the perpetual, with everything."""
        if topic != "ticker:perp":
            return None
        row = {
            "lastPrice": price(venue), "turnover24h": f"{traded_usd(venue, 'perp'):.2f}",
            "volume24h": f"{traded_base(venue, 'perp'):.2f}", "indexPrice": mark(venue), "markPrice": mark(venue),
            "fundingRate": f"{venue.weather.funding_rate:.6f}", "openInterest": f"{venue.interest:.0f}",
            "nextFundingTime": str(next_funding_ms(now_ms)),
        }  # fmt: skip
        return _pushed("snapshot", "ticker", "perp", [row], now_ms, symbol=f"{venue.asset}USDT")

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The largest of the second; `side` is the position's."""
        largest = max(orders, key=lambda one: one.base)
        amount = Decimal(price(venue, largest.price)) * largest.base
        row = {
            "symbol": f"{venue.asset}USDT", "side": "buy" if largest.side is Liquidated.LONG else "sell",
            "price": price(venue, largest.price), "amount": str(amount), "ts": str(largest.at_ms),
        }  # fmt: skip
        return [_pushed("update", "liquidation", "perp", [row], now_ms)]


def _pushed(action: str, topic: str, market: str, rows: Sequence[object], now_ms: int, *, symbol: str = "") -> str:
    arg = {"instType": KINDS[market], "topic": topic, **({"symbol": symbol} if symbol else {})}
    return compact({"action": action, "arg": arg, "data": rows, "ts": now_ms})


def _book(
    action: str, market: str, sides: tuple[Levels, Levels], ids: tuple[int, int], venue: SimVenue, now_ms: int
) -> str:
    bids, asks = (texts(side, venue) for side in sides)
    row = {"a": asks, "b": bids, "checksum": 0, "seq": ids[0], "pseq": ids[1], "ts": str(engine_ms(venue, now_ms))}
    return _pushed(action, "books", market, [row], now_ms, symbol=f"{venue.asset}USDT")


def _topic(arg: Any, asset: str) -> str | None:
    if not isinstance(arg, dict):
        return None
    market = {kind: market for market, kind in KINDS.items()}.get(str(arg.get("instType")))
    if arg.get("topic") == "liquidation" and market == "perp":
        return "forced"
    if market is None or arg.get("symbol") != f"{asset}USDT":
        return None
    return {"books": f"book:{market}", "ticker": f"ticker:{market}"}.get(str(arg.get("topic")))


def _coin(asset: str, venue: SimVenue) -> dict[str, object]:
    ours = asset == venue.asset
    out, into = (ours and one for one in (venue.weather.withdrawals_closed, venue.weather.deposits_closed))
    chain = {
        "chain": "ERC20", "rechargeable": "false" if into else "true", "withdrawable": "false" if out else "true",
        "congestion": "congested" if ours and venue.weather.withdrawals_delayed else "normal",
    }  # fmt: skip
    return {"coinId": asset, "coin": asset, "transfer": "true", "chains": [chain]}


def _pair(asset: str) -> dict[str, str]:
    return {"symbol": f"{asset}USDT", "baseCoin": asset, "quoteCoin": "USDT", "status": "online"}


def _contract(asset: str) -> dict[str, object]:
    return {
        "symbol": f"{asset}USDT", "baseCoin": asset, "quoteCoin": "USDT", "symbolType": "perpetual",
        "symbolStatus": "normal", "sizeMultiplier": "1", "supportMarginCoins": ["USDT"], "pricePlace": "4",
        "priceEndStep": "5", "volumePlace": "0", "minTradeNum": "1", "makerFeeRate": "0.0002", "takerFeeRate": "0.0006",
    }  # fmt: skip


def _ticker(market: str, venue: SimVenue, stamp: str) -> dict[str, str]:
    usd = f"{traded_usd(venue, market):.2f}"
    return {
        "symbol": f"{venue.asset}USDT", "lastPr": price(venue), "baseVolume": f"{traded_base(venue, market):.2f}",
        "quoteVolume": usd, "usdtVolume": usd, "ts": stamp,
    }  # fmt: skip


DIALECT: Dialect = Bitget()
