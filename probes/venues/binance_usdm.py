"""Binance USD-M futures, with the brand's system status, wallets and spot volume, which live on the spot host.

Sources: binance-connector-python docstrings and binance-spot-api-docs. Side: `S` is the closing order's, so
SELL means a long was liquidated. The forced-order stream sends at most one order a symbol and second: the latest by the docs,
the largest by the changelog of 2026-04-14; treated as the latest, the weaker claim. Spot symbols carry a "spot:" prefix here,
since both markets call them alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import rights
from probes.readings import Censoring, Funding, Market, MarkPrice, Refusal, ServiceState, Side
from probes.readings.topics import Topic
from probes.venue import Feed, RestCall, RestCheck, RightsQuestion

SPOT = "spot:"

TIME = d.rows(d.ServerTimes(at=d.Stamp("serverTime")))
STATES: Mapping[Any, ServiceState] = {0: ServiceState.OPERATIONAL, 1: ServiceState.MAINTENANCE}
STATUS = d.rows(d.Statuses(state="status", states=STATES, title="msg", healthy=None))
COINS = d.rows(
    d.Wallets(
        network="network", deposits="depositEnable", withdrawals="withdrawEnable", delayed="busy",
        note=("withdrawDesc", "specialTips"),
    ),
    each="networkList", subject="coin",
)  # fmt: skip
LISTED: dict[str, Any] = {
    "symbol": "symbol", "base": "baseAsset", "quote": "quoteAsset", "trading": "status", "trading_is": frozenset({"TRADING"}),
}  # fmt: skip
CONTRACTS = d.rows(
    d.Listing(
        kind="contractType", **LISTED,
        kinds={
            **dict.fromkeys(("PERPETUAL", "PERPETUAL_DELIVERING", "TRADIFI_PERPETUAL"), Market.PERP),
            **dict.fromkeys(("CURRENT_MONTH", "NEXT_MONTH", "CURRENT_QUARTER", "NEXT_QUARTER"), Market.FUTURE),
            **dict.fromkeys(("CURRENT_QUARTER_DELIVERING", "NEXT_QUARTER_DELIVERING"), Market.FUTURE),
        },
    ),
    where="symbols",
)  # fmt: skip
"""All other states (PENDING_TRADING, PRE_SETTLE, SETTLING, PRE_DELIVERING, DELIVERING, DELIVERED, CLOSE) take no orders."""
SPOT_PAIRS = d.rows(d.Listing(**LISTED), where="symbols", market=Market.SPOT, prefix=SPOT)
BOOKS: dict[str, Any] = {"at": d.Stamp("E"), "engine_at": d.Stamp("T"), "pairs": True}
BOOK = d.rows(d.Books(bids="bids", asks="asks", last_id="lastUpdateId", whole=True, **BOOKS))
CHANGE = d.rows(d.Books(symbol="s", bids="b", asks="a", first_id="U", last_id="u", prev_id="pu", **BOOKS))
OPEN_INTEREST = d.rows(
    d.OpenInterests(
        symbol="symbol", size=("openInterest", "sumOpenInterest"), usd="sumOpenInterestValue",
        at=d.Stamp(("time", "timestamp")),
    ),
    last=1,
)  # fmt: skip
PREMIUM_AT = d.Stamp(("time", "fundingTime"))
PREMIUM = d.rows(
    d.MarkPrices(symbol="symbol", mark="markPrice", index="indexPrice", at=PREMIUM_AT, optional=True),
    d.FundingRates(
        symbol="symbol", rate=("lastFundingRate", "fundingRate"), next_at=d.Stamp("nextFundingTime"), at=PREMIUM_AT,
        optional=True,
    ),
)  # fmt: skip
"""A dated contract has no rate."""

INTERVALS = d.rows(d.Intervals(symbol="symbol", interval="fundingIntervalHours", otherwise_s=8 * 3600.0))
"""Only symbols whose cap, floor or interval was adjusted are listed; the others settle each 8 hours."""


def pools(pool: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a pool holds of each asset, for each of the contracts that share it."""
    return [{**held, "symbol": contract} for contract in pool["symbols"] for held in pool["assets"]]


FUND = d.InsuranceFunds(symbol="symbol", balance="marginBalance", currency="asset", at=d.Stamp("updateTime"))
VOLUME = d.Volumes(symbol="symbol", base="volume", quote="quoteVolume", last="lastPrice", at=d.Stamp("closeTime"))
FORCED = d.rows(
    d.Liquidations(
        symbol="o.s", side="o.S", sides={"SELL": Side.LONG, "BUY": Side.SHORT}, price="o.ap", size="o.z",
        order_price="o.p", order_size="o.q", at=d.Stamp("o.T"), censoring=Censoring.LATEST_PER_SECOND,
    ),
    only={"st": frozenset({None, 1}), "o.s": d.Without("USD_")},
)  # fmt: skip
"""Since 2026-06-30 the stream of all orders has the coin-margined contracts too: `st` 2, named BTCUSD_PERP and BTCUSD_261225."""
MARK = d.rows(
    d.MarkPrices(symbol="s", mark="p", index="i", at=d.Stamp("E")),
    d.FundingRates(symbol="s", rate="r", next_at=d.Stamp("T"), at=d.Stamp("E"), optional=True),
)
TICKER = d.rows(d.Volumes(symbol="s", base="v", quote="q", last="c", at=d.Stamp("E")))
KINDS = {"depth": "depthUpdate", "markPrice": "markPriceUpdate", "ticker": "24hrTicker"}


def stream(name: str) -> tuple[str, str]:
    """The kind of event and the symbol of "btcusdt@depth@100ms", "!forceOrder@arr"."""
    symbol, _, kind = name.partition("@")
    if symbol.startswith("!"):
        symbol, kind = "", symbol[1:]
    kind = kind.partition("@")[0]
    return KINDS.get(kind, kind), symbol.upper()


SHUTDOWN: dict[str, Any] = {"values": frozenset({"serverShutdown"}), "means": d.Means.SHUTDOWN}
EVENTS = {"depthUpdate": CHANGE, "forceOrder": FORCED, "markPriceUpdate": MARK, "24hrTicker": TICKER}
FRAMES = d.either(
    d.frames(
        d.Frames(
            channel="stream", topic=stream, refusals={"-1003": Refusal.THROTTLED},
            controls=(
                d.Control(path="data.e", text="data.e", **SHUTDOWN),
                d.Control(path="e", text="e", **SHUTDOWN),
                d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.msg", id="id"),
                d.Control(path="code", means=d.Means.REFUSED, code="code", text="msg", id="id"),
                d.Control(path="result", means=d.Means.ACK, text="id", names=d.names_at("result"), complete=True),
                d.Control(path="id", means=d.Means.ACK, text="id"),
            ),
        ),
        EVENTS,
    ),
    d.frames(d.Frames(channel="e", payload=""), EVENTS),
)  # fmt: skip
"""A frame has the combined wrapper, since the streams stand in the path; without it, it is the event or a list of events."""


def subscriptions(_topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """Asks the connection which streams it has: those in its address are never acknowledged."""
    return {"method": "LIST_SUBSCRIPTIONS", "id": number}


DEPTH = d.Channel(topic="{}@depth@100ms", name="depth", speaks=d.BOOK_WORDS)
ORDERS = d.Channel(topic="!forceOrder@arr", name="forceOrder", speaks=d.FORCED_WORDS, rare=True)
MARKS = d.Channel(topic="{}@markPrice@1s", name="markPrice", speaks=(MarkPrice, Funding), main=False)
CODES = d.codes_beside(__file__)


def feed(name: str, host: str, *channels: d.Channel, **more: Any) -> Feed:
    """A feed of streams that stand in its address."""
    asks = d.asking(channels, subscriptions, lower=True, path="/stream?streams=")
    day: dict[str, Any] = {"silence_after_s": 10, "lifetime_s": 23 * 3600}
    return Feed(name=name, host=host, read=FRAMES, market=Market.PERP, **day, **asks, **more)


def spot(
    name: str, path: str, rows: d.Rows, every_s: float, market: Market | None = None, *, cost: float = 1, signed: bool = False,
    **query: str,
) -> RestCheck:  # fmt: skip
    """A check of the spot host, whose allowance is shared with binance_spot."""
    return d.calls(d.check(name, path, rows, every_s, market, **query), cost=cost, signed=signed, **SAPI)


def _per(name: str, path: str, cost: float, every_s: float, rows: d.Rows, **query: str) -> RestCheck:
    return d.calls(d.check(name, path, rows, every_s, Market.PERP, symbol="{}", **query), cost=cost)


def _ratio(name: str, endpoint: str, basis: str) -> RestCheck:
    """The newest row of one of the ratio endpoints, which give the oldest first."""
    said = d.LongShortRatios(symbol="symbol", ratio="longShortRatio", basis=basis, at=d.Stamp("timestamp"))
    query = {"symbol": "{}", "period": "5m", "limit": "1"}
    asked = d.check(name, f"/futures/data/{endpoint}", d.rows(said, last=1), 300, Market.PERP, **query)
    return d.calls(asked, budget="data")


SAPI: dict[str, Any] = {"host": "spot", "budget": "spot"}
SPOT_VOLUME = d.rows(VOLUME, market=Market.SPOT, prefix=SPOT)
SPOT_LISTED = spot("instruments", "/api/v3/exchangeInfo", SPOT_PAIRS, 3600, cost=20, showPermissionSets="false")
RIGHTS = rights.flags(
    "", ("enable", "permits"), frozenset({"enableReading", "enableFixReadOnly"}), required="enableWithdrawals"
)

VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/fapi/v1/time", TIME, 5),
        spot("system_status", "/sapi/v1/system/status", STATUS, 60),
        spot("wallet_status", "/sapi/v1/capital/config/getall", COINS, 60, cost=10, signed=True),
        d.check("instruments", "/fapi/v1/exchangeInfo", CONTRACTS, 3600),
        replace(SPOT_LISTED, max_bytes=24_000_000),
        _per("book_rest", "/fapi/v1/depth", 20, 30, BOOK, limit="1000"),
        _per("open_interest", "/fapi/v1/openInterest", 1, 15, OPEN_INTEREST),
        _per("funding", "/fapi/v1/premiumIndex", 1, 15, PREMIUM),
        d.calls(d.check("funding_intervals", "/fapi/v1/fundingInfo", INTERVALS, 3600), budget="funding"),
        d.calls(d.check("insurance_fund", "/fapi/v1/insuranceBalance", d.rows(FUND, unfold=pools), 300), cost=40),
        _per("volume", "/fapi/v1/ticker/24hr", 1, 60, d.rows(VOLUME)),
        spot("volume_spot", "/api/v3/ticker/24hr", SPOT_VOLUME, 60, Market.SPOT, cost=2, symbol="{}"),
        _ratio("long_short_ratio", "globalLongShortAccountRatio", "accounts"),
        _ratio("long_short_ratio_top", "topLongShortAccountRatio", "top_accounts"),
    ),
    feeds=(
        feed("book_ws", "ws_public", DEPTH, book_base="book_rest"),
        feed("liquidation", "ws_market", ORDERS, MARKS, censoring=Censoring.LATEST_PER_SECOND),
    ),
    usage=d.budget_headers("ip", used="x-mbx-used-weight-1m"),
    refuse=d.refusals(d.Errors(code=("code",), text=("msg",), banned_until="banned until ", refusals=CODES)),
    sign=d.signs("X-MBX-APIKEY"),
    key_rights=RightsQuestion(call=RestCall(path="/sapi/v1/account/apiRestrictions", signed=True, **SAPI), read=RIGHTS),
    symbols=lambda asset: {Market.PERP: f"{asset}USDT"},
)  # fmt: skip
