"""Whom a call really delegates to: three questions about one call of a contract, and how their answers are read. No I/O.

By a sentinel: in that call only, the code of the presumed targets is replaced by one that says its own name and in whose
storage it runs. By a trace: which DELEGATECALLs the contract's own code made. By what the call touched: an access list
(EIP-2930) or the state it began with, for whom and which slots to ask next. Answers travel as integers, as all answers do.
Sources: geth, "state override set", "callTracer", "prestateTracer", eth_createAccessList; measured on anvil 1.7.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chain.blocks.block import address_of
from chain.blocks.delegates import _WORD, NEUTRAL, NO_SLOT, PRECOMPILED, Delegate, Touched, as_word, touched_word
from chain.blocks.reads import Probe, RunsOneOf, TracedDelegates
from chain.events import Address

GAS = 2_000_000
"""For one probe: a contract that burns gas burns no more."""
MAGIC = 0x53544F524D57415443485F53454E54494E454C5FB8C3A1D7E6F2094D1B7C6E5A
MAX_FRAMES = 10_000
MAX_TARGETS = 16
MAX_TOUCHED = 64


def sentinel(target: Address) -> str:
    """Code that returns the magic word, the account in whose storage it runs, and its own name."""
    return f"0x7f{MAGIC:064x}6000523060205273{target[2:]}60405260606000f3"


def sentinel_of(need: RunsOneOf, answer: bytes) -> int:
    """The target that ran in the contract's own storage; 0 where none of them did."""
    words = [int.from_bytes(answer[at : at + _WORD], "big") for at in range(0, 3 * _WORD, _WORD)]
    ran = address_of(words[2])
    return words[2] if words[:2] == [MAGIC, int(need.address, 16)] and ran in need.targets else 0


def probe_ask(need: Probe, at: Any) -> tuple[str, list[Any]]:
    """The question by itself, in the block that `at` names."""
    call = {"from": NEUTRAL, "to": need.address, "data": need.body, "gas": hex(GAS)}
    if isinstance(need, RunsOneOf):
        return ("eth_call", [call, at, {target: {"code": sentinel(target)} for target in need.targets}])
    if isinstance(need, TracedDelegates) or need.traced:
        how = "callTracer" if isinstance(need, TracedDelegates) else "prestateTracer"
        return ("debug_traceCall", [call, at, {"tracer": how, "timeout": "1s"}])
    return ("eth_createAccessList", [call, at])


def probe_of(need: Probe, answer: Any) -> int | None:
    """The answer as an integer; None where that is no answer. Never raises."""
    try:
        if isinstance(need, RunsOneOf):
            return sentinel_of(need, bytes.fromhex(answer[2 : 2 + 6 * _WORD]))
        if isinstance(need, TracedDelegates):
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
    return list(found.values())[:MAX_TARGETS]


def _own(top: Any, contract: Address) -> Iterator[Mapping[str, Any]]:
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


def _access(answer: Any) -> Touched:
    found = ((one["address"], one.get("storageKeys") or ()) for one in answer["accessList"][:MAX_TOUCHED])
    return tuple((_address(at), tuple(int(slot, 16) & NO_SLOT for slot in slots[:MAX_TOUCHED])) for at, slots in found)


def _prestate(answer: Any) -> Touched:
    found = list(answer.items())[:MAX_TOUCHED]
    return tuple(
        (_address(at), tuple(int(slot, 16) & NO_SLOT for slot in list(one.get("storage") or ())[:MAX_TOUCHED]))
        for at, one in found
    )


def _address(text: str) -> Address:
    return address_of(int(text, 16))
