"""One segment of the log: an SQLite file in WAL mode, written by one thread, read by others, removed whole.

Removing a file needs no room on the disk, which deleting rows does. Every segment holds the places of all readers and the
last entry of each key, as they were when it was written last: the newest one is enough to go on. It keeps free pages of its
own, and a write-ahead log that is as long as it gets: what is written into them needs no room of the disk.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from threading import Lock

from monitor.log import Entry, Place, Stream

SCHEMA = """
create table meta (log_id text not null, after integer not null);
create table entries (
    position integer primary key,
    stream text not null,
    id text not null,
    key text not null,
    run_id text not null,
    at real not null,
    rows integer not null,
    body blob not null
);
create index entries_stream on entries (stream, position);
create table latest (
    position integer not null,
    stream text not null,
    id text not null,
    key text not null,
    run_id text not null,
    at real not null,
    rows integer not null,
    body blob not null,
    primary key (stream, key)
);
create table places (reader text primary key, position integer not null, state blob not null) without rowid;
"""
SUFFIX = ".sqlite"
CHECKPOINT_BYTES = 2_000_000
PAGE_BYTES = 4096
FRAME_BYTES = PAGE_BYTES + 24
SPARE_BYTES = 200_000
"""What the disk must have beyond what is known to be needed: index of the write-ahead log, folders, rounding."""
_MAX_FRAME = slice(16, 20)
"""Where the index of the write-ahead log says how many frames it has (https://sqlite.org/walformat.html, section 2.1)."""
READ_CACHE_KB = 256
"""Each segment that was read keeps a connection, and entries are read once, in order: SQLite's own 2 MB are of no use."""
_COLUMNS = "position, stream, id, key, run_id, at, rows, body"
_INSERT = f"insert into entries ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants
_LATEST = f"insert or replace into latest ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants
_PLACE = "insert or replace into places (reader, position, state) values (?, ?, ?)"
_READ = f"select {_COLUMNS} from entries"  # noqa: S608  # constants


class DamagedSegment(Exception):
    """The file is not a segment of this log, or its pages are broken."""


class Segment:
    """One file. `after` is the position before its first entry; `last` that of its last. Raises sqlite3.Error, OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log_id = ""
        self.after = 0
        self.last = 0
        self.rows = 0
        self.newest_at: datetime | None = None
        self.thinned = False
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = Lock()
        self._closed = False
        self._has_room = False
        self._checkpoint_bytes = CHECKPOINT_BYTES

    @classmethod
    def create(
        cls, folder: Path, log_id: str, after: int, places: Mapping[str, Place], latest: Iterable[Entry]
    ) -> Segment:
        """Make the segment that begins behind `after`, complete or not at all."""
        path = folder / f"{after + 1:020d}{SUFFIX}"
        remove(path)  # a start that the disk cut short
        segment = cls(path)
        try:
            connection = segment._write_to()
            connection.execute("begin immediate")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("insert into meta (log_id, after) values (?, ?)", (log_id, after))
            connection.executemany(_PLACE, [(name, one.position, one.state) for name, one in places.items()])
            connection.executemany(_LATEST, map(_row, latest))
            connection.execute("commit")
        except sqlite3.Error:
            segment.close()
            remove(path)
            raise
        segment.log_id, segment.after, segment.last = log_id, after, after
        return segment

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Open an existing segment. Raises DamagedSegment."""
        segment = cls(path)
        try:
            with closing(segment._look()) as connection:
                segment.log_id, segment.after = connection.execute("select log_id, after from meta").fetchone()
                last, rows, newest = connection.execute(
                    "select max(position), coalesce(sum(rows), 0), max(at) from entries"
                ).fetchone()
                [of_latest] = connection.execute("select coalesce(max(position), 0) from latest").fetchone()
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            if _is_full(error):
                raise
            raise DamagedSegment(f"{path.name}: {error}") from error
        segment.last = max(segment.after, last or 0, of_latest)
        segment.rows = rows
        segment.newest_at = None if newest is None else datetime.fromtimestamp(newest, UTC)
        return segment

    @property
    def wal(self) -> Path:
        """The write-ahead log. One that begins with zeros is an empty one for SQLite (walIndexRecover in its src/wal.c)."""
        return _files(self.path)[1]

    @property
    def size(self) -> int:
        """Bytes on disk, with the write-ahead log."""
        return sum(path.stat().st_size for path in _files(self.path) if path.exists())

    @property
    def used(self) -> int:
        """Bytes of pages and frames that hold something: without the room that is kept."""
        connection = self._write_to()
        [[pages], [free]] = (connection.execute(f"pragma {one}").fetchone() for one in ("page_count", "freelist_count"))
        used: int = (pages - free) * PAGE_BYTES + self._frames() * FRAME_BYTES
        return used

    def append(self, entries: Sequence[Entry], places: Mapping[str, Place | None]) -> None:
        """Write entries and places in one transaction, and sync it to the disk. None: the reader is gone."""
        rows = [_row(one) for one in entries]
        connection = self._write_to()
        with _whole(connection):
            connection.executemany(_INSERT, [row for row in rows if row[1] != Stream.IMAGE])
            connection.executemany(_LATEST, [row for row in rows if row[3]])
            connection.executemany(_PLACE, [(name, one.position, one.state) for name, one in places.items() if one])
            connection.executemany(
                "delete from places where reader = ?", [(name,) for name, one in places.items() if one is None]
            )
        if entries:
            self.last = entries[-1].position
            self.rows += sum(one.rows for one in entries if one.stream is not Stream.IMAGE)
            self.newest_at = entries[-1].at

    def keep_room(self, size: int) -> None:
        """Have at least `size` bytes of free pages in the file, and a write-ahead log of twice that.

        Raises OSError if the disk has no room for it; then nothing was changed.
        """
        connection = self._write_to()
        [pages] = connection.execute("pragma freelist_count").fetchone()
        free = pages * PAGE_BYTES
        if self._has_room and free >= size:
            return
        wanted = max(free + size, 2 * size)
        longer = wanted // PAGE_BYTES * FRAME_BYTES - (self.wal.stat().st_size if self.wal.exists() else 0)
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < wanted - free + max(0, longer) + SPARE_BYTES:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        with _whole(connection):
            connection.execute("drop table if exists room")  # of a process that was killed here
            connection.execute("create table room (body blob)")
            connection.execute("insert into room values (zeroblob(?))", (wanted,))
        self._checkpoint("restart")  # only now the file is longer
        connection.execute("drop table room")
        self._has_room, self._checkpoint_bytes = True, size  # the last group before it fits behind

    def move_pages(self, *, all_of_them: bool = False) -> None:
        """Move what was written from the write-ahead log into the file, once it is long enough."""
        if all_of_them:
            self._checkpoint("truncate")
            self._has_room = False
        elif self._frames() * FRAME_BYTES > self._checkpoint_bytes:
            self._checkpoint("restart")

    def _checkpoint(self, mode: str) -> None:
        self._write_to().execute(f"pragma wal_checkpoint({mode})").fetchone()

    def _frames(self) -> int:
        """How many frames the write-ahead log has. Its file is longer: it is used again from its beginning."""
        with suppress(FileNotFoundError), _files(self.path)[2].open("rb") as index:
            return int.from_bytes(index.read(_MAX_FRAME.stop)[_MAX_FRAME], sys.byteorder)
        return 0

    def read(self, after: int, streams: Collection[Stream], max_rows: int) -> list[Entry]:
        """Entries behind `after`, in order: at least one if there is any, until they hold about `max_rows` rows."""
        marks = ", ".join("?" * len(streams))
        names = [one.value for one in streams]
        with self._reading:
            if self._closed:
                return []
            cursor = self._read_from().execute(
                f"{_READ} where position > ? and stream in ({marks}) order by position",  # only marks
                (after, *names),
            )
            found: list[Entry] = []
            rows = 0
            with closing(cursor):  # an open one would hold the write-ahead log for ever
                for row in cursor:
                    found.append(_entry(row))
                    rows += row[6]
                    if rows >= max_rows:
                        break
        return found

    def latest(self) -> list[Entry]:
        """The last entry of each key."""
        with self._reading:
            rows = self._read_from().execute(f"select {_COLUMNS} from latest").fetchall()  # noqa: S608  # constants
        return [_entry(row) for row in rows]

    def ids(self, stream: Stream) -> list[str]:
        """The ids of a stream's entries."""
        with self._reading:
            rows = self._read_from().execute("select id from entries where stream = ?", (stream.value,)).fetchall()
        return [row[0] for row in rows]

    def places(self) -> dict[str, Place]:
        """The readers' places as they were written last."""
        with self._reading:
            rows = self._read_from().execute("select reader, position, state from places").fetchall()
        return {reader: Place(position, state) for reader, position, state in rows}

    def replace(self, bodies: Mapping[int, tuple[int, bytes]], removed: Collection[int]) -> None:
        """Give entries other bodies of fewer rows, and remove others."""
        connection = self._write_to()
        with _whole(connection):
            connection.executemany(
                "update entries set rows = ?, body = ? where position = ?",
                [(rows, body, position) for position, (rows, body) in bodies.items()],
            )
            connection.executemany("delete from entries where position = ?", [(position,) for position in removed])
            left = connection.execute("select coalesce(sum(rows), 0) from entries").fetchone()[0]
        self.rows = left

    def shrink(self) -> None:
        """Give the room of removed rows back to the disk."""
        self._write_to().execute("vacuum")
        self.close_writer()  # nothing more is written: each open file would keep its pages in memory

    def close(self) -> None:
        """Close the connections: whoever reads it later finds nothing."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        with self._reading:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def close_writer(self) -> None:
        """Nothing more is written: the write-ahead log is moved into the file."""
        if self._writer is not None:
            self.move_pages(all_of_them=True)
            with self._reading:  # its connection holds the index, which takes room to make again
                self._read_from().execute("select 1 from meta").fetchone()
            self._writer.close()
            self._writer = None

    def _look(self) -> sqlite3.Connection:
        """A connection for a first look. A file that was closed well needs no index, for which a full disk has no room."""
        if self.wal.exists() or not self.path.exists():
            return sqlite3.connect(self.path)
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)

    def _write_to(self) -> sqlite3.Connection:
        if self._writer is None:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma wal_autocheckpoint = 0")
            self._writer = connection
        return self._writer

    def _read_from(self) -> sqlite3.Connection:
        if self._reader is None:
            place = f"{self.path.absolute().as_uri()}?mode=rw"  # never makes a file that is not there
            self._reader = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
            self._reader.execute("pragma query_only = true")
            self._reader.execute(f"pragma cache_size = -{READ_CACHE_KB}")
        return self._reader


@contextmanager
def _whole(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, all or nothing: none stays open behind an error."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def remove(path: Path) -> None:
    """Remove a segment's files."""
    for one in _files(path):
        one.unlink(missing_ok=True)


def _files(path: Path) -> tuple[Path, Path, Path]:
    return path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def _is_full(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in (
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    )  # fmt: skip


_Row = tuple[int, str, str, str, str, float, int, bytes]


def _row(one: Entry) -> _Row:
    return one.position, one.stream.value, one.id, one.key, one.run_id, one.at.timestamp(), one.rows, one.body


def _entry(row: _Row) -> Entry:
    position, stream, name, key, run_id, at, rows, body = row
    return Entry(
        position=position, stream=Stream(stream), id=name, key=key, run_id=run_id, at=datetime.fromtimestamp(at, UTC),
        rows=rows, body=body,
    )  # fmt: skip
