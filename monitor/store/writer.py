"""Takes what passes, cuts it into numbered batches, and sees each written exactly once, whatever the server does.

Queueing never blocks. Order is kept from end to end: what is on disk is written before anything newer. A batch keeps its
number from the moment it is cut, so that one whose commit we never heard of may be sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.signals import Signal
from monitor.store.batch import Batch, BatchRefused, Saver, StoreAway
from monitor.store.settings import StoreSettings
from monitor.store.spool import Spool
from monitor.store.write_queue import Waiting

Clock = Callable[[], datetime]

MB = 1_000_000
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 15.0
"""An absent server is tried again after 1, 2, 4 … 15 s."""

_log = logging.getLogger("stormwatch.store")


class Writer:
    """The store's end of the pipeline (an Observer). `run` writes; `flush` is the graceful end."""

    def __init__(self, store: Saver, settings: StoreSettings, clock: Clock, *, run_id: str | None = None) -> None:
        self.run_id = run_id or f"{clock():%Y%m%dT%H%M%S%f}-{os.getpid()}-{secrets.token_hex(4)}"
        """Names this run's batches for good; sorts by time."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._folder = Path(settings.folder).expanduser() / "spool"
        self._queue = Waiting(settings.queue_rows)
        self._spool: Spool | None = None
        self._held: Batch | None = None
        """Cut, and neither written nor on disk yet."""
        self._number = 0
        self._turning = asyncio.Lock()
        self._enough = asyncio.Event()
        self._retry_at_s = float("-inf")
        self._pause_s = RETRY_FIRST_S
        self.written = 0
        """Rows written, those of earlier runs included."""
        self.refused = 0
        """Batches the server will never take; they lie in spool/refused."""
        self.away = False
        """Whether the server was away when last tried."""

    @property
    def waiting(self) -> int:
        """Rows in memory."""
        return len(self._queue) + (self._held.rows if self._held else 0)

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
        """Routine signals given up because the queue was full, by kind."""
        return self._queue.dropped

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Queue signals."""
        self._queue.add_signals(signals)
        self._wake()

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Queue incident changes."""
        self._queue.add_kept(changes)
        self._wake()

    def checkpoint(self, network: str, body: bytes) -> None:
        """Queue a checkpoint: it is written with or after everything told before it."""
        self._queue.add_kept([(network, body)])
        self._wake()

    async def run(self) -> None:
        """Write for ever: leavings of earlier runs first. Ends only by cancellation; then call `flush`."""
        await self.drain()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), self._settings.batch_s)
            self._enough.clear()
            await self.turn()

    async def turn(self) -> None:
        """Write what waits now, or put it on disk where the server is away."""
        async with self._turning:
            spool = await self._opened()
            there = self._due() and await self._drain(spool)
            while batch := self._next():
                if there and await self._saved(spool, batch):
                    self._held = None
                    continue
                there = False
                if spool.full or not await self._put(spool, batch):
                    break

    async def drain(self) -> bool:
        """Try at once to write what lies on disk; whether all of it is written."""
        async with self._turning:
            return await self._drain(await self._opened())

    async def flush(self) -> bool:
        """The graceful end: write all, trying the server once, else leave it on disk. Whether all of it is written.

        Raises OSError where neither will have it.
        """
        async with self._turning:
            spool = await self._opened()
            whole = await self._drain(spool)
            while batch := self._next():
                if whole:
                    whole = await self._saved(spool, batch)
                if not whole:
                    await asyncio.to_thread(spool.append, batch)
                self._held = None
            await asyncio.to_thread(spool.close)
            self._spool = None
            return whole

    def figures(self) -> Mapping[str, float]:
        """What telemetry and the status page show."""
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
            self._enough.set()

    def _next(self) -> Batch | None:
        """The batch that was held, or a new one; None where nothing waits. It stays held until it is safe."""
        if self._held is None and len(self._queue):
            self._number += 1
            self._held = self._queue.cut(self.run_id, self._number, self._clock(), self._settings.batch_rows)
        return self._held

    async def _put(self, spool: Spool, batch: Batch) -> bool:
        """Put the held batch on disk; where the disk will not have it, it stays held."""
        try:
            await asyncio.to_thread(spool.append, batch)
        except OSError as error:
            _log.error("the spool cannot be written: %s; rows wait in memory", error)
            return False
        self._held = None
        return True

    async def _saved(self, spool: Spool, batch: Batch) -> bool:
        """Write one batch, or set it aside where the server never will; False where the server is away."""
        try:
            new = await self._store.save(batch)
        except StoreAway as error:
            self._went_away(error)
            return False
        except BatchRefused as error:
            self.refused += 1
            path = await asyncio.to_thread(spool.set_aside, batch)
            _log.error("the server refused a batch of %d rows (%s); it lies in %s", batch.rows, error, path)
            return True
        if new:
            self.written += batch.rows
        if self.away:
            _log.info("the store is back; %d batches wait on disk", len(spool))
        self.away = False
        self._pause_s = RETRY_FIRST_S
        return True

    async def _drain(self, spool: Spool) -> bool:
        while (batch := await asyncio.to_thread(spool.oldest)) is not None:
            if not await self._saved(spool, batch):
                return False
            await asyncio.to_thread(spool.done)
            crowded = len(self._queue) > self._settings.queue_rows // 2
            if crowded and not spool.full and (newer := self._next()):
                await self._put(spool, newer)  # a long backlog must not cost what comes meanwhile
        return True

    def _went_away(self, error: StoreAway) -> None:
        if not self.away:
            _log.warning("the store is away (%s); what comes now goes to disk", error)
            self._pause_s = RETRY_FIRST_S
        self.away = True
        self._retry_at_s = asyncio.get_running_loop().time() + self._pause_s
        self._pause_s = min(self._pause_s * 2, RETRY_MOST_S)

    def _due(self) -> bool:
        return not self.away or asyncio.get_running_loop().time() >= self._retry_at_s

    async def _opened(self) -> Spool:
        if self._spool is None:
            bound = self._settings.spool_mb * MB
            try:
                self._spool = await asyncio.to_thread(Spool.open, self._folder, self.run_id, bound)
            except OSError as error:
                raise OperatorError(
                    "store.folder",
                    self._settings.folder,
                    "a folder that can be written",
                    f"choose another, or mend it ({error.strerror})",
                ) from error
        return self._spool
