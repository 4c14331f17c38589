"""Reads a connection in bounded pieces, and closes it when it is flooded: aiohttp itself has no such limit.

aiohttp (3.14) parses what one read of a socket gave, at most 256 KiB, and then takes all messages of it without a pause:
10,000 informational answers, or 130,000 pings with their pongs, in one step of the event loop that all venues share.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from time import monotonic, thread_time
from typing import Any

import aiohttp
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.client_proto import ResponseHandler

from probes.fair_shares.allowance import FAIR, Allowance, Limits, Work

FLOODING = "flooding"
PIECE_BYTES = 16_384
"""Parsed at once: 650 informational answers or 8,000 empty frames, 1 to 2 ms."""
MAX_INFORMATIONAL = 16
"""Informational answers (1xx) before one answer. One or two are usual (RFC 9110 §15.2); Go's client takes five."""
SLICE_S = 0.002
"""CPU time of one turn: after it, others have theirs. With ten busy connections at once, nobody waits much above 20 ms."""
SLICE_FRAMES = 64
"""Frames of one turn, however little time they took: receiving is not measured."""


CLOSING_BYTES = 65_536
"""What may still come while we close a WebSocket: aiohttp reads all of it in one step, to find the venue's farewell."""
CLOSING_MESSAGES = 64
"""With more messages unread, the connection is dropped without a farewell, for the same reason."""


class FloodingError(Exception):
    """A connection sent more than its limits allow; the text names what. Not a ClientError: aiohttp hides those of a socket."""


LARGE_BYTES, SMALL_FRAMES = 2_048, 32
"""After a frame of this size, or after so many smaller ones, the CPU time is read: to read it costs more than a small frame."""


@dataclass(slots=True)
class Turn:
    """The work of one connection since it last let others have the event loop. `taken` counts frames of any kind."""

    bytes: int = 0
    messages: int = 0
    control_frames: int = 0
    taken: int = 0
    cpu_s: float = 0.0
    _began_s: float | None = None

    def begin(self) -> None:
        """A frame is there: from now on our CPU time counts."""
        if self._began_s is None:
            self._began_s = thread_time()

    def read(self, size: int) -> None:
        """A frame of so many bytes was read."""
        self.bytes += size
        if size >= LARGE_BYTES or not self.taken % SMALL_FRAMES:
            self.pause()
            self.begin()

    def pause(self) -> None:
        """Others may work now, whose CPU time is not ours."""
        if self._began_s is not None:
            self.cpu_s += thread_time() - self._began_s
            self._began_s = None

    @property
    def over(self) -> bool:
        """Whether it is time to let others work."""
        return self.cpu_s >= SLICE_S or self.taken >= SLICE_FRAMES

    def work(self) -> Work:
        """What was done."""
        return Work(
            bytes=self.bytes, messages=self.messages, control_frames=self.control_frames, cpu_s=self.cpu_s
        )  # fmt: skip


class FairProtocol(ResponseHandler):
    """One connection with a limit on what it may send, for HTTP and WebSockets."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        super().__init__(loop=loop)
        self._allowance = Allowance(limits, monotonic())
        self._informational = 0
        self._closing_bytes: int | None = None
        self.flooded = False

    def data_received(self, data: bytes) -> None:
        """Parse bytes of the socket, a piece at a time. Empty bytes go on with what aiohttp held back."""
        began_s = thread_time()
        for at in range(0, max(len(data), 1), PIECE_BYTES):
            if self.flooded:
                return
            super().data_received(data[at : at + PIECE_BYTES])
        if self._closing_bytes is not None:
            self._closing_bytes += len(data)
            if self._closing_bytes > CLOSING_BYTES:
                self.drop("bytes while closing")
                return
        excess = self._allowance.spend(Work(bytes=len(data), cpu_s=thread_time() - began_s), monotonic())
        if excess is not None:
            self.drop(excess)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of an answer; count those that announce another."""
        if self.flooded:
            return
        code = data[0].code
        self._informational = self._informational + 1 if 100 <= code < 200 and code != 101 else 0
        super().feed_data(data, size)
        if self._informational > MAX_INFORMATIONAL:
            self.drop("informational answers")

    def closing(self) -> None:
        """Take note that we close this WebSocket: hardly anything may come any more."""
        self._closing_bytes = 0
        if len(_unread(self._payload)) > CLOSING_MESSAGES:
            self.drop("unread messages while closing")

    def drop(self, why: str) -> None:
        """Drop the connection and what was not read yet. Whoever waits for it gets a FloodingError."""
        self.flooded = True
        error = FloodingError(why)
        payload, self._payload_parser = self._payload, None  # else the end of the connection would hide the error
        self.set_exception(error)
        if payload is not None:
            payload.set_exception(error)
        _unread(payload).clear()  # else whoever closes the socket reads all of it first, in one step
        if self.transport is not None:
            self.transport.abort()


def _unread(payload: object) -> deque[Any]:
    """The messages of a WebSocket that were parsed and not read; aiohttp does not show them."""
    found: deque[Any] = payload._buffer if isinstance(payload, WebSocketDataQueue) else deque()  # noqa: SLF001
    return found


def unread_of(socket: aiohttp.ClientWebSocketResponse) -> deque[Any]:
    """The messages that the next receiving takes without a wait. Always empty where aiohttp does not show them."""
    protocol = protocol_of(socket)
    return deque() if protocol is None else _unread(protocol._payload)  # noqa: SLF001


class FairConnector(aiohttp.TCPConnector):
    """Opens connections that are limited."""

    def __init__(self, *, limits: Limits = FAIR, **given: Any) -> None:
        super().__init__(**given)
        factory: Any = partial(FairProtocol, self._loop, limits)
        self._factory = factory  # aiohttp has no public place for a protocol of our own


def protocol_of(socket: aiohttp.ClientWebSocketResponse) -> FairProtocol | None:
    """The protocol of an open WebSocket of ours; None if it is closed."""
    connection = getattr(socket, "_conn", None)  # aiohttp shows a socket's transport, but not its protocol
    protocol = None if connection is None else connection.protocol
    return protocol if isinstance(protocol, FairProtocol) else None
