"""Whom a call really delegates to: three questions about one call of a contract, and how their answers are read. No I/O.

By a sentinel: in that call only, the code of the presumed targets is replaced by one that says its own name and in whose
storage it runs. By a trace: which DELEGATECALLs the contract's own code made. By what the call touched: an access list
(EIP-2930) or the state it began with, for whom and which slots to ask next. Answers travel as integers, as all answers do.
Sources: geth, "state override set", "callTracer", "prestateTracer", eth_createAccessList; measured on anvil 1.7.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.block import DelegatesNeed, Probe, SentinelNeed, address_of
from chain.events import Address

NEUTRAL = "0x5707357073570735707357073570735707357073"
"""Who calls: nobody's admin."""
GAS = 2_000_000
"""For one probe: a contract that burns gas burns no more."""
MAGIC = 0x53544F524D57415443485F53454E54494E454C5FB8C3A1D7E6F2094D1B7C6E5A
PRECOMPILED = 0x10000
"""Below it live the machine's own contracts, on any network."""
MOST_FRAMES = 10_000
MOST_TARGETS = 16
MOST_TOUCHED = 64
_ADDRESS, _WORD = 20, 32


@dataclass(frozen=True, slots=True)
class Delegate:
    """Whom the contract's own code delegated to; `named_by` is who answered it with this address just before (a beacon)."""

    target: Address
    named_by: Address | None = None


Touched = tuple[tuple[Address, tuple[int, ...]], ...]
"""The accounts a call touched, each with the slots it read or wrote there."""


def sentinel(target: Address) -> str:
    """Code that returns the magic word, the account in whose storage it runs, and its own name."""
    return f"0x7f{MAGIC:064x}6000523060205273{target[2:]}60405260606000f3"


def sentinel_of(need: SentinelNeed, answer: bytes) -> int:
    """The target that ran in the contract's own storage; 0 where none of them did."""
    words = [int.from_bytes(answer[at : at + _WORD], "big") for at in range(0, 3 * _WORD, _WORD)]
    ran = address_of(words[2])
    return words[2] if words[:2] == [MAGIC, int(need.address, 16)] and ran in need.targets else 0


def probe_ask(need: Probe, at: Any) -> tuple[str, list[Any]]:
    """The question by itself, in the block that `at` names."""
    call = {"from": NEUTRAL, "to": need.address, "data": need.body, "gas": hex(GAS)}
    if isinstance(need, SentinelNeed):
        return ("eth_call", [call, at, {target: {"code": sentinel(target)} for target in need.targets}])
    if isinstance(need, DelegatesNeed) or need.traced:
        how = "callTracer" if isinstance(need, DelegatesNeed) else "prestateTracer"
        return ("debug_traceCall", [call, at, {"tracer": how, "timeout": "1s"}])
    return ("eth_createAccessList", [call, at])


def probe_of(need: Probe, answer: Any) -> int | None:
    """The answer as an integer; None where that is no answer. Never raises."""
    try:
        if isinstance(need, SentinelNeed):
            return sentinel_of(need, bytes.fromhex(answer[2 : 2 + 6 * _WORD]))
        if isinstance(need, DelegatesNeed):
            return as_word(delegates(answer, need.address))
        return touched_word(_prestate(answer) if need.traced else _access(answer))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def delegates(top: Any, contract: Address) -> list[Delegate]:
    """Whom the contract's own code delegated to in a traced call, in order. What its targets delegate to is theirs."""
    found: dict[Address, Delegate] = {}
    for frame in _own(top, contract):
        named: dict[Address, Address] = {}
        for inner in _calls(frame):
            kind, to = inner["type"], Address(str(inner.get("to", "")).lower())
            if to == contract:
                continue  # of itself: a batch of its own calls
            if kind in ("DELEGATECALL", "CALLCODE") and int(to, 16) >= PRECOMPILED:
                found.setdefault(to, Delegate(to, named.get(to)))
            elif len(output := str(inner.get("output") or "")) == 2 + 2 * _WORD:
                named.setdefault(address_of(int(output, 16)), to)
    return list(found.values())[:MOST_TARGETS]


def _own(top: Any, contract: Address) -> Iterator[Mapping[str, Any]]:
    """The frames that ran the contract's own code."""
    waiting: list[Mapping[str, Any]] = [top]
    for _ in range(MOST_FRAMES):
        if not waiting:
            return
        frame = waiting.pop()
        if frame["type"] in ("CALL", "STATICCALL", "DELEGATECALL") and str(frame.get("to", "")).lower() == contract:
            yield frame
        waiting.extend(reversed(_calls(frame)))


def _calls(frame: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = frame.get("calls") or ()
    return found


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


def _access(answer: Any) -> Touched:
    found = ((one["address"], one.get("storageKeys") or ()) for one in answer["accessList"][:MOST_TOUCHED])
    return tuple((_address(at), tuple(int(slot, 16) & NO_SLOT for slot in slots[:MOST_TOUCHED])) for at, slots in found)


def _prestate(answer: Any) -> Touched:
    found = list(answer.items())[:MOST_TOUCHED]
    return tuple(
        (_address(at), tuple(int(slot, 16) & NO_SLOT for slot in list(one.get("storage") or ())[:MOST_TOUCHED]))
        for at, one in found
    )


def _address(text: str) -> Address:
    return address_of(int(text, 16))


def _bytes(address: Address) -> bytes:
    return bytes.fromhex(address[2:])
