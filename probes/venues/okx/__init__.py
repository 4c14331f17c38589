"""OKX v5: spot and swaps (docs at www.okx.com/docs-v5). Sizes of swaps are contracts of `ctVal` times `ctMult`.

No budget headers: limits are by endpoint and address. The liquidation channel sends at most one order a second and contract,
and its first message after subscribing is old news. Books go by seqId/prevSeqId: the checksum is dead since 2026-06.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from re import compile as pattern
from typing import Any

from probes import dialect as d
from probes.dialect import decode, rights
from probes.readings import Censoring, Deleveraging, Market, MarkPrice, OpenInterest
from probes.readings.topics import Topic
from probes.venue import Feed, RestCall, RestCheck, RightsQuestion
from probes.venues.okx import words
from probes.venues.okx.words import rows

CODES = d.codes_beside(__file__)  # fmt: skip
"""The page's tables of REST and of the socket: a range ends with the last code that its table has."""
_CHANNEL, _SUBJECT = pattern(r"channel:([\w-]+)"), pattern(r"inst(?:Id|Type):([\w-]+)")


def names(frame: Mapping[str, Any]) -> Sequence[str]:
    """The topic that a control message is about: its `arg`, or what an error's text says (`channel:…,instId:…`)."""
    arg = frame.get("arg")
    if isinstance(arg, dict):
        return (f"{arg.get('channel')}:{arg.get(words.SYMBOL) or words.swap(arg) or arg.get('instType') or ''}",)
    text = str(frame.get("msg"))
    channel, subject = _CHANNEL.search(text), _SUBJECT.search(text)
    return () if channel is None else (f"{channel[1]}:{subject[1]}" if subject is not None else channel[1],)


FRAME = d.Frames(
    channel="arg.channel", symbol=f"arg.{words.SYMBOL}", kind="action", news=frozenset({"snapshot", "update", ""}),
    refusals=CODES, texts={b"pong": d.Means.PONG},
    controls=(
        d.Control(path="code", values=frozenset({"64008"}), means=d.Means.SHUTDOWN, text="msg"),
        d.Control(
            path="event", values=frozenset({"error"}), means=d.Means.REFUSED, code="code", text="msg", names=names, id="id"
        ),
        d.Control(path="event", values=frozenset({"login"}), means=d.Means.ACK),
        d.Control(path="event", values=frozenset({"subscribe"}), means=d.Means.ACK, text="arg.channel", names=names),
    ),
)  # fmt: skip


def pushed(book: d.Books) -> d.Rows:
    """A channel whose first book is whole and the others changes. The frame has the name, where a row has none."""
    return rows(replace(book, symbol=words.SYMBOL, whole_kinds=frozenset({"snapshot"})), where="")


FRAMES = d.frames(
    FRAME,
    {
        "books": pushed(words.BOOK),
        "liquidation-orders": rows(words.FORCED, where="", each="details", subject=words.SYMBOL),
        "mark-price": rows(words.MARK, where=""), "index-tickers": rows(replace(words.MARK, mark=None), where=""),
        "funding-rate": rows(words.FUNDING, where=""), "open-interest": rows(words.INTEREST, where=""),
        "adl-warning": rows(words.ADL, where="", unfold=words.warned), "tickers": rows(words.VOLUME, where=""),
        "status": rows(replace(words.WINDOW, healthy=None), where="", unfold=words.window),
    },
)  # fmt: skip
SPOT_FRAMES = d.frames(
    FRAME, {"books": pushed(words.SPOT_BOOK), "tickers": rows(words.SPOT_VOLUME, where="", market=Market.SPOT)}
)


KEY = {
    "OK-ACCESS-KEY": "{key}", "OK-ACCESS-SIGN": "{signature}", "OK-ACCESS-TIMESTAMP": "{stamp}",
    "OK-ACCESS-PASSPHRASE": "{passphrase}",
}  # fmt: skip


def check(
    budget: str, name: str, path: str, read: d.Rows, every_s: float, market: Market | None = None, **query: str
) -> RestCheck:
    """A check under /api/v5 with its budget; that of the wallets is signed."""
    asked = d.check(name, f"/api/v5{path}", read, every_s, market, **query)
    return replace(d.calls(asked, budget=budget, signed=budget == "asset"))


def request(topics: Sequence[Topic], number: int) -> Mapping[str, Any]:
    """One request for all topics, each of which is confirmed or refused by itself; liquidations are of all swaps."""

    def of(topic: Topic) -> Mapping[str, str]:
        if topic.instrument is None:
            return {"instType": "SWAP"}
        family = {"instType": "SWAP", "instFamily": topic.instrument.removesuffix("-SWAP")}
        return family if topic.channel == WARNINGS.name else {words.SYMBOL: topic.instrument}

    return {"id": str(number), "op": "subscribe", "args": [{"channel": one.channel, **of(one)} for one in topics]}


def feed(name: str, *channels: d.Channel, market: Market = Market.PERP, **more: Any) -> Feed:
    """A feed of the public socket."""
    return Feed(
        name=name, host="ws", market=market, silence_after_s=10, **d.asking(channels, request), **more,
        keep_alive=d.pings(20, "ping"),
    )  # fmt: skip


BOOKS = d.Channel(topic="books:{}", name="books", speaks=d.BOOK_WORDS)
ORDERS = d.Channel(topic="liquidation-orders:SWAP", name="liquidation-orders", speaks=d.FORCED_WORDS, rare=True)
MARKS = d.Channel(topic="mark-price:{}", name="mark-price", speaks=(MarkPrice,), main=False)
INTERESTS = d.Channel(topic="open-interest:{}", name="open-interest", speaks=(OpenInterest,), main=False)
WARNINGS = d.Channel(topic="adl-warning:{}", name="adl-warning", speaks=(Deleveraging,), main=False)
RATIO_PATH = "/rubik/stat/contracts/long-short-account-ratio-contract"
PERP, ONE = Market.PERP, {words.SYMBOL: "{}"}
VENUE = d.venue(
    __file__,
    checks=(
        check("ip", "server_time", "/public/time", rows(d.ServerTimes(at=words.TIME)), 5),
        check("status", "system_status", "/system/status", rows(words.WINDOW, unfold=words.window), 60),
        check(
            "asset", "wallet_status", "/asset/currencies",
            rows(
                d.Wallets(symbol="ccy", network="chain", deposits="canDep", withdrawals="canWd", note="note"), unfold=words.wallet
            ),
            60,
        ),
        check("public", "instruments", "/public/instruments", words.LISTED, 3600, instType="SWAP"),
        check("public", "instruments", "/public/instruments", words.LISTED, 3600, instType="SPOT"),
        check("market", "book_rest", "/market/books", rows(replace(words.BOOK, whole=True)), 30, PERP, sz="400", **ONE),
        check(
            "market", "book_rest", "/market/books", rows(replace(words.SPOT_BOOK, whole=True), market=Market.SPOT), 30,
            Market.SPOT, sz="400", **ONE,
        ),
        check("public", "open_interest", "/public/open-interest", rows(words.INTEREST), 15, PERP, instType="SWAP", **ONE),
        check("public", "funding", "/public/funding-rate", rows(words.FUNDING), 60, PERP, **ONE),
        check("public", "mark_price", "/public/mark-price", rows(words.MARK), 60, PERP, instType="SWAP", **ONE),
        check(
            "fund", "insurance_fund", "/public/insurance-fund", rows(words.FUND, unfold=words.pool), 60, PERP, instType="SWAP",
            instFamily="{base}-USDT", type="regular_update", limit="1",
        ),
        check("market", "volume", "/market/ticker", rows(words.VOLUME), 60, PERP, **ONE),
        check(
            "market", "volume_spot", "/market/ticker", rows(words.SPOT_VOLUME, market=Market.SPOT), 60, Market.SPOT, **ONE
        ),
        check(
            "rubik", "long_short_ratio", RATIO_PATH, rows(*words.RATIOS, unfold=words.ratio, first=1), 300, PERP, period="5m",
            limit="1", **ONE,
        ),
    ),
    feeds=(
        feed("book_ws", BOOKS, read=FRAMES),
        feed("book_ws_spot", BOOKS, market=Market.SPOT, read=SPOT_FRAMES),
        feed(
            "liquidation", ORDERS, MARKS, INTERESTS, WARNINGS, read=FRAMES, backlog_first=True,
            censoring=Censoring.ONE_PER_SECOND,
        ),
    ),
    refuse=d.refusals(d.Errors(code=("code",), text=("msg",), good=frozenset({"0"}), refusals=CODES)),
    sign=d.signs_text("{stamp}GET{path}{asked}", KEY, base64=True, iso=True),
    key_rights=RightsQuestion(
        call=RestCall(path="/api/v5/account/config", budget="asset", signed=True),
        read=rights.listed("data.0.perm", frozenset({"read_only"})),
    ),
    symbols=lambda asset: decode.pair_symbols("{}-USDT", None, asset),
)  # fmt: skip
