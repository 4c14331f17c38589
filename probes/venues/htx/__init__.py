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
from probes.readings import Censoring, Funding, Market, Refusal
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, ReadFrame, RestCheck
from probes.venues.htx import words

MAX_FRAME = 1_000_000


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
CHANGES = d.rows(d.Books(**words.LEVELS, last_id="seqNum", prev_id="prevSeqNum", one_sided=True), **words.SPOT)
WHOLE = d.rows(d.Books(**words.LEVELS, last_id="seqNum", whole=True), **words.SPOT)
HIGH_FREQ = "depth.size_{}.high_freq"
SPOT_FRAMES = d.either(
    d.frames(FRAME, {"mbp.": CHANGES}), d.frames(replace(FRAME, channel="rep", payload="data", controls=()), {"mbp.": WHOLE})
)  # fmt: skip
SWAP_FRAMES = d.frames(FRAME, {HIGH_FREQ.format(size): d.rows(words.SWAP_BOOK) for size in (20, 150)})
NOTICES = d.frames(
    replace(FRAME, channel="topic", payload="data", kind="op", news=frozenset({"notify"})),
    {
        "liquidation_orders": d.rows(
            d.Liquidations(price="price", size="amount", side="direction", at=d.Stamp("created_at"), **words.FORCED),
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
        d.check("system_status", "/v2/market-status", words.SPOT_STATUS, 60),
        d.check("wallet_status", "/v2/reference/currencies", words.WALLETS, 60, authorizedUser="false"),
        d.check("instruments", "/v1/common/symbols", words.PAIRS, 3600),
        d.check("book_rest", "/market/depth", d.answer(words.SPOT_BOOK, at=STAMP), 30, Market.SPOT, symbol="{}", type="step0"),
        d.check("volume_spot", "/market/detail/merged", d.answer(words.SPOT_VOLUME, at=STAMP), 60, Market.SPOT, symbol="{}"),
        swaps(d.check("server_time", "/api/v1/timestamp", d.rows(d.ServerTimes(at=STAMP)), 5)),
        swaps(d.check("system_status", "/heartbeat/", words.SWAPS_STATUS, 60)),
        swaps(d.check("instruments", "/linear-swap-api/v1/swap_contract_info", words.CONTRACTS, 3600, business_type="all")),
        per_swap("book_rest", "/linear-swap-ex/market/depth", d.answer(words.SWAP_DEPTH, at=STAMP), 30, type="step0"),
        per_swap("open_interest", "/v5/market/open_interest", d.answer(words.INTEREST, at=STAMP), 60),
        per_swap("funding", "/v5/market/funding_rate", d.answer(words.FUNDING, at=STAMP), 300),
        per_swap("mark_price", MARK_KLINE, d.answer(words.MARK, at=STAMP), 60, period="1min", size="1"),
        per_swap("long_short_ratio", f"{ELITE}_account_ratio", words.ratios("top_accounts"), 300, period="5min"),
        per_swap("long_short_ratio", f"{ELITE}_position_ratio", words.ratios("top_positions"), 300, period="5min"),
        per_swap("liquidations_rest", "/v5/market/liquidation_orders", words.REST_FORCED, 3600),
        per_swap("volume", "/linear-swap-ex/market/detail/merged", words.VOLUME, 60),
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
