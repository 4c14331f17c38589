"""Deribit: perpetuals, dated futures and spot by JSON-RPC (docs.deribit.com); options are passed over.

Amounts of inverse contracts (no "_" in the name, as BTC-PERPETUAL) are dollars, all others base units. There is no liquidation
feed: trades carry a flag. There are no wallet flags and no long/short ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, ServiceState, ServiceStatus, Side
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, RestCheck

REFUSALS = d.codes_beside(__file__)  # fmt: skip
"""10041 is the pause of some seconds at the daily settlement; 13778 says that a `raw` channel needs a key."""


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


def confirmed(frame: Any) -> Sequence[str]:
    """The channels that came of a request. One that does not exist is left out without a word."""
    result = frame["result"]
    if not isinstance(result, list) or not all(isinstance(one, str) for one in result):
        raise Malformed("$.result: no list of channels", MalformedReason.STATE)
    return result


def topic(channel: str) -> tuple[str, str]:
    """The key of a channel: "book.BTC-PERPETUAL.100ms" is a book; those of one or two words are themselves."""
    words = channel.split(".")
    return (words[0], "") if len(words) > 2 else (channel, "")


FRAME = d.Frames(
    channel="params.channel",
    payload="params.data",
    topic=topic,
    refusals=REFUSALS,
    controls=(
        d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.message", id="id"),
        d.Control(path="result.version", means=d.Means.PONG),
        d.Control(path="result", means=d.Means.ACK, text="result.0", names=confirmed, complete=True, id="id"),
    ),
    proves={"trades": "{channel}"},
)


def frames(market: Market) -> Any:
    """The reader of a socket: books, and for futures their figures, liquidations and the platform's state."""
    routes = {"book": d.rows(BOOK, unfold=sized, market=market)}
    if market is Market.PERP:
        routes |= {
            "ticker": d.Rows(says=FIGURES, unfold=figures),
            "trades": d.rows(FORCED, unfold=forced),
            "platform_state": d.Rows(says=STATES, unfold=platform),
        }
    return d.frames(FRAME, routes)


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    """One JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def feed(name: str, market: Market, *channels: d.Channel, **more: Any) -> Feed:
    """A feed of these channels, all asked for by one request."""

    def ask(topics: Sequence[Topic], number: int) -> Any:
        return request(number, "public/subscribe", channels=[one.name for one in topics])

    return Feed(
        name=name, host="ws", read=frames(market), market=market, silence_after_s=10, asks_per_s=3,
        keep_alive=d.pings(25, request(2, "public/test")),
        **d.asking(channels, ask), **more,
    )  # fmt: skip


def listing(kind: str) -> RestCheck:
    """The instruments of a kind, on their own allowance."""
    one = d.check("instruments", "/public/get_instruments", INSTRUMENTS, 3600, currency="any", kind=kind)
    return d.calls(one, budget="instruments")


BOOKS = d.Channel(topic="book.{}.100ms", name="book", speaks=d.BOOK_WORDS)
TICKERS = d.Channel(topic="ticker.{}.100ms", name="ticker", speaks=d.FIGURE_WORDS, main=False)
TRADES = d.Channel(topic="trades.future.any.100ms", name="trades", speaks=d.FORCED_WORDS, rare=True)
PLATFORM = d.Channel(topic="platform_state", speaks=(ServiceStatus,), main=False, rare=True)
REST_BOOK = d.rows(replace(BOOK, whole=True), where="result", unfold=sized)
TICKER = d.Rows(where="result", unfold=figures, says=FIGURES)
SPOT_TICKER = d.rows(VOLUME, where="result", unfold=figures, market=Market.SPOT)
NAME = {"instrument_name": "{}"}
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/public/get_time", d.rows(d.ServerTimes(at=d.Stamp("result"))), 5),
        d.check("system_status", "/public/status", d.Rows(unfold=state, says=STATES), 60),
        listing("future"),
        listing("spot"),
        d.check("book_rest", "/public/get_order_book", REST_BOOK, 30, None, depth="1000", **NAME),
        d.check("open_interest", "/public/ticker", TICKER, 15, Market.PERP, **NAME),
        d.check("volume_spot", "/public/ticker", SPOT_TICKER, 60, Market.SPOT, **NAME),
    ),
    feeds=(
        feed("book_ws", Market.PERP, BOOKS),
        feed("book_ws_spot", Market.SPOT, BOOKS),
        feed("liquidation", Market.PERP, TRADES, PLATFORM, TICKERS, max_instruments=400, censoring=Censoring.COMPLETE),
    ),
    refuse=d.refusals(d.Errors(code=("error.code",), text=("error.message",), refusals=REFUSALS)),
    symbols=lambda asset: {Market.SPOT: f"{asset}_USDC", Market.PERP: f"{asset}_USDC-PERPETUAL"},
)  # fmt: skip
