"""What is remembered of contracts' code, and the event of a change with its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chain.blocks.block import Block, Log, Write
from chain.events import Address
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.diamonds import NOBODY


class UpgradeMemory(msgspec.Struct):
    """What is remembered of contracts: by role (or place) the value last told or first seen, by place the word last read there
    (hexadecimal), by selector the facet.
    """

    told: dict[str, dict[str, str]] = {}
    held: dict[str, dict[str, str]] = {}
    tables: dict[str, dict[str, Address]] = {}

    def of(self, contracts: Iterable[Address]) -> UpgradeMemory:
        """With room for each of these from the first, so that no reading changes the memory."""
        for contract in contracts:
            self.told.setdefault(contract, {})
            self.held.setdefault(contract, {})
        return self


def upgraded(
    block: Block,
    log: Log | Write | None,
    contract: Address,
    kind: str,
    role: str,
    old: str | None,
    new: str,
    seen_by: SeenBy,
    gained: tuple[str, ...] = (),
    lost: tuple[str, ...] = (),
) -> ContractUpgraded:
    """What is said of it; its id does not depend on whether a trace or the state showed what no log told."""
    where = log.index if isinstance(log, Log) else "-"
    words: tuple[str, ...] = (contract, role, new) if role != "facet" else (contract, role, old or NOBODY, new)
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
