"""KuCoin as its API behaves: spot and futures at two hosts with the same paths, books from the unified account's public sockets.

Futures count in contracts of five units, and bitcoin is XBT there. A throttled client gets HTTP 429, code 429000, and the time
until its allowance is whole again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.drill.world.dialect import (
    BYSTANDER,
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
from monitor.drill.world.figures import Levels, listed, message_in, numbers, price, texts, traded_base, traded_usd
from monitor.drill.world.market import Change, SimVenue

SPOT, FUTURES = "/spot", "/futures"
SOCKETS = {"/ws/spot": "spot", "/ws/futures": "perp"}
PRODUCTS = {"spot": "SPOT", "perp": "FUTURES"}
CONTRACT = 5
"""`multiplier`: base units a contract."""
EIGHT_H_MS = 28_800_000
LIMIT, WINDOW_S = 2000, 30


def _name(market: str, asset: str) -> str:
    if market == "spot":
        return f"{asset}-USDT"
    return f"{'XBT' if asset == BYSTANDER else asset}USDTM"


def _unit(market: str) -> int:
    return 1 if market == "spot" else CONTRACT


class KuCoin(Quiet):
    """Implements the dialect."""

    id = "kucoin"

    def hosts(self, port: int) -> Mapping[str, str]:
        """Two REST hosts and two sockets, on one port."""
        base = f"127.0.0.1:{port}"
        rest = {"rest": f"http://{base}{SPOT}", "futures": f"http://{base}{FUTURES}"}
        return {**rest, "ws_spot": f"ws://{base}/ws/spot", "ws_futures": f"ws://{base}/ws/futures"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer in the envelope, with what is left of the allowance."""
        spot = request.path.startswith(SPOT)
        path = request.path.removeprefix(SPOT if spot else FUTURES)
        state = "cancelonly" if venue.weather.cancel_only else "open"
        found: Any = {"/api/v1/timestamp": request.now_ms, "/api/v1/status": {"status": state, "msg": ""}}.get(path)
        if found is None:
            found = (self._spot if spot else self._futures)(path, request, venue)
        if found is None:
            return None
        used = venue.count(request.now_ms / 1000, WINDOW_S, 5.0)
        left = {"gw-ratelimit-limit": str(LIMIT), "gw-ratelimit-remaining": f"{max(LIMIT - used, 0):.0f}"}
        if found == "no such symbol":
            return Reply(status=400, payload={"code": "400100", "msg": "symbol not exists"}, headers=left)
        return Reply(payload={"code": "200000", "data": found}, headers={**left, "gw-ratelimit-reset": "1000"})

    def _spot(self, path: str, request: RestRequest, venue: SimVenue) -> Any:
        symbol, now_ms, book = _name("spot", venue.asset), request.now_ms, venue.books["spot"]
        match path:
            case "/api/v3/currencies":
                return [_currency(one, venue) for one in listed(venue)]
            case "/api/v2/symbols":
                return [_pair(one) for one in listed(venue)]
            case "/api/ua/v1/market/open-interest":
                held = f"{venue.interest / CONTRACT:.0f}"
                return [{"symbol": _name("perp", venue.asset), "openInterest": held, "ts": now_ms}]
        if path not in ("/api/v1/market/orderbook/level2_100", "/api/v1/market/stats"):
            return None
        if request.query.get("symbol") != symbol:
            return "no such symbol"
        if path.endswith("level2_100"):
            bids, asks = (texts(side, venue) for side in book.levels())
            return {"time": now_ms, "sequence": str(book.last_id), "bids": bids, "asks": asks}
        return {
            "time": now_ms, "symbol": symbol, "vol": f"{traded_base(venue, 'spot'):.2f}", "last": price(venue),
            "volValue": f"{traded_usd(venue, 'spot'):.2f}", "buy": price(venue), "sell": price(venue),
        }  # fmt: skip

    def _futures(self, path: str, request: RestRequest, venue: SimVenue) -> Any:
        symbol, now_ms = _name("perp", venue.asset), request.now_ms
        if path == "/api/v1/contracts/active":
            return [_contract(venue.asset, now_ms) | _figures(venue), _contract(BYSTANDER, now_ms)]
        of_contract = (
            f"/api/v1/contracts/{symbol}",
            f"/api/v1/funding-rate/{symbol}/current",
            f"/api/v1/mark-price/{symbol}/current",
        )
        if path == of_contract[0]:
            return _contract(venue.asset, now_ms) | _figures(venue)
        if path == of_contract[1]:
            rate, coming = venue.weather.funding_rate, next_funding_ms(now_ms)
            times = {"granularity": EIGHT_H_MS, "timePoint": coming - EIGHT_H_MS, "fundingTime": coming}
            return {"symbol": f".{symbol}FPI8H", "value": rate, "period": 1, **times}
        if path == of_contract[2]:
            prices = {"value": venue.mid, "indexPrice": venue.mid}
            return {"symbol": symbol, "granularity": 1000, "timePoint": now_ms // 1000 * 1000, **prices}
        if path == "/api/v1/level2/depth100" and request.query.get("symbol") == symbol:
            book = venue.books["perp"]
            bids, asks = (numbers(side, venue, CONTRACT) for side in book.levels())
            stamps = {"sequence": book.last_id, "ts": now_ms * 1_000_000}
            return {"symbol": symbol, "bids": bids, "asks": asks, **stamps}
        known = ("/api/v1/contracts/", "/api/v1/funding-rate/", "/api/v1/mark-price/", "/api/v1/level2/")
        return "no such symbol" if path.startswith(known) else None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with code 429000, for a second."""
        headers = {"gw-ratelimit-limit": str(LIMIT), "gw-ratelimit-remaining": "0", "gw-ratelimit-reset": "1000"}
        return Reply(status=429, payload={"code": "429000", "msg": "Too many requests"}, headers=headers)

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The two sockets, which welcome the client."""
        welcome = compact({"sessionId": "drill", "message": "welcome", "pingInterval": 18000})
        return SocketReply(answers=[welcome]) if path in SOCKETS else None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pings, and subscriptions of one symbol each."""
        message, market = message_in(text), SOCKETS[path]
        number = message.get("id")
        if message.get("type") == "ping":
            pong = {"type": "pong", "id": number, "ts": now_ms * 1_000_000}
            return SocketReply(answers=[compact(pong)])
        asked = [message.get(field) for field in ("action", "channel", "tradeType", "symbol")]
        if asked != ["SUBSCRIBE", "obu", PRODUCTS[market], _name(market, venue.asset)]:
            refused = {"id": number, "result": False, "reason": "symbols are not supported for topic obu"}
            return SocketReply(answers=[compact(refused)])
        return SocketReply(answers=[compact({"id": number, "result": True})], topics=[f"book:{market}"])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The whole book."""
        market = topic.removeprefix("book:")
        book = venue.books[market]
        return [_book("snapshot", market, book.levels(), (book.last_id, book.last_id), venue, now_ms)]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """`O` and `C` are the first and last number of the change."""
        ids = (change.first_id, change.last_id)
        return [_book("delta", market, (change.bids, change.asks), ids, venue, now_ms)]


def _book(
    kind: str, market: str, sides: tuple[Levels, Levels], ids: tuple[int, int], venue: SimVenue, now_ms: int
) -> str:
    bids, asks = (texts(side, venue, _unit(market)) for side in sides)
    stamps = {"O": ids[0], "C": ids[1], "M": engine_ms(venue, now_ms) * 1_000_000}
    row = {"a": asks, "b": bids, "s": _name(market, venue.asset), **stamps}
    head = {"T": f"obu.{PRODUCTS[market]}", "dp": "increment@10ms", "t": kind, "P": now_ms * 1_000_000}
    return compact({**head, "d": row})


def _currency(asset: str, venue: SimVenue) -> dict[str, object]:
    ours = asset == venue.asset
    out, into = (ours and one for one in (venue.weather.withdrawals_closed, venue.weather.deposits_closed))
    chain = {"chainName": "ERC20", "chainId": "eth", "isDepositEnabled": not into, "isWithdrawEnabled": not out}
    return {"currency": asset, "name": asset, "fullName": asset, "precision": 8, "chains": [chain]}


def _pair(asset: str) -> dict[str, object]:
    name = _name("spot", asset)
    return {
        "symbol": name, "name": name, "baseCurrency": asset, "quoteCurrency": "USDT", "market": "USDS",
        "enableTrading": True, "st": False, "priceIncrement": "0.0001", "baseIncrement": "1",
    }  # fmt: skip


def _contract(asset: str, now_ms: int) -> dict[str, object]:
    coming = next_funding_ms(now_ms)
    return {
        "symbol": _name("perp", asset), "rootSymbol": "USDT", "type": "FFWCSX", "status": "Open", "lotSize": 1,
        "baseCurrency": "XBT" if asset == BYSTANDER else asset, "quoteCurrency": "USDT", "settleCurrency": "USDT",
        "multiplier": CONTRACT, "isQuanto": True, "isInverse": False, "tickSize": 0.0001, "expireDate": None,
        "currentFundingRateGranularity": EIGHT_H_MS, "nextFundingRateDateTime": coming, "nextFundingRateTime": coming - now_ms,
    }  # fmt: skip


def _figures(venue: SimVenue) -> dict[str, object]:
    return {
        "fundingFeeRate": venue.weather.funding_rate, "markPrice": venue.mid,
        "indexPrice": venue.mid, "lastTradePrice": venue.mid, "openInterest": f"{venue.interest / CONTRACT:.0f}",
        "turnoverOf24h": round(traded_usd(venue, "perp"), 2), "volumeOf24h": round(traded_base(venue, "perp"), 2),
    }  # fmt: skip


DIALECT: Dialect = KuCoin()
