"""HTX as its API behaves: spot and USDT swaps, two hosts with clocks and states of their own, three sockets of gzip frames.

Each socket pings each five seconds. Swaps count in contracts of ten units. A throttled client gets HTTP 429 with the code of its
host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gzip import compress
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
    closing_side,
    listed,
    longs,
    mark,
    message_in,
    numbers,
    period_ms,
    price,
    traded_base,
    traded_usd,
)
from monitor.drill.world.market import Change, Forced, SimVenue

CONTRACT = 10
"""`contract_size`: base units a contract."""
SPOT_SOCKET, SWAP_SOCKET, NOTICES = "/feed", "/linear-swap-ws", "/linear-swap-notification"
PING_S = 5
FUNDING_S = 60
MINUTE_MS = 60_000
EIGHT_H_MS = 8 * 3_600_000
LIQUIDATIONS, FUNDING = "public.*.liquidation_orders", "public.*.funding_rate"
SPOT_PATHS = ("/v1/", "/v2/", "/market/")


def zipped(payload: object) -> bytes:
    """A frame as this venue sends each."""
    return compress(compact(payload).encode(), compresslevel=1, mtime=0)


def _good(now_ms: int, **payload: object) -> Reply:
    return Reply(payload={"status": "ok", **payload, "ts": now_ms})


def _coded(now_ms: int, payload: object) -> Reply:
    return Reply(payload={"code": 200, "message": "Success", "data": payload, "ts": now_ms})


class Htx(Quiet):
    """Implements the dialect."""

    id = "htx"
    flush_s = 0.25

    def hosts(self, port: int) -> Mapping[str, str]:
        """Both REST hosts and three sockets, on one port."""
        base = f"127.0.0.1:{port}"
        sockets = {"ws_spot": SPOT_SOCKET, "ws_swaps": SWAP_SOCKET, "ws_notices": NOTICES}
        rest = {"rest": f"http://{base}", "swaps": f"http://{base}"}
        return {**rest, **{key: f"ws://{base}{path}" for key, path in sockets.items()}}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer, in the envelope of its age."""
        path, now_ms = request.path, request.now_ms
        match path:
            case "/v1/common/timestamp":
                return Reply(payload={"status": "ok", "data": now_ms})
            case "/api/v1/timestamp":
                return _good(now_ms)
            case "/v2/market-status":
                return Reply(payload={"code": 200, "message": "success", "data": _market_status(venue)})
            case "/heartbeat/":
                states = dict.fromkeys(("heartbeat", "swap_heartbeat", "option_heartbeat", "linear_swap_heartbeat"), 1)
                found: dict[str, object] = {**states, "linear_swap_estimated_recovery_time": None}
                return _good(now_ms, data=found)
            case "/v2/reference/currencies":
                return Reply(payload={"code": 200, "data": [_currency(one, venue) for one in listed(venue)]})
            case "/v1/common/symbols":
                return _good(now_ms, data=[_pair(one) for one in listed(venue)])
            case "/linear-swap-api/v1/swap_contract_info":
                return _good(now_ms, data=[_contract(one) for one in listed(venue)])
        if path.startswith(SPOT_PATHS):
            if request.query.get("symbol") != _spot(venue):
                error: dict[str, object] = {
                    "status": "error",
                    "err-code": "invalid-parameter",
                    "err-msg": "invalid symbol",
                    "data": None,
                }
                return Reply(payload={**error, "ts": now_ms})
            return self._of_pair(path, venue, now_ms)
        if request.query.get("contract_code") != _swap(venue):
            error = {"status": "error", "err_code": 1332, "err_msg": "The contract doesn't exist.", "ts": now_ms}
            return Reply(payload=error) if path.startswith(("/linear-swap", "/v5/", "/index/")) else None
        return self._of_swap(path, venue, now_ms)

    def _of_pair(self, path: str, venue: SimVenue, now_ms: int) -> Reply | None:
        symbol, book = _spot(venue), venue.books["spot"]
        if path == "/market/depth":
            bids, asks = (numbers(side, venue) for side in book.levels())
            tick = {"ts": engine_ms(venue, now_ms), "version": book.last_id, "bids": bids, "asks": asks}
            return _good(now_ms, ch=f"market.{symbol}.depth.step0", tick=tick)
        if path == "/market/detail/merged":
            tick = {
                "id": book.last_id, "version": book.last_id, "close": float(price(venue)), "count": 100_000,
                "amount": round(traded_base(venue, "spot"), 2), "vol": round(traded_usd(venue, "spot"), 2),
            }  # fmt: skip
            return _good(now_ms, ch=f"market.{symbol}.detail.merged", tick=tick)
        return None

    def _of_swap(self, path: str, venue: SimVenue, now_ms: int) -> Reply | None:
        code, book = _swap(venue), venue.books["perp"]
        match path:
            case "/linear-swap-ex/market/depth":
                tick = _depth(book.levels(), book.frame, venue, now_ms)
                return _good(now_ms, ch=f"market.{code}.depth.step0", tick=tick)
            case "/v5/market/open_interest":
                held = {"amount": f"{venue.interest:.0f}", "volume": f"{venue.interest / CONTRACT:.0f}"}
                return _coded(now_ms, {**held, "value": f"{venue.interest * venue.mid:.2f}", "contract_code": code})
            case "/v5/market/funding_rate":
                coming = next_funding_ms(now_ms)
                times = {"funding_time": str(coming), "next_funding_time": str(coming + EIGHT_H_MS)}
                rate = f"{venue.weather.funding_rate:.8f}"
                return _coded(now_ms, [{"contract_code": code, "funding_rate": rate, **times}])
            case "/index/market/history/linear_swap_mark_price_kline":
                row = {"id": now_ms // 1000, "close": mark(venue), "amount": "0", "vol": "0"}
                return _good(now_ms, ch=f"market.{code}.mark_price.1min", data=[row])
            case "/v5/market/liquidation_orders":
                return _coded(now_ms, [_rest_forced(one, venue) for one in reversed(venue.recent)])
            case "/linear-swap-ex/market/detail/merged":
                base = traded_base(venue, "perp")
                tick = {
                    "amount": f"{base:.2f}", "vol": f"{base / CONTRACT:.0f}", "close": price(venue), "count": 100_000,
                    "trade_turnover": f"{traded_usd(venue, 'perp'):.2f}", "ts": now_ms,
                }  # fmt: skip
                return _good(now_ms, ch=f"market.{code}.detail.merged", tick=tick)
        if path.startswith("/linear-swap-api/v1/swap_elite_"):
            share = longs(venue)
            row = {"buy_ratio": round(share, 6), "sell_ratio": round(1 - share, 6), "ts": period_ms(now_ms)}
            return _good(now_ms, data={"list": [row], "symbol": venue.asset, "contract_code": code})
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429, in the words of the host."""
        if request.path.startswith(SPOT_PATHS):
            error: dict[str, object] = {"status": "error", "err-code": "rate-too-many-requests"}
        else:
            error = {"status": "error", "err_code": 1032, "err_msg": "The number of access exceeded the limit."}
        return Reply(status=429, payload={**error, "ts": request.now_ms})

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The three sockets, each with its pings."""
        topic = {SPOT_SOCKET: "ping", SWAP_SOCKET: "ping", NOTICES: "pulse"}.get(path)
        return None if topic is None else SocketReply(topics=[topic])

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """Pongs need no answer; a request for the whole book is answered by it."""
        message = message_in(text)
        if path == NOTICES:
            return _notice(message, now_ms)
        topic, number = str(message.get("sub", message.get("req", ""))), message.get("id")
        spot = {f"market.{_spot(venue)}.mbp.150": "book:spot"}
        swap = {f"market.{_swap(venue)}.depth.size_150.high_freq": "book:perp"}
        if "pong" in message:
            return SocketReply()
        known = (spot if path == SPOT_SOCKET else swap).get(topic)
        if known is None:
            error = {"status": "error", "err-code": "bad-request", "err-msg": "invalid topic", "id": number}
            return SocketReply(answers=[zipped({**error, "ts": now_ms})])
        if "req" in message:
            book = venue.books["spot"]
            bids, asks = (numbers(side, venue) for side in book.levels())
            whole = {"seqNum": book.last_id, "bids": bids, "asks": asks}
            answer = {"id": number, "rep": topic, "status": "ok", "ts": now_ms, "data": whole}
            return SocketReply(answers=[zipped(answer)])
        answer = {"id": number, "status": "ok", "subbed": topic, "ts": now_ms}
        return SocketReply(answers=[zipped(answer)], topics=[known])

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The whole book of a swap, pings and funding at once; that of a pair comes by a request."""
        if topic == "book:perp":
            book = venue.books["perp"]
            return [_pushed_depth("snapshot", book.levels(), book.frame, venue, now_ms)]
        frame = self.frame_each_second(topic, venue, now_ms // MINUTE_MS * MINUTE_MS)
        return [] if frame is None else [frame]

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """Of a pair the number of the change before, of a swap a version that rises by one."""
        if market == "perp":
            return [_pushed_depth("update", (change.bids, change.asks), change.frame, venue, now_ms)]
        bids, asks = (numbers(side, venue) for side in (change.bids, change.asks))
        tick = {"seqNum": change.last_id, "prevSeqNum": change.prev_id, "bids": bids, "asks": asks}
        return [zipped({"ch": f"market.{_spot(venue)}.mbp.150", "ts": now_ms, "tick": tick})]

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """A ping each five seconds, the funding rates each minute."""
        second = now_ms // 1000
        if topic == "ping" and second % PING_S == 0:
            return zipped({"ping": now_ms})
        if topic == "pulse" and second % PING_S == 0:
            return zipped({"op": "ping", "ts": str(now_ms)})
        if topic != "ticker:perp" or second % FUNDING_S:
            return None
        row = {
            "symbol": venue.asset, "contract_code": _swap(venue), "fee_asset": "USDT", "estimated_rate": None,
            "funding_rate": f"{venue.weather.funding_rate:.8f}", "settlement_time": str(next_funding_ms(now_ms)),
        }  # fmt: skip
        return zipped({"op": "notify", "topic": FUNDING, "ts": now_ms, "data": [row]})

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """Orders with the side that closes; `amount` is in base units, `volume` in contracts."""
        rows = [
            {
                "symbol": venue.asset, "contract_code": _swap(venue), "direction": closing_side(one), "offset": "close",
                "volume": one.base // CONTRACT, "amount": one.base, "price": float(f"{one.price:.8f}"),
                "created_at": one.at_ms, "trade_turnover": round(one.price * one.base, 4),
            }
            for one in orders
        ]  # fmt: skip
        topic = f"public.{_swap(venue)}.liquidation_orders"
        return [zipped({"op": "notify", "topic": topic, "ts": now_ms, "data": rows})]


def _spot(venue: SimVenue) -> str:
    return f"{venue.asset.lower()}usdt"


def _swap(venue: SimVenue) -> str:
    return f"{venue.asset}-USDT"


def _notice(message: Mapping[str, Any], now_ms: int) -> SocketReply:
    """An answer of the notifications; their pongs need none."""
    if message.get("op") == "pong":
        return SocketReply()
    topic = {LIQUIDATIONS: "forced", FUNDING: "ticker:perp"}.get(str(message.get("topic")))
    answer = {"op": "sub", "cid": message.get("cid"), "topic": message.get("topic"), "ts": now_ms}
    if topic is None or message.get("op") != "sub":
        error = {**answer, "err-code": 2011, "err-msg": "topic format error"}
        return SocketReply(answers=[zipped(error)])
    return SocketReply(answers=[zipped({**answer, "err-code": 0})], topics=[topic])


def _depth(sides: tuple[Levels, Levels], version: int, venue: SimVenue, now_ms: int) -> dict[str, object]:
    bids, asks = (numbers(side, venue, CONTRACT) for side in sides)
    return {"bids": bids, "asks": asks, "mrid": version, "ts": engine_ms(venue, now_ms), "version": version}


def _pushed_depth(event: str, sides: tuple[Levels, Levels], version: int, venue: SimVenue, now_ms: int) -> bytes:
    channel = f"market.{_swap(venue)}.depth.size_150.high_freq"
    tick = {**_depth(sides, version, venue, now_ms), "ch": channel, "event": event}
    return zipped({"ch": channel, "tick": tick, "ts": now_ms})


def _rest_forced(order: Forced, venue: SimVenue) -> dict[str, str]:
    side, contracts = closing_side(order), str(order.base // CONTRACT)
    return {
        "contract_code": _swap(venue), "liquidation_time": str(order.at_ms), "side": side, "volume": contracts,
        "position_side": "long" if side == "sell" else "short", "amount": contracts,
        "bankrupt_price": price(venue, order.price), "trade_turnover": f"{order.price * order.base:.4f}",
    }  # fmt: skip


def _currency(asset: str, venue: SimVenue) -> dict[str, object]:
    ours = asset == venue.asset
    out, into = (ours and one for one in (venue.weather.withdrawals_closed, venue.weather.deposits_closed))
    chain = {
        "chain": f"{asset.lower()}erc20", "baseChain": "ETH", "depositStatus": "prohibited" if into else "allowed",
        "withdrawStatus": "prohibited" if out else "allowed",
    }  # fmt: skip
    return {"currency": asset.lower(), "assetType": 1, "instStatus": "normal", "chains": [chain]}


def _market_status(venue: SimVenue) -> dict[str, object]:
    return {"marketStatus": 3, "affectedSymbols": "all"} if venue.weather.cancel_only else {"marketStatus": 1}


def _pair(asset: str) -> dict[str, object]:
    base = asset.lower()
    return {"base-currency": base, "quote-currency": "usdt", "symbol": f"{base}usdt", "state": "online"}


def _contract(asset: str) -> dict[str, object]:
    return {
        "symbol": asset, "contract_code": f"{asset}-USDT", "contract_size": CONTRACT, "contract_status": 1,
        "business_type": "swap", "pair": f"{asset}-USDT", "contract_type": "swap", "price_tick": 0.0001,
    }  # fmt: skip


DIALECT: Dialect = Htx()
