"""Reads the signature of an event as people write it, and the arguments of its logs, with bounds. Pure.

"Paused(address)" and "Transfer(address indexed from, address indexed to, uint256 value)" are both signatures. Without `indexed`
the number of a log's topics says how many arguments are indexed, and they are taken to be the first ones. Texts, bytes and
lists may be arguments, but are not decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from chain.blocks.abi import Unreadable, Words, address_of, topic_of
from chain.blocks.block import Log

MAX_SIGNATURE = 512
MAX_ARGUMENTS = 16
MAX_INDEXED = 3
_WHOLE = re.compile(r"\s*([A-Za-z_$][A-Za-z0-9_$]{0,127})\s*\(([^()]*)\)\s*")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}")
_TYPE = re.compile(r"(?:(address|bool|string|bytes)|(u?int)(\d{0,3})|bytes(\d{1,2}))((?:\[\])?)")
WORD_BITS = 256

Value = str | int | None
"""An argument: a number (bool: 0 or 1), an address or bytes in hexadecimal digits, or None for what is not decoded."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its canonical type, its name ("" for none), and whether it is indexed (None: not stated)."""

    type: str
    name: str
    indexed: bool | None

    @property
    def plain(self) -> bool:
        """Whether its value is one word: no text, bytes or list."""
        return self.type not in ("string", "bytes") and not self.type.endswith("[]")

    @property
    def number(self) -> bool:
        """Whether its value is a number."""
        return self.plain and "int" in self.type

    def value(self, word: int) -> str | int:
        """The value in this word. Raises Unreadable where the word is none of this type."""
        if self.type == "address":
            _fits(word, 160)
            return address_of(word)
        if self.type == "bool":
            _fits(word, 1)
            return word
        if self.type.startswith("bytes"):
            size = int(self.type[5:])
            if word & ((1 << WORD_BITS - 8 * size) - 1):
                raise Unreadable("bytes beyond the type")
            return f"0x{word >> WORD_BITS - 8 * size:0{2 * size}x}"
        bits = int(self.type.partition("int")[2])
        if self.type.startswith("uint"):
            _fits(word, bits)
            return word
        signed = word - (1 << WORD_BITS) if word >> WORD_BITS - 1 else word
        if not -(1 << bits - 1) <= signed < 1 << bits - 1:
            raise Unreadable("a number beyond its type")
        return signed


def _fits(word: int, bits: int) -> None:
    if word >> bits:
        raise Unreadable("a value beyond its type")


@dataclass(frozen=True)
class EventSignature:
    """An event: its name and arguments in order."""

    name: str
    arguments: tuple[Argument, ...]

    @cached_property
    def text(self) -> str:
        """The canonical form, of which the topic is the hash."""
        return f"{self.name}({','.join(one.type for one in self.arguments)})"

    @cached_property
    def topic(self) -> str:
        """The first topic of its logs."""
        return topic_of(self.text)

    def position(self, argument: str) -> int | None:
        """The position of an argument by its name, or by its number from 1 on; None: there is no such argument."""
        for at, one in enumerate(self.arguments):
            if argument in (one.name or None, str(at + 1)):
                return at
        return None

    def values(self, log: Log) -> tuple[Value, ...]:
        """The arguments of one of its logs. Raises Unreadable for a log that does not fit."""
        topics, body = [int(one, 16) for one in log.topics[1:]], Words(log.body)
        indexed = [one.indexed for one in self.arguments]
        if None in indexed:
            indexed = [at < len(topics) for at in range(len(self.arguments))]
        if sum(map(bool, indexed)) != len(topics):
            raise Unreadable("not the indexed arguments of this event")
        found: list[Value] = []
        heads = 0
        for one, is_indexed in zip(self.arguments, indexed, strict=True):
            word = topics.pop(0) if is_indexed else body.word(heads)
            heads += not is_indexed
            found.append(one.value(word) if one.plain else None)
        return tuple(found)


def event_signature(text: str) -> EventSignature:
    """The event that this text names. Raises ValueError, with what is allowed, for a text that names none."""
    whole = _WHOLE.fullmatch(text) if len(text) <= MAX_SIGNATURE else None
    if whole is None:
        raise ValueError("a name and its arguments' types in brackets, such as Paused(address)")
    parts = [part.split() for part in whole[2].split(",")] if whole[2].strip() else []
    if len(parts) > MAX_ARGUMENTS:
        raise ValueError(f"at most {MAX_ARGUMENTS} arguments")
    marked = any("indexed" in part[1:2] for part in parts)
    arguments = tuple(_argument(part, marked=marked) for part in parts)
    if sum(bool(one.indexed) for one in arguments) > MAX_INDEXED:
        raise ValueError(f"at most {MAX_INDEXED} indexed arguments")
    return EventSignature(whole[1], arguments)


def _argument(words: list[str], *, marked: bool) -> Argument:
    indexed = "indexed" in words[1:2]
    rest = words[2:] if indexed else words[1:]
    if not words or len(rest) > 1 or (rest and not _NAME.fullmatch(rest[0])):
        raise ValueError("each argument as a type, then indexed if it is, then its name if you like")
    return Argument(_canonical(words[0]), rest[0] if rest else "", indexed if marked else None)


def _canonical(word: str) -> str:
    found = _TYPE.fullmatch(word)
    if found is not None:
        plain, number, bits, size, many = found.groups()
        if plain:
            return f"{plain}{many}"
        if size and 1 <= int(size) <= 32:
            return f"bytes{int(size)}{many}"
        if number and (not bits or (int(bits) % 8 == 0 and 8 <= int(bits) <= WORD_BITS)):
            return f"{number}{int(bits or WORD_BITS)}{many}"
    raise ValueError(
        "types address, bool, uint8 to uint256, int8 to int256, bytes1 to bytes32, string, bytes, or a list of one"
    )
