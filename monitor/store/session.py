"""One connection of the reader of the log: its place in the log, the lease of its vantage, and a transaction a chunk.

The place moves in the transaction that writes the rows, and only from where it was: whatever becomes of the connection, a
chunk is in the database exactly once or not at all. Every statement ends, or ends the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import asyncpg

from monitor.errors import OperatorError
from monitor.store.copy_format import CopiedSignals
from monitor.store.faults import BAD_ROW, Refusing, StoreAway, operators
from monitor.store.log_rows import Rows
from monitor.store.migrate import migrate, pending
from monitor.store.partitions import Partitions
from monitor.store.queries import queries
from monitor.store.rows import COLUMNS
from monitor.store.server import Connection, Server

LEASE_S = 30.0
"""A lease that was not renewed for so long, by the server's clock, may be taken by another daemon."""
GRACE_S = 1.0
"""How long after the driver's own time-out the connection is closed."""
SEVERAL = 4
"""Where one step has several statements, each with its own time-out, all together have so many times that of one."""
CLOSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Who writes: the vantage, the log it reads, and itself in words that an operator understands."""

    vantage: str
    log_id: str
    holder: str


class Session:
    """From `open` until the connection is lost or `close`. Failures are the driver's errors; TimeoutError: silent."""

    def __init__(self, connection: Connection, owner: Owner, statement_s: float) -> None:
        self._connection = connection
        self._owner = owner
        self._statement_s = statement_s
        self._partitions = Partitions()

    @classmethod
    async def open(cls, server: Server, owner: Owner, connect_s: float, statement_s: float) -> Session:
        """Connect, bring the schema up to date and take the lease.

        Raises OperatorError if another daemon holds the lease, Refusing if only the operator can mend it.
        """
        try:
            session = cls(await server.connect(connect_s), owner, statement_s)
        except (
            OperatorError,
            ValueError,
        ) as error:  # the embedded server cannot start, or an option of the DSN is wrong
            raise Refusing(str(operators(error, server.shown, connect_s))) from error
        try:
            async with session._limited(SEVERAL * statement_s):
                if await pending(session._connection):
                    await migrate(session._connection)
            await session.renew(connect_s)
        except BaseException as error:
            session.terminate()
            if isinstance(error, OperatorError) and error.key != "store.lease":  # a newer schema
                raise Refusing(str(error)) from error
            raise
        return session

    async def position(self, end: int) -> int:
        """The place in the log up to which the database holds it; at most `end`, where the log ends."""
        async with self._limited():
            place: int = await self._connection.fetchval(queries()["cursor"], self._owner.log_id, self._owner.vantage)
            if place > end:  # the log lost its last entries, which are stored here: its next ones are new
                await self._connection.execute(queries()["reset_cursor"], self._owner.log_id, end)
        return place

    async def write(self, rows: Rows, after: int, reached: int) -> None:
        """Write rows and move the place from `after` to `reached`: all or nothing. Raises one of BAD_ROW for a bad row."""
        async with self._transaction(rows):
            if not await self._fetch("advance", *self._claim, after, reached):
                await self._check_lease()
                raise StoreAway("the place in the database is not where it was left: it is read again")
            await self._copy(rows)

    async def refusal_of(self, rows: Rows) -> Exception | None:
        """What the server says against these rows: they are written and taken back. None: it takes them."""
        try:
            async with self._transaction(rows, keep=False):
                await self._copy(rows)
        except BAD_ROW as error:
            return error
        return None

    async def renew(self, within_s: float | None = None) -> None:
        """Renew the lease. Raises OperatorError if another holds it."""
        async with self._limited(within_s):
            renewed = await self._connection.fetchval(queries()["renew_lease"], *self._claim)
        if renewed is None:
            await self._check_lease()
            raise StoreAway("the lease was held by another until now")

    def forget_partitions(self) -> None:
        """Look again which days have a table: another process may have dropped some."""
        self._partitions.forget()

    async def close(self) -> None:
        """Give the lease back and close the connection, in a second or at once."""
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with self._limited(CLOSE_S):
                await self._connection.execute(queries()["release_lease"], self._owner.vantage, self._owner.log_id)
            await self._connection.close(timeout=CLOSE_S)
        self.terminate()

    def terminate(self) -> None:
        """Close the connection at once; the lease stays until it ends or this log takes it again."""
        if not self._connection.is_closed():
            self._connection.terminate()

    @property
    def _claim(self) -> tuple[str, str, str, float]:
        return (self._owner.vantage, self._owner.log_id, self._owner.holder, LEASE_S)

    async def _copy(self, rows: Rows) -> None:
        if rows.signals:
            async with self._limited():
                if isinstance(rows.signals, CopiedSignals):
                    await self._connection.copy_to_table(
                        "signals", source=rows.signals.copy(), columns=COLUMNS, format="binary"
                    )
                else:
                    await self._connection.copy_records_to_table("signals", records=rows.signals, columns=COLUMNS)
        for query, some in (("change", rows.changes), ("checkpoint", rows.checkpoints), ("delivery", rows.deliveries)):
            if some:
                async with self._limited():
                    await self._connection.executemany(queries()[query], some)

    @asynccontextmanager
    async def _transaction(self, rows: Rows, keep: bool = True) -> AsyncIterator[None]:
        async with self._limited(SEVERAL * self._statement_s):
            await self._partitions.prepare(self._connection, rows.signals.days)
            await self._connection.execute(queries()["begin"])
        try:
            yield
        except Exception:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._execute("rollback")
            raise
        await self._execute("commit" if keep else "rollback")

    async def _execute(self, statement: str) -> None:
        async with self._limited():
            await self._connection.execute(statement)

    async def _fetch(self, query: str, *args: Any) -> Any:
        async with self._limited():
            return await self._connection.fetchrow(queries()[query], *args)

    async def _check_lease(self) -> None:
        """Raise OperatorError if another log's lease is valid."""
        lease = await self._fetch("lease", self._owner.vantage, LEASE_S)
        if lease is None or lease["log_id"] == self._owner.log_id:
            return
        since, until = (lease[name].astimezone(UTC) for name in ("taken_at", "expires_at"))
        raise OperatorError(
            "store.lease",
            f"{self._owner.vantage} of {lease['holder']}",
            "one daemon a vantage and database",
            f"it holds it since {since:%Y-%m-%d %H:%M:%S} UTC and until {until:%H:%M:%S} UTC unless it renews it: stop it and "
            "start again after that, or give this one another vantage, database or store.folder of its own",
        )

    @asynccontextmanager
    async def _limited(self, seconds: float | None = None) -> AsyncIterator[None]:
        """A statement ends in time or loses its connection: a dead network raises no error by itself."""
        limit_s = self._statement_s + GRACE_S if seconds is None else seconds
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._connection.terminate()

        timer = asyncio.get_running_loop().call_later(limit_s, expire)
        try:
            yield
        except Exception as error:
            if expired or isinstance(error, TimeoutError):
                raise TimeoutError(f"the server did not answer a statement in {limit_s:g} s") from error
            raise
        finally:
            timer.cancel()
