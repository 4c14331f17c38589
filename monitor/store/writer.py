"""Cuts signals, changes and checkpoints into numbered batches, and writes each exactly once, whatever the server does.

Queueing never blocks. The order is preserved: batches on disk are written before anything newer. A batch keeps its number
from the moment it is cut, so that one whose commit was never confirmed may be sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.signals import Clock, Signal
from monitor.store.batch import Batch, BatchRefused, Saver
from monitor.store.faults import StoreAway
from monitor.store.settings import StoreSettings
from monitor.store.spool import Spool
from monitor.store.write_queue import WriteQueue

MB = 1_000_000
FIRST_RETRY_S = 1.0
MAX_RETRY_S = 15.0
"""An absent server is tried again after 1, 2, 4 … 15 s."""

_log = logging.getLogger("stormwatch.store")


class Writer:
    """Feeds the store from the pipeline (an Observer). `run` writes; `flush` ends gracefully."""

    def __init__(self, store: Saver, settings: StoreSettings, clock: Clock, *, run_id: str | None = None) -> None:
        self.run_id = run_id or f"{clock():%Y%m%dT%H%M%S%f}-{os.getpid()}-{secrets.token_hex(4)}"
        """Identifies this run's batches for ever; sorts by time."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._folder = Path(settings.folder).expanduser() / "spool"
        self._queue = WriteQueue(settings.queue_rows)
        self._spool: Spool | None = None
        self._pending: Batch | None = None
        """The batch that was cut and is neither written nor on disk yet."""
        self._number = 0
        self._write_lock = asyncio.Lock()
        self._batch_full = asyncio.Event()
        self._retry_at_s = float("-inf")
        self._pause_s = FIRST_RETRY_S
        self.written = 0
        """Rows written, those of earlier runs included."""
        self.refused = 0
        """Batches the server will never accept; they are stored in spool/refused."""
        self.away = False
        """Whether the server was away when last tried."""

    @property
    def waiting(self) -> int:
        """Rows in memory."""
        return len(self._queue) + (self._pending.rows if self._pending else 0)

    @property
    def spooled(self) -> int:
        """Batches on disk."""
        return len(self._spool) if self._spool is not None else 0

    @property
    def damaged(self) -> int:
        """Lines of the spool that could not be read."""
        return self._spool.damaged if self._spool is not None else 0

    @property
    def dropped(self) -> Counter[str]:
        """Routine signals dropped because the queue was full, by kind."""
        return self._queue.dropped

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Queue signals."""
        self._queue.add_signals(signals)
        self._wake()

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Queue incident changes."""
        self._queue.add_required(changes)
        self._wake()

    def checkpoint(self, network: str, body: bytes) -> None:
        """Queue a checkpoint: it is written with or after everything queued before it."""
        self._queue.add_required([(network, body)])
        self._wake()

    async def run(self) -> None:
        """Write for ever: batches of earlier runs first. Ends only by cancellation; then call `flush`."""
        await self.drain()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._batch_full.wait(), self._settings.batch_s)
            self._batch_full.clear()
            await self.write_now()

    async def write_now(self) -> None:
        """Write the waiting rows now, or put them on disk if the server is away."""
        async with self._write_lock:
            spool = await self._open_spool()
            reachable = self._may_retry() and await self._drain(spool)
            while batch := self._next_batch():
                if reachable and await self._save(spool, batch):
                    self._pending = None
                    continue
                reachable = False
                if spool.full or not await self._put_on_disk(spool, batch):
                    break

    async def drain(self) -> bool:
        """Try at once to write the batches on disk; whether all of them are written."""
        async with self._write_lock:
            return await self._drain(await self._open_spool())

    async def flush(self) -> bool:
        """End gracefully: write everything, or leave it on disk if the server fails once. Whether everything is written.

        Raises OSError if neither is possible.
        """
        async with self._write_lock:
            spool = await self._open_spool()
            all_written = await self._drain(spool)
            while batch := self._next_batch():
                if all_written:
                    all_written = await self._save(spool, batch)
                if not all_written:
                    await asyncio.to_thread(spool.append, batch)
                self._pending = None
            await asyncio.to_thread(spool.close)
            self._spool = None
            return all_written

    def figures(self) -> Mapping[str, float]:
        """The numbers that telemetry and the status page show."""
        return {
            "waiting": self.waiting,
            "spooled": self.spooled,
            "written": self.written,
            "dropped": self.dropped.total(),
            "refused": self.refused,
            "damaged": self.damaged,
            "away": float(self.away),
        }

    def _wake(self) -> None:
        if len(self._queue) >= self._settings.batch_rows:
            self._batch_full.set()

    def _next_batch(self) -> Batch | None:
        """The pending batch, or a new one; None if nothing waits. It stays pending until it is written or on disk."""
        if self._pending is None and len(self._queue):
            self._number += 1
            self._pending = self._queue.cut(self.run_id, self._number, self._clock(), self._settings.batch_rows)
        return self._pending

    async def _put_on_disk(self, spool: Spool, batch: Batch) -> bool:
        """Put the pending batch on disk; if that fails, it stays pending."""
        try:
            await asyncio.to_thread(spool.append, batch)
        except OSError as error:
            _log.error("the spool cannot be written: %s; rows wait in memory", error)
            return False
        self._pending = None
        return True

    async def _save(self, spool: Spool, batch: Batch) -> bool:
        """Write one batch, or set it aside if the server refuses it; False if the server is away."""
        try:
            new = await self._store.save(batch)
        except StoreAway as error:
            self._mark_away(error)
            return False
        except BatchRefused as error:
            self.refused += 1
            path = await asyncio.to_thread(spool.set_aside, batch)
            _log.error("the server refused a batch of %d rows (%s); it is stored in %s", batch.rows, error, path)
            return True
        if new:
            self.written += batch.rows
        if self.away:
            _log.info("the store is back; %d batches wait on disk", len(spool))
        self.away = False
        self._pause_s = FIRST_RETRY_S
        return True

    async def _drain(self, spool: Spool) -> bool:
        while (batch := await asyncio.to_thread(spool.oldest)) is not None:
            if not await self._save(spool, batch):
                return False
            await asyncio.to_thread(spool.done)
            half_full = len(self._queue) > self._settings.queue_rows // 2
            if half_full and not spool.full and (newer := self._next_batch()):
                await self._put_on_disk(spool, newer)  # a long backlog must not cause newer rows to be dropped
        return True

    def _mark_away(self, error: StoreAway) -> None:
        if not self.away:
            _log.warning("the store is away (%s); new rows go to disk", error)
            self._pause_s = FIRST_RETRY_S
        self.away = True
        self._retry_at_s = asyncio.get_running_loop().time() + self._pause_s
        self._pause_s = min(self._pause_s * 2, MAX_RETRY_S)

    def _may_retry(self) -> bool:
        return not self.away or asyncio.get_running_loop().time() >= self._retry_at_s

    async def _open_spool(self) -> Spool:
        if self._spool is None:
            bound = self._settings.spool_mb * MB
            try:
                self._spool = await asyncio.to_thread(Spool.open, self._folder, self.run_id, bound)
            except OSError as error:
                raise OperatorError(
                    "store.folder",
                    self._settings.folder,
                    "a folder that can be written",
                    f"choose another, or repair it ({error.strerror})",
                ) from error
        return self._spool
