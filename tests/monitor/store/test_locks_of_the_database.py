"""Locks in the database: migrations release theirs, and dropping a day does not wait long for its readers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from monitor.store import partitions
from monitor.store.faults import StoreAway
from monitor.store.migrate import Migration, all_migrations, migrate
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.rows import NOON, signal
from tests.monitor.store.written import write

DAY = timedelta(days=1)
LOCKS = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"


@pytest.mark.parametrize("sql", ["create table more (x int);", "select * from nowhere;"])
async def test_migrations_release_their_lock_whether_they_succeed_or_fail(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    results = await asyncio.gather(
        migrate(connection, [*all_migrations(), Migration(version="9999_more", sql=sql)]), return_exceptions=True
    )

    assert isinstance(results[0], asyncpg.UndefinedTableError) is ("nowhere" in sql)
    assert await connection.fetchval(LOCKS) == 0
    await connection.close()


async def test_migrations_wait_for_those_of_another_program(dsn: str) -> None:
    first, second = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await first.execute("select pg_advisory_lock(hashtextextended('stormwatch migrations', 0))")
    waiting = asyncio.ensure_future(migrate(second))
    async with asyncio.timeout(30):
        while not await first.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            assert not waiting.done()
    await first.execute("select pg_advisory_unlock_all()")

    assert await waiting == [step.version for step in all_migrations()]
    await first.close()
    await second.close()


async def test_a_day_that_is_being_read_is_dropped_by_a_later_call(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert partitions.LOCK_MS == 5000
    monkeypatch.setattr(partitions, "LOCK_MS", 50)
    store = PostgresStore(replace(settings, retention_days=1), {})
    await store.open()
    await write(store, signal(1, at=NOON - 3 * DAY), signal(2, at=NOON))
    reader = store.signals(NOON - 10 * DAY, NOON + DAY)
    first = await anext(reader)

    async with asyncio.timeout(20):
        with pytest.raises(StoreAway, match="LockNotAvailable"):
            await store.retain(NOON)
    assert [first.seq, *[one.seq async for one in reader]] == [1, 2]
    assert await store.retain(NOON) == ["signals_d20260226"]
    await store.close()
