"""The database as a reader of the log: everything once, whatever becomes of the connection, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal as signals
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from monitor.log import Place
from monitor.log import sqlite_log as log_engine
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.store import reader as readers
from monitor.store.faults import State
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER, StoreReader
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import SOCKET, SocketDoor
from tests.monitor.store.rows import NOON, change, delivery, signal
from tests.monitor.store.written import append, opened_log, utc_now

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(readers, "LINGER_S", 0.01)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log."""
    async with opened_log(tmp_path / "log") as opened:
        yield opened


async def until(true: Callable[[], bool]) -> None:
    """Wait until it is so; fail after 30 s."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  the reader tells nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(log: SqliteLog, settings: StoreSettings) -> AsyncIterator[StoreReader]:
    """A reader that follows this log into the database of these settings."""
    store = PostgresStore(settings, {})
    reader = StoreReader(store, log, settings, utc_now)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.close()


async def stored(dsn: str) -> list[int]:
    """The `seq` of every signal in the database, sorted."""
    connection = await asyncpg.connect(dsn)
    try:
        return [row["seq"] for row in await connection.fetch("select seq from signals order by seq")]
    finally:
        await connection.close()


def all_is_written(reader: StoreReader) -> Callable[[], bool]:
    """Whether the database has all of the log."""
    return lambda: reader.lag().entries == 0


async def test_all_that_the_log_holds_is_written_in_its_table_and_the_log_is_told(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str
) -> None:
    append(log, signal(1), changes=[change()], checkpoints={"ethereum": b"\x00\xff"}, deliveries=[delivery()])
    await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
        append(log, signal(2))
        await log.flush()
        await until(all_is_written(reader))
        lag = reader.lag()

    assert (lag.state, lag.why, lag.rows, lag.behind_s) == (State.CONNECTED, "", 0, 0.0)
    assert (lag.written, lag.refused, lag.missed) == (5, 0, 0)
    assert log.place(READER).position == log.end
    assert [one async for one in store.signals(NOON - DAY, NOON + DAY)] == [signal(1), signal(2)]
    assert await store.incidents() == [change()]
    assert await store.load_checkpoint("ethereum") == b"\x00\xff"
    connection = await asyncpg.connect(dsn)
    assert tuple(await connection.fetchrow("select * from deliveries") or ()) == (
        "webhook", "i-1", 1, "delivered", "", NOON,
    )  # fmt: skip
    assert await connection.fetchval("select array_agg(distinct run_id) from signals") == ["run"]
    assert await connection.fetchval("select position from log_cursors where log_id = $1", log.id) == log.end
    await connection.close()


async def test_a_chunk_whose_commit_was_never_confirmed_is_not_written_twice(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor, dsn: str
) -> None:
    append(log, *map(signal, range(100)))
    await log.flush()
    door.loses_answer_to = b"commit"
    async with following(log, replace(settings, dsn=door.dsn)) as reader:
        await until(all_is_written(reader))
    assert door.cuts == 1
    assert await stored(dsn) == list(range(100))


async def test_a_connection_lost_in_the_middle_of_a_copy_leaves_nothing_and_the_chunk_is_written_again(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, door: SocketDoor, dsn: str
) -> None:
    append(log, *map(signal, range(5000)), changes=[change()])
    await log.flush()
    door.cuts_after = 300_000
    async with following(log, replace(settings, dsn=door.dsn)) as reader:
        await until(lambda: door.cuts == 1)
        assert await store.incidents() == []
        await until(all_is_written(reader))
    assert await stored(dsn) == list(range(5000))
    assert await store.incidents() == [change()]


async def test_the_place_is_read_from_the_database_and_not_from_the_log(
    log: SqliteLog, settings: StoreSettings, dsn: str
) -> None:
    append(log, signal(1))
    await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
    log.acknowledge(READER, Place(0))
    append(log, signal(2))
    await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
    assert await stored(dsn) == [1, 2]


async def test_a_database_that_is_away_at_the_start_is_said_to_be_and_gets_everything_when_it_comes(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor, dsn: str
) -> None:
    await door.shut()
    append(log, signal(1))
    await log.flush()
    async with following(log, replace(settings, dsn=door.dsn)) as reader:
        await until(lambda: "FileNotFoundError" in reader.lag().why)
        await until(lambda: reader.lag().behind_s is not None)
        lag = reader.lag()
        assert (lag.state, lag.entries, lag.rows, lag.written) == (State.AWAY, 1, None, 0)
        await door.open()
        await until(all_is_written(reader))
        await door.shut()
        append(log, signal(2))
        await log.flush()
        await until(lambda: reader.lag().state is State.AWAY)
        await door.open()
        await until(all_is_written(reader))
        assert (reader.lag().state, reader.lag().why) == (State.CONNECTED, "")
    assert await stored(dsn) == [1, 2]


async def test_a_server_that_accepts_and_never_answers_is_silent_until_it_answers(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor, place: Path, dsn: str
) -> None:
    await door.shut()
    held: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_unix_server(lambda _reader, writer: held.append(writer), place / SOCKET)
    append(log, signal(1))
    await log.flush()
    async with following(log, replace(settings, dsn=door.dsn, connect_timeout_s=0.1)) as reader:
        await until(lambda: reader.lag().state is State.SILENT)
        assert "does not answer" in reader.lag().why
        for writer in held:
            writer.transport.abort()
        mute.close()
        await mute.wait_closed()
        (place / SOCKET).unlink(missing_ok=True)
        await door.open()
        await until(all_is_written(reader))
    assert await stored(dsn) == [1]


async def test_a_server_that_is_late_with_every_answer_gets_everything_though_it_seems_silent_at_first(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, door: SocketDoor, dsn: str
) -> None:
    door.answers_late_s = 0.15
    append(log, *map(signal, range(100)))
    await log.flush()
    async with following(log, replace(settings, dsn=door.dsn, connect_timeout_s=0.1)) as reader:
        await until(lambda: reader.lag().state is State.SILENT)
        await until(all_is_written(reader))
    assert await stored(dsn) == list(range(100))


async def test_a_server_that_became_late_gets_what_is_new_and_nothing_twice(
    log: SqliteLog, settings: StoreSettings, door: SocketDoor, dsn: str
) -> None:
    through = replace(settings, dsn=door.dsn)
    append(log, signal(1))
    await log.flush()
    async with following(log, through) as reader:
        await until(all_is_written(reader))
    door.answers_late_s = 0.12
    append(log, signal(2))
    await log.flush()
    async with following(log, replace(through, connect_timeout_s=0.1)) as reader:
        await until(all_is_written(reader))
    assert await stored(dsn) == [1, 2]


async def test_a_statement_that_is_never_answered_costs_its_connection_and_nothing_else(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str
) -> None:
    other = await asyncpg.connect(dsn)
    append(log, signal(1))
    await log.flush()
    async with following(log, replace(settings, statement_timeout_s=0.2)) as reader:
        async with other.transaction():
            await other.execute("lock table signals in access exclusive mode")
            await until(lambda: reader.lag().state is State.SILENT)
        await until(all_is_written(reader))
    await other.close()
    assert await stored(dsn) == [1]


async def test_a_database_that_can_only_be_read_is_away_with_its_reason(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str
) -> None:
    admin = await asyncpg.connect(dsn)
    name = await admin.fetchval("select current_database()")
    await admin.execute(f"alter database {name} set default_transaction_read_only = on")
    append(log, signal(1))
    await log.flush()
    async with following(log, settings) as reader:
        await until(lambda: "ReadOnlySQLTransactionError" in reader.lag().why)
        assert reader.lag().state is State.AWAY
        await admin.execute("set default_transaction_read_only = off")
        await admin.execute(f"alter database {name} reset default_transaction_read_only")
        await until(all_is_written(reader))
    await admin.close()
    assert await stored(dsn) == [1]


async def test_a_database_that_does_not_exist_is_refusing_with_the_remedy_until_it_is_created(
    log: SqliteLog, settings: StoreSettings, server: str
) -> None:
    dsn = server.replace("/postgres?", "/made_later?")
    append(log, signal(1))
    await log.flush()
    admin = await asyncpg.connect(server)
    async with following(log, replace(settings, dsn=dsn)) as reader:
        await until(lambda: reader.lag().state is State.REFUSING)
        assert "create it" in reader.lag().why
        await admin.execute("create database made_later")
        await until(all_is_written(reader))
    assert await stored(dsn) == [1]
    await admin.execute("drop database made_later with (force)")
    await admin.close()


async def test_a_schema_of_a_newer_build_is_refusing_and_not_the_end(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str
) -> None:
    admin = await asyncpg.connect(dsn)
    await admin.execute("insert into schema_versions (version, checksum) values ('9999_newer', 'x')")
    async with following(log, settings) as reader:
        await until(lambda: reader.lag().state is State.REFUSING)
        assert "newer Stormwatch: upgrade" in reader.lag().why
        await admin.execute("delete from schema_versions where version = '9999_newer'")
        await until(lambda: reader.lag().state is State.CONNECTED)
    await admin.close()


async def test_a_row_that_the_server_will_never_accept_is_set_aside_and_its_neighbours_are_kept(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = signal(2**63, at=NOON)  # one more than a bigint holds
    append(log, *map(signal, range(50)), bad, *map(signal, range(50, 100)), changes=[change()])
    await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
        assert (reader.lag().refused, reader.lag().written, reader.lag().state) == (1, 101, State.CONNECTED)
        append(log, signal(100))
        await log.flush()
        await until(all_is_written(reader))
    assert await stored(dsn) == list(range(101))
    assert await store.incidents() == [change()]
    (kept,) = (Path(settings.folder) / "refused").glob("*.jsonl")
    (line,) = map(json.loads, kept.read_text().splitlines())
    assert (line["stream"], line["run_id"], 2**63 in line["row"]) == ("signals", "run", True)
    assert "refused 1 rows (OverflowError" in caplog.text
    assert str(kept.parent) in caplog.text


async def test_bad_rows_of_several_entries_are_kept_by_entry(log: SqliteLog, settings: StoreSettings, dsn: str) -> None:
    for first in (0, 10, 20):
        append(log, signal(first), signal(2**63 + first, at=NOON), signal(first + 1))
        await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
        assert reader.lag().refused == 3
    assert await stored(dsn) == [0, 1, 10, 11, 20, 21]
    files = sorted((Path(settings.folder) / "refused").iterdir())
    assert all(
        2**63 + first in json.loads(file.read_text())["row"] for file, first in zip(files, (0, 10, 20), strict=True)
    )


async def test_entries_that_were_removed_before_the_database_had_them_are_counted_and_said(
    tmp_path: Path, settings: StoreSettings, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_engine, "TIDY_S", 0.0)
    small = LogSettings(group_s=0.002, max_mb=2, segment_mb=1)
    async with opened_log(tmp_path / "log", settings=small) as log:
        async with asyncio.timeout(30):
            while not log.start:
                append(log, changes=[change(f"i-{log.end}-{n}", headline=os.urandom(4000).hex()) for n in range(20)])
                await log.flush()
        missed = log.start
        async with following(log, settings) as reader:
            await until(all_is_written(reader))
            assert reader.lag().missed == missed
            assert f"{missed} entries were removed from the log" in reader.lag().why
    assert f"{missed} entries were removed from the log" in caplog.text
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select count(*) from incident_changes") == log.end - missed
    await connection.close()


async def test_a_log_that_lost_its_end_goes_on_behind_what_the_database_holds(
    log: SqliteLog, settings: StoreSettings, store: PostgresStore, dsn: str
) -> None:
    append(log, signal(1))
    await log.flush()
    async with following(log, settings) as reader:
        await until(all_is_written(reader))
    admin = await asyncpg.connect(dsn)
    await admin.execute("update log_cursors set position = position + 10")
    await admin.close()
    async with following(log, settings) as reader:
        await until(lambda: reader.lag().state is State.CONNECTED)
        append(log, signal(2))
        await log.flush()
        await until(all_is_written(reader))
    assert await stored(dsn) == [1, 2]


async def test_an_embedded_server_that_dies_is_started_again_and_nothing_is_lost_or_doubled(
    log: SqliteLog, place: Path
) -> None:
    settings = StoreSettings(folder=str(place))
    async with following(log, settings) as reader:
        append(log, signal(1))
        await log.flush()
        await until(all_is_written(reader))
        pid_file = place / "postgres" / "postmaster.pid"
        os.kill(int(pid_file.read_text().splitlines()[0]), signals.SIGQUIT)  # as a crash: it recovers at its next start
        append(log, signal(2))
        await log.flush()
        await until(all_is_written(reader))
        store = PostgresStore(settings, {})
        assert [one.seq async for one in store.signals(NOON - DAY, NOON + DAY)] == [1, 2]
        await store.close()
