"""Reads the lines of a file that may come from anybody, within bounds, and reports what is wrong with the file and line.

It knows no format: plain or gzip, lines of bounded length, times that can be computed with, holes that can be judged in minutes.
"""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from monitor.correlator import CorrelatorSettings
from monitor.errors import OperatorError
from monitor.settings.reader import read

WITHOUT_EFFECT = frozenset({"level_short_s"})
"""Settings of earlier versions that did nothing. Their recordings hold them, and give what they gave."""
UNFIT = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What decoding and judging raise for a line that does not fit. `msgspec.DecodeError` and `UnicodeError` are ValueErrors."""
_DAMAGED = (EOFError, zlib.error, OSError)

MAX_HEADER = 1_000_000
"""Bytes of the first line."""
MAX_BLANK = 1000
"""Blank lines in a row: compressed, millions of them take no place."""
FIRST_TIME = datetime(1970, 1, 2, tzinfo=UTC)
LAST_TIME = datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside have an offset or a lateness that no computation survives, or are no times of a recording."""
HOLE_S = 3600.0
"""A recording has a tick each second: a longer pause between two order times is a hole."""
MAX_HOLE_S = 86_400.0
"""So much of a hole is judged, second by second (`Sequencer`); the rest is skipped."""
MAX_HOLES_S = 7 * 86_400.0
"""All that is judged of the holes of one file, about 25 s a day with five assets."""


def check_time(at: datetime) -> None:
    """Raise ValueError for a time without an offset or of another century."""
    if at.tzinfo is None:
        raise ValueError("times need an offset (…Z)")
    if not FIRST_TIME <= at < LAST_TIME:
        raise ValueError(f"times lie from {FIRST_TIME.year} to {LAST_TIME.year - 1}")


class Holes:
    """Adds up the holes between the signals of a file."""

    def __init__(self) -> None:
        self._latest_s: float | None = None
        self._sum_s = 0.0

    def are_too_many(self, at_s: float) -> bool:
        """Take the next order time (`order_s`); whether the holes so far add up to more than a week."""
        if self._latest_s is not None and at_s - self._latest_s > HOLE_S:
            self._sum_s += min(at_s - self._latest_s, MAX_HOLE_S)
        self._latest_s = at_s if self._latest_s is None else max(self._latest_s, at_s)
        return self._sum_s > MAX_HOLES_S


class Lines:
    """The lines of a file after the first `skip`, blank ones left out. Iterate once; raises OperatorError for damage."""

    def __init__(self, path: Path, form: str, *, skip: int, max_line: int) -> None:
        self.path = path
        self._form = form
        self._skip = skip
        self._max_line = max_line
        self._number = 0

    def where(self) -> str:
        """The file and the line read last."""
        return f"{self.path}:{self._number}"

    def broken(self, why: object) -> OperatorError:
        """The error of the line read last."""
        return broken(self.path, self._number, self._form, why)

    def __iter__(self) -> Iterator[bytes]:
        blank = 0
        with _opened(self.path, self._form) as file:
            while True:
                self._number += 1
                try:
                    line = file.readline(self._max_line + 1)
                except _DAMAGED as error:
                    raise self.broken(f"the file is cut off or damaged ({error})") from None
                if not line:
                    self._number -= 1
                    return
                if len(line) > self._max_line:
                    raise self.broken(f"the line has more than {self._max_line} bytes")
                blank = 0 if line.strip() else blank + 1
                if blank > MAX_BLANK:
                    raise self.broken(f"more than {MAX_BLANK} blank lines follow each other")
                if self._number > self._skip and not blank:
                    yield line


def first_line(path: Path, form: str = "stormwatch.signals/1 or stormwatch.frames/1") -> bytes:
    """The first line of a file. Raises OperatorError if it is no file, cannot be read, is empty or has no such line."""
    try:
        with _opened(path, form) as file:
            first = file.readline(MAX_HEADER + 1)
    except _DAMAGED as error:
        raise broken(path, 1, form, f"the file is cut off or damaged ({error})") from None
    if not first:
        raise OperatorError("FILE", str(path), f"a recording ({form})", "it is empty; `stormwatch record` makes one")
    if len(first) > MAX_HEADER:
        raise broken(path, 1, form, f"the line has more than {MAX_HEADER} bytes")
    return first


def broken(path: Path, line: int, form: str, why: object) -> OperatorError:
    """The error of a line, with what is wrong with it: a text or an exception."""
    if isinstance(why, Exception):
        said = f"{why}" if isinstance(why, ValueError) else f"{type(why).__name__}: {why}"
        why = "it is nested too deeply" if isinstance(why, RecursionError) else said
    return OperatorError("FILE", f"{path}:{line}", f"a whole {form} recording", f"{why}; record again or cut the line")


def correlator_settings(header: Mapping[str, Any]) -> CorrelatorSettings:
    """The correlator's settings in a header, without those that did nothing. Raises OperatorError with the key."""
    known = {name: one for name, one in header.items() if name not in WITHOUT_EFFECT}
    return read(CorrelatorSettings, known, "correlator")


def settings_of(correlator: Mapping[str, Any], path: Path) -> CorrelatorSettings:
    """The correlator's settings in a header. Raises OperatorError with the file and the key."""
    try:
        return correlator_settings(correlator)
    except OperatorError as error:
        raise OperatorError(f"{path}:1: {error.key}", error.value, error.allowed, error.remedy) from None
    except UNFIT as error:
        raise OperatorError(f"{path}:1: correlator", type(error).__name__, "its settings", "record again") from None


def _opened(path: Path, form: str) -> BinaryIO | gzip.GzipFile:
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # a pipe would be waited for, for ever
            raise OperatorError("FILE", str(path), f"a file ({form})", "write what comes from a pipe to a file first")
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        return gzip.open(path, "rb") if packed else path.open("rb")
    except OSError as error:
        raise OperatorError("FILE", str(path), "a readable recording", str(error.strerror or error)) from None
