"""Who stands over a contract, by its getters, read in each block, so that a change without a log is seen. Pure.

Of each address only those getters are read on that answered when it was looked at first (and again when its target
changed). A value that a log told since the last reading is the log's own doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

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
ADDRESSES, FLAGS, LISTS = frozenset({OWNER, ADMIN, GUARD, FALLBACK}), frozenset({PAUSED}), frozenset({SIGNERS, MODULES})
SAFES_OWN = frozenset({SIGNERS, MODULES, GUARD, FALLBACK})
"""Followed of what answers with a threshold alone."""

BODIES = {
    OWNER: "0x8da5cb5b",  # owner()
    ADMIN: "0xf851a440",  # admin()
    THRESHOLD: "0xe75235b8",  # getThreshold()
    DELAY: "0xf27a0c92",  # getMinDelay()
    OLD_DELAY: "0x6a42b8f8",  # delay()
    PAUSED: "0x5c975abb",  # paused()
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
    ControlChange.ADMIN: (ADMIN,),
    ControlChange.THRESHOLD: (THRESHOLD,),
    ControlChange.DELAY: (DELAY, OLD_DELAY),
    ControlChange.PAUSED: (PAUSED,),
    ControlChange.UNPAUSED: (PAUSED,),
    ControlChange.GUARD: (GUARD,),
    ControlChange.FALLBACK: (FALLBACK,),
    ControlChange.SIGNER_ADDED: (SIGNERS,),
    ControlChange.SIGNER_REMOVED: (SIGNERS,),
    ControlChange.MODULE_ENABLED: (MODULES,),
    ControlChange.MODULE_DISABLED: (MODULES,),
}
"""Which getter a logged change shows in."""
CHANGES = {key: change for change, keys in KEYS.items() for key in keys if key not in LISTS}
COME = {SIGNERS: ControlChange.SIGNER_ADDED, MODULES: ControlChange.MODULE_ENABLED}
GONE = {SIGNERS: ControlChange.SIGNER_REMOVED, MODULES: ControlChange.MODULE_DISABLED}

Values = MutableMapping[str, str]
"""By getter: an address, a decimal figure, or addresses joined by commas, in the order of their digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlogged:
    """A change that no log told."""

    change: ControlChange
    old: str | None = None
    new: str | None = None
    account: Address | None = None


def need(address: Address, key: str) -> SlotWord | CallWord | CallBytes:
    """How this getter of this address is read."""
    if key in SLOTS:
        return SlotWord(address, SLOTS[key])
    return CallBytes(address, WHOLE[key]) if key in WHOLE else CallWord(address, BODIES[key])


def look(address: Address) -> Iterator[AnyRead]:
    """All that is asked of an address at first sight."""
    yield CallWord(address, UNKNOWN_FUNCTION)
    for key in (*BODIES, *WHOLE, *SLOTS):
        yield need(address, key)


def looked(address: Address, state: StateRead) -> dict[str, str]:
    """What it answered; nothing of a contract that answers anything."""
    if CallWord(address, UNKNOWN_FUNCTION) in state:
        return {}
    found = {key: value for key in (*BODIES, *WHOLE, *SLOTS) if (value := read(address, key, state)) is not None}
    return found if THRESHOLD in found else {key: value for key, value in found.items() if key not in SAFES_OWN}


def read(address: Address, key: str, state: StateRead) -> str | None:
    """What this getter says there; None where it was not read or says nothing that it may."""
    getter = need(address, key)
    if isinstance(getter, CallBytes):
        answer = state.get(getter)
        return None if answer is None else _listed(answer)
    word = state.get(getter)
    if word is None:
        return None
    if key in ADDRESSES:
        return address_of(word) if word <= MAX_ADDRESS else None
    return str(word) if word < (2 if key in FLAGS else MAX_FIGURE) else None


def unlogged(values: Values, heard: Mapping[str, Sequence[str]], now: Mapping[str, str]) -> Iterator[Unlogged]:
    """What differs from the last reading and no log since then told; `heard` holds, by getter, what logs said it became
    (of a list: "+" or "-" and the address).
    """
    for key, value in now.items():
        before, said = values.get(key), heard.get(key, ())
        if before is None or before == value:
            continue
        if key in LISTS:
            old, new = set(filter(None, before.split(","))), set(filter(None, value.split(",")))
            yield from (_listed_change(COME[key], one) for one in sorted(new - old) if f"+{one}" not in said)
            yield from (_listed_change(GONE[key], one) for one in sorted(old - new) if f"-{one}" not in said)
        elif value not in said:
            yield _changed(key, said[-1] if said else before, value)


def said_of(change: ControlChange, new: str | None, account: Address | None) -> str | None:
    """What a log says a getter became; None where it does not say."""
    if change in (ControlChange.PAUSED, ControlChange.UNPAUSED):
        return str(int(change is ControlChange.PAUSED))
    if change in COME.values():
        return f"+{account}"
    return f"-{account}" if change in GONE.values() else new


def _changed(key: str, old: str, new: str) -> Unlogged:
    if key in FLAGS:
        return Unlogged(change=ControlChange.PAUSED if new == "1" else ControlChange.UNPAUSED)
    return Unlogged(change=CHANGES[key], old=old, new=new)


def _listed_change(change: ControlChange, account: str) -> Unlogged:
    return Unlogged(change=change, account=Address(account))


def _listed(answer: bytes) -> str | None:
    """The first argument of an answer, a list of addresses; None where it is none, or too long."""
    start = int.from_bytes(answer[:WORD], "big")
    count = int.from_bytes(answer[start : start + WORD], "big")
    body = answer[start + WORD : start + WORD * (count + 1)] if count <= MAX_LISTED else b""
    words = [int.from_bytes(body[at : at + WORD], "big") for at in range(0, len(body), WORD)]
    if len(answer) < 2 * WORD or count > MAX_LISTED or len(body) != count * WORD or max(words, default=0) > MAX_ADDRESS:
        return None
    return ",".join(sorted(address_of(word) for word in words))
