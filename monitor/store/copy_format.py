"""Encodes signals in PostgreSQL's binary COPY format, straight from the log's bytes and with few objects a row.

The same subjects, sources and attributes come again and again: their bytes are kept. The format is that of PostgreSQL's
documentation (COPY, "Binary Format"), and of its types' `recv` functions.
"""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any

import msgspec

from monitor.log.codec import decode_attributes, decode_raw_rows, decode_subject
from monitor.store.rows import COLUMNS

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""The signature, no flags, no extension."""
TRAILER = b"\xff\xff"
CACHED = 4096
"""The most subjects, sources and attributes each that are kept; beyond it they are forgotten and kept anew."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000
_NULL = struct.pack(">i", -1)
_JSONB = b"\x01"
"""The version before the text of a jsonb."""
_COUNT = struct.pack(">h", len(COLUMNS))
_times = struct.Struct(">iqiq").pack
_numbers = struct.Struct(">iqid").pack
_number_and_null = struct.Struct(">iqi").pack
_length = struct.Struct(">i").pack
_json = msgspec.json.Encoder().encode


class CopiedSignals:
    """Rows of the table of signals, encoded, in order."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._days: set[int] = set()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def days(self) -> set[date]:
        """The days, in UTC, on which they were received."""
        return {(_EPOCH + timedelta(days=one)).date() for one in self._days}

    def copy(self) -> Any:
        """All of it, as one message of COPY: between several the driver would wait for a connection that is lost.

        A memoryview: the driver takes any buffer, which its type stubs do not know, and takes `bytes` for a path.
        """
        return memoryview(b"".join([HEADER, *self._parts, TRAILER]))

    def add(self, body: bytes, run_id: str, known: Known) -> None:
        """Add an entry of signals. Raises ValueError: it cannot be decoded, or a number does not fit its column."""
        received: list[int] = []
        parts: list[bytes] = []
        run = _text(run_id)
        end = _NULL + run
        heads, sources, attributes_of = known.heads, known.sources, known.attributes
        try:
            for kind, subject, event_time, received_at, source, seq, value, attributes, link in decode_raw_rows(body):
                at = (received_at - _EPOCH) // _MICROSECOND
                received.append(at)
                parts += (
                    heads.get((kind, name := bytes(subject))) or known.head(kind, name),
                    _times(8, at if event_time == received_at else (event_time - _EPOCH) // _MICROSECOND, 8, at),
                    sources.get(source) or known.source(source),
                    _numbers(8, seq, 8, value) if value is not None and isfinite(value) else _number_and_null(8, seq, -1),
                    attributes_of.get(text := bytes(attributes)) or known.attributes_as_json(text),
                    end if link is None else _text(link) + run,
                )  # fmt: skip
        except struct.error as error:
            raise ValueError(str(error)) from error
        if not received:
            return
        self._parts.append(b"".join(parts))
        self._count += len(received)
        ends = {min(received) // _DAY, max(received) // _DAY}
        self._days |= ends if len(ends) == 1 else {at // _DAY for at in received}


class Known:
    """Bytes that came before, by what they were made of: bounded by CACHED of each."""

    def __init__(self) -> None:
        self.heads: dict[tuple[str, bytes], bytes] = {}
        """(kind, encoded subject) -> the row's beginning up to the subject's last column."""
        self.sources: dict[str, bytes] = {}
        self.attributes: dict[bytes, bytes] = {}

    def head(self, kind: str, subject: bytes) -> bytes:
        """The beginning of a row. Raises ValueError."""
        if len(self.heads) >= CACHED:
            self.heads.clear()
        names = msgspec.structs.astuple(decode_subject(subject))
        made = _COUNT + _text(kind) + b"".join(_NULL if one is None else _text(one) for one in names)
        self.heads[kind, subject] = made
        return made

    def source(self, source: str) -> bytes:
        """A source as a column."""
        if len(self.sources) >= CACHED:
            self.sources.clear()
        made = self.sources[source] = _text(source)
        return made

    def attributes_as_json(self, encoded: bytes) -> bytes:
        """Attributes as a column; a value that is not finite becomes null. Raises ValueError."""
        if len(self.attributes) >= CACHED:
            self.attributes.clear()
        text = _json(decode_attributes(encoded))
        made = self.attributes[encoded] = _length(len(text) + 1) + _JSONB + text
        return made


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded
