"""Upgrades of proxies, seen by log, by slot, getter, table and code hash: each change once, whichever saw it first.

Which slots, getters and logs matter is declared by the kinds in chain/proxies. Two things are remembered for each
contract: what was last *told* for a role, and what each place last *held*. A place that changes to what a log told is
the log's own doing; one that changes to anything else was written in silence. Where a node traces, each write inside a
block counts in its turn, so that what is set back in the same block is seen too. A log that repeats what is known
already is no change. A place that is empty or unanswered at first sight is not read again until the code changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Log, Write
from chain.blocks.order import in_order
from chain.blocks.reads import NO_CODE, AnyRead, CallBytes, CodeHash, Reads, SlotWord
from chain.blocks.standards import NOBODY
from chain.detectors import joined_memory, split_memory
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.diamonds import CUTS, cut, read_table, swaps
from chain.proxies.kind import LogSpec
from chain.proxies.kinds import every
from chain.proxies.places import CODE, DELEGATE, TABLE, PlaceTable, WatchedPlace
from chain.proxies.proof import confirmed, holds, is_proved, open_proof, proved
from chain.proxies.upgrade_memory import (
    EMPTY,
    PlaceMemory,
    PlaceProof,
    Places,
    SilentRepeats,
    Upgrade,
    UpgradeMemory,
    upgraded,
)
from chain.watch import Watch

STAGE = 1


class Upgrades:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._watched = frozenset(self._contracts)
        self._form = PlaceTable(every())
        self._topics = frozenset(self._form.told) | frozenset(CUTS)
        self._memory = UpgradeMemory().of(self._contracts)
        self._own: dict[Address, tuple[WatchedPlace, ...]] = {}  # what is read of a contract itself
        self._speaks: dict[Address, dict[str, tuple[str, LogSpec] | None]] = {}
        self._kin: dict[tuple[Role, Address], list[Address]] | None = None  # the contracts behind each beacon
        self._needs: Reads | None = None
        every_place = (where for contract in self._contracts for where in self._form.fields(contract))
        self._written = {where.need: where for where in every_place if isinstance(where.need, SlotWord)}
        self._writes = frozenset(self._written)
        self._silent = SilentRepeats()  # what was told in this block that no log told

    def reads(self) -> Reads:
        """Logs of the contracts and their beacons; slots, getters, code and what the beacons point at."""
        if self._needs is None:
            addresses = set(self._contracts)
            reads: set[AnyRead] = set()
            for contract in self._contracts:
                addresses.update(address for _, address in self._asked(contract))
                places, held = tuple(self._places(contract)), self._held(contract)
                reads.update(where.need for where in places)
                reads.update(proof for where in places if (proof := open_proof(held, contract, where)))
            read = frozenset(reads)
            self._needs = Reads(
                addresses=frozenset(addresses), topics=self._topics, state=read, standing=read, writes=self._writes
            )
        return self._needs

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The logs and writes in order, then what the state says that none of them said."""
        found: list[PlacedEvent] = []
        self._silent.clear()
        for one in in_order(block.logs, block.writes, self._named) if block.writes else block.logs:
            if isinstance(one, Write):
                found.extend(self._on_write(block, one))
            elif one.topics and one.topics[0] in self._topics:
                found.extend(self._on_log(block, one, self._children()))
        for contract in self._contracts if block.state else ():
            if not block.still.issuperset((contract, *(at for _, at in self._asked(contract)))):
                found.extend(self._on_state(block, contract))
        return found

    def memory(self) -> bytes:
        """What was told and what the places held."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self.recall_parts({"": memory})

    def parts(self) -> dict[str, bytes]:
        """The same by contracts."""
        return split_memory(self._memory)

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Be as when `parts` gave these."""
        self._memory = joined_memory(parts.values(), UpgradeMemory).of(self._contracts)
        self._own.clear()
        self._speaks.clear()
        self._kin = self._needs = None

    def _told(self, contract: Address) -> dict[str, str]:
        return self._memory.told[contract]

    def _held(self, contract: Address) -> Places:
        return self._memory.held[contract]

    def _asked(self, contract: Address) -> list[tuple[Role, Address]]:
        told = ((role, self._told(contract).get(role, NOBODY)) for role in self._form.asked_roles)
        return [(role, Address(value)) for role, value in told if value != NOBODY]

    def _children(self) -> dict[tuple[Role, Address], list[Address]]:
        """The contracts behind each beacon."""
        if self._kin is None:
            self._kin = {}
            for contract in self._contracts:
                for asked in self._asked(contract):
                    self._kin.setdefault(asked, []).append(contract)
        return self._kin

    def _places(self, contract: Address) -> Iterator[WatchedPlace]:
        """What is read of a contract, then of its beacon: of the one that it has by then."""
        if contract not in self._own:
            held = self._held(contract)
            code = held.get(CODE)
            account = code is not None and code.word == f"{NO_CODE:#x}"
            self._own[contract] = tuple(
                where
                for where in self._form.fields(contract)
                if where.always or (where.key == DELEGATE and account) or not _is_empty(held, where.key)
            )
        yield from self._own[contract]
        for role, address in self._asked(contract):
            yield from self._form.via(role, address)

    def _reads_anew(self, contract: Address) -> None:
        """What is to be read of this contract has changed."""
        self._own.pop(contract, None)
        self._speaks.pop(contract, None)
        self._kin = self._needs = None

    def _empty(self, contract: Address, key: str) -> None:
        """There is nothing at this place: it is not read again."""
        place = self._held(contract).setdefault(key, PlaceMemory())
        if place.word is None:
            place.word = EMPTY
            self._reads_anew(contract)

    def _on_log(
        self, block: Block, log: Log, children: Mapping[tuple[Role, Address], Sequence[Address]]
    ) -> Iterator[ContractUpgraded]:
        if log.topics[0] in CUTS and log.address in self._watched:
            table = self._memory.tables.get(log.address, {})
            yield from self._retable(block, log.address, CUTS[log.topics[0]], cut(table, log), log)
        tellings = self._form.told.get(log.topics[0], [])
        if log.address in self._watched and (own := self._speaking(log.address, log.topics[0])):
            yield from self._on_told(block, log.address, *own, log)
        for kind, told in tellings if children else ():
            for child in children.get((told.of, log.address), ()):
                yield from self._on_told(block, child, kind, told, log)

    def _speaking(self, contract: Address, topic: str) -> tuple[str, LogSpec] | None:
        """The kind whose log this is when a contract tells it of itself: one of whose places held something."""
        known = self._speaks.setdefault(contract, {})
        if topic not in known:
            own = [one for one in self._form.told.get(topic, ()) if one[1].of is Role.PROXY]
            held = self._held(contract)
            fit = (one for one in own if any(holds(held, key) for key in self._form.keys(one[0], one[1].role)))
            known[topic] = next(fit, own[-1] if own else None)
        return known[topic]

    def _on_told(
        self, block: Block, contract: Address, kind: str, told: LogSpec, log: Log
    ) -> Iterator[ContractUpgraded]:
        new = None if told.position is None else log.address_at(told.position)
        if told.confirmed:
            new = confirmed(self._held(contract), self._form.fields(contract), block.state, told.role, new)
        if new is None:
            return
        if told.old is not None and log.word(told.old) and told.role not in self._told(contract):
            self._told(contract)[told.role] = log.address_at(told.old)
        upgrade = Upgrade(contract=contract, kind=kind, role=told.role, new=new, seen_by=SeenBy.LOG, at=log)
        yield from self._change(block, upgrade, told.role)

    def _named(self, log: Log) -> list[Address]:
        tellings = self._form.told.get(log.topics[0], []) if log.topics else []
        return [log.address_at(told.position) for _, told in tellings if told.position is not None]

    def _on_write(self, block: Block, write: Write) -> Iterator[ContractUpgraded]:
        where = self._written.get(SlotWord(write.address, write.slot))
        if where is not None and is_proved(self._held(write.address), where):
            yield from self._on_word(block, write.address, where, write.value, write)

    def _on_state(self, block: Block, contract: Address) -> Iterator[ContractUpgraded]:
        delegated = False
        for where in self._places(contract):
            if isinstance(where.need, CallBytes):
                answer = block.state.get(where.need)
                if answer is not None:
                    yield from self._on_table(block, contract, where, answer)
                elif CodeHash(contract) in block.state:
                    self._empty(contract, where.key)
                continue
            word = block.state.get(where.need)
            if word is None:
                if not where.always and CodeHash(contract) in block.state:
                    self._empty(contract, where.key)
                continue
            events = list(self._on_word(block, contract, where, word))
            delegated = delegated or (where.key == DELEGATE and bool(events))
            if not (delegated and where.key == CODE):  # the delegation is the code that changed
                yield from events

    def _on_word(
        self, block: Block, contract: Address, where: WatchedPlace, word: int, write: Write | None = None
    ) -> Iterator[ContractUpgraded]:
        places, now = self._held(contract), f"{word:#x}"
        if where.beacon is not None:
            places = self._memory.beacons[contract].setdefault(where.beacon, {})
        if not is_proved(places, where):
            self._reads_anew(contract)
            if not proved(places, contract, where, now, block.state):
                return
        place = places.setdefault(where.key, PlaceMemory())
        before, place.word = place.word, now
        if before == now:
            return
        code = where.key == CODE
        if code or before is None or EMPTY in (before, now):
            self._reads_anew(contract)
        new = f"0x{word:064x}" if code else address_of(word)
        if before is None:
            self._first_sight(contract, where, new, empty=word in (0, NO_CODE))
            return
        if code:
            self._look_again(contract)
        own = where.beacon is None and where.key in self._told(contract)
        told = where.key if own else where.role
        seen_by = SeenBy.TRACE if write else SeenBy.CODE if code else SeenBy.SLOT
        upgrade = Upgrade(contract=contract, kind=where.kind, role=where.role, new=new, seen_by=seen_by, at=write)
        yield from self._change(block, upgrade, told)

    def _first_sight(self, contract: Address, where: WatchedPlace, new: str, *, empty: bool) -> None:
        told = self._told(contract)
        if where.beacon is not None:
            told[where.role] = new  # another beacon: that was told already
        elif not empty and told.setdefault(where.role, new) != new:
            told[where.key] = new  # two places differ in one role: each is followed by itself

    def _look_again(self, contract: Address) -> None:
        """New code may use places that were empty before."""
        held = self._held(contract)
        for where in self._form.fields(contract):
            place = held.get(where.key)
            if place is None:
                continue
            if place.is_empty and not where.always and where.key != DELEGATE:
                place.word = None
            if place.proof is PlaceProof.SHOWN:
                place.proof = PlaceProof.OPEN
            if place == PlaceMemory():
                del held[where.key]

    def _on_table(
        self, block: Block, contract: Address, where: WatchedPlace, answer: bytes
    ) -> Iterator[ContractUpgraded]:
        table = read_table(answer)
        if table is None:
            self._empty(contract, where.key)
            return
        first = where.key not in self._held(contract)
        self._held(contract)[where.key] = PlaceMemory(TABLE)
        if first and contract not in self._memory.tables:
            self._memory.tables[contract] = table
            return
        yield from self._retable(block, contract, where.kind, table, None)

    def _retable(
        self, block: Block, contract: Address, kind: str, table: dict[str, Address], log: Log | None
    ) -> Iterator[ContractUpgraded]:
        before = self._memory.tables.get(contract, {})
        self._memory.tables[contract] = table
        seen_by = SeenBy.SLOT if log is None else SeenBy.LOG
        for swap in swaps(before, table):
            upgrade = Upgrade(
                contract=contract,
                kind=kind,
                role=Role.FACET,
                old=swap.old,
                new=swap.new or NOBODY,
                seen_by=seen_by,
                at=log,
                gained=swap.selectors if swap.new else (),
                lost=swap.selectors if swap.old else (),
            )
            yield upgraded(block, upgrade)

    def _change(self, block: Block, upgrade: Upgrade, key: str) -> Iterator[ContractUpgraded]:
        """The event of an upgrade that is new; `key` is the role or the place whose value it changes."""
        contract = upgrade.contract
        old = self._told(contract).get(key)
        if old == upgrade.new:
            return
        self._told(contract)[key] = upgrade.new
        if upgrade.role in self._form.asked_roles:
            if old is not None:
                self._memory.beacons[contract].pop(Address(old), None)
            self._reads_anew(contract)
        event = upgraded(block, replace(upgrade, old=old))
        yield event if isinstance(upgrade.at, Log) else self._silent.numbered(event)


def _is_empty(places: Places, key: str) -> bool:
    place = places.get(key)
    return place is not None and place.is_empty


def make(watch: Watch) -> Upgrades:
    """The detector for this watch."""
    return Upgrades(watch)
