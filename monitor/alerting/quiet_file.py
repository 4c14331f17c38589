"""Keeps silences and acknowledgements in one small file beside the log: commands write it, the running daemon reads it.

It is replaced as a whole under a lock, so that no reader sees half of it. What cannot be read silences nothing.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from monitor.alerting.maintenance import MaintenanceWindow
from monitor.alerting.quiet import Acknowledgement, Quiet, Silence
from monitor.errors import OperatorError
from monitor.incidents import Level

MAX_SILENCES = 256
MAX_ACKNOWLEDGED = 1024
"""The acknowledgement that was given the longest time ago is forgotten first."""
MAX_BYTES = 1_000_000
NAME = "quiet.json"
log = logging.getLogger("stormwatch.delivery")

_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Silence(msgspec.Struct, frozen=True):
    id: str
    since: _Time
    until: _Time
    author: str
    asset: str
    venue: str
    level: Annotated[int, msgspec.Meta(ge=0, le=4)]
    comment: str


class _Acknowledged(msgspec.Struct, frozen=True):
    incident_id: str
    by: str
    at: _Time


class _Written(msgspec.Struct, frozen=True):
    version: Literal[1] = 1
    silences: list[_Silence] = []
    acknowledged: list[_Acknowledged] = []


class QuietFile:
    """The file of one folder. Calling it gives what holds now, with `windows`; it reads only what changed."""

    def __init__(self, folder: Path, windows: tuple[MaintenanceWindow, ...] = ()) -> None:
        self.path = folder / NAME
        self.windows = windows
        """The windows of maintenance of the settings in force."""
        self._seen: tuple[int, int, int] | None = None
        self._quiet = Quiet()

    def __call__(self) -> Quiet:
        """What holds now. A file that cannot be read is logged once, and silences nothing."""
        try:
            found = self.path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = None
        if seen != self._seen or self.windows is not self._quiet.windows:
            self._seen = seen
            try:
                self._quiet = replace(self.read(), windows=self.windows)
            except OperatorError as error:
                log.error("silences and acknowledgements are not in force: %s", error)  # noqa: TRY400 - one line, the operator's mistake
                self._quiet = Quiet(windows=self.windows)
        return self._quiet

    def read(self) -> Quiet:
        """What the file says; nothing where there is none. Raises OperatorError."""
        try:
            with self.path.open("rb") as file:
                return _decoded(file.read(MAX_BYTES + 1))
        except FileNotFoundError:
            return Quiet()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "its text is not what this version writes"
            raise OperatorError("store.folder", str(self.path), "a file of silences", f"{why}; move it away") from None

    def change(self, change: Callable[[Quiet], Quiet]) -> None:
        """Write what `change` makes of the present; one writer at a time. Raises OperatorError."""
        try:
            with self._locked():
                quiet = change(self.read())
                if len(quiet.silences) > MAX_SILENCES:
                    raise OperatorError("silence", len(quiet.silences), f"at most {MAX_SILENCES}", "end some first")
                beside = self.path.with_suffix(".new")
                beside.touch(mode=0o600)
                with beside.open("wb") as file:
                    file.write(_encoded(quiet))
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self.path)
        except OSError as error:
            allowed = "a folder that can be written"
            raise OperatorError("store.folder", str(self.path.parent), allowed, str(error.strerror)) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def acknowledged_by(quiet: Quiet, incident_id: str, given: Acknowledgement) -> Quiet:
    """The same with one acknowledgement more."""
    kept: Mapping[str, Acknowledgement] = {**quiet.acknowledged, incident_id: given}
    newest = sorted(kept.items(), key=lambda one: one[1].at)[-MAX_ACKNOWLEDGED:]
    return replace(quiet, acknowledged=dict(newest))


def _encoded(quiet: Quiet) -> bytes:
    silences = [
        _Silence(one.id, one.since, one.until, one.author, one.asset, one.venue, one.level, one.comment)
        for one in quiet.silences
    ]
    given = [_Acknowledged(name, one.by, one.at) for name, one in quiet.acknowledged.items()]
    return msgspec.json.encode(_Written(silences=silences, acknowledged=given))


def _decoded(text: bytes) -> Quiet:
    if len(text) > MAX_BYTES:
        raise ValueError("too long")
    written = msgspec.json.decode(text, type=_Written)
    silences = tuple(
        Silence(
            id=one.id, since=one.since, until=one.until, author=one.author, asset=one.asset, venue=one.venue,
            level=Level(one.level), comment=one.comment,
        )
        for one in written.silences[:MAX_SILENCES]
    )  # fmt: skip
    given = {one.incident_id: Acknowledgement(by=one.by, at=one.at) for one in written.acknowledged}
    return Quiet(silences=silences, acknowledged=given)
