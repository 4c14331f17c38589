"""Describes the code of a contract: functions, storage, compiler. None means unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_SOLC = b"\x64solc\x43"
"""The key "solc" of the CBOR trailer and the head of its three bytes (Solidity's documentation, "Contract Metadata")."""
_VYPER = b"\x65vyper\x83"
"""The key "vyper" and the head of its three numbers (in code made before Vyper 0.3.10)."""
_SMALL = 24  # a CBOR integer in one byte
_TRAILER = 256


@dataclass(frozen=True, slots=True)
class Record:
    """Holds one piece of storage that code uses: byte `offset` of `slot`, its inferred type, the functions that use it."""

    slot: int
    offset: int
    type: str
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Holds the result of reading one code. `size` in bytes; a selector is "0x" and 8 digits; `arguments`: types by selector.

    `selectors` or `storage` is None if it could not be read in the allowed time, or if no reader for it is installed.
    """

    size: int
    selectors: frozenset[str] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    storage: tuple[Record, ...] | None = None
    compiler: str | None = None


EMPTY = Code(size=0, selectors=frozenset(), storage=())
"""The result for an address without code: no functions, no storage."""


def compiler_of(code: bytes) -> str | None:
    """Return the compiler and version in the code's trailer ("solc 0.8.26"); None if it names none."""
    trailer = code[-_TRAILER:]
    for key, name in ((_SOLC, "solc"), (_VYPER, "vyper")):
        at = trailer.rfind(key)
        version = trailer[at + len(key) : at + len(key) + 3] if at >= 0 else b""
        if len(version) == 3 and (name == "solc" or max(version) < _SMALL):
            return f"{name} {'.'.join(map(str, version))}"
    return None
