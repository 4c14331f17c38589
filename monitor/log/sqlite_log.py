"""The SQLite engine of the log: one thread writes groups of what was appended, and any number of readers follow.

Appending never waits for the disk: items go into an inbox (`inbox.py`) that the writing thread empties. A group waits at most
`group_s`, an incident change for nothing. When the disk is full, required items use room that the log keeps, routine signals
wait in memory, and everything goes on by itself when there is room.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import cast

from monitor.incidents import IncidentChange
from monitor.log import Checkpoint, Chunk, DeliveryResult, Entry, Holding, Image, Place, Stream
from monitor.log.codec import encode, encode_signals
from monitor.log.health import LogHealth
from monitor.log.inbox import Inbox
from monitor.log.reserve import Reserve
from monitor.log.segments import Segments
from monitor.log.settings import LogSettings
from monitor.log.waiting import REQUIRED, Group, Single, Waiting, id_and_key
from monitor.signals import Clock, Signal
from monitor.signals.kinds import KINDS

GROUP_ROWS = 20_000
"""The most rows of one transaction."""
IDLE_S = 1.0
RETRY_S = 0.5
TIDY_S = 5.0
CLOSE_S = 3.0
READ_THREADS = 2

_STREAMS: Mapping[type[Single], Stream] = {
    IncidentChange: Stream.CHANGE,
    Checkpoint: Stream.CHECKPOINT,
    DeliveryResult: Stream.DELIVERY,
    Image: Stream.IMAGE,
}
log = logging.getLogger("stormwatch.log")


class SqliteLog:
    """The log in `folder`. `readers` names every reader and how long what it has not read is kept.

    `await open()` first, on the event loop that reads; `await close()` last. Fulfils Appender and Readable.
    """

    def __init__(
        self,
        folder: Path,
        settings: LogSettings,
        readers: Mapping[str, Holding],
        clock: Clock,
        *,
        run_id: str | None = None,
    ) -> None:
        self.run_id = run_id or f"{clock():%Y%m%dT%H%M%S%f}-{os.getpid()}-{secrets.token_hex(4)}"
        """Identifies this run; sorts by time."""
        self._settings = settings
        self._clock = clock
        self._segments = Segments(folder, settings, readers)
        self._reserve = Reserve(folder / "reserve", settings.reserve_mb * 1_000_000)
        self._inbox = Inbox()
        self._waiting = Waiting(settings.queue_rows)
        self._overflowed: Counter[str] = Counter()
        self._dropped: Mapping[str, int] = {}
        self._lost: Mapping[str, int] = {}
        self._places: dict[str, Place] = {}
        self._moved: dict[str, Place | None] = {}
        self._known_changes: set[str] = set()
        self._groups = 0
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._idle = False
        self._closing = False
        self._failing: str | None = None
        self._tidied_s = 0.0
        self._retry_s = 0.0
        self._blocked = False
        """Whether required items do not fit either: they are tried again with everything else."""
        self._written = 0
        self._end = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._grown = asyncio.Event()
        self._settled = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="log-read")

    @property
    def id(self) -> str:
        """Identifies this log for ever."""
        return self._segments.log_id

    @property
    def end(self) -> int:
        """The position of the last durable entry; 0 for an empty log."""
        return self._end

    @property
    def start(self) -> int:
        """The position before the first entry that is still held."""
        return self._segments.start

    async def open(self) -> None:
        """Open or make the log, and begin to write. Raises OperatorError: another daemon uses it, or it cannot be written."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread = threading.Thread(target=self._run, name="log-write", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        self._segments.open(self._clock(), self._reserve)
        self._keep_room()
        self._end = self._segments.end
        self._places = self._segments.places()
        self._known_changes = self._segments.change_ids()

    async def close(self) -> None:
        """Write what was appended, and end. What the disk does not take within `CLOSE_S` is lost, and counted as dropped."""
        self._closing = True
        self._wake.set()
        self._urgent.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, CLOSE_S + 1.0)
            self._thread = None
        await asyncio.to_thread(self._readers.shutdown)
        await asyncio.to_thread(self._segments.close)

    def signals(self, signals: Sequence[Signal]) -> None:
        """Append signals."""
        if len(self._inbox) > self._settings.queue_rows:  # the thread hangs in a write: the disk does not answer
            signals = self._only_required(signals)
            if not signals:
                return
        self._inbox.extend(signals)
        if self._idle:
            self._wake.set()

    def _only_required(self, signals: Sequence[Signal]) -> list[Signal]:
        """Drop routine signals, and all if the required ones alone are too many."""
        full = len(self._inbox) > REQUIRED * self._settings.queue_rows
        kept = [] if full else [one for one in signals if not KINDS[one.kind].droppable]
        self._overflowed.update(one.kind.value for one in signals if full or KINDS[one.kind].droppable)
        return kept

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        """Append incident changes, at once."""
        self._inbox.add(*changes)
        self._urgent.set()
        self._wake.set()

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Append a checkpoint."""
        self._add(checkpoint)

    def delivery(self, result: DeliveryResult) -> None:
        """Append a delivery's result."""
        self._add(result)

    def image(self, image: Image) -> None:
        """Append the correlator's state after everything before it. The image before it is removed."""
        self._add(image)

    def _add(self, value: Single) -> None:
        self._inbox.add(value)
        if self._idle:
            self._wake.set()

    def place(self, reader: str) -> Place:
        """Where this reader stands. A new one begins at the first entry if it holds until the limit, else at the end."""
        return self._places[reader]

    def acknowledge(self, reader: str, place: Place) -> None:
        """Remember a reader's place: durable with the next group."""
        self._places[reader] = place
        self._moved[reader] = place
        if self._idle:
            self._wake.set()

    def begin(self, reader: str) -> None:
        """Let a reader that was not named at the start begin at the present end, held for a time. One with a place keeps it."""
        if reader not in self._places:
            self.acknowledge(reader, Place(self._end))

    def forget(self, reader: str) -> None:
        """A reader is gone for good: nothing is kept for it, and a later one of this name begins anew."""
        self._places.pop(reader, None)
        self._moved[reader] = None
        if self._idle:
            self._wake.set()

    async def read(self, after: int, streams: Collection[Stream], max_rows: int = 5000) -> Chunk:
        """The next durable entries of these streams behind `after`: at least one if there is any, about `max_rows` rows."""
        end = self._end
        if after >= end:
            return Chunk((), after)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._segments.read, after, end, tuple(streams), max_rows)

    async def wait(self, after: int) -> None:
        """Return when an entry behind `after` is durable."""
        while self._end <= after:
            self._grown.clear()
            await self._grown.wait()

    def latest(self, stream: Stream) -> Mapping[str, Entry]:
        """The last entry of each key of a stream, however old."""
        return self._segments.latest(stream)

    async def flush(self) -> None:
        """Return when everything appended so far is durable, or the disk cannot be written."""
        while not (self._idle and not len(self._inbox) and not len(self._waiting)) and self._failing is None:
            self._settled.clear()
            self._urgent.set()
            self._wake.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), RETRY_S)

    def health(self) -> LogHealth:
        """How the log is now."""
        return LogHealth(
            failing=self._failing,
            waiting=len(self._inbox) + len(self._waiting),
            written=self._written,
            size=self._segments.size,
            segments=len(self._segments),
            dropped=self._dropped,
            lost=self._lost,
            damaged=self._segments.damaged,
        )

    # Everything below runs in the writing thread.

    def _run(self) -> None:
        """Write groups until `close`. A failure of ours is logged, and the thread goes on."""
        until_s, taken_s = float("inf"), monotonic()
        while True:
            self._idle = True
            if not len(self._inbox) and not self._moved and not self._closing:
                self._wake.wait(RETRY_S if len(self._waiting) else IDLE_S)
            self._wake.clear()
            self._idle = False
            if not self._urgent.is_set():
                self._urgent.wait(self._settings.gather_s(monotonic() - taken_s))
            self._urgent.clear()
            taken_s = monotonic()
            try:
                self._round()
            except Exception:  # our own fault: nothing must end this thread
                log.exception("the log's thread failed and goes on")
            self._dropped = dict(self._waiting.dropped + self._overflowed + self._segments.thinned)
            self._lost = dict(self._segments.lost)
            self._call(self._settled.set)
            if self._closing:
                until_s = min(until_s, monotonic() + CLOSE_S)
                left = len(self._inbox) + len(self._waiting)
                if not (left or self._moved) or monotonic() > until_s:
                    if left:
                        changes = self._waiting.changes + self._inbox.changes
                        log.error(
                            "%d rows were not written, of these %d incident changes: %s", left, changes, self._failing
                        )
                    return

    def _round(self) -> None:
        waiting = self._waiting
        if monotonic() - self._tidied_s >= TIDY_S:
            self._tidy()
        if self._failing is not None and monotonic() >= self._retry_s:
            self._recover()
        for part in self._inbox.take():  # once: a round that never ends would neither tidy nor gather
            waiting.add(part)
        while True:
            if self._failing is None:
                self._keep_room()
            failing = self._failing is not None
            if failing and self._blocked and monotonic() < self._retry_s:
                return
            group = waiting.cut_required(GROUP_ROWS) if failing else waiting.cut(GROUP_ROWS)
            if not group.parts and (failing or not self._moved):
                return
            if not self._write(group):
                return

    def _write(self, group: Group) -> bool:
        """Write one group; False if the disk does not take it: then it waits again."""
        moved = {name: self._moved.pop(name) for name in list(self._moved)}
        try:
            entries = self._entries(group)
            self._segments.append(entries, moved)
        except (sqlite3.Error, OSError) as error:
            for name, place in moved.items():
                self._moved.setdefault(name, place)
            self._waiting.put_back(group)
            self._blocked = self._failing is not None and not self._reserve.release()
            self._fail(error)
            return False
        self._blocked = False
        self._known_changes.update(one.id for one in entries if one.stream is Stream.CHANGE)
        self._written += group.rows
        if entries:
            self._end = entries[-1].position
            self._call(self._grown.set)
        return True

    def _entries(self, group: Group) -> list[Entry]:
        """The entries of a group: adjacent runs of signals are one, and a change that is written already is none."""
        at = self._clock()
        made: list[tuple[Stream, str, str, int, bytes]] = []
        for is_run, parts in groupby(group.parts, lambda part: isinstance(part, Sequence)):
            if is_run:
                runs = cast("list[Sequence[Signal]]", list(parts))
                made.append((Stream.SIGNALS, "", "", sum(map(len, runs)), encode_signals(*runs)))
                continue
            for value in cast("Iterator[Single]", parts):
                name, key = id_and_key(value)
                stream = _STREAMS[type(value)]
                if stream is Stream.CHANGE and (name in self._known_changes or any(one[1] == name for one in made)):
                    continue
                made.append((stream, name, key, 1, encode(value)))
        return [
            Entry(
                position=position, stream=stream, id=name or self._group_id(), key=key, run_id=self.run_id,
                at=at, rows=rows, body=body,
            )
            for position, (stream, name, key, rows, body) in enumerate(made, self._segments.end + 1)
        ]  # fmt: skip

    def _group_id(self) -> str:
        self._groups += 1
        return f"{self.run_id}:{self._groups}"

    def _keep_room(self) -> None:
        try:
            self._segments.keep_room()
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Hold routine signals back. Required items use the segment's own room; if that is used up, what the reserve frees."""
        why = f"{type(error).__name__}: {error}"
        if self._failing is None:
            log.error("the log cannot be written (%s); incidents use its reserve, routine signals wait in memory", why)
        self._failing = why
        self._retry_s = monotonic() + RETRY_S

    def _recover(self) -> None:
        """See whether there is room again: for the reserve, in the newest segment, and in another one if it is time."""
        self._retry_s = monotonic() + RETRY_S
        try:
            self._segments.remove_read(self._clock(), at_once=True)
            self._reserve.take()
            self._segments.keep_room()
            self._segments.append([], dict(self._places))
        except (sqlite3.Error, OSError) as error:
            self._failing = f"{type(error).__name__}: {error}"
            return
        dropped = sum(self._waiting.dropped.values()) + sum(self._overflowed.values())
        log.warning(
            "the log can be written again; %d items waited, %d signals were dropped since the start",
            len(self._waiting), dropped,
        )  # fmt: skip
        self._failing, self._blocked = None, False

    def _tidy(self) -> None:
        self._tidied_s = monotonic()
        try:
            if self._failing is not None:
                return  # what is left of the room is for incidents
            self._reserve.take()
            self._segments.tidy(self._clock(), dict(self._places))
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
        if self._segments.was_cut:
            self._known_changes = self._segments.change_ids()

    def _call(self, function: Callable[[], None]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(function)
