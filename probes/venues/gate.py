"""Gate v4: spot and USDT futures (docs at www.gate.com/docs/developers/apiv4).

Every answer carries its budget. Wallets are keyless, with a delay flag. Sizes of futures are contracts. The liquidation channel
is complete since 2026-08-20: arrays, each second. There is no status endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, Market, Refusal, Side, VenueId
from probes.venue import Budget, Feed, KeepAlive, Venue

DOCS = "https://www.gate.com/docs/developers/apiv4/"
SPOT = "spot:"
SIGNED = {"+": Side.LONG, "-": Side.SHORT}
"""The sign of a size is the position's (one production collector's reading; the documentation does not say)."""
ERRORS = d.Errors(
    code=("label",),
    text=("message", "detail"),
    resets_at="x-gate-ratelimit-reset-timestamp",
    refusals={
        "TOO_MANY_REQUESTS": Refusal.THROTTLED,
        "TOO_BUSY": Refusal.OVERLOADED,
        "SERVER_ERROR": Refusal.VENUE_ERROR,
        "INVALID_PARAM_VALUE": Refusal.BAD_REQUEST,
        "INVALID_ARGUMENT": Refusal.BAD_REQUEST,
        "INVALID_KEY": Refusal.UNAUTHORIZED,
        "FORBIDDEN": Refusal.UNAUTHORIZED,
    },
)


def chains(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a currency: its list, else its one chain; `wallet/currency_chains` has numbers and one flag for both."""
    if "is_withdraw_disabled" in row:
        off = row.get("is_disabled") == 1
        deposits, withdrawals = row.get("is_deposit_disabled") == 1, row["is_withdraw_disabled"] == 1
        return [{"name": row["chain"], "deposit_disabled": off or deposits, "withdraw_disabled": off or withdrawals}]
    found = row.get("chains") or [{**row, "name": row.get("chain")}]
    return [{**one, "currency": row["currency"]} for one in found]


WALLETS = d.Rows(
    unfold=chains,
    says=(
        d.Wallets(
            symbol="currency", network="name", deposits="deposit_disabled", withdrawals="withdraw_disabled",
            flags=d.NO_YES, delayed="withdraw_delayed",
        ),
    ),
)  # fmt: skip


def figures(symbol: str) -> tuple[Any, ...]:
    """Mark and funding, as the listing and the tickers have them."""
    return (
        d.MarkPrices(symbol=symbol, mark="mark_price", index="index_price", optional=True),
        d.FundingRates(
            symbol=symbol, rate="funding_rate", interval="funding_interval", optional=True,
            next_at=d.Stamp("funding_next_apply", d.Clock.S),
        ),
    )  # fmt: skip


CONTRACTS = d.Rows(
    says=(
        d.Listing(
            symbol="name", split="_", contract_size="quanto_multiplier", trading="in_delisting",
            trading_is=frozenset({False, None}),
        ),
        *figures("name"),
    ),
)  # fmt: skip
PAIRS = d.Rows(
    says=(
        d.Listing(
            symbol="id", base="base", quote="quote", trading="trade_status", trading_is=frozenset({"tradable", None})
        ),
    ),
    market=Market.SPOT,
    prefix=SPOT,
)
TICKERS = d.Rows(
    says=(
        *figures("contract"),
        d.OpenInterests(
            symbol="contract", size="total_size", unit=d.Unit.CONTRACTS, contract_size="quanto_multiplier", mark="mark_price",
            optional=True,
        ),
        d.Volumes(symbol="contract", base="volume_24h_base", quote="volume_24h_quote", last="last", optional=True),
    ),
)  # fmt: skip
SPOT_TICKERS = d.Rows(
    says=(d.Volumes(symbol="currency_pair", base="base_volume", quote="quote_volume", last="last"),),
    market=Market.SPOT,
    prefix=SPOT,
)
STATS = d.Rows(
    says=tuple(
        d.LongShortRatios(symbol="contract", ratio=ratio, basis=basis, at=d.Stamp("time", d.Clock.S), optional=True)
        for ratio, basis in (("lsr_account", "accounts"), ("top_lsr_account", "top_accounts"))
    ),
    last=1,
)
FUNDING = d.Rows(says=(d.FundingRates(rate="r", at=d.Stamp("t", d.Clock.S), optional=True),), first=1)


def forced(*price: str, backlog: bool = False) -> d.Rows:
    """Liquidations: the socket has one price and milliseconds, REST two prices and whole seconds."""
    return d.Rows(
        says=(
            d.Liquidations(
                symbol="contract", price=price[0] if len(price) == 1 else price, size="size", unit=d.Unit.CONTRACTS, sides=SIGNED,
                at=d.Stamp(("time_ms", "time"), d.Clock.ANY), censoring=Censoring.COMPLETE, backlog=backlog,
            ),
        ),
    )  # fmt: skip


OBJECTS = ("p", "s")


def book(level: Any = (0, 1), *, market: Market = Market.PERP, unfold: Any = None, **fields: Any) -> d.Rows:
    """A book: futures have contracts, and objects as levels except on `obu`; spot has pairs in base units."""
    spot = market is Market.SPOT
    unit = d.Unit.BASE if spot else d.Unit.CONTRACTS
    return d.Rows(
        says=(d.Books(level=level, unit=unit, **fields),), unfold=unfold, market=market, prefix=SPOT if spot else ""
    )


def unwrapped(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """`obu` calls the instrument ob.<name>.<depth>."""
    return [{**row, "s": row["s"].removeprefix("ob.").rpartition(".")[0]}]


REST_BOOK: dict[str, Any] = {
    "bids": "bids", "asks": "asks", "last_id": "id", "at": d.Stamp(("update", "current"), d.Clock.ANY), "whole": True,
}  # fmt: skip
CHANGE: dict[str, Any] = {
    "symbol": "s", "bids": "b", "asks": "a", "first_id": "U", "last_id": "u", "engine_at": d.Stamp("t"),
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "symbol": ("contract", "s"), "bids": "bids", "asks": "asks", "last_id": ("u", "id"), "engine_at": d.Stamp("t"), "whole": True,
}  # fmt: skip

FRAME = d.Frames(
    payload="result",
    kind="event",
    news=frozenset({"update", "all"}),
    at=d.Stamp("time_ms"),
    controls=(
        d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.message"),
        d.Control(path="channel", values=frozenset({"spot.pong", "futures.pong"}), means=d.Means.PONG),
        d.Control(path="event", values=frozenset({"subscribe", "unsubscribe"}), means=d.Means.ACK, text="channel"),
    ),
)
FUTURES = d.frames(
    FRAME,
    {
        "futures.public_liquidates": forced("price"),
        "futures.order_book_update": book(OBJECTS, **CHANGE),
        "futures.obu": book(unfold=unwrapped, whole="full", **CHANGE),
        "futures.order_book": book(OBJECTS, **WHOLE),
        "futures.tickers": TICKERS,
        "futures.contract_stats": STATS,
    },
)
SPOTS = d.frames(
    FRAME,
    {
        "spot.order_book_update": book(market=Market.SPOT, **CHANGE),
        "spot.obu": book(market=Market.SPOT, unfold=unwrapped, whole="full", **CHANGE),
        "spot.tickers": SPOT_TICKERS,
    },
)


def subscribe(channel: str, *rest: str, prefix: str = "", every: str = "") -> Any:
    """One message for each instrument on `channel`; `every` is a channel for all of them at once."""

    def messages(names: Sequence[str], now_s: int) -> Sequence[Any]:
        wanted = [(every, ["!all"])] if every and names else []
        wanted += [(channel, [name, *rest]) for name in names]
        return [
            {"time": now_s, "channel": name, "event": "subscribe", "payload": payload} for name, payload in wanted
        ]  # fmt: skip

    return d.sends(messages, prefix)


def ping(channel: str) -> KeepAlive:
    """The venue's own ping."""
    return KeepAlive(every_s=15, text=lambda now: json.dumps({"time": int(now.timestamp()), "channel": channel}))


DECIMAL = {"X-Gate-Size-Decimal": "1"}


def feed(name: str, channel: str, *rest: str, **changes: Any) -> Feed:
    """A feed of the futures socket, on `channel`."""
    futures: dict[str, Any] = {
        "host": "ws_futures", "read": FUTURES, "market": Market.PERP, "keep_alive": ping("futures.ping"), "headers": DECIMAL,
    }  # fmt: skip
    every, prefix = changes.pop("every", ""), changes.pop("prefix", "")
    subscribes = subscribe(channel, *rest, prefix=prefix, every=every)
    return Feed(name=name, subscribe=subscribes, silence_after_s=10, docs=DOCS, **{**futures, **changes})


VENUE = Venue(
    id=VenueId("gate"),
    title="Gate",
    docs=DOCS,
    hosts={
        "rest": "https://api.gateio.ws/api/v4",
        "ws_spot": "wss://api.gateio.ws/ws/v4/",
        "ws_futures": "wss://fx-ws.gateio.ws/v4/ws/usdt",
    },
    budgets=(Budget(name="ip", limit=200, window_s=10),),
    checks=(
        d.check("server_time", "/spot/time", d.Rows(says=(d.ServerTimes(at=d.Stamp("server_time")),)), 5),
        d.check("wallet_status", "/spot/currencies", WALLETS, 60),
        d.check("instruments", "/futures/usdt/contracts", CONTRACTS, 3600),
        d.check("instruments", "/spot/currency_pairs", PAIRS, 3600),
        d.check(
            "book_rest", "/futures/usdt/order_book", book(OBJECTS, **REST_BOOK), 30, Market.PERP,
            contract="{}", limit="100", with_id="true",
        ),
        d.check(
            "book_rest", "/spot/order_book", book(market=Market.SPOT, **REST_BOOK), 30, Market.SPOT,
            currency_pair="{}", limit="100", with_id="true", interval="0",
        ),
        d.check("open_interest", "/futures/usdt/tickers", TICKERS, 15, Market.PERP, contract="{}"),
        d.check("funding", "/futures/usdt/funding_rate", FUNDING, 300, Market.PERP, contract="{}", limit="1"),
        d.check(
            "long_short_ratio", "/futures/usdt/contract_stats", STATS, 300, Market.PERP,
            contract="{}", interval="5m", limit="1",
        ),
        d.check(
            "liquidations_rest", "/futures/usdt/liq_orders", forced("fill_price", "order_price", backlog=True), 3600, Market.PERP,
            contract="{}", limit="100",
        ),
        d.check("volume_spot", "/spot/tickers", SPOT_TICKERS, 60, Market.SPOT, currency_pair="{}"),
    ),
    feeds=(
        feed("book_ws", "futures.order_book_update", "100ms", "100", book_base="book_rest"),
        feed(
            "book_ws_spot", "spot.order_book_update", "100ms", book_base="book_rest", host="ws_spot", read=SPOTS,
            market=Market.SPOT, keep_alive=ping("spot.ping"), headers={}, prefix=SPOT,
        ),
        feed("liquidation", "futures.tickers", every="futures.public_liquidates", censoring=Censoring.COMPLETE),
    ),
    usage=d.budget_headers(
        "ip", remaining="x-gate-ratelimit-requests-remain", limit="x-gate-ratelimit-limit",
        resets_at="x-gate-ratelimit-reset-timestamp",
    ),
    refuse=d.refusals(ERRORS),
    symbols=lambda asset: decode.pair_symbols("spot:{}_USDT", None, asset),
)  # fmt: skip
