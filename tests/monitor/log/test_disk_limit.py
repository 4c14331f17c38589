"""The bounds of the log's folder: routine signals before whole segments, and one daemon at a time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.log import Holding, Place, Stream, sqlite_log
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.log.segments import held_by
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import SignalKind
from tests.monitor.alerting.sinks.changes import change, signal
from tests.monitor.log.test_sqlite_log import fill


@pytest.fixture(autouse=True)
def tidy_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments are closed and removed without waiting for the next turn."""
    monkeypatch.setattr(sqlite_log, "TIDY_S", 0.0)


def made(folder: Path) -> SqliteLog:
    settings = LogSettings(segment_mb=1, max_mb=4, group_s=0.002)
    readers = {"database": Holding.UNTIL_LIMIT, "sink desk": Holding.FOR_A_TIME}
    return SqliteLog(folder, settings, readers, lambda: datetime.now(UTC))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqliteLog]:
    log = made(folder)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def test_what_may_not_be_dropped_stays_when_the_routine_signals_beside_it_go(tmp_path: Path) -> None:
    forced = signal(7, {}, kind=SignalKind.LIQUIDATION)
    async with opened(tmp_path) as log:
        n = 0
        log.signals([signal(1, {}, kind=SignalKind.BOOK), forced, signal(2, {}, kind=SignalKind.BOOK)])
        while not log.health().dropped:
            n = await fill(log, log.health().segments + 1, n)
        [first, *_] = [entry async for chunk in remaining(log, 0, (Stream.SIGNALS,)) for entry in chunk.entries]
        assert decode_signals(first.body) == [forced]
        assert first.rows == 1
        assert set(log.health().dropped) == {"book"}
        assert log.health().lost == {}


async def test_a_log_of_required_signals_alone_loses_its_oldest_segment_and_says_to_whom(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        log.acknowledge("sink desk", Place(10**9))
        n = 0
        while not log.health().lost:
            log.signals([signal(n + k, {"noise": os.urandom(2000).hex()}) for k in range(100)])
            await log.flush()
            n += 100
        assert set(log.health().lost) == {"database"}
        assert log.health().dropped == {}
        assert log.start > 0


async def test_a_folder_tells_who_uses_it_and_nobody_when_it_is_free(tmp_path: Path) -> None:
    assert held_by(tmp_path) is None
    async with opened(tmp_path):
        assert str(held_by(tmp_path)).startswith("process ")
    assert held_by(tmp_path) is None


async def test_a_second_log_in_one_process_cannot_have_the_folder_and_can_when_the_first_has_closed(
    tmp_path: Path,
) -> None:
    second = made(tmp_path)
    async with opened(tmp_path) as log:
        log.changes([change(revision=1)])
        with pytest.raises(OperatorError, match="no other daemon"):
            await second.open()
    async with opened(tmp_path) as log:
        assert log.end >= 1
