"""Runs an HTTP server on a free loopback port with one handler for every path, and cuts connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY = 4_000_000


class Server:
    """Listens on 127.0.0.1; `serve` answers every request."""

    def __init__(self, serve: Serve) -> None:
        self._app = web.Application(client_max_size=MAX_BODY)
        self._app.router.add_route("*", "/{path:.*}", serve)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.2)

    async def start(self) -> int:
        """Begin to listen. Returns the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Close it."""
        await self._runner.cleanup()


def abort(request: web.Request) -> web.Response:
    """Cut the connection without an answer (the response returned goes nowhere)."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
