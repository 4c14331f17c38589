"""Follows the log into the database: chunks in order, each in one transaction, each exactly once, whatever the server does.

The next chunk is read and decoded in a thread while the server works on the present one. The place is read from the
database after every lost connection, so that a commit whose answer was lost is not repeated.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from monitor.errors import OperatorError
from monitor.log import Chunk, Place, Readable
from monitor.signals import Clock
from monitor.store.copy_format import Known
from monitor.store.faults import BAD_ROW, TROUBLE, Lag, State, reason, state_of
from monitor.store.log_rows import STREAMS, Rows, Unit, joined, rows_of, units_of
from monitor.store.postgres import PostgresStore
from monitor.store.refused_rows import RefusedRows
from monitor.store.session import Owner, Session
from monitor.store.settings import StoreSettings

READER = "database"
"""The reader's name in the log."""
FIRST_RETRY_S = 1.0
MAX_RETRY_S = 15.0
"""An absent server is tried again after 1, 2, 4 … 15 s."""
LINGER_S = 1.0
"""Signals that trickle in are written once in so long."""
RENEW_S = 10.0
"""An idle reader renews its lease, and sees whether the server answers, once in so long."""
CATCH_UP = 4
"""While it catches up, a chunk is so many times larger."""
MAX_TRIALS = 2000
"""How often parts of one chunk are tried to find its bad rows; what is still in doubt then is set aside."""
_WAITING = (State.AWAY, State.SILENT, State.REFUSING)

_log = logging.getLogger("stormwatch.store")


@dataclass(frozen=True, slots=True)
class _Prepared:
    chunk: Chunk
    rows: Rows | None
    """None: an entry cannot be decoded."""
    full: bool
    """Whether more is likely to wait behind it."""
    read_at: datetime


class StoreReader:
    """The database's reader of the log. `run` follows; at a stop `flush` writes the rest. One event loop."""

    def __init__(
        self, store: PostgresStore, log: Readable, settings: StoreSettings, clock: Clock, *, vantage: str = "local"
    ) -> None:
        self._server = store.server
        self._log = log
        self._settings = settings
        self._clock = clock
        self._owner = Owner(
            vantage, log.id, f"{socket.gethostname()}:{os.getpid()} since {clock():%Y-%m-%d %H:%M:%S} UTC"
        )
        self._refused = RefusedRows(Path(settings.folder).expanduser() / "refused", log.id)
        self._known = Known()
        self._position = log.place(READER).position
        self._oldest_at: datetime | None = None
        self._full = False
        self._read_s = float("-inf")
        self._pause_s = FIRST_RETRY_S
        self._silences = 0
        self._until: int | None = None
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running = False
        self._failed = False
        self._state = State.AWAY
        self._why = "not connected yet"
        self._written = self._refused_rows = self._missed = 0

    async def run(self) -> None:
        """Follow the log until cancelled, or until `flush` has what it wants.

        Raises OperatorError only if another daemon holds the lease of this vantage.
        """
        self._running = True
        try:
            await asyncio.to_thread(_tell_of_spool, self._settings.folder)
            while self._until is None:
                try:
                    await self._follow()
                except TROUBLE as error:
                    self._tell(error)
                    if self._until is None:
                        await self._pause()
            self._stopped.set()
            await asyncio.Event().wait()
        finally:
            self._running = False
            self._stopped.set()

    async def flush(self, timeout_s: float) -> bool:
        """Write what is durable in the log by now and give the lease back; whether all of it is written.

        Gives up after `timeout_s`, and at once if the server is away. Call it once, at a stop, before or after `run` ends.
        """
        self._until = self._log.end
        self._stop.set()
        if not (self._failed and self._state in _WAITING):
            try:
                async with asyncio.timeout(timeout_s):
                    await (self._stopped.wait() if self._running else self._follow())
            except (*TROUBLE, OperatorError) as error:
                self._tell(error)
        if (left := self._until - self._position) > 0:
            _log.warning("the database lacks %d entries of the log; the next start writes them", left)
        return left <= 0

    def lag(self) -> Lag:
        """How far the database is behind."""
        entries = max(0, self._log.end - self._position)
        age_s = (self._clock() - self._oldest_at).total_seconds() if self._oldest_at is not None else None
        why = self._why
        if not why and self._missed:
            why = f"{self._missed} entries were removed from the log before they were written: raise log.max_mb"
        return Lag(
            entries=entries,
            rows=None if entries else 0,
            behind_s=age_s if entries else 0.0,
            state=self._state,
            why=why,
            written=self._written,
            refused=self._refused_rows,
            missed=self._missed,
        )

    async def _follow(self) -> None:
        """Connect and write chunk by chunk until the connection fails or `flush` has what it wants."""
        connect_s = self._settings.connect_timeout_s
        patient_s = min(connect_s * 2**self._silences, max(connect_s, self._settings.statement_timeout_s))
        session = await Session.open(self._server, self._owner, patient_s, self._settings.statement_timeout_s)
        ahead: asyncio.Task[_Prepared] | None = None
        stop = asyncio.create_task(self._stop.wait())
        try:
            await self._find_place(session)
            self._now(State.CONNECTED)
            while self._until is None or self._position < self._until:
                ahead = ahead or asyncio.create_task(self._prepare(self._position))
                done, _ = await asyncio.wait({ahead, stop} if not self._stop.is_set() else {ahead}, timeout=RENEW_S,
                                             return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
                if ahead not in done:
                    if not done:
                        await session.renew(connect_s)
                        self._well()
                    continue
                prepared, ahead = ahead.result(), None
                self._oldest_at = prepared.chunk.entries[0].at if prepared.chunk.entries else None
                if self._until is None or prepared.chunk.reached < self._until:
                    ahead = asyncio.create_task(self._prepare(prepared.chunk.reached))
                await self._write(session, prepared)
            await session.close()
        finally:
            session.terminate()
            await asyncio.sleep(0)  # the transport ends in the next round of the loop
            for task in (ahead, stop):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def _find_place(self, session: Session) -> None:
        end, start = self._log.end, self._log.start
        position = await session.position(end)
        if position > end:
            _log.error("the database holds %d entries that the log has lost; it goes on behind them", position - end)
            position = end
        if position < start:
            self._missed += start - position
            _log.error(
                "%d entries were removed from the log before they were written to the database", start - position
            )
            await session.write(Rows(), position, start)
            position = start
        self._reach(position)
        await self._look_for_oldest()

    async def _prepare(self, after: int) -> _Prepared:
        """Read and decode the next chunk, as soon as there is one worth a transaction."""
        if not self._full:
            await self._linger()
        max_rows = self._settings.batch_rows * (CATCH_UP if self._full else 1)
        chunk = await self._log.read(after, STREAMS, max_rows)
        while not chunk.entries and chunk.reached <= after:
            await self._log.wait(after)
            await self._linger()
            chunk = await self._log.read(after, STREAMS, max_rows)
        self._read_s, read_at = asyncio.get_running_loop().time(), self._clock()
        self._full = sum(entry.rows for entry in chunk.entries) >= self._settings.batch_rows
        try:
            rows = await asyncio.to_thread(rows_of, chunk.entries, self._known)
        except ValueError:
            rows = None
        return _Prepared(chunk, rows, self._full, read_at)

    async def _linger(self) -> None:
        left_s = self._read_s + LINGER_S - asyncio.get_running_loop().time()
        if left_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), left_s)

    async def _write(self, session: Session, prepared: _Prepared) -> None:
        reached, rows = prepared.chunk.reached, prepared.rows
        try:
            if rows is None:
                raise ValueError("an entry cannot be decoded")
            await session.write(rows, self._position, reached)
        except BAD_ROW:
            rows = await self._write_carefully(session, prepared.chunk)
        self._written += len(rows)
        entries = prepared.chunk.entries  # what waits now came later
        self._oldest_at = entries[-1].at if prepared.full and entries else prepared.read_at
        self._reach(reached)
        self._now(State.CATCHING_UP if prepared.full and self._log.end > reached else State.CONNECTED)
        self._well()

    async def _write_carefully(self, session: Session, chunk: Chunk) -> Rows:
        """Write a chunk of which the server refused something: cleaned, and without the rows that it still refuses."""
        session.forget_partitions()
        units = await asyncio.to_thread(units_of, chunk.entries)
        good, bad = await _sifted(session, units)
        if bad:
            await asyncio.to_thread(self._refused.put, bad)
        rows = joined(good)
        await session.write(rows, self._position, chunk.reached)
        self._refused_rows += len(bad)
        return rows

    def _reach(self, position: int) -> None:
        self._position = position
        self._log.acknowledge(READER, Place(position))

    async def _pause(self) -> None:
        """Wait before the next attempt, and find out how old the oldest entry is that waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s):
                await self._look_for_oldest()
                await self._stop.wait()
        self._pause_s = min(self._pause_s * 2, MAX_RETRY_S)

    async def _look_for_oldest(self) -> None:
        if self._oldest_at is None and self._log.end > self._position:
            entries = (await self._log.read(self._position, STREAMS, 1)).entries
            self._oldest_at = entries[0].at if entries else None

    def _well(self) -> None:
        self._pause_s = FIRST_RETRY_S
        self._silences = 0

    def _now(self, state: State) -> None:
        if self._failed and self._state in _WAITING:
            _log.info("the database is back; %d entries of the log wait", self._log.end - self._position)
        self._state, self._why = state, ""

    def _tell(self, error: Exception) -> None:
        state = state_of(error)
        why = reason(error, self._server.shown, self._settings.connect_timeout_s)
        if (state, why) != (self._state, self._why):
            _log.warning("the database is %s (%s); the log keeps what it lacks", state, why)
        self._silences = self._silences + 1 if state is State.SILENT else 0
        self._failed, self._state, self._why = True, state, why


async def _sifted(session: Session, units: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """The units that the server takes, and those that it does not with its reason, in order."""
    good: list[Unit] = []
    bad = [unit for unit in units if unit.record is None]
    parts = [[unit for unit in units if unit.record is not None]]
    trials = 0
    while parts:
        part = parts.pop()
        trials += 1
        error = await session.refusal_of(joined(part)) if trials <= MAX_TRIALS else TimeoutError("too many bad rows")
        if error is None:
            good += part
        elif len(part) == 1 or trials > MAX_TRIALS:
            bad += [replace(unit, why=f"{type(error).__name__}: {error}") for unit in part]
        else:
            parts += [part[len(part) // 2 :], part[: len(part) // 2]]
    return good, sorted(bad, key=lambda unit: unit.entry.position)


def _tell_of_spool(store_folder: str) -> None:
    folder = Path(store_folder).expanduser() / "spool"
    files = list(folder.glob("*/*.jsonl")) if folder.is_dir() else []
    if files:
        _log.warning(
            "%d files in %s hold rows that an earlier version could not write to the database; this version does not read "
            "them: let that version write them, or remove them", len(files), folder,
        )  # fmt: skip
