"""A log seen from outside: while it is written, after a kill, damaged, or absent; and nothing is written or locked by it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.log import Place, Stream, sqlite_log
from monitor.log.holder import Holder, holder
from monitor.log.sight import Lacking, LogSight, look
from monitor.log.sqlite_log import SqliteLog
from tests.monitor.alerting.sinks.changes import at, change, signal
from tests.monitor.log.test_sqlite_log import Clock, opened

ALL = (Stream.SIGNALS, Stream.CHANGE)


def contents(folder: Path, *besides: str) -> dict[str, bytes]:
    """Every file but those that end so."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if not one.name.endswith(besides)}


def segments_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sqlite"))


def seen(folder: Path) -> LogSight:
    sight = look(folder)
    assert sight is not None
    return sight


async def fill(log: SqliteLog, clock: Clock) -> None:
    """Three entries a second apart: signals, a change, signals; the database has read the first one."""
    log.signals([signal(1), signal(2)])
    await log.flush()
    clock.later(1)
    log.changes([change(revision=1)])
    await log.flush()
    clock.later(1)
    log.signals([signal(3)])
    log.acknowledge("database", Place(1, b"memory"))
    await log.flush()


def check(sight: LogSight) -> None:
    """The sight shows what `fill` wrote."""
    assert (sight.start, sight.end, sight.newest_at, sight.unreadable) == (0, 3, at(2), {})
    assert sight.places == {"database": Place(1, b"memory"), "sink desk": Place(0)}
    assert sight.lacking(1, ALL) == Lacking(entries=2, oldest_at=at(1))
    assert sight.lacking(0, ALL) == Lacking(entries=3, oldest_at=at(0))
    assert sight.lacking(0, (Stream.CHANGE,)) == Lacking(entries=1, oldest_at=at(1))
    assert sight.lacking(3, ALL) == Lacking(entries=0, oldest_at=None)


async def test_a_log_that_is_open_is_seen_as_it_is(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as log:
        await fill(log, clock)
        sight = seen(tmp_path)
        check(sight)
        assert (sight.log_id, sight.segments) == (log.id, 1)
        assert sight.size >= sum(len(body) for name, body in contents(tmp_path).items() if ".sqlite" in name)


async def test_after_a_clean_end_it_is_seen_without_a_file_made_beside_it(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as log:
        await fill(log, clock)
    before = contents(tmp_path)
    check(seen(tmp_path))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("index", [True, False])
async def test_what_a_killed_daemon_left_in_the_write_ahead_log_is_seen_and_stays_there(
    tmp_path: Path, index: bool
) -> None:
    clock = Clock()
    async with opened(tmp_path / "live", clock) as log:
        await fill(log, clock)
        shutil.copytree(tmp_path / "live", tmp_path / "dead")  # the files as a kill at this moment leaves them
    for one in (tmp_path / "dead").glob("*-shm") if not index else ():
        one.unlink()
    before = contents(tmp_path / "dead", "-shm")  # the shared index is made again, and nobody's memory
    assert any(len(body) for name, body in before.items() if name.endswith("-wal"))
    check(seen(tmp_path / "dead"))
    assert contents(tmp_path / "dead", "-shm") == before


async def test_looking_again_and_again_does_not_disturb_the_writer(tmp_path: Path) -> None:
    async with opened(tmp_path, group_s=0.001) as log:
        ends = []
        for number in range(60):
            log.signals([signal(number)])
            sight = await asyncio.to_thread(seen, tmp_path)
            assert sight.unreadable == {}
            ends.append(sight.end)
            assert sight.lacking(0, ALL).entries >= sight.end
        await log.flush()
        assert ends == sorted(ends)
        assert seen(tmp_path).end == log.end
        assert log.health().failing is None


async def closed_segments(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Four segments of one entry each, closed."""
    monkeypatch.setattr(sqlite_log, "TIDY_S", 0.0)
    clock = Clock()
    async with opened(folder, clock, segment_s=1.0) as log:
        for number in range(4):
            log.signals([signal(number)])
            await log.flush()
            clock.later(2)
    return segments_of(folder)


async def test_a_damaged_segment_is_named_and_the_others_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = await closed_segments(tmp_path, monkeypatch)
    assert len(files) >= 4
    files[1].write_bytes(b"no database at all" * 1000)
    sight = seen(tmp_path)
    assert sight.lacking(0, ALL) == Lacking(entries=3, oldest_at=at(0))
    assert list(sight.unreadable) == [files[1].name]
    assert sight.lacking(2, ALL).entries == 2


async def test_without_its_newest_segment_a_log_is_seen_up_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = await closed_segments(tmp_path, monkeypatch)
    files[-1].write_bytes(b"")
    (tmp_path / f"{files[0].name}.damaged").touch()
    sight = seen(tmp_path)
    assert list(sight.unreadable) == [files[-1].name]
    assert set(sight.places) == {"database", "sink desk"}
    assert (sight.end >= 3, sight.set_aside) == (True, 1)


def test_there_is_no_log_where_there_is_no_folder_or_no_file(tmp_path: Path) -> None:
    assert look(tmp_path / "nowhere") is None
    assert look(tmp_path) is None
    assert holder(tmp_path) is None


def test_a_place_that_cannot_be_read_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(OperatorError, match=r"store\.folder"):
        look(tmp_path / "log")


async def test_the_holder_is_told_to_several_who_ask_and_gone_with_the_daemon(tmp_path: Path) -> None:
    async with opened(tmp_path):
        expected = Holder(process=os.getpid(), host=os.uname().nodename, since=at(0).isoformat())
        assert [holder(tmp_path), holder(tmp_path)] == [expected, expected]
    assert holder(tmp_path) is None
    with (tmp_path / "lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert holder(tmp_path) is None


def test_a_holder_that_has_not_written_who_it_is_still_holds(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert str(holder(tmp_path)) == "another process"


async def test_a_daemon_starts_although_somebody_asks_for_the_holder_at_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        monkeypatch.setattr("monitor.log.segments.time.sleep", lambda _s: fcntl.flock(asking, fcntl.LOCK_UN))
        async with opened(tmp_path) as log:
            assert log.end == 0
