"""Kraken Derivatives, once Kraken Futures: perpetual and dated contracts (docs at docs.kraken.com/exchange, "Futures").

Sizes of the linear contracts (PF_, FF_) are base units, those of the inverse ones (PI_, FI_) dollars; their books are left out.
Frames are flat. Liquidations are trades of that type, with the side of the closing order. REST states an absolute funding rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, MalformedReason, Market, Refusal, Side
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed

ISO = d.Clock.ISO
SERVER_TIME = d.Stamp("serverTime", ISO)
OURS = {"XBT": "BTC"}
LINEAR, INVERSE = ("PF_", "FF_"), ("PI_", "FI_")
PRODUCTS = frozenset({"Kraken Derivatives", "Kraken Futures"})
"""Names of our product on the status page, the present and the former; "Kraken MTF" and demo products are others."""


def components(rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """The parts of our product on a page of all Kraken's products; one that its group lists and that is gone is odd."""
    groups = {row["id"]: row.get("components") or [] for row in rows if row.get("group") and row["name"] in PRODUCTS}
    ours = {row.get("id"): row for row in rows if row.get("group_id") in groups and row.get("group_id")}
    listed = {one for parts in groups.values() for one in parts}
    if not ours:
        raise Malformed("$.components: none of this product")
    return [*ours.values(), *[None] * len(listed - ours.keys())]


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A contract: a last trading time makes it a dated one. Indices and options are passed over."""
    if row["type"] not in ("flexible_futures", "futures_inverse", "futures_vanilla"):
        return []
    _, name, *date = row["symbol"].split("_")
    base, trades = row.get("base") or name[:-3], [row["tradeable"], row["postOnly"]]
    if bool(date) != bool(row.get("lastTradingTime")):
        raise Malformed("$.lastTradingTime: not as its name says", MalformedReason.NAME)
    return [
        {
            "symbol": row["symbol"], "base": OURS.get(base, base), "quote": row.get("quote") or name[-3:],
            "kind": "dated" if date else "perpetual", "type": row["type"], "size": row["contractSize"],
            "trading": trades == [True, False] if all(isinstance(one, bool) for one in trades) else None,
        }
    ]  # fmt: skip


def base_units(name: str, size: Any, price: Any, path: str) -> str:
    """A size in base units, exact: that of an inverse contract is in dollars."""
    amount = decode.money(size, path)
    if name.startswith(LINEAR):
        return str(amount)
    if not name.startswith(INVERSE):
        raise Malformed(f"$.product_id: {name[:40]!r} is no contract", MalformedReason.NAME)
    return str(amount / decode.above_zero(price, "$.price", MalformedReason.PRICE))


def figures(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A ticker: volumes of linear contracts only, and in REST the relative funding rate: the absolute one is a sum of money an
    hour and unit of size, in dollars over the mark, in coins times the mark.
    """
    name = row.get("product_id") or row["symbol"]
    linear, interest = name.startswith(LINEAR), row.get("openInterest")
    meant = {**row, "base": row.get("volume", row.get("vol24h")) if linear else None}
    meant["quote"] = row.get("volumeQuote") if linear else None
    meant["interest"] = base_units(name, interest, row.get("markPrice"), "$.openInterest")
    meant["interest_usd"] = None if linear else interest
    if row.get("fundingRate") is not None:
        mark = float(decode.above_zero(row["markPrice"], "$.markPrice"))
        absolute = decode.finite_float(row["fundingRate"], "$.fundingRate")
        meant["relative_funding_rate"] = absolute / mark if linear else absolute * mark
    return [meant]


def traded(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A trade of the socket; its size in base units if it is a liquidation."""
    if row["type"] != "liquidation":
        return [row]
    return [{**row, "qty": base_units(row["product_id"], row["qty"], row["price"], "$.qty")}]


def change(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """One level of one side, as lists of levels."""
    bought = decode.one_of(row["side"], ("buy", "sell"), "$.side") == "buy"
    level = {"price": row["price"], "qty": row["qty"]}
    return [{**row, "bids": [level] if bought else [], "asks": [] if bought else [level]}]


def ticker(where: str, symbol: str, index: str, at: d.Stamp | None) -> d.Rows:
    """What a ticker says, over REST or on the socket."""
    return d.rows(
        d.OpenInterests(symbol=symbol, size="interest", usd="interest_usd", mark="markPrice", at=at),
        d.MarkPrices(symbol=symbol, mark="markPrice", index=index, at=at),
        d.FundingRates(
            symbol=symbol, rate="relative_funding_rate", next_at=d.Stamp("next_funding_rate_time"), at=at,
            fixed_interval_s=3600, optional=True,
        ),
        d.Volumes(symbol=symbol, base="base", quote="quote", unit=d.Unit.CONTRACTS, last="last", at=at, optional=True),
        where=where, unfold=figures,
    )  # fmt: skip


def forced(where: str, symbol: str | None, size: str, at: d.Stamp, **more: Any) -> d.Rows:
    """Trades of liquidations. `side` is the taker's order, the one that closes: a buy closes a short."""
    said = d.Liquidations(
        symbol=symbol, price="price", size=size, side="side", at=at, sides={"buy": Side.SHORT, "sell": Side.LONG},
        censoring=Censoring.COMPLETE, **more,
    )  # fmt: skip
    unfold = None if symbol is None else traded
    return d.rows(said, where=where, unfold=unfold, only={"type": frozenset({"liquidation"})})


BOOK = d.Books(
    symbol="product_id", bids="bids", asks="asks", level=("price", "qty"), unit=d.Unit.CONTRACTS, last_id="seq",
    at=d.Stamp("timestamp"),
)  # fmt: skip
"""A book of the socket, or one level of it: `seq` steps by one for each contract."""


def topics_of(frame: Any) -> Sequence[str]:
    """The topics of an answer, which repeats its feed and contracts; an error repeats neither."""
    names = frame.get("product_ids")
    return [f"{frame.get('feed')}:{one}" for one in names] if isinstance(names, list) else ()


FRAMES = d.frames(
    d.Frames(
        channel="feed", payload="", kind="event", news=frozenset({""}), symbol="product_id",
        proves={"trade": "trade:{symbol}", "trade_snapshot": "trade:{symbol}"}, refusals={"rate_limited": Refusal.THROTTLED},
        controls=(
            d.Control(path="message", like="Already subscribed", means=d.Means.NOTHING),
            d.Control(path="event", values=frozenset({"subscribed_failed"}), means=d.Means.REFUSED, names=topics_of),
            d.Control(path="event", values=frozenset({"alert", "error"}), means=d.Means.REFUSED, code="message"),
            d.Control(path="event", values=frozenset({"subscribed"}), means=d.Means.ACK, text="feed", names=topics_of),
        ),
    ),
    {
        "book_snapshot": d.rows(replace(BOOK, whole=True)),
        "book": d.rows(BOOK, unfold=change),
        "ticker": ticker("", "product_id", "index", d.Stamp("time")),
        "trade": forced("", "product_id", "qty", d.Stamp("time"), backlog=False),
        "trade_snapshot": forced("trades", "product_id", "qty", d.Stamp("time"), backlog=True),
    },
)  # fmt: skip


def feed(name: str, *channels: d.Channel, **more: Any) -> Feed:
    """A feed of these channels. Each topic is asked for alone: an error does not say which of a request it is about."""

    def ask(topics: Sequence[Topic], number: int) -> Any:
        return {"event": "subscribe", "feed": topics[0].channel, "product_ids": [topics[0].instrument]}

    return Feed(
        name=name, host="ws", read=FRAMES, market=Market.PERP, silence_after_s=10,
        **d.asking(channels, ask, at_once=1), **more,
    )  # fmt: skip


BOOKS = d.Channel(topic="book:{}", name="book", speaks=d.BOOK_WORDS)
TRADES = d.Channel(topic="trade:{}", name="trade", speaks=d.FORCED_WORDS, rare=True)
TICKERS = d.Channel(topic="ticker:{}", name="ticker", speaks=d.FIGURE_WORDS, main=False)
TIME = d.rows(d.ServerTimes(at=SERVER_TIME))
REST_BOOK = d.rows(d.Books(bids="bids", asks="asks", unit=d.Unit.CONTRACTS, whole=True), where="orderBook")
PART = d.Statuses(state="status", states=d.PAGE_STATES, title="name", service_at="name", healthy=None)
LISTED = d.Listing(
    symbol="symbol", base="base", quote="quote", contract_size="size", kind="kind", inverse="type", trading="trading",
    kinds={"perpetual": Market.PERP, "dated": Market.FUTURE}, inverse_is=frozenset({"futures_inverse"}),
    trading_is=frozenset({True}),
)  # fmt: skip
PARTS = d.rows(PART, where="components", whole=True, unfold=components)
CONTRACTS = d.rows(LISTED, where="instruments", unfold=contract)
TICKER = d.answer(ticker("ticker", "symbol", "indexPrice", None), at=SERVER_TIME)
HISTORY = forced("history", None, "size", d.Stamp("time", ISO), unit=d.Unit.CONTRACTS, backlog=True)
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/tickers/PF_XBTUSD", TIME, 5),
        d.calls(d.check("system_status", "/api/v2/components.json", PARTS, 60), host="status", budget="status"),
        d.check("instruments", "/instruments", CONTRACTS, 3600),
        d.check("book_rest", "/orderbook", d.answer(REST_BOOK, at=SERVER_TIME), 30, Market.PERP, symbol="{}"),
        d.check("open_interest", "/tickers/{}", TICKER, 15, Market.PERP),
        d.check("liquidations_rest", "/history", HISTORY, 3600, Market.PERP, symbol="{}"),
    ),
    feeds=(
        feed("book_ws", BOOKS),
        feed("liquidation", TRADES, TICKERS, max_instruments=40, censoring=Censoring.COMPLETE),
    ),
    refuse=d.refusals(d.Errors(code=("error",), refusals=d.codes_beside(__file__))),
    symbols=lambda asset: {Market.PERP: f"PF_{'XBT' if asset == 'BTC' else asset}USD"},
)  # fmt: skip
