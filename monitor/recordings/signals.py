"""Writes and reads recordings: every signal of a run, one JSON line each, with a header to judge them again.

`stormwatch.signals/1`: the first line is the header, each further line a signal (docs/formats.md). A name ending in .gz
is compressed; a file of signals without a header is judged with the defaults. Reading is lazy. A file may come from anybody:
whatever is in it, it raises nothing but OperatorError with its line (`lines.py`).
"""

from __future__ import annotations

import gzip
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
from monitor.recordings.lines import UNFIT, Lines, broken, check_time, correlator_settings, first_line, settings_of
from monitor.signals import Signal

FORMAT = "stormwatch.signals/1"
MAX_LINE = 1_000_000
"""Bytes."""

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
        return correlator_settings(self.correlator)


def header_of(settings: CorrelatorSettings, vantage: str, version: str, started_at: datetime) -> Header:
    """The header of a recording that begins now."""
    return Header(format=FORMAT, version=version, vantage=vantage, started_at=started_at, correlator=asdict(settings))


def opened_to_write(path: Path) -> BinaryIO | gzip.GzipFile:
    """Create a file, compressed if its name ends in .gz, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return gzip.open(path, "wb", 6) if path.suffix == ".gz" else path.open("wb")


class RecordingWriter:
    """Writes the signals of the pipeline (its Output). Close it, or use it as a context."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.lines = 0
        self._file = opened_to_write(path)
        self._file.write(_encode(header) + b"\n")

    def signals(self, signals: Sequence[Signal]) -> None:
        """Write signals in the given order."""
        self._file.write(b"".join(_encode(signal) + b"\n" for signal in signals))
        self.lines += len(signals)

    def changes(self, changes: Sequence[IncidentChange]) -> None:
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


class Recording:
    """Reads a recording as signals, in the order they were judged. Iterate once; raises OperatorError, the iterator too."""

    def __init__(self, path: Path) -> None:
        first = first_line(path, FORMAT)
        headed = b'"kind"' not in first  # a bare file of signals is judged with the defaults
        self.header = _header(first, path) if headed else Header(format=FORMAT)
        self._lines = Lines(path, FORMAT, skip=int(headed), max_line=MAX_LINE)

    def settings(self) -> CorrelatorSettings:
        """The correlator's settings of this recording."""
        return settings_of(self.header.correlator, self._lines.path)

    def where(self) -> str:
        """The file and the line read last."""
        return self._lines.where()

    def __iter__(self) -> Iterator[Signal]:
        for line in self._lines:
            try:
                signal = _decode(line)
                check_time(signal.event_time)
                check_time(signal.received_at)
            except UNFIT as error:
                raise self._lines.broken(error) from None
            yield signal


def _header(first: bytes, path: Path) -> Header:
    try:
        header = msgspec.json.decode(first, type=Header)
    except UNFIT as error:
        raise broken(path, 1, FORMAT, error) from None
    if header.format != FORMAT:
        raise OperatorError(
            f"{path}:1", header.format, FORMAT, "its first line names another format; see docs/formats.md for this one"
        )
    return header
