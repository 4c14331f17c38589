"""Manages the partitions of the table of signals, one a day: created before the first row, dropped after retention.

A day's table is created separately and then attached: creating it in place would wait for every reader of the table.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from monitor.store.queries import queries

PREFIX = "signals_d"
DAYS_AHEAD = 1
"""For how many days after today the partitions are created."""
LOCK_MS = 5000
"""How long dropping a day may wait for its readers before it is postponed to the next call."""


class Connection(Protocol):
    """The part of a connection that partitions use."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a query."""
        ...

    async def fetch(self, query: str, *args: Any) -> Any:
        """Rows of a query."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """All or nothing."""
        ...


class Partitions:
    """Creates and drops partitions, and remembers which days have one."""

    def __init__(self) -> None:
        self._known: set[date] = set()

    def forget(self) -> None:
        """Forget the known days: another process may have dropped their partitions."""
        self._known.clear()

    async def prepare(self, connection: Connection, days: set[date]) -> None:
        """Create the partitions of these days, in UTC."""
        await self._create(connection, days)

    async def retain(self, connection: Connection, now: datetime, days: int) -> list[str]:
        """Drop the partitions that ended more than `days` days before `now`, and deliveries of that age."""
        today = now.astimezone(UTC).date()
        await self._create(connection, {today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)})
        first_day = today - timedelta(days=days)
        dropped = []
        for row in await connection.fetch(queries()["partitions"]):
            name = row["relname"]
            day = day_of(name)
            if day is None or day >= first_day:
                continue
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = {LOCK_MS}")
                await connection.execute(f"drop table if exists {name}")
            self._known.discard(day)
            dropped.append(name)
        await connection.execute(queries()["forget_deliveries"], datetime.combine(first_day, time(), UTC))
        return dropped

    async def _create(self, connection: Connection, days: set[date]) -> None:
        missing = days - self._known
        if not missing:
            return
        async with connection.transaction():
            await connection.execute(queries()["partition_lock"])
            existing = {row["relname"] for row in await connection.fetch(queries()["partitions"])}
            for day in sorted(missing):
                name = f"{PREFIX}{day:%Y%m%d}"
                if name in existing:
                    continue
                await connection.execute(f"create table {name} (like signals including all)")
                await connection.execute(
                    f"alter table signals attach partition {name} "
                    f"for values from ('{day} 00:00:00+00') to ('{day + timedelta(days=1)} 00:00:00+00')"
                )
        self._known |= missing


def day_of(name: str) -> date | None:
    """The day of a partition's name; None if it is not one of ours."""
    digits = name.removeprefix(PREFIX)
    if digits == name or len(digits) != 8 or not digits.isdigit():
        return None
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
