"""Keeps some room on the disk for incidents: a file that is removed when the disk is full, and made again afterwards."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = bytes(1_000_000)


class Reserve:
    """A file of `size` bytes, written in full: a sparse file would hold no room."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def take(self) -> None:
        """Make the file, unless it is there. Raises OSError, and leaves nothing behind."""
        if self._path.exists() and self._path.stat().st_size >= self._size:
            return
        try:
            with self._path.open("wb") as file:
                for at in range(0, self._size, len(_BLOCK)):
                    file.write(_BLOCK[: self._size - at])
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give the room back to the disk."""
        self._path.unlink(missing_ok=True)
