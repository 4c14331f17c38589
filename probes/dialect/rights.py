"""Compiles where a venue says what a key may do, into readers of the rights that a read-only key must not have. Pure.

What the answer does not say is malformed: a key of which nobody knows that it can only read is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from probes.dialect import decode
from probes.dialect.answers import found
from probes.venue import Malformed

ReadRights = Callable[[bytes], Sequence[str]]
_ANY = decode.Decoder(Any)


def flags(where: str, beginning: tuple[str, ...], harmless: frozenset[str], required: str) -> ReadRights:
    """Rights: the fields at `where` ("": the answer) that begin so and are not false, but the `harmless`; one is `required`."""

    def read(body: bytes) -> Sequence[str]:
        whole = _ANY.decode(body)
        given = found(whole, where) if where else whole
        if not isinstance(given, dict) or type(given.get(required)) is not bool:
            raise Malformed(f"$.{where}.{required}: missing")
        return [
            name
            for name, has in given.items()
            if has is not False and name.startswith(beginning) and name not in harmless
        ]

    return read


def listed(where: str, harmless: frozenset[str]) -> ReadRights:
    """Rights are words of the text at `where`, joined by commas, but the `harmless`."""

    def read(body: bytes) -> Sequence[str]:
        text = found(_ANY.decode(body), where)
        if not isinstance(text, str) or not text.strip():
            raise Malformed(f"$.{where}: missing")
        return [one.strip() for one in text.split(",") if one.strip() not in harmless]

    return read


def read_only(where: str) -> ReadRights:
    """The number at `where` is 1 for a key that can only read, 0 for one that can write."""

    def read(body: bytes) -> Sequence[str]:
        flag = found(_ANY.decode(body), where)
        if type(flag) is not int or flag not in (0, 1):
            raise Malformed(f"$.{where}: missing")
        return [] if flag else ["write"]

    return read
