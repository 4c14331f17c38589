"""Detects changes of who may change a contract, and whether it works: owners, admins, roles, delays, signers, modules,
pauses, initialisation.

The detector reads the logs of a watched contract and of its controllers: its EIP-1967 admin and beacon (read from their
slots), its timelock, and the owners of these. A timelock that guards no watched contract counts for itself. The detector
also reads the getters of all these addresses (owner, delay, signers, pause, ...) in each block, and so reports a change
without a log too. The detector of upgrades reports a change of the EIP-1967 admin itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, Reads, SlotWord
from chain.blocks.standards import ADMIN_SLOT, BEACON_SLOT, IMPLEMENTATION_SLOT
from chain.control import getters
from chain.control.getters import LoggedValue, Value
from chain.control.logs import BY_TOPIC, LoggedChange
from chain.detectors import joined_memory, split_memory
from chain.events import Address, ControlChange, ControlChanged, ControlSeen, PlacedEvent
from chain.watch import Watch

STAGE = 1

SLOTS = (ADMIN_SLOT, BEACON_SLOT)

MAX_FIRST_READS = 1024
"""Addresses that are read for the first time in one block."""
MAX_HOPS = 3
"""Owners from a contract's admin, beacon or timelock to its last controller."""
MAX_CONTROLLERS = 12
"""Addresses that control one contract."""
MAX_SILENT = 32
"""Changes of one address without a log, after which its answers are not trusted and it is not read again."""
MIN_ADDRESS = 1 << 64
ITS_OWN = frozenset(
    {
        ControlChange.PAUSED,
        ControlChange.UNPAUSED,
        ControlChange.INITIALIZED,
        ControlChange.DEPRECATED,
        ControlChange.AGGREGATOR,
        ControlChange.AGGREGATOR_PENDING,
        ControlChange.TRADING_OPENED,
        ControlChange.TRADING_CLOSED,
        ControlChange.ACTION_PAUSED,
        ControlChange.ACTION_RESUMED,
    }
)
"""If an owner logs one of these, it concerns the owner itself, not the contracts that it owns."""
TARGETED = frozenset({ControlChange.TARGET_CLOSED, ControlChange.TARGET_OPENED})
"""These concern only the contract that they name."""


Controlled = Mapping[Address, Sequence[tuple[Address, int]]]
"""By address, the contracts that it controls, and the number of owners between."""


class _SlotHolders(msgspec.Struct, omit_defaults=True):
    """The admin and the beacon in a contract's EIP-1967 slots; None where the slot is empty."""

    admin: str | None = None
    beacon: str | None = None


class _Memory(msgspec.Struct):
    slots: dict[str, _SlotHolders] = {}  # contract -> what its slots hold, unless both are empty
    targets: dict[str, str] = {}  # contract -> what its EIP-1967 slot holds
    answers: dict[str, dict[str, Value]] = {}  # address -> getter -> its last answer
    first_read: dict[str, str] = {}  # address -> the target that it had when all its getters were read
    logged: dict[str, dict[str, list[LoggedValue]]] = {}  # address -> getter -> values logged since the last reading
    silent: dict[str, int] = {}  # address -> changes without a log


class Control:
    """One network's watched contracts and their controllers."""

    def __init__(self, watch: Watch) -> None:
        self._guards = {contract.address: contract.timelock for contract in watch.contracts}
        guarding = set(self._guards.values())
        self._alone = tuple(one for one in watch.timelocks if one not in guarding and one not in self._guards)
        self._all = tuple(dict.fromkeys((*self._guards, *self._alone)))
        self._slots = frozenset(SlotWord(one, slot) for one in self._all for slot in (*SLOTS, IMPLEMENTATION_SLOT))
        self._memory = _Memory()
        self._reads: Reads | None = None
        self._controlled_by: Controlled | None = None

    def reads(self) -> Reads:
        """Logs of the contracts and their controllers; the slots of admin and beacon; the getters that answered."""
        if self._reads is None:
            controlled, left = self._controlled(), MAX_FIRST_READS
            reads: set[AnyRead] = set(self._slots)
            for address in controlled:
                if self._memory.silent.get(address, 0) > MAX_SILENT:
                    continue
                reads.update(getters.getter_read(address, key) for key in self._memory.answers.get(address, ()))
                if left and not self._was_read(address):
                    left -= 1
                    reads.update(getters.first_reads(address))
            topics, read = frozenset(BY_TOPIC) if controlled else frozenset[str](), frozenset(reads)
            self._reads = Reads(addresses=frozenset(controlled), topics=topics, state=read, deferrable=read)
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The changes that logs report, for each contract that they concern; then those that no log reported."""
        found: list[PlacedEvent] = []
        controlled = self._controlled()
        for log in block.logs:
            if log.topics and log.topics[0] in BY_TOPIC:
                logged = BY_TOPIC[log.topics[0]](log)
                concerned = [
                    one
                    for one in _concerned(controlled, log.address, logged.change)
                    if logged.change not in TARGETED or one == logged.account
                ]
                found.extend(self._changed(block, log, logged, contract) for contract in concerned)
                self._remember(log.address, logged, controlled)
        read = bool(block.state) and any(SlotWord(one, ADMIN_SLOT) in block.state for one in self._all)
        for address in controlled if read else ():
            if address not in block.still or address in self._memory.logged or not self._was_read(address):
                found.extend(self._compare(block, address, controlled))
        for contract in self._guards if block.state else ():
            if contract in block.still:
                continue
            self._learn(contract, block)
            target = block.state.get(SlotWord(contract, IMPLEMENTATION_SLOT))
            if target is not None and self._memory.targets.get(contract) != f"{target:#x}":
                self._memory.targets[contract] = f"{target:#x}"
                self._reads = None
        return found

    def memory(self) -> bytes:
        """The controllers of each contract, and the last answers of all these."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self.recall_parts({"": memory})

    def parts(self) -> dict[str, bytes]:
        """The same by addresses."""
        return split_memory(self._memory)

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Restore the memory that `parts` gave."""
        self._memory = joined_memory(parts.values(), _Memory)
        self._reads_anew()

    def _reads_anew(self) -> None:
        """Forget the reads and the controllers: an answer that they depend on has changed."""
        self._reads = self._controlled_by = None

    def _learn(self, contract: Address, block: Block) -> None:
        """Take what the slots of admin and beacon hold; a slot that was not read stays as it was."""
        known = self._memory.slots.get(contract, _SlotHolders())
        admin, beacon = (block.state.get(SlotWord(contract, slot)) for slot in SLOTS)
        found = _SlotHolders(_holder(admin, known.admin), _holder(beacon, known.beacon))
        if found == known:
            return
        self._reads_anew()
        if found == _SlotHolders():
            del self._memory.slots[contract]
        else:
            self._memory.slots[contract] = found

    def _was_read(self, address: Address) -> bool:
        return self._memory.first_read.get(address) == self._memory.targets.get(address, "")

    def _controlled(self) -> Controlled:
        """Every address that matters, with the contracts that it controls."""
        if self._controlled_by is None:
            self._controlled_by = self._followed_owners()
        return self._controlled_by

    def _followed_owners(self) -> Controlled:
        controlled: dict[Address, list[tuple[Address, int]]] = {one: [(one, 0)] for one in self._all}
        for contract, timelock in self._guards.items():
            slots = self._memory.slots.get(contract, _SlotHolders())
            layer = [Address(one) for one in (timelock, slots.admin, slots.beacon) if one]
            reached = {contract}
            for hops in range(MAX_HOPS + 1):
                new = [one for one in dict.fromkeys(layer) if one not in reached][: MAX_CONTROLLERS - len(reached)]
                for one in new:
                    controlled.setdefault(one, []).append((contract, hops))
                reached.update(new)
                layer = [owner for one in (new if hops else (contract, *new)) for owner in self._owners(one)]
        return controlled

    def _owners(self, address: Address) -> Iterator[Address]:
        answers = self._memory.answers.get(address, {})
        for owner in (answers.get(getters.OWNER), answers.get(getters.ADMIN), answers.get(getters.AUTHORITY)):
            if isinstance(owner, str) and int(owner, 16) >= MIN_ADDRESS:
                yield Address(owner)

    def _remember(self, emitter: Address, logged: LoggedChange, controlled: Controlled) -> None:
        """Remember what a log reports of a getter until that getter is read."""
        value = getters.logged_value(logged.change, logged.new, logged.account)
        for key in getters.KEYS.get(logged.change, ()):
            if emitter in controlled and value is not None and key in self._memory.answers.get(emitter, {}):
                self._memory.logged.setdefault(emitter, {}).setdefault(key, []).append(value)

    def _compare(self, block: Block, address: Address, controlled: Controlled) -> Iterator[ControlChanged]:
        memory, all_read = self._memory, SlotWord(address, getters.SLOTS[getters.GUARD]) in block.state
        before = memory.answers.get(address, {})
        now = {key: value for key in before if (value := getters.answer_of(address, key, block.state)) is not None}
        for change in getters.unlogged(before, memory.logged.get(address, {}), now):
            memory.silent[address] = memory.silent.get(address, 0) + 1
            for contract in _concerned(controlled, address, change.change):
                yield self._silent(block, address, change, contract)
        if all_read and not self._was_read(address):
            now = getters.first_answers(address, block.state) | now
            memory.first_read[address] = memory.targets.get(address, "")
            self._reads = None
        if before or now:
            memory.logged.pop(address, None)
        if before != now:
            memory.answers[address] = now  # a getter that answers no more is not read again
            self._reads_anew()

    def _silent(self, block: Block, address: Address, change: getters.Unlogged, contract: Address) -> ControlChanged:
        words = (change.change.value, change.account or change.new or "")
        return ControlChanged(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("-", "control", contract, address, *words),
            contract=contract,
            emitter=address,
            change=change.change,
            old=change.old,
            new=change.new,
            account=change.account,
            escaped=self._escapes(contract, change.change, change.old, change.new),
            seen_by=ControlSeen.STATE,
        )

    def _changed(self, block: Block, log: Log, logged: LoggedChange, contract: Address) -> ControlChanged:
        return ControlChanged(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index, "control", contract),
            contract=contract,
            emitter=log.address,
            change=logged.change,
            old=logged.old,
            new=logged.new,
            role=logged.role,
            account=logged.account,
            escaped=self._escapes(contract, logged.change, logged.old, logged.new),
        )

    def _escapes(self, contract: Address, change: ControlChange, old: str | None, new: str | None) -> bool:
        timelock = self._guards.get(contract)
        passed_on = change in (ControlChange.OWNER, ControlChange.ADMIN)
        return passed_on and timelock is not None and old == timelock and new != timelock


def _holder(word: int | None, known: str | None) -> str | None:
    """The address in a slot's word; the one known before where the slot was not read."""
    if word is None:
        return known
    return address_of(word) if word else None


def _concerned(controlled: Controlled, emitter: Address, change: ControlChange) -> Iterator[Address]:
    """The contracts that a change at this address concerns."""
    for contract, hops in controlled.get(emitter, ()):
        if not (hops and change in ITS_OWN):
            yield contract


def make(watch: Watch) -> Control:
    """The detector for this watch."""
    return Control(watch)
