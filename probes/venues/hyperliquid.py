"""Hyperliquid: perpetuals of its own exchange and spot, by POSTs to /info (docs at hyperliquid.gitbook.io).

Sizes are base units, figures are text. Books are pushed whole and have no sequence. There is no public liquidation feed (only
fills of one's own account carry that mark), no long/short ratio, and no state of deposits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from probes import dialect as d
from probes.dialect import decode
from probes.readings import MalformedReason, Market, ServiceState
from probes.readings.topics import Topic
from probes.venue import Feed, KeepAlive, Malformed, ReadAnswer

TIME = d.Rows(says=(d.ServerTimes(at=d.Stamp("time")),))


def special(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The state: null is healthy, anything that is named is special; what else it may be is documented nowhere."""
    given = answer["specialStatuses"]
    if given is None:
        return [{"state": "none"}]
    if not given or not isinstance(given, list | dict | str) or any(one in (None, "") for one in given):
        raise Malformed(f"$.specialStatuses: {str(given)[:40]!r} is not allowed")
    return [{"state": "special", "title": json.dumps(given)[:200]}]


STATES = {"none": ServiceState.OPERATIONAL, "special": ServiceState.DEGRADED}
STATUS = d.Rows(unfold=special, says=(d.Statuses(state="state", states=STATES, title="title", healthy=None),))


class Meta(msgspec.Struct):
    """The instruments, and the tokens that spot pairs count through."""

    universe: list[msgspec.Raw]
    tokens: list[Any] = []


META = decode.Decoder(Meta)
BOTH: decode.Decoder[Any] = decode.Decoder(tuple[Meta, list[msgspec.Raw]])
PLAIN: decode.Decoder[Any] = decode.Decoder(Any)


def paired(body: bytes) -> bytes:
    """The instruments and their figures, which are two lists of one order, as one list."""
    meta, contexts = BOTH.decode(body)
    if len(meta.universe) != len(contexts):
        raise Malformed("$[1]: not as long as the universe")
    rows = (
        b'{"asset":%b,"context":%b}' % pair
        for pair in zip(map(bytes, meta.universe), map(bytes, contexts), strict=True)
    )
    return b"[" + b",".join(rows) + b"]"


def pairs(body: bytes) -> bytes:
    """The spot pairs with the names of their tokens; a pair of unknown tokens is left without them."""
    meta = META.decode(body)
    names: dict[int, Any] = {}
    for token in meta.tokens:
        match token:
            case {"index": int(index), "name": name} if type(index) is int:
                names[index] = name

    def named(pair: Any) -> Mapping[str, Any]:
        match pair:
            case {"name": name, "tokens": [int(base), int(quote)]} if type(base) is type(quote) is int:
                return {"name": name, "base": names.get(base), "quote": names.get(quote)}
        return {}

    return json.dumps([named(PLAIN.decode(raw)) for raw in meta.universe]).encode()


def after(reshape: Callable[[bytes], bytes], rows: d.Rows) -> ReadAnswer:
    """Reads an answer in another form, so that an odd row costs itself."""
    read = d.answer(rows)
    return lambda body, context: read(reshape(body), context)


def perpetual(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A perpetual, with dollars as its margin and quote. One without a mid price is delisted and says so."""
    asset = row["asset"]
    if not asset.get("isDelisted") and row["context"].get("midPx") is None:
        raise Malformed("$.midPx: missing", MalformedReason.STATE)
    return [{"name": asset["name"], "quote": "USDC", "closed": asset.get("isDelisted", False)}]


def figures(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The figures of a perpetual, by REST or by the socket; those of a delisted one stand still and are passed over."""
    if "ctx" in row:
        return [{**row["ctx"], "coin": row["coin"]}]
    (listed,), context = perpetual(row), row["context"]
    return [] if listed["closed"] is True else [{**context, "coin": listed["name"]}]


PERPETUALS = d.Rows(
    unfold=perpetual,
    says=(d.Listing(symbol="name", base="name", quote="quote", trading="closed", trading_is=frozenset({False})),),
)  # fmt: skip
PAIRS = d.Rows(says=(d.Listing(symbol="name", base="base", quote="quote"),), market=Market.SPOT)
FIGURES = d.Rows(
    unfold=figures,
    says=(
        d.MarkPrices(symbol="coin", mark="markPx", index="oraclePx"),
        d.FundingRates(symbol="coin", rate="funding", fixed_interval_s=3600),
        d.OpenInterests(symbol="coin", size="openInterest", mark="markPx"),
        d.Volumes(symbol="coin", base="dayBaseVlm", quote="dayNtlVlm"),
    ),
)
SPOT_FIGURES = d.Rows(says=(d.Volumes(symbol="coin", base="dayBaseVlm", quote="dayNtlVlm"),), market=Market.SPOT)


def spot_figures(body: bytes) -> bytes:
    """The second list, whose rows name their pair."""
    return b"[" + b",".join(map(bytes, BOTH.decode(body)[1])) + b"]"


def sides(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A book, whose levels are two lists: bids, then asks."""
    bids, asks = row["levels"]
    return [{"coin": row["coin"], "time": row["time"], "bids": bids, "asks": asks}]


def book(market: Market) -> d.Rows:
    """A whole book. It has no sequence: its time stands for it, since a book without any is not measured."""
    said = d.Books(
        symbol="coin", bids="bids", asks="asks", level=("px", "sz"), last_id="time", at=d.Stamp("time"), whole=True
    )
    return d.Rows(unfold=sides, says=(said,), market=market)


def topic_of(frame: Any) -> Sequence[str]:
    """The topic that an answer repeats, or that the words of an error end with."""
    said = frame.get("data")
    if isinstance(said, str):
        try:
            said = {"subscription": json.loads(said[said.index("{") :])}
        except ValueError:
            return ()
    one = said.get("subscription") if isinstance(said, dict) else None
    return (f"{one.get('type')}:{one.get('coin')}",) if isinstance(one, dict) else ()


FRAME = d.Frames(
    controls=(
        d.Control(path="data", like="Already subscribed", means=d.Means.ACK, names=topic_of),
        d.Control(path="channel", values=frozenset({"error"}), means=d.Means.REFUSED, text="data", names=topic_of),
        d.Control(path="channel", values=frozenset({"pong"}), means=d.Means.PONG),
        d.Control(
            path="channel", values=frozenset({"subscriptionResponse"}), means=d.Means.ACK, text="data.subscription.type",
            names=topic_of,
        ),
    ),
)  # fmt: skip
SPEAKS = {"l2Book": d.BOOK_WORDS, "activeAssetCtx": d.FIGURE_WORDS}


def feed(name: str, market: Market, channels: Mapping[str, d.Rows]) -> Feed:
    """A feed of these channels for each instrument."""

    def ask(topics: Sequence[Topic], number: int) -> Any:
        return {"method": "subscribe", "subscription": {"type": topics[0].channel, "coin": topics[0].instrument}}

    asked = [d.Channel(topic=f"{one}:{{}}", name=one, speaks=SPEAKS[one]) for one in channels]
    return Feed(
        name=name, host="ws", read=d.frames(FRAME, channels), market=market, silence_after_s=10,
        keep_alive=KeepAlive(every_s=30, text=lambda _now: '{"method":"ping"}'), **d.asking(asked, ask, at_once=1),
    )  # fmt: skip


VENUE = d.venue(
    __file__,
    checks=(
        d.calls(d.post("server_time", "/info", TIME, 5, type="exchangeStatus"), cost=2),
        d.calls(d.post("system_status", "/info", STATUS, 60, type="exchangeStatus"), cost=2),
        d.status_page(service="status page"),
        d.calls(d.post("instruments", "/info", after(paired, PERPETUALS), 3600, type="metaAndAssetCtxs"), cost=20),
        d.calls(d.post("instruments", "/info", after(pairs, PAIRS), 3600, type="spotMeta"), cost=20),
        d.calls(d.post("book_rest", "/info", book(Market.PERP), 30, type="l2Book", coin="{}"), cost=2),
        d.calls(d.post("open_interest", "/info", after(paired, FIGURES), 30, type="metaAndAssetCtxs"), cost=20),
        d.calls(d.post("volume_spot", "/info", after(spot_figures, SPOT_FIGURES), 60, type="spotMetaAndAssetCtxs"), cost=20),
    ),
    feeds=(
        feed("book_ws", Market.PERP, {"l2Book": book(Market.PERP), "activeAssetCtx": FIGURES}),
        feed("book_ws_spot", Market.SPOT, {"l2Book": book(Market.SPOT)}),
    ),
    symbols=lambda asset: {Market.PERP: asset},
)  # fmt: skip
