"""What is remembered of contracts' code, and the event of a change with its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from chain.blocks.block import Block, Log, Write
from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded, SeenBy

EMPTY = f"{0:#x}"
"""The zero word."""


class PlaceProof(StrEnum):
    """Whether a call has shown that a place which needs a proof means something."""

    OPEN = "open"
    UNANSWERED = "unanswered"
    """The call was made once and had no answer."""
    SHOWN = "shown"


class PlaceMemory(msgspec.Struct, omit_defaults=True):
    """The word last read at a place (hexadecimal; None: yet to be read, or to be read as if for the first time), and the proof
    of the place where it needs one. A place that was shown to mean nothing holds the zero word.
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
    """What is remembered, by contract: by role (or place) the value last reported or first seen, by place what was read there,
    by beacon and getter what the beacon answered, by selector the facet.
    """

    told: dict[str, dict[str, str]] = {}
    held: dict[str, Places] = {}
    beacons: dict[str, dict[Address, Places]] = {}
    tables: dict[str, dict[str, Address]] = {}

    def of(self, contracts: Iterable[Address]) -> UpgradeMemory:
        """With room for each of these from the first, so that no reading changes the memory."""
        for contract in contracts:
            self.told.setdefault(contract, {})
            self.held.setdefault(contract, {})
            self.beacons.setdefault(contract, {})
        return self


def upgraded(
    block: Block,
    log: Log | Write | None,
    contract: Address,
    kind: str,
    role: Role,
    old: str | None,
    new: str,
    seen_by: SeenBy,
    gained: tuple[str, ...] = (),
    lost: tuple[str, ...] = (),
) -> ContractUpgraded:
    """What is said of it; its id does not depend on whether a trace or the state showed what no log told."""
    where = log.index if isinstance(log, Log) else "-"
    words: tuple[str, ...] = (contract, role, new) if role is not Role.FACET else (contract, role, old or NOBODY, new)
    return ContractUpgraded(
        place=block.place(log),
        seen_at=block.seen_at,
        event_id=block.event_id(where, "upgraded", *words),
        contract=contract,
        proxy_kind=kind,
        role=role,
        old=old,
        new=new,
        seen_by=seen_by,
        gained=gained,
        lost=lost,
    )
