"""Describes each event of a chain as a signal: its kind, value and attributes. Pure and stateless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import assert_never

from chain.events import (
    BehaviourMismatch,
    CodeCompared,
    ControlChanged,
    CustomEventSeen,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PlacedEvent,
    PoolCreated,
    PoolDepth,
    PoolDrained,
    PositionLiquidated,
    SupplyJumped,
    TokenUsed,
    WalletResumed,
    WalletSilent,
)
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued, UpgradeSaid
from chain.explorers.answers import SourceSeen
from monitor.signals import Scalar, SignalKind
from monitor.signals.amounts import symbol_words

UpgradeEvent = ContractUpgraded | UpgradeSaid | CodeCompared | UpgradeQueued | OperationEnded
NamedEvent = LiquidityMigrated | LiquidityAccounted | PoolDrained | SupplyJumped | HolderFrozen
LiquidityEvent = LiquidityMoved | LiquidityMigrated | LiquidityAccounted | PoolDepth | PoolDrained | SupplyJumped


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """What the operator takes an event of his own for: evidence of a leg, with a grade, for these assets."""

    leg: str
    grade: int
    assets: tuple[str, ...]


Tickers = Mapping[tuple[str, str], str]
"""(network, token) -> the asset that the operator names the token as, or USD."""
NOBODY: Tickers = MappingProxyType({})
Description = tuple[SignalKind, float, dict[str, Scalar]]
"""Kind, value, attributes."""

MAX_NAMED = 32
"""Functions gained or lost that an attribute names."""
MAX_HINTS = 4
"""Signs of another storage layout that an attribute names."""
MAX_TOKENS = 2
"""Tokens of a pool whose depth is reported: its first two."""


def describe(event: PlacedEvent, tickers: Tickers = NOBODY) -> Description:
    """The kind, value and own attributes of the signal that reports `event`."""
    match event:
        case ContractUpgraded() | UpgradeSaid() | CodeCompared() | UpgradeQueued() | OperationEnded():
            return _upgrade(event)
        case ControlChanged():
            return SignalKind.CONTROL_CHANGED, 1, {
                "change": event.change.value, "emitter": event.emitter, "old": event.old, "new": event.new,
                "role": event.role, "account": event.account, "escaped": event.escaped, "seen_by": event.seen_by.value,
            }  # fmt: skip
        case HolderFrozen():
            return SignalKind.HOLDER_FROZEN, float(event.frozen), {
                "token": event.token, "holder": event.holder, "seen_by": event.seen_by.value,
                "destroyed": None if event.destroyed is None else float(event.destroyed),
                **_amount(event, event.token, event.destroyed),
            }  # fmt: skip
        case BehaviourMismatch():
            return SignalKind.BEHAVIOUR_MISMATCH, event.probes, {
                "claimed": ",".join(event.claimed), "actual": event.actual, "probed_by": event.probed_by.value,
                "ended": event.ended,
            }  # fmt: skip
        case WalletSilent():
            return SignalKind.WALLET_SILENT, event.silent_s, {
                "usual_s": event.usual_s, "per_day": event.per_day, "rate_per_day": event.rate_per_day,
            }  # fmt: skip
        case WalletResumed():
            return SignalKind.WALLET_RESUMED, event.silent_s, {"silent_event_id": event.silent_event_id}
        case TokenUsed():
            return SignalKind.TOKEN_USE, event.transfers, {
                "hour": event.hour.isoformat(), "active": event.active, "moved": float(event.moved),
                "reserves": None if event.reserves is None else float(event.reserves), "complete": event.complete,
            }  # fmt: skip
        case CustomEventSeen():
            return SignalKind.CUSTOM_EVENT, 1, {
                "rule": event.rule, "signature": event.signature,
                "arguments": ", ".join(f"{name}={value}" for name, value in event.arguments),
            }  # fmt: skip
        case PoolCreated():
            return SignalKind.POOL_CREATED, 1, {
                "factory": event.factory, "pool_kind": event.pool_kind, "token0": event.token0, "token1": event.token1,
            }  # fmt: skip
        case PositionLiquidated():
            return SignalKind.ONCHAIN_LIQUIDATION, 1, {
                "protocol": event.protocol, "side": "long" if event.long else "short", "quantity": event.quantity,
                "usd": event.usd, "market": event.market, "account": event.account,
            }  # fmt: skip
        case (
            LiquidityMoved() | LiquidityMigrated() | LiquidityAccounted() | PoolDepth() | PoolDrained() | SupplyJumped()
        ):
            return _liquidity(event, tickers)
        case _ as never:
            assert_never(never)


def source_attributes(event: ContractUpgraded, seen: SourceSeen) -> dict[str, Scalar]:
    """The attributes of a check whether the source of an upgrade's new code is verified."""
    return {
        "upgrade": event.event_id, "address": seen.address, "by": seen.by, "name": seen.name,
        "compiler": seen.compiler, "licence": seen.licence, "proxy": seen.proxy,
    }  # fmt: skip


def _upgrade(event: UpgradeEvent) -> Description:
    match event:
        case ContractUpgraded():
            return SignalKind.UPGRADE, 1, {
                "proxy_kind": event.proxy_kind, "role": event.role.value, "old": event.old, "new": event.new,
                "seen_by": event.seen_by.value, "operation": event.operation, "queued": event.queued,
                "holder": event.holder,
            }  # fmt: skip
        case UpgradeSaid():
            return SignalKind.UPGRADE_SAID, 1, {
                "proxy_kind": event.proxy_kind, "role": event.role.value, "said": event.said, "held": event.held,
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
        "role": event.role.value,
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


def _named(some: Sequence[str] | None, types: Mapping[str, str]) -> str | None:
    if some is None:
        return None
    more = len(some) - MAX_NAMED
    return ", ".join(types.get(one, one) for one in some[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _liquidity(event: LiquidityEvent, tickers: Tickers) -> Description:
    match event:
        case LiquidityMoved():
            kind = SignalKind.LIQUIDITY_REMOVED if event.removed else SignalKind.LIQUIDITY_ADDED
            shares = [one.moved / one.token_before for one in event.depth if one.token_before]
            return kind, event.share, {"owner": event.owner, "depth_share": max(shares, default=None)}
        case LiquidityMigrated():
            return SignalKind.MIGRATION, event.share, {
                "from_pool": event.from_pool, "to_pool": event.to_pool, "token": event.token, "score": event.score,
                "from_kind": event.from_kind, "to_kind": event.to_kind, "depth_share": event.depth_share,
                "successor": event.successor, **_amount(event, event.token, event.amount),
            }  # fmt: skip
        case LiquidityAccounted():
            parts = {
                "readded": event.readded,
                "to_wallets": event.to_wallets,
                "to_bridges": event.to_bridges,
                "open": event.open,
            }
            attributes: dict[str, Scalar] = {name: part / event.removed for name, part in parts.items()}
            to_pool, to_kind, units = event.into[0] if event.into else (None, None, 0)
            return SignalKind.LIQUIDITY_ACCOUNTED, event.unexplained / event.removed, {
                "token": event.token, "removed": float(event.removed), **attributes, "level": event.level,
                "from_kind": event.pool_kind, "to_pool": to_pool, "to_kind": to_kind,
                "to_share": units / event.removed, "to_pools": len(event.into),
                "depth_share": event.depth_share, "hhi_before": event.hhi_before, "hhi_after": event.hhi_after,
                "successor": event.successor, **_amount(event, event.token, event.removed),
            }  # fmt: skip
        case PoolDepth():
            return SignalKind.POOL_DEPTH, max(one.share for one in event.tokens), _depths(event, tickers)
        case SupplyJumped():
            return SignalKind.SUPPLY_JUMPED, event.share, {
                "token": event.token, "before": float(event.before), "after": float(event.after), "by": event.by,
                "logged": event.logged, **_amount(event, event.token, event.after - event.before),
            }  # fmt: skip
        case PoolDrained():
            return SignalKind.POOL_DRAINED, event.share, {
                "pool_kind": event.pool_kind, "token": event.token, "before": float(event.before),
                "after": float(event.after), "cause": event.cause.value, "by": event.by, "depth_share": event.depth_share,
                **_amount(event, event.token, event.before - event.after),
            }  # fmt: skip
        case _ as never:
            assert_never(never)


def _amount(event: NamedEvent, token: str, units: int | None) -> dict[str, Scalar]:
    """What the token calls itself, and the amount in whole units of it, as far as both are known."""
    name = next((one for one in event.token_names if one.token == token), None)
    decimals = name.decimals if name else None
    return {
        "symbol": symbol_words(name.symbol, odd=name.odd) if name else None,
        "amount": _whole(units, decimals),
    }


def token_of(event: PlacedEvent) -> str | None:
    """The token whose amount the signal states; None where it states none."""
    match event:
        case LiquidityMigrated() | LiquidityAccounted() | PoolDrained() | SupplyJumped() | HolderFrozen():
            return event.token
        case _:
            return None


def _depths(event: PoolDepth, tickers: Tickers) -> dict[str, Scalar]:
    attributes: dict[str, Scalar] = {"tick": event.tick}
    decimals = {one.token: one.decimals for one in event.token_names}
    for at, one in enumerate(event.tokens[:MAX_TOKENS]):
        attributes |= {
            f"token{at}": one.token, f"reserve{at}": float(one.reserve), f"depth{at}_1": float(one.within_1),
            f"depth{at}_2": float(one.within_2), f"depth{at}_5": float(one.within_5), f"share{at}": one.share,
        }  # fmt: skip
        other = next((two.token for two in event.tokens if two is not one), one.token)
        attributes |= {
            f"is{at}": tickers.get((str(event.place.network), one.token)),
            f"sold{at}_1": _whole(one.sold_1, decimals.get(one.token)),
            f"sold{at}_5": _whole(one.sold_5, decimals.get(one.token)),
            f"got{at}_1": _whole(one.got_1, decimals.get(other)),
            f"got{at}_5": _whole(one.got_5, decimals.get(other)),
        }
    return attributes


def _whole(units: int | None, decimals: int | None) -> float | None:
    """An amount in whole units of its token; None where it or the token's decimals are not known."""
    return None if units is None or decimals is None else units / 10**decimals


def whereabouts(event: PlacedEvent) -> tuple[str | None, Sequence[str]]:
    """The contract that an event is about, and the pools, the first of which it is about."""
    match event:
        case (
            ContractUpgraded()
            | UpgradeSaid()
            | CodeCompared()
            | ControlChanged()
            | BehaviourMismatch()
            | CustomEventSeen()
        ):
            return event.contract, ()
        case UpgradeQueued():
            return event.target, ()
        case OperationEnded():
            return event.timelock, ()
        case TokenUsed():
            return event.token, ()
        case PositionLiquidated():
            return event.collateral, ()
        case SupplyJumped():
            return event.token, event.pools
        case HolderFrozen():
            return None, event.pools
        case LiquidityMoved() | LiquidityAccounted() | PoolDepth() | PoolDrained() | PoolCreated():
            return None, (event.pool,)
        case LiquidityMigrated():
            return None, (event.from_pool,)
        case WalletSilent() | WalletResumed():
            return None, ()
        case _ as never:
            assert_never(never)
