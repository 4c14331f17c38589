"""Defines the events about the code that a contract runs: upgraded, queued, ended, compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import Address, Place
from chain.events.roles import Role


class SeenBy(StrEnum):
    """Which of the three layers (log, state, behaviour) saw a change of code; see `docs/proxies.md`, "Silent changes"."""

    LOG = "log"
    SLOT = "slot"
    CODE = "code"
    TRACE = "trace"
    BEHAVIOUR = "behaviour"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractUpgraded:
    """A proxy's implementation, beacon or admin (`role`) changed from `old` to `new`, or its code hash did.

    `operation` names the timelock operation that carried it, where one is known; `queued` is whether the change
    was announced there (None: no timelock of the contract is known, or it is not known). `gained` and `lost` are
    selectors of a diamond's `facet`: those that `new` serves from here on and that `old` no longer serves; empty for
    other roles. `holder` is the contract further down its path to the last code whose slot or code changed (None: the
    contract itself, or its declared beacon). A CodeCompared follows with the difference between the codes.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    proxy_kind: str
    role: Role
    old: str | None
    new: str
    seen_by: SeenBy
    operation: str | None = None
    queued: bool | None = None
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    holder: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeSaid:
    """A log said that `contract` runs `said` in this role from here on, and the state of the same block shows that it does not:
    said, not done.

    `held` is what the role holds there instead (None: no place of that role holds an address, as in a contract that is no
    proxy). Where the state could not be read with the log, it is told with the first state that contradicts it.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    proxy_kind: str
    role: Role
    said: Address
    held: str | None


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
class CodeChange:
    """How two codes differ. A field is None if it is not known: no node gave the code, or not in time.

    `gained` and `lost` are selectors that only the new or only the old code answers (of a diamond's facet: that it serves
    from here on, or no longer), `signatures` those of them whose
    argument types could be inferred ("0xa9059cbb(address,uint256)"). Sizes are in bytes; a `new_size` of 0 means that
    there is no code: every call does nothing. `layout` are hints, not proof (None: storage was not read).
    `links` are the pages of verified source of the new code, if there is any.
    """

    old_size: int | None
    new_size: int | None
    gained: tuple[str, ...] | None
    lost: tuple[str, ...] | None
    signatures: tuple[str, ...] = ()
    layout: tuple[LayoutHint, ...] | None = None
    old_compiler: str | None = None
    new_compiler: str | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCompared:
    """The difference that the upgrade `upgrade_id` made; it comes later, because reading code takes time.

    One follows each upgrade of code, with its place, before anything of the next block. `role`, `old` and `new` are the
    upgrade's. Where the codes were not compared (no node gave them, or one block had more upgrades than are compared) all of
    `change` is None.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    role: Role
    old: str | None
    new: str
    upgrade_id: str
    change: CodeChange


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutHint:
    """A sign, inferred from bytecode, that the new code reads storage in another way: byte `offset` of `slot` ("0x…").

    `old` and `new` are the inferred types there, or, where something moved, the places.
    """

    slot: str
    offset: int
    old: str
    new: str
    said: str
