"""Finds which watched contracts a log speaks of, and what it claims of each. Also holds what logs alone support. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CodeHash
from chain.events import Address, Role
from chain.events.upgrades import UpgradeSaid
from chain.proxies.claims import Claim, claimed_places
from chain.proxies.kind import LogSpec
from chain.proxies.places import PlaceTable, WatchedPlace, word_of
from chain.proxies.proof import confirming, holds, is_proved
from chain.proxies.upgrade_memory import UpgradeMemory, disproved

Children = Mapping[tuple[Role, Address], Sequence[Address]]
"""The contracts behind an address in this role: a beacon's proxies."""


class LogClaims:
    """Reads logs by the declarations of `table`, for the contracts in `watched`, with what `memory` knows of their places."""

    def __init__(self, table: PlaceTable, watched: frozenset[Address], memory: UpgradeMemory) -> None:
        self._table = table
        self._watched = watched
        self._memory = memory
        self._own_specs: dict[Address, dict[str, tuple[str, LogSpec] | None]] = {}

    def forget(self, contract: Address) -> None:
        """The contract's places have changed: another kind may be the one whose log it emits."""
        self._own_specs.pop(contract, None)

    def concerned(self, log: Log, children: Children) -> Iterator[tuple[Address, str, LogSpec]]:
        """The contracts that this log speaks of: its emitter, and those behind it."""
        if log.address in self._watched and (own := self._own_spec(log.address, log.topics[0])):
            yield log.address, *own
        for kind, spec in self._table.logs.get(log.topics[0], ()) if children else ():
            for child in children.get((spec.of, log.address), ()):
                yield child, kind, spec

    def claims(self, logs: Iterable[Log], children: Children) -> Iterator[Claim]:
        """What these logs claim; those whose meaning only the state tells (`confirmed`) claim nothing."""
        for log in logs:
            for contract, kind, spec in self.concerned(log, children):
                claim = self.claim(contract, kind, spec, log)
                if claim is not None:
                    yield claim

    def meant(self, block: Block, logs: Iterable[Log], children: Children) -> frozenset[AnyRead]:
        """The reads that tell what logs mean which count only with the state of their block (`confirmed`)."""
        reads = (
            where.read
            for log in logs
            for contract, _, spec in self.concerned(log, children)
            if spec.confirmed
            for where in confirming(self._memory.places[contract], self._table.own_places(contract), spec.role)
        )
        known = (block.state, block.checked)
        return frozenset(read for read in reads if not any(read in answers for answers in known))

    def claim(self, contract: Address, kind: str, spec: LogSpec, log: Log) -> Claim | None:
        """What this log claims of the contract; None where only the state tells, or nothing can."""
        if spec.confirmed or spec.position is None or not self._table.is_kept(spec):
            return None
        places = self._memory.places[contract]
        proved = (
            where
            for where in self._table.own_places(contract)
            if where.proved and where.role == spec.role and is_proved(places, where)
        )
        read = claimed_places(self._table, contract, spec, log.address, proved)
        new = log.address_at(spec.position)
        return Claim(contract=contract, kind=kind, spec=spec, new=new, log=log, places=read)

    def is_of_kind(self, contract: Address, kind: str) -> bool:
        """Whether the contract holds an address where this kind keeps its implementation."""
        places = self._memory.places[contract]
        return any(holds(places, key) for key in self._table.keys(kind, Role.IMPLEMENTATION))

    def _own_spec(self, contract: Address, topic: str) -> tuple[str, LogSpec] | None:
        """The kind (one of whose places is not empty) whose log this is, when the contract itself emits it."""
        known = self._own_specs.setdefault(contract, {})
        if topic not in known:
            own = [one for one in self._table.logs.get(topic, ()) if one[1].of is Role.PROXY]
            places = self._memory.places[contract]
            fit = (one for one in own if any(holds(places, key) for key in self._table.keys(one[0], one[1].role)))
            known[topic] = next(fit, own[-1] if own else None)
        return known[topic]

    def doubt(self, contract: Address, role: Role) -> None:
        """A log alone supports the new value of this role: remember the one before."""
        believed = self._memory.reported[contract].get(role, "")
        self._memory.doubted.setdefault(contract, {}).setdefault(role, believed)

    def settle(self, contract: Address, role: str) -> None:
        """The state supports the value of this role."""
        doubted = self._memory.doubted.get(contract, {})
        doubted.pop(role, None)
        if not doubted:
            self._memory.doubted.pop(contract, None)

    def disproved(self, block: Block, contract: Address, read: Sequence[WatchedPlace]) -> list[UpgradeSaid]:
        """Compare what logs alone support with the first state read since, at the places `read`: the state counts."""
        reported, found = self._memory.reported[contract], list[UpgradeSaid]()
        for role, believed in list(self._memory.doubted.get(contract, {}).items()):
            answers = {one.key: word_of(block.state, one) for one in read if one.role == role}
            values = [address_of(word) for word in answers.values() if word]
            places = self._memory.places[contract]
            unread = any(word is None and holds(places, key) for key, word in answers.items())
            silent = CodeHash(contract) not in block.state and all(word is None for word in answers.values())
            if reported[role] not in values and (unread or silent):
                continue
            self.settle(contract, role)
            if reported[role] not in values:
                found.append(disproved(block, contract, Role(role), reported[role], next(iter(values), None)))
                reported[role] = believed
            if not reported[role]:
                del reported[role]
        return found
