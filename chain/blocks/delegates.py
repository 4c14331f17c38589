"""Reads from a trace whose code a call ran, and which accounts and slots it touched. Pure.

Sources: geth, "callTracer" and "prestateTracer"; EIP-2930 for access lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.blocks.abi import address_of
from chain.events import Address

NEUTRAL = "0x5707357073570735707357073570735707357073"
"""The caller of every probe: an address that is the admin of no contract."""

PRECOMPILED = 0x10000
"""Lower addresses are precompiled contracts, on any network."""

MAX_FRAMES = 10_000
MAX_TARGETS = 16
MAX_TOUCHED = 64
_WORD_DIGITS = 64
_WORD_MASK = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Delegate:
    """The target that the contract's own code delegated to; `named_by` answered it with this address just before (a beacon)."""

    target: Address
    named_by: Address | None = None


Touched = tuple[tuple[Address, tuple[int, ...]], ...]
"""The accounts a call touched, each with the slots it read or wrote there."""


def delegates_of(top: Any, contract: Address) -> tuple[Delegate, ...]:
    """The targets that the contract's own code delegated to in a traced call, in order; its targets' own delegates do not count.

    Raises AttributeError, KeyError, TypeError or ValueError where this is no trace.
    """
    found: dict[Address, Delegate] = {}
    for frame in _own_frames(top, contract):
        named: dict[Address, Address] = {}
        for inner in _calls(frame):
            kind, to = inner["type"], Address(str(inner.get("to", "")).lower())
            if to == contract:
                continue  # it calls itself: a batch of its own calls
            if kind in ("DELEGATECALL", "CALLCODE") and int(to, 16) >= PRECOMPILED:
                by = named.get(to)
                found.setdefault(to, Delegate(_address(to), _address(by) if by else None))
            elif len(output := str(inner.get("output") or "")) == 2 + _WORD_DIGITS:
                named.setdefault(address_of(int(output, 16)), to)
    return tuple(found.values())[:MAX_TARGETS]


def touched_in_access_list(answer: Any) -> Touched:
    """The accounts and slots of an eth_createAccessList answer. Raises KeyError, TypeError or ValueError."""
    return _touched((one["address"], one.get("storageKeys") or ()) for one in answer["accessList"][:MAX_TOUCHED])


def touched_in_prestate(answer: Any) -> Touched:
    """The accounts and slots of a prestateTracer answer. Raises AttributeError, TypeError or ValueError."""
    return _touched((at, list(one.get("storage") or ())) for at, one in list(answer.items())[:MAX_TOUCHED])


def _touched(rows: Iterable[tuple[str, Sequence[str]]]) -> Touched:
    found: dict[Address, list[int]] = {}
    for at, slots in rows:
        found.setdefault(_address(at), []).extend(int(slot, 16) & _WORD_MASK for slot in slots[:MAX_TOUCHED])
    return tuple((at, tuple(slots)) for at, slots in found.items())


def _own_frames(top: Any, contract: Address) -> Iterator[Mapping[str, Any]]:
    """The frames that ran the contract's own code."""
    waiting: list[Mapping[str, Any]] = [top]
    for _ in range(MAX_FRAMES):
        if not waiting:
            return
        frame = waiting.pop()
        if frame["type"] in ("CALL", "STATICCALL", "DELEGATECALL") and str(frame.get("to", "")).lower() == contract:
            yield frame
        waiting.extend(reversed(_calls(frame)))


def _calls(frame: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = frame.get("calls") or ()
    return found


def _address(text: str) -> Address:
    return address_of(int(text, 16))
