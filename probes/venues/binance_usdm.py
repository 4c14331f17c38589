"""Binance USD-M futures, with the brand's system status, wallets and spot volume, which live on the spot host.

Sources: binance-connector-python docstrings and binance-spot-api-docs. Side: `S` is the closing order's, so
SELL means a long was liquidated. The forced-order stream sends at most one order a symbol and second: the latest by the docs,
the largest by the changelog of 2026-04-14; treated as the latest, the weaker claim. Spot symbols carry a "spot:" prefix here,
since both markets call them alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from re import compile as pattern
from urllib.parse import urlencode

import msgspec

from probes.dialect import decode, rights
from probes.readings import Censoring, Funding, Instrument, Liquidation, Market, MarkPrice, Refusal
from probes.venue import (
    BookDelta,
    BookSnapshot,
    Budget,
    Feed,
    Keys,
    Malformed,
    Per,
    ReadAnswer,
    Refused,
    RestCall,
    RestCheck,
    RightsQuestion,
    SignedRequest,
    Topic,
    TopicRequest,
    Usage,
    Venue,
    request_id,
)
from probes.wire import binance as wire
from probes.wire import binance_answers as answers
from probes.wire.binance_answers import ID, SPOT
from probes.wire.binance_frames import frame

DOCS = "https://developers.binance.com/docs/derivatives/usds-margined-futures"

_REFUSALS = {
    -1003: Refusal.THROTTLED,
    -1001: Refusal.OVERLOADED,
    -1007: Refusal.EXECUTION_UNKNOWN,
    -1008: Refusal.OVERLOADED,
    -1016: Refusal.MAINTENANCE,
    -1000: Refusal.VENUE_ERROR,
    -1121: Refusal.BAD_REQUEST,
    -2014: Refusal.UNAUTHORIZED,
    -2015: Refusal.UNAUTHORIZED,
}
_BANNED_UNTIL = pattern(r"banned until (\d{12,14})")


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """Codes in the body; "-1003 … banned until <ms>" is a ban with its end."""
    if status == 200 and not body.startswith(b'{"code"'):
        return None
    try:
        error = wire.ERROR.decode(body)
    except (msgspec.DecodeError, Malformed):
        return None
    banned = _BANNED_UNTIL.search(error.msg)
    if banned is not None:
        return Refused(Refusal.BANNED, error.msg, until=datetime.fromtimestamp(int(banned[1]) / 1000, UTC))
    kind = _REFUSALS.get(error.code)
    if status == 418:
        kind = Refusal.BANNED
    if kind is None or (status == 429 and kind is not Refusal.THROTTLED):
        return None
    return Refused(kind, f"{error.code} {error.msg}")


def usage(headers: Mapping[str, str], now: datetime) -> Sequence[Usage]:
    """X-MBX-USED-WEIGHT-1M, the weight used this minute."""
    used = decode.header_number(headers, "x-mbx-used-weight-1m")
    return () if used is None else (Usage(budget="ip", used=used),)


def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
    """HMAC-SHA256 of the query with its timestamp; the key in X-MBX-APIKEY."""
    query = urlencode({**call.query, "timestamp": str(int(now.timestamp() * 1000)), "recvWindow": "5000"})
    return SignedRequest(
        query=f"{query}&signature={decode.signature(keys.secret, query).hex()}", headers={"X-MBX-APIKEY": keys.key}
    )


def _bare(instrument: Instrument | None) -> str:
    assert instrument is not None, "asked per instrument"
    return instrument.symbol.removeprefix(SPOT)


def _streams(kind: str, always: str = "") -> Callable[[Sequence[Instrument]], str]:
    def path(instruments: Sequence[Instrument]) -> str:
        streams = [always] if always else []
        return "/stream?streams=" + "/".join([*streams, *(f"{_bare(one).lower()}@{kind}" for one in instruments)])

    return path


def _per(name: str, path: str, cost: float, every_s: float, reader: ReadAnswer, **query: str) -> RestCheck:
    return RestCheck(
        name=name,
        call=lambda one: RestCall(path=path, query={"symbol": _bare(one), **query}, cost=cost),
        read=reader,
        every_s=every_s,
        per=Per.INSTRUMENT,
        market=Market.PERP,
        docs=DOCS,
    )


def _ratio(name: str, endpoint: str, basis: str) -> RestCheck:
    return RestCheck(
        name=name,
        call=lambda one: RestCall(
            path=f"/futures/data/{endpoint}", query={"symbol": _bare(one), "period": "5m", "limit": "1"}, budget="data"
        ),
        read=answers.long_short(basis),
        every_s=300,
        per=Per.INSTRUMENT,
        market=Market.PERP,
        docs=DOCS,
    )


def _book_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    return [
        Topic(f"{_bare(one).lower()}@depth@100ms", "depth", one.symbol, (BookDelta, BookSnapshot))
        for one in instruments
    ]


def _liquidation_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    marks = [
        Topic(f"{_bare(one).lower()}@markPrice@1s", "markPrice", one.symbol, (MarkPrice, Funding), main=False)
        for one in instruments
    ]
    return [Topic("!forceOrder@arr", "forceOrder", None, (Liquidation,), rare=True), *marks]


def _list_subscriptions(topics: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
    """The streams are in the URL and never acknowledged; the connection lists those that it has."""
    names = tuple(one.name for one in topics)
    number = request_id(names)
    return [TopicRequest(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}), str(number), names)]


RIGHTS = rights.flags(
    "", ("enable", "permits"), frozenset({"enableReading", "enableFixReadOnly"}), required="enableWithdrawals"
)

VENUE = Venue(
    id=ID,
    title="Binance USD-M",
    docs=DOCS,
    hosts={
        "rest": "https://fapi.binance.com",
        "spot": "https://api.binance.com",
        "ws_public": "wss://fstream.binance.com/public",
        "ws_market": "wss://fstream.binance.com/market",
    },
    budgets=(
        Budget(name="ip", limit=2400, window_s=60),
        Budget(name="spot", limit=1200, window_s=60, hosts=("spot",)),  # the rest is binance_spot's: one address
        Budget(name="data", limit=1000, window_s=300),
    ),
    checks=(
        RestCheck(
            name="server_time", call=lambda _: RestCall(path="/fapi/v1/time"), read=answers.server_time, every_s=5
        ),
        RestCheck(
            name="system_status",
            call=lambda _: RestCall(path="/sapi/v1/system/status", host="spot", budget="spot"),
            read=answers.system_status,
            every_s=60,
        ),
        RestCheck(
            name="wallet_status",
            call=lambda _: RestCall(
                path="/sapi/v1/capital/config/getall", host="spot", budget="spot", cost=10, signed=True
            ),
            read=answers.wallets,
            every_s=60,
        ),
        RestCheck(
            name="instruments",
            call=lambda _: RestCall(path="/fapi/v1/exchangeInfo"),
            read=answers.instruments,
            every_s=3600,
        ),
        _per("book_rest", "/fapi/v1/depth", 20, 30, answers.book, limit="1000"),
        _per("open_interest", "/fapi/v1/openInterest", 1, 15, answers.open_interest),
        _per("funding", "/fapi/v1/premiumIndex", 1, 15, answers.premium),
        _per("volume", "/fapi/v1/ticker/24hr", 1, 60, answers.volume),
        RestCheck(
            name="volume_spot",
            call=lambda one: RestCall(
                path="/api/v3/ticker/24hr", query={"symbol": _bare(one)}, host="spot", budget="spot", cost=2
            ),
            read=answers.volume,
            every_s=60,
            per=Per.INSTRUMENT,
            market=Market.SPOT,
        ),
        _ratio("long_short_ratio", "globalLongShortAccountRatio", "accounts"),
        _ratio("long_short_ratio_top", "topLongShortAccountRatio", "top_accounts"),
    ),
    feeds=(
        Feed(
            name="book_ws",
            host="ws_public",
            path=_streams("depth@100ms"),
            topics=_book_topics,
            ask=_list_subscriptions,
            read=frame,
            subscribe=lambda _instruments, _now: (),
            market=Market.PERP,
            silence_after_s=10,
            book_base="book_rest",
            lifetime_s=23 * 3600,
            docs=DOCS,
        ),
        Feed(
            name="liquidation",
            host="ws_market",
            path=_streams("markPrice@1s", "!forceOrder@arr"),
            topics=_liquidation_topics,
            ask=_list_subscriptions,
            read=frame,
            subscribe=lambda _instruments, _now: (),
            market=Market.PERP,
            silence_after_s=10,
            censoring=Censoring.LATEST_PER_SECOND,
            lifetime_s=23 * 3600,
            docs=DOCS,
        ),
    ),
    usage=usage,
    refuse=refuse,
    sign=sign,
    key_rights=RightsQuestion(
        call=RestCall(path="/sapi/v1/account/apiRestrictions", host="spot", budget="spot", signed=True), read=RIGHTS
    ),
    symbols=lambda asset: {Market.SPOT: f"{SPOT}{asset}USDT", Market.PERP: f"{asset}USDT"},
    none={"its spot market is binance_spot": ("book_ws_spot",)},
)
