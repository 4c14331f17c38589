"""Bybit v5: spot and linear derivatives (docs at bybit-exchange.github.io/docs/v5). Spot symbols carry a prefix here.

Limits: 600 requests in 5 s an address, over which it answers 403 "access too frequent" and wants ten minutes of quiet. The
liquidation topic is complete, in batches each 500 ms; tickers on the same socket prove that it lives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from re import compile as pattern
from typing import Any

from probes import dialect as d
from probes.dialect import decode, rights
from probes.readings import Censoring, Instrument, Market, Refusal
from probes.readings.topics import Topic
from probes.venue import Feed, ReadAnswer, Refused, RestCall, RestCheck, RightsQuestion
from probes.venues.bybit import words
from probes.venues.bybit.words import rows

MARKET, QUIET_S = "/v5/market/", 600.0
CODES = d.codes_beside(__file__)
BY_CODE = d.refusals(d.Errors(code=("retCode",), text=("retMsg",), good=frozenset({"0"}), refusals=CODES))


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """403 has two meanings here: too frequent (a ban that ends after ten minutes without requests) or a blocked region."""
    if status == 403:
        if b"too frequent" in body.lower():
            return Refused(Refusal.BANNED, "403 access too frequent", retry_after_s=QUIET_S)
        return Refused(Refusal.GEO_BLOCKED, "403")
    return BY_CODE(status, headers, body, now)


KEY = {
    "X-BAPI-API-KEY": "{key}",
    "X-BAPI-TIMESTAMP": "{stamp}",
    "X-BAPI-RECV-WINDOW": "5000",
    "X-BAPI-SIGN": "{signature}",
}
_TOPIC = pattern(r"topic:([A-Za-z]+\.[\w.-]+)")


def names(frame: Mapping[str, Any]) -> Sequence[str]:
    """The topic that an answer names: a refusal names one of its request at most."""
    named = _TOPIC.search(str(frame.get("ret_msg")))
    return (named[1],) if named is not None else ()


FRAME = d.Frames(
    channel="topic", topic=lambda text: (text.partition(".")[0], ""), kind="type",
    news=frozenset({"snapshot", "delta", ""}), at=d.Stamp("ts"), engine_at=d.Stamp("cts"),
    controls=(
        d.Control(path="op", values=frozenset({"pong"}), means=d.Means.PONG),
        d.Control(path="ret_msg", values=frozenset({"pong"}), means=d.Means.PONG),
        d.Control(path="success", values=frozenset({True}), means=d.Means.ACK, text="op", id="req_id"),
        d.Control(path="ret_msg", like="already subscribed,topic:", means=d.Means.ACK, text="op", names=names),
        d.Control(
            path="success", values=frozenset({False}), means=d.Means.REFUSED, text="ret_msg", names=names, id="req_id"
        ),
    ),
)  # fmt: skip
FRAMES = d.frames(
    FRAME,
    {
        "allLiquidation": rows(words.FORCED, where=""), "liquidation": rows(words.OLD_FORCED, where=""),
        "orderbook": rows(words.BOOK, where=""), "tickers": rows(*words.TICKER, where=""),
        "system": rows(replace(words.WINDOW, healthy=None), where="", unfold=words.window),
    },
)  # fmt: skip
SPOT_FRAMES = d.frames(
    FRAME, {"orderbook": rows(words.BOOK, where="", spot=True), "tickers": rows(words.VOLUME, where="", spot=True)}
)


def per(
    name: str, path: str, read: d.Rows | ReadAnswer, every_s: float, market: Market = Market.PERP, **query: str
) -> RestCheck:
    """A check asked for each instrument of a market, in the category of the instrument."""
    category = "spot" if market is Market.SPOT else "linear"
    one = d.check(name, f"{MARKET}{path}", read, every_s, market, category=category, symbol="{}", **query)

    def call(instrument: Instrument | None) -> RestCall:
        assert instrument is not None, "asked per instrument"
        asked = one.call(replace(instrument, symbol=instrument.symbol.removeprefix(words.SPOT)))
        return replace(asked, query={**asked.query, "category": "inverse"}) if instrument.inverse else asked

    return replace(one, call=call)


def request(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """At most ten topics a request; one that is refused costs its whole request."""
    return {"req_id": str(number), "op": "subscribe", "args": [one.name for one in topics]}


def feed(name: str, host: str, *channels: d.Channel, market: Market = Market.PERP, **more: Any) -> Feed:
    """A feed of a market's socket."""
    prefix = words.SPOT if market is Market.SPOT else ""
    return Feed(
        name=name, host=host, renew_alone=True, market=market, silence_after_s=10,
        keep_alive=d.pings(20, {"req_id": "ping", "op": "ping"}),
        **d.asking(channels, request, at_once=10, prefix=prefix), **more,
    )  # fmt: skip


BOOKS = d.Channel(topic="orderbook.50.{}", name="orderbook", speaks=d.BOOK_WORDS)
ORDERS = d.Channel(topic="allLiquidation.{}", name="allLiquidation", speaks=d.FORCED_WORDS, rare=True)
TICKERS = d.Channel(topic="tickers.{}", name="tickers", speaks=d.FIGURE_WORDS, main=False)
TIME = d.ServerTimes(at=d.Stamp("timeNano", d.Clock.NS), resolution_s=1e-6)
COINS = rows(words.WALLETS, where="result.rows", each="chains", subject="coin")
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", f"{MARKET}time", rows(TIME, where="result"), 5),
        d.check("system_status", "/v5/system/status", rows(words.WINDOW, unfold=words.window), 60),
        d.calls(d.check("wallet_status", "/v5/asset/coin/query-info", COINS, 60), budget="uid", signed=True),
        d.check("instruments", f"{MARKET}instruments-info", words.LISTED, 3600, category="linear", limit="1000"),
        d.check("instruments", f"{MARKET}instruments-info", words.LISTED, 3600, category="spot", limit="1000"),
        per("book_rest", "orderbook", rows(words.REST_BOOK, where="result"), 30, limit="200"),
        per("book_rest", "orderbook", rows(words.REST_BOOK, where="result", spot=True), 30, Market.SPOT, limit="200"),
        per(
            "open_interest", "open-interest",
            rows(*(replace(one, at=d.Stamp("timestamp")) for one in words.INTEREST), where="result", unfold=words.newest),
            60, intervalTime="5min", limit="1",
        ),
        per("funding", "funding/history", rows(words.SETTLED, first=1), 300, limit="1"),
        per("long_short_ratio", "account-ratio", rows(words.RATIO, first=1), 300, period="5min", limit="1"),
        d.check("insurance_fund", f"{MARKET}insurance", d.answer(rows(words.FUND, unfold=words.pools), at=words.UPDATED), 300),
        d.check(
            "deleveraging", f"{MARKET}adlAlert", d.answer(rows(words.ADL, unfold=words.deleveraged), at=words.UPDATED), 60,
            Market.PERP, symbol="{}",
        ),
        per("volume", "tickers", d.answer(rows(*words.TICKER), at=d.Stamp("time")), 15),
        per("volume_spot", "tickers", d.answer(rows(words.VOLUME, spot=True), at=d.Stamp("time")), 60, Market.SPOT),
    ),
    feeds=(
        feed("book_ws", "ws_linear", BOOKS, read=FRAMES),
        feed("book_ws_spot", "ws_spot", BOOKS, market=Market.SPOT, read=SPOT_FRAMES),
        feed("liquidation", "ws_linear", ORDERS, TICKERS, read=FRAMES, censoring=Censoring.COMPLETE),
    ),
    usage=d.budget_headers("uid", remaining="x-bapi-limit-status", limit="x-bapi-limit"),
    refuse=refuse, sign=d.signs_text("{stamp}{key}5000{query}", KEY),
    key_rights=RightsQuestion(
        call=RestCall(path="/v5/user/query-api", budget="uid", signed=True), read=rights.read_only("result.readOnly")
    ),
    symbols=lambda asset: decode.pair_symbols(words.SPOT + "{}USDT", "{}USDT", asset),
)  # fmt: skip
