"""Finds which kind of proxy an address is, from its slots, code and answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from chain.blocks.abi import address_of
from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallBytes, CallWord, RunsAs, StateRead
from chain.events import Address, Role
from chain.proxies.diamonds import read_table
from chain.proxies.kind import MAX_ADDRESS, GetterSpec, Proof, ProxyKind, SlotSpec, shown, worth_proving


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The kind of a proxy, and the address in each role that is filled."""

    kind: ProxyKind
    roles: Mapping[Role, Address] = field(default_factory=dict)


def asked_first(kinds: Iterable[ProxyKind], address: Address) -> set[AnyRead]:
    """The reads that the kinds need of the address itself."""
    wanted: set[AnyRead] = {CallWord(address, UNKNOWN_FUNCTION)}
    for kind in kinds:
        wanted.update(slot.read(address) for slot in kind.slots)
        wanted.update(call.read(address, address) for call in kind.calls if call.of == Role.PROXY)
        wanted.update(CallWord(address, proof.body) for proof in kind.proofs if proof.of == Role.PROXY)
        wanted.update(CallBytes(address, body) for body in kind.tables)
    return wanted


def asked_next(kinds: Iterable[ProxyKind], address: Address, code: bytes, state: StateRead) -> set[AnyRead]:
    """The reads that the kinds need of the addresses that were found in their roles."""
    wanted: set[AnyRead] = set()
    for kind in kinds:
        roles = roles_of(kind, address, code, state)
        if roles is not None:
            wanted.update(call.read(roles[call.of], address) for call in kind.calls if call.of in roles)
            wanted.update(RunsAs(address, one) for one in _unproved(kind, address, state))
            wanted.update(CallWord(roles[proof.of], proof.body) for proof in kind.proofs if proof.of in roles)
    return wanted


def recognised(kinds: Iterable[ProxyKind], address: Address, code: bytes, state: StateRead) -> Recognised | None:
    """The first kind, by rank and name, that fits the code and the answers; None if it is no known proxy."""
    for kind in sorted(kinds, key=lambda kind: (kind.rank, kind.name)):
        roles = roles_of(kind, address, code, state)
        if roles is None or not all(role in roles for role in kind.reads):
            continue
        if all(_proved(proof, address, roles, state) for proof in kind.proofs):
            return Recognised(kind=kind, roles=roles)
    return None


def roles_of(kind: ProxyKind, address: Address, code: bytes, state: StateRead) -> dict[Role, Address] | None:
    """The addresses in the kind's roles, as far as they are known; None where the code is not of this kind."""
    found: dict[Role, Address] = {}
    if kind.code is not None:
        match = kind.code.search(code)
        if match is None:
            return None
        found.update((Role(role), address_of(int.from_bytes(word, "big"))) for role, word in match.groupdict().items())
    for place, word in _words(kind, address, state):
        if _holds(kind, place, address, word, state):
            found.setdefault(place.role, address_of(word))
    for call in kind.calls:
        word = (state.get(call.read(found[call.of], address)) or 0) if call.of in found else 0
        if 0 < word <= MAX_ADDRESS:
            found.setdefault(call.role, address_of(word))
    if any(table_of(state, CallBytes(address, body)) for body in kind.tables):
        found[Role.TABLE] = address
    return found


def table_of(state: StateRead, loupe: CallBytes) -> dict[str, Address]:
    """The table that a loupe answered; empty where it did not."""
    return read_table(state.get(loupe) or b"", loupe.body) or {}


def credible(state: StateRead) -> StateRead:
    """The state without the answers of contracts that answer any call: those that answer an unknown function."""
    strange = {
        read.address
        for read, word in state.items()
        if isinstance(read, CallWord) and read.body == UNKNOWN_FUNCTION and word
    }
    return StateRead(
        {
            read: word
            for read, word in state.items()
            if not (isinstance(read, CallWord | CallBytes) and read.address in strange)
        }
    )


def _unproved(kind: ProxyKind, address: Address, state: StateRead) -> Iterator[Address]:
    for place, word in _words(kind, address, state):
        if place.proved and worth_proving(address, word):
            yield address_of(word)


def _words(kind: ProxyKind, address: Address, state: StateRead) -> Iterator[tuple[SlotSpec | GetterSpec, int]]:
    for slot in kind.slots:
        yield slot, state.get(slot.read(address)) or 0
    for call in kind.calls:
        if call.of == Role.PROXY:
            yield call, state.get(call.read(address, address)) or 0


def _holds(kind: ProxyKind, place: SlotSpec | GetterSpec, address: Address, word: int, state: StateRead) -> bool:
    """Whether the word is an address, and shown to be a target's where the place must be proved.

    The low 20 bytes of a slot count, whatever the other bytes are, as in the EVM. If a node cannot show it, the getter
    of a kind that is known by its code counts.
    """
    getter = isinstance(place, GetterSpec)
    if word & MAX_ADDRESS == 0 or (word > MAX_ADDRESS and getter):
        return False
    read = RunsAs(address, address_of(word))
    answer = state.get(read)
    if not place.proved or (answer is None and getter and kind.code is not None):
        return True
    return shown(answer, read, forwards=isinstance(place, GetterSpec) and place.forwards)


def _proved(proof: Proof, address: Address, roles: Mapping[Role, Address], state: StateRead) -> bool:
    at = address if proof.of == Role.PROXY else roles.get(proof.of)
    return at is not None and proof.holds(state.get(CallWord(at, proof.body)))
