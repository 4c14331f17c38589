"""HTX: spot (api.huobi.pro) and USDT swaps (api.hbdm.com), docs at www.htx.com/en-us/opend/newApiPages.

Two hosts with clocks, budgets and states of their own. Every frame is a gzip, and each socket is closed unless its pings are
answered. Swaps count in contracts, save liquidations of the socket. Wallets are keyless.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, Funding, MalformedReason, Market, Refusal, ServiceState, Side
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, ReadFrame, RestCheck

MAX_FRAME = 1_000_000
SPOT: dict[str, Any] = {"market": Market.SPOT}
ALLOWED = {"allowed": True, "prohibited": False}
CLOSED_BY = {"sell": Side.LONG, "buy": Side.SHORT, "long": Side.LONG, "short": Side.SHORT, "both": None}
"""The side of the closing order, and the position's, which REST states too; in one-way mode that is "both"."""
MARKET_STATES = {
    "1": ServiceState.OPERATIONAL, "2": ServiceState.MAINTENANCE, "3": ServiceState.DEGRADED,
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


def channel(text: str) -> tuple[str, str]:
    """The channel and the symbol of "market.btcusdt.mbp.150" and of "public.BTC-USDT.liquidation_orders".

    Coin-margined contracts ("BTC-USD") have another socket, and rows without an amount: no channel.
    """
    _, _, rest = text.partition(".")
    symbol, _, kind = rest.partition(".")
    return "" if symbol.endswith("-USD") else kind.rstrip("0123456789"), symbol.replace("*", "")


def named(frame: Any) -> Sequence[str]:
    """The topic that an answer of either socket repeats."""
    return [one for key in ("subbed", "topic") if isinstance(one := frame.get(key), str)]


REPEATED = 2014
"""A topic that is subscribed already, which is what asking again is for."""


def pong(frame: Any) -> str:
    """The answer to a ping, which repeats its number."""
    if frame.get("op") == "ping":
        return json.dumps({"op": "pong", "ts": frame.get("ts")})
    if not isinstance(frame["ping"], int):
        raise Malformed("$.ping: no whole number")
    return json.dumps({"pong": frame["ping"]})


CONTROLS = (
    d.Control(path="ping", means=d.Means.REPLY, reply=pong),
    d.Control(path="op", values=frozenset({"ping"}), means=d.Means.REPLY, reply=pong),
    d.Control(path="err-code", values=frozenset({0, REPEATED}), means=d.Means.ACK, text="topic", names=named, id="cid"),
    d.Control(path="cid", means=d.Means.REFUSED, code="err-code", text="err-msg", names=named, id="cid"),
    d.Control(path="err-code", means=d.Means.REFUSED, code="err-code", text="err-msg", id="id"),
    d.Control(path="subbed", means=d.Means.ACK, text="subbed", names=named, id="id"),
)
FRAME = d.Frames(
    channel="ch", payload="tick", at=d.Stamp("ts"), topic=channel, controls=CONTROLS, refusals={"429": Refusal.THROTTLED},
    unpack=lambda raw: decode.gunzipped(raw, MAX_FRAME),
)  # fmt: skip
CHANGES = d.rows(d.Books(**LEVELS, last_id="seqNum", prev_id="prevSeqNum", one_sided=True), **SPOT)
WHOLE = d.rows(d.Books(**LEVELS, last_id="seqNum", whole=True), **SPOT)
HIGH_FREQ = "depth.size_{}.high_freq"
SPOT_FRAMES = d.either(
    d.frames(FRAME, {"mbp.": CHANGES}), d.frames(replace(FRAME, channel="rep", payload="data", controls=()), {"mbp.": WHOLE})
)  # fmt: skip
SWAP_FRAMES = d.frames(FRAME, {HIGH_FREQ.format(size): d.rows(SWAP_BOOK) for size in (20, 150)})
NOTICES = d.frames(
    replace(FRAME, channel="topic", payload="data", kind="op", news=frozenset({"notify"})),
    {
        "liquidation_orders": d.rows(
            d.Liquidations(price="price", size="amount", side="direction", at=d.Stamp("created_at"), **FORCED),
        ),
        "funding_rate": d.rows(
            d.FundingRates(symbol="contract_code", rate="funding_rate", next_at=d.Stamp("settlement_time")),
        ),
    },
)  # fmt: skip


def subscribe(key: str = "sub", **more: str) -> Callable[[Sequence[Topic], int], Any]:
    """What asks for a topic of market data, or for the whole of it once ("req")."""
    return lambda topics, number: {key: topics[0].name, "id": str(number), **more}


def notify(topics: Sequence[Topic], number: int) -> Any:
    """What asks for a topic of the notifications."""
    return {"op": "sub", "cid": str(number), "topic": topics[0].name, "business_type": "all"}


SPOT_BOOKS = d.asking(
    [d.Channel(topic="market.{}.mbp.150", name="mbp", speaks=d.BOOK_WORDS)], subscribe(), subscribe("req"), at_once=1
)  # fmt: skip
"""Changes first, then the whole book by a request on the same socket, so that it is not older than the first change."""
SWAP_BOOKS = d.asking(
    [d.Channel(topic=f"market.{{}}.{HIGH_FREQ.format(150)}", name="depth", speaks=d.BOOK_WORDS)],
    subscribe(data_type="incremental"), at_once=1,
)  # fmt: skip
ALL_SWAPS = d.asking(
    [
        d.Channel(topic="public.*.liquidation_orders", speaks=d.FORCED_WORDS, rare=True),
        d.Channel(topic="public.*.funding_rate", speaks=(Funding,), main=False),
    ],
    notify, at_once=1,
)  # fmt: skip
"""Liquidations of all contracts, and their funding, each minute; pings each five seconds show that the socket lives."""


def swaps(one: RestCheck) -> RestCheck:
    """The check at the host of swaps, with that host's budget."""
    return d.calls(one, host="swaps", budget="swaps")


def per_swap(name: str, path: str, read: Any, every_s: float, **query: str) -> RestCheck:
    """A check of each swap."""
    return swaps(d.check(name, path, read, every_s, Market.PERP, contract_code="{}", **query))


def feed(name: str, host: str, read: ReadFrame, asks: Mapping[str, Any], market: Market, **more: Any) -> Feed:
    """A feed of gzip frames."""
    usual: dict[str, Any] = {
        "silence_after_s": 10,
        "max_bytes": MAX_FRAME,
    }
    return Feed(name=name, host=host, read=read, market=market, **{**asks, **usual, **more})


SPOT_LEFT = d.budget_headers("ip", remaining="x-hb-ratelimit-requests-remain")
SWAPS_LEFT = d.budget_headers("swaps", remaining="ratelimit-remaining", limit="ratelimit-limit")


STAMP = d.Stamp("ts")
ELITE = "/linear-swap-api/v1/swap_elite"
MARK_KLINE = "/index/market/history/linear_swap_mark_price_kline"
CODE, WORDS = ("err-code", "err_code", "code"), ("err-msg", "err_msg", "message")
VENUE = d.venue(
    __file__,
    checks=(
        d.check("server_time", "/v1/common/timestamp", d.rows(d.ServerTimes(at=d.Stamp("data"))), 5),
        d.check("system_status", "/v2/market-status", SPOT_STATUS, 60),
        d.check("wallet_status", "/v2/reference/currencies", WALLETS, 60, authorizedUser="false"),
        d.check("instruments", "/v1/common/symbols", PAIRS, 3600),
        d.check("book_rest", "/market/depth", d.answer(SPOT_BOOK, at=STAMP), 30, Market.SPOT, symbol="{}", type="step0"),
        d.check("volume_spot", "/market/detail/merged", d.answer(SPOT_VOLUME, at=STAMP), 60, Market.SPOT, symbol="{}"),
        swaps(d.check("server_time", "/api/v1/timestamp", d.rows(d.ServerTimes(at=STAMP)), 5)),
        swaps(d.check("system_status", "/heartbeat/", SWAPS_STATUS, 60)),
        swaps(d.check("instruments", "/linear-swap-api/v1/swap_contract_info", CONTRACTS, 3600, business_type="all")),
        per_swap("book_rest", "/linear-swap-ex/market/depth", d.answer(SWAP_DEPTH, at=STAMP), 30, type="step0"),
        per_swap("open_interest", "/v5/market/open_interest", d.answer(INTEREST, at=STAMP), 60),
        per_swap("funding", "/v5/market/funding_rate", d.answer(FUNDING, at=STAMP), 300),
        per_swap("mark_price", MARK_KLINE, d.answer(MARK, at=STAMP), 60, period="1min", size="1"),
        per_swap("long_short_ratio", f"{ELITE}_account_ratio", ratios("top_accounts"), 300, period="5min"),
        per_swap("long_short_ratio", f"{ELITE}_position_ratio", ratios("top_positions"), 300, period="5min"),
        per_swap("liquidations_rest", "/v5/market/liquidation_orders", REST_FORCED, 3600),
        per_swap("volume", "/linear-swap-ex/market/detail/merged", VOLUME, 60),
    ),
    feeds=(
        feed("book_ws", "ws_swaps", SWAP_FRAMES, SWAP_BOOKS, Market.PERP),
        feed("book_ws_spot", "ws_spot", SPOT_FRAMES, SPOT_BOOKS, Market.SPOT),
        feed(
            "liquidation", "ws_notices", NOTICES, ALL_SWAPS, Market.PERP, silence_after_s=11, pings_prove=True,
            censoring=Censoring.COMPLETE,
        ),
    ),
    usage=d.usages(SPOT_LEFT, SWAPS_LEFT),
    refuse=d.refusals(d.Errors(code=CODE, good=frozenset({"200"}), text=WORDS, refusals=d.codes_beside(__file__))),
    symbols=lambda asset: {Market.SPOT: f"{asset.lower()}usdt", Market.PERP: f"{asset}-USDT"},
)  # fmt: skip
