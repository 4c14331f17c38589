"""Bybit v5: spot and linear derivatives (docs at bybit-exchange.github.io/docs/v5).

Limits: 600 requests in 5 s an address, over which it answers 403 "access too frequent" and wants ten minutes of quiet. The
liquidation topic is complete, in batches each 500 ms; tickers on the same socket prove that it lives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from probes.dialect import decode, rights
from probes.readings import (
    Censoring,
    Funding,
    Instrument,
    Liquidation,
    Market,
    MarkPrice,
    OpenInterest,
    Refusal,
    Volume,
)
from probes.venue import (
    BookDelta,
    BookSnapshot,
    Budget,
    Feed,
    KeepAlive,
    Keys,
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
    subscribing,
)
from probes.wire import bybit_answers as answers
from probes.wire import bybit_frames as frames
from probes.wire.bybit import ID, SPOT

DOCS = "https://bybit-exchange.github.io/docs/v5/"
QUIET_S = 600.0
ARGS_A_REQUEST = 10


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """403 has two meanings here: too frequent (a ban that ends after ten minutes without requests) or a blocked region."""
    if status == 403:
        if b"too frequent" in body.lower():
            return Refused(Refusal.BANNED, "403 access too frequent", retry_after_s=QUIET_S)
        return Refused(Refusal.GEO_BLOCKED, "403")
    return None


def usage(headers: Mapping[str, str], now: datetime) -> Sequence[Usage]:
    """X-Bapi-Limit and X-Bapi-Limit-Status (remaining), if given."""
    remaining = decode.header_number(headers, "x-bapi-limit-status")
    limit = decode.header_number(headers, "x-bapi-limit")
    return () if remaining is None or limit is None else (Usage(budget="uid", remaining=remaining, limit=limit),)


def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
    """HMAC-SHA256 of timestamp, key, window and query."""
    query = urlencode(call.query)
    stamp = str(int(now.timestamp() * 1000))
    signed = decode.signature(keys.secret, f"{stamp}{keys.key}5000{query}").hex()
    headers = {
        "X-BAPI-API-KEY": keys.key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signed,
    }
    return SignedRequest(query=query, headers=headers)


def _query(one: Instrument | None) -> dict[str, str]:
    assert one is not None, "asked per instrument"
    category = "spot" if one.market is Market.SPOT else "inverse" if one.inverse else "linear"
    return {"category": category, "symbol": one.symbol.removeprefix(SPOT)}


def _per(
    name: str, path: str, every_s: float, reader: ReadAnswer, market: Market | None = Market.PERP, **query: str
) -> RestCheck:
    return RestCheck(
        name=name,
        call=lambda one: RestCall(path=path, query={**_query(one), **query}),
        read=reader,
        every_s=every_s,
        per=Per.INSTRUMENT,
        market=market,
        docs=DOCS,
    )


def _listing(category: str) -> RestCheck:
    return RestCheck(
        name="instruments",
        call=lambda _: RestCall(path="/v5/market/instruments-info", query={"category": category, "limit": "1000"}),
        read=answers.instruments,
        every_s=3600,
        docs=DOCS,
    )


def _book_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    return [
        Topic(f"orderbook.50.{one.symbol.removeprefix(SPOT)}", "orderbook", one.symbol, (BookDelta, BookSnapshot))
        for one in instruments
    ]


def _liquidation_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    company = (MarkPrice, Funding, OpenInterest, Volume)
    return [
        topic
        for one in instruments
        for topic in (
            Topic(f"allLiquidation.{one.symbol}", "allLiquidation", one.symbol, (Liquidation,), rare=True),
            Topic(f"tickers.{one.symbol}", "tickers", one.symbol, company, main=False),
        )
    ]


def _ask(topics: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
    """At most ten topics a request; one that is refused costs its whole request."""
    requests = []
    for at in range(0, len(topics), ARGS_A_REQUEST):
        names = tuple(one.name for one in topics[at : at + ARGS_A_REQUEST])
        number = str(request_id(names))
        requests.append(TopicRequest(json.dumps({"req_id": number, "op": "subscribe", "args": names}), number, names))
    return requests


PING = KeepAlive(every_s=20, text=lambda _now: json.dumps({"req_id": "ping", "op": "ping"}))

VENUE = Venue(
    id=ID,
    title="Bybit",
    docs=DOCS,
    hosts={
        "rest": "https://api.bybit.com",
        "ws_linear": "wss://stream.bybit.com/v5/public/linear",
        "ws_spot": "wss://stream.bybit.com/v5/public/spot",
        "ws_status": "wss://stream.bybit.com/v5/public/misc/status",
    },
    budgets=(
        Budget(name="ip", limit=600, window_s=5, ban_s=QUIET_S),
        Budget(name="uid", limit=10, window_s=1, each=True, within="ip"),
    ),
    checks=(
        RestCheck(
            name="server_time", call=lambda _: RestCall(path="/v5/market/time"), read=answers.server_time, every_s=5
        ),
        RestCheck(
            name="system_status",
            call=lambda _: RestCall(path="/v5/system/status"),
            read=answers.system_status,
            every_s=60,
        ),
        RestCheck(
            name="wallet_status",
            call=lambda _: RestCall(path="/v5/asset/coin/query-info", budget="uid", signed=True),
            read=answers.wallets,
            every_s=60,
        ),
        _listing("linear"),
        _listing("spot"),
        _per("book_rest", "/v5/market/orderbook", 30, answers.book, None, limit="200"),
        _per("open_interest", "/v5/market/open-interest", 60, answers.open_interest, intervalTime="5min", limit="1"),
        _per("funding", "/v5/market/funding/history", 300, answers.funding, limit="1"),
        _per("long_short_ratio", "/v5/market/account-ratio", 300, answers.long_short, period="5min", limit="1"),
        _per("volume", "/v5/market/tickers", 15, answers.tickers),
        _per("volume_spot", "/v5/market/tickers", 60, answers.tickers, Market.SPOT),
    ),
    feeds=(
        Feed(
            name="book_ws",
            host="ws_linear",
            read=frames.frame,
            subscribe=subscribing(_book_topics, _ask),
            topics=_book_topics,
            ask=_ask,
            renew_alone=True,
            market=Market.PERP,
            keep_alive=PING,
            silence_after_s=10,
            docs=DOCS,
        ),
        Feed(
            name="book_ws_spot",
            host="ws_spot",
            read=frames.spot_frame,
            subscribe=subscribing(_book_topics, _ask),
            topics=_book_topics,
            ask=_ask,
            renew_alone=True,
            market=Market.SPOT,
            keep_alive=PING,
            silence_after_s=10,
            docs=DOCS,
        ),
        Feed(
            name="liquidation",
            host="ws_linear",
            read=frames.frame,
            subscribe=subscribing(_liquidation_topics, _ask),
            topics=_liquidation_topics,
            ask=_ask,
            renew_alone=True,
            market=Market.PERP,
            keep_alive=PING,
            silence_after_s=10,
            censoring=Censoring.COMPLETE,
            docs=DOCS,
        ),
    ),
    usage=usage,
    refuse=refuse,
    sign=sign,
    key_rights=RightsQuestion(
        call=RestCall(path="/v5/user/query-api", budget="uid", signed=True), read=rights.read_only("result.readOnly")
    ),
    symbols=lambda asset: decode.pair_symbols(SPOT + "{}USDT", "{}USDT", asset),
)
