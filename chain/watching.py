"""What a detector reads of a watched proxy: all places that the declared kinds name, gathered once. Pure.

A detector has no code in hand, so that kinds known by their code alone are watched by code hash, and slots so low
that any contract may use them are not read: such proxies are asked by their own getters instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chain.block import AnswerNeed, CallNeed, CodeNeed, DelegateNeed, Need, SlotNeed
from chain.events import Address
from chain.proxy import OWN_ADDRESS, PROXY, ProxyKind, Told

CODE, DELEGATE, TABLE = "code", "delegate", "table"


@dataclass(frozen=True, slots=True)
class Where:
    """A place to read, the role its answer fills, and the kind to name. `always`: read even when it was empty."""

    need: Need
    key: str
    role: str
    kind: str
    always: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One slot or getter, of whichever proxy."""

    key: str
    role: str
    kind: str
    slot: int | None
    body: str
    always: bool

    def at(self, address: Address) -> Where:
        """Where this field of that proxy is read."""
        need: Need = CallNeed(address, self.body)
        if self.slot is not None:
            need = SlotNeed(address, int(address, 16) if self.slot == OWN_ADDRESS else self.slot)
        return Where(need, self.key, self.role, self.kind, self.always)


class Form:
    """The places and logs of all kinds. Where kinds share one, the most general (of the last rank) gives its name."""

    def __init__(self, kinds: Iterable[ProxyKind]) -> None:
        self._fields: dict[str, Field] = {}
        self._via: dict[tuple[str, str, str], str] = {}  # (role asked, body, role filled) -> kind
        self._tables: dict[str, str] = {}
        self._known: dict[Address, list[Where]] = {}
        self._keys: dict[tuple[str, str], list[str]] = {}
        self.told: dict[str, list[tuple[str, Told]]] = {}
        for kind in kinds:
            self._add(kind)
        for field in self._fields.values():
            self._keys.setdefault((field.kind, field.role), []).append(field.key)
        self.asked_roles = frozenset(asked for asked, _, _ in self._via)
        """The roles whose addresses are asked themselves, and heard."""

    def fields(self, address: Address) -> list[Where]:
        """What is read of the proxy itself, its table and its code last. Made once for each: it is asked for at every block."""
        known = self._known.get(address)
        if known is not None:
            return known
        found = [field.at(address) for field in self._fields.values()]
        found += [Where(AnswerNeed(address, body), TABLE, TABLE, kind, False) for body, kind in self._tables.items()]
        found.append(Where(DelegateNeed(address), DELEGATE, DELEGATE, "eip7702", False))
        found.append(Where(CodeNeed(address), CODE, CODE, CODE, True))
        self._known[address] = found
        return found

    def keys(self, kind: str, role: str) -> list[str]:
        """The places of this very kind that fill this role."""
        return self._keys.get((kind, role), [])

    def via(self, role: str, address: Address) -> list[Where]:
        """What is asked of the address in this role."""
        return [
            Where(CallNeed(address, body), f"{body} of {address}", filled, kind, True)
            for (asked, body, filled), kind in self._via.items()
            if asked == role
        ]

    def _add(self, kind: ProxyKind) -> None:
        for slot in kind.slots:
            if not slot.shared:
                key = f"{slot.slot:#x}"[:10]
                self._fields[key] = Field(key, slot.role, kind.name, slot.slot, "", slot.always)
        for call in kind.calls:
            if call.watched and call.of == PROXY:
                self._fields[call.body] = Field(call.body, call.role, kind.name, None, call.body, False)
            elif call.watched:
                self._via[call.of, call.body, call.role] = kind.name
        for body in kind.tables:
            self._tables[body] = kind.name
        for told in kind.told:
            self.told.setdefault(told.topic, []).append((kind.name, told))
