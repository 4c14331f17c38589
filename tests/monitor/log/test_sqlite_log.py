"""The SQLite engine of the log, on a real disk: order, durability, places, bounds, damage, and a second daemon."""

from __future__ import annotations

import asyncio
import os
import signal as signals_of_the_system
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.log import Checkpoint, Chunk, DeliveryResult, Entry, Holding, Image, Place, Stream, follow, sqlite_log
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_checkpoint, decode_delivery, decode_image, decode_signals
from monitor.log.segments import held_by
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal, SignalKind
from tests.monitor.alerting.sinks.changes import at, change, signal


@pytest.fixture(autouse=True)
def tidy_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments are closed and removed without waiting for the next turn."""
    monkeypatch.setattr(sqlite_log, "TIDY_S", 0.0)


READERS = {"database": Holding.UNTIL_LIMIT, "sink desk": Holding.FOR_A_TIME}
EVERYTHING = tuple(Stream)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = at(0)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@asynccontextmanager
async def opened(
    folder: Path, clock: Callable[[], datetime] | None = None, **settings: float
) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(folder, LogSettings(**settings), READERS, clock or Clock())  # type: ignore[arg-type]
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def all_entries(log: SqliteLog, after: int = 0, streams: Sequence[Stream] = EVERYTHING) -> list[Entry]:
    found: list[Entry] = []
    while True:
        chunk = await log.read(after, streams, 10)
        found += chunk.entries
        if chunk.reached == log.end and not chunk.entries:
            return found
        after = chunk.reached


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [one.seq for entry in entries if entry.stream is Stream.SIGNALS for one in decode_signals(entry.body)]


async def test_what_is_appended_is_read_in_the_same_order_with_all_its_fields(tmp_path: Path) -> None:
    first, second = change(revision=1), change(revision=2)
    result = DeliveryResult(sink="desk", incident_id="i", revision=1, outcome="delivered", why="", at=at(3))
    async with opened(tmp_path) as log:
        log.signals([signal(1), signal(2)])
        log.changes([first])
        log.signals([signal(3)])
        log.checkpoint(Checkpoint("ethereum", b"\x00\xff"))
        log.delivery(result)
        log.image(Image("code", b"state"))
        log.changes([second])
        await log.flush()
        entries = await all_entries(log)
        image = log.latest(Stream.IMAGE)["correlator"]
    assert [one.stream for one in entries] == [
        Stream.SIGNALS, Stream.CHANGE, Stream.SIGNALS, Stream.CHECKPOINT, Stream.DELIVERY, Stream.CHANGE,
    ]  # fmt: skip
    assert [one.position for one in entries] == [1, 2, 3, 4, 5, 7]
    assert [one.rows for one in entries] == [2, 1, 1, 1, 1, 1]
    assert decode_signals(entries[0].body) + decode_signals(entries[2].body) == [signal(1), signal(2), signal(3)]
    assert [decode_change(entries[at].body) for at in (1, 5)] == [first, second]
    assert decode_checkpoint(entries[3].body) == Checkpoint("ethereum", b"\x00\xff")
    assert decode_delivery(entries[4].body) == result
    assert (image.position, decode_image(image.body)) == (6, Image("code", b"state"))
    assert {one.run_id for one in entries} == {log.run_id}


async def test_a_change_that_is_held_already_is_not_appended_again_after_a_restart_neither(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.changes([change(revision=1), change(revision=1)])
        await log.flush()
    async with opened(tmp_path) as log:
        log.changes([change(revision=1), change(revision=2)])
        await log.flush()
        entries = await all_entries(log)
    assert [one.id.rpartition(":")[2] for one in entries] == ["1", "2"]


async def test_a_change_that_one_run_appends_in_two_groups_is_held_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for revisions in ((1,), (1, 2), (2, 1)):
            log.changes([change(revision=one) for one in revisions])
            await log.flush()
        entries = await all_entries(log)
    assert [decode_change(one.body).revision for one in entries] == [1, 2]
    assert log.end == 2


async def test_positions_and_places_continue_after_a_restart_and_the_log_keeps_its_id(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.signals([signal(1)])
        await log.flush()
        log.acknowledge("database", Place(1, b"mine"))
        name = log.id
    async with opened(tmp_path) as log:
        assert (log.id, log.end) == (name, 1)
        assert log.place("database") == Place(1, b"mine")
        log.signals([signal(2)])
        await log.flush()
        assert seqs(await all_entries(log, after=1)) == [2]


async def test_the_position_of_an_image_is_not_given_again_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.signals([signal(1)])
        log.image(Image("code", b"state"))
        await log.flush()
    async with opened(tmp_path) as log:
        assert log.end == 2
        log.signals([signal(2)])
        await log.flush()
        assert [one.position for one in await all_entries(log)] == [1, 3]


async def test_a_new_sink_begins_at_the_end_and_a_new_database_at_the_beginning(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, LogSettings(), {}, Clock())
    await log.open()
    log.signals([signal(1)])
    await log.flush()
    await log.close()
    async with opened(tmp_path) as log:
        assert log.place("database") == Place(0)
        assert log.place("sink desk") == Place(1)


async def test_a_reader_waits_until_something_is_durable(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        waiting = asyncio.create_task(log.wait(0))
        await asyncio.sleep(0)
        assert not waiting.done()
        log.signals([signal(1)])
        await asyncio.wait_for(waiting, 10)
        assert seqs(await all_entries(log)) == [1]


async def test_a_chunk_ends_at_its_rows_and_passes_over_other_streams(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for n in range(4):
            log.signals([signal(n)])
            log.changes([change(revision=n + 1)])
            await log.flush()
        chunk = await log.read(0, [Stream.CHANGE], 2)
        assert [one.position for one in chunk.entries] == [2, 4]
        assert chunk.reached == 4
        rest = await log.read(4, [Stream.CHECKPOINT])
        assert rest == Chunk((), 8)


KILLED = """
import asyncio, sys
from pathlib import Path
from datetime import UTC, datetime
from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal, SignalKind
from tests.monitor.alerting.sinks.changes import signal

async def main() -> None:
    log = SqliteLog(Path(sys.argv[1]), LogSettings(), {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await log.open()
    n = 0
    while True:
        n += 1
        log.signals([signal(n)])
        if n % 50 == 0:
            await log.flush()
            print(n, flush=True)

asyncio.run(main())
"""


async def test_what_was_flushed_survives_a_kill(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    durable = 0
    while durable < 500:
        durable = int(await process.stdout.readline())
    os.kill(process.pid, signals_of_the_system.SIGKILL)
    rest = (await process.stdout.read()).split()
    await process.wait()
    durable = max([durable, *map(int, rest)])
    async with opened(tmp_path) as log:
        found = seqs(await all_entries(log))
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= durable


async def test_a_second_daemon_is_told_who_uses_the_folder(tmp_path: Path) -> None:
    async with opened(tmp_path):
        assert held_by(tmp_path) == f"process {os.getpid()} on {os.uname().nodename} since {at(0).isoformat()}"
        with pytest.raises(OperatorError, match=f"process {os.getpid()}"):
            async with opened(tmp_path):
                raise AssertionError("two daemons write one log")
    assert held_by(tmp_path) is None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # what it waits for happens in another thread
            await asyncio.sleep(0.01)


def routine(seq: int) -> Signal:
    """A signal of a droppable kind that does not compress."""
    return signal(seq, {"noise": os.urandom(2000).hex()}, kind=SignalKind.BOOK)


async def fill(log: SqliteLog, segments: int, first: int = 0) -> int:
    """Append incompressible signals until there are so many segments; how many signals that took."""
    n = first
    while log.health().segments < segments:
        log.signals([routine(n + k) for k in range(100)])
        n += 100
        await log.flush()
    return n


async def test_a_segment_that_all_have_read_is_removed_after_its_time(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, segment_mb=1, max_mb=100, keep_s=60) as log:
        await fill(log, 3)
        for name in READERS:
            log.acknowledge(name, Place(log.end))
        clock.later(59)
        await log.flush()
        assert log.start == 0
        clock.later(2)
        await until(lambda: log.health().segments == 1)
        assert log.start > 0
        assert log.health().lost == {}


async def test_the_last_of_each_key_is_held_when_its_segment_is_gone_and_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, segment_mb=1, max_mb=100, keep_s=60) as log:
        for body in (b"old", b"new"):
            log.checkpoint(Checkpoint("ethereum", body))
            log.image(Image("code", body))
            log.changes([change(revision=1 if body == b"old" else 2)])
        await fill(log, 3)
        for name in READERS:
            log.acknowledge(name, Place(log.end))
        clock.later(61)
        await until(lambda: log.start > 6)
    async with opened(tmp_path, clock) as log:
        assert decode_checkpoint(log.latest(Stream.CHECKPOINT)["ethereum"].body).body == b"new"
        assert decode_image(log.latest(Stream.IMAGE)["correlator"].body).body == b"new"
        assert decode_change(log.latest(Stream.CHANGE)[change().scope].body).revision == 2


async def test_a_sink_that_is_gone_loses_its_place_after_its_time_and_the_database_does_not(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, segment_mb=1, max_mb=100, keep_s=60, outlet_keep_s=1000) as log:
        await fill(log, 3)
        clock.later(1001)
        await log.flush()
        await asyncio.sleep(0.2)
        assert log.start == 0
        log.acknowledge("database", Place(log.end))
        await until(lambda: log.start > 0)
        await until(lambda: "sink desk" in log.health().lost)
        assert log.health().lost.keys() == {"sink desk"}


async def test_beyond_the_disk_limit_routine_signals_go_first_and_changes_stay(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_mb=1, max_mb=4) as log:
        log.changes([change(revision=1)])
        n = 0
        while not log.health().dropped:
            n = await fill(log, log.health().segments + 1, n)
        assert set(log.health().dropped) == {"book"}
        assert log.health().lost == {}
        entries = await all_entries(log)
        assert entries[0].stream is Stream.CHANGE


def damage(folder: Path) -> str:
    """Overwrite the only segment; its name."""
    [path] = folder.glob("*.sqlite")
    path.write_bytes(b"not a database" * 1000)
    return path.name


def list_of(folder: Path, pattern: str) -> list[str]:
    return [one.name for one in folder.glob(pattern)]


async def test_a_damaged_segment_is_set_aside_and_the_log_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.signals([signal(1)])
        await log.flush()
        end = log.end
    damaged = damage(tmp_path)
    async with opened(tmp_path) as log:
        assert log.health().damaged == 1
        log.signals([signal(2)])
        await log.flush()
        entries = await all_entries(log)
        assert seqs(entries) == [2]
        assert entries[0].position > end
    assert list_of(tmp_path, "*.damaged") == [damaged + ".damaged"]


async def test_a_log_that_gets_signals_without_pause_still_closes_its_segments(tmp_path: Path) -> None:
    class Busy(Clock):
        """Its user finds a new signal waiting whenever it asks for the time: the disk is never faster than the source."""

        log: SqliteLog | None = None

        def __call__(self) -> datetime:
            self.later(1.0)
            if self.log is not None:
                self.log.signals([signal(1)])
            return self.now

    busy = Busy()
    async with opened(tmp_path, busy, segment_s=5.0) as log, asyncio.timeout(10):
        busy.log = log
        log.signals([signal(1)])
        while log.health().segments < 2:
            await log.wait(log.end)
        busy.log = None


async def test_a_reader_of_a_rare_stream_passes_what_is_not_for_it_so_that_the_log_can_be_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PLACE_EVERY_S", 0.0)
    taken: list[str] = []
    async with opened(tmp_path) as log:
        task = asyncio.create_task(
            follow.follow_rare(log, "sink desk", Stream.CHANGE, lambda entry: taken.append(entry.id))
        )
        log.signals([signal(1)])
        await until(lambda: log.end == 1 and log.place("sink desk").position == 1)
        assert taken == []
        log.changes([change(revision=1)])
        await until(lambda: len(taken) == 1 and log.place("sink desk").position == 2)
        task.cancel()
