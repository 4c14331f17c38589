"""Defines every kind of event that the chain package emits, as frozen dataclasses in one closed union.

Amounts are integers in the token's smallest unit; times are aware UTC; `share` is a fraction 0..1 of the pool's
reserves before the change. An event's `event_id` is the same whenever the same block is read again, so that
a repeated event can be recognised, and differs between two blocks that hold the same transaction (a reorg).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chain.events.behaviour import BehaviourMismatch, ProbedBy
from chain.events.control import ControlChange, ControlChanged, ControlSeen, HolderFrozen
from chain.events.custom import CustomEventSeen
from chain.events.lending import PositionLiquidated
from chain.events.liquidity import (
    DepthMoved,
    DrainCause,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PoolCreated,
    PoolDepth,
    PoolDrained,
    SupplyJumped,
    TokenDepth,
)
from chain.events.network import HeadResumed, HeadSeen, HeadStalled, NodeFault, NodeFaultKind, NodeMeasured, Reorged
from chain.events.place import Address, NetworkId, Place, TokenName
from chain.events.roles import Role
from chain.events.upgrades import (
    CodeChange,
    CodeCompared,
    ContractUpgraded,
    OperationEnded,
    SeenBy,
    UpgradeQueued,
    UpgradeSaid,
)
from chain.events.usage import TokenUsed, WalletResumed, WalletSilent

__all__ = [
    "Address",
    "BehaviourMismatch",
    "ChainEvent",
    "CodeChange",
    "CodeCompared",
    "ContractUpgraded",
    "ControlChange",
    "ControlChanged",
    "ControlSeen",
    "CustomEventSeen",
    "DepthMoved",
    "DrainCause",
    "HeadResumed",
    "HeadSeen",
    "HeadStalled",
    "HolderFrozen",
    "LiquidityAccounted",
    "LiquidityMigrated",
    "LiquidityMoved",
    "NetworkId",
    "NodeFault",
    "NodeFaultKind",
    "NodeMeasured",
    "OperationEnded",
    "Place",
    "PlacedEvent",
    "PoolCreated",
    "PoolDepth",
    "PoolDrained",
    "PositionLiquidated",
    "ProbedBy",
    "Reorged",
    "Retracted",
    "Role",
    "SeenBy",
    "SupplyJumped",
    "TokenDepth",
    "TokenName",
    "TokenUsed",
    "UpgradeQueued",
    "UpgradeSaid",
    "WalletResumed",
    "WalletSilent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retracted:
    """The event of this `event_id` is no longer on the chain: a reorg undid its block."""

    network: NetworkId
    seen_at: datetime
    event_id: str
    event: PlacedEvent


PlacedEvent = (
    ContractUpgraded
    | UpgradeSaid
    | CodeCompared
    | UpgradeQueued
    | OperationEnded
    | LiquidityMoved
    | LiquidityMigrated
    | LiquidityAccounted
    | PoolDepth
    | PoolDrained
    | SupplyJumped
    | ControlChanged
    | HolderFrozen
    | WalletSilent
    | WalletResumed
    | TokenUsed
    | BehaviourMismatch
    | PositionLiquidated
    | PoolCreated
    | CustomEventSeen
)
"""Events that belong to a block, so that a reorg can retract them."""

ChainEvent = HeadSeen | HeadStalled | HeadResumed | NodeFault | NodeMeasured | Reorged | PlacedEvent | Retracted
