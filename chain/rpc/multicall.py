"""Many reads of one block in a few eth_calls, so that a thousand contracts cost no more questions than ten. No I/O.

The call carries its own code (the third parameter of eth_call: state overrides). A watched contract's code is replaced,
in that call only, by one that reads its storage; the code at address zero, which is whom plain calls come from, asks
them all and gives the answers in a row. A node that knows no overrides answers nothing, refuses, or gives the wrong
length: then everything is asked one by one. Source: geth, "eth_call: state override set"; measured on anvil.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from chain.blocks.block import Header
from chain.blocks.reads import MAX_ANSWER, NO_CODE, AnyRead, CallBytes, CallWord, CodeHash, Read, SlotWord
from chain.blocks.standards import NOBODY
from chain.rpc.messages import Ask

T = TypeVar("T")

LEAST = 24
"""Reads below which packing gains nothing."""
MAX_SLOTS = 3000
"""In one call: 2,100 gas each, where nodes allow some 30 million."""
MAX_CODES = 4000
MAX_CALLS = 120
GAS_A_CALL = 200_000
"""A contract that burns gas burns no more, so that even as many as fit in one call leave the others theirs; what was not
answered is asked again by itself."""
MAX_PACKED_ANSWER = 8192
GAS_ALONE = 8_000_000
"""For a call that had too little among others."""

READER = "0x60005b3681101560155780355481526020016002565b366000f3"
"""mstore(i, sload(calldataload(i))) for every word i of the input; returns them."""
HASHER = "0x60005b3681101560155780353f81526020016002565b366000f3"
"""The same with extcodehash."""
CALLER = (
    "0x60006180005b8136111560785781358060401c63ffffffff168084602001600037600060008260008560601c8663ffffffff16fa"
    "15605d573d83528160201c63ffffffff16803d10604e576051565b503d5b806000856020013e6065565b600019835260005b6020018301"
    "925060200183019250506005565b6180009003618000f3"
)
"""For every item (address 20, length 4, most 4, gas 4 bytes, then that length of input): a static call; gives the length
of its answer (all ones: it failed) and at most `most` bytes of it."""
FAILED = (1 << 256) - 1
_WORD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One call that answers `reads`, in their order."""

    reads: tuple[AnyRead, ...]
    call: dict[str, str]
    overrides: dict[str, dict[str, str]]

    def ask(self, header: Header) -> Ask:
        """The question, in this very block."""
        return ("eth_call", [self.call, {"blockHash": header.hash}, self.overrides])


@lru_cache(maxsize=16)
def plan(reads: frozenset[AnyRead]) -> tuple[tuple[Packed, ...], tuple[AnyRead, ...]]:
    """The reads as a few calls, and those that must be asked one by one. Both in an order that is always the same."""
    ordered = sorted(reads, key=repr)
    if len(ordered) < LEAST:
        return (), tuple(ordered)
    slots = [need for need in ordered if isinstance(need, SlotWord)]
    codes = [need for need in ordered if isinstance(need, CodeHash)]
    calls = [need for need in ordered if isinstance(need, CallWord | CallBytes)]
    packed = [
        *(_slots(some) for some in _parts(slots, MAX_SLOTS)),
        *(_codes(some) for some in _parts(codes, MAX_CODES)),
        *(_calls(some) for some in _parts(calls, MAX_CALLS)),
    ]
    held = {need for one in packed for need in one.reads}
    return tuple(packed), tuple(need for need in ordered if need not in held)


def unpack(packed: Packed, answer: Any) -> dict[AnyRead, object] | None:
    """The words by need; a call that failed or answered at length is missing. None: that is no answer to this."""
    try:
        body = bytes.fromhex(answer[2:])
        kind = type(packed.reads[0])
        if kind is SlotWord:
            return _slot_words(packed.reads, body)
        if kind is CodeHash:
            return _code_words(packed.reads, body)
        found = _Answer(body)
        words: dict[AnyRead, object] = {}
        for need in packed.reads:
            length = found.word()
            if length != FAILED:
                _answered(words, need, length, found, _most(need))
    except (TypeError, ValueError):
        return None
    return words if found.ended else None


def _slot_words(reads: Sequence[AnyRead], body: bytes) -> dict[AnyRead, object] | None:
    """Before the words of each address stands how many bytes they are. In a tight loop: there are thousands in each block."""
    words: dict[AnyRead, object] = {}
    at = 0
    for _, some in groupby(reads, key=attrgetter("address")):
        group = list(some)
        end = at + _WORD * (len(group) + 1)
        if int.from_bytes(body[at : at + _WORD], "big") != end - at - _WORD or end > len(body):
            return None
        for start, need in zip(range(at + _WORD, end, _WORD), group, strict=True):
            words[need] = int.from_bytes(body[start : start + _WORD], "big")
        at = end
    return words if at == len(body) else None


def _code_words(reads: Sequence[AnyRead], body: bytes) -> dict[AnyRead, object] | None:
    if len(body) != _WORD * len(reads):
        return None
    return {
        need: int.from_bytes(body[at * _WORD : (at + 1) * _WORD], "big") or NO_CODE for at, need in enumerate(reads)
    }


class _Answer:
    """Bytes read from the front."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._body)

    def word(self) -> int:
        return int.from_bytes(self.take(_WORD), "big")

    def take(self, length: int) -> bytes:
        """The next bytes. Raises ValueError beyond the end."""
        part = self._body[self._at : self._at + length]
        if len(part) != length:
            raise ValueError(length)
        self._at += length
        return part


def alone_ask(need: CallWord | CallBytes, at: Any) -> Ask:
    """One call with gas of its own, of whose answer no more comes back than is wanted: strangers' code may give megabytes."""
    most = MAX_ANSWER if isinstance(need, CallBytes) else _WORD
    call = _call(_item(need.address, bytes.fromhex(need.body[2:]), most, GAS_ALONE))
    return ("eth_call", [call, at, {NOBODY: {"code": CALLER}}])


def alone_of(need: Read[T], answer: Any) -> T | None:
    """The answer to it, as `chain.rpc.messages.read_of` gives it."""
    words: dict[AnyRead, Any] = {}
    try:
        found = _Answer(bytes.fromhex(answer[2:]))
        length = found.word()
        if length != FAILED:
            _answered(words, need, length, found, MAX_ANSWER if isinstance(need, CallBytes) else _WORD)
    except (TypeError, ValueError):
        return None
    answered: T | None = words.get(need)
    return answered


def _answered(words: dict[AnyRead, object], need: AnyRead, length: int, found: _Answer, most: int) -> None:
    told = found.take(min(length, most))
    if isinstance(need, CallBytes):
        if 0 < length <= most:
            words[need] = told
    elif length >= _WORD:
        words[need] = int.from_bytes(told, "big")


def _most(need: AnyRead) -> int:
    return MAX_PACKED_ANSWER if isinstance(need, CallBytes) else _WORD


def _slots(reads: Sequence[SlotWord]) -> Packed:
    by_address: dict[str, list[SlotWord]] = {}
    for need in reads:
        by_address.setdefault(need.address, []).append(need)
    body = bytearray()
    for address, some in by_address.items():
        keys = b"".join(need.slot.to_bytes(_WORD, "big") for need in some)
        body += _item(address, keys, len(keys), 100_000 + 3000 * len(some))
    overrides = {NOBODY: {"code": CALLER}} | {address: {"code": READER} for address in by_address}
    return Packed(
        reads=tuple(need for some in by_address.values() for need in some), call=_call(body), overrides=overrides
    )


def _codes(reads: Sequence[CodeHash]) -> Packed:
    body = b"".join(bytes(12) + bytes.fromhex(need.address[2:]) for need in reads)
    return Packed(reads=tuple(reads), call=_call(body), overrides={NOBODY: {"code": HASHER}})


def _calls(reads: Sequence[CallWord | CallBytes]) -> Packed:
    body = b"".join(_item(need.address, bytes.fromhex(need.body[2:]), _most(need), GAS_A_CALL) for need in reads)
    return Packed(reads=tuple(reads), call=_call(body), overrides={NOBODY: {"code": CALLER}})


def _item(address: str, body: bytes, most: int, gas: int) -> bytes:
    figures = b"".join(figure.to_bytes(4, "big") for figure in (len(body), most, gas))
    return bytes.fromhex(address[2:]) + figures + body


def _call(body: bytes | bytearray) -> dict[str, str]:
    return {"to": NOBODY, "data": f"0x{body.hex()}"}


def _parts(reads: Sequence[T], most: int) -> Iterable[Sequence[T]]:
    return (reads[at : at + most] for at in range(0, len(reads), most))
