"""The log on a disk that another program fills, takes again what becomes free, and empties in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.log import Stream
from monitor.log.codec import decode_signals
from monitor.log.segment import Segment
from monitor.signals import SignalKind
from tests.monitor.alerting.sinks.changes import change, signal
from tests.monitor.log.full_disk import fill, make_room, small_disk
from tests.monitor.log.test_sqlite_log import all_entries, opened

BOOK = SignalKind.BOOK


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # the log has no event for it
            await asyncio.sleep(0.01)


async def test_what_the_log_keeps_for_itself_takes_entries_when_others_took_all_room(disk: Path) -> None:
    async with opened(disk / "log") as log:
        log.signals([signal(0, kind=BOOK)])
        await log.flush()
        fill(disk)
        for revision in (1, 2, 3):
            log.signals([signal(revision, kind=BOOK)])
            log.changes([change(revision=revision)])
            await log.flush()
        assert log.health().failing is None
        entries = await all_entries(log)
    assert [one.stream for one in entries] == [Stream.SIGNALS, *[Stream.SIGNALS, Stream.CHANGE] * 3]


async def test_routine_signals_leave_the_kept_room_to_incidents_and_follow_when_there_is_room(disk: Path) -> None:
    async with opened(disk / "log") as log:
        log.signals([signal(0, kind=BOOK)])
        await log.flush()
        fill(disk)
        seq = 1
        while log.health().failing is None:
            # text that cannot be compressed well
            log.signals([signal(seq + at, {"a": f"{(seq + at) ** 40:x}"}, kind=BOOK) for at in range(500)])
            seq += 500
            await log.flush()
        fill(disk)
        end = log.end
        log.signals([signal(seq, kind=BOOK)])
        log.changes([change()])
        await until(lambda: log.end > end)
        [entry] = [one for one in await all_entries(log, end) if one.stream is not Stream.IMAGE]
        assert entry.stream is Stream.CHANGE
        assert "No space left on device" in (log.health().failing or "")
        make_room(disk)
        await until(lambda: log.health().failing is None)
        await log.flush()
        entries = [one for one in await all_entries(log) if one.stream is Stream.SIGNALS]
        held = [heard.seq for entry in entries for heard in decode_signals(entry.body)]
        assert held == list(range(seq + 1))
        assert log.health().dropped == {}


async def test_a_log_that_starts_on_a_full_disk_writes_incidents(disk: Path) -> None:
    async with opened(disk / "log") as log:
        log.changes([change(revision=1)])
        await log.flush()
    fill(disk)
    async with opened(disk / "log") as log:
        fill(disk)
        for revision in range(2, 30):
            log.changes([change(revision=revision)])
            await until(lambda: log.end >= revision)  # noqa: B023  # awaited at once
        entries = await all_entries(log)
    assert [one.id.rpartition(":")[2] for one in entries] == [str(revision) for revision in range(1, 30)]


def newest(folder: Path) -> Path:
    """The file of the only segment."""
    [path] = folder.glob("*.sqlite")
    return path


async def test_what_waits_for_a_disk_that_hangs_is_counted_and_bounded_in_rows(tmp_path: Path) -> None:
    async with opened(tmp_path, queue_rows=100) as log:
        log.signals([signal(0)])
        await log.flush()
        with closing(sqlite3.connect(newest(tmp_path), isolation_level=None)) as other:
            other.execute("begin immediate")  # as long as a disk that does not answer
            for at in range(10):
                log.signals([signal(10 * at + one, kind=BOOK) for one in range(10)])
            assert log.health().waiting == 100
            for at in range(100):
                log.signals([signal(1000 + 10 * at + one, kind=BOOK) for one in range(10)])
            assert log.health().waiting <= 2 * 100 + 10
            log.changes([change()])
            other.execute("rollback")
        await log.flush()
        health = log.health()
        assert health.dropped["book"] + health.written == 1 + 100 + 1000 + 1
        assert (await all_entries(log))[-1].stream is Stream.CHANGE


async def test_a_change_of_entries_that_fails_leaves_the_segment_writable(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.signals([signal(1)])
        await log.flush()
    segment = Segment.open(newest(tmp_path))
    with pytest.raises(sqlite3.IntegrityError):
        segment.replace({1: (None, b"")}, [])  # type: ignore[dict-item]  # no column takes it
    segment.append([], {})
    assert [one.rows for one in segment.read(0, (Stream.SIGNALS,), 10)] == [1]
    segment.close()
