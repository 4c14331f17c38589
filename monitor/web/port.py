"""Listens on a port: accepts a bounded number of connections, each for one small request within a bounded time.

aiohttp bounds the sizes of a request and the wait for its head; it bounds neither the number of connections nor the time of an
answer that nobody reads. asyncio's own accepting loop logs an error a hundred times a round when descriptors run out
(CPython issue "_accept_connection keeps looping after a resource error"), so this file accepts by itself and pauses.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from dataclasses import dataclass

from aiohttp import web

log = logging.getLogger("stormwatch.web")

SERVER_NAME = "stormwatch"
"""The Server header: without versions (RFC 9110, 10.2.4)."""
MAX_LINE = 2048
MAX_FIELD = 8190
MAX_HEADERS = 64
LISTEN_QUEUE = 64
PAUSE_S = 1.0
"""Before the next accept when the system has no descriptor or memory for one."""
SAY_EVERY_S = 60.0
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`head_s`: until a request's head must be whole; `whole_s`: until the answer must have been read; sizes in bytes."""

    connections: int = 64
    head_s: float = 5.0
    whole_s: float = 15.0
    request_bytes: int = 32_768


class Connection(web.RequestHandler):
    """One connection. It ends by itself, whatever the client does or leaves undone."""

    __slots__ = ("_deadline", "_left", "_limits", "_open")

    def __init__(self, server: web.Server, limits: Limits, still_open: set[Connection]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.head_s,  # aiohttp's time-out of a connection without a whole request
            lingering_time=0.0,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own runner passes None to write no access log
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_HEADERS,
        )
        self._limits = limits
        self._left = limits.request_bytes
        self._open = still_open
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and set the deadline of the whole connection."""
        self._open.add(self)
        assert isinstance(transport, asyncio.WriteTransport)
        self._deadline = asyncio.get_running_loop().call_later(self._limits.whole_s, transport.abort)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        self._open.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of the request; cut a client that sends more than any request needs."""
        self._left -= len(data)
        if self._left < 0:
            self.force_close()
        else:
            super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, or to a failure of ours: only the latter is logged, and neither is quoted."""
        if status >= 500:
            self.log_exception("no answer to %s", request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        text = "internal error: see the log\n" if status >= 500 else "not a request that this server understands\n"
        answer = web.Response(status=status, text=text, headers={"Server": SERVER_NAME})
        answer.force_close()
        return answer


class Port:
    """A listening port. `open` raises OSError if it cannot listen; `close` accepts no more, and leaves what is open."""

    def __init__(self, server: web.Server, limits: Limits) -> None:
        self._server = server
        self._limits = limits
        self._open: set[Connection] = set()
        self._listening: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._unsaid: Counter[str] = Counter()
        self._saying: dict[str, asyncio.TimerHandle] = {}

    @property
    def number(self) -> int | None:
        """The port's number; None if it does not listen."""
        return int(self._listening[0].getsockname()[1]) if self._listening else None

    async def open(self, host: str, port: int) -> None:
        """Listen on every address of `host`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        failed: OSError | None = None
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            try:
                self._listening.append(socket.create_server(address, family=family, backlog=LISTEN_QUEUE))
            except OSError as error:
                failed = error
                if error.errno not in _ABSENT:  # `localhost` may name ::1 on a machine without IPv6
                    break
        if failed is not None and (failed.errno not in _ABSENT or not self._listening):
            self._close_sockets()
            raise failed
        for one in self._listening:
            one.setblocking(False)
            self._accepting.append(loop.create_task(self._accept(one)))

    async def close(self) -> None:
        """Stop listening."""
        tasks, self._accepting = self._accepting, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._close_sockets()
        for cause in list(self._saying):
            self._saying[cause].cancel()
            self._say_rest(cause)
        for timer in self._saying.values():
            timer.cancel()
        self._saying.clear()

    def _close_sockets(self) -> None:
        for one in self._listening:
            one.close()
        self._listening.clear()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                arrived, _address = await loop.sock_accept(listening)
            except ConnectionError:  # the client was gone before we took it
                continue
            except OSError as error:
                self._say(f"no connection can be accepted ({error.strerror})")
                await asyncio.sleep(PAUSE_S)
                continue
            if len(self._open) >= self._limits.connections:
                arrived.close()
                self._say(f"{self._limits.connections} connections are open, the newest is closed")
                await asyncio.sleep(0)  # accepting at once never lets the loop go on
                continue
            try:
                await loop.connect_accepted_socket(self._connection, arrived)
            except OSError:
                arrived.close()

    def _connection(self) -> Connection:
        return Connection(self._server, self._limits, self._open)

    def _say(self, cause: str) -> None:
        """Log a cause at most once a minute; how often it was meanwhile is said after the minute, or at the end."""
        if cause in self._saying:
            self._unsaid[cause] += 1
            return
        log.warning("web port: %s", cause)
        self._saying[cause] = asyncio.get_running_loop().call_later(SAY_EVERY_S, self._say_rest, cause)

    def _say_rest(self, cause: str) -> None:
        del self._saying[cause]
        times = self._unsaid.pop(cause, 0)
        if times:
            log.warning("web port: %s (%d more times)", cause, times)
            self._saying[cause] = asyncio.get_running_loop().call_later(SAY_EVERY_S, self._say_rest, cause)
