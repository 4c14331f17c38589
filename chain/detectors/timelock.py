"""Upgrades announced and carried out by OpenZeppelin's TimelockController, joined by operation id.

A scheduled call is opened: `upgradeTo` and `upgradeToAndCall` name the proxy as their target, `ProxyAdmin.upgrade` and
`upgradeAndCall` as their first argument. An upgrade seen in stage 1 gets the operation that carried it; where the
contract has a known timelock and none did, it was not announced (facts on proxies, §9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from chain.block import Block, Log, Needs, address_of
from chain.detector import Watch
from chain.events import Address, ContractUpgraded, OperationEnded, PlacedEvent, UpgradeQueued

STAGE = 2

SCHEDULED = "0x4cf4410cc57040e44862ef0f45f3dd5a5e02db8eb8add648d4b0e236f1d07dca"
EXECUTED = "0xc2617efa69bab66782fa219543714338489c4e9e178271560a91b82c3f612b58"
CANCELLED = "0xbaa1eb22f2a492ba1a5fea61b8df4d27c6c8b5f3971e63bb58fa14ff72eedb70"
ON_TARGET = frozenset({bytes.fromhex("3659cfe6"), bytes.fromhex("4f1ef286")})
"""upgradeTo(address), upgradeToAndCall(address,bytes): the target is upgraded to the first argument."""
ON_ARGUMENT = frozenset({bytes.fromhex("99a88ec4"), bytes.fromhex("9623609d")})
"""ProxyAdmin's upgrade(address,address), upgradeAndCall(address,address,bytes): the first is upgraded to the second."""
MOST_OPERATIONS = 1024
LONGEST_DELAY_S = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a call would do: `target` runs `new` from then on."""

    target: Address
    new: Address


def decode(target: Address, call: bytes) -> Upgrade | None:
    """The upgrade in a call to `target`, or None where it is none of the known four."""
    selector, words = call[:4], [int.from_bytes(call[at : at + 32], "big") for at in (4, 36)]
    if selector in ON_TARGET and len(call) >= 36:
        return Upgrade(target, address_of(words[0]))
    if selector in ON_ARGUMENT and len(call) >= 68:
        return Upgrade(address_of(words[0]), address_of(words[1]))
    return None


@dataclass(frozen=True, slots=True)
class _Call:
    operation: str
    transaction: str
    upgrade: Upgrade | None


class Timelocks:
    """One network's timelocks: those named as such and those named by a contract."""

    def __init__(self, watch: Watch) -> None:
        self._guarded = {contract.address for contract in watch.contracts if contract.timelock}
        named = {contract.timelock for contract in watch.contracts if contract.timelock}
        self._timelocks = frozenset(named | set(watch.timelocks))
        self._queued: dict[str, str] = {}  # "timelock operation" -> event_id of its first UpgradeQueued

    def needs(self) -> Needs:
        """The three logs of each timelock."""
        if not self._timelocks:
            return Needs()
        return Needs(addresses=self._timelocks, topics=frozenset({SCHEDULED, EXECUTED, CANCELLED}))

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Operations queued and ended, and stage 1's upgrades with what carried them."""
        found: list[PlacedEvent] = []
        calls: list[_Call] = []
        ended: set[str] = set()
        for log in block.logs:
            if log.address not in self._timelocks or len(log.topics) < 2:
                continue
            if log.topics[0] == SCHEDULED:
                found.extend(self._scheduled(block, log))
            elif log.topics[0] == EXECUTED:
                call = _call(log)
                calls.append(call)
                found.extend(self._executed(block, log, call, ended))
            elif log.topics[0] == CANCELLED:
                found.extend(self._cancelled(block, log))
        upgrades = [event for event in earlier if isinstance(event, ContractUpgraded)]
        return [*(self._joined(event, calls) for event in upgrades), *found]

    def memory(self) -> bytes:
        """The open operations."""
        return msgspec.json.encode(self._queued)

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self._queued = msgspec.json.decode(memory, type=dict[str, str])

    def _scheduled(self, block: Block, log: Log) -> Iterator[PlacedEvent]:
        call = _call(log)
        if call.upgrade is None:
            return
        delay_s = min(
            int.from_bytes(log.body[128:160], "big"), LONGEST_DELAY_S
        )  # after target, value, offset, predecessor
        event_id = block.event_id(log.index, "queued", call.operation)
        self._queued.setdefault(f"{log.address} {call.operation}", event_id)
        while len(self._queued) > MOST_OPERATIONS:
            del self._queued[next(iter(self._queued))]
        yield UpgradeQueued(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=event_id,
            timelock=log.address,
            operation=call.operation,
            target=call.upgrade.target,
            new=call.upgrade.new,
            eta=block.header.time + timedelta(seconds=delay_s),
        )

    def _executed(self, block: Block, log: Log, call: _Call, ended: set[str]) -> Iterator[PlacedEvent]:
        key = f"{log.address} {call.operation}"
        queued = self._queued.pop(key, None)
        if key not in ended and (queued or call.upgrade):
            ended.add(key)
            yield self._ended(block, log, queued, executed=True)

    def _cancelled(self, block: Block, log: Log) -> Iterator[PlacedEvent]:
        queued = self._queued.pop(f"{log.address} {log.topics[1]}", None)
        if queued:
            yield self._ended(block, log, queued, executed=False)

    def _ended(self, block: Block, log: Log, queued: str | None, *, executed: bool) -> OperationEnded:
        return OperationEnded(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index, "ended", log.topics[1]),
            timelock=log.address,
            operation=log.topics[1],
            executed=executed,
            queued_event_id=queued,
        )

    def _joined(self, event: ContractUpgraded, calls: Sequence[_Call]) -> ContractUpgraded:
        carried = next((call.operation for call in calls if _carried(event, call)), None)
        if carried is None and event.contract not in self._guarded:
            return event
        return replace(event, operation=carried, queued=carried is not None)


def _carried(event: ContractUpgraded, call: _Call) -> bool:
    """Whether this executed call made that change: by what it names, else (an admin's change, say) by its transaction."""
    if event.place.transaction not in (None, call.transaction):
        return False
    if call.upgrade is None or event.role != "implementation":
        return event.place.transaction is not None and event.role != "implementation"
    return event.new == call.upgrade.new


def _call(log: Log) -> _Call:
    start = int.from_bytes(log.body[64:96], "big")  # body: target, value, offset of the call, ...
    size = int.from_bytes(log.body[start : start + 32], "big") if start < len(log.body) else 0
    call = log.body[start + 32 : start + 32 + min(size, len(log.body))]
    target = address_of(int.from_bytes(log.body[:32], "big"))
    return _Call(log.topics[1], log.transaction, decode(target, call))


def make(watch: Watch) -> Timelocks:
    """The detector for this watch."""
    return Timelocks(watch)
