"""Bybit v5: spot and linear derivatives (docs at bybit-exchange.github.io/docs/v5). Spot symbols carry a prefix here.

Limits: 600 requests in 5 s an address, over which it answers 403 "access too frequent" and wants ten minutes of quiet. The
liquidation topic is complete, in batches each 500 ms; tickers on the same socket prove that it lives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from re import compile as pattern
from typing import Any

from probes import dialect as d
from probes.dialect import decode, rights
from probes.readings import Censoring, Instrument, MalformedReason, Market, Refusal, ServiceState, Side
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, ReadAnswer, Refused, RestCall, RestCheck, RightsQuestion

SPOT, MARKET = "spot:", "/v5/market/"
QUIET_S = 600.0
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
WATCHED = {"product": ({1, 2}, {3, 4}), "serviceTypes": ({1, 2, 3, 5}, {4})}
"""Products and services that are watched, and the others: options, spreads, private pushes."""


def window(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A window of production, of a product and service that are watched. One that does not say so is odd."""
    if row.get("env") not in (1, 2):
        raise Malformed("$.env: missing or unknown", MalformedReason.STATE)
    counts = row["env"] == 1
    for field, (ours, others) in WATCHED.items():
        said = row.get(field)
        if not isinstance(said, list) or not said or any(one not in ours | others for one in said):
            raise Malformed(f"$.{field}: missing or unknown", MalformedReason.STATE)
        counts = counts and not ours.isdisjoint(said)
    disturbed = row.get("state") == "ongoing" and str(row.get("maintainType") or "1") != "1"
    return [{**row, "means": "disturbed" if disturbed else row.get("state")}] if counts else []


WINDOW = d.Statuses(
    state="means", title="title", begins=d.Stamp("begin"), ends=d.Stamp("end"), planned="maintainType",
    planned_is=frozenset({1, "1"}), announced=frozenset({"scheduled"}),
    states={
        "ongoing": ServiceState.MAINTENANCE, "disturbed": ServiceState.DEGRADED, "completed": None, "canceled": None
    },
)  # fmt: skip
"""Of a kind that a window under way does not say, the graver is assumed."""


def rows(*says: Any, where: str = "result.list", spot: bool = False, **more: Any) -> d.Rows:
    """Rows of derivatives, or of spot."""
    market, prefix = (Market.SPOT, SPOT) if spot else (Market.PERP, "")
    return d.Rows(where=where, says=says, market=market, prefix=prefix, **more)


def newest(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The newest row, which comes first, with the symbol of the answer."""
    found = result.get("list")
    if not isinstance(found, list):
        raise Malformed("$.result.list: missing")
    return [{**one, "symbol": one.get("symbol") or result.get("symbol")} for one in found[:1]]


def listed(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The instruments of one category, which says what their symbols and kinds are."""
    found, category = result.get("list"), result.get("category")
    if not isinstance(found, list) or category not in ("spot", "linear", "inverse"):
        raise Malformed("$.result.category: missing or unknown", MalformedReason.STATE)
    if category != "spot":
        return found
    return [{**one, "contractType": "spot", "symbol": one.get("symbol") and f"{SPOT}{one['symbol']}"} for one in found]


def pools(pool: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pool for each of the contracts that share it."""
    return [{**pool, "symbol": one} for one in pool["symbols"].split(",")]


def deleveraged(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Whether a contract is deleveraged, by the page's rule. Between the two ratios it depends on what was before: no word."""
    balance, ratio, starts, stops, threshold = (
        decode.finite_float(row[name], f"$.{name}")
        for name in ("balance", "pnlRatio", "insurancePnlRatio", "adlStopRatio", "adlTriggerThreshold")
    )
    if balance <= 0 or (balance > threshold and ratio < starts):
        return [{**row, "means": "on"}]
    return [{**row, "means": "off"}] if ratio > stops or balance <= threshold else []


KINDS = {"spot": Market.SPOT, "LinearPerpetual": Market.PERP, "InversePerpetual": Market.PERP} | dict.fromkeys(
    ("LinearFutures", "InverseFutures"), Market.FUTURE
)
LISTING = d.Listing(
    symbol="symbol", base="baseCoin", quote="quoteCoin", kind="contractType", kinds=KINDS, inverse="contractType",
    inverse_is=frozenset({"InversePerpetual", "InverseFutures"}), trading="status", trading_is=frozenset({"Trading"}),
)  # fmt: skip
LISTED = rows(LISTING, where="result", unfold=listed)
FUND = d.InsuranceFunds(symbol="symbol", balance="balance", currency="coin")
ADL = d.Deleveragings(symbol="symbol", state="means", states={"on": True, "off": False})
UPDATED = d.Stamp("result.updatedTime")
WALLETS = d.Wallets(network="chain", deposits="chainDeposit", withdrawals="chainWithdraw")
INTEREST: tuple[d.OpenInterests, ...] = (
    d.OpenInterests(symbol="symbol", size="singleOpenInterest", usd="singleOpenInterestValue", optional=True),
    d.OpenInterests(
        symbol="symbol", size="openInterest", usd="openInterestValue", scale=Decimal("0.5"), unless="singleOpenInterest",
        optional=True,
    ),
)  # fmt: skip
"""`openInterest` counts both sides of each position."""
RATES: dict[str, Any] = {"symbol": "symbol", "rate": "fundingRate", "optional": True}
SETTLED = d.FundingRates(**RATES, at=d.Stamp("fundingRateTimestamp"))
RATIO = d.LongShortRatios(symbol="symbol", longs="buyRatio", shorts="sellRatio", at=d.Stamp("timestamp"))
VOLUME = d.Volumes(symbol="symbol", base="volume24h", quote="turnover24h", last="lastPrice", optional=True)
TICKER = (
    *INTEREST,
    d.MarkPrices(symbol="symbol", mark="markPrice", index="indexPrice", optional=True),
    d.FundingRates(**RATES, next_at=d.Stamp("nextFundingTime"), interval="fundingIntervalHour", interval_s=3600),
    VOLUME,
)
BOOK = d.Books(
    symbol="s", bids="b", asks="a", last_id="u", restarts_at=1, whole_kinds=frozenset({"snapshot"}), pairs=True,
)  # fmt: skip
"""A change numbered 1 is the first book of a service that was restarted."""
REST_BOOK = replace(BOOK, whole=True, at=d.Stamp("ts"), engine_at=d.Stamp("cts"))
SIDES = {"Buy": Side.LONG, "Sell": Side.SHORT}
"""The side is that of the position: Buy is a long."""
FORCED = d.Liquidations(
    symbol="s", price="p", size="v", side="S", sides=SIDES, at=d.Stamp("T"), censoring=Censoring.COMPLETE
)
OLD_FORCED = d.Liquidations(
    symbol="symbol", price="price", size="size", side="side", sides=SIDES, at=d.Stamp("updatedTime"),
    censoring=Censoring.ONE_PER_SECOND,
)  # fmt: skip
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
        "allLiquidation": rows(FORCED, where=""), "liquidation": rows(OLD_FORCED, where=""),
        "orderbook": rows(BOOK, where=""), "tickers": rows(*TICKER, where=""),
        "system": rows(replace(WINDOW, healthy=None), where="", unfold=window),
    },
)  # fmt: skip
SPOT_FRAMES = d.frames(
    FRAME, {"orderbook": rows(BOOK, where="", spot=True), "tickers": rows(VOLUME, where="", spot=True)}
)


def per(
    name: str, path: str, read: d.Rows | ReadAnswer, every_s: float, market: Market = Market.PERP, **query: str
) -> RestCheck:
    """A check asked for each instrument of a market, in the category of the instrument."""
    category = "spot" if market is Market.SPOT else "linear"
    one = d.check(name, f"{MARKET}{path}", read, every_s, market, category=category, symbol="{}", **query)

    def call(instrument: Instrument | None) -> RestCall:
        assert instrument is not None, "asked per instrument"
        asked = one.call(replace(instrument, symbol=instrument.symbol.removeprefix(SPOT)))
        return replace(asked, query={**asked.query, "category": "inverse"}) if instrument.inverse else asked

    return replace(one, call=call)


def request(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """At most ten topics a request; one that is refused costs its whole request."""
    return {"req_id": str(number), "op": "subscribe", "args": [one.name for one in topics]}


def feed(name: str, host: str, *channels: d.Channel, market: Market = Market.PERP, **more: Any) -> Feed:
    """A feed of a market's socket."""
    prefix = SPOT if market is Market.SPOT else ""
    return Feed(
        name=name, host=host, renew_alone=True, market=market, silence_after_s=10,
        keep_alive=d.pings(20, {"req_id": "ping", "op": "ping"}),
        **d.asking(channels, request, at_once=10, prefix=prefix), **more,
    )  # fmt: skip


BOOKS = d.Channel(topic="orderbook.50.{}", name="orderbook", speaks=d.BOOK_WORDS)
ORDERS = d.Channel(topic="allLiquidation.{}", name="allLiquidation", speaks=d.FORCED_WORDS, rare=True)
TICKERS = d.Channel(topic="tickers.{}", name="tickers", speaks=d.FIGURE_WORDS, main=False)
TIME = d.ServerTimes(at=d.Stamp("timeNano", d.Clock.NS), resolution_s=1e-6)
COINS = d.check(
    "wallet_status", "/v5/asset/coin/query-info", rows(WALLETS, where="result.rows", each="chains", subject="coin"), 60
)
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", f"{MARKET}time", rows(TIME, where="result"), 5),
        d.check("system_status", "/v5/system/status", rows(WINDOW, unfold=window), 60),
        d.calls(COINS, budget="uid", signed=True),
        d.check("instruments", f"{MARKET}instruments-info", LISTED, 3600, category="linear", limit="1000"),
        d.check("instruments", f"{MARKET}instruments-info", LISTED, 3600, category="spot", limit="1000"),
        per("book_rest", "orderbook", rows(REST_BOOK, where="result"), 30, limit="200"),
        per("book_rest", "orderbook", rows(REST_BOOK, where="result", spot=True), 30, Market.SPOT, limit="200"),
        per(
            "open_interest", "open-interest",
            rows(*(replace(one, at=d.Stamp("timestamp")) for one in INTEREST), where="result", unfold=newest),
            60, intervalTime="5min", limit="1",
        ),
        per("funding", "funding/history", rows(SETTLED, first=1), 300, limit="1"),
        per("long_short_ratio", "account-ratio", rows(RATIO, first=1), 300, period="5min", limit="1"),
        d.check("insurance_fund", f"{MARKET}insurance", d.answer(rows(FUND, unfold=pools), at=UPDATED), 300),
        d.check(
            "deleveraging", f"{MARKET}adlAlert", d.answer(rows(ADL, unfold=deleveraged), at=UPDATED), 60, Market.PERP, symbol="{}"
        ),
        per("volume", "tickers", d.answer(rows(*TICKER), at=d.Stamp("time")), 15),
        per("volume_spot", "tickers", d.answer(rows(VOLUME, spot=True), at=d.Stamp("time")), 60, Market.SPOT),
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
    symbols=lambda asset: decode.pair_symbols(SPOT + "{}USDT", "{}USDT", asset),
)  # fmt: skip
