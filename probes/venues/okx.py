"""OKX v5: spot and linear swaps (docs at www.okx.com/docs-v5).

No budget headers: limits are by endpoint and address. The liquidation channel sends at most one order a second and contract,
and its first message after subscribing is old news. Books go by seqId/prevSeqId: the checksum is dead since 2026-06.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from probes.dialect import decode, rights
from probes.readings import Censoring, Instrument, Liquidation, Market, MarkPrice, OpenInterest
from probes.venue import (
    BookDelta,
    BookSnapshot,
    Budget,
    Feed,
    KeepAlive,
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
    Venue,
    request_id,
    subscribing,
)
from probes.wire import okx as wire
from probes.wire import okx_answers as answers
from probes.wire import okx_frames as frames
from probes.wire.okx import ID

DOCS = "https://www.okx.com/docs-v5/"
LIQUIDATIONS = "liquidation-orders"


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """Error codes count whatever the status: 50011 comes with 200 and with 429."""
    try:
        answer = wire.RATIOS.decode(body) if b'"data":[[' in body[:64] else wire.ANSWER.decode(body)
    except (msgspec.DecodeError, Malformed):
        return None
    code = str(answer.code)
    return None if code == "0" else wire.refused(code, answer.msg)


def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
    """HMAC-SHA256 in base64 of timestamp, method, path and query."""
    query = urlencode(call.query)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    text = f"{stamp}GET{call.path}" + (f"?{query}" if query else "")
    headers = {
        "OK-ACCESS-KEY": keys.key,
        "OK-ACCESS-SIGN": b64encode(decode.signature(keys.secret, text)).decode(),
        "OK-ACCESS-TIMESTAMP": stamp,
        "OK-ACCESS-PASSPHRASE": keys.passphrase,
    }
    return SignedRequest(query=query, headers=headers)


def _inst(one: Instrument | None) -> dict[str, str]:
    assert one is not None, "asked per instrument"
    return {"instId": one.symbol}


def _call(budget: str, path: str, **query: str) -> RestCall:
    return RestCall(path=f"/api/v5{path}", query=query, budget=budget)


def _per(
    name: str, call: RestCall, every_s: float, reader: ReadAnswer, market: Market | None = Market.PERP
) -> RestCheck:
    """A check asked for each instrument of a market; `call` is completed with the instrument."""
    return RestCheck(
        name=name,
        call=lambda one: replace(call, query={**_inst(one), **call.query}),
        read=reader,
        every_s=every_s,
        per=Per.INSTRUMENT,
        market=market,
        docs=DOCS,
    )


def _listing(kind: str) -> RestCheck:
    return RestCheck(
        name="instruments",
        call=lambda _: RestCall(path="/api/v5/public/instruments", query={"instType": kind}, budget="public"),
        read=answers.instruments,
        every_s=3600,
        docs=DOCS,
    )


def _topic(channel: str, one: Instrument, *speaks: type, main: bool = True) -> Topic:
    return Topic(wire.topic_name(channel, one.symbol), channel, one.symbol, speaks, main=main)


def _book_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    return [_topic("books", one, BookDelta, BookSnapshot) for one in instruments]


def _liquidation_topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    name = wire.topic_name(LIQUIDATIONS, "SWAP")
    company = [
        topic
        for one in instruments
        for topic in (
            _topic("mark-price", one, MarkPrice, main=False), _topic("open-interest", one, OpenInterest, main=False)
        )
    ]  # fmt: skip
    return [Topic(name, LIQUIDATIONS, None, (Liquidation,), rare=True), *company]


def _ask(topics: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
    """One message; each of its topics is confirmed or refused by itself."""
    args = [
        {"channel": one.channel, **({"instType": "SWAP"} if one.instrument is None else {"instId": one.instrument})}
        for one in topics
    ]
    names = tuple(one.name for one in topics)
    number = str(request_id(names))
    return [TopicRequest(json.dumps({"id": number, "op": "subscribe", "args": args}), number, names)]


PING = KeepAlive(every_s=20, text=lambda _now: "ping")

VENUE = Venue(
    id=ID,
    title="OKX",
    docs=DOCS,
    hosts={"rest": "https://www.okx.com", "ws": "wss://ws.okx.com:8443/ws/v5/public"},
    budgets=(
        Budget(name="ip", limit=10, window_s=2, each=True),
        Budget(name="public", limit=20, window_s=2, each=True),
        Budget(name="market", limit=20, window_s=2, each=True),
        Budget(name="status", limit=2, window_s=10, each=True),
        Budget(name="rubik", limit=5, window_s=2, each=True),
        Budget(name="asset", limit=6, window_s=1, each=True),
    ),
    checks=(
        RestCheck(
            name="server_time", call=lambda _: RestCall(path="/api/v5/public/time"), read=answers.server_time, every_s=5
        ),
        RestCheck(
            name="system_status",
            call=lambda _: RestCall(path="/api/v5/system/status", budget="status"),
            read=answers.system_status,
            every_s=60,
        ),
        RestCheck(
            name="wallet_status",
            call=lambda _: RestCall(path="/api/v5/asset/currencies", budget="asset", signed=True),
            read=answers.wallets,
            every_s=60,
        ),
        _listing("SWAP"),
        _listing("SPOT"),
        _per("book_rest", _call("market", "/market/books", sz="400"), 30, answers.book, None),
        _per("open_interest", _call("public", "/public/open-interest", instType="SWAP"), 15, answers.open_interest),
        _per("funding", _call("public", "/public/funding-rate"), 60, answers.funding),
        _per("mark_price", _call("public", "/public/mark-price", instType="SWAP"), 60, answers.marks),
        _per("volume", _call("market", "/market/ticker"), 60, answers.tickers),
        _per("volume_spot", _call("market", "/market/ticker"), 60, answers.tickers, Market.SPOT),
        _per(
            "long_short_ratio",
            _call("rubik", "/rubik/stat/contracts/long-short-account-ratio-contract", period="5m", limit="1"),
            300,
            answers.long_short,
        ),
    ),
    feeds=(
        Feed(
            name="book_ws",
            host="ws",
            read=frames.frame,
            subscribe=subscribing(_book_topics, _ask),
            topics=_book_topics,
            ask=_ask,
            market=Market.PERP,
            keep_alive=PING,
            silence_after_s=10,
            docs=DOCS,
        ),
        Feed(
            name="book_ws_spot",
            host="ws",
            read=frames.frame,
            subscribe=subscribing(_book_topics, _ask),
            topics=_book_topics,
            ask=_ask,
            market=Market.SPOT,
            keep_alive=PING,
            silence_after_s=10,
            docs=DOCS,
        ),
        Feed(
            name="liquidation",
            host="ws",
            read=frames.frame,
            subscribe=subscribing(_liquidation_topics, _ask),
            topics=_liquidation_topics,
            ask=_ask,
            market=Market.PERP,
            keep_alive=PING,
            silence_after_s=10,
            censoring=Censoring.ONE_PER_SECOND,
            backlog_first=True,
            docs=DOCS,
        ),
    ),
    refuse=refuse,
    sign=sign,
    key_rights=RightsQuestion(
        call=RestCall(path="/api/v5/account/config", budget="asset", signed=True),
        read=rights.listed("data.0.perm", frozenset({"read_only"})),
    ),
    symbols=lambda asset: decode.pair_symbols("{}-USDT", None, asset),
)
