"""Upgrades of proxies, seen by log, by slot and by code hash: each change once, whichever layer saw it first.

Two things are remembered for each contract: what was last *told* for a role, and what each slot last *held*. A slot
that changes to what a log told is the log's own doing; one that changes to anything else was written in silence. A
log that repeats what is known already is no change. Slots and topics: EIP-1967, EIP-1822, OpenZeppelin, Polygon,
Safe, Compound (facts on proxies, §3-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from chain.block import NO_CODE, Block, CallNeed, CodeNeed, Log, Need, Needs, SlotNeed, address_of
from chain.detector import Watch
from chain.events import Address, ContractUpgraded, PlacedEvent, Seen

STAGE = 1

BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
SLOTS = {  # slot -> (role, kind, always read: a legacy slot that is empty at first sight is not read again)
    0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC: ("implementation", "eip1967", True),
    BEACON_SLOT: ("beacon", "eip1967_beacon", True),
    0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103: ("admin", "eip1967", True),
    0xC5F16F0FCC639FA48A6947836D9850F504798523BF8C9A3A87D5876CF622BCF7: ("implementation", "eip1822", False),
    0x7050C9E0F4CA769C69BD3A8EF740BC37934F8E2C036E5A723FD8EE048ED3F8C3: ("implementation", "zos", False),
    0xBAAB7DBF64751104133AF04ABC7D9979F0FDA3B059A322A8333F533D3F32BF7F: ("implementation", "polygon", False),
}
UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
TOPICS = {  # topic -> (role, kind, which argument is the new value)
    UPGRADED: ("implementation", "eip1967", 0),
    "0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e": ("beacon", "eip1967_beacon", 0),
    "0x7e644d79422f17c01e4894b5f4f588d331ebfa28653d42ae832dc59e38c9798f": ("admin", "eip1967", 1),
    "0xe011bc04c286c344a8fcbb8de77f953da762c3e25d8cdea984147fc4168a5dcc": ("implementation", "eip1822", 1),
    "0xd32d24edea94f55e932d9a008afc425a8561462d1b1f57bc6e508e9a6b9509e1": ("implementation", "polygon", 0),
    "0x75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8": ("implementation", "safe", 0),
    "0xd604de94d45953f9138079ec1b82d533cb2160c906d1076d1f7ed54befbca97a": ("implementation", "unitroller", 1),
}
IMPLEMENTATION_CALL = "0x5c60da1b"
"""`implementation()`, asked of a beacon."""


class _Memory(msgspec.Struct):
    told: dict[str, str] = {}  # "contract role" -> value last told or first seen
    held: dict[str, str] = {}  # "contract where" -> word last read there, hexadecimal


class Upgrades:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._memory = _Memory()

    def needs(self) -> Needs:
        """Logs of the contracts and their beacons; slots, code and what the beacons point at."""
        addresses = set(self._contracts)
        reads: set[Need] = set()
        for contract in self._contracts:
            addresses.update(self._beacons(contract))
            reads.update(need for need, *_ in self._places(contract))
        return Needs(addresses=frozenset(addresses), topics=frozenset(TOPICS), reads=frozenset(reads))

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The logs in order, then what the slots and the code say that no log said."""
        found: list[PlacedEvent] = []
        for log in block.logs:
            found.extend(self._on_log(block, log))
        for contract in self._contracts:
            for need, where, role, kind in self._places(contract):
                if need in block.state:
                    found.extend(self._on_read(block, contract, need, where, role, kind))
        return found

    def memory(self) -> bytes:
        """What was told and what the slots held."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self._memory = msgspec.json.decode(memory, type=_Memory)

    def _beacons(self, contract: Address) -> list[Address]:
        beacon = int(self._memory.held.get(f"{contract} {BEACON_SLOT:#x}", "0"), 16)
        return [address_of(beacon)] if beacon else []

    def _places(self, contract: Address) -> Iterator[tuple[Need, str, str, str]]:
        for slot, (role, kind, always) in SLOTS.items():
            where = f"{slot:#x}"
            if always or self._memory.held.get(f"{contract} {where}") != "0x0":
                yield SlotNeed(contract, slot), where, role, kind
        for beacon in self._beacons(contract):
            yield CallNeed(beacon, IMPLEMENTATION_CALL), f"beacon {beacon}", "implementation", "eip1967_beacon"
        yield CodeNeed(contract), "code", "code", "code"

    def _on_log(self, block: Block, log: Log) -> Iterator[ContractUpgraded]:
        if not log.topics or log.topics[0] not in TOPICS:
            return
        role, kind, position = TOPICS[log.topics[0]]
        new = log.address_at(position)
        for contract in self._contracts:
            if contract == log.address:
                yield from self._change(block, contract, role, kind, new, Seen.LOG, log)
            elif log.topics[0] == UPGRADED and log.address in self._beacons(contract):
                yield from self._change(block, contract, role, "eip1967_beacon", new, Seen.LOG, log)

    def _on_read(
        self, block: Block, contract: Address, need: Need, where: str, role: str, kind: str
    ) -> Iterator[ContractUpgraded]:
        word = block.state[need]
        before = self._memory.held.get(f"{contract} {where}")
        self._memory.held[f"{contract} {where}"] = f"{word:#x}"
        if before == f"{word:#x}":
            return
        code = isinstance(need, CodeNeed)
        new = f"0x{word:064x}" if code else address_of(word)
        if before is None:
            if word not in (0, NO_CODE):
                self._memory.told.setdefault(f"{contract} {role}", new)
            return
        yield from self._change(block, contract, role, kind, new, Seen.CODE if code else Seen.SLOT, None)

    def _change(
        self, block: Block, contract: Address, role: str, kind: str, new: str, seen_by: Seen, log: Log | None
    ) -> Iterator[ContractUpgraded]:
        old = self._memory.told.get(f"{contract} {role}")
        if old == new:
            return
        self._memory.told[f"{contract} {role}"] = new
        yield ContractUpgraded(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id("-" if log is None else log.index, "upgraded", contract, role, new),
            contract=contract,
            proxy_kind=kind,
            role=role,
            old=old,
            new=new,
            seen_by=seen_by,
        )


def make(watch: Watch) -> Upgrades:
    """The detector for this watch."""
    return Upgrades(watch)
