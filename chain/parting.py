"""A detector's memory in parts, by the addresses it is about: what changed of one contract is then written anew without
what is remembered of the others. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

Memory = TypeVar("Memory", bound=msgspec.Struct)

PARTS = 64
_LAST = slice(40, 42)
"""An address's last two digits: its first ones are often zeros, or somebody's vanity."""


def parted(memory: msgspec.Struct) -> dict[str, bytes]:
    """By part, what is remembered. Each field of the memory maps keys that begin with an address. Equal memories give equal
    parts, in an order that is always the same.
    """
    parts: list[dict[str, dict[str, object]]] = [{} for _ in range(PARTS)]
    for field in memory.__struct_fields__:
        for key, value in getattr(memory, field).items():
            parts[int(key[_LAST], 16) % PARTS].setdefault(field, {})[key] = value
    return {f"{at:02}": msgspec.json.encode(part, order="sorted") for at, part in enumerate(parts)}


def joined(parts: Iterable[bytes], kind: type[Memory]) -> Memory:
    """The memory that was parted so. Raises ValueError where it is no such memory."""
    whole = kind()
    for part in parts:
        found = msgspec.json.decode(part, type=kind)
        for field in kind.__struct_fields__:
            getattr(whole, field).update(getattr(found, field))
    return whole
