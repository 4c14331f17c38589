"""Reads untrusted ABI-encoded arguments by position, with bounds; refuses pointers to the outside (Solidity ABI)."""

from __future__ import annotations

from dataclasses import dataclass

from chain.events import Address

MAX_ITEMS = 256
"""Elements read of one array."""


class Unreadable(ValueError):
    """Malformed: a pointer or a length beyond the end, or too many elements."""


def address_of(word: int) -> Address:
    """The low 20 bytes of a word as an address."""
    return Address(f"0x{word & (1 << 160) - 1:040x}")


@dataclass(frozen=True, slots=True)
class Words:
    """ABI-encoded arguments, read by position; `base` is where this tuple begins. All reads raise Unreadable."""

    body: bytes
    base: int = 0

    def word(self, position: int) -> int:
        """The head word at this position."""
        start = self.base + 32 * position
        if start < 0 or start + 32 > len(self.body):
            raise Unreadable("beyond the end")
        return int.from_bytes(self.body[start : start + 32], "big")

    def address(self, position: int) -> Address:
        """That word as an address."""
        return address_of(self.word(position))

    def inner(self, position: int) -> Words:
        """The tuple or array that the head word points at."""
        return Words(self.body, self.base + self._pointer(position))

    def text(self, position: int) -> bytes:
        """The bytes or string that the head word points at."""
        at = self.inner(position)
        size, start = at.word(0), at.base + 32
        if start + size > len(self.body):
            raise Unreadable("bytes beyond the end")
        return self.body[start : start + size]

    def array(self, position: int) -> tuple[int, Words]:
        """Length and elements of the array that the head word points at."""
        at = self.inner(position)
        length = at.word(0)
        if length > MAX_ITEMS:
            raise Unreadable("too many elements")
        return length, Words(self.body, at.base + 32)

    def _pointer(self, position: int) -> int:
        found = self.word(position)
        if self.base + found > len(self.body):
            raise Unreadable("points beyond the end")
        return found


def keccak(text: bytes) -> bytes:
    """Keccak-256 (Ethereum's, not NIST SHA3-256)."""
    from eth_hash.auto import keccak as hashed

    return hashed(text)


def topic_of(signature: str) -> str:
    """The first topic of an event with this signature: "Upgraded(address)", tuples written out, no names."""
    return "0x" + keccak(signature.encode()).hex()


def selector_of(signature: str) -> bytes:
    """The first four bytes of a function signature's Keccak-256."""
    return keccak(signature.encode())[:4]


def checksummed(address: str) -> str:
    """The address with its checksum in the case of its letters (EIP-55)."""
    plain = address[2:].lower()
    digest = keccak(plain.encode()).hex()
    return "0x" + "".join(one.upper() if int(mark, 16) > 7 else one for one, mark in zip(plain, digest, strict=False))
