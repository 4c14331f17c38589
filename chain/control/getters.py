"""Reads who controls a contract from its getters in each block, so that a change without a log is seen. Pure.

The first reading of an address asks all getters, and again after its target has changed; later readings ask only those that
answered. If a getter changes to a value that a log has reported since the last reading, the log explains the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallBytes, CallWord, SlotWord, StateRead
from chain.events.control import ControlChange
from chain.events.place import Address

MAX_ADDRESS = (1 << 160) - 1
MAX_FIGURE = 1 << 64
MAX_LISTED = 64
"""Signers or modules; a longer list is not followed."""
WORD = 32

OWNER, ADMIN, THRESHOLD, SIGNERS = "owner", "admin", "threshold", "signers"
MODULES, GUARD, FALLBACK, DELAY, OLD_DELAY, PAUSED = "modules", "guard", "fallback", "min_delay", "delay", "paused"
AUTHORITY, DEPRECATED, AGGREGATOR, PROPOSED = "authority", "deprecated", "aggregator", "proposed_aggregator"
TRADING_OPEN, TRADING_ENABLED, TRADING_ACTIVE = "trading_open", "trading_enabled", "trading_active"
TRANSFER_PAUSED, SEIZE_PAUSED = "transfer_paused", "seize_paused"
ADDRESSES = frozenset({OWNER, ADMIN, GUARD, FALLBACK, AUTHORITY, AGGREGATOR, PROPOSED})
LISTS = frozenset({SIGNERS, MODULES})
FLAGS: Mapping[str, tuple[ControlChange, ControlChange]] = {
    PAUSED: (ControlChange.UNPAUSED, ControlChange.PAUSED),
    DEPRECATED: (ControlChange.UNPAUSED, ControlChange.DEPRECATED),
    TRADING_OPEN: (ControlChange.TRADING_CLOSED, ControlChange.TRADING_OPENED),
    TRADING_ENABLED: (ControlChange.TRADING_CLOSED, ControlChange.TRADING_OPENED),
    TRADING_ACTIVE: (ControlChange.TRADING_CLOSED, ControlChange.TRADING_OPENED),
    TRANSFER_PAUSED: (ControlChange.ACTION_RESUMED, ControlChange.ACTION_PAUSED),
    SEIZE_PAUSED: (ControlChange.ACTION_RESUMED, ControlChange.ACTION_PAUSED),
}
"""Getters that answer 0 or 1, and the change to each."""
ACTIONS = {TRANSFER_PAUSED: "Transfer", SEIZE_PAUSED: "Seize"}
"""As Compound's Comptroller names them in its logs."""
SAFES_OWN = frozenset({SIGNERS, MODULES, GUARD, FALLBACK})
"""Read only of an address that answers with a threshold."""

BODIES = {
    OWNER: "0x8da5cb5b",  # owner()
    ADMIN: "0xf851a440",  # admin()
    THRESHOLD: "0xe75235b8",  # getThreshold()
    DELAY: "0xf27a0c92",  # getMinDelay()
    OLD_DELAY: "0x6a42b8f8",  # delay()
    PAUSED: "0x5c975abb",  # paused()
    AUTHORITY: "0xbf7e214f",  # authority()
    DEPRECATED: "0x0e136b19",  # deprecated()
    AGGREGATOR: "0x245a7bfc",  # aggregator()
    PROPOSED: "0xe8c4be30",  # proposedAggregator()
    TRADING_OPEN: "0xffb54a99",  # tradingOpen()
    TRADING_ENABLED: "0x4ada218b",  # tradingEnabled()
    TRADING_ACTIVE: "0xbbc0c742",  # tradingActive()
    TRANSFER_PAUSED: "0x87f76303",  # transferGuardianPaused()
    SEIZE_PAUSED: "0xac0b0bb7",  # seizeGuardianPaused()
}
WHOLE = {
    SIGNERS: "0xa0e67e2b",  # getOwners()
    MODULES: f"0xcc2f8452{1:064x}{10:064x}",  # getModulesPaginated(address,uint256)
}
SLOTS = {
    GUARD: 0x4A204F620C8C5CCDCA3FD54D003BADD85BA500436A431F0CBDA4F558C93C34C8,
    FALLBACK: 0x6C9A6C4A39284E37ED1CF53D337577D14212A4870FB976A4366C693B939918D5,
}
"""Safe's, from version 1.3: keccak("guard_manager.guard.address"), keccak("fallback_manager.handler.address")."""

KEYS: Mapping[ControlChange, Sequence[str]] = {
    ControlChange.OWNER: (OWNER,),
    ControlChange.ADMIN: (ADMIN, AUTHORITY),
    ControlChange.THRESHOLD: (THRESHOLD,),
    ControlChange.DELAY: (DELAY, OLD_DELAY),
    ControlChange.PAUSED: (PAUSED,),
    ControlChange.UNPAUSED: (PAUSED,),
    ControlChange.DEPRECATED: (DEPRECATED,),
    ControlChange.AGGREGATOR: (AGGREGATOR,),
    ControlChange.AGGREGATOR_PENDING: (PROPOSED,),
    ControlChange.ACTION_PAUSED: (TRANSFER_PAUSED, SEIZE_PAUSED),
    ControlChange.ACTION_RESUMED: (TRANSFER_PAUSED, SEIZE_PAUSED),
    ControlChange.GUARD: (GUARD,),
    ControlChange.FALLBACK: (FALLBACK,),
    ControlChange.SIGNER_ADDED: (SIGNERS,),
    ControlChange.SIGNER_REMOVED: (SIGNERS,),
    ControlChange.MODULE_ENABLED: (MODULES,),
    ControlChange.MODULE_DISABLED: (MODULES,),
}
"""The getters that show a logged change."""
CHANGES = {key: change for change, keys in KEYS.items() for key in keys if key not in LISTS and key not in FLAGS}
FLAGGED = {change: str(at) for changes in FLAGS.values() for at, change in enumerate(changes)}
"""The answer of a flag after each of its changes."""
GAINED = {SIGNERS: ControlChange.SIGNER_ADDED, MODULES: ControlChange.MODULE_ENABLED}
LOST = {SIGNERS: ControlChange.SIGNER_REMOVED, MODULES: ControlChange.MODULE_DISABLED}

Value = str | tuple[str, ...]
"""A getter's answer: an address, a decimal figure or, of `LISTS`, the addresses in the order of their digits."""


class LoggedValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A getter's new answer by a log: this `value`, or a list that has gained or lost an address."""

    value: str | None = None
    gained: str | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlogged:
    """A change that no log reported."""

    change: ControlChange
    old: str | None = None
    new: str | None = None
    account: Address | None = None


def getter_read(address: Address, key: str) -> SlotWord | CallWord | CallBytes:
    """The read of this getter of this address."""
    if key in SLOTS:
        return SlotWord(address, SLOTS[key])
    return CallBytes(address, WHOLE[key]) if key in WHOLE else CallWord(address, BODIES[key])


def first_reads(address: Address) -> Iterator[AnyRead]:
    """All reads of an address that has not been read before."""
    yield CallWord(address, UNKNOWN_FUNCTION)
    for key in (*BODIES, *WHOLE, *SLOTS):
        yield getter_read(address, key)


def first_answers(address: Address, state: StateRead) -> dict[str, Value]:
    """The answers to these reads, by getter; none of a contract that answers any call."""
    if CallWord(address, UNKNOWN_FUNCTION) in state:
        return {}
    found = {key: value for key in (*BODIES, *WHOLE, *SLOTS) if (value := answer_of(address, key, state)) is not None}
    return found if THRESHOLD in found else {key: value for key, value in found.items() if key not in SAFES_OWN}


def answer_of(address: Address, key: str, state: StateRead) -> Value | None:
    """The answer of this getter; None where it was not read or is out of range."""
    getter = getter_read(address, key)
    if isinstance(getter, CallBytes):
        answer = state.get(getter)
        return None if answer is None else _listed(answer)
    word = state.get(getter)
    if word is None:
        return None
    if key in ADDRESSES:
        return address_of(word) if word <= MAX_ADDRESS else None
    return str(word) if word < (2 if key in FLAGS else MAX_FIGURE) else None


def unlogged(
    values: Mapping[str, Value], logged: Mapping[str, Sequence[LoggedValue]], now: Mapping[str, Value]
) -> Iterator[Unlogged]:
    """The changes since the last reading (`values`) that no log since then reported (`logged`), by getter."""
    for key, value in now.items():
        before, reported = values.get(key), logged.get(key, ())
        if before is None or before == value:
            continue
        if isinstance(before, tuple) and isinstance(value, tuple):
            yield from _listed_changes(key, before, value, reported)
        elif isinstance(before, str) and isinstance(value, str) and LoggedValue(value) not in reported:
            last = reported[-1].value if reported else None
            yield _changed(key, before if last is None else last, value)


def logged_value(change: ControlChange, new: str | None, account: Address | None) -> LoggedValue | None:
    """The new answer of a getter by a log of this change; None where the log does not name it."""
    if change in FLAGGED:
        return LoggedValue(FLAGGED[change])
    if change in GAINED.values():
        return LoggedValue(gained=account)
    if change in LOST.values():
        return LoggedValue(lost=account)
    return None if new is None else LoggedValue(new)


def _changed(key: str, old: str, new: str) -> Unlogged:
    if key in FLAGS:
        return Unlogged(change=FLAGS[key][int(new)], new=ACTIONS.get(key))
    return Unlogged(change=CHANGES[key], old=old, new=new)


def _listed_changes(
    key: str, before: Sequence[str], now: Sequence[str], reported: Sequence[LoggedValue]
) -> Iterator[Unlogged]:
    gained = [one for one in sorted({*now} - {*before}) if LoggedValue(gained=one) not in reported]
    lost = [one for one in sorted({*before} - {*now}) if LoggedValue(lost=one) not in reported]
    yield from (Unlogged(change=GAINED[key], account=Address(one)) for one in gained)
    yield from (Unlogged(change=LOST[key], account=Address(one)) for one in lost)


def _listed(answer: bytes) -> tuple[str, ...] | None:
    """The list of addresses that is the first argument of an answer; None where it is no such list, or too long."""
    start = int.from_bytes(answer[:WORD], "big")
    count = int.from_bytes(answer[start : start + WORD], "big")
    body = answer[start + WORD : start + WORD * (count + 1)] if count <= MAX_LISTED else b""
    words = [int.from_bytes(body[at : at + WORD], "big") for at in range(0, len(body), WORD)]
    if len(answer) < 2 * WORD or count > MAX_LISTED or len(body) != count * WORD or max(words, default=0) > MAX_ADDRESS:
        return None
    return tuple(sorted(address_of(word) for word in words))
