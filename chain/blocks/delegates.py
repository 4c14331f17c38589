"""Whose code a call ran, as sentinels and access lists show it, and how such an answer is written in one word. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain.blocks.block import address_of
from chain.events import Address

NEUTRAL = "0x5707357073570735707357073570735707357073"
"""Who calls: nobody's admin."""


PRECOMPILED = 0x10000
"""Below it live the machine's own contracts, on any network."""


_ADDRESS, _WORD = 20, 32


@dataclass(frozen=True, slots=True)
class Delegate:
    """Whom the contract's own code delegated to; `named_by` is who answered it with this address just before (a beacon)."""

    target: Address
    named_by: Address | None = None


Touched = tuple[tuple[Address, tuple[int, ...]], ...]
"""The accounts a call touched, each with the slots it read or wrote there."""


def as_word(found: Sequence[Delegate]) -> int:
    """Delegates as an integer."""
    body = b"".join(_bytes(one.target) + (_bytes(one.named_by) if one.named_by else bytes(_ADDRESS)) for one in found)
    return int.from_bytes(b"\x01" + body, "big")


def from_word(word: int) -> list[Delegate]:
    """Delegates from the integer."""
    parts = _parts(word, _ADDRESS)
    return [
        Delegate(address_of(target), address_of(named) if named else None)
        for target, named in zip(parts[::2], parts[1::2], strict=True)
    ]


def touched_word(found: Touched) -> int:
    """What was touched as an integer: address, slot, and so on; an account without slots has one, `NO_SLOT`."""
    body = b"".join(_bytes(at) + slot.to_bytes(_WORD, "big") for at, slots in found for slot in (slots or (NO_SLOT,)))
    return int.from_bytes(b"\x01" + body, "big")


NO_SLOT = (1 << 256) - 1


def touched_from(word: int) -> Touched:
    """What was touched, from the integer."""
    found: dict[Address, list[int]] = {}
    for part in _parts(word, _ADDRESS + _WORD):
        slots = found.setdefault(address_of(part >> 256), [])
        if part & NO_SLOT != NO_SLOT:
            slots.append(part & NO_SLOT)
    return tuple((at, tuple(slots)) for at, slots in found.items())


def _parts(word: int, size: int) -> list[int]:
    body = word.to_bytes((word.bit_length() + 7) // 8, "big")[1:]
    return [int.from_bytes(body[at : at + size], "big") for at in range(0, len(body), size)]


def _bytes(address: Address) -> bytes:
    return bytes.fromhex(address[2:])
