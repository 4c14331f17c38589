"""Room on the disk that is kept for incidents: a file written in full, or none at all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.log import Holding
from monitor.log.reserve import Reserve
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from tests.monitor.alerting.sinks.changes import signal

SIZE = 2_500_000


def test_the_reserve_takes_its_whole_size_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    Reserve(path, SIZE).take()
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE


def test_a_reserve_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    Reserve(path, SIZE).take()
    os.utime(path, (1, 1))
    Reserve(path, SIZE).take()
    assert path.stat().st_mtime == 1


def test_a_reserve_that_is_too_small_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    Reserve(path, 1000).take()
    assert path.stat().st_size == 1000
    Reserve(path, SIZE).take()
    assert path.stat().st_size == SIZE


def test_a_reserve_gives_its_room_back_and_can_be_taken_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    reserve.release()
    reserve.take()
    reserve.release()
    assert list(tmp_path.iterdir()) == []
    reserve.take()
    assert (tmp_path / "reserve").stat().st_size == SIZE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_reserve_for_which_there_is_no_room_leaves_nothing_behind(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        Reserve(small_disk / "reserve", SIZE).take()
    assert list(small_disk.iterdir()) == []


async def test_a_log_that_is_open_has_its_reserve(tmp_path: Path) -> None:
    readers = {"database": Holding.UNTIL_LIMIT}
    log = SqliteLog(tmp_path / "log", LogSettings(reserve_mb=3), readers, lambda: datetime.now(UTC))
    await log.open()
    log.signals([signal(1)])
    await log.flush()
    assert (tmp_path / "log" / "reserve").stat().st_size == 3_000_000
    await log.close()
