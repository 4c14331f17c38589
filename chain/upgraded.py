"""The event of a change of code or control, and its name. Pure."""

from __future__ import annotations

from chain.block import Block, Log, Write
from chain.events import Address, ContractUpgraded, Seen
from chain.facets import NOBODY


def upgraded(
    block: Block,
    log: Log | Write | None,
    contract: Address,
    kind: str,
    role: str,
    old: str | None,
    new: str,
    seen_by: Seen,
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
