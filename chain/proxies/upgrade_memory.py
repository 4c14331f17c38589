"""Remembers the words read and the values reported of contracts' code, and creates the event of an upgrade. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from chain.blocks.block import Block, Log, Write
from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded, SeenBy, UpgradeSaid
from chain.proxies.claims import Claim

EMPTY = f"{0:#x}"
"""The zero word."""


class PlaceProof(StrEnum):
    """Whether a call has proved a place that needs a proof."""

    OPEN = "open"
    UNANSWERED = "unanswered"
    """The call was made once and had no answer."""
    SHOWN = "shown"


class PlaceMemory(msgspec.Struct, omit_defaults=True):
    """The word last read at a place (hexadecimal; None: yet to be read, or to be read as if for the first time), and the proof
    of the place where it needs one. A place that was disproved holds the zero word.
    """

    word: str | None = None
    proof: PlaceProof = PlaceProof.OPEN

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at this place, so that it is not read again."""
        return self.word == EMPTY


Places = dict[str, PlaceMemory]
"""By the place's key."""


class UpgradeMemory(msgspec.Struct):
    """By contract: `reported` maps a role (or a place) to the value last reported or first seen, `places` a place to the
    word read there, `beacons` a beacon to its getters' answers, `tables` a selector to its facet. `doubted` maps a role whose
    reported value a log alone supports to the value believed before ("": none).
    """

    reported: dict[str, dict[str, str]] = {}
    places: dict[str, Places] = {}
    beacons: dict[str, dict[Address, Places]] = {}
    tables: dict[str, dict[str, Address]] = {}
    doubted: dict[str, dict[str, str]] = {}

    def of(self, contracts: Iterable[Address]) -> UpgradeMemory:
        """The same memory, with an entry for each of these contracts, so that no look-up changes it."""
        for contract in contracts:
            self.reported.setdefault(contract, {})
            self.places.setdefault(contract, {})
            self.beacons.setdefault(contract, {})
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A contract's `role` went from `old` (None: not known) to `new`, as a log, a write or (None) the state alone shows.

    `gained` and `lost` are selectors, of a facet.
    """

    contract: Address
    kind: str
    role: Role
    new: str
    seen_by: SeenBy
    old: str | None = None
    at: Log | Write | None = None
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    holder: Address | None = None


def upgraded(block: Block, upgrade: Upgrade) -> ContractUpgraded:
    """The event of an upgrade; without a log, its id is the same whether a trace or the state showed it."""
    at, old, new = upgrade.at, upgrade.old, upgrade.new
    where = at.index if isinstance(at, Log) else "-"
    changed = (old or NOBODY, new) if upgrade.role is Role.FACET else (new,)
    if upgrade.holder and upgrade.role is Role.CODE:
        changed = (upgrade.holder, new)
    return ContractUpgraded(
        place=block.place(at),
        seen_at=block.seen_at,
        event_id=block.event_id(where, "upgraded", upgrade.contract, upgrade.role, *changed),
        contract=upgrade.contract,
        proxy_kind=upgrade.kind,
        role=upgrade.role,
        old=old,
        new=new,
        seen_by=upgrade.seen_by,
        gained=upgrade.gained,
        lost=upgrade.lost,
        holder=upgrade.holder,
    )


def said(block: Block, claim: Claim, held: str | None) -> UpgradeSaid:
    """The event of a log that the state does not bear out."""
    return UpgradeSaid(
        place=block.place(claim.log),
        seen_at=block.seen_at,
        event_id=block.event_id(claim.log.index, "said", claim.contract, claim.spec.role, claim.new),
        contract=claim.contract,
        proxy_kind=claim.kind,
        role=claim.spec.role,
        said=claim.new,
        held=held,
    )


def facet_said(block: Block, kind: str, log: Log, facet: Address, held: Address | None) -> UpgradeSaid:
    """The event of a log whose change of a table the state does not bear out; `held` serves its functions."""
    return UpgradeSaid(
        place=block.place(log),
        seen_at=block.seen_at,
        event_id=block.event_id(log.index, "said", log.address, Role.FACET, facet),
        contract=log.address,
        proxy_kind=kind,
        role=Role.FACET,
        said=facet,
        held=held,
    )


def disproved(block: Block, contract: Address, role: Role, reported: str, held: str | None) -> UpgradeSaid:
    """The event of an earlier log that this block's state contradicts: its own block could not be read."""
    return UpgradeSaid(
        place=block.place(),
        seen_at=block.seen_at,
        event_id=block.event_id("-", "said", contract, role, reported),
        contract=contract,
        proxy_kind="unknown",
        role=role,
        said=Address(reported),
        held=held,
    )


class SilentRepeats:
    """Counts the events of one block that no log reported: the same change may happen more than once there."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def clear(self) -> None:
        """Begin a new block."""
        self._seen.clear()

    def numbered(self, event: ContractUpgraded) -> ContractUpgraded:
        """The event; from the second of the same id on, its id has a number."""
        times = self._seen[event.event_id]
        self._seen[event.event_id] += 1
        return replace(event, event_id=f"{event.event_id}/{times}") if times else event
