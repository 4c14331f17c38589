"""Detects upgrades of proxies by log, slot, getter, table and code hash; reports each change once, whichever shows it first.

The kinds in chain/proxies declare which slots, getters and logs matter. The detector remembers two things for each
contract: the value last *reported* for a role, and the word last read at each *place*. If a place changes to the value
that a log reported, the log explains it; any other change was silent. Where a node traces, each write inside a block
counts in its turn, so that a change set back in the same block is seen too. A log that repeats a known value is no
change; one that the state of its block does not bear out is said, not done (chain/proxies/claims.py). A place that is
empty or unanswered at first sight is not read again until the code changes or a log names it.
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
from chain.control.timelocks import Executions
from chain.detectors import joined_memory, split_memory
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.claims import Claim, Verdict, checks, held, judged
from chain.proxies.diamonds import CUTS, EXTENSIONS, read_table
from chain.proxies.facet_tables import FacetTables
from chain.proxies.kind import LogSpec
from chain.proxies.kinds import every
from chain.proxies.log_claims import LogClaims
from chain.proxies.places import CODE, DELEGATE, TABLE, PlaceTable, WatchedPlace, word_of
from chain.proxies.proof import confirmed, is_proved, open_proof, proved
from chain.proxies.upgrade_memory import (
    EMPTY,
    PlaceMemory,
    PlaceProof,
    Places,
    SilentRepeats,
    Upgrade,
    UpgradeMemory,
    said,
    upgraded,
)
from chain.watch import Watch

STAGE = 1


class Upgrades:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._watched = frozenset(self._contracts)
        self._place_table = PlaceTable(every())
        self._topics = frozenset(self._place_table.logs) | frozenset(CUTS)
        self._memory = UpgradeMemory().of(self._contracts)
        self._own: dict[Address, tuple[WatchedPlace, ...]] = {}  # what is read of a contract itself
        self._claims = LogClaims(self._place_table, self._watched, self._memory)
        self._tables = FacetTables(self._place_table, self._watched, self._memory)
        self._behind: dict[tuple[Role, Address], list[Address]] | None = None  # the contracts behind each beacon
        self._reads: Reads | None = None
        every_place = (where for contract in self._contracts for where in self._place_table.own_places(contract))
        self._written = {where.read: where for where in every_place if isinstance(where.read, SlotWord)}
        self._writes = frozenset(self._written)
        self._executions = Executions()
        self._silent = SilentRepeats()  # this block's events that no log reported
        self._reopened: list[tuple[Address, Role]] = []  # whose empty places a log of this block has filled

    def reads(self) -> Reads:
        """Logs of the contracts and their beacons; slots, getters, code and what the beacons point at."""
        if self._reads is None:
            addresses = set(self._contracts)
            reads: set[AnyRead] = set()
            for contract in self._contracts:
                addresses.update(address for _, address in self._asked(contract))
                watched, places = tuple(self._watched_places(contract)), self._places(contract)
                reads.update(where.read for where in watched)
                reads.update(proof for where in watched if (proof := open_proof(places, contract, where)))
            read = frozenset(reads)
            self._reads = Reads(
                addresses=frozenset(addresses), topics=self._topics, state=read, deferrable=read, writes=self._writes
            )
        return self._reads

    def checks(self, block: Block) -> Reads:
        """What must be read before the logs of this block are believed."""
        logs = [log for log in block.logs if log.topics and log.topics[0] in self._place_table.logs]
        children = self._children() if logs else {}
        wanted = checks(block, [*self._claims.claims(logs, children)]) if logs else Reads()
        wanted = replace(wanted, state=wanted.state | self._claims.meant(block, logs, children))
        if block.writes is None and any(log in self._executions for log in block.logs):
            wanted = replace(wanted, writes=self._writes)  # they tell in whose transaction a place changed
        return replace(wanted, state=wanted.state | self._tables.checks(block))

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The changes by logs and writes in order, then those that the state alone shows."""
        self._silent.clear()
        found: list[PlacedEvent] = [*self._tables.on_logs(block)]
        for one in in_order(block.logs, block.writes, self._named) if block.writes else block.logs:
            if isinstance(one, Write):
                found.extend(self._on_write(block, one))
            elif one.topics and one.topics[0] in self._topics:
                found.extend(self._on_log(block, one))
        for contract in self._contracts if block.state else ():
            still = block.still.issuperset((contract, *(at for _, at in self._asked(contract))))
            if not still or self._memory.doubted.get(contract):
                found.extend(self._claims.disproved(block, contract, [*self._watched_places(contract)]))
                found.extend(self._on_state(block, contract))
        self._reopen(block)
        return found

    def memory(self) -> bytes:
        """The reported values and the words of the places."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self.recall_parts({"": memory})

    def parts(self) -> dict[str, bytes]:
        """The same by contracts."""
        return split_memory(self._memory)

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Restore the memory that `parts` gave."""
        self._memory = joined_memory(parts.values(), UpgradeMemory).of(self._contracts)
        self._own.clear()
        self._claims = LogClaims(self._place_table, self._watched, self._memory)
        self._tables = FacetTables(self._place_table, self._watched, self._memory)
        self._behind = self._reads = None

    def _reported(self, contract: Address) -> dict[str, str]:
        return self._memory.reported[contract]

    def _places(self, contract: Address) -> Places:
        return self._memory.places[contract]

    def _asked(self, contract: Address) -> list[tuple[Role, Address]]:
        values = ((role, self._reported(contract).get(role, NOBODY)) for role in self._place_table.asked_roles)
        return [(role, Address(value)) for role, value in values if value != NOBODY]

    def _children(self) -> dict[tuple[Role, Address], list[Address]]:
        """The contracts behind each beacon."""
        if self._behind is None:
            self._behind = {}
            for contract in self._contracts:
                for asked in self._asked(contract):
                    self._behind.setdefault(asked, []).append(contract)
        return self._behind

    def _watched_places(self, contract: Address) -> Iterator[WatchedPlace]:
        """The places of a contract, then those of its beacon (the one that it has by then)."""
        if contract not in self._own:
            places = self._places(contract)
            code = places.get(CODE)
            account = code is not None and code.word == f"{NO_CODE:#x}"
            self._own[contract] = tuple(
                where
                for where in self._place_table.own_places(contract)
                if where.always
                or (where.key == DELEGATE and account)
                or (_has_table(places) if where.with_table else not _is_empty(places, where.key))
            )
        yield from self._own[contract]
        for role, address in self._asked(contract):
            yield from self._place_table.via(role, address)

    def _reads_anew(self, contract: Address) -> None:
        """Forget the reads of this contract: an answer that they depend on has changed."""
        self._own.pop(contract, None)
        self._claims.forget(contract)
        self._behind = self._reads = None

    def _empty(self, contract: Address, key: str) -> None:
        """There is nothing at this place: it is not read again."""
        place = self._places(contract).setdefault(key, PlaceMemory())
        if place.word is None:
            place.word = EMPTY
            self._reads_anew(contract)

    def _on_log(self, block: Block, log: Log) -> Iterator[PlacedEvent]:
        for contract, kind, spec in self._claims.concerned(log, self._children()):
            if spec.confirmed:
                new = None if spec.position is None else log.address_at(spec.position)
                new = confirmed(self._places(contract), self._place_table.own_places(contract), block, spec.role, new)
                if new is not None:
                    yield from self._logged(block, contract, kind, spec, new, log)
            elif (claim := self._claims.claim(contract, kind, spec, log)) is not None:
                yield from self._on_claim(block, claim)
            elif spec.position is not None and self._claims.is_of_kind(contract, kind):
                yield from self._logged(block, contract, kind, spec, log.address_at(spec.position), log)

    def _on_claim(self, block: Block, claim: Claim) -> Iterator[PlacedEvent]:
        """The upgrade that a log reports, as far as the state bears it out."""
        contract, role, reported = claim.contract, claim.spec.role, self._reported(claim.contract)
        verdict = judged(block, claim)
        if verdict is Verdict.NOT_DONE:
            yield said(block, claim, held(block, claim) or reported.get(role))
            return
        if claim.new == NOBODY and role not in reported:
            return
        if verdict is Verdict.UNKNOWN:
            self._claims.doubt(contract, role)
        else:
            self._claims.settle(contract, role)
            self._reopened.append((contract, role))
        yield from self._logged(block, contract, claim.kind, claim.spec, claim.new, claim.log)

    def _logged(
        self, block: Block, contract: Address, kind: str, spec: LogSpec, new: Address, log: Log
    ) -> Iterator[ContractUpgraded]:
        if spec.old is not None and log.word(spec.old) and spec.role not in self._reported(contract):
            self._reported(contract)[spec.role] = log.address_at(spec.old)
        upgrade = Upgrade(contract=contract, kind=kind, role=spec.role, new=new, seen_by=SeenBy.LOG, at=log)
        yield from self._change(block, upgrade, spec.role)

    def _reopen(self, block: Block) -> None:
        """Read the empty places of these roles again, unless one that is read holds the reported value already."""
        for contract, role in self._reopened:
            places, reported = self._places(contract), self._reported(contract).get(role)
            for where in self._place_table.own_places(contract):
                place = places.get(where.key)
                if where.role != role or where.always or place is None or not place.is_empty:
                    continue
                if not self._is_held(block, contract, role, reported):
                    del places[where.key]
                    self._reads_anew(contract)
        self._reopened.clear()

    def _is_held(self, block: Block, contract: Address, role: Role, value: str | None) -> bool:
        """Whether a place that is read holds this value: in this block, else as it was read last."""
        places = self._places(contract)
        held: list[str | None] = []
        for where in self._place_table.own_places(contract):
            place = places.get(where.key)
            if where.role != role or place is None or place.is_empty:
                continue
            word = word_of(block.state, where)
            word = word_of(block.checked, where) if word is None else word
            held.append(address_of(int(place.word or "0x0", 16) if word is None else word))
        return value in held

    def _named(self, log: Log) -> list[Address]:
        specs = self._place_table.logs.get(log.topics[0], []) if log.topics else []
        return [log.address_at(spec.position) for _, spec in specs if spec.position is not None]

    def _on_write(self, block: Block, write: Write) -> Iterator[ContractUpgraded]:
        where = self._written.get(SlotWord(write.address, write.slot))
        if where is not None and is_proved(self._places(write.address), where):
            yield from self._on_word(block, write.address, where, write.value, write)

    def _on_state(self, block: Block, contract: Address) -> Iterator[ContractUpgraded]:
        delegated = False
        for where in self._watched_places(contract):
            if isinstance(where.read, CallBytes):
                answer = block.state.get(where.read)
                if answer is not None:
                    yield from self._on_table(block, contract, where, answer)
                elif CodeHash(contract) in block.state:
                    self._empty(contract, where.key)
                continue
            word = block.state.get(where.read)
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
        places, now = self._places(contract), f"{word:#x}"
        if where.beacon is not None:
            places = self._memory.beacons[contract].setdefault(where.beacon, {})
        if where.proved and not is_proved(places, where):
            self._reads_anew(contract)
            if not proved(places, contract, where, now, block.state):
                return
        place = places.get(where.key)
        if place is None:
            place = places[where.key] = PlaceMemory()
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
            self._read_again(contract)
        own = where.beacon is None and where.key in self._reported(contract)
        key = where.key if own else where.role
        seen_by = SeenBy.TRACE if write else SeenBy.CODE if code else SeenBy.SLOT
        upgrade = Upgrade(contract=contract, kind=where.kind, role=where.role, new=new, seen_by=seen_by, at=write)
        yield from self._change(block, upgrade, key)

    def _first_sight(self, contract: Address, where: WatchedPlace, new: str, *, empty: bool) -> None:
        reported = self._reported(contract)
        if where.beacon is not None:
            reported[where.role] = new  # another beacon: that was reported already
        elif not empty and reported.setdefault(where.role, new) != new:
            reported[where.key] = new  # two places differ in one role: each is followed by itself

    def _read_again(self, contract: Address) -> None:
        """New code may use places that were empty before."""
        places = self._places(contract)
        for where in self._place_table.own_places(contract):
            place = places.get(where.key)
            if place is None:
                continue
            if place.is_empty and not where.always and where.key != DELEGATE:
                place.word = None
            if place.proof is PlaceProof.SHOWN:
                place.proof = PlaceProof.OPEN
            if place == PlaceMemory():
                del places[where.key]

    def _on_table(
        self, block: Block, contract: Address, where: WatchedPlace, answer: bytes
    ) -> Iterator[ContractUpgraded]:
        assert isinstance(where.read, CallBytes)
        table, places = read_table(answer, where.read.body), self._places(contract)
        others = {key: place for key, place in places.items() if key != where.key}
        if table is None or _has_table(others):
            self._empty(contract, where.key)
            return
        first = where.key not in self._places(contract)
        self._places(contract)[where.key] = PlaceMemory(TABLE)
        if first:
            self._reads_anew(contract)
        if first and contract not in self._memory.tables:
            self._memory.tables[contract] = table
            return
        yield from self._tables.changed(block, contract, where.kind, table, None)

    def _change(self, block: Block, upgrade: Upgrade, key: str) -> Iterator[ContractUpgraded]:
        """The event of an upgrade that is new; `key` is the role or the place whose value it changes."""
        contract = upgrade.contract
        old = self._reported(contract).get(key)
        if old == upgrade.new:
            return
        self._reported(contract)[key] = upgrade.new
        if upgrade.role in self._place_table.asked_roles:
            if old is not None:
                self._memory.beacons[contract].pop(Address(old), None)
            self._reads_anew(contract)
        event = upgraded(block, replace(upgrade, old=old))
        yield event if isinstance(upgrade.at, Log) else self._silent.numbered(event)


def _has_table(places: Places) -> bool:
    return any(key in places and not places[key].is_empty for key in (TABLE, EXTENSIONS))


def _is_empty(places: Places, key: str) -> bool:
    place = places.get(key)
    return place is not None and place.is_empty


def make(watch: Watch) -> Upgrades:
    """The detector for this watch."""
    return Upgrades(watch)
