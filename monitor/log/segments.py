"""The files of a log in order: which one is written, which are read, and which may be removed.

A closed segment is removed when every reader has read it and it is older than `keep_s`; without its slow readers when it is
older than `outlet_keep_s` and the database has read it. Beyond `max_mb` the oldest routine signals go first, then the oldest
segment that the database has read, then the oldest. What a reader loses by this is counted and logged.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import IO

from monitor.errors import OperatorError
from monitor.log import Chunk, Entry, Holding, Place, Stream
from monitor.log.codec import decode_signals, encode_signals
from monitor.log.holder import LOCK, holder
from monitor.log.reserve import Reserve
from monitor.log.segment import SUFFIX, DamagedSegment, Segment, remove
from monitor.log.settings import LogSettings
from monitor.signals.kinds import KINDS

MB = 1_000_000
BEYOND_DAMAGE = 1_000_000_000
"""Positions skipped behind a damaged segment: nobody knows how many it held, and no position may be used twice."""
LOCK_TRIALS, LOCK_PAUSE_S = 10, 0.02
log = logging.getLogger("stormwatch.log")


class Segments:
    """The segments of one folder. Written by one thread, read by several."""

    def __init__(self, folder: Path, settings: LogSettings, readers: Mapping[str, Holding]) -> None:
        self._folder = folder
        self._settings = settings
        self._holdings = dict(readers)
        self._room = round(min(settings.reserve_mb / 4, settings.segment_mb / 16) * MB)
        self._all: list[Segment] = []
        self._guard = Lock()
        self._lock_file: IO[str] | None = None
        self._begun: datetime | None = None
        self._size = 0
        self._places: dict[str, Place] = {}
        self._latest: dict[tuple[Stream, str], Entry] = {}
        self._beyond = 0
        """Where positions go on if a segment was damaged."""
        self.log_id = ""
        self.was_cut = False
        """Whether segments were removed at the last `tidy`."""
        self.damaged = 0
        self.thinned: Counter[str] = Counter()
        """Routine signals removed by the disk limit, by kind."""
        self.lost: Counter[str] = Counter()
        """Rows removed before a reader had read them, by reader."""

    def __len__(self) -> int:
        return len(self._all)

    @property
    def end(self) -> int:
        """The position of the last entry."""
        return self._all[-1].last if self._all else 0

    @property
    def start(self) -> int:
        """The position before the first entry."""
        return self._all[0].after if self._all else 0

    @property
    def size(self) -> int:
        """Bytes on disk, as of the last `tidy`."""
        return self._size

    def open(self, now: datetime, reserve: Reserve) -> None:
        """Open every segment, or begin a log, with the room of `reserve`. Raises OperatorError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock(now)
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                self._open_one(path)
            self._all.sort(key=lambda one: one.after)
            if self._all and not self._beyond:
                reserve.share(self._all[-1].wal)
            else:
                reserve.release()
            self.log_id = self._all[-1].log_id if self._all else secrets.token_hex(16)
            self._places = self._starting_places()
            self._latest = {(one.stream, one.key): one for one in (self._all[-1].latest() if self._all else ())}
            after = max(self.end, self._beyond)
            if not self._all or self._beyond or self._all[-1].used > self._settings.segment_mb * MB:
                self._all.append(Segment.create(self._folder, self.log_id, after, self._places, self._latest.values()))
            else:
                self._all[-1].append([], self._places)
            self._begun = now
            self._size = sum(one.size for one in self._all)
        except (OSError, sqlite3.Error) as error:
            self.close()
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise OperatorError(
                "store.folder", str(self._folder), "a folder on a disk with room, that this user can write",
                f"{why}: make room, or choose another folder",
            ) from error  # fmt: skip

    def _open_one(self, path: Path) -> None:
        try:
            self._all.append(Segment.open(path))
        except DamagedSegment as error:
            self.damaged += 1
            aside = path.with_name(path.name + ".damaged")
            for ending in ("", "-wal", "-shm"):
                part = path.with_name(path.name + ending)
                if part.exists():
                    part.replace(aside.with_name(aside.name + ending))
            first = int(path.name.removesuffix(SUFFIX)) if path.name.removesuffix(SUFFIX).isdigit() else 0
            self._beyond = max(self._beyond, first + BEYOND_DAMAGE)
            log.error("a segment of the log is damaged (%s); it is set aside as %s", error, aside.name)  # noqa: TRY400

    def _starting_places(self) -> dict[str, Place]:
        stored: dict[str, Place] = self._all[-1].places() if self._all else {}
        new = {
            name: Place(self.start if holding is Holding.UNTIL_LIMIT else max(self.end, self._beyond))
            for name, holding in self._holdings.items()
        }
        return {name: stored.get(name, new[name]) for name in self._holdings}

    def places(self) -> dict[str, Place]:
        """The readers' places: those of the last run, and a beginning for each new reader."""
        return dict(self._places)

    def change_ids(self) -> set[str]:
        """The ids of all incident changes that are held."""
        return {name for one in self._all for name in one.ids(Stream.CHANGE)}

    def append(self, entries: list[Entry], places: Mapping[str, Place | None]) -> None:
        """Write entries behind all others, and readers' places; None: the reader is gone.

        Raises sqlite3.Error, OSError: then nothing was written.
        """
        self._all[-1].append(entries, places)
        for name, place in places.items():
            if place is None:
                self._places.pop(name, None)
            else:
                self._places[name] = place
        self._latest.update({(one.stream, one.key): one for one in entries if one.key})
        with suppress(sqlite3.Error):  # what was written is safe; without room its pages are moved later
            self._all[-1].move_pages()

    def keep_room(self) -> None:
        """Have room in the newest segment that nobody else on the disk can take. Raises sqlite3.Error, OSError."""
        self._all[-1].keep_room(self._room)

    def read(self, after: int, end: int, streams: Collection[Stream], max_rows: int) -> Chunk:
        """Entries in (after, end]. A segment that is removed meanwhile is passed over."""
        with self._guard:
            segments = [one for one in self._all if one.last > after]
        found: list[Entry] = []
        rows = 0
        for segment in segments:
            for entry in segment.read(after, streams, max_rows - rows):
                if entry.position > end:
                    break
                found.append(entry)
                rows += entry.rows
            if rows >= max_rows:
                return Chunk(tuple(found), found[-1].position)
        return Chunk(tuple(found), end)

    def latest(self, stream: Stream) -> dict[str, Entry]:
        """The last entry of each key of a stream."""
        return {key: entry for (one, key), entry in list(self._latest.items()) if one is stream}

    def tidy(self, now: datetime, places: Mapping[str, Place]) -> None:
        """Close the newest segment if it is large or old, and remove what may go."""
        self.was_cut = False
        newest = self._all[-1]
        old = self._begun is not None and (now - self._begun).total_seconds() >= self._settings.segment_s
        if newest.last > newest.after and (old or newest.used >= self._settings.segment_mb * MB):
            with suppress(sqlite3.Error, OSError):  # without room for another one, this one serves on
                self._begin(newest, places, now)
        self._places.update(places)
        self.remove_read(now)
        self._size = sum(one.size for one in self._all)
        while self._size > self._settings.max_mb * MB and len(self._all) > 1:
            if not self._thin_oldest():
                self._remove(
                    min(self._all[:-1], key=lambda one: (one.last > self._database(), one.after)), reported=True
                )
            self._size = sum(one.size for one in self._all)

    def _begin(self, newest: Segment, places: Mapping[str, Place], now: datetime) -> None:
        """Begin another segment behind the newest, which is closed. Raises sqlite3.Error, OSError: then nothing has changed."""
        following = Segment.create(self._folder, self.log_id, newest.last, places, self._latest.values())
        try:
            following.keep_room(self._room)
            newest.close_writer()
        except (OSError, sqlite3.Error):
            following.close()
            remove(following.path)
            raise
        with self._guard:
            self._all.append(following)
        self._begun = now

    def remove_read(self, now: datetime, *, at_once: bool = False) -> None:
        """Remove what every reader has read, and what is too old for slow outlets. `at_once`: whatever `keep_s` says."""
        slowest = min((one.position for one in self._places.values()), default=self.end)
        for segment in self._all[:-1]:
            age_s = (now - segment.newest_at).total_seconds() if segment.newest_at is not None else float("inf")
            read_by_all = segment.last <= slowest and (at_once or age_s > self._settings.keep_s)
            given_up = segment.last <= self._database() and age_s > self._settings.outlet_keep_s
            if not read_by_all and not given_up:
                return
            self._remove(segment, reported=not read_by_all)

    def close(self) -> None:
        """Close every file, and let another daemon have the folder."""
        for one in self._all:
            one.close()
        self._all.clear()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def _database(self) -> int:
        held = [self._places[name].position for name, one in self._holdings.items() if one is Holding.UNTIL_LIMIT]
        return min(held, default=self.end)

    def _remove(self, segment: Segment, *, reported: bool) -> None:
        with self._guard:
            self._all.remove(segment)
        self.was_cut = True
        segment.close()
        remove(segment.path)
        if not reported:
            return
        behind = [name for name, place in self._places.items() if place.position < segment.last]
        self.lost.update(dict.fromkeys(behind, segment.rows))
        if behind:
            log.error("%d rows of the log were removed before %s read them", segment.rows, ", ".join(sorted(behind)))

    def _thin_oldest(self) -> bool:
        """Remove the routine signals of the oldest segment that still has them; False if none has."""
        segment = next((one for one in self._all[:-1] if not one.thinned), None)
        if segment is None:
            return False
        segment.thinned = True
        bodies: dict[int, tuple[int, bytes]] = {}
        removed: list[int] = []
        for entry in segment.read(0, (Stream.SIGNALS,), segment.rows + 1):
            signals = decode_signals(entry.body)
            kept = [one for one in signals if not KINDS[one.kind].droppable]
            self.thinned.update(one.kind.value for one in signals if KINDS[one.kind].droppable)
            if not kept:
                removed.append(entry.position)
            elif len(kept) < len(signals):
                bodies[entry.position] = (len(kept), encode_signals(kept))
        before = segment.rows
        segment.replace(bodies, removed)
        segment.shrink()
        log.error("the log reached log.max_mb: %d routine signals were removed", before - segment.rows)
        return True

    def _lock(self, now: datetime) -> None:
        path = self._folder / LOCK
        file = path.open("a+")
        if not _locked(file):
            file.close()
            raise OperatorError(
                "store.folder", str(self._folder), "a folder that no other daemon uses",
                f"{held_by(self._folder) or 'another process'} uses it: stop that one, or choose another folder",
            )  # fmt: skip
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat()}, file)
        file.flush()
        self._lock_file = file


def _locked(file: IO[str]) -> bool:
    """Take the writer's lock. Who only asks for the holder has it for an instant, so it is tried several times."""
    for _ in range(LOCK_TRIALS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
        else:
            return True
    return False


def held_by(folder: Path) -> str | None:
    """Who writes the log of this folder, in words; None if nobody does."""
    one = holder(folder)
    return None if one is None else str(one)
