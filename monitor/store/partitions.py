"""The days of the table of signals: each has a partition, made before its first row and dropped after retention.

A day's table is made alone and then attached, since creating it in place would wait for every reader of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any, Protocol

from monitor.signals import Signal
from monitor.store.queries import queries

_received_at = attrgetter("received_at")
PREFIX = "signals_d"
AHEAD = 1
"""Days made ready before they begin."""
LOCK_MS = 5000
"""How long dropping a day may wait for its readers before it is left for the next time."""


class Connection(Protocol):
    """What partitions need of a connection."""

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
    """Which days are known to have their partition."""

    def __init__(self) -> None:
        self._known: set[date] = set()

    def forget(self) -> None:
        """Look again: what was known may have been dropped by another process."""
        self._known.clear()

    async def prepare(self, connection: Connection, signals: Sequence[Signal]) -> None:
        """Make the partitions that these signals need."""
        if not signals:
            return
        ends = {one(map(_received_at, signals)).astimezone(UTC).date() for one in (min, max)}
        if len(ends) > 1:
            ends = {signal.received_at.astimezone(UTC).date() for signal in signals}
        await self._make(connection, ends)

    async def retain(self, connection: Connection, now: datetime, days: int) -> list[str]:
        """Drop partitions that ended more than `days` days before `now`, and the numbers of batches as old."""
        today = now.astimezone(UTC).date()
        await self._make(connection, {today + timedelta(days=ahead) for ahead in range(AHEAD + 1)})
        first = today - timedelta(days=days)
        dropped = []
        for row in await connection.fetch(queries()["partitions"]):
            name = row["relname"]
            day = day_of(name)
            if day is None or day >= first:
                continue
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = {LOCK_MS}")
                await connection.execute(f"drop table if exists {name}")
            self._known.discard(day)
            dropped.append(name)
        await connection.execute(queries()["forget_batches"], datetime.combine(first, time(), UTC))
        return dropped

    async def _make(self, connection: Connection, days: set[date]) -> None:
        wanted = days - self._known
        if not wanted:
            return
        async with connection.transaction():
            await connection.execute(queries()["partition_lock"])
            there = {row["relname"] for row in await connection.fetch(queries()["partitions"])}
            for day in sorted(wanted):
                name = f"{PREFIX}{day:%Y%m%d}"
                if name in there:
                    continue
                await connection.execute(f"create table {name} (like signals including all)")
                await connection.execute(
                    f"alter table signals attach partition {name} "
                    f"for values from ('{day} 00:00:00+00') to ('{day + timedelta(days=1)} 00:00:00+00')"
                )
        self._known |= wanted


def day_of(name: str) -> date | None:
    """The day of a partition's name; None where it is none of ours."""
    digits = name.removeprefix(PREFIX)
    if digits == name or len(digits) != 8 or not digits.isdigit():
        return None
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
