"""Coinbase: spot, by the Exchange API (docs.cdp.coinbase.com/exchange) and the Advanced Trade list of futures.

Currencies carry a status by network, one for both directions. Books are asked over REST: the socket's snapshot is one frame of
several megabytes, which would hold every other venue while it is read. There is no liquidation feed and no long/short ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.readings import MalformedReason, Market, Refusal, ServiceState, VenueId
from probes.venue import Budget, Malformed, RestCheck, Venue

DOCS = "https://docs.cdp.coinbase.com/exchange/"
ONLINE = frozenset({"online"})
"""A status that lets an asset or product move or trade."""
NETWORK = {"online": True, "offline": False, "delisted": False, "disabled": False}
TIME = d.Rows(says=(d.ServerTimes(at=d.Stamp("iso", d.Clock.ISO)),))


def networks(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a currency (itself, if it is fiat money); none moves while the currency is not online."""
    off = {} if row["status"] in ONLINE else {"status": row["status"]}
    networks = row.get("supported_networks")
    if networks is None:
        if (row.get("details") or {}).get("type") != "fiat":
            raise Malformed("$.supported_networks: missing")
        networks = [row]
    return [{**one, **off, "currency": row["id"]} for one in networks]


def product(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pair, and whether it trades: its status, and no restriction to cancelling."""
    limits = [row.get("trading_disabled"), row.get("cancel_only")]
    if not row["status"] or (row["status"] in ONLINE and any(type(one) is not bool for one in limits)):
        raise Malformed("$.status: not stated whether it trades", MalformedReason.STATE)
    return [{**row, "open": row["status"] in ONLINE and not any(limits)}]


def trading_state(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Whether a pair takes orders, in one word and in words: after an outage a book may stand in which nobody can trade."""
    limits = {"trading disabled": row.get("trading_disabled"), "cancel-only": row.get("cancel_only")}
    mild = {"post-only": row.get("post_only"), "auction": row.get("auction_mode")}
    status = row["status"]
    if status in ONLINE and any(type(one) is not bool for one in (*limits.values(), *mild.values())):
        raise Malformed("$.status: not stated whether it trades", MalformedReason.STATE)
    shut, slow = ([word for word, on in some.items() if on] for some in (limits, mild))
    state = status if status not in ONLINE else "shut" if shut else "slow" if slow else "online"
    said = [f"{row['id']} {', '.join(shut or slow) or status}", row.get("status_message")]
    return [{"id": row["id"], "state": state, "title": ": ".join(one for one in said if one)}]


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A future of Coinbase Derivatives, its details and its own fields side by side; other products are passed over."""
    details = row.get("future_product_details")
    if not details:
        return []
    rate, seconds = details.get("funding_rate"), (details.get("funding_interval") or "").removesuffix("s")
    if bool(rate) != bool(seconds):
        raise Malformed("$.funding_rate: with an interval, or neither")
    return [
        {
            "id": row["product_id"], "root": details["contract_root_unit"], "quote": row["quote_currency_id"],
            "kind": "perpetual" if rate else "dated", "size": details["contract_size"],
            "price": row["price"],
            "closed": row["trading_disabled"], "interest": details["open_interest"], "rate": rate,
            "seconds": seconds, "at": details.get("funding_time"),
        }
    ]  # fmt: skip


WALLETS = d.Rows(
    unfold=networks,
    says=(
        d.Wallets(symbol="currency", network="id", deposits="status", withdrawals="status", flags=NETWORK, note="message"),
    ),
)  # fmt: skip
PRODUCTS = d.Rows(
    unfold=product,
    market=Market.SPOT,
    says=(
        d.Listing(symbol="id", base="base_currency", quote="quote_currency", trading="open", trading_is=frozenset({True})),
    ),
)  # fmt: skip
TRADING = d.Rows(
    unfold=trading_state,
    says=(
        d.Statuses(
            state="state", title="title", service_at="id", healthy=None,
            states={
                "online": ServiceState.OPERATIONAL, "slow": ServiceState.DEGRADED, "shut": ServiceState.MAINTENANCE,
                "offline": ServiceState.MAINTENANCE, "internal": None, "delisted": None,
            },
        ),
    ),
)  # fmt: skip
FUTURES = d.Rows(
    where="products",
    unfold=contract,
    says=(
        d.Listing(
            symbol="id", base="root", quote="quote", contract_size="size", kind="kind", trading="closed",
            kinds={"perpetual": Market.PERP, "dated": Market.FUTURE}, trading_is=frozenset({False}),
        ),
    ),
)  # fmt: skip
FUTURES_FIGURES = replace(
    FUTURES,
    says=(
        d.OpenInterests(symbol="id", size="interest", unit=d.Unit.CONTRACTS, contract_size="size", mark="price"),
        d.FundingRates(symbol="id", rate="rate", interval="seconds", next_at=d.Stamp("at", d.Clock.ISO), optional=True),
    ),
)
BOOK = d.Rows(
    says=(d.Books(bids="bids", asks="asks", width=3, last_id="sequence", at=d.Stamp("time", d.Clock.ISO), whole=True),),
    market=Market.SPOT,
)
STATS = d.Rows(says=(d.Volumes(base="volume", last="last"),), market=Market.SPOT)


def on(host: str, one: RestCheck) -> RestCheck:
    """The check at another host, with that host's budget."""
    return d.calls(one, host=host, budget=host)


VENUE = Venue(
    id=VenueId("coinbase"),
    title="Coinbase",
    docs=DOCS,
    hosts={
        "rest": "https://api.exchange.coinbase.com",
        "advanced": "https://api.coinbase.com/api/v3/brokerage",
        "status": "https://status.coinbase.com",
    },
    budgets=(
        Budget(name="ip", limit=10, window_s=1),
        *(Budget(name=host, limit=10, window_s=1, hosts=(host,)) for host in ("advanced", "status")),
    ),
    checks=(
        d.check("server_time", "/time", TIME, 5),
        d.status_page(),
        d.check("system_status", "/products/{}", TRADING, 30, Market.SPOT),
        d.check("wallet_status", "/currencies", WALLETS, 60),
        d.check("instruments", "/products", PRODUCTS, 3600),
        on("advanced", d.check("instruments", "/market/products", FUTURES, 3600, product_type="FUTURE")),
        d.check("book_rest", "/products/{}/book", BOOK, 30, Market.SPOT, level="2"),
        on("advanced", d.check("open_interest", "/market/products", FUTURES_FIGURES, 60, product_type="FUTURE")),
        d.check("volume_spot", "/products/{}/stats", STATS, 60, Market.SPOT),
    ),
    feeds=(),
    refuse=d.refusals(
        d.Errors(
            code=("errors.0.id", "error", "message"), text=("errors.0.message",),
            refusals=d.codes({
                Refusal.THROTTLED: (
                    "rate_limit_exceeded", "resource_exhausted", "Public rate limit exceeded", "Private rate limit exceeded",
                ),
                Refusal.VENUE_ERROR: "internal_server_error",
                Refusal.UNAUTHORIZED: (
                    "authentication_error", "unauthorized", "invalid_authentication_method", "*_token", "invalid_scope",
                    "*_required", "unverified_email", "PERMISSION_DENIED", "Invalid API Key", "invalid signature",
                    "Invalid Passphrase", "Trading pair not available", "request timestamp expired",
                ),
                Refusal.BAD_REQUEST: (
                    "not_found", "NotFound", "Product not found", "Invalid order id", "param_required", "validation_error",
                    "invalid_request", "INVALID_ARGUMENT", "UNSUPPORTED_ORDER_CONFIGURATION", "INSUFFICIENT_FUND",
                    "Insufficient funds",
                ),
            }),
        )
    ),
    symbols=lambda asset: {Market.SPOT: f"{asset}-USD"},
    none={
        "no public feed of liquidations, no ratio": ("liquidation", "long_short_ratio"),
        "no public address tells it": ("insurance_fund", "deleveraging"),
    },
    not_yet={
        "the socket's snapshot is one frame of megabytes": ("book_ws", "book_ws_spot"),
        "of its futures only interest and funding are read": ("volume", "mark_price"),
    },
)  # fmt: skip
