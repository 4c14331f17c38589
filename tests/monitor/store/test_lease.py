"""One daemon a vantage and database: a second one is told who is there, a restarted one goes on at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.log.sqlite_log import SqliteLog
from monitor.store import reader as readers
from monitor.store.log_rows import Rows
from monitor.store.postgres import PostgresStore
from monitor.store.reader import StoreReader
from monitor.store.session import LEASE_S, Owner, Session
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import SocketDoor
from tests.monitor.store.rows import signal
from tests.monitor.store.written import append, opened_log, utc_now

HERE = Owner("local", "log-1", "host-1:7 since 2026-03-01 12:00:00 UTC")
THERE = Owner("local", "log-2", "host-2:8 since 2026-03-01 13:00:00 UTC")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log."""
    async with opened_log(tmp_path / "log") as opened:
        yield opened


async def session(store: PostgresStore, owner: Owner) -> Session:
    """A session that holds the lease. Raises OperatorError if it cannot."""
    return await Session.open(store.server, owner, 5.0, 30.0)


async def age(dsn: str, by: timedelta) -> None:
    """Make every lease so much older."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("update writer_leases set renewed_at = renewed_at - $1::interval", by)
    await connection.close()


async def test_a_daemon_with_another_log_is_told_who_holds_the_lease_and_until_when(
    store: PostgresStore, log: SqliteLog, settings: StoreSettings, dsn: str
) -> None:
    held = await session(store, HERE)
    reader = StoreReader(store, log, settings, utc_now)
    with pytest.raises(OperatorError) as caught:
        await reader.run()
    held.terminate()
    await asyncio.sleep(0)

    connection = await asyncpg.connect(dsn)
    taken: datetime = await connection.fetchval("select taken_at from writer_leases")
    renewed: datetime = await connection.fetchval("select renewed_at from writer_leases")
    await connection.close()
    assert caught.value.key == "store.lease"
    said = str(caught.value)
    assert HERE.holder in said
    assert f"since {taken:%Y-%m-%d %H:%M:%S} UTC" in said
    assert LEASE_S == 30.0
    assert f"until {renewed + timedelta(seconds=30):%H:%M:%S} UTC" in said


async def test_another_vantage_writes_beside_it(store: PostgresStore, log: SqliteLog, settings: StoreSettings) -> None:
    held = await session(store, HERE)
    append(log, signal(1))
    await log.flush()
    assert await StoreReader(store, log, settings, utc_now, vantage="tokyo").flush(20.0)
    await held.close()


async def test_a_restarted_daemon_with_the_same_log_takes_the_lease_at_once(store: PostgresStore) -> None:
    before = await session(store, HERE)
    before.terminate()
    after = await session(store, Owner(HERE.vantage, HERE.log_id, "host-1:9 since later"))
    await after.close()


async def test_a_lease_given_back_is_free(store: PostgresStore) -> None:
    await (await session(store, HERE)).close()
    await (await session(store, THERE)).close()


async def test_a_lease_is_held_for_thirty_seconds_by_the_servers_clock(store: PostgresStore, dsn: str) -> None:
    (await session(store, HERE)).terminate()
    await age(dsn, timedelta(seconds=20))
    with pytest.raises(OperatorError):
        await session(store, THERE)
    await age(dsn, timedelta(seconds=11))
    await (await session(store, THERE)).close()


async def test_an_idle_reader_renews_its_lease(
    store: PostgresStore, log: SqliteLog, settings: StoreSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert readers.RENEW_S <= 10.0
    monkeypatch.setattr(readers, "RENEW_S", 0.01)
    task = asyncio.create_task(StoreReader(store, log, settings, utc_now).run())
    connection = await asyncpg.connect(dsn)
    seen: set[datetime] = set()
    async with asyncio.timeout(30):
        while len(seen) < 3:
            seen.add(await connection.fetchval("select renewed_at from writer_leases"))
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await connection.close()


async def test_a_lease_that_another_took_while_we_were_away_ends_the_reader_with_its_name(
    store: PostgresStore, log: SqliteLog, settings: StoreSettings, dsn: str, door: SocketDoor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(readers, "FIRST_RETRY_S", 0.02)
    ours = PostgresStore(StoreSettings(dsn=door.dsn, folder=settings.folder), {})
    reader = StoreReader(ours, log, settings, utc_now)
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(30):
        while reader.lag().state != "connected":  # noqa: ASYNC110  the reader tells nobody
            await asyncio.sleep(0.005)
    await door.shut()
    await age(dsn, timedelta(seconds=31))
    held = await session(store, THERE)
    await door.open()
    append(log, signal(1))
    await log.flush()
    with pytest.raises(OperatorError, match="host-2:8 since 2026-03-01 13:00:00 UTC"):
        async with asyncio.timeout(30):
            await task
    await held.close()


async def test_a_session_whose_lease_another_took_writes_nothing(store: PostgresStore, dsn: str) -> None:
    ours = await session(store, HERE)
    position = await ours.position(0)
    await age(dsn, timedelta(seconds=31))
    theirs = await session(store, THERE)
    with pytest.raises(OperatorError, match="host-2"):
        await ours.write(Rows(), position, 5)
    assert await ours.position(10) == position
    ours.terminate()
    await theirs.close()


async def test_an_idle_reader_whose_lease_another_took_ends_with_its_name(
    store: PostgresStore, log: SqliteLog, settings: StoreSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "RENEW_S", 0.01)
    task = asyncio.create_task(StoreReader(store, log, settings, utc_now).run())
    connection = await asyncpg.connect(dsn)
    async with asyncio.timeout(30):
        while not await connection.fetchval("select count(*) from writer_leases"):
            pass
        await connection.execute("update writer_leases set log_id = 'log-2', holder = $1", THERE.holder)
        with pytest.raises(OperatorError, match="host-2:8"):
            await task
    await connection.close()


async def test_a_statement_that_is_not_answered_in_its_time_is_silence_and_ends_the_session(
    store: PostgresStore, settings: StoreSettings, door: SocketDoor
) -> None:
    late = PostgresStore(StoreSettings(dsn=door.dsn, folder=settings.folder), {})
    held = await session(late, HERE)
    door.answers_late_s = 5.0
    async with asyncio.timeout(4):
        with pytest.raises(TimeoutError, match="did not answer a statement"):
            await held.renew(0.05)
    with pytest.raises(asyncpg.InterfaceError):
        await held.position(0)
