"""What the rows of HTX's messages say, of spot and of swaps, and the functions for shapes that no table can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.readings import Censoring, MalformedReason, Market, ServiceState, Side
from probes.venue import Malformed

SPOT: dict[str, Any] = {"market": Market.SPOT}
ALLOWED = {"allowed": True, "prohibited": False}
CLOSED_BY = {"sell": Side.LONG, "buy": Side.SHORT, "long": Side.LONG, "short": Side.SHORT, "both": None}
"""The side of the closing order, and the position's, which REST states too; in one-way mode that is "both"."""
MARKET_STATES = {
    "1": ServiceState.OPERATIONAL, "2": ServiceState.MAINTENANCE, "3": ServiceState.MAINTENANCE,
    "2 of some": ServiceState.DEGRADED, "3 of some": ServiceState.DEGRADED,
}  # fmt: skip


def networks(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a currency, whose code is in lower case on the wire."""
    return [{**one, "currency": row["currency"].upper()} for one in row["chains"]]


def pair(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pair of the spot market, with its assets in upper case, as everywhere else."""
    return [{**row, "base": row["base-currency"].upper(), "quote": row["quote-currency"].upper()}]


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A swap or dated future, with its quote: the second part of "BTC-USDT" and of "BTC-USDT-261225"."""
    return [{**row, "quote": row["contract_code"].split("-")[1]}]


def market_state(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The state of the spot market: a halt of some symbols is no halt of the venue. Whatever is not normal says of what it is."""
    symbols = row.get("affectedSymbols") or (None if row["marketStatus"] in (2, 3) else "all")
    if not isinstance(symbols, str):
        raise Malformed("$.affectedSymbols: missing", MalformedReason.STATE)
    some = "" if symbols == "all" else " of some"
    return [{**row, "state": f"{row['marketStatus']}{some}", "title": f"spot market, {symbols}"}]


def swaps_state(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The heartbeat of linear swaps; the other products of that host are not ours."""
    return [{**row, "title": "linear swaps"}]


WALLETS = d.rows(
    d.Wallets(symbol="currency", network="chain", deposits="depositStatus", withdrawals="withdrawStatus", flags=ALLOWED),
    where="data", unfold=networks,
)  # fmt: skip
PAIRS = d.rows(
    d.Listing(symbol="symbol", base="base", quote="quote", trading="state", trading_is=frozenset({"online"})),
    where="data", unfold=pair, **SPOT,
)  # fmt: skip
CONTRACTS = d.rows(
    d.Listing(
        symbol="contract_code", base="symbol", quote="quote", contract_size="contract_size", trading="contract_status",
        trading_is=frozenset({1}), kind="business_type", kinds={"swap": Market.PERP, "futures": Market.FUTURE},
    ),
    where="data", unfold=contract,
)  # fmt: skip
SPOT_STATUS = d.rows(
    d.Statuses(
        state="state", states=MARKET_STATES, title="title", begins=d.Stamp("haltStartTime"), ends=d.Stamp("haltEndTime"),
        planned="haltReason", planned_is=frozenset({3}), healthy=None, service="spot",
    ),
    where="data", unfold=market_state,
)  # fmt: skip
SWAPS_STATUS = d.rows(
    d.Statuses(
        state="linear_swap_heartbeat", states={1: ServiceState.OPERATIONAL, 0: ServiceState.MAINTENANCE}, title="title",
        ends=d.Stamp("linear_swap_estimated_recovery_time"), healthy=None, service="linear swaps",
    ),
    where="data", unfold=swaps_state,
)  # fmt: skip
LEVELS: dict[str, Any] = {"bids": "bids", "asks": "asks"}
SWAP_BOOK = d.Books(
    **LEVELS, unit=d.Unit.CONTRACTS, last_id="version", engine_at=d.Stamp("ts"), whole="event",
    whole_kinds=frozenset({"snapshot"}),
)  # fmt: skip
SPOT_BOOK = d.rows(d.Books(**LEVELS, last_id="version", engine_at=d.Stamp("ts"), whole=True), where="tick", **SPOT)  # fmt: skip
SWAP_DEPTH = d.rows(replace(SWAP_BOOK, whole=True), where="tick")
INTEREST = d.rows(d.OpenInterests(symbol="contract_code", size="amount", usd="value"), where="data")
NEXT: dict[str, Any] = {"next_at": d.Stamp("funding_time"), "following": d.Stamp("next_funding_time")}
FUNDING = d.rows(d.FundingRates(symbol="contract_code", rate="funding_rate", **NEXT), where="data")
MARK = d.rows(d.MarkPrices(mark="close"), where="data", last=1)
SPOT_VOLUME = d.rows(d.Volumes(base="amount", quote="vol", last="close"), where="tick", **SPOT)
VOLUME = d.rows(d.Volumes(base="amount", quote="trade_turnover", last="close", at=d.Stamp("ts")), where="tick")
FORCED: dict[str, Any] = {"symbol": "contract_code", "sides": CLOSED_BY, "censoring": Censoring.COMPLETE}
REST_FORCED = d.rows(
    d.Liquidations(
        price="bankrupt_price", size="volume", unit=d.Unit.CONTRACTS, side=("position_side", "side"),
        at=d.Stamp("liquidation_time"), backlog=True, **FORCED,
    ),
    where="data",
)  # fmt: skip
"""Here `amount` is a count of contracts as well: only `volume` agrees with the turnover of a recorded row."""


def ratios(basis: str) -> d.Rows:
    """The share of long and short accounts, or of positions, of the elite: the largest traders."""
    shares = d.LongShortRatios(longs="buy_ratio", shorts="sell_ratio", at=d.Stamp("ts"), basis=basis)
    return d.rows(shares, where="data.list", whole=True, unfold=d.newest("ts"))
