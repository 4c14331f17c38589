"""Gate v4: spot and USDT futures (docs at www.gate.com/docs/developers/apiv4).

Wallets are keyless, with a delay flag. Sizes of futures are contracts. The liquidation channel is complete since 2026-08-20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, Side
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed

SPOT = "spot:"
SIGNED = {"+": Side.LONG, "-": Side.SHORT}
"""The sign of a size is the position's (one production collector's reading; the documentation does not say)."""
SECONDS = d.Clock.S
RESETS_AT = "x-gate-ratelimit-reset-timestamp"
LIMITS = {"remaining": "x-gate-ratelimit-requests-remain", "limit": "x-gate-ratelimit-limit"}
TEXTS, CODES = ("message", "detail"), d.codes_beside(__file__)


def rows(*says: Any, spot: bool = False, **more: Any) -> d.Rows:
    """Rows of the futures, or of spot, whose symbols have a prefix here."""
    return d.Rows(says=says, market=Market.SPOT if spot else Market.PERP, prefix=SPOT if spot else "", **more)


def chains(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a currency: its list, else its one chain; `wallet/currency_chains` has numbers and one flag for both."""
    network = decode.named(row.get("chain"), "$.chain")
    if row.get("is_withdraw_disabled") is not None or row.get("is_deposit_disabled") is not None:
        off, ways = row.get("is_disabled"), ("deposit", "withdraw")
        return [{"name": network, **{f"{way}_disabled": either(off, row.get(f"is_{way}_disabled")) for way in ways}}]
    found = row["chains"] if row.get("chains") else [{**row, "name": network}]
    asset = decode.named(row.get("currency"), "$.currency")
    return [{**one, "currency": asset, **delay(one)} for one in found]


def delay(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flag of delays, which an open wallet always has; without it "", which no table has: this chain alone is odd."""
    delayed = row.get("withdraw_delayed")
    return {"withdraw_delayed": "" if delayed is None and row.get("withdraw_disabled") is False else delayed}


def either(off: int | None, disabled: int | None) -> bool | None:
    """Whether it is off as a whole or disabled by itself; None if neither says so and one says nothing."""
    if off not in (0, 1, None) or disabled not in (0, 1, None):
        raise Malformed("$.is_disabled: neither 0 nor 1", MalformedReason.STATE)
    return True if off or disabled else None if off is None or disabled is None else False


def delisting(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A contract trades if it is not in delisting and its status, where it has one, says so."""
    leaving = row.get("in_delisting")
    if leaving is None or row.get("status") == "":
        raise Malformed("$.in_delisting: missing", MalformedReason.STATE)
    return [{**row, "trading": not leaving and row.get("status") in (None, "trading")}]


NAME = ("name", "contract")
NEXT = d.Stamp("funding_next_apply", SECONDS)
FIGURES = (
    d.MarkPrices(symbol=NAME, mark="mark_price", index="index_price", optional=True),
    d.FundingRates(symbol=NAME, rate="funding_rate", interval="funding_interval", next_at=NEXT, optional=True),
)
"""Mark and funding, as the listing and the tickers have them."""
FORCED = d.Liquidations(
    symbol="contract", price="price", size="size", unit=d.Unit.CONTRACTS, sides=SIGNED,
    at=d.Stamp(("time_ms", "time"), d.Clock.ANY), censoring=Censoring.COMPLETE,
)  # fmt: skip
PAST = replace(FORCED, price="fill_price", backlog=True)
"""The socket has one price and milliseconds, REST whole seconds and the price of the fill."""


def book(level: Any = (0, 1), *, spot: bool = False, unfold: Any = None, **fields: Any) -> d.Rows:
    """A book: futures have contracts, and objects as levels except on `obu`; spot has pairs in base units."""
    unit = d.Unit.BASE if spot else d.Unit.CONTRACTS
    return rows(d.Books(level=level, unit=unit, **fields), spot=spot, unfold=unfold)


def unwrapped(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """`obu` calls the instrument ob.<name>.<depth>."""
    return [{**row, "s": row["s"].removeprefix("ob.").rpartition(".")[0]}]


CLOSED: dict[str, Any] = {"flags": d.NO_YES, "deposits": "deposit_disabled", "withdrawals": "withdraw_disabled"}
WALLET = d.Wallets(symbol="currency", network="name", delayed="withdraw_delayed", **CLOSED)
SIZE = "quanto_multiplier"
TRADES: dict[str, Any] = {"trading": "trading", "trading_is": frozenset({True})}
TRADABLE, SHUT = frozenset({"tradable"}), frozenset({"untradable", "buyable", "sellable"})
PAIR = d.Listing(symbol="id", base="base", quote="quote", trading="trade_status", trading_is=TRADABLE, trading_not=SHUT)
HELD: dict[str, Any] = {"size": "total_size", "unit": d.Unit.CONTRACTS, "contract_size": SIZE, "mark": "mark_price"}
WALLETS = rows(WALLET, unfold=chains)
CONTRACTS = rows(d.Listing(symbol=NAME, split="_", contract_size=SIZE, **TRADES), *FIGURES, unfold=delisting)
PAIRS = rows(PAIR, spot=True)
TRADED = d.Volumes(symbol="contract", base="volume_24h_base", quote="volume_24h_quote", last="last", optional=True)
TICKERS = rows(*FIGURES, d.OpenInterests(symbol="contract", optional=True, **HELD), TRADED)
SPOT_TICKERS = rows(d.Volumes(symbol="currency_pair", base="base_volume", quote="quote_volume", last="last"), spot=True)


def stats(symbol: str | None) -> d.Rows:
    """Both long/short ratios; only the socket's rows have a name."""
    same: dict[str, Any] = {"symbol": symbol, "at": d.Stamp("time", SECONDS), "optional": True}
    top = d.LongShortRatios(ratio="top_lsr_account", basis="top_accounts", **same)
    return rows(d.LongShortRatios(ratio="lsr_account", **same), top, last=1)


RATES = rows(d.FundingRates(rate="r", at=d.Stamp("t", SECONDS), optional=True), first=1)
FUND = rows(d.InsuranceFunds(balance="b", fixed_currency="USDT", at=d.Stamp("t", SECONDS)), first=1)
"""A history, of which the newest is asked for: the pool of all futures settled in USDT."""
OBJECTS = ("p", "s")
REST: dict[str, Any] = {"bids": "bids", "asks": "asks", "last_id": "id", "whole": True}
REST_BOOK: dict[str, Any] = {**REST, "at": d.Stamp(("update", "current"), d.Clock.ANY)}
SIDES: dict[str, Any] = {"bids": "b", "asks": "a", "engine_at": d.Stamp("t")}
CHANGE: dict[str, Any] = {**SIDES, "symbol": "s", "first_id": "U", "last_id": "u"}
OBU: dict[str, Any] = {"unfold": unwrapped, "whole": "full", **CHANGE}
WHOLE: dict[str, Any] = {**SIDES, **REST, "symbol": ("contract", "s"), "last_id": ("u", "id")}


def topic_of(frame: Any) -> Sequence[str]:
    """The topic of a subscription: its channel and the first part of its payload, if the answer repeats it."""
    payload = frame.get("payload")
    return (f"{frame.get('channel')}:{payload[0]}",) if isinstance(payload, list) and payload else ()


SUCCESS: dict[str, Any] = {"outcome": "result.status", "outcome_is": frozenset({"success"})}
FRAME = d.Frames(
    payload="result", kind="event", news=frozenset({"update", "all"}), at=d.Stamp("time_ms"),
    controls=(
        d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.message", names=topic_of, id="id"),
        d.Control(path="channel", values=frozenset({"spot.pong", "futures.pong"}), means=d.Means.PONG),
        d.Control(path="event", values=("subscribe",), means=d.Means.ACK, text="channel", names=topic_of, id="id", **SUCCESS),
        d.Control(path="event", values=("unsubscribe",), means=d.Means.REFUSED, text="event", names=topic_of),
    ),
)  # fmt: skip
FUTURES_FRAMES = d.frames(
    FRAME,
    {
        "futures.public_liquidates": rows(FORCED), "futures.order_book_update": book(OBJECTS, **CHANGE),
        "futures.obu": book(**OBU), "futures.order_book": book(OBJECTS, **WHOLE),
        "futures.tickers": TICKERS, "futures.contract_stats": stats("contract"),
    },
)  # fmt: skip
SPOT_ROUTES = {"spot.order_book_update": book(spot=True, **CHANGE), "spot.obu": book(spot=True, **OBU)}
SPOT_FRAMES = d.frames(FRAME, {**SPOT_ROUTES, "spot.tickers": SPOT_TICKERS})


def feed(name: str, *channels: d.Channel, rest: Sequence[str] = (), spot: bool = False, **more: Any) -> Feed:
    """A feed of a market's socket. Each topic is asked for by a message of its own, with the `rest` of its payload."""

    def subscribe(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
        payload = [topics[0].name.partition(":")[2], *rest]
        return {"id": number, "channel": topics[0].channel, "event": "subscribe", "payload": payload}

    ping = d.pings(15, {"channel": "spot.ping" if spot else "futures.ping"}, seconds_in="time")
    return Feed(
        name=name, host="ws_spot" if spot else "ws_futures", read=SPOT_FRAMES if spot else FUTURES_FRAMES, silence_after_s=10,
        market=Market.SPOT if spot else Market.PERP, keep_alive=ping,
        headers={} if spot else {"X-Gate-Size-Decimal": "1"},
        **d.asking(channels, subscribe, at_once=1, prefix=SPOT, seconds_in="time"), **more,
    )  # fmt: skip


FORCES = "futures.public_liquidates"
ORDERS = d.Channel(topic=f"{FORCES}:!all", name=FORCES, speaks=d.FORCED_WORDS, rare=True)
PULSE = d.Channel(topic="futures.tickers:{}", name="futures.tickers", speaks=d.FIGURE_WORDS, main=False)
CHANGES = d.Channel(topic="futures.order_book_update:{}", name="futures.order_book_update", speaks=d.BOOK_WORDS)
SPOT_CHANGES = d.Channel(topic="spot.order_book_update:{}", name="spot.order_book_update", speaks=d.BOOK_WORDS)
FUTURES, ONE, DEEP = "/futures/usdt", {"contract": "{}", "limit": "1"}, {"limit": "100"}
WITH_ID = {**DEEP, "with_id": "true"}
BOOK, SPOT_BOOK = book(OBJECTS, **REST_BOOK), book(spot=True, **REST_BOOK)
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/spot/time", rows(d.ServerTimes(at=d.Stamp("server_time"))), 5),
        d.check("wallet_status", "/spot/currencies", WALLETS, 60),
        d.check("instruments", f"{FUTURES}/contracts", CONTRACTS, 3600),
        d.check("instruments", "/spot/currency_pairs", PAIRS, 3600),
        d.check("book_rest", f"{FUTURES}/order_book", BOOK, 30, Market.PERP, contract="{}", with_id="true", **DEEP),
        d.check("book_rest", "/spot/order_book", SPOT_BOOK, 30, Market.SPOT, currency_pair="{}", interval="0", **WITH_ID),
        d.check("open_interest", f"{FUTURES}/tickers", TICKERS, 15, Market.PERP, contract="{}"),
        d.check("funding", f"{FUTURES}/funding_rate", RATES, 300, Market.PERP, **ONE),
        d.check("long_short_ratio", f"{FUTURES}/contract_stats", stats(None), 300, Market.PERP, interval="5m", **ONE),
        d.check("insurance_fund", f"{FUTURES}/insurance", FUND, 300, limit="1"),
        d.check("liquidations_rest", f"{FUTURES}/liq_orders", rows(PAST), 3600, Market.PERP, contract="{}", **DEEP),
        d.check("volume_spot", "/spot/tickers", SPOT_TICKERS, 60, Market.SPOT, currency_pair="{}"),
    ),
    feeds=(
        feed("book_ws", CHANGES, rest=("100ms", "100"), book_base="book_rest"),
        feed("book_ws_spot", SPOT_CHANGES, rest=("100ms",), spot=True, book_base="book_rest"),
        feed("liquidation", ORDERS, PULSE, censoring=Censoring.COMPLETE),
    ),
    usage=d.budget_headers("ip", resets_at=RESETS_AT, **LIMITS),
    refuse=d.refusals(d.Errors(code=("label",), text=TEXTS, resets_at=RESETS_AT, refusals=CODES)),
    symbols=lambda asset: decode.pair_symbols("spot:{}_USDT", None, asset),
)  # fmt: skip
