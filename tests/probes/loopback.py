"""A venue on loopback: answers what a test scripts, by path, and remembers requests and received texts.

Real sockets, real HTTP and WebSocket frames, 127.0.0.1 only, free ports. Nothing here waits on the wall clock.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import time

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[web.WebSocketResponse, int], Coroutine[None, None, None]]
Hear = Callable[[web.WebSocketResponse, str], Awaitable[None]]
"""What a venue does with a text that comes on a socket."""


def say(body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None, after_s: float = 0.0) -> Answer:
    """An answer that is always the same."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if after_s:
            await asyncio.sleep(after_s)
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(body=raw, status=status, headers=headers)

    return answer


def say_now(body: str, after_s: float = 0.0) -> Answer:
    """An answer in which NOW_MS is the time of the answer, in unix milliseconds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(after_s)
        return web.Response(body=body.replace("NOW_MS", str(int(time() * 1000))).encode())

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one is repeated."""
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def never_ending(request: web.Request) -> web.StreamResponse:
    """A body that is sent a byte at a time for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)
    return response


async def cut_short(request: web.Request) -> web.StreamResponse:
    """An answer that promises more than it sends."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


async def hung_up(request: web.Request) -> web.StreamResponse:
    """No answer at all: the connection is reset."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass(slots=True)
class Loopback:
    """A running venue. `asked` are paths with their queries; `received` is every text that came on a socket."""

    host: str = ""
    secure: bool = False
    answers: dict[str, Answer] = field(default_factory=dict)
    talk: Talk | None = None
    hear: Hear | None = None
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    connections: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    received_one: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Base URL for HTTP."""
        return f"{'https' if self.secure else 'http'}://{self.host}"

    @property
    def ws_url(self) -> str:
        """Base URL for WebSockets."""
        return f"ws://{self.host}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Whatever was scripted for this path; sockets get `talk`."""
        self.asked.append(request.path_qs)
        self.reached.set()
        self.headers.append(request.headers)
        if self.talk is not None and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request, self.talk)
        scripted = self.answers.get(request.path)
        return web.Response(status=404) if scripted is None else await scripted(request)

    async def until(self, wanted: Callable[[list[str]], bool], patience_s: float = 10.0) -> None:
        """Wait until `wanted` accepts the texts received on the sockets."""
        async with asyncio.timeout(patience_s):
            while not wanted(self.received):
                self.received_one.clear()
                await self.received_one.wait()

    async def _socket(self, request: web.Request, talk: Talk) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = self.connections
        self.connections += 1
        sending = asyncio.create_task(talk(socket, number))
        try:
            async for message in socket:
                if message.type is web.WSMsgType.TEXT:
                    self.received.append(message.data)
                    self.received_one.set()
                    if self.hear is not None:
                        await self.hear(socket, message.data)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await sending
        return socket


@asynccontextmanager
async def serving(
    answers: Mapping[str, Answer] | None = None, talk: Talk | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Loopback]:
    """A venue on a free port of 127.0.0.1 while the block runs."""
    venue = Loopback(answers=dict(answers or {}), talk=talk, secure=tls is not None)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", venue.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.05, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    venue.host = f"{host}:{port}"
    try:
        yield venue
    finally:
        await runner.cleanup()


async def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
