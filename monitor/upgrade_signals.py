"""What the chain's events about upgrades are as signals' attributes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chain.events import ContractUpgraded
from chain.verified import SourceSeen
from monitor.signals import Scalar

MOST_NAMED = 32
MOST_HINTS = 4


def said_of_upgrade(event: ContractUpgraded) -> dict[str, Scalar]:
    """The attributes of its own."""
    said: dict[str, Scalar] = {
        "proxy_kind": event.proxy_kind, "role": event.role, "old": event.old, "new": event.new,
        "seen_by": event.seen_by.value, "operation": event.operation, "queued": event.queued,
    }  # fmt: skip
    change = event.change
    if change is None:
        return said
    types = {one.split("(")[0]: one for one in change.signatures}
    return said | {
        "gained": _named(change.gained, types),
        "lost": _named(change.lost, types),
        "old_size": change.old_size,
        "new_size": change.new_size,
        "layout": None if change.layout is None else " | ".join(one.said for one in change.layout[:MOST_HINTS]),
        "compiler": change.new_compiler,
        "source": change.links[0] if change.links else None,
    }


def said_of_source(event: ContractUpgraded, seen: SourceSeen) -> dict[str, Scalar]:
    """The attributes of a look at the new code's source."""
    return {
        "upgrade": event.event_id, "address": seen.address, "by": seen.by, "name": seen.name,
        "compiler": seen.compiler, "licence": seen.licence, "proxy": seen.proxy,
    }  # fmt: skip


def _named(some: Sequence[str] | None, types: Mapping[str, str]) -> str | None:
    if some is None:
        return None
    more = len(some) - MOST_NAMED
    return ", ".join(types.get(one, one) for one in some[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
