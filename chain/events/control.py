"""Defines the events about control over contracts; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import Address, Place, TokenName


class ControlChange(StrEnum):
    """The kind of a change of control over a contract."""

    OWNER = "owner"
    OWNER_PENDING = "owner_pending"
    ADMIN = "admin"
    ADMIN_PENDING = "admin_pending"
    ROLE_GRANTED = "role_granted"
    ROLE_REVOKED = "role_revoked"
    ROLE_ADMIN = "role_admin"
    SIGNER_ADDED = "signer_added"
    SIGNER_REMOVED = "signer_removed"
    THRESHOLD = "threshold"
    MODULE_ENABLED = "module_enabled"
    MODULE_DISABLED = "module_disabled"
    GUARD = "guard"
    FALLBACK = "fallback"
    DELAY = "delay"
    PAUSED = "paused"
    UNPAUSED = "unpaused"
    INITIALIZED = "initialized"
    DEPRECATED = "deprecated"
    """It passes all calls on to a successor (USDT)."""
    AGGREGATOR = "aggregator"
    """A price feed has another source."""
    AGGREGATOR_PENDING = "aggregator_pending"
    TRADING_OPENED = "trading_opened"
    TRADING_CLOSED = "trading_closed"
    ACTION_PAUSED = "action_paused"
    ACTION_RESUMED = "action_resumed"
    TARGET_CLOSED = "target_closed"
    """Its AccessManager refuses all calls to it."""
    TARGET_OPENED = "target_opened"


class ControlSeen(StrEnum):
    """How a change of control was seen: by a log, or by a getter that answers otherwise than in the block before."""

    LOG = "log"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChanged:
    """Control over `contract` changed, or whether it works at all: a log of `emitter` or its state shows it.

    `emitter` is the contract itself, its admin, beacon or timelock, or an owner of one of these. `old` and `new` are addresses,
    or decimal figures for a delay (s), a threshold and an initialised version, or the name of an action that was paused; `role`
    is the 32-byte role. `account` got or lost a role, became a signer or is none any more, is a module, paused the contract, or
    is the market or target of a pause. `escaped`: control left the contract's known timelock.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    emitter: Address
    change: ControlChange
    old: str | None = None
    new: str | None = None
    role: str | None = None
    account: Address | None = None
    escaped: bool = False
    seen_by: ControlSeen = ControlSeen.LOG


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderFrozen:
    """A token's issuer froze a watched holder, lifted that (`frozen` false), or destroyed what it held (`destroyed`, units).

    `pools` are the watched pools whose tokens the holder keeps, at most eight; `wallets` are venues with the asset whose hot
    wallet it is.
    """

    place: Place
    seen_at: datetime
    event_id: str
    token: Address
    holder: Address
    frozen: bool
    destroyed: int | None = None
    seen_by: ControlSeen = ControlSeen.LOG
    pools: tuple[Address, ...] = ()
    wallets: tuple[tuple[str, str], ...] = ()
    token_names: tuple[TokenName, ...] = ()
