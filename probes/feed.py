"""Holds one WebSocket of one feed open: subscribes, keeps alive, notices silence, reconnects with back-off and jitter.

What the frames mean is the dialect's; continuity, silence and lag are pure parts beside this file. Knows sockets and time.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from time import monotonic

import aiohttp
import msgspec

from probes.back_off import BackOff
from probes.feed_books import FeedBooks
from probes.feed_ending import EndedError, close_quietly, ending, why_closed
from probes.feed_lag import LagMeter
from probes.feed_setting import FeedSetting
from probes.readings import (
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Instrument,
    Liquidation,
    VenueClock,
)
from probes.rest import VenueState
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    Feed,
    FeedWord,
    Malformed,
    Pong,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

OPEN_TIMEOUT_S = 10.0
FROZEN_AFTER_S = 60.0
CLOCK_EVERY_S = 5.0
PULSE_S = 5.0


class FeedRunner:
    """One feed of one venue over one connection at a time."""

    def __init__(self, state: VenueState, feed: Feed, setting: FeedSetting) -> None:
        self._state = state
        self._feed = feed
        self._set = setting
        self._back_off = BackOff(setting.first_pause_s, setting.seed)
        self._books = FeedBooks(state.venue.id, feed.name, based=feed.book_base is not None)
        self._lag = LagMeter(state.venue.id, feed.name, state.clock_offset)
        self._by_symbol = {one.symbol: one for one in setting.instruments}
        self._opened = 0.0
        self._word_s = 0.0
        self._pulse_s = float("-inf")
        self._words = 0
        self._silent = False
        self._malformed: tuple[str, int] | None = None
        self._backlog_due = False
        self._clock_told = float("-inf")

    async def run(self) -> None:
        """Hold the feed for ever. Returns only by cancellation."""
        while True:
            began = monotonic()
            ended = await self._connection()
            self._books.forget()
            lived_s = monotonic() - began
            self._changed(FeedEvent.CLOSED, lived_s, detail=ended.detail, planned=ended.planned)
            await asyncio.sleep(self._back_off.after(lived_s))

    async def _connection(self) -> EndedError:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                socket = await self._set.client.ws_connect(
                    self._set.url,
                    max_msg_size=self._feed.max_bytes,
                    autoping=True,
                    headers=dict(self._feed.headers),
                    compress=15,
                )
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return EndedError(f"could not connect: {type(error).__name__}")
        works = [self._receive(socket), self._every_second()]
        if self._feed.keep_alive is not None:
            works.append(self._keep_alive(socket))
        tasks = [asyncio.create_task(work) for work in works]
        try:  # no TaskGroup: before Python 3.13 one that is failing swallows a cancellation from outside
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.shield(close_quietly(socket))
        return ending([task.exception() for task in done])

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        now = self._set.clock()
        self._opened = self._word_s = monotonic()
        self._pulse_s = float("-inf")
        self._backlog_due = self._feed.backlog_first
        self._changed(FeedEvent.OPENED, 0.0)
        for text in self._feed.subscribe(self._set.instruments, now):
            await socket.send_str(text)
        context = Context(
            venue=self._state.venue.id, check=self._feed.name, received_at=now, instruments=self._state.instruments
        )
        frames = 0
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                raw = message.data.encode()
            elif message.type is aiohttp.WSMsgType.BINARY:
                raw = message.data
            else:
                raise EndedError(why_closed(socket, message))
            received_at = self._set.clock()
            if self._set.tap is not None:
                self._set.tap(self._state.venue.id, self._feed.name, received_at, raw)
            await self._frame(socket, raw, replace(context, received_at=received_at))
            frames += 1
            if frames % 64 == 0:
                await asyncio.sleep(0)  # a flooding venue must not starve the others

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, raw: bytes, context: Context) -> None:
        try:
            words = self._feed.read(raw, context)
        except (Malformed, msgspec.DecodeError, UnicodeDecodeError) as error:
            path = error.path if isinstance(error, Malformed) else str(error)
            self._malformed = (path[:200], (self._malformed[1] if self._malformed else 0) + 1)
            return
        received_s = context.received_at.timestamp()
        news = 0
        backlog = 0
        for word in words:
            match word:
                case Ack() | Pong():
                    continue
                case Reply():
                    await socket.send_str(word.text)
                    continue
                case ShutdownAnnounced():
                    self._changed(FeedEvent.SHUTDOWN_ANNOUNCED, 0.0, detail=word.detail)
                    raise EndedError("announced by the venue", planned=True)
                case SubscriptionRefused():
                    self._changed(FeedEvent.REJECTED, 0.0, detail=f"{word.kind}: {word.detail}"[:200])
                    continue
                case Liquidation() if self._backlog_due:
                    backlog += 1
                    self._set.emit(replace(word, backlog=True))
                case _:
                    self._news(word, context.received_at, received_s)
            news += 1
        if backlog:
            self._backlog_due = False
            self._changed(FeedEvent.BACKLOG, backlog)
        if news:
            self._alive(news)

    def _news(self, word: FeedWord, received_at: datetime, received_s: float) -> None:
        if isinstance(word, BookDelta | BookSnapshot):
            if word.instrument not in self._by_symbol:
                return  # a book nobody asked for must neither fill our memory nor be fetched
            if word.event_time is not None:
                engine_s = None if word.engine_time is None else word.engine_time.timestamp()
                self._lag.stamp(word.instrument, received_s, word.event_time.timestamp(), engine_s)
            told = (
                self._books.change(word, received_at, received_s)
                if isinstance(word, BookDelta)
                else self._books.snapshot(word, received_at, received_s)
            )
            for one in told:
                self._set.emit(one)
            return
        event_time = getattr(word, "event_time", None)
        instrument = getattr(word, "instrument", None)
        if event_time is not None and instrument in self._by_symbol:
            self._lag.stamp(instrument, received_s, event_time.timestamp(), None)
        assert not isinstance(word, Ack | Pong | Reply | ShutdownAnnounced | SubscriptionRefused)
        self._set.emit(word)

    def _alive(self, news: int) -> None:
        now = monotonic()
        self._word_s = now
        self._words += news
        if self._silent or now - self._pulse_s >= PULSE_S:
            self._silent = False
            self._pulse_s = now
            told, self._words = self._words, 0
            self._changed(FeedEvent.PULSE, told)

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(self._set.sample_s)
            now = self._set.clock()
            self._sample(now)
            if self._malformed is not None:
                path, count = self._malformed
                self._malformed = None
                self._set.emit(
                    FeedMalformed(
                        venue=self._state.venue.id, feed=self._feed.name, received_at=now, path=path, count=count
                    )
                )
            for symbol in self._books.wanting():
                await self._rebase(self._by_symbol[symbol])
            quiet_s = monotonic() - self._word_s
            if quiet_s >= self._feed.silence_after_s:
                if not self._silent:
                    self._silent = True
                    self._changed(FeedEvent.SILENT, quiet_s)
                if quiet_s >= 3 * self._feed.silence_after_s:
                    raise EndedError("silent on an open socket")
            if self._books.needs_new_connection:
                raise EndedError("resync of a book", planned=True)
            if self._feed.lifetime_s is not None and monotonic() - self._opened > self._feed.lifetime_s:
                raise EndedError("its lifetime is over", planned=True)

    def _sample(self, now: datetime) -> None:
        now_s = now.timestamp()
        for lag in self._lag.told(now, now_s):
            self._set.emit(lag)
        for measured in self._books.measures(now, now_s, FROZEN_AFTER_S):
            self._set.emit(measured)
        if now_s - self._clock_told >= CLOCK_EVERY_S:
            best = self._state.clock_offset.best(now_s)
            if best is not None and best.origin == "feed":
                self._clock_told = now_s
                self._set.emit(
                    VenueClock(
                        venue=self._state.venue.id, received_at=now, offset_s=best.offset_s, bound_s=best.bound_s,
                        samples=best.samples, origin=best.origin,
                    )
                )  # fmt: skip

    async def _rebase(self, instrument: Instrument) -> None:
        assert self._set.base is not None, "a feed that builds on REST is given a base"
        whole = await self._set.base(instrument)
        now = self._set.clock()
        if whole is None:
            self._books.failed(instrument.symbol)
            return
        for told in self._books.snapshot(whole, now, now.timestamp()):
            self._set.emit(told)

    async def _keep_alive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        assert self._feed.keep_alive is not None
        while True:
            await asyncio.sleep(self._feed.keep_alive.every_s)
            await socket.send_str(self._feed.keep_alive.text(self._set.clock()))

    def _changed(self, event: FeedEvent, value: float, *, detail: str = "", planned: bool = False) -> None:
        self._set.emit(
            FeedChanged(
                venue=self._state.venue.id,
                feed=self._feed.name,
                instrument=None,
                received_at=self._set.clock(),
                event=event,
                value=value,
                planned=planned,
                detail=detail,
            )
        )
