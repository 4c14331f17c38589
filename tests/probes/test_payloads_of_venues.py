"""Every real message of the shared folders, for every venue that has one: it reads right, or it is a documented refusal.

No file is listed by hand: the source beside each says which endpoint or channel sent it, and its `[expect]` holds key figures.
The folders are not part of the project: without them these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import (
    BookMeasured,
    BookState,
    FeedChanged,
    FeedEvent,
    Funding,
    Instrument,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    Market,
    MarkPrice,
    OpenInterest,
    ServerTime,
    ServiceStatus,
    Volume,
    WalletStatus,
)
from probes.rest.refusals import by_answer
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    Malformed,
    OddRows,
    Pong,
    RestCheck,
    SubscriptionRefused,
)

SHARED = Path(__file__).parents[3] / "shared"
ROOTS = [one for one in (SHARED / "payloads", SHARED / "payloads_2") if one.exists()]
NOW = datetime(2026, 11, 1, tzinfo=UTC)
SPOT_ONLY = {"coinbase", "kraken"}
"""Venues whose instruments are all spot, whatever the endpoint is called."""
OTHER_WIRES = {("kraken", "WS v1")}
"""Sockets of older versions, which no feed of ours opens: their frames are not for our readers."""
UNSTATED = {
    "hyperliquid/book_rest/spot_107_2025.json": {"type": "l2Book"},
    "hyperliquid/instruments/meta_with_delisted.json": {"type": "meta"},
    "hyperliquid/instruments/spot_meta_purr.json": {"type": "spotMeta"},
    "hyperliquid/ticker/spot_meta_and_ctxs.json": {"type": "spotMetaAndAssetCtxs"},
}
"""The bodies of requests whose source names the path alone."""
MEANT = {
    "server_time": (ServerTime,),
    "system_status": (ServiceStatus,),
    "instruments": (InstrumentsListed,),
    "book_rest": (BookSnapshot,),
    "book_ws": (BookSnapshot, BookDelta),
    "open_interest": (OpenInterest,),
    "funding": (Funding, MarkPrice),
    "mark_price": (MarkPrice,),
    "long_short_ratio": (LongShortRatio,),
    "liquidation": (Liquidation,),
    "wallet_status": (WalletStatus,),
    "ticker": (Volume, OpenInterest, MarkPrice),
    "control": (Ack, Pong),
    "error": (SubscriptionRefused,),
}


@dataclass(frozen=True)
class Payload:
    """One file of the folders."""

    path: Path

    @property
    def venue(self) -> str:
        return self.path.parts[-3]

    @property
    def capability(self) -> str:
        return self.path.parts[-2]

    @cached_property
    def source(self) -> dict[str, Any]:
        name = self.path.name.removesuffix(".json").removesuffix(".http")
        return tomllib.loads((self.path.parent / f"{name}.source.toml").read_text())

    @property
    def endpoint(self) -> str:
        return str(self.source["endpoint_or_channel"])

    @property
    def answer(self) -> tuple[int, dict[str, str], bytes]:
        raw = self.path.read_bytes()
        if not self.path.name.endswith(".http.json"):
            return (400 if self.capability == "error" else 200), {}, raw
        whole = json.loads(raw)
        body = whole["body"].encode() if isinstance(whole["body"], str) else json.dumps(whole["body"]).encode()
        return whole["status"], whole["headers"], body

    @property
    def instrument(self) -> Instrument:
        """An instrument that the request could have been for; the market is told by its path."""
        spot = "spot" in self.endpoint or self.venue in SPOT_ONLY
        return Instrument(
            symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            market=Market.SPOT if spot else Market.PERP,
            contract_size=Decimal(1),
        )

    def context(self) -> Context:
        """A context that knows every word of the message as an instrument of one base unit a contract."""
        words = set(re.findall(r'"([A-Za-z0-9_/:.-]{3,40})"', self.path.read_text())) | {"BTCUSDT"}
        known = {word: Instrument(symbol=word, base="BTC", quote="USDT", market=Market.PERP) for word in words}
        return Context(
            venue=venues.declared(self.venue).id, check=self.capability, received_at=NOW, instrument=self.instrument,
            instruments=known,
        )  # fmt: skip


def found() -> list[Payload]:
    """Every message of a declared venue."""
    return [Payload(path) for root in ROOTS for name in venues.NAMES for path in sorted((root / name).glob("*/*.json"))]


def path_of(payload: Payload) -> str:
    """The path that was asked: of "GET /path?query", "POST /path {body}" or "public/method"; "" if it was none."""
    rest = payload.endpoint.rpartition("GET ")[2]
    rest = rest.removeprefix("POST ").split("?")[0].split(" ")[0]
    return "" if "WS" in payload.endpoint else rest if rest.startswith("/") else f"/{rest}" if "/" in rest else ""


def requested(payload: Payload) -> Iterator[RestCheck]:
    """The checks that ask for this endpoint, those of the message's market first; a body must have all that the source says."""
    venue = venues.declared(payload.venue)
    endpoint = path_of(payload)
    posted = re.search(r"POST .*?(\{.*\})", payload.endpoint)
    body = json.loads(posted[1]) if posted else UNSTATED.get("/".join(payload.path.parts[-3:]), {})
    asking = []
    for check in venue.checks:
        call = check.call(payload.instrument)
        if call.body is not None and (not body or not body.items() <= call.body.items()):
            continue
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(endpoint)))
        paths = (call.path, urlsplit(venue.hosts[call.host]).path + call.path)
        of_any = [re.escape(path).replace(payload.instrument.symbol, "[A-Z0-9_:-]+") for path in paths]
        if any(map(pattern.fullmatch, paths)) or any(re.fullmatch(path, endpoint) for path in of_any):
            asking.append(check)
    yield from sorted(asking, key=lambda one: one.market not in (None, payload.instrument.market))


Reader = Callable[[bytes, Context], Sequence[Any]]


def readers(payload: Payload) -> list[Reader]:
    """Who could read this message: its endpoint's checks; for a frame every feed, since the file does not name its socket."""
    if path_of(payload):
        return [check.read for check in requested(payload)]
    if "WS" not in payload.endpoint or (payload.venue, payload.endpoint) in OTHER_WIRES:
        return []
    return [feed.read for feed in venues.declared(payload.venue).feeds]


def read(payload: Payload) -> list[list[Any]]:
    """What each reader makes of the message; a failure fails the test."""
    _, _, body = payload.answer
    return [list(reader(body, payload.context())) for reader in readers(payload)]


pytestmark = pytest.mark.skipif(not ROOTS, reason="the shared payload folders are not here")
FOUND = found()
NEWS = [one for one in FOUND if one.capability != "error"]


def title(payload: Payload) -> str:
    return "/".join(payload.path.parts[-4:])


@pytest.mark.parametrize("payload", NEWS, ids=title)
def test_a_real_message_is_read_without_an_odd_row(payload: Payload) -> None:
    try:
        answers = read(payload)
    except (Malformed, msgspec.DecodeError) as error:
        if "side is missing" in str(error) and "lists cut" in payload.source.get("note", ""):
            return  # whoever cut the copy cut a whole side away
        assert False in payload.source.get("expect", {}).values(), "the source itself says that a word is wrong"
        return
    for words in answers:
        assert not any(isinstance(one, OddRows) for one in words)


@pytest.mark.parametrize("payload", [one for one in NEWS if path_of(one)], ids=title)
def test_an_answer_of_a_requested_endpoint_says_what_its_check_is_for(payload: Payload) -> None:
    answers = read(payload)
    assert not answers or any(isinstance(one, MEANT[payload.capability]) for words in answers for one in words)


@pytest.mark.parametrize("payload", [one for one in FOUND if one.capability == "error"], ids=title)
def test_a_real_error_is_a_refusal(payload: Payload) -> None:
    status, headers, body = payload.answer
    refused = venues.declared(payload.venue).refuse(status, headers, body, NOW)
    if "WS" in payload.endpoint:
        assert any(isinstance(one, SubscriptionRefused) for words in read(payload) for one in words)
    else:
        assert refused is not None or by_answer(status, body) is not None


def best(levels: Any, choose: Callable[..., float]) -> float:
    return choose(price for price, _ in levels)


FIGURES: dict[str, tuple[tuple[type, ...], Callable[[Any], Any]]] = {
    "mark": ((MarkPrice,), lambda one: one.mark),
    "index": ((MarkPrice,), lambda one: one.index),
    "funding_rate": ((Funding,), lambda one: one.rate),
    "next_funding_ms": ((Funding,), lambda one: one.next_at.timestamp() * 1000),
    "interval_h": ((Funding,), lambda one: one.interval_s / 3600),
    "settled_at_ms": ((Funding,), lambda one: one.event_time.timestamp() * 1000),
    "open_interest": ((OpenInterest,), lambda one: one.base),
    "open_interest_contracts": ((OpenInterest,), lambda one: one.base),
    "last": ((Volume,), lambda one: one.last),
    "volume_usd": ((Volume,), lambda one: one.usd),
    "volume_base": ((Volume,), lambda one: one.base),
    "base_volume": ((Volume,), lambda one: one.base),
    "volume_base_24h": ((Volume,), lambda one: one.base),
    "best_bid": ((BookSnapshot, BookDelta), lambda one: best(one.bids, max)),
    "best_ask": ((BookSnapshot, BookDelta), lambda one: best(one.asks, min)),
    "seq": ((BookSnapshot, BookDelta), lambda one: one.last_id),
    "sequence": ((BookSnapshot, BookDelta), lambda one: one.last_id),
    "prev_seq": ((BookDelta,), lambda one: one.prev_id),
    "ratio": ((LongShortRatio,), lambda one: one.ratio),
}
"""What a key figure is called in our readings; the contexts here have contracts of one base unit."""


def stated(payload: Payload, words: Sequence[Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Each figure that the source states and that such a message's readings have."""
    for key, value in payload.source.get("expect", {}).items():
        kinds, figure = FIGURES.get(key, ((), None))
        ours = [one for one in words if isinstance(one, kinds)] if kinds else []
        if ours and figure is not None:
            yield key, value, [figure(one) for one in ours]


@pytest.mark.parametrize("payload", [one for one in NEWS if one.source.get("expect")], ids=title)
def test_a_real_message_has_the_figures_stated_beside_it(payload: Payload) -> None:
    try:
        answers = read(payload)
    except (Malformed, msgspec.DecodeError):
        return  # the first test judges it
    for words in answers:
        for key, value, ours in stated(payload, words):
            assert any(abs(float(one) - float(value)) <= 1e-9 * abs(float(value)) for one in ours), (key, value, ours)


def test_the_documented_snapshot_and_update_of_kraken_have_the_checksums_stated_in_them() -> None:
    folder = ROOTS[0] / "kraken" / "book_ws"
    venue = venues.declared("kraken")
    feed = next(one for one in venue.feeds if one.checksum is not None)
    pair = Instrument(symbol="MATIC/USD", base="MATIC", quote="USD", market=Market.SPOT)
    reader = FeedReader(venue.id, feed, ClockOffset(), [pair])
    for name in ("v2_snapshot_10_levels_doc", "v2_update_doc"):
        raw = (folder / f"{name}.json").read_bytes().replace(b"ETH/USDT", b"MATIC/USD")  # the source edited one name
        reader.frame(raw, NOW, 0.0, {})
        (book,) = [one for one in reader.second(NOW, 0.0) if isinstance(one, BookMeasured)]
        assert book.state is BookState.OK
    assert book.levels == 20
    wrong = raw.replace(b"1098.3947558", b"1098.3947557")
    (gap,) = [one for one in reader.frame(wrong, NOW, 0.0, {}).readings if isinstance(one, FeedChanged)]
    assert gap.event is FeedEvent.GAP
