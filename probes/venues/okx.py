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
from probes.readings import (
    Censoring,
    Deleveraging,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    ServiceState,
    Side,
)
from probes.readings.topics import Topic
from probes.venue import Feed, Malformed, RestCall, RestCheck, RightsQuestion

CODES = d.codes_beside(__file__)  # fmt: skip
"""The page's tables of REST and of the socket: a range ends with the last code that its table has."""
TIME, SYMBOL = d.Stamp("ts"), "instId"


def rows(*says: Any, where: str = "data", **more: Any) -> d.Rows:
    """The rows of an answer; all but books and ratios name their instrument."""
    return d.Rows(where=where, says=says, **more)


SERVICES = dict.fromkeys("0123589", True) | {"99": True} | dict.fromkeys(("4", "6", "7", "10", "11"), False)
"""Whether a service is one that is watched: the others are options, block trading, bots, spreads and copy trading."""


def window(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A window of production. One that does not say what it is of is odd, save on the wire of 2021, which had no `env`."""
    env, service, kind = row.get("env"), str(row.get("serviceType")), row.get("maintType")
    if not (env is None and kind is None):
        if env not in ("1", "2") or service not in SERVICES:
            raise Malformed("$.env: whose window is unknown", MalformedReason.STATE)
        if env == "2" or not SERVICES[service]:
            return []
    disturbed = kind == "3" or service == "99"
    running = row.get("state") in ("ongoing", "pre_open")
    return [{**row, "means": "disturbed" if running and disturbed else row.get("state")}]


WINDOW = d.Statuses(
    state="means", title="title", begins=d.Stamp("begin"), ends=d.Stamp("end"), planned="maintType",
    planned_is=frozenset({"1"}), announced=frozenset({"scheduled"}),
    states={
        "ongoing": ServiceState.MAINTENANCE, "pre_open": ServiceState.MAINTENANCE, "disturbed": ServiceState.DEGRADED,
        "completed": None, "canceled": None,
    },
)  # fmt: skip


def contract(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pair or contract, with its size; that of an inverse contract is in USD."""
    base, _, rest = str(row.get("uly") or row.get(SYMBOL) or "").partition("-")
    listed = {
        **row,
        "base": row.get("baseCcy") or base,
        "quote": row.get("quoteCcy") or rest.partition("-")[0],
        "size": "1",
    }
    kind = decode.one_of(row.get("instType"), ("SPOT", "SWAP", "FUTURES"), "$.instType", MalformedReason.STATE)
    if kind != "SPOT":
        decode.one_of(row.get("ctType"), ("inverse", "linear"), "$.ctType", MalformedReason.STATE)
        listed["size"] = str(decode.money(row.get("ctVal"), "$.ctVal") * decode.money(row.get("ctMult"), "$.ctMult"))
    return [listed]


LISTING = d.Listing(
    symbol=SYMBOL, base="base", quote="quote", kind="instType", contract_size="size", inverse="ctType",
    kinds={"SPOT": Market.SPOT, "SWAP": Market.PERP, "FUTURES": Market.FUTURE}, inverse_is=frozenset({"inverse"}),
    trading="state", trading_is=frozenset({"live"}),
)  # fmt: skip


def wallet(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A network of a currency, with the time at which its withdrawals open again."""
    return [{**row, "note": f"opens {row['wdEstOpenTime']}" if row.get("wdEstOpenTime") else ""}]


def ratio(row: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """[time, ratio]; the taker form is [time, sold, bought]."""
    if len(row) < 2:
        raise Malformed("$.data[0]: a ratio needs a time and a figure")
    return [{"ts": row[0], "ratio": row[1]} if len(row) == 2 else {"ts": row[0], "sold": row[1], "bought": row[2]}]


def swap(row: Mapping[str, Any]) -> str:
    """The swap of the family of contracts that a row is about; "" without one."""
    return f"{row['instFamily']}-SWAP" if row.get("instFamily") else ""


def pool(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What the pool of a family held last, as that of its swap."""
    return [{**one, SYMBOL: swap(row)} for one in row["details"][:1]]


def warned(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A warning about a family, as one about its swap."""
    return [{**row, SYMBOL: swap(row)}]


FUND = d.InsuranceFunds(symbol=SYMBOL, balance="balance", currency="ccy", at=TIME)
ADL = d.Deleveragings(symbol=SYMBOL, state="state", states={"adl": True, "warning": False, "normal": False}, at=TIME)
INTEREST = d.OpenInterests(symbol=SYMBOL, size="oiCcy", usd="oiUsd", at=TIME)
FUNDING = d.FundingRates(
    symbol=SYMBOL, rate="fundingRate", next_at=d.Stamp("fundingTime"), following=d.Stamp("nextFundingTime"), at=TIME,
    optional=True,
)  # fmt: skip
MARK = d.MarkPrices(symbol=SYMBOL, mark="markPx", index="idxPx", at=TIME)
VOLUME = d.Volumes(symbol=SYMBOL, base="volCcy24h", last="last", priced=True, at=TIME)
SPOT_VOLUME = d.Volumes(symbol=SYMBOL, base="vol24h", quote="volCcy24h", last="last", at=TIME)
RATIOS = (
    d.LongShortRatios(ratio="ratio", at=TIME, optional=True),
    d.LongShortRatios(longs="bought", shorts="sold", basis="taker_volume", at=TIME, optional=True),
)
FORCED = d.Liquidations(
    price="bkPx", size="sz", unit=d.Unit.USD_CONTRACTS, side=("posSide", "side"), at=TIME, censoring=Censoring.ONE_PER_SECOND,
    sides={"long": Side.LONG, "short": Side.SHORT, "net": None, "sell": Side.LONG, "buy": Side.SHORT},
)  # fmt: skip
"""`posSide` is the side that was liquidated; in net mode the closing order shows it (sell: a long)."""
BOOK = d.Books(bids="bids", asks="asks", unit=d.Unit.USD_CONTRACTS, last_id="seqId", prev_id="prevSeqId", at=TIME)
SPOT_BOOK = replace(BOOK, unit=d.Unit.BASE)
_CHANNEL, _SUBJECT = pattern(r"channel:([\w-]+)"), pattern(r"inst(?:Id|Type):([\w-]+)")


def names(frame: Mapping[str, Any]) -> Sequence[str]:
    """The topic that a control message is about: its `arg`, or what an error's text says (`channel:…,instId:…`)."""
    arg = frame.get("arg")
    if isinstance(arg, dict):
        return (f"{arg.get('channel')}:{arg.get(SYMBOL) or swap(arg) or arg.get('instType') or ''}",)
    text = str(frame.get("msg"))
    channel, subject = _CHANNEL.search(text), _SUBJECT.search(text)
    return () if channel is None else (f"{channel[1]}:{subject[1]}" if subject is not None else channel[1],)


FRAME = d.Frames(
    channel="arg.channel", symbol=f"arg.{SYMBOL}", kind="action", news=frozenset({"snapshot", "update", ""}), refusals=CODES,
    texts={b"pong": d.Means.PONG},
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
    return rows(replace(book, symbol=SYMBOL, whole_kinds=frozenset({"snapshot"})), where="")


FRAMES = d.frames(
    FRAME,
    {
        "books": pushed(BOOK),
        "liquidation-orders": rows(FORCED, where="", each="details", subject=SYMBOL),
        "mark-price": rows(MARK, where=""), "index-tickers": rows(replace(MARK, mark=None), where=""),
        "funding-rate": rows(FUNDING, where=""), "open-interest": rows(INTEREST, where=""),
        "adl-warning": rows(ADL, where="", unfold=warned), "tickers": rows(VOLUME, where=""),
        "status": rows(replace(WINDOW, healthy=None), where="", unfold=window),
    },
)  # fmt: skip
SPOT_FRAMES = d.frames(FRAME, {"books": pushed(SPOT_BOOK), "tickers": rows(SPOT_VOLUME, where="", market=Market.SPOT)})


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
        return family if topic.channel == WARNINGS.name else {SYMBOL: topic.instrument}

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
LISTED = rows(LISTING, unfold=contract)
RATIO_PATH = "/rubik/stat/contracts/long-short-account-ratio-contract"
PERP, ONE = Market.PERP, {SYMBOL: "{}"}
VENUE = d.venue(
    __file__,
    checks=(
        check("ip", "server_time", "/public/time", rows(d.ServerTimes(at=TIME)), 5),
        check("status", "system_status", "/system/status", rows(WINDOW, unfold=window), 60),
        check(
            "asset", "wallet_status", "/asset/currencies",
            rows(
                d.Wallets(symbol="ccy", network="chain", deposits="canDep", withdrawals="canWd", note="note"), unfold=wallet
            ),
            60,
        ),
        check("public", "instruments", "/public/instruments", LISTED, 3600, instType="SWAP"),
        check("public", "instruments", "/public/instruments", LISTED, 3600, instType="SPOT"),
        check("market", "book_rest", "/market/books", rows(replace(BOOK, whole=True)), 30, PERP, sz="400", **ONE),
        check(
            "market", "book_rest", "/market/books", rows(replace(SPOT_BOOK, whole=True), market=Market.SPOT), 30,
            Market.SPOT, sz="400", **ONE,
        ),
        check("public", "open_interest", "/public/open-interest", rows(INTEREST), 15, PERP, instType="SWAP", **ONE),
        check("public", "funding", "/public/funding-rate", rows(FUNDING), 60, PERP, **ONE),
        check("public", "mark_price", "/public/mark-price", rows(MARK), 60, PERP, instType="SWAP", **ONE),
        check(
            "fund", "insurance_fund", "/public/insurance-fund", rows(FUND, unfold=pool), 60, PERP, instType="SWAP",
            instFamily="{base}-USDT", type="regular_update", limit="1",
        ),
        check("market", "volume", "/market/ticker", rows(VOLUME), 60, PERP, **ONE),
        check(
            "market", "volume_spot", "/market/ticker", rows(SPOT_VOLUME, market=Market.SPOT), 60, Market.SPOT, **ONE
        ),
        check(
            "rubik", "long_short_ratio", RATIO_PATH, rows(*RATIOS, unfold=ratio, first=1), 300, PERP, period="5m",
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
