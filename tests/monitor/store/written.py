"""Writes rows into a store as the daemon does: into a local log first, from which the reader takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from monitor.incidents import IncidentChange
from monitor.log import Checkpoint, DeliveryResult, Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Clock, Signal
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER, StoreReader


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened_log(
    folder: Path, clock: Clock = utc_now, settings: LogSettings | None = None
) -> AsyncIterator[SqliteLog]:
    """A log in `folder` whose only reader is the database."""
    settings = settings or LogSettings(group_s=0.002)
    log = SqliteLog(folder, settings, {READER: Holding.UNTIL_LIMIT}, clock, run_id="run")
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def write(
    store: PostgresStore,
    *signals: Signal,
    changes: Sequence[IncidentChange] = (),
    checkpoints: Mapping[str, bytes] | None = None,
    deliveries: Sequence[DeliveryResult] = (),
    clock: Clock = utc_now,
) -> bool:
    """Append these to the log in the store's folder and write them; whether the database has all of the log."""
    settings = store._settings
    async with opened_log(Path(settings.folder) / "log", clock) as log:
        append(log, *signals, changes=changes, checkpoints=checkpoints, deliveries=deliveries)
        await log.flush()
        return await StoreReader(store, log, settings, clock).flush(20.0)


def append(
    log: SqliteLog,
    *signals: Signal,
    changes: Sequence[IncidentChange] = (),
    checkpoints: Mapping[str, bytes] | None = None,
    deliveries: Sequence[DeliveryResult] = (),
) -> None:
    """Append these to a log."""
    if signals:
        log.signals(signals)
    if changes:
        log.changes(changes)
    for network, body in (checkpoints or {}).items():
        log.checkpoint(Checkpoint(network, body))
    for result in deliveries:
        log.delivery(result)
