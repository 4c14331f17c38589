"""Judges whether a contract delegates to the targets it declares: compares its places, getters and tables with its calls.

A claim is kept if a declared target ran, or one that a declared beacon named in that very call. Only a DELEGATECALL of the
contract's own code to another address breaks it. If a getter is itself answered by delegating, it is no declaration of the
contract: the code behind it could answer anything. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chain.blocks.abi import address_of
from chain.blocks.delegates import Delegate
from chain.blocks.reads import AnyRead, CallBytes, CallWord, SlotWord, StateRead
from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.proxies.diamonds import read_table
from chain.proxies.places import CODE, DELEGATE, PlaceTable, WatchedPlace, word_of

TARGETS = frozenset({Role.IMPLEMENTATION, Role.SECONDARY})
BALANCE_OF = "0x70a08231"
ARGUMENTS = "00" * 64
MAX_GETTERS = 8
MAX_CLAIMED = 64


class Finding(StrEnum):
    """The result of the probes of one contract."""

    KEPT = "kept"
    BROKEN = "broken"
    CUSTOM = "custom"
    """Nothing declared, one target found."""
    UNKNOWN = "unknown"
    """Nothing delegated, or different targets where none is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The declarations of a contract. `slots`: by its places, beacons and tables; `getters`: its answers, by call data.

    `asked` are the beacons and dictionaries. `sure`: all its declarations could be read. `account`: it is an account with
    a delegation of its own (EIP-7702), whose calls show nothing.
    """

    slots: frozenset[Address] = frozenset()
    getters: Mapping[str, Address] = field(default_factory=dict)
    asked: frozenset[Address] = frozenset()
    selectors: tuple[str, ...] = ()
    sure: bool = True
    account: bool = False

    @property
    def targets(self) -> frozenset[Address]:
        """All the targets that it declares."""
        return self.slots | frozenset(self.getters.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict; `actual` is the target if the contract does not declare it, `named_by` the address that named it."""

    verdict: Finding
    claimed: tuple[Address, ...] = ()
    actual: Address | None = None
    named_by: Address | None = None
    probes: int = 0


def places(place_table: PlaceTable, contract: Address, state: StateRead) -> list[AnyRead]:
    """The reads of all that may hold a declaration: the contract's own places, and the getters of its beacons."""
    own = place_table.own_places(contract)
    via = [where for role, address in _asked(place_table, own, state) for where in place_table.via(role, address)]
    return [where.read for where in (*own, *via) if where.key not in (CODE, DELEGATE)]


def declared(place_table: PlaceTable, contract: Address, state: StateRead) -> Declared:
    """The declarations of the contract in this state."""
    own = place_table.own_places(contract)
    slots: set[Address] = set()
    getters: dict[str, Address] = {}
    selectors: list[str] = []
    for where in own:
        if isinstance(where.read, CallBytes):
            table = read_table(state.get(where.read) or b"", where.read.body) or {}
            slots.update(table.values())
            selectors += sorted(table)
            continue
        word = state.get(where.read) or 0
        named = address_of(word) if where.role in TARGETS and 0 < word < 1 << 160 else None
        match where.read:
            case SlotWord() if named and not where.proved:  # a low slot may hold anything
                slots.add(named)
            case CallWord() if named and not where.forwards:  # an address that calls are forwarded to is no delegate
                getters[where.read.body] = named
    asked = _asked(place_table, own, state)
    sure = True
    for role, address in asked:
        via = [where for where in place_table.via(role, address) if where.role in TARGETS]
        words = [found for where in via if (found := word_of(state, where)) is not None]
        slots.update(address_of(word) for word in words if 0 < word < 1 << 160)
        sure = sure and bool(words or not via)
    return Declared(
        slots=frozenset(slots),
        getters=getters,
        asked=frozenset(address for _, address in asked),
        selectors=tuple(selectors),
        sure=sure,
        account=any(where.key == DELEGATE and word_of(state, where) for where in own),
    )


def bodies(what: Declared, salt: str, *, traced: bool) -> tuple[str, ...]:
    """Unrelated call data that nobody can foresee: from `salt`, a block's hash; with a table's own selectors if it has one.

    `traced`: the getters that answered are among them, to see which code answers.
    """
    seed = int(salt, 16)
    if what.selectors:
        step = max(len(what.selectors) // 3, 1)
        first = seed % len(what.selectors)
        chosen = [what.selectors[(first + at * step) % len(what.selectors)] for at in range(3)]
    else:
        chosen = [f"0x{seed >> 8 & 0xFFFFFFFF:08x}", f"0x{seed >> 64 & 0xFFFFFFFF:08x}", BALANCE_OF]
    getters = [*what.getters][:MAX_GETTERS] if traced else []
    return tuple(dict.fromkeys([*(f"{one}{ARGUMENTS}" for one in chosen), *getters]))


def judge(what: Declared, found: Mapping[str, Sequence[Delegate]]) -> Judged:
    """Judge the calls (by call data). A getter that is not among them may have been answered by any code."""
    own = frozenset(named for body, named in what.getters.items() if body in found and not found[body])
    unseen = frozenset(named for body, named in what.getters.items() if body not in found)
    claimed = what.slots | own
    kept = 0
    others: Counter[Delegate] = Counter()
    for delegates in found.values():
        if any(one.target in claimed | unseen or one.named_by in what.asked for one in delegates):
            kept += 1
        elif delegates:
            others[delegates[0]] += 1
    if what.account or not what.sure or not (kept or others):
        return Judged(verdict=Finding.UNKNOWN)
    if not others:
        return Judged(verdict=Finding.KEPT)
    [(most, probes)] = others.most_common(1)
    if claimed:
        verdict, probes = Finding.BROKEN, others.total()
    elif kept or unseen or probes < 2 or len({other.target for other in others}) > 1:
        return Judged(verdict=Finding.UNKNOWN)
    else:
        verdict = Finding.CUSTOM
    return Judged(
        verdict=verdict, claimed=tuple(sorted(claimed)), actual=most.target, named_by=most.named_by, probes=probes
    )


def holding(words: Mapping[SlotWord, int], target: Address, first: Sequence[Address]) -> tuple[SlotWord, int] | None:
    """The slot whose word holds the target, and how many bits above its end; those of `first` before others."""
    wanted = int(target, 16)
    order = {address: at for at, address in enumerate(first)}
    for read in sorted(words, key=lambda read: (order.get(read.address, len(order)), read.address, read.slot)):
        for shift in range(0, 97, 8):
            if words[read] >> shift & (1 << 160) - 1 == wanted:
                return read, shift
    return None


def _asked(place_table: PlaceTable, own: Sequence[WatchedPlace], state: StateRead) -> list[tuple[Role, Address]]:
    found = {
        (where.role, address_of(word)): None
        for where in own
        if where.role in place_table.asked_roles and (word := word_of(state, where))
    }
    return [pair for pair in found if pair[1] != NOBODY]
