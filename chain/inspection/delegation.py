"""Finds where an address really delegates to, within the batches of an inspection: it adds no batch. Pure.

The first batch contains traces of unrelated calls, and the state that one of them touches. Without traces, the second batch
replaces the declared targets and the touched accounts by sentinels; with traces, it traces the getters. It always reads the
touched slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from chain.behaviour.declared import Declared, Finding, bodies, declared, holding, judge
from chain.behaviour.inquiry import ran
from chain.blocks.delegates import NEUTRAL, PRECOMPILED, Touched
from chain.blocks.reads import AnyRead, RunsOneOf, SlotWord, StateRead, TouchedState, TracedDelegates
from chain.blocks.standards import NOBODY
from chain.events import Address, ProbedBy
from chain.proxies.kinds import every
from chain.proxies.places import PlaceTable

MAX_SLOTS = 32
MAX_TARGETS = 32
PLACES = PlaceTable(every())


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated:
    """Holds the result of the calls. `target` is the delegate if it differs from the declared one, and `slot` of `slot_of`
    holds it, if that is known. `probed_by` is None if no node answered a probe.
    """

    verdict: Finding
    target: Address | None = None
    slot_of: Address | None = None
    slot: int | None = None
    probed_by: ProbedBy | None = None
    probes: int = 0


def first_reads(address: Address) -> set[AnyRead]:
    """Return the reads of the first batch."""
    calls = _calls(address)
    touched: set[AnyRead] = {TouchedState(address, calls[-1], traced=traced) for traced in (True, False)}
    return touched | {TracedDelegates(address, body) for body in calls}


def next_reads(address: Address, named: Iterable[Address], state: StateRead) -> set[AnyRead]:
    """Return the reads of the second batch, given the answers to the first and the targets named there."""
    what = declared(PLACES, address, state)
    touched = _touched(address, state)
    slots = [SlotWord(at, slot) for at, slots in touched for slot in slots][:MAX_SLOTS]
    if _traced(address, state):
        return {*slots, *(TracedDelegates(address, body) for body in what.getters)}
    spared = {address, NEUTRAL, NOBODY, *what.asked}
    others = [at for at, _ in touched if at not in spared and int(at, 16) >= PRECOMPILED]
    targets = tuple(dict.fromkeys([*sorted({*named, *what.targets}), *others]))[:MAX_TARGETS]
    calls = (*_calls(address), *what.getters) if targets else ()
    return {*slots, *(RunsOneOf(address, body, targets) for body in calls)}


def judged(address: Address, named: Iterable[Address], state: StateRead) -> Delegated:
    """Judge all answers; `named` are the targets of the recognised kind."""
    delegates = ran((read for read in state if _is_of(read, address)), state)
    if not delegates:
        return Delegated(verdict=Finding.UNKNOWN)
    what = declared(PLACES, address, state)
    what = replace(what, slots=what.slots | frozenset(named))
    found = judge(what, delegates)
    held = _held(address, found.actual, found.named_by, state)
    return Delegated(
        verdict=found.verdict,
        target=found.actual,
        slot_of=held[0] if held else None,
        slot=held[1] if held else None,
        probed_by=ProbedBy.TRACE if _traced(address, state) else ProbedBy.SENTINEL,
        probes=found.probes or len(delegates),
    )


def _calls(address: Address) -> tuple[str, ...]:
    """Return call data that is unique to this address, derived from the address itself."""
    mixed = int(address, 16) * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95
    return bodies(Declared(), f"0x{mixed % (1 << 256):064x}", traced=False)


def _is_of(read: AnyRead, address: Address) -> bool:
    return isinstance(read, TracedDelegates | RunsOneOf) and read.address == address


def _traced(address: Address, state: StateRead) -> bool:
    return any(TracedDelegates(address, body) in state for body in _calls(address))


def _touched(address: Address, state: StateRead) -> Touched:
    answers = (state.get(TouchedState(address, _calls(address)[-1], traced=traced)) for traced in (True, False))
    return next((answer for answer in answers if answer is not None), ())


def _held(
    address: Address, target: Address | None, named_by: Address | None, state: StateRead
) -> tuple[Address, int] | None:
    if target is None:
        return None
    words: Mapping[SlotWord, int] = {
        read: word
        for at, slots in _touched(address, state)
        for slot in slots
        if (word := state.get(read := SlotWord(at, slot))) is not None
    }
    held = holding(words, target, [address, *([named_by] if named_by else [])])
    return (held[0].address, held[0].slot) if held else None
