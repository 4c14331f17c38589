"""The recording that follows the log: on a full disk, and at a stop that comes while it writes."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import suppress
from pathlib import Path

import pytest

from monitor.correlator import CorrelatorSettings
from monitor.recordings import log_copy
from monitor.recordings.log_copy import LogCopy
from monitor.recordings.signals import header_of
from tests.monitor.alerting.sinks.changes import at, signal
from tests.monitor.log.full_disk import fill, make_room, small_disk
from tests.monitor.log.test_sqlite_log import opened


def copy_to(path: Path) -> LogCopy:
    return LogCopy(path, header_of(CorrelatorSettings(), "here", "0", at(0)))


def seqs(path: Path) -> list[int]:
    """The numbers of the signals in a recording."""
    with gzip.open(path) as file:
        return [json.loads(line)["seq"] for line in file.read().splitlines()[1:]]


async def test_a_recording_on_a_full_disk_stays_readable_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_copy, "RETRY_S", 0.01)
    monkeypatch.setattr(log_copy, "LINGER_S", 0.0)
    with small_disk(tmp_path / "disk") as disk:
        async with opened(tmp_path / "log") as log:
            copy = copy_to(disk / "copy.jsonl.gz")
            log.signals([signal(1)])
            await log.flush()
            await copy.finish(log)
            fill(disk)
            log.signals([signal(n, {"a": f"{n**40:x}"}) for n in range(2, 2000)])
            await log.flush()
            await copy.finish(log)  # the disk takes a part of it
            assert seqs(copy.path) == [1]
            following = asyncio.create_task(copy.follow(log, 0))
            make_room(disk)
            async with asyncio.timeout(20):
                while copy.lines < 1999:  # noqa: ASYNC110  # a copy has no event for it
                    await asyncio.sleep(0.01)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            assert seqs(copy.path) == list(range(1, 2000))


async def test_a_stop_while_the_recording_is_written_copies_each_signal_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "log") as log:
        copy = copy_to(tmp_path / "copy.jsonl.gz")
        for first in range(0, 20_000, 1000):
            log.signals([signal(first + n) for n in range(1000)])
        await log.flush()
        following = asyncio.create_task(copy.follow(log, 0))
        await copy.finish(log)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    assert seqs(copy.path) == list(range(20_000))
    assert copy.lines == 20_000
