"""Finds who has power over an address, and over those who have it, up to the last holder: owners, admins, roles, signers. Pure.

Powers form a tree: each `Authority` names the address that it rules (`over`) and by what. A power that cannot change the code
(a pauser, an executor that only runs what was queued) is told, but does not decide. Whoever can change it with the least
effort stands in `Decider`: the shortest delay, then the fewest keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from chain.blocks.abi import address_of
from chain.blocks.reads import CallWord, StateRead
from chain.blocks.standards import NOBODY
from chain.control.getters import SIGNERS, answer_of
from chain.control.roles import Grant, delay_s_of, held
from chain.events import Address, Role
from chain.inspection.controllers import ADMIN, AUTHORITY, DECIDING, OWNER, classified
from chain.inspection.what_it_is import what_code_is
from chain.proxies.kind import MIN_ADDRESS, ProxyKind

MAX_AUTHORITIES = 48
MAX_DEPTH = 6
"""Powers from the inspected address to the last holder."""
ENDS = frozenset({"account", "nobody", "safe", "unread", "anyone"})
"""What has no holder above it; a Safe has its signers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An address with power over another one (`over`): by being its owner, admin or authority, or by a role's name.

    `depth` counts from the inspected address, 0 first. `decides`: by this power the code of the inspected address can be
    changed (of a contract that is no proxy: it can be ruled). `what`: account, contract, nobody, anyone, safe, timelock,
    access_manager, governor, proxy_admin, beacon, unread. A timelock has `delay_s`; a Safe `threshold` and `signers`.
    `again`: it stands above already, with what rules it.
    """

    address: Address
    over: Address
    by: str
    depth: int
    what: str
    decides: bool = True
    delay_s: int | None = None
    threshold: int | None = None
    signers: tuple[Address, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """The last holder who needs least to change the inspected address. `what` as of an authority; `keys` must sign (None: not
    known), and it takes `delay_s` from the first announcement (0: at once; None: not known).
    """

    address: Address | None
    what: str
    keys: int | None
    delay_s: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """All answers so far: state, codes, and the grants of roles by contract."""

    state: StateRead
    codes: Mapping[Address, bytes]
    grants: Mapping[Address, Sequence[Grant]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Power:
    holder: Address
    by: str
    decides: bool
    delay_s: int | None = None


def authorities(
    address: Address, kind: ProxyKind | None, roles: Mapping[Role, Address], known: Known
) -> tuple[Authority, ...]:
    """Everyone with power over the address, each before those who have power over him, nearest first."""
    found: list[Authority] = []
    seen = {address}

    def climb(over: Address, powers: Sequence[_Power], depth: int, decides: bool) -> None:
        for power in powers:
            if len(found) >= MAX_AUTHORITIES:
                return
            one = _authority(power, over, depth, known, decides=decides and power.decides, again=power.holder in seen)
            found.append(one)
            if one.again or one.what in ENDS or depth + 1 >= MAX_DEPTH:
                continue
            seen.add(one.address)
            climb(one.address, list(_powers(one.address, one.what, known)), depth + 1, one.decides)

    climb(address, list(_over_first(address, kind, roles, known)), 0, True)
    return tuple(found)


def decider(found: Sequence[Authority], own_delay_s: int | None = None) -> Decider | None:
    """The last holder who needs least; None where nobody is known to have power over the address.

    `own_delay_s` is the delay of the inspected address itself, if it is a timelock.
    """
    return min(_ends(found, own_delay_s or 0), key=_effort, default=None)


def _effort(one: Decider) -> tuple[int, int, int]:
    """Known holders first, then those of whom it is not known what they need, then nobody."""
    rank = 2 if one.what == "nobody" else 1 if one.keys is None or one.delay_s is None else 0
    return rank, one.delay_s or 0, one.keys or 0


def _ends(found: Sequence[Authority], own_delay_s: int) -> Iterator[Decider]:
    path: list[Authority] = []
    for at, one in enumerate(found):
        path = [*path[: one.depth], one]
        above = takewhile(lambda later, depth=one.depth: later.depth > depth, found[at + 1 :])  # type: ignore[misc]
        if not one.decides or one.again or any(later.decides and not later.again for later in above):
            continue
        keys = 0 if one.what in ("nobody", "anyone") else 1 if one.what == "account" else one.threshold
        unclear = any(step.what == "timelock" and step.delay_s is None for step in path)
        delay_s = max((step.delay_s or 0 for step in path), default=0)
        known = keys is not None and not unclear
        yield Decider(
            address=one.address, what=one.what, keys=keys, delay_s=max(delay_s, own_delay_s) if known else None
        )


def _over_first(
    address: Address, kind: ProxyKind | None, roles: Mapping[Role, Address], known: Known
) -> Iterator[_Power]:
    """The powers over the inspected address itself: of a proxy first the one that its kind names."""
    changeable = kind is not None and not kind.fixed
    named = next((role for role in DECIDING if role in roles), None) if changeable else None
    beacon = roles.get(Role.BEACON) if changeable and named is None else None
    if named is not None:
        yield _Power(roles[named], named.value, True)
    if beacon is not None:
        for power in _powers(beacon, "beacon", known):
            yield replace(power, by=f"{power.by} of the beacon")
    own = kind is None or (changeable and named is None and beacon is None)  # else it rules what the code does only
    what = _what(address, known)
    if kind is not None and what in ("safe", "account"):
        yield _Power(address, "its own keys", own)
        return
    for power in _powers(address, what, known):
        if named is None or power.holder != roles[named]:
            yield replace(power, decides=power.decides and own)


def _powers(at: Address, what: str, known: Known) -> Iterator[_Power]:
    """The powers over an address: owner, admin, authority, then roles by holder."""
    by_holder: dict[Address, list[Grant]] = {}
    for body, by in ((OWNER, "owner"), (AUTHORITY, "authority"), (ADMIN, "admin")):
        holder = _named(known.state, at, body)
        if holder is not None and (body != ADMIN or what == "timelock"):
            yield _Power(holder, by, True)
    for grant in known.grants.get(at, ()):
        if held(grant, known.state):
            by_holder.setdefault(grant.account, []).append(grant)
    for holder, grants in by_holder.items():
        waits = [delay_s_of(one, known.state) for one in grants]
        delay_s = min((one or 0 for one in waits), default=0) if any(waits) else None
        yield _Power(holder, ", ".join(one.name for one in grants), any(one.rules for one in grants), delay_s)


def _named(state: StateRead, at: Address, body: str) -> Address | None:
    """The address that this getter answers; nobody for zero."""
    word = state.get(CallWord(at, body))
    return address_of(word) if word is not None and (word == 0 or MIN_ADDRESS <= word < 1 << 160) else None


def _what(address: Address, known: Known) -> str:
    found = classified(address, known.state, known.codes)
    code = known.codes.get(address, b"")
    return what_code_is(code) or "contract" if found.what == "contract" else found.what


def _authority(power: _Power, over: Address, depth: int, known: Known, *, decides: bool, again: bool) -> Authority:
    found = classified(power.holder, known.state, known.codes)
    signers = answer_of(power.holder, SIGNERS, known.state) if found.what == "safe" else None
    what = _what(power.holder, known)
    open_to_all = what == "nobody" and power.by not in ("owner", "admin", "authority")
    return Authority(
        address=power.holder,
        over=over,
        by=power.by,
        depth=depth,
        what="anyone" if open_to_all else what,
        decides=decides,
        delay_s=power.delay_s if found.delay_s is None else found.delay_s,
        threshold=found.threshold,
        signers=tuple(map(Address, signers)) if isinstance(signers, tuple) else (),
        again=again and what not in ENDS,
    )


def to_examine(found: Sequence[Authority], known: Known) -> list[Address]:
    """The holders of which nothing was read yet, nearest first."""
    return list(dict.fromkeys(one.address for one in found if one.address not in known.codes and one.address != NOBODY))
