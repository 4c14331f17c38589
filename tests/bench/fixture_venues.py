"""Sends the venues' fixture frames on loopback at the rates of life, with renewed stamps, symbols, numbers and levels.

Run as `python -m tests.bench.fixture_venues`; it prints its port and what each feed sends, and lives until its input ends. A form
of frames is sent only if our own reader follows it without a gap, so that the receiver's work is that of a live feed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import copysign
from time import time
from typing import Any

from aiohttp import WSMsgType, web

from probes import venues
from probes.clock_offset import ClockOffset
from probes.dialect.columns import names_of
from probes.dialect.declared import Books
from probes.dialect.rows import compiled_from
from probes.feeds.interpreter import FeedReader
from probes.readings import (
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Instrument,
    Liquidation,
    Market,
    Reading,
    RowsMalformed,
)
from probes.venue import BookDelta, BookSnapshot, Feed, Venue
from tests.probes.cases import BROKEN, Case, found, listed

INSTRUMENTS = 20
LEVELS, WHOLE_LEVELS = 20, 200
"""Levels a side of a book's change, and of a whole book."""
BOOKS_PER_S = 15
"""190 of the 280 books have fixtures that follow one another: together they send what all would at ten frames a second."""
FIGURES_PER_S = 1
FORCED_PER_S = 5
"""Forced orders a venue and second: a busy hour."""
_STAMP = re.compile(r"\b1793\d{6}(\d{3})?(\d{3})?(\d{3})?\b")
_ISO = re.compile(r"2026-1\d-\d\dT[\d:]+(\.\d+)?(Z|\+00:00)")
_PLACES: Mapping[str, Callable[[int, float], str]] = {
    "#S#": lambda _number, now_s: str(int(now_s)),
    "#MS#": lambda _number, now_s: str(int(now_s * 1e3)),
    "#US#": lambda _number, now_s: str(int(now_s * 1e6)),
    "#NS#": lambda _number, now_s: str(int(now_s * 1e9)),
    "#ISO#": lambda _number, now_s: datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z"),
    "#K#": lambda number, _now_s: str(number),
    "#P#": lambda number, _now_s: str(number - 1),
}
"""What a template is open for: the time in each unit, the number of a frame, the one before it."""
_SHAPES = {10: "#S#", 13: "#MS#", 16: "#US#", 19: "#NS#"}


def watched(venue: str) -> list[Instrument]:
    """As many instruments as the bench has of each venue: half spot and half perpetual, where a venue has both."""
    known = [one for one in listed(venue) if not one.inverse and one.market is not Market.FUTURE]
    models = {one.market: one for one in reversed(known)}
    each = INSTRUMENTS // len(models)
    return [
        replace(one, symbol=_renamed(one.symbol, number), base=f"A{number:02d}")
        for one in models.values()
        for number in range(each)
    ]


def _renamed(symbol: str, number: int) -> str:
    """Another symbol of the same length: messages in binary forms state their lengths."""
    for base, asset in (("BTC", f"A{number:02d}"), ("XBT", f"A{number:02d}"), ("btc", f"a{number:02d}")):
        if base in symbol:
            return symbol.replace(base, asset)
    return f"{symbol}{number:02d}"


class Template:
    """A fixture's text with places for the symbol, the time and the sequence."""

    def __init__(self, text: str, symbol: str, books: Sequence[Books], levels: int = LEVELS) -> None:
        self.symbol = symbol
        with suppress(ValueError):
            tree = json.loads(text)
            for said in books:
                _open(tree, said, levels)
            text = json.dumps(tree, separators=(",", ":"))
        self._known: dict[str, str] = {}
        text = _STAMP.sub(lambda found: _SHAPES[len(found[0])], text)
        self._text = _ISO.sub("#ISO#", text).replace('"#k#"', "#K#").replace('"#p#"', "#P#")
        self._places = [one for one in _PLACES if one in self._text]

    def made(self, symbol: str, number: int, now_s: float) -> str:
        """The text of a symbol, number and time."""
        text = self._known.get(symbol, "")
        if not text:
            ours, wire = symbol.removeprefix("spot:"), self.symbol.removeprefix("spot:")
            text = self._known[symbol] = self._text.replace(wire, ours).replace(wire.lower(), ours.lower())
        for place in self._places:
            text = text.replace(place, _PLACES[place](number, now_s))
        return text


def _open(tree: Any, said: Books, levels: int) -> None:
    """Put places for the numbers of a book into it, and more levels."""
    before = {str(one).rpartition(".")[2] for one in names_of(said.prev_id)}
    last = {str(one).rpartition(".")[2] for one in (*names_of(said.last_id), *names_of(said.first_id))}
    last.add("sequence")  # of a frame that has the number instead of its row
    sides = {said.bids: -1, said.asks: 1}
    if isinstance(tree, list):
        for one in tree:
            _open(one, said, levels)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in before | last and isinstance(value, int | str):
                place = "#P#" if key in before else "#K#"
                tree[key] = place if isinstance(value, str) else place.lower()
            elif key in sides and isinstance(value, list):
                tree[key] = _levels(value, said, sides[key] * levels)
            else:
                _open(value, said, levels)


def _levels(rows: list[Any], said: Books, count: int) -> list[Any]:
    """Levels away from the first: up from it (a `count` above zero), or down."""
    price: Any = said.level[0]
    if not rows or not isinstance(rows[0], dict if isinstance(price, str) else list):
        return rows
    first = rows[0]
    if isinstance(first, dict) and price not in first:
        return rows
    found = list(rows)
    for number in range(len(rows), abs(count)):
        level = dict(first) if isinstance(first, dict) else list(first)
        moved = round(float(first[price]) * (1 + number * copysign(1e-4, count)), 4)
        level[price] = str(moved) if isinstance(first[price], str) else moved
        found.append(level)
    return found


@dataclass(frozen=True, slots=True)
class Sending:
    """What a feed sends: a first frame of each book, then others; figures; forced orders."""

    first: Template | None
    books: Template | None
    figures: tuple[Template, ...]
    forced: tuple[Template, ...]


def sending(venue: Venue, feed: Feed, cases: Sequence[Case]) -> Sending:
    """The forms of a feed's fixtures that our reader follows."""
    books = [one for rows in compiled_from(feed.read)[0] for one in rows.says if isinstance(one, Books)]
    kinds: dict[str, list[Template]] = {one: [] for one in ("first", "again", "change", "figures", "forced")}
    markets = (feed.market,) if feed.market is not None else tuple(Market)
    ours = [one for one in watched(str(venue.id)) if one.market in markets]
    for case in cases:
        kind, symbol = _kind(case)
        if symbol and (feed.market is None or any(_is_like(one.symbol, symbol) for one in ours)):
            text = case.payload.decode(errors="surrogateescape")
            for opened in (books, ()):
                template = Template(text, symbol, opened, WHOLE_LEVELS if kind == "first" else LEVELS)
                if kind in ("figures", "forced") or _follows(venue, feed, ours, (template, template)):
                    kinds[kind].append(template)
                    kinds["again"] += [Template(text, symbol, opened)] if kind == "first" else []
                    break
    first, again, change = ([*kinds[one], None][0] for one in ("first", "again", "change"))
    for pair in ((first, change), (change, change), (first, again)):
        if ours and None not in pair and _follows(venue, feed, ours, pair, strictly=True):
            return Sending(*pair, tuple(kinds["figures"]), tuple(kinds["forced"]))
    return Sending(None, None, tuple(kinds["figures"]), tuple(kinds["forced"]))


def _is_like(ours: str, symbol: str) -> bool:
    return re.sub(r"[AaBbTtCcXx\d]{3}", "", ours, count=1) == re.sub(r"BTC|XBT|btc", "", symbol, count=1)


def _kind(case: Case) -> tuple[str, str]:
    """What a fixture is, and the symbol that it is of; nothing if it says nothing or is broken."""
    try:
        words = case.reader(case.payload.removesuffix(b"\n"), case.context)
    except BROKEN:
        return "", ""
    for word in words:
        symbol = str(getattr(word, "instrument", None) or "")
        if case.name.startswith("damaged") or not symbol:
            continue
        if isinstance(word, BookSnapshot | BookDelta):
            return ("first" if isinstance(word, BookSnapshot) else "change"), symbol
        return ("forced" if isinstance(word, Liquidation) else "figures"), symbol
    return "", ""


def _follows(
    venue: Venue, feed: Feed, ours: Sequence[Instrument], pair: tuple[Any, Any], strictly: bool = False
) -> bool:
    """Whether ten frames are read without a gap; `strictly`: into a book that is synced."""
    if not ours:
        return False
    reader = FeedReader(venue.id, feed, ClockOffset(), ours)
    known, now = {one.symbol: one for one in ours}, datetime.now(UTC)
    symbol, number = ours[0].symbol, 1000
    if feed.book_base is not None:
        whole = BookSnapshot(
            instrument=symbol, last_id=number - 1, event_time=now, bids=[(1.0, 1.0)], asks=[(1e9, 1.0)]
        )
        reader.rest_snapshot(whole, symbol, now)
    heard: list[Reading] = []
    for step in range(10):
        text = (pair[0] if step == 0 else pair[1]).made(symbol, number + step, now.timestamp())
        heard += reader.frame(text.encode(errors="surrogateescape"), now, float(step), known).readings
    measured = [one for one in reader.books.measure_all(now, now.timestamp(), 60.0) if one.instrument == symbol]
    heard += reader.second(now, 10.0)
    odd = any(isinstance(one, FeedMalformed | RowsMalformed) for one in heard)
    gap = any(isinstance(one, FeedChanged) and one.event is FeedEvent.GAP for one in heard)
    synced = bool(measured) and measured[0].state != "unsynced"
    return not odd and not gap and bool(measured) and (synced or not strictly)


class FixtureVenues:
    """All venues of the bench on one port: /<venue>/<feed> are sockets, /<venue>/rest/... are answers."""

    def __init__(self) -> None:
        cases = found()
        self.feeds: dict[tuple[str, str], Sending] = {}
        self._rest: dict[tuple[str, str], Template] = {}
        for name in venues.NAMES:
            venue = venues.declared(name)
            for feed in venue.feeds:
                own = [one for one in cases if (one.venue, one.subject) == (name, feed.name)]
                self.feeds[name, feed.name] = sending(venue, feed, own)
            for case in cases:
                if case.venue == name and "path" in case.source and not case.name.startswith("damaged"):
                    self._add_answer(case)

    def _add_answer(self, case: Case) -> None:
        books = [one for rows in compiled_from(case.reader)[0] for one in rows.says if isinstance(one, Books)]
        key = (case.venue, case.source["path"].partition(" ")[0])
        symbol = case.source.get("instrument", "")
        if key not in self._rest and symbol:
            text = case.payload.decode(errors="surrogateescape")
            self._rest[key] = Template(text, symbol, books, WHOLE_LEVELS)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A stored answer with the asked symbol; 404 without one."""
        venue, path = request.match_info["venue"], "/" + request.match_info["rest"]
        for one in watched(venue):
            wire = one.symbol.removeprefix("spot:")
            if wire in request.path_qs or wire in request.rel_url.query_string:
                for (name, known), template in self._rest.items():
                    if name == venue and known.replace(template.symbol.removeprefix("spot:"), wire) == path:
                        text = template.made(one.symbol, int(time() * BOOKS_PER_S), time())
                        return web.Response(text=text, content_type="application/json")
        return web.Response(status=404)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """A feed's socket: frames of what its client names in the address or its messages."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        venue, name = request.match_info["venue"], request.match_info["feed"]
        asked = [request.path_qs]
        sends = asyncio.create_task(self._send(socket, venue, name, asked))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and len(asked) < 1000:
                    asked.append(message.data)
        finally:
            sends.cancel()
        return socket

    async def _send(self, socket: web.WebSocketResponse, venue: str, name: str, asked: list[str]) -> None:
        what, number, begun = self.feeds[venue, name], int(time() * BOOKS_PER_S), set[str]()
        market = next(one for one in venues.declared(venue).feeds if one.name == name).market
        ours = [one.symbol for one in watched(venue) if market in (None, one.market)]
        while True:
            text = " ".join(asked)
            for at, symbol in enumerate(ours):
                wire = symbol.removeprefix("spot:")
                if what.books is not None and (wire in text or wire.lower() in text):
                    template = what.books if symbol in begun else what.first
                    begun.add(symbol)
                    assert template is not None, "a first frame, where there are changes"
                    await _sent(socket, template.made(symbol, number, time()))
                if (number + at) % (BOOKS_PER_S // FIGURES_PER_S) == 0:
                    for one in what.figures:
                        await _sent(socket, one.made(symbol, number, time()))
            if what.forced and number % max(BOOKS_PER_S // FORCED_PER_S, 1) == 0:
                await _sent(socket, what.forced[0].made(ours[number % len(ours)], number, time()))
            number += 1
            await asyncio.sleep(max(number / BOOKS_PER_S - time(), 0))


async def _sent(socket: web.WebSocketResponse, text: str) -> None:
    """Text as text, and what is no UTF-8 as binary."""
    try:
        await socket.send_str(text)
    except UnicodeEncodeError:
        await socket.send_bytes(text.encode(errors="surrogateescape"))


async def _serve() -> None:
    venue_side = FixtureVenues()
    app = web.Application()
    app.router.add_get("/{venue}/rest/{rest:.*}", venue_side.answer)
    app.router.add_get("/{venue}/{feed}{rest:.*}", venue_side.socket)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    said = {
        f"{venue}/{feed}": {"books": one.books is not None, "figures": len(one.figures), "forced": len(one.forced)}
        for (venue, feed), one in venue_side.feeds.items()
    }
    print(json.dumps({"port": runner.addresses[0][1], "feeds": said}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
