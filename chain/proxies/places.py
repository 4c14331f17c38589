"""Gathers the places that the declared kinds of proxy name, for a detector that reads them of each watched proxy. Pure.

A detector does not read code, so it watches kinds that are known by their code alone by code hash. It watches slots so low
that any contract may use them, and getters that other contracts have too, only where a call has shown that the proxy runs
the code of the address found there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chain.blocks.abi import address_of
from chain.blocks.reads import AccountDelegate, CallBytes, CallWord, CodeHash, Read, RunsAs, SlotWord, StateRead
from chain.events import Address, Role
from chain.proxies.diamonds import FACETS
from chain.proxies.kind import OWN_ADDRESS, GetterSpec, LogSpec, ProxyKind, SlotSpec, worth_proving

CODE, DELEGATE, TABLE = Role.CODE, Role.DELEGATE, Role.TABLE
"""Places that have the name of the one role they fill."""


@dataclass(frozen=True, slots=True)
class WatchedPlace:
    """A place to read, the role its answer fills, and the kind to name. `always`: read even when it was empty, `with_table`: only
    if the contract has a table. `key` names it among the places of the proxy or, where it is read of another address, of that
    `beacon`.

    `proved`: the place counts only after a call has shown that the proxy runs the code of the address found there (or, with
    `forwards`, calls it).
    """

    read: Read[int] | CallBytes
    key: str
    role: Role
    kind: str
    always: bool
    proved: bool = False
    forwards: bool = False
    beacon: Address | None = None
    with_table: bool = False

    def proof(self, contract: Address, word: str) -> RunsAs | None:
        """The call that proves it; None if the word is no address of a target."""
        if not worth_proving(contract, int(word, 16)):
            return None
        return RunsAs(contract, address_of(int(word, 16)))


def word_of(state: StateRead, where: WatchedPlace) -> int | None:
    """The word read at this place; None if it was not read or is a table."""
    return None if isinstance(where.read, CallBytes) else state.get(where.read)


def words_of(some: Iterable[WatchedPlace]) -> tuple[Read[int], ...]:
    """The reads of these places, without tables."""
    return tuple(where.read for where in some if not isinstance(where.read, CallBytes))


@dataclass(frozen=True, slots=True)
class PlaceSpec:
    """One slot or getter, of any proxy."""

    key: str
    role: Role
    kind: str
    slot: int | None
    body: str
    always: bool
    proved: bool
    forwards: bool = False
    with_table: bool = False

    def at(self, address: Address) -> WatchedPlace:
        """The place of this slot or getter of that proxy."""
        read: Read[int] = CallWord(address, self.body)
        if self.slot is not None:
            read = SlotWord(address, int(address, 16) if self.slot == OWN_ADDRESS else self.slot)
        return WatchedPlace(
            read,
            self.key,
            self.role,
            self.kind,
            self.always,
            self.proved,
            self.forwards,
            with_table=self.with_table,
        )


class PlaceTable:
    """The places and logs of all kinds. If kinds share one, it has the name of the most general (of the last rank)."""

    def __init__(self, kinds: Iterable[ProxyKind]) -> None:
        self._specs: dict[str, PlaceSpec] = {}
        self._via: dict[tuple[Role, str, Role], str] = {}  # (role asked, body, role filled) -> kind
        self._tables: dict[str, str] = {}
        self._known: dict[Address, list[WatchedPlace]] = {}
        self._keys: dict[tuple[str, Role], list[str]] = {}
        self._plain: dict[tuple[str, Role], list[SlotSpec | GetterSpec]] = {}
        self.logs: dict[str, list[tuple[str, LogSpec]]] = {}
        for kind in kinds:
            self._add(kind)
        for spec in self._specs.values():
            self._keys.setdefault((spec.kind, spec.role), []).append(spec.key)
        emitters = {spec.of for specs in self.logs.values() for _, spec in specs if spec.of != Role.PROXY}
        self.asked_roles = frozenset(asked for asked, _, _ in self._via) | emitters
        """The roles whose addresses are read themselves, and whose logs count."""

    def own_places(self, address: Address) -> list[WatchedPlace]:
        """The places of the proxy itself, its table and its code last. Computed once, as every block needs them."""
        known = self._known.get(address)
        if known is not None:
            return known
        found = [spec.at(address) for spec in self._specs.values()]
        found += [
            WatchedPlace(CallBytes(address, body), TABLE if body == FACETS else body, TABLE, kind, False)
            for body, kind in self._tables.items()
        ]
        found.append(WatchedPlace(AccountDelegate(address), DELEGATE, DELEGATE, "eip7702", False))
        found.append(WatchedPlace(CodeHash(address), CODE, CODE, CODE, True))
        self._known[address] = found
        return found

    def loupes(self, address: Address) -> list[CallBytes]:
        """The calls of this contract that may answer its table of facets."""
        return [CallBytes(address, body) for body in self._tables]

    def keys(self, kind: str, role: Role) -> list[str]:
        """The places of this very kind that fill this role."""
        return self._keys.get((kind, role), [])

    def is_kept(self, spec: LogSpec) -> bool:
        """Whether what this log reports is kept where it can be read: an implementation always is, by a call at least."""
        by_proxy = spec.of is Role.PROXY and spec.role is not Role.IMPLEMENTATION
        return not by_proxy or bool(self._plain[spec.topic, spec.role])

    def plain_places(self, address: Address, spec: LogSpec) -> tuple[Read[int], ...]:
        """The places of the proxy that may hold what this log reports and that need no proof: all slots of its role, and what
        the kinds that emit this log declare for it, read in no block otherwise.
        """
        own = [one for one in self.own_places(address) if one.role == spec.role and not one.proved]
        more = (
            one.read(address, address) if isinstance(one, GetterSpec) else one.read(address)
            for one in self._plain.get((spec.topic, spec.role), ())
        )
        return tuple(dict.fromkeys((*words_of(own), *more)))

    def via(self, role: Role, address: Address) -> list[WatchedPlace]:
        """The getters that are called on the address in this role."""
        return [
            WatchedPlace(CallWord(address, body), body, filled, kind, True, beacon=address)
            for (asked, body, filled), kind in self._via.items()
            if asked == role
        ]

    def _add(self, kind: ProxyKind) -> None:
        for slot in kind.slots:
            if not slot.shared:
                key = f"{slot.slot:#x}"[:10]
                spec = PlaceSpec(key, slot.role, kind.name, slot.slot, "", slot.always, slot.proved)
                self._put(replace(spec, with_table=slot.with_table))
        for call in kind.calls:
            if call.watched and call.of == Role.PROXY:
                self._put(
                    PlaceSpec(call.body, call.role, kind.name, None, call.body, False, call.proved, call.forwards)
                )
            elif call.watched:
                self._via[call.of, call.body, call.role] = kind.name
        for body in kind.tables:
            self._tables[body] = kind.name
        for log in kind.logs:
            plain = self._plain.setdefault((log.topic, log.role), [])
            plain += [slot for slot in kind.slots if slot.role == log.role and not slot.proved]
            plain += [
                call
                for call in kind.calls
                if call.role == log.role and call.of == Role.PROXY and not (call.proved or call.watched)
            ]
            self.logs.setdefault(log.topic, []).append((kind.name, log))

    def _put(self, spec: PlaceSpec) -> None:
        """If one of the kinds that share a place needs a proof of it, all do."""
        before = self._specs.get(spec.key)
        self._specs[spec.key] = replace(spec, proved=True) if before and before.proved else spec
