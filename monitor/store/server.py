"""Finds the database server and connects to it: the one of the DSN, or our own embedded one, which it starts as needed.

A connection has a time-out for every statement, so that a server that falls silent is noticed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from monitor.store import dsn as dsns
from monitor.store.embedded import EmbeddedServer
from monitor.store.settings import StoreSettings

Connection = Any  # asyncpg's pool returns proxies that are not connections in its type stubs
STOP_S = 5.0
"""How long a stop of the embedded server may take before it is left to itself."""
_SESSION = {"application_name": "stormwatch", "timezone": "UTC"}
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
            return await asyncio.to_thread(self._embedded.start)

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
            await asyncio.wait_for(asyncio.to_thread(self._embedded.stop), STOP_S)
        except TimeoutError:
            _log.warning("the embedded server did not stop in %g s and is left to itself", STOP_S)
