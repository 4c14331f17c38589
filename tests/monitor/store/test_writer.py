"""The writer against a real server behind a socket that is closed and opened: every row once, and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.signals import SignalKind
from monitor.store import writer as writers
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from monitor.store.spool import Spool
from monitor.store.writer import Writer
from tests.monitor.store.conftest import SocketDoor
from tests.monitor.store.rows import NOON, batch, change, signal


class Ticking:
    """A clock that advances a millisecond each time it is read."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if reached():
                return
            await asyncio.sleep(0.005)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _seqs(dsn: str, order: str = "ctid") -> list[int]:
    """The rows of the table in the order in which they were written."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(f"select seq from signals order by {order}")
    await connection.close()
    return [row["seq"] for row in rows]


async def _opened(settings: StoreSettings, door: SocketDoor) -> PostgresStore:
    store = PostgresStore(replace(settings, dsn=door.dsn), {})
    await store.open()
    return store


async def test_signals_are_written_within_a_batch_time(store: PostgresStore, settings: StoreSettings) -> None:
    writer = Writer(store, settings, Ticking())
    task = asyncio.create_task(writer.run())
    writer.on_signals([signal(1), signal(2)])
    writer.on_changes([change()])
    writer.checkpoint("ethereum", b"18000000")
    assert writer.waiting == 4
    await _until(lambda: writer.written == 4)
    assert [one.seq async for one in store.signals(NOON, NOON + timedelta(days=1))] == [1, 2]
    assert await store.incidents() == [change()]
    assert await store.load_checkpoint("ethereum") == b"18000000"
    assert (writer.waiting, writer.spooled, writer.away, writer.dropped.total()) == (0, 0, False, 0)
    await _stop(task)


async def test_a_full_batch_does_not_wait_for_its_time(store: PostgresStore, settings: StoreSettings) -> None:
    writer = Writer(store, replace(settings, batch_s=3600.0, batch_rows=10), Ticking())
    task = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    writer.on_signals([signal(seq) for seq in range(25)])
    await _until(lambda: writer.written == 25)
    await _stop(task)


async def test_while_the_server_is_down_batches_go_to_disk_and_are_written_once_in_order_later(
    settings: StoreSettings, door: SocketDoor, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "FIRST_RETRY_S", 0.05)
    store = await _opened(settings, door)
    writer = Writer(store, replace(settings, batch_rows=7), Ticking())
    task = asyncio.create_task(writer.run())
    writer.on_signals([signal(seq) for seq in range(10)])
    await _until(lambda: writer.written == 10)
    await door.shut()
    for seq in range(10, 60):
        writer.on_signals([signal(seq)])
        await asyncio.sleep(0)
    await _until(lambda: writer.away and writer.waiting == 0)
    assert writer.spooled >= 7
    await door.open()
    writer.on_signals([signal(60)])
    await _until(lambda: writer.written == 61)
    writer.on_signals([signal(61)])
    await _until(lambda: writer.written == 62)
    assert await _seqs(dsn) == list(range(62))
    assert (writer.spooled, writer.away) == (0, False)
    await _stop(task)
    await store.close()


async def test_each_row_is_written_once_whenever_the_connection_breaks(
    settings: StoreSettings, door: SocketDoor, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(writers, "MAX_RETRY_S", 0.02)
    store = await _opened(settings, door)
    writer = Writer(store, replace(settings, batch_rows=50, batch_s=0.001), Ticking())
    task = asyncio.create_task(writer.run())
    for turn in range(40):
        writer.on_signals([signal(turn * 100 + one) for one in range(100)])
        await asyncio.sleep(turn % 7 / 1000)
        await door.shut()
        await door.open()
    await _until(lambda: writer.waiting == 0 and writer.spooled == 0 and not writer.away)
    assert await _seqs(dsn) == list(range(4000))
    await _stop(task)
    await store.close()


async def test_a_stop_with_the_server_up_writes_everything(
    store: PostgresStore, settings: StoreSettings, dsn: str
) -> None:
    writer = Writer(store, replace(settings, batch_rows=3), Ticking())
    writer.on_signals([signal(seq) for seq in range(10)])
    assert await writer.flush()
    assert await _seqs(dsn) == list(range(10))
    assert not any((Path(settings.folder) / "spool").iterdir())


async def test_a_stop_with_the_server_down_leaves_all_rows_on_disk_for_the_next_run(
    settings: StoreSettings, door: SocketDoor, dsn: str
) -> None:
    store = await _opened(settings, door)
    await door.shut()
    writer = Writer(store, replace(settings, batch_rows=3), Ticking())
    writer.on_signals([signal(seq) for seq in range(10)])
    writer.checkpoint("ethereum", b"10")
    assert not await writer.flush()
    assert (writer.waiting, writer.written) == (0, 0)
    await door.open()
    following = Writer(store, settings, Ticking())
    following.on_signals([signal(seq) for seq in range(10, 12)])
    assert await following.drain()
    assert await store.load_checkpoint("ethereum") == b"10"
    assert await following.flush()
    assert await _seqs(dsn) == list(range(12))
    await store.close()


async def test_a_batch_that_was_written_before_the_crash_is_not_written_again(
    store: PostgresStore, settings: StoreSettings, dsn: str
) -> None:
    spool = Spool.open(Path(settings.folder) / "spool", "20260101-dead", 1_000_000)
    sent = [batch(number, signal(number), run_id="20260101-dead") for number in (1, 2)]
    for one in sent:
        spool.append(one)
    await store.save(sent[0])
    spool.close()
    writer = Writer(store, settings, Ticking())
    assert await writer.drain()
    assert await _seqs(dsn) == [1, 2]
    assert writer.written == 1


async def test_signals_that_come_while_a_backlog_is_drained_are_not_dropped(
    settings: StoreSettings, door: SocketDoor, dsn: str
) -> None:
    store = await _opened(settings, door)
    await door.shut()
    writer = Writer(store, replace(settings, batch_rows=5, queue_rows=20), Ticking())
    for seq in range(0, 100, 5):
        writer.on_signals([signal(seq + one) for one in range(5)])
        await writer.write_now()
    assert writer.spooled == 20
    writer.on_signals([signal(seq) for seq in range(100, 119)])
    await door.open()
    assert await writer.drain()
    assert writer.waiting <= 10  # the queue was appended to the backlog, so there was room
    assert await writer.flush()
    assert writer.dropped.total() == 0
    assert await _seqs(dsn) == list(range(119))
    await store.close()


async def test_a_run_interrupted_during_a_write_loses_and_duplicates_nothing(
    store: PostgresStore, settings: StoreSettings, dsn: str
) -> None:
    for turns in range(12):
        writer = Writer(store, replace(settings, batch_rows=100), Ticking())
        writer.on_signals([signal(turns * 1000 + one) for one in range(1000)])
        task = asyncio.create_task(writer.write_now())
        for _ in range(turns * 3):
            await asyncio.sleep(0)
        await _stop(task)
        assert await writer.flush()
    assert await _seqs(dsn) == [turns * 1000 + one for turns in range(12) for one in range(1000)]


async def test_with_queue_and_spool_full_only_old_routine_signals_are_dropped(
    settings: StoreSettings, door: SocketDoor, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MB", 1000)
    monkeypatch.setattr(writers, "FIRST_RETRY_S", 0.05)
    store = await _opened(settings, door)
    bounds = replace(settings, spool_mb=2, queue_rows=20, batch_rows=10)
    writer = Writer(store, bounds, Ticking())
    await door.shut()
    kinds = [SignalKind.LIQUIDATION if seq % 20 == 0 else SignalKind.REQUEST for seq in range(200)]
    for seq, kind in enumerate(kinds):
        writer.on_signals([signal(seq, kind=kind)])
        await writer.write_now()
    assert writer.waiting <= 30
    dropped = writer.dropped["request"]
    assert dropped > 0
    assert writer.dropped.total() == dropped
    await door.open()
    assert await writer.flush()
    seqs = await _seqs(dsn)
    assert seqs == sorted(seqs)
    assert set(range(0, 200, 20)) <= set(seqs)
    assert len(seqs) == 200 - dropped
    await store.close()


async def test_a_batch_the_server_refuses_is_set_aside_and_the_next_is_written(
    store: PostgresStore, settings: StoreSettings, dsn: str
) -> None:
    writer = Writer(store, replace(settings, batch_rows=1), Ticking())
    writer.on_signals([signal(1), signal(2**70, at=NOON), signal(3)])
    assert await writer.flush()
    assert await _seqs(dsn) == [1, 3]
    assert writer.refused == 1
    (refused,) = (Path(settings.folder) / "spool" / "refused").iterdir()
    assert str(2**70) in refused.read_text()


async def test_a_folder_that_cannot_be_written_is_an_operator_error(store: PostgresStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = Writer(store, StoreSettings(folder=str(tmp_path / "file")), Ticking())
    with pytest.raises(OperatorError, match=r"store\.folder"):
        await writer.write_now()


async def test_figures_count_waiting_and_written_rows(store: PostgresStore, settings: StoreSettings) -> None:
    writer = Writer(store, settings, Ticking())
    writer.on_signals([signal(1)])
    assert writer.figures()["waiting"] == 1
    assert await writer.flush()
    assert writer.figures() == {
        "waiting": 0, "spooled": 0, "written": 1, "dropped": 0, "refused": 0, "damaged": 0, "away": 0.0,
    }  # fmt: skip


async def test_a_damaged_line_stays_counted_when_the_spool_is_empty_again(tmp_path: Path) -> None:
    left = tmp_path / "spool" / "an earlier run"
    left.mkdir(parents=True)
    (left / "00000001.jsonl").write_bytes(b"{\n")
    settings = StoreSettings(folder=str(tmp_path))
    writer = Writer(PostgresStore(settings, {}), settings, Ticking())  # nothing is written: no server is needed
    assert await writer.drain()
    assert (writer.spooled, writer.damaged) == (0, 1)
    assert writer.figures()["damaged"] == 1
    await writer.flush()
