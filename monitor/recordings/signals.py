"""Writes and reads recordings: every signal of a run, one JSON line each, with a header to judge them again.

`stormwatch.signals/1`: the first line is the header, each further line a signal (docs/formats.md). A name ending in .gz
is compressed; a file of signals without a header is judged with the defaults. Reading is lazy. An empty, truncated or
foreign file raises OperatorError with its line.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from monitor.correlator import CorrelatorSettings
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.settings.reader import read
from monitor.signals import Signal

FORMAT = "stormwatch.signals/1"
MAX_LINE = 1_000_000

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Signal).decode


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a recording. `correlator` holds the settings of the live run."""

    format: str
    version: str = ""
    vantage: str = "local"
    started_at: datetime | None = None
    correlator: Mapping[str, Any] = {}

    def settings(self) -> CorrelatorSettings:
        """The correlator's settings of this recording. Raises OperatorError for unknown ones."""
        return read(CorrelatorSettings, self.correlator, "correlator")


def header_of(settings: CorrelatorSettings, vantage: str, version: str, started_at: datetime) -> Header:
    """The header of a recording that begins now."""
    return Header(format=FORMAT, version=version, vantage=vantage, started_at=started_at, correlator=asdict(settings))


def opened_to_write(path: Path) -> BinaryIO | gzip.GzipFile:
    """Create a file, compressed if its name ends in .gz, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return gzip.open(path, "wb", 6) if path.suffix == ".gz" else path.open("wb")


class RecordingWriter:
    """Writes the signals of the pipeline (an Observer). Close it, or use it as a context."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.lines = 0
        self._file = opened_to_write(path)
        self._file.write(_encode(header) + b"\n")

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Write signals in the given order."""
        self._file.write(b"".join(_encode(signal) + b"\n" for signal in signals))
        self.lines += len(signals)

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Write nothing: changes follow from the signals."""

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def first_line(path: Path) -> bytes:
    """The first line of a file, compressed or not. Raises OperatorError if it cannot be read or is empty."""
    try:
        with _opened(path) as file:
            first = file.readline(MAX_LINE)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _broken(path, 1, f"its compression is broken ({error})") from None
    except OSError as error:
        raise OperatorError("FILE", str(path), "a readable recording", str(error.strerror or error)) from None
    if not first:
        raise OperatorError("FILE", str(path), f"a recording ({FORMAT})", "it is empty; `stormwatch record` makes one")
    return first


def read_recording(path: Path) -> tuple[Header, Iterator[Signal]]:
    """The header, and the signals in the order they were judged. Raises OperatorError, the iterator too."""
    first = first_line(path)
    if b'"kind"' in first:  # a bare file of signals: judged with the defaults
        return Header(format=FORMAT), _signals(path, headed=False)
    try:
        header = msgspec.json.decode(first, type=Header)
    except msgspec.DecodeError as error:
        raise _broken(path, 1, str(error)) from None
    if header.format != FORMAT:
        raise OperatorError(
            "FILE", header.format, FORMAT, "its first line names another format; see docs/formats.md for this one"
        )
    return header, _signals(path, headed=True)


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")


def lines_of(path: Path, *, skip: int, max_line: int = MAX_LINE) -> Iterator[tuple[int, bytes]]:
    """Each line of a recording after the first `skip`, with its number. Raises OperatorError if the file is damaged."""
    number = 0
    with _opened(path) as file:
        while True:
            try:
                line = file.readline(max_line)
            except (EOFError, zlib.error, OSError) as error:
                raise _broken(path, number + 1, f"the file is cut off or damaged ({error})") from None
            if not line:
                return
            number += 1
            if number > skip and line.strip():
                yield number, line


def _signals(path: Path, *, headed: bool) -> Iterator[Signal]:
    for number, line in lines_of(path, skip=int(headed)):
        try:
            signal = _decode(line)
        except msgspec.DecodeError as error:
            raise _broken(path, number, str(error)) from None
        if signal.event_time.tzinfo is None or signal.received_at.tzinfo is None:
            raise _broken(path, number, "times need an offset (…Z)")
        yield signal


def _broken(path: Path, line: int, why: str) -> OperatorError:
    return OperatorError(
        "FILE", f"{path}:{line}", f"a whole {FORMAT} recording", f"{why}; record again or cut the line"
    )
