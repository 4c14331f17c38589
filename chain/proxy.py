"""The form of a proxy's declaration, and recognising by declarations what an address is. Pure.

A kind says how its code looks (a pattern over the runtime code), which slots and calls hold the addresses that matter
(by role: implementation, beacon, admin, pending, ...), which logs tell of their change, and what must also hold
(proofs). Slots and calls are read of the proxy itself or, `of` a role, of the address in that role: a beacon is asked
for the implementation. Kinds are tried by `rank`, the surest and most special first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from chain.block import STRANGE, AnswerNeed, CallNeed, Need, ReachNeed, SlotNeed, StateRead, address_of
from chain.events import Address
from chain.facets import read_table

PROXY = "proxy"
OWN_ADDRESS = -1
"""The number of a slot that is the proxy's own address (Sequence)."""
MOST_ADDRESS = (1 << 160) - 1
LEAST_ADDRESS = 1 << 64
"""Smaller words are counts, flags and times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A storage slot of the proxy that holds an address.

    `always`: read in every block even when empty at first. `shared`: so low a number that other contracts keep
    anything there, so that it is read of recognised proxies only, never by a detector that has not seen the code.
    `proved`: believed only where a call shows that the proxy runs the code of the address found there as its own.
    """

    role: str
    slot: int
    always: bool = False
    shared: bool = False
    proved: bool = False

    def need(self, address: Address) -> SlotNeed:
        """How it is read of this proxy."""
        return SlotNeed(address, int(address, 16) if self.slot == OWN_ADDRESS else self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A getter whose first word is an address. `watched`: asked in each block too, not only when inspecting.

    `<own>` in the body is the proxy's address as an argument. `proved`: as with a slot; where the proxy hands calls on
    instead (`handed`), that the target's code runs in its own name.
    """

    role: str
    body: str
    of: str = PROXY
    watched: bool = False
    proved: bool = False
    handed: bool = False

    def need(self, at: Address, proxy: Address) -> CallNeed:
        """How it is asked of the address that answers."""
        return CallNeed(at, self.body.replace("<own>", f"{int(proxy, 16):064x}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A log that tells a new value: its first topic, and which argument it is. Told by the proxy, or `of` a role.

    `position` is None where the log names no value. `old` is the argument that tells the value before, where one does.
    `confirmed`: the log may speak of something else (another proxy, an owner who is no admin), so that it counts only where
    the state read in its block says the same.
    """

    role: str
    topic: str
    position: int | None
    of: str = PROXY
    old: int | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A call that must answer: with one of `words`, or with anything but zero where none is named."""

    body: str
    of: str = PROXY
    words: frozenset[int] = frozenset()

    def holds(self, word: int | None) -> bool:
        """Whether that answer proves it."""
        return word in self.words if self.words else bool(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyKind:
    """One kind of proxy. `source` is the EIP or repository that defines it.

    `code` is searched in the runtime code (anchor it where the code is fixed); its groups hold the addresses of the roles
    they are named after. `needs` are the roles that must be filled. `fixed`: the target cannot change but with the code.
    `by_itself`: changed by its own call or signature alone (a wallet's owners), not by an admin.
    """

    name: str
    source: str
    rank: int
    code: re.Pattern[bytes] | None = None
    slots: tuple[Slot, ...] = ()
    calls: tuple[Call, ...] = ()
    told: tuple[Told, ...] = ()
    proofs: tuple[Proof, ...] = ()
    tables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("implementation",)
    fixed: bool = False
    by_itself: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What an address is: the kind, and the address in each role that is filled."""

    kind: ProxyKind
    roles: Mapping[str, Address] = field(default_factory=dict)


def code_like(form: str) -> re.Pattern[bytes]:
    """The runtime code written in hexadecimal, whole. `<A>`: 20 address bytes; `<P>`: PUSH1 to PUSH20 and as many address
    bytes; `<F>`: the same, of a factory; `??`: any byte; `*`: any bytes or none.
    """
    marks = {
        "<F>": b"[\x60-\x73](?P<factory>.{1,20})",
        "<A>": b"(?P<implementation>.{20})",
        "<P>": b"[\x60-\x73](?P<implementation>.{1,20})",
        "??": b".",
        "*": b".*",
    }
    parts = (marks.get(part) or re.escape(bytes.fromhex(part)) for part in re.split(r"(<A>|<P>|<F>|\?\?|\*)", form))
    return re.compile(rb"\A" + b"".join(parts) + rb"\Z", re.DOTALL)


def asked_first(kinds: Iterable[ProxyKind], address: Address) -> set[Need]:
    """All that the kinds want to read of the address itself."""
    wanted: set[Need] = {CallNeed(address, STRANGE)}
    for kind in kinds:
        wanted.update(slot.need(address) for slot in kind.slots)
        wanted.update(call.need(address, address) for call in kind.calls if call.of == PROXY)
        wanted.update(CallNeed(address, proof.body) for proof in kind.proofs if proof.of == PROXY)
        wanted.update(AnswerNeed(address, body) for body in kind.tables)
    return wanted


def asked_next(kinds: Iterable[ProxyKind], address: Address, code: bytes, state: StateRead) -> set[Need]:
    """What the kinds want to read of the addresses that were found in their roles."""
    wanted: set[Need] = set()
    for kind in kinds:
        roles = roles_of(kind, address, code, state)
        if roles is not None:
            wanted.update(call.need(roles[call.of], address) for call in kind.calls if call.of in roles)
            wanted.update(ReachNeed(address, one) for one in _unproved(kind, address, state))
            wanted.update(CallNeed(roles[proof.of], proof.body) for proof in kind.proofs if proof.of in roles)
    return wanted


def recognised(kinds: Iterable[ProxyKind], address: Address, code: bytes, state: StateRead) -> Recognised | None:
    """The first kind, by rank and name, that the code and what was read of it fit; None where it is no known proxy."""
    for kind in sorted(kinds, key=lambda kind: (kind.rank, kind.name)):
        roles = roles_of(kind, address, code, state)
        if roles is None or not all(role in roles for role in kind.needs):
            continue
        if all(_proved(proof, address, roles, state) for proof in kind.proofs):
            return Recognised(kind=kind, roles=roles)
    return None


def roles_of(kind: ProxyKind, address: Address, code: bytes, state: StateRead) -> dict[str, Address] | None:
    """The addresses in the kind's roles, as far as they are known; None where the code is not of this kind."""
    found: dict[str, Address] = {}
    if kind.code is not None:
        match = kind.code.search(code)
        if match is None:
            return None
        found.update((role, address_of(int.from_bytes(word, "big"))) for role, word in match.groupdict().items())
    for place, word in _words(kind, address, state):
        if _holds(kind, place, address, word, state):
            found.setdefault(place.role, address_of(word))
    for call in kind.calls:
        word = state.get(call.need(found[call.of], address), 0) if call.of in found else 0
        if 0 < word <= MOST_ADDRESS:
            found.setdefault(call.role, address_of(word))
    if any(table_of(state.get(AnswerNeed(address, body))) for body in kind.tables):
        found["table"] = address
    return found


def table_of(answer: int | None) -> dict[str, Address]:
    """The table that a loupe answered; empty where it did not."""
    return read_table((answer or 0).to_bytes(((answer or 0).bit_length() + 7) // 8, "big")[1:]) or {}


def sober(state: Mapping[Need, int]) -> dict[Need, int]:
    """What was read, without the answers of contracts that answer anything: those who answer a function nobody knows."""
    strange = {
        need.address for need, word in state.items() if isinstance(need, CallNeed) and need.body == STRANGE and word
    }
    return {
        need: word
        for need, word in state.items()
        if not (isinstance(need, CallNeed | AnswerNeed) and need.address in strange)
    }


def shown(answer: int | None, need: ReachNeed, *, handed: bool) -> bool:
    """Whether a call showed that the proxy runs the target's code as its own (or `handed` on to it)."""
    return answer == int(need.target if handed else need.address, 16)


def worth_proving(address: Address, word: int) -> bool:
    """Whether a word of any meaning may hold the address of a target (in its low bytes, as the EVM takes it): no small number,
    not the proxy itself.
    """
    low = word & MOST_ADDRESS
    return low >= LEAST_ADDRESS and low != int(address, 16)


def _unproved(kind: ProxyKind, address: Address, state: StateRead) -> Iterator[Address]:
    for place, word in _words(kind, address, state):
        if place.proved and worth_proving(address, word):
            yield address_of(word)


def _words(kind: ProxyKind, address: Address, state: StateRead) -> Iterator[tuple[Slot | Call, int]]:
    for slot in kind.slots:
        yield slot, state.get(slot.need(address), 0)
    for call in kind.calls:
        if call.of == PROXY:
            yield call, state.get(call.need(address, address), 0)


def _holds(kind: ProxyKind, place: Slot | Call, address: Address, word: int, state: StateRead) -> bool:
    """Whether the word is an address, and shown to be a target's where the place must be proved.

    Of a slot the low 20 bytes count, whatever stands above them: so does the EVM. Where a node cannot show it, the getter
    of a kind that is known by its code is believed.
    """
    getter = isinstance(place, Call)
    if word & MOST_ADDRESS == 0 or (word > MOST_ADDRESS and getter):
        return False
    need = ReachNeed(address, address_of(word))
    answer = state.get(need)
    if not place.proved or (answer is None and getter and kind.code is not None):
        return True
    return shown(answer, need, handed=isinstance(place, Call) and place.handed)


def _proved(proof: Proof, address: Address, roles: Mapping[str, Address], state: StateRead) -> bool:
    at = address if proof.of == PROXY else roles.get(proof.of)
    return at is not None and proof.holds(state.get(CallNeed(at, proof.body)))
