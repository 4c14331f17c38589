"""Where a watcher begins: at the checkpoint of the log, else at that of the database, else anew and never with an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.daemon.daemon import _Checkpoints
from monitor.log.sqlite_log import SqliteLog
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.daemon.mute_server import mute_server
from tests.monitor.store.conftest import dsn, server
from tests.monitor.store.written import opened_log, write

__all__ = ["dsn", "server"]


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log that has no checkpoint."""
    async with opened_log(tmp_path / "log") as log:
        yield log


@asynccontextmanager
async def store_of(dsn: str, folder: Path) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(StoreSettings(dsn=dsn, folder=str(folder), connect_timeout_s=0.2), {})
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.slow
async def test_a_log_without_a_checkpoint_takes_that_of_the_database(
    local: SqliteLog, tmp_path: Path, dsn: str
) -> None:
    settings = StoreSettings(dsn=dsn, folder=str(tmp_path / "store"))
    store = PostgresStore(settings, {})
    assert await write(store, checkpoints={"ethereum": b"\x00old"})
    checkpoints = _Checkpoints(local, store, 10.0)
    assert await checkpoints.load("ethereum") == b"\x00old"
    assert await checkpoints.load("base") is None
    checkpoints.save("ethereum", b"\x01new")
    await local.flush()
    assert await checkpoints.load("ethereum") == b"\x01new"
    await store.close()


async def test_a_checkpoint_of_the_log_survives_a_restart_and_needs_no_database(tmp_path: Path) -> None:
    async with store_of("postgresql://u@127.0.0.1:1/x", tmp_path) as store:
        async with opened_log(tmp_path / "log") as log:
            first = _Checkpoints(log, store, 5.0)
            first.save("ethereum", b"1")
            first.save("base", b"2")
            first.save("ethereum", b"3")
            await log.flush()
        async with opened_log(tmp_path / "log") as log:
            second = _Checkpoints(log, store, 5.0)
            assert [await second.load(name) for name in ("ethereum", "base")] == [b"3", b"2"]


async def test_without_a_database_that_answers_a_watcher_begins_anew(
    local: SqliteLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_of("postgresql://u@127.0.0.1:1/x", tmp_path) as store:
        assert await _Checkpoints(local, store, 5.0).load("ethereum") is None
    assert "no checkpoint of ethereum: the log has none, and the database does not answer (" in caplog.text


async def test_a_database_that_says_nothing_does_not_hold_up_the_start(local: SqliteLog, tmp_path: Path) -> None:
    async with (
        asyncio.timeout(20),
        mute_server() as port,
        store_of(f"postgresql://u@127.0.0.1:{port}/x?sslmode=disable", tmp_path) as store,
    ):
        assert await _Checkpoints(local, store, 0.1).load("ethereum") is None
