"""Packs many reads of one block into a few eth_calls, so that a thousand contracts cost as few requests as ten. No I/O.

The call brings its own code (the third parameter of eth_call: state overrides). In that call only, code that reads storage
replaces the code of a watched contract. Code at address zero, the sender of plain calls, calls all these contracts and returns
their answers in a row. A node without state overrides answers nothing, refuses, or returns the wrong length; then every read
is requested alone. Source: geth, "eth_call: state override set"; measured on anvil.
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

MIN_PACKED = 24
"""Packing fewer reads gains nothing."""
MIN_PACKED_NARROW = 3
"""The same for a node that counts each request."""
MAX_SLOTS = 3000
"""Slots in one call: 2,100 gas each; nodes allow about 30 million."""
MAX_CODES = 4000
MAX_CALLS = 120
CALL_GAS = 200_000
"""Gas of one packed call. Contracts that burn gas then leave enough for the others; a call without an answer is requested again
alone."""
MAX_AGAIN, AGAIN_GAS = 16, 1_500_000
"""Calls that are packed once more, and the gas of each: together less than nodes allow for one call."""
MAX_PACKED_ANSWER = 8192
SINGLE_CALL_GAS = 8_000_000
"""Gas of a call that is requested alone."""

READER = "0x60005b3681101560155780355481526020016002565b366000f3"
"""Runs mstore(i, sload(calldataload(i))) for every word i of the input, and returns these words."""
HASHER = "0x60005b3681101560155780353f81526020016002565b366000f3"
"""The same with extcodehash in place of sload."""
CALLER = (
    "0x60006180005b8136111560785781358060401c63ffffffff168084602001600037600060008260008560601c8663ffffffff16fa"
    "15605d573d83528160201c63ffffffff16803d10604e576051565b503d5b806000856020013e6065565b600019835260005b6020018301"
    "925060200183019250506005565b6180009003618000f3"
)
"""Makes a static call for every item (address 20, length 4, most 4, gas 4 bytes, then `length` bytes of input). It returns the
length of each answer (all ones: the call failed) and at most `most` bytes of it."""
FAILED = (1 << 256) - 1
_WORD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Holds one call that answers `reads`, in their order."""

    reads: tuple[AnyRead, ...]
    call: dict[str, str]
    overrides: dict[str, dict[str, str]]

    def ask(self, header: Header) -> Ask:
        """Return the request, in this block."""
        return ("eth_call", [self.call, {"blockHash": header.hash}, self.overrides])


@lru_cache(maxsize=16)
def plan(reads: frozenset[AnyRead], least: int = MIN_PACKED) -> tuple[tuple[Packed, ...], tuple[AnyRead, ...]]:
    """Pack the reads into a few calls; also return the reads that must be requested alone. The order is deterministic.

    Fewer than `least` reads are not packed.
    """
    ordered = sorted(reads, key=repr)
    if len(ordered) < least:
        return (), tuple(ordered)
    slots = [read for read in ordered if isinstance(read, SlotWord)]
    codes = [read for read in ordered if isinstance(read, CodeHash)]
    calls = [read for read in ordered if isinstance(read, CallWord | CallBytes)]
    packed = [
        *(_slots(some) for some in _parts(slots, MAX_SLOTS)),
        *(_codes(some) for some in _parts(codes, MAX_CODES)),
        *(_calls(some) for some in _parts(calls, MAX_CALLS)),
    ]
    held = {read for one in packed for read in one.reads}
    return tuple(packed), tuple(read for read in ordered if read not in held)


def plan_again(reads: Sequence[AnyRead]) -> tuple[tuple[Packed, ...], tuple[AnyRead, ...]]:
    """Pack calls without an answer once more, few in a call and with more gas, for a node that counts each request.

    Also return the reads that must be requested alone.
    """
    calls = [read for read in reads if isinstance(read, CallWord | CallBytes)]
    packed = tuple(_calls(some, AGAIN_GAS) for some in _parts(calls, MAX_AGAIN))
    return packed, tuple(read for read in reads if not isinstance(read, CallWord | CallBytes))


def unpack(packed: Packed, answer: Any) -> dict[AnyRead, object] | None:
    """Decode the answers by read; a failed or too long answer is missing. None if the whole answer is malformed."""
    try:
        body = bytes.fromhex(answer[2:])
        if isinstance(packed.reads[0], SlotWord):
            return _slot_words(packed.reads, body)
        if isinstance(packed.reads[0], CodeHash):
            return _code_words(packed.reads, body)
        found = _Answer(body)
        words: dict[AnyRead, object] = {}
        for read in packed.reads:
            length = found.word()
            if length != FAILED:
                _answered(words, read, length, found, _most(read))
    except (TypeError, ValueError):
        return None
    return words if found.ended else None


def _slot_words(reads: Sequence[AnyRead], body: bytes) -> dict[AnyRead, object] | None:
    """Decode words grouped by address, each group after its length in bytes. The loop is tight: a block has thousands."""
    words: dict[AnyRead, object] = {}
    at = 0
    for _, some in groupby(reads, key=attrgetter("address")):
        group = list(some)
        end = at + _WORD * (len(group) + 1)
        if int.from_bytes(body[at : at + _WORD], "big") != end - at - _WORD or end > len(body):
            return None
        for start, read in zip(range(at + _WORD, end, _WORD), group, strict=True):
            words[read] = int.from_bytes(body[start : start + _WORD], "big")
        at = end
    return words if at == len(body) else None


def _code_words(reads: Sequence[AnyRead], body: bytes) -> dict[AnyRead, object] | None:
    if len(body) != _WORD * len(reads):
        return None
    return {
        read: int.from_bytes(body[at * _WORD : (at + 1) * _WORD], "big") or NO_CODE for at, read in enumerate(reads)
    }


class _Answer:
    """Reads bytes from the front."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._body)

    def word(self) -> int:
        return int.from_bytes(self.take(_WORD), "big")

    def take(self, length: int) -> bytes:
        """Return the next bytes. Raises ValueError beyond the end."""
        part = self._body[self._at : self._at + length]
        if len(part) != length:
            raise ValueError(length)
        self._at += length
        return part


def single_ask(read: CallWord | CallBytes, at: Any) -> Ask:
    """Request one call with its own gas and a bounded answer: untrusted code may return megabytes."""
    most = MAX_ANSWER if isinstance(read, CallBytes) else _WORD
    call = _call(_item(read.address, bytes.fromhex(read.body[2:]), most, SINGLE_CALL_GAS))
    return ("eth_call", [call, at, {NOBODY: {"code": CALLER}}])


def single_of(read: Read[T], answer: Any) -> T | None:
    """Decode the answer to `single_ask`, as `chain.rpc.messages.read_of` does for a plain request."""
    words: dict[AnyRead, Any] = {}
    try:
        found = _Answer(bytes.fromhex(answer[2:]))
        length = found.word()
        if length != FAILED:
            _answered(words, read, length, found, MAX_ANSWER if isinstance(read, CallBytes) else _WORD)
    except (TypeError, ValueError):
        return None
    answered: T | None = words.get(read)
    return answered


def _answered(words: dict[AnyRead, object], read: AnyRead, length: int, found: _Answer, most: int) -> None:
    kept = found.take(min(length, most))
    if isinstance(read, CallBytes):
        if 0 < length <= most:
            words[read] = kept
    elif length >= _WORD:
        words[read] = int.from_bytes(kept, "big")


def _most(read: AnyRead) -> int:
    return MAX_PACKED_ANSWER if isinstance(read, CallBytes) else _WORD


def _slots(reads: Sequence[SlotWord]) -> Packed:
    by_address: dict[str, list[SlotWord]] = {}
    for read in reads:
        by_address.setdefault(read.address, []).append(read)
    body = bytearray()
    for address, some in by_address.items():
        keys = b"".join(read.slot.to_bytes(_WORD, "big") for read in some)
        body += _item(address, keys, len(keys), 100_000 + 3000 * len(some))
    overrides = {NOBODY: {"code": CALLER}} | {address: {"code": READER} for address in by_address}
    return Packed(
        reads=tuple(read for some in by_address.values() for read in some), call=_call(body), overrides=overrides
    )


def _codes(reads: Sequence[CodeHash]) -> Packed:
    body = b"".join(bytes(12) + bytes.fromhex(read.address[2:]) for read in reads)
    return Packed(reads=tuple(reads), call=_call(body), overrides={NOBODY: {"code": HASHER}})


def _calls(reads: Sequence[CallWord | CallBytes], gas: int = CALL_GAS) -> Packed:
    body = b"".join(_item(read.address, bytes.fromhex(read.body[2:]), _most(read), gas) for read in reads)
    return Packed(reads=tuple(reads), call=_call(body), overrides={NOBODY: {"code": CALLER}})


def _item(address: str, body: bytes, most: int, gas: int) -> bytes:
    figures = b"".join(figure.to_bytes(4, "big") for figure in (len(body), most, gas))
    return bytes.fromhex(address[2:]) + figures + body


def _call(body: bytes | bytearray) -> dict[str, str]:
    return {"to": NOBODY, "data": f"0x{body.hex()}"}


def _parts(reads: Sequence[T], most: int) -> Iterable[Sequence[T]]:
    return (reads[at : at + most] for at in range(0, len(reads), most))
