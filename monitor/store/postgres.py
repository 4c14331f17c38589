"""Implements the store on PostgreSQL: what commands and the daemon read back, migrations and retention.

Every failure of the connection or the server is `StoreAway`. The daemon's own rows are written by `monitor/store/reader.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import asyncpg

from monitor.errors import OperatorError
from monitor.incidents import IncidentChange, IncidentState, Level
from monitor.log import DeliveryResult
from monitor.log.change_json import decode_change
from monitor.signals import Signal
from monitor.store import migrate
from monitor.store.faults import StoreAway, operators
from monitor.store.partitions import Partitions, day_of
from monitor.store.queries import queries
from monitor.store.rows import signal_of_row
from monitor.store.server import Connection, Server
from monitor.store.settings import StoreSettings

CONNECTIONS = 4
CLOSE_S = 2.0
"""How long connections may take to close before they are cut."""
PREFETCH = 2000
"""Rows that a cursor fetches at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which incidents: opened by `until`, of one of `scopes` (none: of any), of at least this peak, now in this state."""

    until: datetime | None = None
    scopes: tuple[str, ...] = ()
    min_peak: Level = Level.CALM
    state: IncidentState | None = None


ANY = Wanted()


class PostgresStore:
    """Signals, incidents and checkpoints in PostgreSQL. One instance belongs to one event loop.

    Raises OperatorError for a DSN that is malformed or whose variable is not set. It connects at `open` or its first use.
    """

    def __init__(self, settings: StoreSettings, env: Mapping[str, str]) -> None:
        self._settings = settings
        self.server = Server(settings, env)
        """Where it is."""
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._fresh: asyncpg.Pool[asyncpg.Record] | None = None
        """A pool whose schema is still looked at."""
        self._opening = asyncio.Lock()
        self._partitions = Partitions()

    async def open(self, migrate: bool = True) -> None:
        """Connect now, for a command that cannot go on without. Raises OperatorError with the remedy."""
        with self._as_operators_errors():
            await self._connect(migrate)

    async def reach(self) -> None:
        """Connect once and leave everything as it is. Raises OperatorError with the remedy."""
        with self._as_operators_errors():
            connection = await self.server.connect(self._settings.connect_timeout_s)
            await connection.close(timeout=self._settings.connect_timeout_s)

    async def close(self) -> None:
        """Close the connections, and stop using the embedded server."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), min(CLOSE_S, self._settings.connect_timeout_s))
            except TimeoutError:
                pool.terminate()
        await self.server.stop()

    def cut(self) -> None:
        """End every statement at once, for a stop: a late server must not hold it up by the answer to a rollback."""
        for pool in (self._pool, self._fresh):
            if pool is not None:
                pool.terminate()
        self._pool = None

    async def ping(self) -> bool:
        """Whether the server answers now."""
        for _ in range(2):  # the first may get a connection that died unnoticed
            try:
                async with self._connection() as connection, asyncio.timeout(self._settings.connect_timeout_s):
                    return bool(await connection.fetchval("select true"))
            except (StoreAway, TimeoutError):
                continue
        return False

    async def migrate(self) -> list[str]:
        """Bring the schema up to this version, from whatever it is; return the versions applied. Raises OperatorError."""
        with self._as_operators_errors():
            connection = await self.server.connect(self._settings.connect_timeout_s)
            try:
                return await migrate.migrate(connection)
            finally:
                await connection.close(timeout=self._settings.connect_timeout_s)

    async def load_checkpoint(self, network: str) -> bytes | None:
        """The newest checkpoint of a network. Raises StoreAway."""
        async with self._connection() as connection:
            body: bytes | None = await connection.fetchval(queries()["load_checkpoint"], network)
            return body

    async def incidents(
        self, limit: int = 50, since: datetime | None = None, wanted: Wanted = ANY
    ) -> list[IncidentChange]:
        """The latest change of each incident that is wanted, newest first; with `since`, those that changed from then on."""
        async with self._connection() as connection:
            rows = await connection.fetch(
                queries()["incidents"], limit, since, wanted.until, list(wanted.scopes) or None, int(wanted.min_peak),
                wanted.state,
            )  # fmt: skip
        return [decode_change(row["body"]) for row in rows]

    async def incident(self, incident_id: str) -> list[IncidentChange]:
        """All changes of one incident by revision; empty if there is no such incident. Raises StoreAway."""
        async with self._connection() as connection:
            rows = await connection.fetch(queries()["incident"], incident_id)
        return [decode_change(row["body"]) for row in rows]

    async def signals(
        self, start: datetime, end: datetime, asset: str | None = None, venue: str | None = None
    ) -> AsyncIterator[Signal]:
        """Signals received in [start, end), by received_at, source, seq: one snapshot, a few rows at a time."""
        async for row in self._rows("signals", start, end, asset, venue):
            yield signal_of_row(row)

    async def days(self) -> list[datetime]:
        """The beginnings of the days (UTC) that the table of signals has room for, in order. Raises StoreAway."""
        async with self._connection() as connection:
            names = [row["relname"] for row in await connection.fetch(queries()["partitions"])]
        days = sorted(day for day in map(day_of, names) if day is not None)
        return [datetime.combine(day, time(), UTC) for day in days]

    async def changes(
        self, start: datetime, end: datetime, asset: str | None = None, venue: str | None = None
    ) -> AsyncIterator[IncidentChange]:
        """Changes of incidents in [start, end) whose scope or evidence names the asset and the venue, in order of time."""
        async for row in self._rows("changes", start, end, asset, venue):
            yield decode_change(row["body"])

    async def deliveries(
        self, start: datetime, end: datetime, asset: str | None = None, venue: str | None = None
    ) -> AsyncIterator[DeliveryResult]:
        """How deliveries ended in [start, end), of changes that `changes` would choose, in order of time."""
        async for row in self._rows("deliveries", start, end, asset, venue):
            yield DeliveryResult(**row)

    async def _rows(self, query: str, *arguments: object) -> AsyncIterator[Mapping[str, Any]]:
        """The rows of a query, a few at a time. Raises StoreAway."""
        async with self._connection() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(queries()[query], *arguments, prefetch=PREFETCH):
                yield row

    async def retain(self, now: datetime) -> list[str]:
        """Drop the days of signals beyond retention, create tomorrow's; return the partitions dropped."""
        async with self._connection() as connection:
            return await self._partitions.retain(connection, now, self._settings.retention_days)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection, released afterwards. Raises StoreAway for every failure of the server."""
        with _as_store_errors():
            await self._connect(migrating=True)
            pool = self._pool
            assert pool is not None
            connection = await self._acquire(pool)
            try:
                yield connection
            except asyncio.CancelledError:
                connection.terminate()  # whoever is cancelled does not wait for a late server
                raise
            finally:
                await pool.release(connection, timeout=self._settings.connect_timeout_s)

    async def _acquire(self, pool: asyncpg.Pool[asyncpg.Record]) -> Connection:
        try:
            return await pool.acquire(timeout=self._settings.connect_timeout_s)
        except (FileNotFoundError, ConnectionRefusedError):
            if not self.server.embedded:
                raise
        try:  # the embedded server died: only we can restart it
            await self.server.dsn()
        except OperatorError as error:
            raise StoreAway(str(error)) from error
        return await pool.acquire(timeout=self._settings.connect_timeout_s)

    async def _connect(self, migrating: bool) -> None:
        async with self._opening:
            if self._pool is not None:
                return
            pool = await self.server.pool(CONNECTIONS)
            self._fresh = pool
            try:
                async with pool.acquire(timeout=self._settings.connect_timeout_s) as connection:
                    await self._check(connection, migrating)
            except BaseException:
                pool.terminate()
                raise
            finally:
                self._fresh = None
            self._pool = pool

    async def _check(self, connection: Connection, migrating: bool) -> None:
        missing = await migrate.pending(connection)
        if missing and migrating:
            await migrate.migrate(connection)
        elif missing:
            raise OperatorError(
                "store.dsn",
                "a database without " + ", ".join(step.version for step in missing),
                "a database with this version's schema",
                "run `stormwatch db migrate`",
            )

    @contextmanager
    def _as_operators_errors(self) -> Iterator[None]:
        try:
            yield
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            ValueError,
        ) as error:
            raise operators(error, self.server.shown, self._settings.connect_timeout_s) from None


@contextmanager
def _as_store_errors() -> Iterator[None]:
    """Translate errors of asyncpg and the socket into the store's."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreAway(f"{type(error).__name__}: {error}") from error
