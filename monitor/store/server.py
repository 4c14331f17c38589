"""Finds the database server and connects to it: the one of the DSN, or our own embedded one, which it starts as needed.

A connection has a time-out for every statement, so that a server that falls silent is noticed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from monitor.store import dsn as dsns
from monitor.store.embedded import EmbeddedServer
from monitor.store.settings import StoreSettings

Connection = Any  # asyncpg's pool returns proxies that are not connections in its type stubs
STOP_S = 5.0
"""How long a stop of the embedded server may take before it is left to itself."""
_SESSION = {"application_name": "stormwatch", "timezone": "UTC"}
_Result = TypeVar("_Result")
_log = logging.getLogger("stormwatch.store")


class Server:
    """One server of one daemon or command. Raises OperatorError for a DSN that is malformed or not set."""

    def __init__(self, settings: StoreSettings, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._dsn = dsns.find(settings, env)
        self._embedded = EmbeddedServer(Path(settings.folder)) if self._dsn is None else None
        self._starting = asyncio.Lock()
        self.shown = dsns.redacted_dsn(self._dsn) if self._dsn else "the embedded server"
        """What an operator may read: no password."""

    @property
    def embedded(self) -> bool:
        """Whether only we can start it again."""
        return self._embedded is not None

    async def dsn(self) -> str:
        """Its DSN; starts the embedded server unless it runs. Raises OperatorError."""
        if self._dsn is not None:
            return self._dsn
        assert self._embedded is not None
        async with self._starting:
            return await _in_thread(self._embedded.start)

    async def connect(self, timeout_s: float) -> Connection:
        """A connection of its own. Raises OSError (TimeoutError: silent), asyncpg's errors, OperatorError."""
        return await asyncpg.connect(
            await self.dsn(),
            timeout=timeout_s,
            command_timeout=self._settings.statement_timeout_s,
            server_settings=_SESSION,
        )

    async def pool(self, size: int) -> asyncpg.Pool[asyncpg.Record]:
        """A pool that is empty at first, so that it restores nothing in the background."""
        pool = asyncpg.create_pool(
            await self.dsn(),
            min_size=0,
            max_size=size,
            timeout=self._settings.connect_timeout_s,
            command_timeout=self._settings.statement_timeout_s,
            server_settings=_SESSION,
        )
        await pool
        return pool

    async def stop(self) -> None:
        """Stop using the embedded server."""
        if self._embedded is None:
            return
        try:
            await asyncio.wait_for(_in_thread(self._embedded.stop), STOP_S)
        except TimeoutError:
            _log.warning("the embedded server did not stop in %g s and is left to itself", STOP_S)


async def _in_thread(call: Callable[[], _Result]) -> _Result:
    """Run a blocking call in a thread that does not hold up the end of the program, as the loop's own executor does."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: Exception | None) -> None:
        if ended.done():
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]  # it may be None only where the call gives None

    def run() -> None:
        result: _Result | None = None
        failed: Exception | None = None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  it is raised where it is awaited
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name="embedded-postgres", daemon=True).start()
    return await ended
