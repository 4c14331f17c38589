"""Says which process writes the log of a folder, from the folder's lock. It writes nothing and needs no right to write."""

from __future__ import annotations

import fcntl
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOCK = "lock"
"""The file whose exclusive lock the writer of a log holds; its text says who that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds the lock: its number, its host, and since when. None: it has not written that yet."""

    process: int | None
    host: str | None
    since: str | None

    def __str__(self) -> str:
        if self.process is None:
            return "another process"
        return f"process {self.process} on {self.host} since {self.since}"


def holder(folder: Path) -> Holder | None:
    """Who writes the log of this folder; None if nobody does.

    It asks for a shared lock for an instant: several may ask at once, and a daemon that starts tries again (`Segments.open`).
    """
    try:
        with (folder / LOCK).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file.read(1000))
    except FileNotFoundError:
        return None
    return None


def _read(text: bytes) -> Holder:
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads(text)
        return Holder(process=int(said["pid"]), host=str(said["host"]), since=str(said["since"]))
    return Holder(process=None, host=None, since=None)
