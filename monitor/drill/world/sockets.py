"""Serves the WebSockets of one simulated venue: subscriptions, delayed frames in order, and dropped connections.

A frame is due at its creation plus the feed's lag, never before an earlier one. A client that does not read is dropped
when its queue is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import WSMsgType, web

from monitor.drill.world.dialect import Frame

MAX_QUEUED = 4000
MAX_BYTES = 64_000


class Connection:
    """One client's socket."""

    def __init__(self, request: web.Request, path: str) -> None:
        self.path = path
        self.topics: set[str] = set()
        self._request = request
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_BYTES)
        self._queue: asyncio.Queue[tuple[float, Frame]] = asyncio.Queue(MAX_QUEUED)
        self._last_due = 0.0

    async def open(self) -> None:
        """Answer the handshake."""
        await self._socket.prepare(self._request)

    def put(self, frame: Frame, lag_s: float) -> None:
        """Send a frame `lag_s` from now, after every frame put before."""
        due = max(asyncio.get_running_loop().time() + lag_s, self._last_due)
        self._last_due = due
        try:
            self._queue.put_nowait((due, frame))
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """Abort it without a close frame, as a dead network does."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def pump(self) -> None:
        """Send the due frames, until the socket ends."""
        loop = asyncio.get_running_loop()
        while True:
            due, frame = await self._queue.get()
            wait_s = due - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            try:
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)
            except (ConnectionError, RuntimeError):
                return

    async def receive(self) -> str | None:
        """The client's next text, None when the socket has ended."""
        message = await self._socket.receive()
        return message.data if message.type is WSMsgType.TEXT else None

    @property
    def response(self) -> web.WebSocketResponse:
        """The response that aiohttp expects from the request handler."""
        return self._socket


class Sockets:
    """All sockets of one venue."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    def is_subscribed(self, topic: str) -> bool:
        """Whether a client is subscribed to a topic."""
        return any(topic in one.topics for one in self._open)

    def push(self, topic: str, frame: Frame, lag_s: float) -> None:
        """Send a frame to every subscribed client."""
        for one in tuple(self._open):
            if topic in one.topics:
                one.put(frame, lag_s)

    def add(self, connection: Connection) -> None:
        """Add a socket that opened."""
        self._open.add(connection)

    def remove(self, connection: Connection) -> None:
        """Remove a socket that ended."""
        self._open.discard(connection)

    def drop_all(self) -> None:
        """Drop every socket."""
        for one in tuple(self._open):
            one.drop()

    def topics(self) -> Iterable[str]:
        """Every topic with a subscribed client."""
        return {topic for one in self._open for topic in one.topics}
