"""The WebSockets of one simulated venue: who is subscribed to what, frames in order however late, and dropping them all.

A frame is due at its making plus the feed's lag, never before the one made earlier. A client that does not read is dropped
when its queue is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import WSMsgType, web

MAX_QUEUED = 4000
MAX_BYTES = 64_000


class Connection:
    """One client's socket."""

    def __init__(self, request: web.Request, path: str) -> None:
        self.path = path
        self.topics: set[str] = set()
        self._request = request
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_BYTES)
        self._queue: asyncio.Queue[tuple[float, str]] = asyncio.Queue(MAX_QUEUED)
        self._last_due = 0.0

    async def open(self) -> None:
        """Answer the handshake."""
        await self._socket.prepare(self._request)

    def put(self, text: str, lag_s: float) -> None:
        """Send a frame `lag_s` from now, after every frame put before."""
        due = max(asyncio.get_running_loop().time() + lag_s, self._last_due)
        self._last_due = due
        try:
            self._queue.put_nowait((due, text))
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """End it without a word, as a dead network does."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def pump(self) -> None:
        """Send what is due, until the socket ends."""
        loop = asyncio.get_running_loop()
        while True:
            due, text = await self._queue.get()
            wait_s = due - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            try:
                await self._socket.send_str(text)
            except (ConnectionError, RuntimeError):
                return

    async def receive(self) -> str | None:
        """The client's next text, None when the socket has ended."""
        message = await self._socket.receive()
        return message.data if message.type is WSMsgType.TEXT else None

    @property
    def response(self) -> web.WebSocketResponse:
        """What aiohttp wants back from the request."""
        return self._socket


class Sockets:
    """All sockets of one venue."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    def wanted(self, topic: str) -> bool:
        """Whether anybody is subscribed to a topic."""
        return any(topic in one.topics for one in self._open)

    def tell(self, topic: str, text: str, lag_s: float) -> None:
        """Send a frame to everybody subscribed."""
        for one in tuple(self._open):
            if topic in one.topics:
                one.put(text, lag_s)

    def add(self, connection: Connection) -> None:
        """A socket opened."""
        self._open.add(connection)

    def remove(self, connection: Connection) -> None:
        """A socket ended."""
        self._open.discard(connection)

    def drop_all(self) -> None:
        """Drop every socket."""
        for one in tuple(self._open):
            one.drop()

    def topics(self) -> Iterable[str]:
        """Every topic anybody is subscribed to."""
        return {topic for one in self._open for topic in one.topics}
