"""The rules of the PostgreSQL store: deadlines, how many connections, what is closed, and what an operator reads."""

from __future__ import annotations

import asyncio
import os
import signal as signals
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.signals import Signal
from monitor.store.faults import StoreAway
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import SOCKET, SocketDoor
from tests.monitor.store.rows import NOON, signal
from tests.monitor.store.written import write

DAY = timedelta(days=1)
CONNECTIONS = 4


async def drop_database(server: str, dsn: str) -> None:
    """Drop the database of a DSN. It fails if a connection to it stays open."""
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"drop database {urlsplit(dsn).path.removeprefix('/')}")
    finally:
        await admin.close()


async def reading(store: PostgresStore) -> AsyncIterator[Signal]:
    """A reader that has its first signal and holds its connection."""
    reader = store.signals(NOON - DAY, NOON + DAY)
    await anext(reader)
    return reader


async def close(reader: AsyncIterator[Signal]) -> None:
    """Release the connection of a reader."""
    await reader.aclose()  # type: ignore[attr-defined]


async def test_four_readers_at_once_have_connections_and_a_fifth_has_not(settings: StoreSettings) -> None:
    store = PostgresStore(replace(settings, connect_timeout_s=1.0), {})
    await store.open()
    await write(store, signal(1))
    readers = [await reading(store) for _ in range(CONNECTIONS)]

    with pytest.raises(StoreAway, match="TimeoutError"):
        await reading(store)
    for reader in readers:
        await close(reader)
    await close(await reading(store))
    await store.close()


async def test_a_closed_store_leaves_no_connection_though_a_reader_held_one(
    settings: StoreSettings, server: str, dsn: str
) -> None:
    store = PostgresStore(replace(settings, connect_timeout_s=1.0), {})
    await store.open()
    await write(store, signal(1))
    reader = await reading(store)

    async with asyncio.timeout(20):
        await store.close()
    await drop_database(server, dsn)
    with suppress(StoreAway, asyncpg.InterfaceError):
        await close(reader)


async def test_a_closed_store_leaves_no_connection(settings: StoreSettings, server: str, dsn: str) -> None:
    store = PostgresStore(settings, {})
    await store.open()
    await store.close()

    await drop_database(server, dsn)


async def test_a_store_that_could_not_open_leaves_no_connection(settings: StoreSettings, server: str, dsn: str) -> None:
    store = PostgresStore(settings, {})
    with pytest.raises(OperatorError, match="a database without 0001_first"):
        await store.open(migrate=False)

    await drop_database(server, dsn)


async def test_a_connection_that_died_unnoticed_does_not_make_a_ping_fail(settings: StoreSettings, dsn: str) -> None:
    store = PostgresStore(replace(settings, connect_timeout_s=1.0), {})
    await store.open()
    assert await store.ping()
    other = await asyncpg.connect(dsn)
    pids = await other.fetch(
        "select pid from pg_stat_activity where application_name = 'stormwatch' and datname = current_database()"
    )
    for row in pids:
        os.kill(row["pid"], signals.SIGSTOP)  # it neither answers nor closes its connection
    try:
        assert await store.ping()
    finally:
        for row in pids:
            os.kill(row["pid"], signals.SIGCONT)
    await other.close()
    await store.close()


async def test_a_ping_asks_an_absent_server_twice_and_no_more(
    settings: StoreSettings, door: SocketDoor, place: Path
) -> None:
    asked: list[int] = []

    def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.transport.abort()

    store = PostgresStore(replace(settings, dsn=door.dsn), {})
    await store.open()
    await door.shut()
    assert not await store.ping()  # the connection from before is gone too
    refusing = await asyncio.start_unix_server(refuse, place / SOCKET)

    assert not await store.ping()
    assert len(asked) == 2
    refusing.close()
    await refusing.wait_closed()
    await store.close()


async def test_an_embedded_server_that_cannot_be_restarted_is_away_with_its_reason(place: Path) -> None:
    store = PostgresStore(StoreSettings(folder=str(place)), {})
    await store.open()
    version, pid_file = place / "postgres" / "PG_VERSION", place / "postgres" / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signals.SIGINT)
    while pid_file.exists():
        pass
    before = version.read_text()
    version.write_text("9\n")
    assert not await store.ping()

    with pytest.raises(StoreAway, match=r"store\.folder.*it holds data of PostgreSQL 9"):
        await store.incidents()
    version.write_text(before)
    assert await write(store, signal(1))
    await store.close()
    assert not pid_file.exists()


async def said(settings: StoreSettings) -> OperatorError:
    """The error of a store that cannot open."""
    store = PostgresStore(settings, {})
    with pytest.raises(OperatorError) as caught:
        await store.open()
    await store.close()
    return caught.value


async def test_a_user_who_may_not_create_tables_is_an_error_with_the_remedy(server: str, dsn: str) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute("drop role if exists reader")
    await admin.execute("create role reader login")
    wrong = await said(StoreSettings(dsn=dsn.replace("postgres:@", "reader:@")))
    await admin.execute("drop role reader")
    await admin.close()

    assert (wrong.key, wrong.allowed) == ("store.dsn", "a user who owns the database's tables")
    assert "permission denied" in wrong.remedy
    assert str(wrong.value).startswith("postgresql://reader@")


async def test_an_option_that_the_driver_does_not_accept_is_an_error_with_its_kind(dsn: str) -> None:
    wrong = await said(StoreSettings(dsn=f"{dsn}&sslmode=perhaps"))

    assert (wrong.key, wrong.allowed) == ("store.dsn", "a server that can be reached")
    assert "Error: start it" in wrong.remedy


async def test_a_server_whose_socket_is_missing_is_an_error_with_the_systems_reason(tmp_path: Path) -> None:
    wrong = await said(StoreSettings(dsn=f"postgresql://desk@/storm?host={tmp_path}"))

    assert wrong.allowed == "a server that can be reached"
    assert wrong.remedy.startswith("No such file or directory: start it, ")
