"""What a chain shows: every kind of event this floor can say, as frozen dataclasses in one closed union.

Amounts are integers in the token's smallest unit; times are aware UTC; `share` is a fraction 0..1 of the pool's
reserves before the change. An event's `event_id` is the same whenever the same block is read again, so that
telling twice can be noticed, and differs between two blocks that hold the same transaction (a reorg).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.behaviour_events import BehaviourMismatch, ProbedBy
from chain.changes import CodeChange, CodeCompared
from chain.control_events import ControlChange, ControlChanged, ControlSeen
from chain.liquidity_events import (
    DepthMoved,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PoolDepth,
    TokenDepth,
)
from chain.place import Address, NetworkId, Place
from chain.use_events import TokenUsed, WalletResumed, WalletSilent

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
    "DepthMoved",
    "HeadSeen",
    "HeadStalled",
    "LiquidityAccounted",
    "LiquidityMigrated",
    "LiquidityMoved",
    "NetworkId",
    "NodeFault",
    "NodeFaultKind",
    "OperationEnded",
    "Place",
    "PlacedEvent",
    "PoolDepth",
    "ProbedBy",
    "Reorged",
    "Retracted",
    "Seen",
    "TokenDepth",
    "TokenUsed",
    "UpgradeQueued",
    "WalletResumed",
    "WalletSilent",
]


class Seen(StrEnum):
    """Which of the three layers saw a change of code (see the facts on proxies: log, state, behaviour)."""

    LOG = "log"
    SLOT = "slot"
    CODE = "code"
    TRACE = "trace"
    BEHAVIOUR = "behaviour"


class NodeFaultKind(StrEnum):
    """Why a node's answer was not used."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong_chain"
    BEHIND = "behind"
    REFUSED = "refused"
    RANGE_LIMIT = "range_limit"
    BATCH_LIMIT = "batch_limit"
    NULL_BLOCK = "null_block"
    FORKED = "forked"
    TRUNCATED = "truncated"
    FORGED = "forged"
    NO_TRACES = "no_traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSeen:
    """A new head was followed: the pulse of a network. `lag_s` = seen_at − block_time on our clock.

    `base_fee` is what a unit of gas burns in this block, in wei (EIP-1559); None where the network has none.
    """

    network: NetworkId
    seen_at: datetime
    block_number: int
    block_hash: str
    block_time: datetime
    node: str
    lag_s: float
    base_fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStalled:
    """No new head for `stalled_s`, longer than the network's block time allows.

    `sequencer`: nodes answer, and the network's blocks come from one sequencer: it is that which stands still.
    """

    network: NetworkId
    seen_at: datetime
    block_number: int
    stalled_s: float
    sequencer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFault:
    """A node failed us; `detail` never holds credentials or the URL's secret parts."""

    network: NetworkId
    seen_at: datetime
    node: str
    fault: NodeFaultKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorged:
    """The chain dropped `depth` blocks we had followed, back to `common_number`.

    `beyond_memory`: it went deeper than the blocks kept. What was told further down is taken back where it is gone, and
    the new chain is read again from `common_number`, the highest block known of both.
    """

    network: NetworkId
    seen_at: datetime
    depth: int
    common_number: int
    old_head: str
    new_head: str
    beyond_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractUpgraded:
    """A proxy's implementation, beacon or admin (`role`) changed from `old` to `new`, or its code hash did.

    `operation` names the timelock operation that carried it, where one is known; `queued` says whether the change
    was announced there (None: the contract has no known timelock). `gained` and `lost` are selectors of a diamond's
    `facet`: those that `new` serves from here on and that `old` no longer serves; empty for other roles. What the codes
    differ by is told after it, in a CodeCompared.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    proxy_kind: str
    role: str
    old: str | None
    new: str
    seen_by: Seen
    operation: str | None = None
    queued: bool | None = None
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeQueued:
    """A timelock holds a call that will upgrade `target` to `new`, not before `eta`."""

    place: Place
    seen_at: datetime
    event_id: str
    timelock: Address
    operation: str
    target: Address
    new: str | None
    eta: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEnded:
    """A queued timelock operation was executed or cancelled; joined by `operation` to its UpgradeQueued."""

    place: Place
    seen_at: datetime
    event_id: str
    timelock: Address
    operation: str
    executed: bool
    queued_event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retracted:
    """What was said as `event_id` is no longer on the chain: a reorg undid its block."""

    network: NetworkId
    seen_at: datetime
    event_id: str
    event: PlacedEvent


PlacedEvent = (
    ContractUpgraded
    | CodeCompared
    | UpgradeQueued
    | OperationEnded
    | LiquidityMoved
    | LiquidityMigrated
    | LiquidityAccounted
    | PoolDepth
    | ControlChanged
    | WalletSilent
    | WalletResumed
    | TokenUsed
    | BehaviourMismatch
)
"""Events that stand in a block, so that a reorg can retract them."""

ChainEvent = HeadSeen | HeadStalled | NodeFault | Reorged | PlacedEvent | Retracted
