"""Keeps some room on the disk for a start on a full one: a file that is removed then, and made again when there is room."""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path

_BLOCK = bytes(1_000_000)
LEFT_BYTES = 1_000_000
"""What must be left to others when the file is made: it is never the file that fills the disk."""


class Reserve:
    """A file of `size` bytes, written in full: a sparse file would hold no room."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def take(self) -> None:
        """Make the file, unless it is there. Raises OSError, and leaves nothing behind."""
        if self._path.exists() and self._path.stat().st_size >= self._size:
            return
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < self._size + LEFT_BYTES:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        try:
            with self._path.open("wb") as file:
                for at in range(0, self._size, len(_BLOCK)):
                    file.write(_BLOCK[: self._size - at])
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.release()
            raise

    def share(self, taker: Path) -> None:
        """At a start: free one half, and give the other to `taker`, unless that exists: no other program can take it between."""
        if not self._path.exists():
            return
        if taker.exists():
            self.release()
            return
        os.truncate(self._path, self._size // 2)
        self._path.replace(taker)

    def release(self) -> bool:
        """Give the room back to the disk; whether there was any."""
        there = self._path.exists()
        self._path.unlink(missing_ok=True)
        return there
