"""Implements the store on PostgreSQL: all its queries, and the only file that uses asyncpg.

A batch is one transaction: its number first, so that a batch that had been committed before is not written again, then
signals by COPY, changes, checkpoints. Text that the server cannot hold is cleaned and the batch is tried once more. Every
other failure of the connection or the server is `StoreAway`: the writer keeps the batch and tries later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.log.change_json import decode_change
from monitor.signals import Signal
from monitor.store import dsn as dsns
from monitor.store import migrate
from monitor.store.batch import Batch, BatchRefused, StoreAway, cleaned
from monitor.store.embedded import EmbeddedServer
from monitor.store.partitions import Partitions
from monitor.store.queries import queries
from monitor.store.rows import COLUMNS, change_row, signal_of_row, signal_rows
from monitor.store.settings import StoreSettings

CONNECTIONS = 4
SAVE_S = 30.0
"""If a batch is not written in this time, its connection is closed: a dead network raises no error."""
PREFETCH = 2000
"""Rows that a cursor fetches at once."""
_REMEDY = "correct it, or remove store.dsn and store.dsn_env to use the embedded server"

_BAD_ROW_ERRORS = (asyncpg.DataError, ValueError, TypeError, OverflowError)
"""The errors that server and driver raise for a row that does not fit its columns."""
_Connection = Any  # asyncpg's pool returns proxies that are not connections in its type stubs


class PostgresStore:
    """Signals, incidents and checkpoints in PostgreSQL. One instance belongs to one event loop."""

    def __init__(self, settings: StoreSettings, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._env = env
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._embedded: EmbeddedServer | None = None
        self._opening = asyncio.Lock()
        self._partitions = Partitions()
        self.applied: list[str] = []
        """The versions of the schema that `open` applied."""

    async def open(self, migrate: bool = True) -> None:
        """Connect; without a DSN, start the embedded server first. Raises OperatorError with the remedy."""
        dsn = dsns.find(self._settings, self._env)
        shown = dsns.redacted_dsn(dsn) if dsn else "the embedded server"
        try:
            await self._connect(migrate)
        except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
            raise OperatorError(
                "store.dsn", shown, "a DSN the server accepts", f"user or password: {_REMEDY}"
            ) from None
        except asyncpg.InvalidCatalogNameError:
            raise OperatorError("store.dsn", shown, "a database that exists", "create it, or " + _REMEDY) from None
        except asyncpg.InsufficientPrivilegeError as error:
            raise OperatorError(
                "store.dsn", shown, "a user who owns the database's tables", f"grant that ({error})"
            ) from None
        except TimeoutError:
            remedy = f"no answer in {self._settings.connect_timeout_s:g} s: start it, {_REMEDY}"
            raise OperatorError("store.dsn", shown, "a server that can be reached", remedy) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise OperatorError(
                "store.dsn", shown, "a server that can be reached", f"{reason}: start it, {_REMEDY}"
            ) from None

    async def close(self) -> None:
        """Close the connections, and stop using the embedded server."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), self._settings.connect_timeout_s)
            except TimeoutError:
                pool.terminate()
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)

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
        """Bring the schema up to this version; return the versions applied. Raises StoreAway, OperatorError."""
        async with self._connection(migrate=False) as connection:
            return await migrate.migrate(connection)

    async def save(self, batch: Batch) -> bool:
        """Write a batch exactly once; False if it had been written before. Raises StoreAway, BatchRefused."""
        try:
            return await self._save(batch)
        except (*_BAD_ROW_ERRORS, BatchRefused):
            return await self._save_cleaned(batch)

    async def load_checkpoint(self, network: str) -> bytes | None:
        """The newest checkpoint of a network. Raises StoreAway."""
        async with self._connection() as connection:
            body: bytes | None = await connection.fetchval(queries()["load_checkpoint"], network)
            return body

    async def incidents(self, limit: int = 50, since: datetime | None = None) -> list[IncidentChange]:
        """The latest change of each incident, newest first; with `since`, those that changed from then on."""
        async with self._connection() as connection:
            rows = await connection.fetch(queries()["incidents"], limit, since)
        return [decode_change(row["body"]) for row in rows]

    async def incident(self, incident_id: str) -> list[IncidentChange]:
        """All changes of one incident by revision; empty if there is no such incident. Raises StoreAway."""
        async with self._connection() as connection:
            rows = await connection.fetch(queries()["incident"], incident_id)
        return [decode_change(row["body"]) for row in rows]

    async def signals(self, start: datetime, end: datetime, asset: str | None = None) -> AsyncIterator[Signal]:
        """Signals received in [start, end), by received_at, source, seq: one snapshot, a few rows at a time."""
        async with self._connection() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(queries()["signals"], start, end, asset, prefetch=PREFETCH):
                yield signal_of_row(row)

    async def retain(self, now: datetime) -> list[str]:
        """Drop the days of signals beyond retention, create tomorrow's; return the partitions dropped."""
        async with self._connection() as connection:
            return await self._partitions.retain(connection, now, self._settings.retention_days)

    async def _save(self, batch: Batch) -> bool:
        rows = signal_rows(batch.signals, batch.run_id)
        async with self._connection(deadline_s=SAVE_S) as connection:
            await self._partitions.prepare(connection, batch.signals)
            async with connection.transaction():
                number = await connection.fetchval(queries()["batch_number"], batch.run_id, batch.number, batch.cut_at)
                if number is None:
                    return False
                if rows:
                    await connection.copy_records_to_table("signals", records=rows, columns=COLUMNS)
                if batch.changes:
                    await connection.executemany(queries()["change"], [change_row(one) for one in batch.changes])
                if batch.checkpoints:
                    saved = [(network, body, batch.cut_at) for network, body in batch.checkpoints.items()]
                    await connection.executemany(queries()["checkpoint"], saved)
        return True

    async def _save_cleaned(self, batch: Batch) -> bool:
        self._partitions.forget()  # another process may have dropped a known day
        try:
            return await self._save(cleaned(batch))
        except _BAD_ROW_ERRORS as error:
            raise BatchRefused(f"batch {batch.run_id} {batch.number}: {type(error).__name__}") from error

    @asynccontextmanager
    async def _connection(self, migrate: bool = True, deadline_s: float | None = None) -> AsyncIterator[_Connection]:
        """A connection, released afterwards or closed at its deadline. Raises StoreAway for every failure of the server."""
        with _as_store_errors():
            await self._connect(migrate)
            pool = self._pool
            assert pool is not None
            connection = await self._acquire(pool)
            timer = None
            if deadline_s is not None:
                timer = asyncio.get_running_loop().call_later(deadline_s, connection.terminate)
            try:
                yield connection
            finally:
                if timer is not None:
                    timer.cancel()
                await pool.release(connection, timeout=self._settings.connect_timeout_s)

    async def _acquire(self, pool: asyncpg.Pool[asyncpg.Record]) -> _Connection:
        try:
            return await pool.acquire(timeout=self._settings.connect_timeout_s)
        except (FileNotFoundError, ConnectionRefusedError):
            if self._embedded is None:
                raise
        try:  # the embedded server died: only we can restart it
            await asyncio.to_thread(self._embedded.start)
        except OperatorError as error:
            raise StoreAway(str(error)) from error
        return await pool.acquire(timeout=self._settings.connect_timeout_s)

    async def _connect(self, migrating: bool) -> None:
        async with self._opening:
            if self._pool is not None:
                return
            dsn = dsns.find(self._settings, self._env)
            if dsn is None:
                self._embedded = self._embedded or EmbeddedServer(Path(self._settings.folder))
                dsn = await asyncio.to_thread(self._embedded.start)
            pool = asyncpg.create_pool(
                dsn,
                min_size=0,  # the pool would restore a minimum in the background, and log each failure
                max_size=CONNECTIONS,
                timeout=self._settings.connect_timeout_s,
                server_settings={"application_name": "stormwatch", "timezone": "UTC"},
            )
            try:
                await pool
                async with pool.acquire() as connection:
                    await self._check(connection, migrating)
            except BaseException:
                pool.terminate()
                raise
            self._pool = pool

    async def _check(self, connection: _Connection, migrating: bool) -> None:
        if migrating:
            self.applied += await migrate.migrate(connection)
        elif missing := await migrate.pending(connection):
            raise OperatorError(
                "store.dsn",
                "a database without " + ", ".join(step.version for step in missing),
                "a database with this version's schema",
                "run `stormwatch db migrate`",
            )


@contextmanager
def _as_store_errors() -> Iterator[None]:
    """Translate errors of asyncpg and the socket into the store's. DataError passes: the batch is at fault, not the server."""
    try:
        yield
    except asyncpg.DataError:
        raise
    except asyncpg.IntegrityConstraintViolationError as error:
        raise BatchRefused(str(error)) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreAway(f"{type(error).__name__}: {error}") from error
