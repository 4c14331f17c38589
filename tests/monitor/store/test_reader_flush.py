"""What the store's reader writes when it is asked to flush, and how far behind it says that it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from monitor.log.sqlite_log import SqliteLog
from monitor.store import reader as readers
from monitor.store.faults import State
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import SOCKET, SocketDoor
from tests.monitor.store.rows import signal
from tests.monitor.store.test_reader import following, stored, until
from tests.monitor.store.written import append, opened_log, utc_now, write


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(readers, "LINGER_S", 0.01)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log."""
    async with opened_log(tmp_path / "log") as opened:
        yield opened


async def test_a_flush_writes_what_is_durable_and_gives_the_lease_back(
    log: SqliteLog, settings: StoreSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "LINGER_S", 60.0)  # a stop does not wait for more signals
    async with following(log, settings) as reader:
        await until(lambda: reader.lag().state is State.CONNECTED)
        for seq in range(3):
            append(log, signal(seq))
            await log.flush()
        assert await reader.flush(20.0)
    assert await stored(dsn) == [0, 1, 2]
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select count(*) from writer_leases") == 0
    await connection.close()


async def test_a_flush_after_the_end_of_run_writes_what_is_left(
    log: SqliteLog, settings: StoreSettings, dsn: str
) -> None:
    async with following(log, settings) as reader:
        await until(lambda: reader.lag().state is State.CONNECTED)
    append(log, signal(1))
    await log.flush()
    assert await reader.flush(20.0)
    assert await stored(dsn) == [1]


async def test_a_flush_gives_up_at_once_where_the_server_is_away(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor
) -> None:
    await door.shut()
    append(log, signal(1))
    await log.flush()
    async with following(log, replace(settings, dsn=door.dsn)) as reader:
        await until(lambda: reader.lag().why != "not connected yet")
        async with asyncio.timeout(5):
            assert not await reader.flush(60.0)


async def test_a_flush_gives_up_at_its_time_out_where_the_server_is_silent(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor, place: Path
) -> None:
    await door.shut()
    held: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_unix_server(lambda _reader, writer: held.append(writer), place / SOCKET)
    append(log, signal(1))
    await log.flush()
    async with following(log, replace(settings, dsn=door.dsn, connect_timeout_s=60.0)) as reader:
        await until(lambda: bool(held))
        async with asyncio.timeout(20):
            assert not await reader.flush(0.05)
    for writer in held:
        writer.transport.abort()
    mute.close()
    await mute.wait_closed()


async def test_files_of_an_earlier_versions_spool_are_told_of(
    log: SqliteLog, settings: StoreSettings, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Path(settings.folder) / "spool" / "run"
    spool.mkdir(parents=True)
    (spool / "00000001.jsonl").write_text("{}\n")
    with caplog.at_level(logging.WARNING):
        async with following(log, settings) as reader:
            await until(lambda: reader.lag().state is State.CONNECTED)
    assert "1 files in" in caplog.text
    assert "an earlier version" in caplog.text


async def test_a_second_write_of_the_same_log_adds_only_what_is_new(store: PostgresStore, dsn: str) -> None:
    assert await write(store, signal(1))
    assert await write(store, signal(2))
    assert await stored(dsn) == [1, 2]


async def test_a_database_that_catches_up_says_at_every_moment_how_far_it_is_behind(
    tmp_path: Path, settings: StoreSettings
) -> None:
    began = utc_now() - timedelta(seconds=300)
    async with opened_log(tmp_path / "old", lambda: began) as log:
        for first in range(0, 1000, 50):
            append(log, *(signal(first + number) for number in range(50)))
            await log.flush()
        seen: list[float | None] = []
        async with following(log, replace(settings, batch_rows=20)) as reader, asyncio.timeout(30):
            while reader.lag().entries:
                if reader.lag().state in (State.CONNECTED, State.CATCHING_UP):
                    seen.append(reader.lag().behind_s)
                await asyncio.sleep(0)
    assert len(seen) > 10
    assert all(one is not None and one >= 300 for one in seen)
