"""Serves the daemon's health, readiness and metrics. Read-only; loopback by default; no CORS."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from aiohttp import web

from monitor.errors import OperatorError
from monitor.web.settings import WebSettings

Readiness = Callable[[], list[str]]
"""Returns why the daemon is not ready; empty if it is."""

Metrics = Callable[[], tuple[bytes, str]]
"""Returns the metrics as text, and their content type. It may take milliseconds, so it is called in a thread."""

LAST_ANSWERS_S = 1.0

INDEX = """Stormwatch
/healthz  200 while the loop lives
/readyz   200 when ready, else 503 with the reasons
/metrics  metrics for Prometheus
"""


class Web:
    """The server. `start` raises OperatorError if it cannot listen; `stop` may be called at any time, and twice."""

    def __init__(self, settings: WebSettings, not_ready: Readiness, metrics: Metrics) -> None:
        self._settings = settings
        self._not_ready = not_ready
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int | None:
        """The port it listens on; None if it does not listen."""
        if self._runner is None or not self._runner.addresses:
            return None
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen, unless the settings say not to."""
        if not self._settings.enabled or self._runner is not None:
            return
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=LAST_ANSWERS_S)
        self._runner = runner  # set before listening: if `start` is cancelled here, `stop` still cleans up
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        except OSError as error:
            await self.stop()
            raise self._cannot_listen(error) from None

    async def stop(self) -> None:
        """Stop listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._serve_metrics),
            ]
        )
        return app

    async def _index(self, _request: web.Request) -> web.Response:
        return web.Response(text=INDEX)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        reasons = self._not_ready()
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        body, content_type = await asyncio.to_thread(self._metrics)
        return web.Response(body=body, headers={"Content-Type": content_type})

    def _cannot_listen(self, error: OSError) -> OperatorError:
        host, port = self._settings.host, self._settings.port
        if error.errno == errno.EADDRINUSE:
            return OperatorError(
                "web.port",
                port,
                "a free port",
                f"{host}:{port} is taken: stop what listens there or choose another port",
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return OperatorError("web.port", port, "a port this user may open", "choose one above 1023")
        return OperatorError(
            "web.host", host, "an address of this machine", 'give one, such as "127.0.0.1", or set web.enabled to false'
        )


async def serve(settings: WebSettings, not_ready: Readiness, metrics: Metrics) -> None:
    """Serve until cancelled. Raises OperatorError if it cannot listen."""
    server = Web(settings, not_ready, metrics)
    try:
        await server.start()
        await asyncio.Event().wait()
    finally:
        await server.stop()
