"""Serves the daemon's board, health, readiness and metrics. Read-only; loopback by default; no CORS.

It answers GET and HEAD for hosts that the operator knows (`hosts.py`), one request a connection, within the bounds of
`port.py`.
"""

from __future__ import annotations

import asyncio
import errno
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.correlator.fragility_index import Fragility
from monitor.errors import OperatorError
from monitor.incidents import ExitCapacity
from monitor.web.answer import ReadyAnswer
from monitor.web.board.server import BoardRoutes
from monitor.web.hosts import host_of, is_served, plain
from monitor.web.port import SERVER_NAME, Limits, Port
from monitor.web.settings import WebSettings

Readiness = Callable[[], ReadyAnswer]
"""Returns how the daemon is now, and why it is not ready if it is not."""

Metrics = Callable[[], tuple[bytes, str]]
"""Returns the metrics as text, and their content type. It may take milliseconds, so it is called in a thread."""

ByAsset = Callable[[], Mapping[str, ExitCapacity] | Mapping[str, Fragility]]
"""Returns a figure of each asset as it was last judged."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """The metrics in Prometheus' own text format, and in OpenMetrics' for whoever accepts it."""

    text: Metrics
    open_metrics: Metrics | None = None


LAST_ANSWERS_S = 1.0
OPEN_METRICS = "application/openmetrics-text"
GZIP_LEVEL = 1
"""A text of metrics becomes a tenth, in a tenth of the time of the best level."""
METHODS = ("GET", "HEAD")
BY_ASSET = ("/exits", "/fragile")
"""Paths whose answer is a figure of each asset."""

INDEX = """Stormwatch
/         the board, for a browser
/healthz  200 while the loop lives
/readyz   200 when ready, else 503 with the reasons; the log and its readers
/metrics  metrics for Prometheus
/exits    how much of each asset could leave, as JSON
/fragile  how fragile each asset is, as JSON
"""


class Web:
    """The server. `start` raises OperatorError if it cannot listen; `stop` may be called at any time, and twice."""

    def __init__(
        self,
        settings: WebSettings,
        readiness: Readiness,
        metrics: Metrics | Exposition,
        limits: Limits | None = None,
        by_asset: Mapping[str, ByAsset] = MappingProxyType({}),
        board: BoardRoutes | None = None,
    ) -> None:
        self._settings = settings
        self._readiness = readiness
        self._exposition = metrics if isinstance(metrics, Exposition) else Exposition(metrics)
        self._by_asset = by_asset
        self._board = board
        self._limits = limits or Limits()
        self._allowed = frozenset(map(plain, (settings.host, *settings.allowed_hosts)))
        self._runner: web.AppRunner | None = None
        self._port: Port | None = None

    @property
    def port(self) -> int | None:
        """The port it listens on; None if it does not listen."""
        return None if self._port is None else self._port.number

    async def start(self) -> None:
        """Listen, unless the settings say not to."""
        if not self._settings.enabled or self._runner is not None:
            return
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=LAST_ANSWERS_S)
        self._runner = runner  # set before listening: if `start` is cancelled here, `stop` still cleans up
        await runner.setup()
        assert runner.server is not None
        self._port = Port(runner.server, self._limits)
        try:
            await self._port.open(self._settings.host, self._settings.port)
        except OSError as error:
            await self.stop()
            raise self._cannot_listen(error) from None

    async def stop(self) -> None:
        """Stop listening."""
        port, self._port = self._port, None
        runner, self._runner = self._runner, None
        if port is not None:
            await port.close()
        if runner is not None:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=1024, middlewares=[self._door])
        app.on_response_prepare.append(_one_answer)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._serve_metrics),
                *(web.get(path, self._serve_by_asset) for path in BY_ASSET),
                *([] if self._board is None else self._board.routes()),
            ]
        )
        return app

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what is not for us: other methods, no host or several (RFC 9112, 3.2), hosts that nobody configured."""
        if request.method not in METHODS:
            raise web.HTTPMethodNotAllowed(request.method[:16], METHODS, text="only GET and HEAD\n")
        given = request.headers.getall("Host", [])
        if not given and request.version < (1, 1):
            return await handler(request)
        host = host_of(given[0]) if len(given) == 1 else None
        if host is None:
            raise web.HTTPBadRequest(text="one Host header with a name or an address\n")
        transport = request.transport
        reached = None if transport is None else transport.get_extra_info("sockname")[0]
        if not is_served(host, self._allowed, reached):
            raise web.HTTPMisdirectedRequest(
                text="this host is not served here: the operator can add it to web.allowed_hosts\n"
            )
        return await handler(request)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        """The board for a browser, and the list of paths for everybody else."""
        if self._board is not None and "text/html" in request.headers.get("Accept", ""):
            return await self._board.page(request)
        return web.Response(text=INDEX)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        answer = self._readiness()
        return web.Response(
            body=msgspec.json.encode(answer), status=200 if answer.ready else 503, content_type="application/json"
        )

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        shown = self._exposition.text
        if self._exposition.open_metrics is not None and _accepts(request.headers.get("Accept", ""), OPEN_METRICS):
            shown = self._exposition.open_metrics
        body, content_type = await asyncio.to_thread(shown)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if _accepts(request.headers.get("Accept-Encoding", ""), "gzip"):
            body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def _serve_by_asset(self, request: web.Request) -> web.Response:
        found = self._by_asset.get(request.path, dict)()
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

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


def _accepts(header: str, wanted: str) -> bool:
    """Whether a header of RFC 9110 §12.5 names this (not by a wildcard), with a weight above zero."""
    for one in header.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        if name == wanted:
            return not any(part.startswith("q=") and not part.removeprefix("q=").strip("0.") for part in parameters)
    return False


async def _one_answer(_request: web.Request, answer: web.StreamResponse) -> None:
    """End the connection after its answer, and name no version."""
    answer.headers["Server"] = SERVER_NAME
    answer.headers["Connection"] = "close"
    answer.force_close()


async def serve(settings: WebSettings, readiness: Readiness, metrics: Metrics) -> None:
    """Serve until cancelled. Raises OperatorError if it cannot listen."""
    server = Web(settings, readiness, metrics)
    try:
        await server.start()
        await asyncio.Event().wait()
    finally:
        await server.stop()
