"""Reads protobuf messages by declared field numbers into plain JSON values (protobuf.dev, "Encoding"). Pure.

What is not declared is passed over, as the protocol asks. Groups (wire types 3 and 4) are malformed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from probes.venue import Malformed


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, its own fields if it is a message (else a whole number or text), and whether there may be `many`."""

    name: str
    inner: Mapping[int, Field] | None = None
    many: bool = False


def protobuf(raw: bytes, shape: Mapping[int, Field]) -> bytes:
    """A message as JSON, with the names that `shape` gives to its numbers. Raises Malformed."""
    try:
        return msgspec.json.encode(_message(raw, shape))
    except UnicodeDecodeError as error:
        raise Malformed(f"$: no UTF-8 text ({error.reason})") from None


def _message(raw: int | bytes, shape: Mapping[int, Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(raw):
        field = shape.get(number)
        if field is None:
            continue
        if field.inner is not None:
            meant: Any = _message(value, field.inner)
        else:
            meant = value.decode() if isinstance(value, bytes) else value
        if field.many:
            found.setdefault(field.name, []).append(meant)
        else:
            found[field.name] = meant
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """The whole number of seven bits a byte at `at`, and where it ends."""
    value = shift = 0
    while at < len(raw) and shift < 70:
        byte, at = raw[at], at + 1
        if byte < 0x80:
            return (value | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF, at
        value, shift = value | (byte & 0x7F) << shift, shift + 7
    raise Malformed("$: a number without an end")


def _fields(raw: int | bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a message, in the order of the wire; texts and messages are bytes."""
    if isinstance(raw, int):
        raise Malformed("$: a number where a message is due")
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(raw, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise Malformed(f"$: a field of type {kind}")
        size, at = _varint(raw, at) if kind == 2 else (8 if kind == 1 else 4, at)
        if at + size > len(raw):
            raise Malformed("$: a field is cut short")
        yield key >> 3, raw[at : at + size]
        at += size
