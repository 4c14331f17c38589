"""What the rows of Bybit's messages say, over REST and over the socket, and the functions for shapes that no table can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, ServiceState, Side
from probes.venue import Malformed

SPOT = "spot:"
"""What symbols of spot begin with here: on the wire those of spot and of a perpetual are the same."""
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
