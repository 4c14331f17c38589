"""Holds one WebSocket of one feed open: subscribes, keeps alive, ends a silent socket, reconnects with back-off and jitter.

The dialect reads the frames, `interpreter.py` follows them over time. This file knows sockets and time.
"""

from __future__ import annotations

import asyncio
from time import monotonic

import aiohttp

from probes.fair_shares.allowance import Allowance
from probes.fair_shares.connection import FloodingError, Turn, unread_of
from probes.feeds.backoff import BackOff
from probes.feeds.connection import EndedError, close_quietly, ending, flooded, refused, why_closed
from probes.feeds.interpreter import FeedReader, FrameResult
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
        unread = unread_of(socket)
        while True:
            turn = Turn()
            while not turn.over:
                if not unread:
                    turn.pause()  # the next message is still to come
                message = await socket.receive()
                turn.begin()
                turn.taken += 1
                if message.type is aiohttp.WSMsgType.TEXT:
                    result = self._frame(message.data.encode(), turn)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    result = self._frame(message.data, turn)
                else:
                    await self._control(socket, message, turn)
                    continue
                if result.replies or result.shutdown is not None:
                    await self._answer(socket, result, turn)
            turn.pause()
            excess = allowance.spend(turn.work(), monotonic())
            if excess is not None:
                raise refused(socket, excess)
            await asyncio.sleep(0)  # no venue must starve the others

    async def _control(self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage, turn: Turn) -> None:
        """Answer a ping. Raises EndedError for a message that ends the connection."""
        if message.type not in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG):
            raise why_closed(socket, message)
        turn.control_frames += 1
        if message.type is aiohttp.WSMsgType.PING:
            turn.pause()
            await socket.pong(message.data)

    def _frame(self, raw: bytes, turn: Turn) -> FrameResult:
        setting = self._setting
        received_at = setting.clock()
        if setting.tape is not None:
            setting.tape.frame(self._state.venue.id, self._feed.name, received_at, raw)
        result = self._reader.frame(raw, received_at, monotonic(), self._state.instruments, self._state.funding)
        for one in result.readings:
            setting.emit(one)
        turn.messages += len(result.readings) or 1
        if not raw:
            turn.control_frames += 1
        turn.read(len(raw))
        return result

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, result: FrameResult, turn: Turn) -> None:
        """Send what a frame asks for. Raises EndedError if the venue said that it will close."""
        turn.control_frames += len(result.replies)
        turn.pause()
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
