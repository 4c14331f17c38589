"""Looks at a log from outside while another process may write it: read-only, without its lock, a moment for each file.

It opens only the newest segment and those that a reader lacks. A segment that nobody has open is read as it is; beside a
write-ahead log SQLite needs its shared index, which it makes again if a killed process left none.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from monitor.errors import OperatorError
from monitor.log import Place, Stream
from monitor.log.segment import SUFFIX

BUSY_S = 0.2
"""How long a file may be locked before it counts as unreadable for now."""
TRIALS, PAUSE_S = 2, 0.02
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What a reader has not read: how many entries, and when the oldest of them was appended (None: there is none)."""

    entries: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Newest:
    log_id: str
    end: int
    at: datetime | None
    places: Mapping[str, Place]


class LogSight:
    """What the files of a log say. `size` in bytes; `newest_at`: when the last entry was appended, None if there is none."""

    def __init__(self, folder: Path) -> None:
        self._paths = {int(path.name.removesuffix(SUFFIX)): path for path in _segments(folder)}
        self.size = sum(map(_size, folder.glob(f"*{SUFFIX}*")))
        self.set_aside = len(list(folder.glob(f"*{SUFFIX}.damaged")))
        """Damaged segments that a daemon has set aside."""
        self.unreadable: dict[str, str] = {}
        """Segments that cannot be read now, and why."""
        self.log_id = ""
        self.end = 0
        self.newest_at: datetime | None = None
        self.places: Mapping[str, Place] = {}
        """The place of each reader that the newest readable segment knows."""
        for first in sorted(self._paths, reverse=True):
            newest = self._asked(first, partial(_newest_of, after=first - 1))
            if newest is None:
                continue
            if not self.log_id:
                self.log_id, self.places, self.end = newest.log_id, newest.places, newest.end
            self.newest_at = newest.at
            if newest.at is not None:
                return

    @property
    def segments(self) -> int:
        """How many files hold entries."""
        return len(self._paths)

    @property
    def start(self) -> int:
        """The position before the first entry that is held."""
        return min(self._paths, default=1) - 1

    def lacking(self, after: int, streams: Collection[Stream]) -> Lacking:
        """What a reader of these streams that stands at `after` has not read, as far as the files can be read."""
        entries = 0
        oldest_at: datetime | None = None
        firsts = sorted(self._paths)
        for first, following in zip(firsts, [*firsts[1:], self.end + 1], strict=True):
            if following - 1 <= after:
                continue
            found = self._asked(first, partial(_lacking_of, after=after, streams=streams))
            if found is not None:
                entries += found.entries
                oldest_at = oldest_at or found.oldest_at
        return Lacking(entries=entries, oldest_at=oldest_at)

    def incident_ids(self) -> frozenset[str]:
        """The incidents of which the files that can be read hold a change."""
        found = [self._asked(first, _change_ids_of) or [] for first in self._paths]
        return frozenset(one.rpartition(":")[0] for ids in found for one in ids)

    def _asked(self, first: int, question: Callable[[sqlite3.Connection], Found]) -> Found | None:
        """The answer of one segment; None if it cannot be read, or has been removed meanwhile."""
        path = self._paths[first]
        if path.name in self.unreadable:
            return None
        why = ""
        for trial in range(TRIALS):  # between a look at the files and their opening a daemon may have started
            time.sleep(PAUSE_S * trial)
            try:
                with closing(_open(path)) as connection:
                    return question(connection)
            except (sqlite3.Error, OSError, TypeError, ValueError) as error:
                why = str(error)
        if path.exists():
            self.unreadable[path.name] = why
        return None


def look(folder: Path) -> LogSight | None:
    """What the files of this folder say; None if there is no log. Raises OperatorError if this user may not read them."""
    try:
        if not _segments(folder):
            next(folder.iterdir(), None)
            return None
        return LogSight(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperatorError(
            "store.folder", str(folder), "a folder that this user can read", f"{error.strerror}: ask as the daemon's user"
        ) from None  # fmt: skip


def _segments(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"*{SUFFIX}") if path.name.removesuffix(SUFFIX).isdecimal()]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a daemon has removed it
        return 0


def _open(path: Path) -> sqlite3.Connection:
    """Without a write-ahead log nobody writes it: it is read without locks, and SQLite makes no file beside it."""
    alone = not path.with_name(path.name + "-wal").exists()
    place = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    return sqlite3.connect(place, uri=True, isolation_level=None, timeout=BUSY_S)


def _newest_of(connection: sqlite3.Connection, after: int) -> _Newest:
    connection.execute("begin")  # one state of the file for all questions
    [log_id] = connection.execute("select log_id from meta").fetchone()
    last = connection.execute("select position, at from entries order by position desc limit 1").fetchone()
    [of_latest] = connection.execute("select coalesce(max(position), 0) from latest").fetchone()
    places = connection.execute("select reader, position, state from places").fetchall()
    return _Newest(
        log_id=log_id,
        end=max(after, last[0] if last else 0, of_latest),
        at=datetime.fromtimestamp(last[1], UTC) if last else None,
        places={reader: Place(position, state) for reader, position, state in places},
    )


def _change_ids_of(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("select id from entries where stream = ?", (Stream.CHANGE.value,)).fetchall()
    return [row[0] for row in rows]


def _lacking_of(connection: sqlite3.Connection, after: int, streams: Collection[Stream]) -> Lacking:
    marks = ", ".join("?" * len(streams))
    where = f"from entries where position > ? and stream in ({marks})"  # only marks
    values = (after, *(one.value for one in streams))
    entries, oldest = connection.execute(f"select count(*), min(position) {where}", values).fetchone()
    if not entries:
        return Lacking(entries=0, oldest_at=None)
    [at] = connection.execute("select at from entries where position = ?", (oldest,)).fetchone()
    return Lacking(entries=entries, oldest_at=datetime.fromtimestamp(at, UTC))
