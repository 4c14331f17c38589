"""Gate v4: spot and USDT futures (docs at www.gate.com/docs/developers/apiv4).

Every answer carries its budget and its own processing time (X-In-Time, X-Out-Time). Wallets are keyless, with a delay flag. The
liquidation channel is complete since 2026-08-20: arrays, each second. There is no status endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from probes import decode
from probes.readings import Censoring, Instrument, Market, Refusal
from probes.venue import Budget, Feed, KeepAlive, Malformed, Per, ReadAnswer, Refused, RestCall, RestCheck, Usage, Venue
from probes.wire import gate_answers as answers
from probes.wire import gate_frames as frames
from probes.wire.gate import ID

DOCS = "https://www.gate.com/docs/developers/apiv4/"
LABELS = {
    "TOO_MANY_REQUESTS": Refusal.THROTTLED,
    "TOO_BUSY": Refusal.OVERLOADED,
    "SERVER_ERROR": Refusal.VENUE_ERROR,
    "INVALID_PARAM_VALUE": Refusal.BAD_REQUEST,
    "INVALID_ARGUMENT": Refusal.BAD_REQUEST,
    "INVALID_KEY": Refusal.UNAUTHORIZED,
}


class Error(msgspec.Struct):
    """`{"label", "message"}`, sometimes `detail`."""

    label: str
    message: str = ""
    detail: str = ""


ERROR = decode.Decoder(Error)


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """Labels in the body; a throttled answer says when its window ends."""
    try:
        error = ERROR.decode(body)
    except (msgspec.DecodeError, Malformed):
        return None
    kind = LABELS.get(error.label, Refusal.VENUE_ERROR)
    until = _resets_at(headers) if kind is Refusal.THROTTLED else None
    return Refused(kind, f"{error.label} {error.message or error.detail}", until=until)


def usage(headers: Mapping[str, str], now: datetime) -> Sequence[Usage]:
    """X-Gate-RateLimit-Requests-Remain and -Limit (a budget for each endpoint; the last one received counts)."""
    remaining = decode.header_number(headers, "x-gate-ratelimit-requests-remain")
    limit = decode.header_number(headers, "x-gate-ratelimit-limit")
    if remaining is None or limit is None:
        return ()
    return (Usage(budget="ip", remaining=remaining, limit=limit, resets_at=_resets_at(headers)),)


def _resets_at(headers: Mapping[str, str]) -> datetime | None:
    """X-Gate-RateLimit-Reset-Timestamp, the end of the window in unix seconds."""
    resets_s = decode.header_number(headers, "x-gate-ratelimit-reset-timestamp")
    return datetime.fromtimestamp(resets_s, UTC) if resets_s is not None and 0 < resets_s < 7e9 else None


def _name(one: Instrument | None) -> str:
    assert one is not None, "asked per instrument"
    return one.symbol.removeprefix("spot:")


def _futures(name: str, path: str, every_s: float, reader: ReadAnswer, **query: str) -> RestCheck:
    return RestCheck(
        name=name,
        call=lambda one: RestCall(path=path, query={"contract": _name(one), **query}),
        read=reader,
        every_s=every_s,
        per=Per.INSTRUMENT,
        market=Market.PERP,
        docs=DOCS,
    )


def _spot(name: str, path: str, every_s: float, reader: ReadAnswer, **query: str) -> RestCheck:
    return RestCheck(
        name=name,
        call=lambda one: RestCall(path=path, query={"currency_pair": _name(one), **query}),
        read=reader,
        every_s=every_s,
        per=Per.INSTRUMENT,
        market=Market.SPOT,
        docs=DOCS,
    )


def _subscribe(*wanted: tuple[str, Sequence[str]]) -> Callable[[Sequence[Instrument], datetime], Sequence[str]]:
    """One message for each channel and instrument; "{}" in a payload is the instrument, one without it is sent once."""

    def messages(instruments: Sequence[Instrument], now: datetime) -> Sequence[str]:
        usages = []
        for channel, payload in wanted:
            each = instruments if any("{}" in part for part in payload) else instruments[:1]
            for one in each:
                filled = [part.format(_name(one)) for part in payload]
                usages.append(
                    json.dumps(
                        {"time": int(now.timestamp()), "channel": channel, "event": "subscribe", "payload": filled}
                    )
                )
        return usages

    return messages


def _ping(channel: str) -> KeepAlive:
    return KeepAlive(every_s=15, text=lambda now: json.dumps({"time": int(now.timestamp()), "channel": channel}))


DECIMAL = {"X-Gate-Size-Decimal": "1"}

VENUE = Venue(
    id=ID,
    title="Gate",
    docs=DOCS,
    hosts={
        "rest": "https://api.gateio.ws/api/v4",
        "ws_spot": "wss://api.gateio.ws/ws/v4/",
        "ws_futures": "wss://fx-ws.gateio.ws/v4/ws/usdt",
    },
    budgets=(Budget(name="ip", limit=200, window_s=10),),
    checks=(
        RestCheck(name="server_time", call=lambda _: RestCall(path="/spot/time"), read=answers.server_time, every_s=5),
        RestCheck(
            name="wallet_status", call=lambda _: RestCall(path="/spot/currencies"), read=answers.wallets, every_s=60
        ),
        RestCheck(
            name="instruments",
            call=lambda _: RestCall(path="/futures/usdt/contracts"),
            read=answers.contracts,
            every_s=3600,
        ),
        RestCheck(
            name="instruments", call=lambda _: RestCall(path="/spot/currency_pairs"), read=answers.pairs, every_s=3600
        ),
        _futures("book_rest", "/futures/usdt/order_book", 30, answers.book, limit="100", with_id="true"),
        _spot("book_rest", "/spot/order_book", 30, answers.book, limit="100", with_id="true", interval="0"),
        _futures("open_interest", "/futures/usdt/tickers", 15, answers.tickers),
        _futures("funding", "/futures/usdt/funding_rate", 300, answers.funding, limit="1"),
        _futures("long_short_ratio", "/futures/usdt/contract_stats", 300, answers.stats, interval="5m", limit="1"),
        _futures("liquidations_rest", "/futures/usdt/liq_orders", 3600, answers.liquidations, limit="100"),
        _spot("volume_spot", "/spot/tickers", 60, answers.spot_tickers),
    ),
    feeds=(
        Feed(
            name="book_ws",
            host="ws_futures",
            read=frames.frame,
            subscribe=_subscribe(("futures.order_book_update", ["{}", "100ms", "100"])),
            market=Market.PERP,
            keep_alive=_ping("futures.ping"),
            silence_after_s=10,
            book_base="book_rest",
            headers=DECIMAL,
            docs=DOCS,
        ),
        Feed(
            name="book_ws_spot",
            host="ws_spot",
            read=frames.frame,
            subscribe=_subscribe(("spot.order_book_update", ["{}", "100ms"])),
            market=Market.SPOT,
            keep_alive=_ping("spot.ping"),
            silence_after_s=10,
            book_base="book_rest",
            docs=DOCS,
        ),
        Feed(
            name="liquidation",
            host="ws_futures",
            read=frames.frame,
            subscribe=_subscribe(("futures.public_liquidates", ["!all"]), ("futures.tickers", ["{}"])),
            market=Market.PERP,
            keep_alive=_ping("futures.ping"),
            silence_after_s=10,
            censoring=Censoring.COMPLETE,
            headers=DECIMAL,
            docs=DOCS,
        ),
    ),
    usage=usage,
    refuse=refuse,
    symbols=lambda asset: decode.pair_symbols("spot:{}_USDT", None, asset),
)
