"""Renders events of a chain for people: how grave, what happened, where, with whole addresses and amounts in units of tokens.

The grade is that of the evidence which the daemon would make of the event (docs/detection.md, "Rates and grades").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.cli.render.inspection import Line
from monitor.cli.render.liquidity import liquidity_words
from monitor.cli.render.upgrades import HOW, change_lines, functions_words

if TYPE_CHECKING:
    from chain.events import ChainEvent, ControlChanged
    from chain.events.upgrades import ContractUpgraded
    from chain.inspection.inspect import Inspection

NAMES = {
    "ContractUpgraded": "upgrade",
    "UpgradeSaid": "upgrade said, not done",
    "CodeCompared": "what the upgrade changed",
    "UpgradeQueued": "upgrade queued",
    "OperationEnded": "queued operation ended",
    "ControlChanged": "control changed",
    "HolderFrozen": "holder frozen",
    "BehaviourMismatch": "runs what it does not name",
    "LiquidityMoved": "liquidity moved",
    "LiquidityMigrated": "liquidity migrated",
    "LiquidityAccounted": "where liquidity went",
    "PoolDepth": "depth of a pool",
    "PoolDrained": "pool drained",
    "SupplyJumped": "supply jumped",
    "PoolCreated": "pool created",
    "PositionLiquidated": "position liquidated",
    "WalletSilent": "hot wallet silent",
    "WalletResumed": "hot wallet pays again",
    "TokenUsed": "use of a token in an hour",
    "CustomEventSeen": "own event",
}
ENDS = frozenset({"unpaused", "trading_opened", "action_resumed", "target_opened"})
_SKIPPED = frozenset({"place", "seen_at", "event_id", "token_names"})


def grade_of(event: ChainEvent) -> int:
    """0 to 4: the grade of the evidence that this event alone would be."""
    from chain.events import BehaviourMismatch, CodeCompared, ControlChanged, HolderFrozen, UpgradeQueued
    from chain.events.liquidity import LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PoolDrained, SupplyJumped
    from chain.events.upgrades import ContractUpgraded, UpgradeSaid
    from monitor.correlator.evidence import behaviour, control, drains, supply, upgrades
    from monitor.correlator.producer import graded
    from monitor.intake.chain import describe

    match event:
        case ContractUpgraded():
            return upgrades.grade_of(describe(event)[2])
        case UpgradeSaid() | UpgradeQueued():
            return 1
        case CodeCompared():
            return 4 if event.change.new_size == 0 else 0
        case ControlChanged():
            return 0 if event.change.value in ENDS else control.grade_of(event.change, describe(event)[2])
        case HolderFrozen():
            return (4 if event.destroyed is not None else 3) if event.frozen else 0
        case BehaviourMismatch():
            return 0 if event.ended else behaviour.GRADE
        case LiquidityMoved():
            share = describe(event)[2]["depth_share"]
            return graded(event.share if not isinstance(share, float) else share, drains.SHARES) if event.removed else 0
        case LiquidityMigrated():
            return graded(event.share if event.depth_share is None else event.depth_share, drains.SHARES)
        case LiquidityAccounted():
            return event.level
        case PoolDrained():
            _, share, attributes = describe(event)
            return drains.grade_of(share if event.depth_share is None else event.depth_share, attributes)
        case SupplyJumped():
            return supply.grade_of(event.share, logged=event.logged)
        case _:
            return 0


def event_lines(event: ChainEvent, known: Mapping[str, Inspection]) -> Iterator[Line]:
    """One event: a heading, then its facts. `known` are inspections of upgraded contracts: they say the kind of proxy."""
    from chain.events import CodeCompared, ControlChanged
    from chain.events.upgrades import ContractUpgraded

    place, grade = getattr(event, "place", None), grade_of(event)
    at = f"block {place.block_number}, {_time(place.block_time)}: " if place else ""
    yield 0, "", f"{at}{f'L{grade} ' if grade else ''}{NAMES.get(type(event).__name__, type(event).__name__)}"
    match event:
        case ContractUpgraded():
            yield from _upgraded(event, known)
        case CodeCompared():
            yield 2, "contract", event.contract
            yield 2, _role(event.role.value), event.new
            yield from ((2, label, text) for label, text in change_lines(event.change))
        case ControlChanged():
            yield from _control(event)
        case _:
            words = liquidity_words(event)
            yield from [(2, "", words)] if words else _fields(event)
    if place and place.transaction:
        yield 2, "in", place.transaction


def _upgraded(event: ContractUpgraded, known: Mapping[str, Inspection]) -> Iterator[Line]:
    found = known.get(event.contract)
    yield 2, "contract", event.contract
    yield 2, "kind", found.kind if found and found.kind else event.proxy_kind
    yield 2, "change", f"{event.role.value}, {HOW[event.seen_by.value]}"
    yield 2, "from", event.old or "not known"
    yield 2, "to", event.new
    if event.holder is not None:
        yield 2, "held by", event.holder
    if event.queued is not None:
        yield 2, "timelock", f"announced as {event.operation}" if event.queued else "NOT announced there"
    for word, names in (("gained", event.gained), ("lost", event.lost)):
        if names:
            yield 2, word, functions_words(names)


def _role(role: str) -> str:
    return "new code" if role == "implementation" else f"new {role}"


def _control(event: ControlChanged) -> Iterator[Line]:
    from chain.control.roles import MAX_NUMBER, name_of

    yield 2, "contract", event.contract
    if event.emitter != event.contract:
        yield 2, "told by", event.emitter
    yield 2, "change", event.change.value.replace("_", " ") + (" (left its timelock)" if event.escaped else "")
    if event.role:
        yield 2, "role", name_of(event.role, manager=0 < int(event.role, 16) <= MAX_NUMBER)
    for label, value in (("account", event.account), ("from", event.old), ("to", event.new)):
        if value:
            yield 2, label, value
    if event.seen_by.value == "state":
        yield 2, "seen by", "its state: no log reported it"


def _fields(event: ChainEvent) -> Iterator[Line]:
    """The facts of an event that has no words of its own."""
    for name in event.__dataclass_fields__:
        value = getattr(event, name)
        if name not in _SKIPPED and value not in (None, (), ""):
            yield 2, name.replace("_", " "), _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def with_token_names(events: Iterable[ChainEvent]) -> list[ChainEvent]:
    """The events, each with all names of tokens that any of them has: a token may have been asked after the first of them."""
    from chain.detectors.token_names import Named

    all_of = list(events)
    names = {name.token: name for event in all_of for name in getattr(event, "token_names", ())}
    known = tuple(names.values())
    return [replace(event, token_names=known) if isinstance(event, Named) else event for event in all_of]


def upgraded_contracts(events: Iterable[ChainEvent]) -> list[str]:
    """The contracts that were upgraded, first ones first."""
    from chain.events.upgrades import ContractUpgraded

    return list(dict.fromkeys(event.contract for event in events if isinstance(event, ContractUpgraded)))
