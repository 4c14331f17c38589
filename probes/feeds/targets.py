"""Asks the operator's own targets over HTTP or WebSocket, each on its own schedule, as the neutral controls are asked.

Every question gives one RequestTimed with venue "target:NAME"; what became of it is also a claim, told whenever it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from urllib.parse import urlsplit

import aiohttp

from probes.fair_shares.connection import FloodingError
from probes.feeds.connection import EndedError, close_quietly, why_closed
from probes.reading_queue import ReadingQueue
from probes.readings import ClaimChanged, ClaimState, Reading, Refusal, RequestTimed, SlotMissed
from probes.rest.http import (
    USER_AGENT,
    Clock,
    RedirectRefused,
    Request,
    exchange,
    refusal_of,
    session,
    tls_context,
    utc_now,
)
from probes.rest.interpreter import Slot, request_reading
from probes.rest.refusals import retry_after_s
from probes.rest.schedule import on_schedule, phase_s
from probes.rest.target import Target, claim_state, judge
from probes.tape import HttpExchange

MAX_WAIT_S = 900.0
"""The longest pause that a target's Retry-After can ask for."""
OPENED = 101
MAX_FRAMES = 16
"""Frames of any kind before the message that is judged."""


class Targets:
    """Asks each target at its own interval, for ever."""

    def __init__(self, targets: Sequence[Target], *, clock: Clock = utc_now) -> None:
        self._targets = tuple(targets)
        self._clock = clock

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """The RequestTimed of each question, the SlotMissed of an overrun, and a ClaimChanged at each change."""
        queue = ReadingQueue()
        tasks = [asyncio.create_task(_Asker(one, self._clock, queue).run()) for one in self._targets]
        try:
            while True:
                yield await queue.get_from(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Asker:
    """One target over time: its session, its pause after a 429, its last claim."""

    def __init__(self, target: Target, clock: Clock, queue: ReadingQueue) -> None:
        self._target = target
        self._clock = clock
        self._queue = queue
        self._state: ClaimState | None = None
        self._reason = ""
        self._not_before: datetime | None = None

    async def run(self) -> None:
        self._claim(ClaimState.ASKED, "", self._clock())
        async with _session(self._target) as client:
            first_at = self._clock() + timedelta(seconds=phase_s(self._target.name, self._target.every_s))

            async def act(due: datetime) -> None:
                if self._not_before is not None and due < self._not_before:
                    return
                got = await _asked(client, self._target, self._clock)
                self._not_before = _pause(got)
                reading = _reading(self._target, due, got)
                self._queue.put(reading)
                self._claim(claim_state(reading.refusal), reading.detail, reading.received_at)

            await on_schedule(self._target.every_s, first_at, act, self._missed, clock=self._clock)

    def _missed(self, due: datetime, count: int) -> None:
        self._queue.put(
            SlotMissed(
                venue=self._target.id, check=self._target.check, instrument=None, scheduled_at=due,
                received_at=self._clock(), missed=count,
            )
        )  # fmt: skip

    def _claim(self, state: ClaimState, reason: str, at: datetime) -> None:
        if state is self._state and (state is ClaimState.SPEAKING or reason == self._reason):
            return
        self._state, self._reason = state, reason
        self._queue.put(
            ClaimChanged(
                venue=self._target.id,
                feed=self._target.check,
                channel=self._target.check,
                instrument=None,
                received_at=at,
                state=state,
                covers=state is ClaimState.SPEAKING,
                main=True,
                reason=reason,
            )
        )


async def ask_once(target: Target, *, clock: Clock = utc_now) -> RequestTimed:
    """Ask a target now, once."""
    async with _session(target) as client:
        due = clock()
        return _reading(target, due, await _asked(client, target, clock))


def _session(target: Target) -> aiohttp.ClientSession:
    return session(tls_context(target.ca_file), USER_AGENT)


def _reading(target: Target, due: datetime, got: HttpExchange) -> RequestTimed:
    refusal, detail = judge(target, got)
    got = replace(
        got, url=urlsplit(got.url)._replace(path="").geturl()
    )  # the path of an operator's own URL may be a key
    return request_reading(Slot(target.id, target.check, None, due), got, refusal, detail)


def _pause(got: HttpExchange) -> datetime | None:
    """Until when nothing is asked, because the target asked for a pause."""
    wait_s = retry_after_s(got.headers, got.received_at) if got.status == 429 else None
    return None if wait_s is None else got.received_at + timedelta(seconds=min(wait_s, MAX_WAIT_S))


async def _asked(client: aiohttp.ClientSession, target: Target, clock: Clock) -> HttpExchange:
    if target.is_socket:
        return await _socket_exchange(client, target, clock)
    asked = Request(url=target.url, headers=target.headers, body=target.body)
    return await exchange(client, asked, timeout_s=target.timeout_s, max_bytes=target.max_bytes, clock=clock)


async def _socket_exchange(client: aiohttp.ClientSession, target: Target, clock: Clock) -> HttpExchange:
    """Open a socket, say what is to be said, and take the first message if one is to be judged."""
    sent_at = clock()
    began = ended = perf_counter()
    status: int | None = None
    body = b""
    refusal: Refusal | None = None
    detail = ""
    try:
        async with asyncio.timeout(target.timeout_s):
            socket = await client.ws_connect(
                target.url, headers=target.headers, max_msg_size=target.max_bytes, autoping=False
            )
            try:
                body = await _first_message(socket, target)
                status, ended = OPENED, perf_counter()
            finally:
                await close_quietly(socket)
    except FloodingError as flood:
        refusal, detail = Refusal.FLOODING, str(flood)
    except RedirectRefused as error:
        status, refusal, detail = error.status, Refusal.UNMET, str(error)
    except aiohttp.WSServerHandshakeError as error:
        status, refusal, detail = error.status, Refusal.UNMET, f"HTTP {error.status} instead of a WebSocket"
    except EndedError as error:
        refusal, detail = Refusal.FLOODING if error.flooding else Refusal.RESET, error.detail
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        refusal, detail = refusal_of(error), type(error).__name__
    took_s = (perf_counter() if status != OPENED else ended) - began
    return HttpExchange(
        sent_at=sent_at,
        received_at=sent_at + timedelta(seconds=took_s),
        phases=(),
        cold=True,
        status=status,
        headers={},
        body=body,
        refusal=refusal,
        detail=detail,
    )


async def _first_message(socket: aiohttp.ClientWebSocketResponse, target: Target) -> bytes:
    """The first message after ours, as bytes; empty if nothing is to be said and nothing to be judged."""
    if target.body is not None:
        await socket.send_str(target.body.decode())
    elif not target.conditions:
        return b""
    for _ in range(MAX_FRAMES):
        message = await socket.receive()
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return str(message.data).encode()
            case aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            case aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            case aiohttp.WSMsgType.PONG:
                pass
            case _:
                raise why_closed(socket, message)
    raise EndedError("control frames and no message", flooding=True)
