"""Who may change a contract, and whether it works: owners, admins, roles, delays, signers, modules, pauses, initialisation.

Logs of a watched contract, of its EIP-1967 admin and beacon (learned from their slots), and of its timelock count for the
contract; those of a timelock that guards no watched contract count for itself. A change of the EIP-1967 admin itself
is told by the upgrades' detector. Topics: facts on proxies, §4; Pause() and Unpause() as USDC and USDT log them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chain.abi import topic_of
from chain.block import Block, Log, Need, Needs, SlotNeed, address_of
from chain.detector import Watch
from chain.events import Address, ControlChange, ControlChanged, PlacedEvent

STAGE = 1

ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
SLOTS = (ADMIN_SLOT, BEACON_SLOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What one log says."""

    change: ControlChange
    old: str | None = None
    new: str | None = None
    role: str | None = None
    account: Address | None = None


Reader = Callable[[Log], _Told]


def _moved(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, old=log.address_at(0), new=log.address_at(1))


def _became(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, new=log.address_at(0))


def _figure(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, new=str(log.word(0)))


def _figures(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, old=str(log.word(0)), new=str(log.word(1)))


def _role(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, role=f"0x{log.word(0):064x}", account=log.address_at(1))


def _account(change: ControlChange) -> Reader:
    return lambda log: _Told(change=change, account=log.address_at(0))


def _bare(change: ControlChange) -> Reader:
    return lambda _: _Told(change=change)


def _role_admin(log: Log) -> _Told:
    role, old, new = (f"0x{log.word(position):064x}" for position in range(3))
    return _Told(change=ControlChange.ROLE_ADMIN, role=role, old=old, new=new)


READERS: Mapping[str, Reader] = {
    "OwnershipTransferred(address,address)": _moved(ControlChange.OWNER),
    "OwnershipTransferStarted(address,address)": _moved(ControlChange.OWNER_PENDING),
    "AuthorityUpdated(address)": _became(ControlChange.ADMIN),
    "NewAdmin(address)": _became(ControlChange.ADMIN),
    "NewAdmin(address,address)": _moved(ControlChange.ADMIN),
    "NewPendingAdmin(address)": _became(ControlChange.ADMIN_PENDING),
    "NewPendingAdmin(address,address)": _moved(ControlChange.ADMIN_PENDING),
    "DefaultAdminTransferScheduled(address,uint48)": _became(ControlChange.ADMIN_PENDING),
    "RoleGranted(bytes32,address,address)": _role(ControlChange.ROLE_GRANTED),
    "RoleGranted(uint64,address,uint32,uint48,bool)": _role(ControlChange.ROLE_GRANTED),
    "RoleRevoked(bytes32,address,address)": _role(ControlChange.ROLE_REVOKED),
    "RoleRevoked(uint64,address)": _role(ControlChange.ROLE_REVOKED),
    "RoleAdminChanged(bytes32,bytes32,bytes32)": _role_admin,
    "MinDelayChange(uint256,uint256)": _figures(ControlChange.DELAY),
    "DelayUpdate(uint256,uint256)": _figures(ControlChange.DELAY),
    "NewDelay(uint256)": _figure(ControlChange.DELAY),
    "NewDelay(uint256,uint256)": _figures(ControlChange.DELAY),
    "AddedOwner(address)": _account(ControlChange.SIGNER_ADDED),
    "RemovedOwner(address)": _account(ControlChange.SIGNER_REMOVED),
    "ChangedThreshold(uint256)": _figure(ControlChange.THRESHOLD),
    "EnabledModule(address)": _account(ControlChange.MODULE_ENABLED),
    "DisabledModule(address)": _account(ControlChange.MODULE_DISABLED),
    "ChangedGuard(address)": _became(ControlChange.GUARD),
    "ChangedFallbackHandler(address)": _became(ControlChange.FALLBACK),
    "Paused(address)": _account(ControlChange.PAUSED),
    "Unpaused(address)": _account(ControlChange.UNPAUSED),
    "Pause()": _bare(ControlChange.PAUSED),
    "Unpause()": _bare(ControlChange.UNPAUSED),
    "Initialized(uint8)": _figure(ControlChange.INITIALIZED),
    "Initialized(uint64)": _figure(ControlChange.INITIALIZED),
}
"""By the event's signature: what it says. Arguments count in declaration order, indexed or not."""

_READERS = {topic_of(signature): reader for signature, reader in READERS.items()}


class _Memory(msgspec.Struct):
    above: dict[str, str] = {}  # "contract slot" -> the admin or beacon found there


class Control:
    """One network's watched contracts and what stands above them."""

    def __init__(self, watch: Watch) -> None:
        self._guards = {contract.address: contract.timelock for contract in watch.contracts}
        guarding = set(self._guards.values())
        self._alone = frozenset(one for one in watch.timelocks if one not in guarding and one not in self._guards)
        self._memory = _Memory()
        self._needs: Needs | None = None

    def needs(self) -> Needs:
        """Logs of the contracts and all above them; the slots that name admin and beacon."""
        if self._needs is None:
            above = {Address(one) for one in self._memory.above.values()}
            timelocks = {timelock for timelock in self._guards.values() if timelock}
            reads: frozenset[Need] = frozenset(SlotNeed(contract, slot) for contract in self._guards for slot in SLOTS)
            addresses = frozenset({*self._guards, *self._alone, *above, *timelocks})
            self._needs = Needs(
                addresses=addresses,
                topics=frozenset(_READERS) if addresses else frozenset(),
                reads=reads,
                standing=reads,
            )
        return self._needs

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The changes its logs tell, for each contract they matter to."""
        found: list[PlacedEvent] = []
        for log in block.logs:
            if log.topics and log.topics[0] in _READERS:
                told = _READERS[log.topics[0]](log)
                found.extend(self._changed(block, log, told, contract) for contract in self._below(log.address))
        for contract in self._guards if block.state else ():
            for slot in SLOTS:
                self._learn(f"{contract} {slot:#x}", block.state.get(SlotNeed(contract, slot)))
        return found

    def memory(self) -> bytes:
        """What stands above each contract."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self._memory = msgspec.json.decode(memory, type=_Memory)
        self._needs = None

    def _learn(self, key: str, word: int | None) -> None:
        found = address_of(word) if word else None
        if word is None or self._memory.above.get(key) == found:
            return
        self._needs = None
        if found is None:
            del self._memory.above[key]
        else:
            self._memory.above[key] = found

    def _below(self, emitter: Address) -> Iterator[Address]:
        if emitter in self._alone:
            yield emitter
        for contract, timelock in self._guards.items():
            above = (self._memory.above.get(f"{contract} {slot:#x}") for slot in SLOTS)
            if emitter in (contract, timelock, *above):
                yield contract

    def _changed(self, block: Block, log: Log, told: _Told, contract: Address) -> ControlChanged:
        timelock = self._guards.get(contract)
        handed = told.change in (ControlChange.OWNER, ControlChange.ADMIN)
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
            escaped=handed and timelock is not None and told.old == timelock and told.new != timelock,
        )


def make(watch: Watch) -> Control:
    """The detector for this watch."""
    return Control(watch)
