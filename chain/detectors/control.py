"""Who may change a contract, and whether it works: owners, admins, roles, delays, signers, modules, pauses, initialisation.

Logs of a watched contract, of its EIP-1967 admin and beacon (learned from their slots), of its timelock and of who owns
these count for the contract; those of a timelock that guards no watched contract count for itself. What these answer
about themselves (owner, delay, signers, pause, ...) is read in each block, so that a change without a log is told too. A
change of the EIP-1967 admin itself is told by the upgrades' detector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, Reads, SlotWord
from chain.blocks.standards import ADMIN_SLOT, BEACON_SLOT, IMPLEMENTATION_SLOT
from chain.control import getters
from chain.control.logs import BY_TOPIC, Said
from chain.detectors import joined_memory, split_memory
from chain.events import Address, ControlChange, ControlChanged, ControlSeen, PlacedEvent
from chain.watch import Watch

STAGE = 1

SLOTS = (ADMIN_SLOT, BEACON_SLOT)

MAX_LOOKS = 1024
"""Addresses looked at for the first time in one block."""
MAX_HOPS = 3
"""From a contract's admin, beacon or timelock up to the owners of owners."""
MAX_ABOVE = 12
"""Addresses above one contract."""
MAX_SILENT = 32
"""Changes without a log; who changes more often answers what it likes, and is not read again."""
MIN_ADDRESS = 1 << 64
ITS_OWN = frozenset({ControlChange.PAUSED, ControlChange.UNPAUSED, ControlChange.INITIALIZED})
"""What an owner logs of these concerns itself, not what it owns."""


Below = Mapping[Address, Sequence[tuple[Address, int]]]
"""By address, the contracts below it, and how many owners stand between."""


class _Memory(msgspec.Struct):
    above: dict[str, str] = {}  # "contract slot" -> the admin or beacon found there
    targets: dict[str, str] = {}  # contract -> what its EIP-1967 slot holds
    stands: dict[str, dict[str, str]] = {}  # address -> getter -> what it said
    seen: dict[str, str] = {}  # address -> the target that it had when it was looked at
    heard: dict[str, dict[str, list[str]]] = {}  # address -> getter -> what logs said it became, since the last reading
    silent: dict[str, int] = {}  # address -> changes without a log


class Control:
    """One network's watched contracts and what stands above them."""

    def __init__(self, watch: Watch) -> None:
        self._guards = {contract.address: contract.timelock for contract in watch.contracts}
        guarding = set(self._guards.values())
        self._alone = tuple(one for one in watch.timelocks if one not in guarding and one not in self._guards)
        self._all = tuple(dict.fromkeys((*self._guards, *self._alone)))
        self._slots = frozenset(SlotWord(one, slot) for one in self._all for slot in (*SLOTS, IMPLEMENTATION_SLOT))
        self._memory = _Memory()
        self._needs: Reads | None = None
        self._below: Below | None = None

    def reads(self) -> Reads:
        """Logs of the contracts and all above them; the slots that name admin and beacon; the getters that answered."""
        if self._needs is None:
            below, looks = self._tree(), MAX_LOOKS
            reads: set[AnyRead] = set(self._slots)
            for address in below:
                if self._memory.silent.get(address, 0) > MAX_SILENT:
                    continue
                reads.update(getters.need(address, key) for key in self._memory.stands.get(address, ()))
                if looks and not self._was_seen(address):
                    looks -= 1
                    reads.update(getters.look(address))
            topics, read = frozenset(BY_TOPIC) if below else frozenset[str](), frozenset(reads)
            self._needs = Reads(addresses=frozenset(below), topics=topics, state=read, standing=read)
        return self._needs

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The changes its logs tell, for each contract they matter to; then those that no log told."""
        found: list[PlacedEvent] = []
        below = self._tree()
        for log in block.logs:
            if log.topics and log.topics[0] in BY_TOPIC:
                told = BY_TOPIC[log.topics[0]](log)
                found.extend(
                    self._changed(block, log, told, one) for one in _concerned(below, log.address, told.change)
                )
                self._hear(log.address, told, below)
        read = bool(block.state) and any(SlotWord(one, ADMIN_SLOT) in block.state for one in self._all)
        for address in below if read else ():
            if address not in block.still or address in self._memory.heard:
                found.extend(self._compare(block, address, below))
        for contract in self._guards if block.state else ():
            if contract in block.still:
                continue
            for slot in SLOTS:
                self._learn(f"{contract} {slot:#x}", block.state.get(SlotWord(contract, slot)))
            target = block.state.get(SlotWord(contract, IMPLEMENTATION_SLOT))
            if target is not None and self._memory.targets.get(contract) != f"{target:#x}":
                self._memory.targets[contract] = f"{target:#x}"
                self._needs = None
        return found

    def memory(self) -> bytes:
        """What stands above each contract, and what all these said last."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self.recall_parts({"": memory})

    def parts(self) -> dict[str, bytes]:
        """The same by addresses."""
        return split_memory(self._memory)

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Be as when `parts` gave these."""
        self._memory = joined_memory(parts.values(), _Memory)
        self._reads_anew()

    def _reads_anew(self) -> None:
        """What is to be read, or who stands where, has changed."""
        self._needs = self._below = None

    def _learn(self, key: str, word: int | None) -> None:
        found = address_of(word) if word else None
        if word is None or self._memory.above.get(key) == found:
            return
        self._reads_anew()
        if found is None:
            del self._memory.above[key]
        else:
            self._memory.above[key] = found

    def _was_seen(self, address: Address) -> bool:
        return self._memory.seen.get(address) == self._memory.targets.get(address, "")

    def _tree(self) -> Below:
        """Every address that matters, with the contracts below it and how many owners stand between."""
        if self._below is None:
            self._below = self._grown()
        return self._below

    def _grown(self) -> Below:
        below: dict[Address, list[tuple[Address, int]]] = {one: [(one, 0)] for one in self._all}
        for contract, timelock in self._guards.items():
            direct = [self._memory.above.get(f"{contract} {slot:#x}") for slot in SLOTS]
            layer = [Address(one) for one in (timelock, *direct) if one]
            reached = {contract}
            for hops in range(MAX_HOPS + 1):
                new = [one for one in dict.fromkeys(layer) if one not in reached][: MAX_ABOVE - len(reached)]
                for one in new:
                    below.setdefault(one, []).append((contract, hops))
                reached.update(new)
                layer = [owner for one in (new if hops else (contract, *new)) for owner in self._owners(one)]
        return below

    def _owners(self, address: Address) -> Iterator[Address]:
        stands = self._memory.stands.get(address, {})
        for key in (getters.OWNER, getters.ADMIN):
            if int(stands.get(key, "0x0"), 16) >= MIN_ADDRESS:
                yield Address(stands[key])

    def _hear(self, emitter: Address, told: Said, below: Below) -> None:
        """Remember what a log said, until the getter it speaks of is read."""
        said = getters.said_of(told.change, told.new, told.account)
        for key in getters.KEYS.get(told.change, ()):
            if emitter in below and said is not None and key in self._memory.stands.get(emitter, {}):
                self._memory.heard.setdefault(emitter, {}).setdefault(key, []).append(said)

    def _compare(self, block: Block, address: Address, below: Below) -> Iterator[ControlChanged]:
        memory, looking = self._memory, SlotWord(address, getters.SLOTS[getters.GUARD]) in block.state
        before = memory.stands.get(address, {})
        now = {key: value for key in before if (value := getters.read(address, key, block.state)) is not None}
        for change in getters.unlogged(before, memory.heard.get(address, {}), now):
            memory.silent[address] = memory.silent.get(address, 0) + 1
            for contract in _concerned(below, address, change.change):
                yield self._silent(block, address, change, contract)
        if looking and not self._was_seen(address):
            now = getters.looked(address, block.state) | now
            memory.seen[address] = memory.targets.get(address, "")
            self._needs = None
        if before or now:
            memory.heard.pop(address, None)
        if before != now:
            memory.stands[address] = now  # a getter that answers no more is not asked again
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

    def _changed(self, block: Block, log: Log, told: Said, contract: Address) -> ControlChanged:
        return ControlChanged(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index, "control", contract),
            contract=contract,
            emitter=log.address,
            change=told.change,
            old=told.old,
            new=told.new,
            role=told.role,
            account=told.account,
            escaped=self._escapes(contract, told.change, told.old, told.new),
        )

    def _escapes(self, contract: Address, change: ControlChange, old: str | None, new: str | None) -> bool:
        timelock = self._guards.get(contract)
        handed = change in (ControlChange.OWNER, ControlChange.ADMIN)
        return handed and timelock is not None and old == timelock and new != timelock


def _concerned(below: Below, emitter: Address, change: ControlChange) -> Iterator[Address]:
    """The contracts that a change at this address matters to."""
    for contract, hops in below.get(emitter, ()):
        if not (hops and change in ITS_OWN):
            yield contract


def make(watch: Watch) -> Control:
    """The detector for this watch."""
    return Control(watch)
