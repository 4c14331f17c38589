"""Finds who can change a proxy, from the proxy outwards, and how long a change must wait. Pure.

A controller is classified by its answers: a timelock by its delay (OpenZeppelin's getMinDelay, Compound's delay), a Safe by
its threshold, a contract by its owner, an account by the absence of code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chain.blocks.abi import address_of
from chain.blocks.reads import UNKNOWN_FUNCTION, CallBytes, CallWord, StateRead
from chain.blocks.standards import NOBODY
from chain.control.getters import SIGNERS, WHOLE
from chain.events import Address, Role
from chain.proxies.kind import ProxyKind

OWNER, ADMIN, MIN_DELAY, DELAY = "0x8da5cb5b", "0xf851a440", "0xf27a0c92", "0x6a42b8f8"
THRESHOLD, AUTHORITY = "0xe75235b8", "0xbf7e214f"
PROFILE = (OWNER, ADMIN, AUTHORITY, MIN_DELAY, DELAY, THRESHOLD, UNKNOWN_FUNCTION)
MAX_DELAY_S = 100 * 365 * 86_400
MAX_HOPS = 4
DECIDING = (Role.ADMIN, Role.KERNEL, Role.FACTORY)
"""The roles that can change a proxy, the nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Holds an address that can change the proxy or a nearer controller. A timelock has `delay_s`, a Safe `threshold`."""

    address: Address
    what: str
    delay_s: int | None = None
    threshold: int | None = None


def profile(address: Address) -> tuple[CallWord | CallBytes, ...]:
    """Return the reads that classify an address, and name its owner, admin, authority and signers."""
    return (*(CallWord(address, body) for body in PROFILE), CallBytes(address, WHOLE[SIGNERS]))


def controllers(
    address: Address,
    kind: ProxyKind | None,
    roles: Mapping[Role, Address],
    state: StateRead,
    codes: Mapping[Address, bytes],
) -> tuple[tuple[Controller, ...], int | None]:
    """Return the known chain of controllers, and the delay in seconds on the way: 0 for none, None if not known."""
    if kind is None or kind.fixed:
        return (), None
    found: list[Controller] = []
    at: Address | None = address if kind.by_itself else _start(address, roles, state)
    while at is not None and len(found) < MAX_HOPS and at not in {one.address for one in found}:
        one = classified(at, state, codes)
        found.append(one)
        at = _address(state, at, OWNER) if one.what == "contract" else None
    if not found or found[-1].what in ("contract", "unread"):
        return tuple(found), None
    return tuple(found), next((one.delay_s for one in found if one.delay_s is not None), 0)


def _start(address: Address, roles: Mapping[Role, Address], state: StateRead) -> Address | None:
    """Return the admin (or kernel, or factory) that the proxy names, else the owner of its beacon, else its own owner."""
    for role in DECIDING:
        if role in roles:
            return roles[role]
    return _address(state, roles.get(Role.BEACON, address), OWNER)


def classified(address: Address, state: StateRead, codes: Mapping[Address, bytes]) -> Controller:
    """What an address is, by its code and its answers."""
    if address == NOBODY:
        return Controller(address=address, what="nobody")
    code = codes.get(address)
    if not code or code.startswith(b"\xef\x01\x00"):
        return Controller(address=address, what="unread" if code is None else "account")
    delay_s = state.get(CallWord(address, MIN_DELAY))
    if delay_s is None and CallWord(address, ADMIN) in state:
        delay_s = state.get(CallWord(address, DELAY))
    if delay_s is not None and delay_s <= MAX_DELAY_S:
        return Controller(address=address, what="timelock", delay_s=delay_s)
    threshold = state.get(CallWord(address, THRESHOLD))
    if threshold is not None and 0 < threshold < 1 << 32:
        return Controller(address=address, what="safe", threshold=threshold)
    return Controller(address=address, what="contract")


def _address(state: StateRead, at: Address, body: str) -> Address | None:
    word = state.get(CallWord(at, body))
    return address_of(word) if word is not None and word < 1 << 160 else None
