"""Runs one feed of a real dialect against a scripted socket, with short pauses, and waits for its readings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from probes import venues
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting, feed_url
from probes.readings import (
    BookMeasured,
    BookState,
    FeedChanged,
    FeedEvent,
    Instrument,
    Market,
    Reading,
)
from probes.rest.http import USER_AGENT, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venue import BookSnapshot, Feed
from tests.probes.cases import listed
from tests.probes.loopback import Loopback, Talk, serving

PATIENCE_S = 10.0


def feed(venue: str, name: str, **changed: Any) -> Feed:
    return replace(next(one for one in venues.declared(venue).feeds if one.name == name), **changed)


def watched(venue: str, market: Market | None) -> list[Instrument]:
    return [one for one in listed(venue) if one.market is market and not one.inverse]


@dataclass(slots=True)
class FeedLog:
    """The readings that a feed has emitted so far."""

    readings: list[Reading] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.news.set()

    async def until(self, wanted: Callable[[Reading], bool], times: int = 1) -> Reading:
        """Wait for the n-th reading that `wanted` accepts."""
        seen, found = 0, 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while seen < len(self.readings):
                    seen += 1
                    found += wanted(self.readings[seen - 1])
                    if found == times:
                        return self.readings[seen - 1]
                self.news.clear()
                await self.news.wait()

    async def event(self, event: FeedEvent, times: int = 1) -> FeedChanged:
        """The feed's change of this kind."""
        found = await self.until(lambda one: isinstance(one, FeedChanged) and one.event is event, times)
        assert isinstance(found, FeedChanged)
        return found

    def events(self) -> list[FeedEvent]:
        return [one.event for one in self.readings if isinstance(one, FeedChanged)]


@asynccontextmanager
async def listening(one: Feed, venue: str, talk: Talk, **given: Any) -> AsyncIterator[tuple[FeedLog, Loopback]]:
    """Run a feed against a scripted socket. All pauses are short."""
    feed_log = FeedLog()
    state = VenueState(venues.declared(venue))
    state.instruments.update((one.symbol, one) for one in listed(venue))
    instruments = watched(venue, one.market)
    async with serving(talk=talk) as served, session(tls_context(), USER_AGENT) as client:
        setting = FeedSetting(
            url=given.pop("url", feed_url(one.host, one, instruments, {one.host: served.ws_url})),
            client=client, clock=utc_now, emit=feed_log.put, seed=1, first_pause_s=0.01, sample_s=0.02, instruments=instruments,
            **given,
        )  # fmt: skip
        running = asyncio.create_task(FeedRunner(state, one, setting).run())
        running.add_done_callback(lambda _: feed_log.ended.set())
        try:
            yield feed_log, served
        finally:
            failed = running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=not failed)


def scripted(*texts: str | bytes | dict[str, Any]) -> Talk:
    """A venue that sends these texts on each connection, and then nothing."""

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        for text in texts:
            if isinstance(text, bytes):
                await socket.send_bytes(text)
            else:
                await socket.send_str(text if isinstance(text, str) else json.dumps(text))
        await asyncio.Event().wait()

    return talk


def now_ms() -> int:
    return int(utc_now().timestamp() * 1000)


def depth(first_id: int, last_id: int, prev_id: int, symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {
        "e": "depthUpdate", "E": now_ms(), "T": now_ms() - 5, "s": symbol, "U": first_id, "u": last_id, "pu": prev_id,
        "b": [["100", "1000"]], "a": [["100.1", "1000"]],
    }  # fmt: skip


def mark(rate: str = "0.0001") -> dict[str, Any]:
    return {"e": "markPriceUpdate", "E": now_ms(), "s": "BTCUSDT", "p": "100", "i": "99", "r": rate, "T": now_ms()}


def okx_book(action: str, seq_id: int, prev_id: int) -> dict[str, Any]:
    level = [["100", "100000", "0", "1"]]
    row = {
        "asks": [["100.1", "100000", "0", "1"]],
        "bids": level,
        "ts": str(now_ms()),
        "seqId": seq_id,
        "prevSeqId": prev_id,
    }
    return {"arg": {"channel": "books", "instId": "BTC-USDT-SWAP"}, "action": action, "data": [row]}


def snapshot(last_id: int, symbol: str) -> BookSnapshot:
    return BookSnapshot(
        instrument=symbol, last_id=last_id, event_time=None, bids=[(100.0, 1000.0)], asks=[(100.1, 1000.0)]
    )


def state_is(state: BookState) -> Callable[[Reading], bool]:
    return lambda one: isinstance(one, BookMeasured) and one.state is state
