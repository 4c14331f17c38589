"""Encodes and decodes the body of each stream's entries.

Signals are MessagePack arrays, one a signal, in the order of `Row`, compressed by zlib at its quickest level: about half a
microsecond of the interpreter's time and 25 bytes a signal. Changes are the documented JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from math import nan

import msgspec

from monitor.incidents import IncidentChange
from monitor.log import Checkpoint, DeliveryResult, Image
from monitor.log.change_json import encode_change
from monitor.signals import Scalar, Signal, SignalKind, Subject

Row = tuple[SignalKind, Subject, datetime, datetime, str, int, float | None, dict[str, Scalar], str | None]
"""A signal as an array: kind, subject, event_time, received_at, source, seq, value, attributes, link."""

RawRow = tuple[str, msgspec.Raw, datetime, datetime, str, int, float | None, msgspec.Raw, str | None]
"""The same, with subject and attributes as their encoded bytes: `decode_subject` and `decode_attributes` take them."""

_fields = msgspec.structs.astuple
ROWS_AT_ONCE = 256
"""How many signals are encoded at a time: many live rows would make the garbage collector walk the whole heap again and again."""
_ROWS_OF_A_SHORT_ARRAY = 16
_ARRAY32 = b"\xdd"
"""MessagePack: an array of up to 15 has a header of one byte, of up to 65,535 one of three, any other one of five."""
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1
"""The integers that MessagePack can hold."""
_BEYOND_FLOATS = 2**1023
_encode = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[Row]).decode
_decode_raw_rows = msgspec.msgpack.Decoder(list[RawRow]).decode
decode_subject = msgspec.msgpack.Decoder(Subject).decode
decode_attributes = msgspec.msgpack.Decoder(dict[str, Scalar]).decode
_decode_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode
_decode_delivery = msgspec.msgpack.Decoder(DeliveryResult).decode
_decode_image = msgspec.msgpack.Decoder(Image).decode


class EncodedRun(list[Signal]):
    """Signals whose rows are encoded. It is not changed after it was made."""

    __slots__ = ("rows",)

    def __init__(self, signals: Sequence[Signal]) -> None:
        super().__init__(signals)
        self.rows = _encoded_rows(signals)
        """The rows one after the other, without the head of an array."""


def encode_signals(*runs: Sequence[Signal]) -> bytes:
    """The body of an entry of these runs of signals. Text that UTF-8 cannot encode (lone surrogates) becomes U+FFFD, an
    integer of more than 64 bits the nearest float, or its hexadecimal digits where that has none.
    """
    parts = [_ARRAY32 + sum(map(len, runs)).to_bytes(4, "big")]
    parts += [run.rows if isinstance(run, EncodedRun) else _encoded_rows(run) for run in runs]
    return zlib.compress(b"".join(parts), 1)


def _encoded_rows(signals: Sequence[Signal]) -> bytes:
    parts = []
    for at in range(0, len(signals), ROWS_AT_ONCE):
        rows = list(map(_fields, signals[at : at + ROWS_AT_ONCE]))
        try:
            encoded = _encode(rows)
        except (UnicodeEncodeError, OverflowError):
            encoded = _encode([_encodable(row) for row in rows])
        parts.append(encoded[1 if len(rows) < _ROWS_OF_A_SHORT_ARRAY else 3 :])  # without the head of its own
    return b"".join(parts)


def encode_raw_rows(rows: Sequence[RawRow]) -> bytes:
    """The body of an entry of rows that `decode_raw_rows` gave."""
    return zlib.compress(_encode(rows), 1)


def decode_rows(body: bytes) -> list[Row]:
    """The rows of an entry of signals. Raises ValueError."""
    return _decode_rows(_decompressed(body))


def decode_raw_rows(body: bytes) -> list[RawRow]:
    """The rows of an entry of signals, subjects and attributes left encoded. Raises ValueError."""
    return _decode_raw_rows(_decompressed(body))


def decode_signals(body: bytes) -> list[Signal]:
    """The signals of an entry. Raises ValueError."""
    return [signal_of(row) for row in decode_rows(body)]


def signal_of(row: Row) -> Signal:
    """The signal of a row; a value of null becomes NaN."""
    kind, subject, event_time, received_at, source, seq, value, attributes, link = row
    return Signal(
        kind, subject, event_time, received_at, source, seq, nan if value is None else value, attributes, link
    )


def encode(value: IncidentChange | Checkpoint | Image | DeliveryResult) -> bytes:
    """The body of an entry that holds one value."""
    if isinstance(value, IncidentChange):
        return encode_change(value)
    return _encode(Image(value.code, zlib.compress(value.body, 1), value.heard) if isinstance(value, Image) else value)


def decode_checkpoint(body: bytes) -> Checkpoint:
    """The checkpoint of an entry. Raises ValueError."""
    return _decode_checkpoint(body)


def decode_delivery(body: bytes) -> DeliveryResult:
    """The delivery's result of an entry. Raises ValueError."""
    return _decode_delivery(body)


def decode_image(body: bytes) -> Image:
    """The image of an entry. Raises ValueError."""
    image = _decode_image(body)
    try:
        return Image(image.code, zlib.decompress(image.body), image.heard)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _decompressed(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
        return float(value) if abs(value) < _BEYOND_FLOATS else hex(value)
    if isinstance(value, Subject):
        return Subject(*map(_encodable, msgspec.structs.astuple(value)))  # type: ignore[arg-type]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in value]
    return value
