"""Stores batches on disk while the server is away: a folder of JSON lines for each run, oldest first.

A live run holds a lock on its folder, so that a second process on the same machine takes over only the folders of dead
runs. A line counts only when it is on the disk (fsync). A line that was cut short by a crash is skipped and counted.
Every call blocks, and only one thread may call at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import BinaryIO

from monitor.store import batch as batches
from monitor.store.batch import Batch

SEGMENT_BYTES = 8_000_000
_LOCK = "lock"
_REFUSED = "refused"


@dataclass(slots=True)
class _Segment:
    path: Path
    lines: int
    size: int
    offset: int = 0
    """Position of the first line that is not written yet."""
    torn: bool = False
    """Whether its last line was cut short by a crash: a line appended to it would be lost with that one."""


class Spool:
    """The batches that wait in `folder`: those of earlier runs first, then our own. Created by `Spool.open`."""

    def __init__(self, folder: Path, run_id: str, bound_bytes: int) -> None:
        self._folder = folder
        self._own = folder / run_id
        self._bound = bound_bytes
        self._segments: deque[_Segment] = deque()
        self._locks: dict[Path, BinaryIO] = {}
        self._last_number = 0
        self._guard = RLock()
        self.damaged = 0
        """Lines that could not be read."""

    @classmethod
    def open(cls, folder: Path, run_id: str, bound_bytes: int) -> Spool:
        """Open the spool of this run, with the batches of dead runs. Raises OSError."""
        spool = cls(folder, run_id, bound_bytes)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name != _REFUSED)
        for path in sorted(folders, key=lambda path: path == spool._own):  # our own batches are the newest
            if spool._lock(path):
                spool._segments.extend(_segments_in(path))
                spool._remove_if_empty(path)
        spool._last_number = max(
            (int(one.path.stem) for one in spool._segments if one.path.parent == spool._own), default=0
        )
        return spool

    def __len__(self) -> int:
        return sum(one.lines for one in self._segments)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(one.size for one in self._segments)

    @property
    def full(self) -> bool:
        """Whether no batch should be added."""
        return self.size >= self._bound

    def append(self, batch: Batch) -> None:
        """Add a batch behind all others and sync it to the disk. Raises OSError and leaves the file as it was."""
        with self._guard:
            line = _line(batch)
            last = self._segments[-1] if self._segments else None
            if last is None or last.path.parent != self._own or last.size >= SEGMENT_BYTES or last.torn:
                last = self._new_segment()
            with last.path.open("ab") as file:
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(last.path, last.size)
                    raise
            last.size += len(line)
            last.lines += 1

    def oldest(self) -> Batch | None:
        """The next batch; it stays until `done`. None if no batch waits. Skips lines that cannot be read."""
        with self._guard:
            while self._segments:
                first = self._segments[0]
                with first.path.open("rb") as file:
                    file.seek(first.offset)
                    line = file.readline()
                if not line:
                    self._drop_first()
                    continue
                try:
                    return batches.decode(line)
                except ValueError:
                    self.damaged += 1
                    self._advance(first, len(line))
            return None

    def done(self) -> None:
        """Remove the oldest batch: it is written."""
        with self._guard:
            first = self._segments[0]
            with first.path.open("rb") as file:
                file.seek(first.offset)
                length = len(file.readline())
            self._advance(first, length)
            if first.offset >= first.size:
                self._drop_first()

    def set_aside(self, batch: Batch) -> Path:
        """Store a batch that the server will never accept, for an engineer to examine. Raises OSError."""
        with self._guard:
            folder = self._folder / _REFUSED
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / f"{batch.run_id}-{batch.number}.jsonl"
            path.write_bytes(_line(batch))
            return path

    def close(self) -> None:
        """Release the locks; waiting batches stay for the next run."""
        with self._guard:
            for folder in list(self._locks):
                self._remove_if_empty(folder)
            while self._locks:
                self._locks.popitem()[1].close()

    def _new_segment(self) -> _Segment:
        self._own.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock(self._own)
        self._last_number += 1
        segment = _Segment(self._own / f"{self._last_number:08d}.jsonl", 0, 0)
        segment.path.touch()
        _sync(self._own)
        _sync(self._folder)
        self._segments.append(segment)
        return segment

    def _advance(self, segment: _Segment, length: int) -> None:
        segment.offset += length
        segment.lines -= 1

    def _drop_first(self) -> None:
        path = self._segments.popleft().path
        path.unlink(missing_ok=True)
        self._remove_if_empty(path.parent)

    def _remove_if_empty(self, folder: Path) -> None:
        if folder not in self._locks or any(one.path.parent == folder for one in self._segments):
            return
        (folder / _LOCK).unlink(missing_ok=True)
        self._locks.pop(folder).close()
        try:
            folder.rmdir()
        except OSError:
            return  # it holds a file that is not ours

    def _lock(self, folder: Path) -> bool:
        if folder in self._locks:
            return True
        file = (folder / _LOCK).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locks[folder] = file
        return True


def _line(batch: Batch) -> bytes:
    try:
        return batches.encode(batch)
    except UnicodeEncodeError:
        return batches.encode(batches.cleaned(batch))


def _segments_in(folder: Path) -> Iterator[_Segment]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            lines = sum(1 for _ in file)
            size = file.tell()
            file.seek(max(size - 1, 0))
            torn = file.read(1) not in (b"\n", b"")
        yield _Segment(path, lines, size, torn=torn)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
