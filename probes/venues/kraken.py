"""Kraken: spot, REST and WebSocket v2 (docs at docs.kraken.com/exchange).

An answer is 200 even when it is an error, and maps the venue's own names to rows. REST and the listing say XBT and XDG where the
socket says BTC and DOGE: ours are the socket's. Wallets are keyless, by asset. Books have a CRC32 instead of a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Instrument, Market, Refusal, ServiceState
from probes.readings.topics import Topic
from probes.venue import ChecksumRule, Feed, Malformed, Refused, RestCheck

DEPTH = 100
OURS = {"XBT": "BTC", "XDG": "DOGE"}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
STATES: Mapping[Any, ServiceState] = {
    "online": ServiceState.OPERATIONAL, "maintenance": ServiceState.MAINTENANCE,
    "cancel_only": ServiceState.MAINTENANCE, "post_only": ServiceState.DEGRADED,
}  # fmt: skip
DEPOSITS = {
    "enabled": True, "deposit_only": True, "withdrawal_only": False, "funding_temporarily_disabled": False,
}  # fmt: skip
WITHDRAWALS = {**DEPOSITS, "deposit_only": False, "withdrawal_only": True}
KIND_OF = d.meaning(d.codes_beside(__file__))
FIRST_ERROR = d.refusals(d.Errors(code=("error.0",)))


def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
    """The first error of an answer. A warning ("W...") is none; a throttling may state its end in unix seconds."""
    found = FIRST_ERROR(200, headers, body, now)
    code = "" if found is None else found.detail.replace(": ", ":")
    if found is None or code.startswith("W"):
        return None
    kind = KIND_OF(code)
    if kind is None:
        return None if status >= 400 else found
    end = code.rpartition(":")[2] if kind is Refusal.THROTTLED else ""
    until = datetime.fromtimestamp(int(end), UTC) if end.isascii() and end.isdecimal() and len(end) <= 10 else None
    return Refused(kind, found.detail, until=until)


def asset(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """An asset by our name, its one status told apart for both directions."""
    status, name = row["status"], row["altname"]
    if status not in DEPOSITS:
        raise Malformed(f"$.status: {str(status)[:40]!r} is not allowed")
    return [{"asset": OURS.get(name, name), "in": DEPOSITS[status], "out": WITHDRAWALS[status], "status": status}]


def pair(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A pair by the socket's name."""
    base, _, quote = row["wsname"].partition("/")
    return [{"symbol": f"{OURS.get(base, base)}/{OURS.get(quote, quote)}", "status": row["status"]}]


def traded(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The second value of each list is of 24 hours. The average price is weighted by volume: both give the quote volume."""
    if not all(isinstance(row[one], list) and len(row[one]) == 2 for one in "cvp"):
        raise Malformed("$: c, v and p are not of two values each")
    base, average = decode.money(row["v"][1], "$.v[1]"), decode.money(row["p"][1], "$.p[1]")
    return [{"last": row["c"][0], "base": str(base), "quote": str(base * average)}]


def on_pair(name: str, path: str, rows: d.Rows, every_s: float, **query: str) -> RestCheck:
    """A check of one pair, by its name in REST."""
    made = d.check(name, path, d.values(rows), every_s, Market.SPOT, pair="{}", **query)

    def call(one: Instrument | None) -> Any:
        assert one is not None, "asked per instrument"
        return made.call(replace(one, symbol="".join(THEIRS.get(part, part) for part in one.symbol.split("/"))))

    return replace(made, call=call)


def unnumbered(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Books have no sequence: each change follows the one before, and the checksum tells whether one is missing."""
    return [{**row, "number": 0}]


def topic_of(frame: Any) -> Sequence[str]:
    """The topic of an answer, which is given for each symbol of a request."""
    result = frame.get("result")
    symbol = frame.get("symbol") or (result.get("symbol") if isinstance(result, dict) else None)
    return (f"book:{symbol}",) if symbol else ()


def ask(topics: Sequence[Topic], number: int) -> Any:
    """The request for the books of all pairs."""
    params = {"channel": "book", "symbol": [one.instrument for one in topics], "depth": DEPTH}
    return {"method": "subscribe", "params": params, "req_id": number}


FRAMES = d.frames(
    d.Frames(
        kind="type",
        refusals={"Exceeded msg rate": Refusal.THROTTLED},
        controls=(
            d.Control(path="error", values=frozenset({"Already subscribed"}), means=d.Means.ACK, names=topic_of, id="req_id"),
            d.Control(
                path="success", values=frozenset({False}), means=d.Means.REFUSED, code="error", names=topic_of, id="req_id"
            ),
            d.Control(path="success", values=frozenset({True}), means=d.Means.ACK, text="result.channel", names=topic_of),
            d.Control(path="method", values=frozenset({"pong"}), means=d.Means.PONG),
        ),
    ),
    {
        "book": d.rows(
            d.Books(
                symbol="symbol", bids="bids", asks="asks", level=("price", "qty"), last_id="number", prev_id="number",
                at=d.Stamp("timestamp", d.Clock.ISO), whole_kinds=frozenset({"snapshot"}),
            ),
            unfold=unnumbered, market=Market.SPOT,
        ),
        "status": d.rows(d.Statuses(state="system", states=STATES, healthy=None)),
    },
)  # fmt: skip


def checksum(bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> int:
    """CRC32 of prices and sizes, asks first, without points and leading zeros; zeros that a writer cut off are put back."""
    levels = [[text.partition(".")[::2] for text in level] for level in (*asks, *bids)]
    places = [max((len(level[at][1]) for level in levels), default=0) for at in (0, 1)]
    return crc32(
        "".join(
            (whole + part.ljust(width, "0")).lstrip("0")
            for level in levels
            for (whole, part), width in zip(level, places, strict=True)
        ).encode()
    )


VENUE = d.venue(
    __file__,
    checks=(
        d.check(
            "server_time", "/0/public/Time",
            d.rows(d.ServerTimes(at=d.Stamp("unixtime", d.Clock.S), resolution_s=1.0), where="result"), 5,
        ),
        d.check(
            "system_status", "/0/public/SystemStatus",
            d.rows(d.Statuses(state="status", states=STATES, healthy=None), where="result"), 30,
        ),
        d.check(
            "wallet_status", "/0/public/Assets",
            d.values(
                d.rows(d.Wallets(symbol="asset", deposits="in", withdrawals="out", note="status"), unfold=asset)
            ), 60,
        ),
        d.check(
            "instruments", "/0/public/AssetPairs",
            d.values(
                d.rows(
                    d.Listing(
                        symbol="symbol", split="/", trading="status", trading_is=frozenset({"online", "limit_only"})
                    ),
                    unfold=pair, market=Market.SPOT,
                )
            ), 3600,
        ),
        on_pair(
            "book_rest", "/0/public/Depth",
            d.rows(d.Books(bids="bids", asks="asks", width=3, whole=True), market=Market.SPOT), 30, count=str(DEPTH),
        ),
        on_pair(
            "volume_spot", "/0/public/Ticker",
            d.rows(d.Volumes(base="base", quote="quote", last="last"), unfold=traded, market=Market.SPOT), 60,
        ),
    ),
    feeds=(
        Feed(
            name="book_ws_spot", host="ws", market=Market.SPOT, silence_after_s=15,
            read=d.checksummed(FRAMES, level=("price", "qty")),
            checksum=ChecksumRule(depth=DEPTH, best=10, checksum=checksum),
            keep_alive=d.pings(30, {"method": "ping"}),
            **d.asking([d.Channel(topic="book:{}", name="book", speaks=d.BOOK_WORDS)], ask),
        ),
    ),
    refuse=refuse,
    symbols=lambda asset: {Market.SPOT: f"{asset}/USDT"},
)  # fmt: skip
