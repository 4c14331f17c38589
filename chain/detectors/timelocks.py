"""Reports upgrades that timelocks, governors and multisigs announce, and joins them with the upgrades they carry out.

Each kind of timelock is one file in `chain/control/timelocks` that reads its logs; `chain/control/call_data.py` opens the
call data. An upgrade seen in an earlier stage, at a declared place or further down the path, gets the operation that carried
it: an execution of any watched timelock in the same transaction, whatever its call data. If no operation carried it, it was not
announced (`docs/proxies.md`, "Timelocks"); this is said only of a timelock whose kind was recognised, by its getters at first
sight or by its logs, and not of a pointer in another contract, which may have a queue of its own. Else `queued` stays open, as
where a multisig carried it with signatures gathered off chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from chain.blocks.abi import Unreadable, address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, CodeHash, Reads, SlotWord
from chain.blocks.standards import BEACON_SLOT
from chain.control.operation import Phase, Step, number_of
from chain.control.timelocks import marks, steps
from chain.control.timelocks.zodiac_delay import AVATAR, NEXT, RAN
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, OperationEnded, SeenBy, UpgradeQueued
from chain.watch import Watch

STAGE = 3

MAX_OPERATIONS = 1024
MAX_FORESEEN = 32
"""Changes remembered of one operation."""
MAX_DELAY_S = 10 * 365 * 86_400
USUAL_BLOCK_S = 12.0
"""Seconds a block before the network's own block time is known."""


class _Open(msgspec.Struct):
    foreseen: list[tuple[str, str | None, Role]] = []
    event_ids: list[str] = []  # event ids of its UpgradeQueued, oldest first
    opaque: bool = False


class _Memory(msgspec.Struct):
    open: dict[str, _Open] = {}  # "timelock operation" -> its changes and events
    beacons: dict[str, str] = {}  # watched contract -> its beacon
    first: tuple[int, float] | None = None  # number and time of the first block seen, for the block time
    kinds: dict[str, str] = {}  # timelock -> its kind; "": examined, and none that we know
    avatars: dict[str, str] = {}  # the contract that executes for a timelock -> the timelock


@dataclass(frozen=True, slots=True)
class _Carrier:
    """An operation that ran in this block and might have carried an upgrade."""

    key: str
    step: Step
    log: Log
    known: _Open | None

    def carried(self, event: ContractUpgraded) -> bool:
        """Whether it made that change: in its transaction, or, where the state alone shows the change, by what its calls name."""
        if event.place.transaction is not None:
            return event.place.transaction == self.log.transaction
        known = self.known.foreseen if self.known else ()
        return event.new in {one.new for one in self.step.foreseen} | {new for _, new, _ in known}

    @property
    def announced(self) -> bool:
        """Whether it was announced: a timelock runs nothing that was not."""
        return self.known is not None or not self.step.at_once


class Timelocks:
    """One network's timelocks: those named as such and those named by a contract."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = {contract.address for contract in watch.contracts}
        named = {contract.address: contract.timelock for contract in watch.contracts if contract.timelock}
        self._guards = named
        self._timelocks = frozenset({*named.values(), *watch.timelocks})
        self._steps = steps()
        self._marks = marks()
        self._memory = _Memory()
        self._reads: Reads | None = None

    def reads(self) -> Reads:
        """The logs of each timelock, and each contract's beacon: an upgrade of the beacon upgrades the contract. Of a timelock
        whose kind is not known, the getters that tell it.
        """
        if self._reads is None:
            self._reads = self._wanted() if self._timelocks else Reads()
        return self._reads

    def _wanted(self) -> Reads:
        reads: set[AnyRead] = {SlotWord(contract, BEACON_SLOT) for contract in self._contracts}
        for timelock in self._timelocks - self._memory.kinds.keys():
            reads.add(CodeHash(timelock))
            reads.update(CallWord(timelock, body) for bodies in self._marks.values() for body in bodies)
        addresses = self._timelocks | {Address(avatar) for avatar in self._memory.avatars}
        state = frozenset(reads)
        return Reads(addresses=addresses, topics=frozenset({*self._steps, RAN}), state=state, deferrable=state)

    def checks(self, block: Block) -> Reads:
        """The counter of each queue whose avatar executed: it tells which transactions ran, and which were skipped."""
        counters = frozenset(CallWord(log.address_at(0), NEXT) for log in block.logs if self._is_by_avatar(log))
        return Reads(state=frozenset(one for one in counters if one not in block.state and one not in block.checked))

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Operations announced and ended, and the block's upgrades with the operations that carried them."""
        self._learn(block)
        upgrades = [event for event in earlier if isinstance(event, ContractUpgraded)]
        if not (upgrades or block.logs):
            return []
        found: list[PlacedEvent] = []
        carriers: list[_Carrier] = []
        ended: set[str] = set()
        for log, step in self._read(block):
            key = f"{log.address} {step.operation}"
            if step.phase in (Phase.PROPOSED, Phase.QUEUED, Phase.APPROVED):
                found.extend(self._announced(block, log, step, key))
                continue
            known = self._memory.open.pop(key, None)
            known = known or next((one.known for one in carriers if one.key == key), None)  # a batch: several logs
            carrier = _Carrier(key, step, log, known)
            if step.phase is not Phase.CANCELLED:
                carriers.append(carrier)
            if key not in ended:
                ending = list(self._ended(block, carrier, any(carrier.carried(event) for event in upgrades)))
                ended.update(key for _ in ending)
                found.extend(ending)
        return [*(self._joined(event, carriers) for event in upgrades), *found]

    def memory(self) -> bytes:
        """The open operations, the beacons, and the first block."""
        return msgspec.json.encode(self._memory)

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)
        self._reads = None

    def _learn(self, block: Block) -> None:
        if self._memory.first is None:
            self._memory.first = (block.header.number, block.header.time.timestamp())
        for timelock in self._timelocks - self._memory.kinds.keys():
            if CodeHash(timelock) in block.state:
                self._recognise(block, timelock)
        for contract in sorted(self._contracts) if self._timelocks and block.state else ():
            word = block.state.get(SlotWord(contract, BEACON_SLOT))
            if word:
                self._memory.beacons[contract] = address_of(word)
            elif word == 0:
                self._memory.beacons.pop(contract, None)

    def _recognise(self, block: Block, timelock: Address) -> None:
        """Learn the kind of a timelock by the getters that answer."""
        kinds = self._marks.items()
        fits = (kind for kind, bodies in kinds if all(CallWord(timelock, body) in block.state for body in bodies))
        self._memory.kinds[timelock] = next(fits, "")
        avatar = block.state.get(CallWord(timelock, AVATAR))
        if avatar:
            self._memory.avatars[address_of(avatar)] = timelock
        self._reads = None

    def _read(self, block: Block) -> Iterator[tuple[Log, Step]]:
        executions: dict[Address, int] = {}
        for log in block.logs:
            if not log.topics:
                continue
            if self._is_by_avatar(log):
                ran = log.address_at(0)
                executions[ran] = executions.get(ran, 0) + 1
                yield from self._by_avatar(block, log, executions[ran])
            elif log.address in self._timelocks and log.topics[0] in self._steps:
                try:
                    step = self._steps[log.topics[0]](log)
                except (Unreadable, IndexError):  # another contract's log of the same name
                    continue
                if not self._memory.kinds.get(log.address):
                    self._memory.kinds[log.address] = "by its logs"
                    self._reads = None
                yield from self._ended_until(log, step)
                yield log, step

    def _is_by_avatar(self, log: Log) -> bool:
        return bool(log.topics) and log.topics[0] == RAN and self._memory.avatars.get(log.address) == log.address_at(0)

    def _by_avatar(self, block: Block, log: Log, nth: int) -> Iterator[tuple[Log, Step]]:
        """The `nth` execution of the block that the avatar of a timelock tells, and what was skipped before it. Where the queue's
        counter was not read, the operation that waits longest is taken.
        """
        timelock = log.address_at(0)
        own = replace(log, address=timelock)
        counter = CallWord(timelock, NEXT)
        after = block.state.get(counter) or block.checked.get(counter)
        waiting = (key.split(" ")[1] for key in self._memory.open if key.startswith(f"{timelock} "))
        operation = next(waiting, log.transaction)
        if after:
            all_ran = sum(self._is_by_avatar(one) and one.address_at(0) == timelock for one in block.logs)
            number = max(after - 1 - all_ran + nth, 0)
            operation = f"0x{number:064x}"
            skipped = Step(operation=operation, phase=Phase.CANCELLED, until=number - 1)
            yield from self._ended_until(own, skipped)
        yield own, Step(operation=operation, phase=Phase.EXECUTED, opaque=True)

    def _ended_until(self, log: Log, step: Step) -> Iterator[tuple[Log, Step]]:
        """The other open operations of this timelock that the step ends too, by their numbers."""
        if step.until is None:
            return
        names = [key.split(" ")[1] for key in self._memory.open if key.startswith(f"{log.address} ")]
        for name in names:
            number = number_of(name)
            if number is not None and number <= step.until and name != step.operation:
                yield log, replace(step, operation=name, until=None)

    def _announced(self, block: Block, log: Log, step: Step, key: str) -> Iterator[UpgradeQueued]:
        known = self._memory.open.pop(key, None) or _Open(opaque=step.opaque)
        changes = [(one.target, one.new, one.role) for one in step.foreseen if one.role is not Role.ADMIN]
        if step.phase is Phase.QUEUED and not changes:
            fresh = list(known.foreseen)  # reported with the proposal, now with its eta
        else:
            fresh = [change for change in changes if change not in known.foreseen]
            known.foreseen = [*known.foreseen, *fresh][:MAX_FORESEEN]
        eta = self._eta(block, step)
        for target, new, _ in fresh[:MAX_FORESEEN]:
            for contract in (Address(target), *self._behind(target)):
                event_id = block.event_id(log.index, "queued", step.operation, contract, new or "-")
                known.event_ids = [*known.event_ids, event_id][:MAX_FORESEEN]
                yield UpgradeQueued(
                    place=block.place(log),
                    seen_at=block.seen_at,
                    event_id=event_id,
                    timelock=log.address,
                    operation=step.operation,
                    target=contract,
                    new=new,
                    eta=eta,
                )
        if known.foreseen or known.opaque:
            self._memory.open[key] = known
        while len(self._memory.open) > MAX_OPERATIONS:
            del self._memory.open[next(iter(self._memory.open))]

    def _behind(self, beacon: str) -> list[Address]:
        return [Address(contract) for contract, own in self._memory.beacons.items() if own == beacon]

    def _eta(self, block: Block, step: Step) -> datetime:
        now_s = block.header.time.timestamp()
        eta_s = now_s
        if step.eta_s is not None:
            eta_s = step.eta_s
        elif step.delay_s is not None:
            eta_s = now_s + step.delay_s
        elif step.eta_block is not None:
            assert self._memory.first is not None
            number, time_s = self._memory.first
            seen = block.header.number - number
            pace_s = (now_s - time_s) / seen if seen > 0 else USUAL_BLOCK_S
            eta_s = now_s + min(step.eta_block - block.header.number, MAX_DELAY_S) * pace_s
        return datetime.fromtimestamp(min(max(eta_s, now_s), now_s + MAX_DELAY_S), UTC)

    def _ended(self, block: Block, carrier: _Carrier, carried: bool) -> Iterator[OperationEnded]:
        step, known = carrier.step, carrier.known
        event_ids = known.event_ids if known else []
        changes = any(one.role is not Role.ADMIN for one in step.foreseen)
        cancelled = step.phase is Phase.CANCELLED or (step.phase is Phase.CONSUMED and not carried)
        if not event_ids and (cancelled or not (changes or carried)):
            return
        yield OperationEnded(
            place=block.place(carrier.log),
            seen_at=block.seen_at,
            event_id=block.event_id(carrier.log.index, "ended", step.operation),
            timelock=carrier.log.address,
            operation=step.operation,
            executed=not cancelled,
            queued_event_id=event_ids[0] if event_ids else None,
        )

    def _joined(self, event: ContractUpgraded, carriers: Sequence[_Carrier]) -> ContractUpgraded:
        carrying = [one for one in carriers if one.carried(event)]
        if not carrying:
            return replace(event, queued=False) if self._bypassed(event, carriers) else event
        carrier = next((one for one in carrying if one.announced), carrying[0])
        return replace(event, operation=carrier.step.operation, queued=True if carrier.announced else None)

    def _bypassed(self, event: ContractUpgraded, carriers: Sequence[_Carrier]) -> bool:
        """Whether it is certain that the contract's timelock did not make that change. The state alone does not tell whether an
        operation of the same block made it, and who guards a contract further down the path is not known.
        """
        guard = self._guards.get(event.contract)
        elsewhere = event.holder is not None and event.role is not Role.CODE
        unclear = elsewhere or event.seen_by is SeenBy.BEHAVIOUR or (event.place.transaction is None and bool(carriers))
        return guard is not None and bool(self._memory.kinds.get(guard)) and not unclear


def make(watch: Watch) -> Timelocks:
    """The detector for this watch."""
    return Timelocks(watch)
