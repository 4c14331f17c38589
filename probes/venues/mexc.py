"""MEXC: spot (protobuf frames) and USDT futures (JSON frames); docs at www.mexc.com/api-docs.

The field numbers of the protobuf messages are those of github.com/mexcdevelop/websocket-proto. Sizes of futures are contracts.
Wallets need a key. There is no status endpoint, no liquidation feed and no long/short ratio.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Funding, MalformedReason, Market, MarkPrice, OpenInterest, Volume
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed

LEVEL = {1: d.Field("price"), 2: d.Field("quantity")}
DEPTHS = {
    1: d.Field("asks", LEVEL, many=True), 2: d.Field("bids", LEVEL, many=True),
    4: d.Field("fromVersion"), 5: d.Field("toVersion"),
}  # fmt: skip
PUSH = {
    1: d.Field("channel"), 3: d.Field("symbol"), 5: d.Field("createTime"), 6: d.Field("sendTime"),
    313: d.Field("publicAggreDepths", DEPTHS),
}  # fmt: skip
_REFUSED = re.compile(rb'"msg"\s*:(?=\s*"Not Subscribed)')


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


NOTES = ("withdrawTips", "depositTips", "depositDesc")
WALLET = d.Wallets(network="network", deposits="depositEnable", withdrawals="withdrawEnable", note=NOTES)
COINS = d.rows(WALLET, each="networkList", subject="coin")
ENABLED: dict[str, Any] = {"trading": "status", "trading_is": frozenset({"1", "ENABLED"})}
PAIR = d.Listing(symbol="symbol", base="baseAsset", quote="quoteAsset", **ENABLED)
PAIRS = d.rows(PAIR, where="symbols", market=Market.SPOT)
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
    unit, width = (d.Unit.BASE, 2) if market is Market.SPOT else (d.Unit.CONTRACTS, 3)
    return d.rows(d.Books(bids="bids", asks="asks", unit=unit, width=width, **fields), where=where, market=market)


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


BASE = d.Volumes(symbol="symbol", base="volume", last="lastPrice", at=d.Stamp("closeTime"))
VOLUME = replace(BASE, quote="quoteVolume", optional=True)
SPOT_TICKER = d.answer(d.rows(VOLUME, market=Market.SPOT), d.rows(BASE, market=Market.SPOT, unfold=half))
ROW: dict[str, Any] = {"symbol": "symbol", "at": d.Stamp("timestamp")}
RATE: dict[str, Any] = {"rate": "fundingRate", **ROW}
HELD = d.OpenInterests(size="holdVol", unit=d.Unit.CONTRACTS, mark="fairPrice", **ROW)
PRICES = d.MarkPrices(mark="fairPrice", index="indexPrice", **ROW)
TRADED = d.Volumes(base="volume24", unit=d.Unit.CONTRACTS, quote="amount24", last="lastPrice", optional=True, **ROW)
TICKER = d.rows(HELD, PRICES, d.FundingRates(optional=True, **RATE), TRADED, where="data", unfold=figures)
SETTLED = d.FundingRates(interval="collectCycle", interval_s=3600, next_at=d.Stamp("nextSettleTime"), **RATE)
FUNDING = d.rows(SETTLED, where="data")
FUNDS = d.rows(d.InsuranceFunds(balance="available", currency="currency", **ROW), where="data")


def topic(channel: str) -> tuple[str, str]:
    """The channel and the symbol of "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"."""
    return channel.rpartition("@")[0].rpartition("@")[0], channel.rpartition("@")[2]


def named(words: Any) -> Sequence[str]:
    """The topics that an answer names: "spot@…", apart by commas, in brackets if they are refused."""
    return [one for one in re.split(r"[\[\],\s]+", str(words)) if one.startswith("spot@")]


DEPTH = "spot@public.aggre.depth.v3.api.pb"
SPOT_CONTROLS = (
    d.Control(path="refused", means=d.Means.REFUSED, text="refused", names=lambda frame: named(frame["refused"])),
    d.Control(path="msg", values=frozenset({"PONG"}), means=d.Means.PONG),
    d.Control(
        path="code", values=frozenset({0}), means=d.Means.ACK, text="msg", names=lambda frame: named(frame.get("msg"))
    ),
    d.Control(path="code", means=d.Means.REFUSED, code="code", text="msg"),
)
SENT: dict[str, Any] = {"at": d.Stamp("sendTime"), "engine_at": d.Stamp("createTime")}
PUSHED = d.Frames(payload="publicAggreDepths", topic=topic, unpack=unpack, controls=SPOT_CONTROLS, **SENT)
SPOT_FRAMES = d.frames(PUSHED, {DEPTH: SPOT_CHANGE})
SUBSCRIBED = frozenset({"rs.sub.depth", "rs.sub.ticker", "rs.sub.funding.rate"})
CONTROLS = (
    d.Control(path="channel", values=frozenset({"rs.error"}), means=d.Means.REFUSED, text="data"),
    d.Control(path="channel", values=frozenset({"pong"}), means=d.Means.PONG),
    d.Control(path="channel", values=SUBSCRIBED, means=d.Means.ACK, text="channel"),
)
FUTURES_FRAMES = d.frames(
    d.Frames(symbol="symbol", at=d.Stamp("ts"), controls=CONTROLS),
    {
        "push.depth": CHANGE,
        "push.ticker": d.rows(HELD, PRICES, TRADED, unfold=figures),
        "push.funding.rate": d.rows(d.FundingRates(rate="rate", next_at=d.Stamp("nextSettleTime"))),
        "push.fair.price": d.rows(d.MarkPrices(mark="price")),
    },
)  # fmt: skip


SPOT_CHANNEL = d.Channel(topic=f"{DEPTH}@100ms@{{}}", name=DEPTH, speaks=d.BOOK_WORDS)
CHANNELS = (
    d.Channel(topic="sub.depth:{}", name="sub.depth", speaks=d.BOOK_WORDS),
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


GOOD, CODES = frozenset({"0", "200"}), d.codes_beside(__file__)
V1 = "/api/v1/contract"
FUTURES = {"host": "futures", "budget": "futures"}
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/api/v3/time", d.rows(d.ServerTimes(at=d.Stamp("serverTime"))), 5),
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
            max_instruments=30, max_bytes=200_000, lifetime_s=82_800, keep_alive=d.pings(20, {"method": "PING"}),
            **d.asking([SPOT_CHANNEL], spot_subscription),
        ),
        Feed(
            name="book_ws", host="ws_futures", read=FUTURES_FRAMES, market=Market.PERP, silence_after_s=10,
            book_base="book_rest", keep_alive=d.pings(15, {"method": "ping"}),
            **d.asking(CHANNELS, subscription, at_once=1),
        ),
    ),
    refuse=d.refusals(d.Errors(code=("code",), text=("msg", "message"), good=GOOD, refusals=CODES)),
    sign=d.signs("X-MEXC-APIKEY"),
    symbols=lambda asset: decode.pair_symbols("{}USDT", "{}_USDT", asset),
)  # fmt: skip
