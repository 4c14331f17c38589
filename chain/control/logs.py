"""Reads the logs that report a change of control over the contract that emits them: one reader for each signature. Pure.

Sources of the topics: OpenZeppelin Contracts 4.9.6 and 5.x, Safe 1.3.0, Compound (Comptroller.sol); USDC and USDT for Pause() and
Unpause(), USDT (TetherToken.sol) for Deprecate; Chainlink's AggregatorProxy.sol (0.8) for its aggregator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.events.control import ControlChange
from chain.events.place import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChange:
    """The change that one log reports; the values are addresses or decimal figures."""

    change: ControlChange
    old: str | None = None
    new: str | None = None
    role: str | None = None
    account: Address | None = None


MAX_NAME = 32
"""Characters of an action's name."""
Reader = Callable[[Log], LoggedChange]


def _moved(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, old=log.address_at(0), new=log.address_at(1))


def _became(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, new=log.address_at(0))


def _figure(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, new=str(log.word(0)))


def _figures(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, old=str(log.word(0)), new=str(log.word(1)))


def _role(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, role=f"0x{log.word(0):064x}", account=log.address_at(1))


def _account(change: ControlChange) -> Reader:
    return lambda log: LoggedChange(change=change, account=log.address_at(0))


def _bare(change: ControlChange) -> Reader:
    return lambda _: LoggedChange(change=change)


def _role_admin(log: Log) -> LoggedChange:
    role, old, new = (f"0x{log.word(position):064x}" for position in range(3))
    return LoggedChange(change=ControlChange.ROLE_ADMIN, role=role, old=old, new=new)


def _action(before: int) -> Reader:
    """ActionPaused: after so many arguments (the market), the action's name and whether it is paused."""

    def read(log: Log) -> LoggedChange:
        paused = bool(log.word(before + 1))
        length = min(int.from_bytes(log.body[32 * (before + 2) :][:32], "big"), MAX_NAME)
        name = log.body[32 * (before + 3) :][:length].decode("ascii", "replace")
        change = ControlChange.ACTION_PAUSED if paused else ControlChange.ACTION_RESUMED
        return LoggedChange(change=change, new=name, account=log.address_at(0) if before else None)

    return read


def _target(log: Log) -> LoggedChange:
    change = ControlChange.TARGET_CLOSED if log.word(1) else ControlChange.TARGET_OPENED
    return LoggedChange(change=change, account=log.address_at(0))


READERS: Mapping[str, Reader] = {
    "OwnershipTransferred(address,address)": _moved(ControlChange.OWNER),
    "OwnershipTransferStarted(address,address)": _moved(ControlChange.OWNER_PENDING),
    "AuthorityUpdated(address)": _became(ControlChange.ADMIN),
    "NewAdmin(address)": _became(ControlChange.ADMIN),
    "NewAdmin(address,address)": _moved(ControlChange.ADMIN),
    "NewPendingAdmin(address)": _became(ControlChange.ADMIN_PENDING),
    "NewPendingAdmin(address,address)": _moved(ControlChange.ADMIN_PENDING),
    "DefaultAdminTransferScheduled(address,uint48)": _became(ControlChange.ADMIN_PENDING),
    "RoleGranted(bytes32,address,address)": _role(ControlChange.ROLE_GRANTED),
    "RoleGranted(uint64,address,uint32,uint48,bool)": _role(ControlChange.ROLE_GRANTED),
    "RoleRevoked(bytes32,address,address)": _role(ControlChange.ROLE_REVOKED),
    "RoleRevoked(uint64,address)": _role(ControlChange.ROLE_REVOKED),
    "RoleAdminChanged(bytes32,bytes32,bytes32)": _role_admin,
    "MinDelayChange(uint256,uint256)": _figures(ControlChange.DELAY),
    "DelayUpdate(uint256,uint256)": _figures(ControlChange.DELAY),
    "NewDelay(uint256)": _figure(ControlChange.DELAY),
    "NewDelay(uint256,uint256)": _figures(ControlChange.DELAY),
    "AddedOwner(address)": _account(ControlChange.SIGNER_ADDED),
    "RemovedOwner(address)": _account(ControlChange.SIGNER_REMOVED),
    "ChangedThreshold(uint256)": _figure(ControlChange.THRESHOLD),
    "EnabledModule(address)": _account(ControlChange.MODULE_ENABLED),
    "DisabledModule(address)": _account(ControlChange.MODULE_DISABLED),
    "ChangedGuard(address)": _became(ControlChange.GUARD),
    "ChangedFallbackHandler(address)": _became(ControlChange.FALLBACK),
    "Paused(address)": _account(ControlChange.PAUSED),
    "Unpaused(address)": _account(ControlChange.UNPAUSED),
    "Pause()": _bare(ControlChange.PAUSED),
    "Unpause()": _bare(ControlChange.UNPAUSED),
    "Deprecate(address)": _became(ControlChange.DEPRECATED),
    "AggregatorProposed(address,address)": _moved(ControlChange.AGGREGATOR_PENDING),
    "AggregatorConfirmed(address,address)": _moved(ControlChange.AGGREGATOR),
    "ActionPaused(string,bool)": _action(0),
    "ActionPaused(address,string,bool)": _action(1),
    "TargetClosed(address,bool)": _target,
    "Initialized(uint8)": _figure(ControlChange.INITIALIZED),
    "Initialized(uint64)": _figure(ControlChange.INITIALIZED),
}
"""By the event's signature: its reader. Arguments count in declaration order, indexed or not."""

BY_TOPIC = {topic_of(signature): reader for signature, reader in READERS.items()}
