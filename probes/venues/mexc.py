"""MEXC: spot (protobuf frames) and USDT futures (JSON frames); docs at www.mexc.com/api-docs.

The field numbers of the protobuf messages are those of github.com/mexcdevelop/websocket-proto. Sizes of futures are contracts.
Wallets need a key. There is no status endpoint, no liquidation feed and no long/short ratio.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from re import compile as pattern
from re import split
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Funding, MalformedReason, Market, MarkPrice, OpenInterest, Volume
from probes.readings.topics import Topic
from probes.venue import BookDelta, BookSnapshot, Feed, KeepAlive, Malformed

LEVEL = {1: d.Field("price"), 2: d.Field("quantity")}
DEPTHS = {
    1: d.Field("asks", LEVEL, many=True), 2: d.Field("bids", LEVEL, many=True),
    4: d.Field("fromVersion"), 5: d.Field("toVersion"),
}  # fmt: skip
PUSH = {
    1: d.Field("channel"), 3: d.Field("symbol"), 5: d.Field("createTime"), 6: d.Field("sendTime"),
    313: d.Field("publicAggreDepths", DEPTHS),
}  # fmt: skip
_REFUSED = pattern(rb'"msg"\s*:(?=\s*"Not Subscribed)')


def unpack(raw: bytes) -> bytes:
    """News are protobuf; answers to our messages are JSON, where a refusal has code 0 and differs in its words only."""
    if raw[:1] == b"{":
        return _REFUSED.sub(b'"refused":', raw, count=1)
    push = d.protobuf(raw, PUSH)
    if b'"channel":' not in push:
        raise Malformed("$.channel: missing")
    return push


def figures(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A ticker; the volumes of a contract settled in its coin (BTC_USD) are neither base units nor dollars, and are left out."""
    return [{**row, "volume24": None, "amount24": None} if row["symbol"].endswith("_USD") else row]


def kind(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A contract with its kind; where the field is missing, only the name of a pair is that of a perpetual one."""
    known = row.get("futureType")
    if known is None:
        if row["symbol"] != f"{row['baseCoin']}_{row['quoteCoin']}":
            raise Malformed("$.futureType: missing", MalformedReason.STATE)
        known = 1
    return [{**row, "kind": known}]


TIME = d.rows(d.ServerTimes(at=d.Stamp("serverTime")))
COINS = d.rows(
    d.Wallets(
        network="network", deposits="depositEnable", withdrawals="withdrawEnable",
        note=("withdrawTips", "depositTips", "depositDesc"),
    ),
    each="networkList", subject="coin",
)  # fmt: skip
PAIRS = d.rows(
    d.Listing(
        symbol="symbol", base="baseAsset", quote="quoteAsset", trading="status", trading_is=frozenset({"1", "ENABLED"})
    ),
    where="symbols", market=Market.SPOT,
)  # fmt: skip
CONTRACTS = d.rows(
    d.Listing(
        symbol="symbol", base="baseCoin", quote="quoteCoin", contract_size="contractSize", kind="kind",
        kinds={1: Market.PERP, 2: Market.FUTURE}, inverse="quoteCoin", inverse_is=frozenset({"USD"}),
        trading="state", trading_is=frozenset({0}),
    ),
    where="data", unfold=kind,
)  # fmt: skip


def book(where: str = "", *, market: Market = Market.PERP, **fields: Any) -> d.Rows:
    """A book: futures have contracts, and levels of price, contracts and orders; spot has base units."""
    unit = d.Unit.BASE if market is Market.SPOT else d.Unit.CONTRACTS
    return d.rows(d.Books(bids="bids", asks="asks", unit=unit, **fields), where=where, market=market)


SPOT_BOOK = book(market=Market.SPOT, last_id="lastUpdateId", at=d.Stamp("timestamp"), whole=True)
BOOK = book("data", last_id="version", at=d.Stamp("timestamp"), whole=True)
SPOT_CHANGE = book(
    market=Market.SPOT, level=("price", "quantity"), first_id="fromVersion", last_id="toVersion", one_sided=True
)
CHANGE = book(first_id=("begin", "version"), last_id=("end", "version"), engine_at=d.Stamp("cts"))
"""`begin` and `end` are given where versions are merged."""


def half(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A ticker whose `quoteVolume` is null, as in the documented example: its base volume still counts."""
    return [row] if row.get("quoteVolume") in (None, "") else []


VOLUME = d.Volumes(
    symbol="symbol", base="volume", quote="quoteVolume", last="lastPrice", at=d.Stamp("closeTime"), optional=True
)
SPOT_TICKER = d.answer(
    d.rows(VOLUME, market=Market.SPOT),
    d.rows(replace(VOLUME, quote=None, optional=False), market=Market.SPOT, unfold=half),
)
FIGURES = (
    d.OpenInterests(symbol="symbol", size="holdVol", unit=d.Unit.CONTRACTS, mark="fairPrice", at=d.Stamp("timestamp")),
    d.MarkPrices(symbol="symbol", mark="fairPrice", index="indexPrice", at=d.Stamp("timestamp")),
    d.FundingRates(symbol="symbol", rate="fundingRate", at=d.Stamp("timestamp"), optional=True),
    d.Volumes(
        symbol="symbol", base="volume24", unit=d.Unit.CONTRACTS, quote="amount24", last="lastPrice", at=d.Stamp("timestamp"),
        optional=True,
    ),
)  # fmt: skip
TICKER = d.Rows(where="data", unfold=figures, says=FIGURES)
FUNDING = d.rows(
    d.FundingRates(
        symbol="symbol", rate="fundingRate", interval="collectCycle", interval_s=3600, at=d.Stamp("timestamp"),
        next_at=d.Stamp("nextSettleTime"),
    ),
    where="data",
)  # fmt: skip

FUNDS = d.rows(
    d.InsuranceFunds(symbol="symbol", balance="available", currency="currency", at=d.Stamp("timestamp")),
    where="data",
)


def topic(channel: str) -> tuple[str, str]:
    """The channel and the symbol of "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"."""
    return channel.rpartition("@")[0].rpartition("@")[0], channel.rpartition("@")[2]


def named(words: Any) -> Sequence[str]:
    """The topics that an answer names: "spot@…", apart by commas, in brackets if they are refused."""
    return [one for one in split(r"[\[\],\s]+", str(words)) if one.startswith("spot@")]


DEPTH = "spot@public.aggre.depth.v3.api.pb"
SPOT_FRAMES = d.frames(
    d.Frames(
        payload="publicAggreDepths",
        topic=topic,
        unpack=unpack,
        at=d.Stamp("sendTime"),
        engine_at=d.Stamp("createTime"),
        controls=(
            d.Control(
                path="refused", means=d.Means.REFUSED, text="refused", names=lambda frame: named(frame["refused"])
            ),
            d.Control(path="msg", values=frozenset({"PONG"}), means=d.Means.PONG),
            d.Control(
                path="code",
                values=frozenset({0}),
                means=d.Means.ACK,
                text="msg",
                names=lambda frame: named(frame.get("msg")),
            ),
            d.Control(path="code", means=d.Means.REFUSED, code="code", text="msg"),
        ),
    ),
    {DEPTH: SPOT_CHANGE},
)
FUTURES_FRAMES = d.frames(
    d.Frames(
        symbol="symbol",
        at=d.Stamp("ts"),
        controls=(
            d.Control(path="channel", values=frozenset({"rs.error"}), means=d.Means.REFUSED, text="data"),
            d.Control(path="channel", values=frozenset({"pong"}), means=d.Means.PONG),
            d.Control(
                path="channel", values=frozenset({"rs.sub.depth", "rs.sub.ticker", "rs.sub.funding.rate"}), means=d.Means.ACK,
                text="channel",
            ),
        ),
    ),
    {
        "push.depth": CHANGE,
        "push.ticker": d.Rows(unfold=figures, says=tuple(one for one in FIGURES if not isinstance(one, d.FundingRates))),
        "push.funding.rate": d.rows(d.FundingRates(rate="rate", next_at=d.Stamp("nextSettleTime"))),
        "push.fair.price": d.rows(d.MarkPrices(mark="price")),
    },
)  # fmt: skip


BOOKS = (BookDelta, BookSnapshot)
SPOT_CHANNEL = d.Channel(topic=f"{DEPTH}@100ms@{{}}", name=DEPTH, speaks=BOOKS)
CHANNELS = (
    d.Channel(topic="sub.depth:{}", name="sub.depth", speaks=BOOKS),
    d.Channel(topic="sub.ticker:{}", name="sub.ticker", speaks=(OpenInterest, MarkPrice, Volume), main=False),
    d.Channel(topic="sub.funding.rate:{}", name="sub.funding.rate", speaks=(Funding,), main=False),
)
"""Funding is read from its own channel only: a word proves one channel."""


def subscription(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """One channel of one contract; of its book every version (merged ones are the default)."""
    whole = {"compress": False} if topics[0].channel == "sub.depth" else {}
    return {"method": topics[0].channel, "param": {"symbol": topics[0].instrument, **whole}}


def spot_subscription(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """All books in one message, each confirmed or refused by its name."""
    return {"method": "SUBSCRIPTION", "params": [one.name for one in topics]}


ERRORS = d.Errors(
    code=("code",), text=("msg", "message"), good=frozenset({"0", "200"}),
    refusals=d.codes_beside(__file__),
)  # fmt: skip

V1 = "/api/v1/contract"
FUTURES = {"host": "futures", "budget": "futures"}
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/api/v3/time", TIME, 5),
        d.calls(d.check("wallet_status", "/api/v3/capital/config/getall", COINS, 60), cost=10, signed=True),
        d.calls(d.check("instruments", "/api/v3/exchangeInfo", PAIRS, 3600), cost=10),
        d.calls(d.check("instruments", f"{V1}/detail", CONTRACTS, 3600), **FUTURES),
        d.check("book_rest", "/api/v3/depth", SPOT_BOOK, 30, Market.SPOT, symbol="{}", limit="1000"),
        d.calls(d.check("book_rest", f"{V1}/depth/{{}}", BOOK, 30, Market.PERP, limit="1000"), **FUTURES),
        d.calls(d.check("open_interest", f"{V1}/ticker", TICKER, 15, Market.PERP, symbol="{}"), **FUTURES),
        d.calls(d.check("funding", f"{V1}/funding_rate/{{}}", FUNDING, 300, Market.PERP), **FUTURES),
        d.calls(d.check("insurance_fund", f"{V1}/risk_reverse", FUNDS, 300), **FUTURES),
        d.check("volume_spot", "/api/v3/ticker/24hr", SPOT_TICKER, 60, Market.SPOT, symbol="{}"),
    ),
    feeds=(
        Feed(
            name="book_ws_spot", host="ws", read=SPOT_FRAMES, market=Market.SPOT, silence_after_s=10, book_base="book_rest",
            max_instruments=30, max_bytes=200_000, lifetime_s=82_800,
            **d.asking([SPOT_CHANNEL], spot_subscription),
            keep_alive=KeepAlive(every_s=20, text=lambda _now: json.dumps({"method": "PING"})),
        ),
        Feed(
            name="book_ws", host="ws_futures", read=FUTURES_FRAMES, market=Market.PERP, silence_after_s=10,
            book_base="book_rest", **d.asking(CHANNELS, subscription, at_once=1),
            keep_alive=KeepAlive(every_s=15, text=lambda _now: json.dumps({"method": "ping"})),
        ),
    ),
    refuse=d.refusals(ERRORS),
    sign=d.signs("X-MEXC-APIKEY"),
    symbols=lambda asset: decode.pair_symbols("{}USDT", "{}_USDT", asset),
)  # fmt: skip
