"""Holds one WebSocket of one feed open: subscribes, keeps alive, ends a silent socket, reconnects with back-off and jitter.

The dialect reads the frames, `interpreter.py` follows them over time. This file knows sockets and time.
"""

from __future__ import annotations

import asyncio
from time import monotonic, thread_time

import aiohttp

from probes.fair_shares.allowance import Allowance
from probes.fair_shares.connection import FloodingError, Turn
from probes.feeds.backoff import BackOff
from probes.feeds.connection import EndedError, close_quietly, ending, flooded, refused, why_closed
from probes.feeds.interpreter import FeedReader
from probes.feeds.settings import FeedSetting, FetchBook
from probes.readings import FeedChanged, Reading, Refusal
from probes.rest.http import RedirectRefused, refusal_of
from probes.rest.venue_state import VenueState
from probes.venue import Feed

OPEN_TIMEOUT_S = 10.0
SILENCES_TO_END = 3


class FeedRunner:
    """One feed of one venue over one connection at a time."""

    def __init__(self, state: VenueState, feed: Feed, setting: FeedSetting) -> None:
        self._state = state
        self._feed = feed
        self._setting = setting
        self._back_off = BackOff(setting.first_pause_s, setting.seed)
        self._reader = FeedReader(state.venue.id, feed, state.clock_offset, setting.instruments)
        self._by_symbol = {one.symbol: one for one in setting.instruments}
        self._opened_s = 0.0

    async def run(self) -> None:
        """Hold the feed open for ever. Ends only by cancellation."""
        while True:
            began = monotonic()
            ended = await self._connection()
            lived_s = monotonic() - began
            self._emit_connection(
                self._reader.closed(lived_s, self._setting.clock(), detail=ended.detail, planned=ended.planned)
            )
            await asyncio.sleep(self._back_off.after(lived_s, flooding=ended.flooding))

    def _emit(self, *readings: Reading) -> None:
        for one in readings:
            self._setting.emit(one)

    def _emit_connection(self, change: FeedChanged) -> None:
        if self._setting.tape is not None:
            self._setting.tape.connection(change)
        self._setting.emit(change)

    async def _connection(self) -> EndedError:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                socket = await self._setting.client.ws_connect(
                    self._setting.url,
                    max_msg_size=self._feed.max_bytes,
                    autoping=False,  # else pings and pongs are taken without end and without a count
                    headers=dict(self._feed.headers),
                    compress=15,
                )
        except RedirectRefused as error:
            return EndedError(f"could not connect: {Refusal.REDIRECTED} ({error})")
        except FloodingError as flood:
            return flooded(str(flood))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            ours = refusal_of(error) is Refusal.LOCAL
            why = f"{Refusal.LOCAL} ({type(error).__name__})" if ours else type(error).__name__
            return EndedError(f"could not connect: {why}", planned=ours)
        works = [self._receive(socket), self._every_second(), self._ask_again(socket)]
        if self._setting.base is not None:
            works.append(self._fetch_snapshots(self._setting.base))
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
        now = self._setting.clock()
        self._opened_s = monotonic()
        self._emit_connection(self._reader.opened(now, self._opened_s))
        self._emit(*self._reader.ask(now, self._opened_s))
        claims = self._reader.claims
        for text in (
            claims.texts(len(claims.all)) if claims.all else self._feed.subscribe(self._setting.instruments, now)
        ):
            await socket.send_str(text)
        allowance = Allowance(self._setting.limits, self._opened_s)
        while True:
            turn = Turn()
            while not turn.over:
                await self._take(socket, await socket.receive(), turn)
            excess = allowance.spend(turn.work(), monotonic())
            if excess is not None:
                raise refused(socket, excess)
            await asyncio.sleep(0)  # no venue must starve the others

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage, turn: Turn) -> None:
        turn.taken += 1
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await self._frame(socket, message.data.encode(), turn)
            case aiohttp.WSMsgType.BINARY:
                await self._frame(socket, message.data, turn)
            case aiohttp.WSMsgType.PING:
                turn.control_frames += 1
                await socket.pong(message.data)
            case aiohttp.WSMsgType.PONG:
                turn.control_frames += 1
            case _:
                raise why_closed(socket, message)

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, raw: bytes, turn: Turn) -> None:
        began_s = thread_time()
        received_at = self._setting.clock()
        if self._setting.tape is not None:
            self._setting.tape.frame(self._state.venue.id, self._feed.name, received_at, raw)
        result = self._reader.frame(raw, received_at, monotonic(), self._state.instruments)
        self._emit(*result.readings)
        turn.cpu_s += thread_time() - began_s
        turn.bytes += len(raw)
        turn.messages += max(len(result.readings), 1)
        turn.control_frames += len(result.replies) if raw else 1
        for text in result.replies:
            await socket.send_str(text)
        if result.shutdown is not None:
            raise EndedError("announced by the venue", planned=True)

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(self._setting.sample_s)
            tick_s = monotonic()
            self._emit(*self._reader.second(self._setting.clock(), tick_s, self._state.instruments))
            if self._reader.quiet_s(tick_s) >= SILENCES_TO_END * self._feed.silence_after_s:
                raise EndedError("silent on an open socket")
            if self._reader.books.needs_new_connection:
                raise EndedError("resync of a book", planned=True)
            if self._feed.lifetime_s is not None and tick_s - self._opened_s > self._feed.lifetime_s:
                raise EndedError("its lifetime is over", planned=True)

    async def _ask_again(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Send what the claims ask for after the opening, a few texts a second."""
        while True:
            await asyncio.sleep(self._setting.sample_s)
            for text in self._reader.claims.texts():
                await socket.send_str(text)

    async def _fetch_snapshots(self, fetch: FetchBook) -> None:
        """Fetch the snapshots that books wait for, apart from the sampling: in a storm REST answers late."""
        books = self._reader.books
        while True:
            await asyncio.sleep(self._setting.sample_s)
            for symbol in books.snapshots_needed(self._setting.clock().timestamp()):
                books.requested(symbol)
                snapshot = await fetch(self._by_symbol[symbol])
                self._emit(*self._reader.rest_snapshot(snapshot, symbol, self._setting.clock()))

    async def _keep_alive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        assert self._feed.keep_alive is not None
        while True:
            await asyncio.sleep(self._feed.keep_alive.every_s)
            await socket.send_str(self._feed.keep_alive.text(self._setting.clock()))
