"""What the rows of OKX's messages say, over REST and over the socket, and the functions for shapes that no table can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, ServiceState, Side
from probes.venue import Malformed

TIME, SYMBOL = d.Stamp("ts"), "instId"


def rows(*says: Any, where: str = "data", **more: Any) -> d.Rows:
    """The rows of an answer; all but books and ratios name their instrument."""
    return d.Rows(where=where, says=says, **more)


SERVICES = dict.fromkeys("0123589", True) | {"99": True} | dict.fromkeys(("4", "6", "7", "10", "11"), False)
"""Whether a service is one that is watched: the others are options, block trading, bots, spreads and copy trading."""


def window(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A window of production. One that does not say what it is of is odd, save on the wire of 2021, which had no `env`."""
    env, service, kind = row.get("env"), str(row.get("serviceType")), row.get("maintType")
    if not (env is None and kind is None):
        if env not in ("1", "2") or service not in SERVICES:
            raise Malformed("$.env: whose window is unknown", MalformedReason.STATE)
        if env == "2" or not SERVICES[service]:
            return []
    disturbed = kind == "3" or service == "99"
    running = row.get("state") in ("ongoing", "pre_open")
    return [{**row, "means": "disturbed" if running and disturbed else row.get("state")}]


WINDOW = d.Statuses(
    state="means", title="title", begins=d.Stamp("begin"), ends=d.Stamp("end"), planned="maintType",
    planned_is=frozenset({"1"}), announced=frozenset({"scheduled"}),
    states={
        "ongoing": ServiceState.MAINTENANCE, "pre_open": ServiceState.MAINTENANCE, "disturbed": ServiceState.DEGRADED,
        "completed": None, "canceled": None,
    },
)  # fmt: skip


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pair or contract, with its size; that of an inverse contract is in USD."""
    base, _, rest = str(row.get("uly") or row.get(SYMBOL) or "").partition("-")
    listed = {
        **row,
        "base": row.get("baseCcy") or base,
        "quote": row.get("quoteCcy") or rest.partition("-")[0],
        "size": "1",
    }
    kind = decode.one_of(row.get("instType"), ("SPOT", "SWAP", "FUTURES"), "$.instType", MalformedReason.STATE)
    if kind != "SPOT":
        decode.one_of(row.get("ctType"), ("inverse", "linear"), "$.ctType", MalformedReason.STATE)
        listed["size"] = str(decode.money(row.get("ctVal"), "$.ctVal") * decode.money(row.get("ctMult"), "$.ctMult"))
    return [listed]


LISTING = d.Listing(
    symbol=SYMBOL, base="base", quote="quote", kind="instType", contract_size="size", inverse="ctType",
    kinds={"SPOT": Market.SPOT, "SWAP": Market.PERP, "FUTURES": Market.FUTURE}, inverse_is=frozenset({"inverse"}),
    trading="state", trading_is=frozenset({"live"}),
)  # fmt: skip


def wallet(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A network of a currency, with the time at which its withdrawals open again."""
    return [{**row, "note": f"opens {row['wdEstOpenTime']}" if row.get("wdEstOpenTime") else ""}]


def ratio(row: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """[time, ratio]; the taker form is [time, sold, bought]."""
    if len(row) < 2:
        raise Malformed("$.data[0]: a ratio needs a time and a figure")
    return [{"ts": row[0], "ratio": row[1]} if len(row) == 2 else {"ts": row[0], "sold": row[1], "bought": row[2]}]


def swap(row: Mapping[str, Any]) -> str:
    """The swap of the family of contracts that a row is about; "" without one."""
    return f"{row['instFamily']}-SWAP" if row.get("instFamily") else ""


def pool(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What the pool of a family held last, as that of its swap."""
    return [{**one, SYMBOL: swap(row)} for one in row["details"][:1]]


def warned(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A warning about a family, as one about its swap."""
    return [{**row, SYMBOL: swap(row)}]


FUND = d.InsuranceFunds(symbol=SYMBOL, balance="balance", currency="ccy", at=TIME)
ADL = d.Deleveragings(symbol=SYMBOL, state="state", states={"adl": True, "warning": False, "normal": False}, at=TIME)
INTEREST = d.OpenInterests(symbol=SYMBOL, size="oiCcy", usd="oiUsd", at=TIME)
FUNDING = d.FundingRates(
    symbol=SYMBOL, rate="fundingRate", next_at=d.Stamp("fundingTime"), following=d.Stamp("nextFundingTime"), at=TIME,
    optional=True,
)  # fmt: skip
MARK = d.MarkPrices(symbol=SYMBOL, mark="markPx", index="idxPx", at=TIME)
VOLUME = d.Volumes(symbol=SYMBOL, base="volCcy24h", last="last", priced=True, at=TIME)
SPOT_VOLUME = d.Volumes(symbol=SYMBOL, base="vol24h", quote="volCcy24h", last="last", at=TIME)
RATIOS = (
    d.LongShortRatios(ratio="ratio", at=TIME, optional=True),
    d.LongShortRatios(longs="bought", shorts="sold", basis="taker_volume", at=TIME, optional=True),
)
FORCED = d.Liquidations(
    price="bkPx", size="sz", unit=d.Unit.USD_CONTRACTS, side=("posSide", "side"), at=TIME, censoring=Censoring.ONE_PER_SECOND,
    sides={"long": Side.LONG, "short": Side.SHORT, "net": None, "sell": Side.LONG, "buy": Side.SHORT},
)  # fmt: skip
"""`posSide` is the side that was liquidated; in net mode the closing order shows it (sell: a long)."""
BOOK = d.Books(bids="bids", asks="asks", unit=d.Unit.USD_CONTRACTS, last_id="seqId", prev_id="prevSeqId", at=TIME)
SPOT_BOOK = replace(BOOK, unit=d.Unit.BASE)
LISTED = rows(LISTING, unfold=contract)
