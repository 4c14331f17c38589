"""What the chain's events about upgrades are as signals: kind, value and attributes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from chain.events import CodeCompared
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.explorers.answers import SourceSeen
from monitor.signals import Scalar, SignalKind

UpgradeEvent = ContractUpgraded | CodeCompared | UpgradeQueued | OperationEnded

MAX_NAMED = 32
MAX_HINTS = 4


def said_of_upgrade(event: UpgradeEvent) -> tuple[SignalKind, float, dict[str, Scalar]]:
    """The signal's kind, value and own attributes."""
    match event:
        case ContractUpgraded():
            return SignalKind.UPGRADE, 1, {
                "proxy_kind": event.proxy_kind, "role": event.role, "old": event.old, "new": event.new,
                "seen_by": event.seen_by.value, "operation": event.operation, "queued": event.queued,
            }  # fmt: skip
        case CodeCompared():
            return SignalKind.CODE_COMPARED, 1, _compared(event)
        case UpgradeQueued():
            return SignalKind.UPGRADE_QUEUED, event.eta.timestamp(), {
                "operation": event.operation, "timelock": event.timelock, "new": event.new,
            }  # fmt: skip
        case OperationEnded():
            return SignalKind.OPERATION_ENDED, float(event.executed), {
                "operation": event.operation, "timelock": event.timelock, "queued_event_id": event.queued_event_id,
            }  # fmt: skip
        case _ as never:
            assert_never(never)


def _compared(event: CodeCompared) -> dict[str, Scalar]:
    change = event.change
    types = {one.split("(")[0]: one for one in change.signatures}
    return {
        "upgrade": event.upgrade_id,
        "role": event.role,
        "old": event.old,
        "new": event.new,
        "gained": _named(change.gained, types),
        "lost": _named(change.lost, types),
        "old_size": change.old_size,
        "new_size": change.new_size,
        "layout": None if change.layout is None else " | ".join(one.said for one in change.layout[:MAX_HINTS]),
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
    more = len(some) - MAX_NAMED
    return ", ".join(types.get(one, one) for one in some[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
