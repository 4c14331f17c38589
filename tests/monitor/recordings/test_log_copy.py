"""A recording that follows the log: readable, in order, whole, and going on after the disk was full or away."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal as system_signals
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.recordings import log_copy
from monitor.recordings.log_copy import LogCopy
from monitor.recordings.signals import Recording, header_of
from monitor.signals import Signal
from tests.monitor.alerting.sinks.changes import change, signal
from tests.monitor.correlator.storm import DRILL

HEADER = header_of(DRILL, "home", "1.2.3", datetime(2026, 1, 1, tzinfo=UTC))
NAMES = ("run.jsonl", "run.jsonl.gz")
WAIT_S = 30.0
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for that does not happen."""
    monkeypatch.setattr(log_copy, "RETRY_S", 0.01)
    monkeypatch.setattr(log_copy, "LINGER_S", 0.0)


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log."""
    local = SqliteLog(tmp_path / "log", LogSettings(), {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await local.open()
    yield local
    await local.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110  # the copy gives no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(copy: LogCopy, source: SqliteLog, after: int = 0) -> AsyncIterator[None]:
    task = asyncio.create_task(copy.follow(source, after))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def signals(first: int, last: int) -> list[Signal]:
    return [signal(number) for number in range(first, last + 1)]


def recorded(path: Path) -> Sequence[Signal]:
    found = Recording(path)
    header = found.header
    assert header == HEADER
    return list(found)


@pytest.mark.parametrize("name", NAMES)
async def test_signals_are_copied_in_order_and_read_as_a_recording(
    name: str, source: SqliteLog, tmp_path: Path
) -> None:
    copy = LogCopy(tmp_path / "new" / name, HEADER)
    async with following(copy, source):
        for first in range(1, 100, 10):
            source.signals(signals(first, first + 9))
            source.changes([change(revision=first)])
            await source.flush()
            await until(lambda first=first: copy.lines == first + 9)  # type: ignore[misc]
    assert recorded(copy.path) == signals(1, 100)
    assert (copy.path.read_bytes()[:2] == b"\x1f\x8b") is name.endswith(".gz")


@pytest.mark.parametrize("name", NAMES)
async def test_a_copy_without_signals_is_a_recording_too(name: str, source: SqliteLog, tmp_path: Path) -> None:
    copy = LogCopy(tmp_path / name, HEADER)
    await copy.finish(source)
    assert recorded(copy.path) == []


async def test_a_copy_begins_behind_the_place_it_is_given(source: SqliteLog, tmp_path: Path) -> None:
    source.signals(signals(1, 5))
    await source.flush()
    copy = LogCopy(tmp_path / NAMES[0], HEADER)
    async with following(copy, source, source.end):
        source.signals(signals(6, 9))
        await source.flush()
        await until(lambda: copy.lines == 4)
    assert recorded(copy.path) == signals(6, 9)


@pytest.mark.parametrize("name", NAMES)
async def test_finish_copies_the_rest_and_nothing_twice(name: str, source: SqliteLog, tmp_path: Path) -> None:
    copy = LogCopy(tmp_path / name, HEADER)
    source.signals(signals(1, 5))
    await source.flush()
    async with following(copy, source):
        await until(lambda: copy.lines == 5)
    source.signals(signals(6, 9))
    await source.flush()
    await copy.finish(source)
    await copy.finish(source)
    assert copy.lines == 9
    assert recorded(copy.path) == signals(1, 9)


async def test_a_follower_that_is_started_again_goes_on_where_it_was(source: SqliteLog, tmp_path: Path) -> None:
    copy = LogCopy(tmp_path / NAMES[0], HEADER)
    for first in (1, 11):
        async with following(copy, source):
            source.signals(signals(first, first + 9))
            await source.flush()
            await until(lambda first=first: copy.lines == first + 9)  # type: ignore[misc]
    assert recorded(copy.path) == signals(1, 20)


def test_a_file_that_exists_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / NAMES[0]
    path.write_text("an older recording\n" * 100)
    LogCopy(path, HEADER)
    assert recorded(path) == []


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        LogCopy(tmp_path / "file" / NAMES[0], HEADER)


@pytest.mark.parametrize("name", NAMES)
async def test_a_copy_whose_folder_was_away_goes_on_without_a_hole(
    name: str, source: SqliteLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here, away = tmp_path / "here", tmp_path / "away"
    copy = LogCopy(here / name, HEADER)
    source.signals(signals(1, 5))
    await source.flush()
    async with following(copy, source):
        await until(lambda: copy.lines == 5)
        here.rename(away)
        source.signals(signals(6, 9))
        await source.flush()
        await until(lambda: "cannot be written" in caplog.text)
        source.signals(signals(10, 20))
        await source.flush()
        away.rename(here)
        await until(lambda: copy.lines == 20)
    assert recorded(copy.path) == signals(1, 20)
    assert caplog.text.count("cannot be written") == 1


async def test_finish_says_what_it_could_not_copy_and_raises_nothing(
    source: SqliteLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = LogCopy(tmp_path / "here" / NAMES[0], HEADER)
    (tmp_path / "here").rename(tmp_path / "away")
    source.signals(signals(1, 5))
    await source.flush()
    await copy.finish(source)
    assert "lacks the last signals" in caplog.text
    assert copy.lines == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("name", NAMES)
async def test_a_copy_on_a_full_disk_waits_and_goes_on_with_whole_lines(
    name: str, source: SqliteLog, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = LogCopy(small_disk / name, HEADER)
    ballast = small_disk / "ballast"
    source.signals(signals(1, 5))
    await source.flush()
    async with following(copy, source):
        await until(lambda: copy.lines == 5)
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        source.signals(signals(6, 2000))
        await source.flush()
        await until(lambda: "No space left" in caplog.text)
        assert copy.lines == 5
        ballast.unlink()
        source.signals(signals(2001, 2010))
        await source.flush()
        await until(lambda: copy.lines == 2010)
    assert recorded(copy.path) == signals(1, 2010)


ENDLESS = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.recordings import log_copy
from tests.monitor.recordings.test_log_copy import HEADER, signals

async def main():
    log_copy.LINGER_S = 0.0
    source = SqliteLog(Path(sys.argv[1]), LogSettings(), {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await source.open()
    copy = log_copy.LogCopy(Path(sys.argv[2]), HEADER)
    task = asyncio.create_task(copy.follow(source, 0))
    number = 1
    while True:
        source.signals(signals(number, number + 199))
        number += 200
        await asyncio.sleep(0.001)
        print(copy.lines, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.slow
async def test_a_copy_of_a_killed_process_has_whole_lines_only(name: str, turn: int, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENDLESS, str(tmp_path / "log"), str(tmp_path / name), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        while int(await process.stdout.readline()) < turn * 1500:
            pass
    process.send_signal(system_signals.SIGKILL)
    await process.communicate()
    raw = (tmp_path / name).read_bytes()
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    assert text.endswith(b"\n")
    found = recorded(tmp_path / name)
    assert len(found) >= turn * 1500
    assert found == signals(1, len(found))
