"""What the rows of Deribit's messages say, and the functions that bring amounts into base units and kinds into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, ServiceState, Side
from probes.venue import Malformed


def name_of(row: Mapping[str, Any]) -> str:
    """The instrument, which must be there: its form says what the amounts are."""
    return decode.named(row["instrument_name"], "$.instrument_name")


def is_option(name: str) -> bool:
    """Options have an expiry, a strike and a type in their name; their prices are in the base coin."""
    return name.count("-") > 1


def is_inverse(name: str) -> bool:
    """Whether amounts of this instrument are dollars."""
    return "_" not in name and not is_option(name)


def base_units(name: str, amount: Any, price: Any) -> str:
    """An amount in base units, exact."""
    size = decode.money(amount, "$.amount")
    return str(size / decode.above_zero(price, "$.price") if is_inverse(name) else size)


def state(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The locks of trading: a text by the schema, a flag by the example. What the test network says is not of this venue."""
    if answer["testnet"] is not False:
        if answer["testnet"] is not True:
            raise Malformed("$.testnet: neither true nor false", MalformedReason.STATE)
        return []
    lock = answer["result"]
    indices = lock.get("locked_indices") or []
    if not all(isinstance(one, str) and one for one in indices):
        raise Malformed("$.result.locked_indices: no names", MalformedReason.NAME)
    return [{"locked": str(lock["locked"]).lower(), "of": ", ".join(indices), "service": "trading"}]


def platform(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Maintenance of all, or the lock of one index, which is a part of its own: unlocked, it says nothing of the others."""
    if "maintenance" in row:
        return [{"locked": str(row["maintenance"]).lower(), "of": "maintenance", "service": "platform"}]
    word, index = str(row["locked"]).lower(), row["price_index"]
    return [{"locked": "partial" if word == "true" else word, "of": index, "service": index}]


LOCKED: Mapping[Any, ServiceState] = {
    "false": ServiceState.OPERATIONAL, "partial": ServiceState.DEGRADED, "true": ServiceState.MAINTENANCE,
}  # fmt: skip
STATES = (d.Statuses(state="locked", states=LOCKED, title="of", healthy=None, service_at="service"),)


def listed(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """An instrument with its kind, and whether it trades: active, and its book open where that is said."""
    kind, state, active = row["kind"], row.get("state", "open"), row["is_active"]
    decode.one_of(active, (True, False), "$.is_active", MalformedReason.STATE)
    if kind == "future":
        if not row["settlement_period"]:
            raise Malformed("$.settlement_period: missing", MalformedReason.NAME)
        kind = "perpetual" if row["settlement_period"] == "perpetual" else "dated"
    size = row["contract_size"] if row["kind"] == "future" else None
    return [{**row, "kind": kind, "contract_size": size, "open": bool(active) and state == "open" if state else None}]


INSTRUMENTS = d.rows(
    d.Listing(
        symbol="instrument_name", base="base_currency", quote="quote_currency", kind="kind", contract_size="contract_size",
        kinds={"perpetual": Market.PERP, "dated": Market.FUTURE, "spot": Market.SPOT},
        inverse=("instrument_type", "future_type", "quote_currency"), inverse_is=frozenset({"reversed", "USD"}),
        trading="open", trading_is=frozenset({True}),
    ),
    where="result", unfold=listed,
)  # fmt: skip


def figures(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A ticker with its open interest in base units and its statistics side by side."""
    name, stats = name_of(row), row["stats"]
    if is_option(name):
        return []
    traded_usd = stats.get("volume_usd")
    if traded_usd is None and "_USD" in name:
        traded_usd = stats.get("volume_notional")  # in the quote coin: spot has this one alone
    found = {**row, "volume": stats.get("volume"), "volume_usd": traded_usd}
    if "open_interest" in row:
        found["base"] = base_units(name, row["open_interest"], row["mark_price"])
        found["usd"] = row["open_interest"] if is_inverse(name) else None
    return [found]


STAMP: dict[str, Any] = {"symbol": "instrument_name", "at": d.Stamp("timestamp")}
VOLUME = d.Volumes(base="volume", quote="volume_usd", last="last_price", optional=True, **STAMP)
FIGURES = (
    d.MarkPrices(mark="mark_price", index="index_price", **STAMP),
    d.FundingRates(rate="current_funding", fixed_interval_s=8 * 3600, optional=True, **STAMP),
    d.OpenInterests(size="base", usd="usd", mark="mark_price", **STAMP),
    VOLUME,
)
"""Funding is charged all the time; its rate is stated for eight hours."""
ACTIONS = frozenset({"new", "change", "delete"})


def levels(name: str, rows: Sequence[Any], path: str) -> list[tuple[float, float]]:
    """(price, size in base units) of each level: REST has pairs, the socket an action before them."""
    found = []
    for row in rows:
        action, price_text, size_text = row if len(row) == 3 else ("change", *row)
        decode.one_of(action, ACTIONS, path)
        price, size = decode.finite_float(price_text, path), decode.finite_float(size_text, path)
        if price <= 0:
            raise Malformed(f"{path}: a price is not above zero")
        found.append((price, 0.0 if action == "delete" else size / price if is_inverse(name) else size))
    return found


def sized(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A book with sizes in base units."""
    decode.one_of(row.get("type", "snapshot"), ("snapshot", "change"), "$.type")
    name = name_of(row)
    if not all(isinstance(row.get(side), list) for side in ("bids", "asks")):
        raise Malformed("$.bids: a side is missing", MalformedReason.SIZE)
    bids, asks = (levels(name, row[side], f"$.{side}") for side in ("bids", "asks"))
    return [{**row, "bids": bids, "asks": asks}]


BOOK = d.Books(
    bids="bids", asks="asks", last_id="change_id", prev_id="prev_change_id", whole="type", whole_kinds=frozenset({"snapshot"}),
    **STAMP,
)  # fmt: skip
PARTIES = {"T": ("taker",), "M": ("maker",), "MT": ("taker", "maker")}
SIDES = {"taker sell": Side.LONG, "taker buy": Side.SHORT, "maker sell": Side.SHORT, "maker buy": Side.LONG}
"""`direction` is the taker's order: where it sells, a taker's long is closed, or the short of a maker, who buys."""


def forced(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """One row for each party of a trade that was liquidated; other trades and options are passed over."""
    word, name = row.get("liquidation"), name_of(row)
    if word is None or is_option(name):
        return []
    decode.one_of(word, PARTIES, "$.liquidation")
    size = base_units(name, row["amount"], row["price"])
    return [{**row, "amount": size, "side": f"{one} {row['direction']}"} for one in PARTIES[word]]


FORCED = d.Liquidations(price="price", size="amount", side="side", sides=SIDES, censoring=Censoring.COMPLETE, **STAMP)
