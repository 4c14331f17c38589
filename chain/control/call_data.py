"""Opens call data: through envelopes (batches, multisig, timelocks, governors) down to the code changes it would make.

A call is a target and bytes. Envelopes nest, so opening is recursive and bounded in depth, in calls and in bytes copied:
call data is untrusted. Call data that cannot be read opens to nothing. Sources: for the selectors OpenZeppelin Contracts
4.9.6 and 5.x, Safe 1.3.0, Compound; for the layouts the Solidity ABI specification. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chain.blocks.abi import Unreadable, Words, address_of, keccak, selector_of
from chain.events import Address, Role

MAX_DEPTH = 8
MAX_CALLS = 256
MAX_BYTES = 1 << 20
"""Bytes opened in all: nested envelopes may point at the same bytes again and again."""


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """`body` is what is sent to `target`: a 4-byte selector and its arguments."""

    target: Address
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """The change a call would make: `target` runs `new` in this role from then on. `new` is None where the call does not name it.

    Roles: implementation, beacon, facet, pending (announced by another step, Unitroller), admin.
    """

    target: Address
    new: Address | None
    role: Role = Role.IMPLEMENTATION


def signed_call(target: Address, signature: bytes, body: bytes) -> DecodedCall:
    """The call of a Compound-style queue, where `signature` may be empty; then `body` begins with the selector."""
    if not signature:
        return DecodedCall(target, body)
    return DecodedCall(target, keccak(signature)[:4] + body)


def _one(args: Words) -> Iterator[DecodedCall]:
    """(address target, uint256 value, bytes body, …): schedule, execute, execTransaction, relay, execTransactionFromModule."""
    yield DecodedCall(args.address(0), args.text(2))


def _plain(args: Words) -> Iterator[DecodedCall]:
    """(address target, bytes body, …): AccessManager's schedule and execute, functionCall."""
    yield DecodedCall(args.address(0), args.text(1))


def _batch(args: Words) -> Iterator[DecodedCall]:
    """(address[] targets, uint256[] values, bytes[] bodies, …): scheduleBatch, executeBatch, propose."""
    length, targets = args.array(0)
    _, bodies = args.array(2)
    for number in range(length):
        yield DecodedCall(targets.address(number), bodies.text(number))


def _signed(args: Words) -> Iterator[DecodedCall]:
    """(address target, uint256 value, string signature, bytes body, uint256 eta): Compound's queue and execute."""
    yield signed_call(args.address(0), args.text(2), args.text(3))


def signed_batch(args: Words, first: int = 0) -> Iterator[DecodedCall]:
    """(address[] targets, uint256[] values, string[] signatures, bytes[] bodies, …) from argument `first` on."""
    length, targets = args.array(first)
    _, signatures = args.array(first + 2)
    _, bodies = args.array(first + 3)
    for number in range(length):
        yield signed_call(targets.address(number), signatures.text(number), bodies.text(number))


def _multi_send(args: Words) -> Iterator[DecodedCall]:
    """Safe's packed batch: operation (1 byte), target (20), value (32), length (32), body, and so on."""
    packed, at = args.text(0), 0
    while at + 85 <= len(packed):
        target = address_of(int.from_bytes(packed[at + 1 : at + 21], "big"))
        size = int.from_bytes(packed[at + 53 : at + 85], "big")
        if at + 85 + size > len(packed):
            raise Unreadable("a packed call beyond the end")
        yield DecodedCall(target, packed[at + 85 : at + 85 + size])
        at += 85 + size


def _aggregate(args: Words) -> Iterator[DecodedCall]:
    """((address target, bytes body)[]): Multicall's aggregate."""
    length, calls = args.array(0)
    for number in range(length):
        one = calls.inner(number)
        yield DecodedCall(one.address(0), one.text(1))


def _aggregate3(args: Words) -> Iterator[DecodedCall]:
    """((address target, bool, bytes body)[]): Multicall3's aggregate3; with (address, uint256, bytes) executeBatch."""
    length, calls = args.array(0)
    for number in range(length):
        one = calls.inner(number)
        yield DecodedCall(one.address(0), one.text(2))


ENVELOPES: Mapping[str, Callable[[Words], Iterator[DecodedCall]]] = {
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)": _one,
    "execute(address,uint256,bytes,bytes32,bytes32)": _one,
    "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)": _batch,
    "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)": _batch,
    "queueTransaction(address,uint256,string,bytes,uint256)": _signed,
    "executeTransaction(address,uint256,string,bytes,uint256)": _signed,
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": _one,
    "execTransactionFromModule(address,uint256,bytes,uint8)": _one,
    "multiSend(bytes)": _multi_send,
    "propose(address[],uint256[],bytes[],string)": _batch,
    "propose(address[],uint256[],string[],bytes[],string)": signed_batch,
    "execute(address[],uint256[],bytes[],bytes32)": _batch,
    "queue(address[],uint256[],bytes[],bytes32)": _batch,
    "relay(address,uint256,bytes)": _one,
    "execute(address,uint256,bytes)": _one,
    "execute(address,bytes)": _plain,
    "schedule(address,bytes,uint48)": _plain,
    "executeBatch((address,uint256,bytes)[])": _aggregate3,
    "aggregate((address,bytes)[])": _aggregate,
    "aggregate3((address,bool,bytes)[])": _aggregate3,
}
"""By signature, the calls inside a call."""


def _target_to_first(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=call.target, new=args.address(0))


def _first_to_second(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=args.address(0), new=args.address(1))


def _beacon(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=call.target, new=args.address(0), role=Role.BEACON)


def _admin(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=call.target, new=args.address(0), role=Role.ADMIN)


def _admin_of_first(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=args.address(0), new=args.address(1), role=Role.ADMIN)


def _pending(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=call.target, new=args.address(0), role=Role.PENDING)


def _accepted(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    yield Foreseen(target=call.target, new=None)


def _become(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    """Compound's Comptroller._become(unitroller), called on the new code: it accepts itself."""
    yield Foreseen(target=args.address(0), new=call.target)


def _cut(call: DecodedCall, args: Words) -> Iterator[Foreseen]:
    """EIP-2535: each facet added or replaced; a cut that only removes names no new code."""
    length, cuts = args.array(0)
    facets = [(cuts.inner(number).address(0), cuts.inner(number).word(1)) for number in range(length)]
    added = list(dict.fromkeys(facet for facet, action in facets if action != 2))
    for facet in added:
        yield Foreseen(target=call.target, new=facet, role=Role.FACET)
    if not added:
        yield Foreseen(target=call.target, new=None, role=Role.FACET)


CHANGES: Mapping[str, Callable[[DecodedCall, Words], Iterator[Foreseen]]] = {
    "upgradeTo(address)": _target_to_first,
    "upgradeToAndCall(address,bytes)": _target_to_first,
    "upgrade(address,address)": _first_to_second,
    "upgradeAndCall(address,address,bytes)": _first_to_second,
    "upgradeBeaconToAndCall(address,bytes)": _beacon,
    "setBeacon(address,bytes)": _beacon,
    "diamondCut((address,uint8,bytes4[])[],address,bytes)": _cut,
    "_setPendingImplementation(address)": _pending,
    "_acceptImplementation()": _accepted,
    "_become(address)": _become,
    "_setImplementation(address)": _target_to_first,
    "_setImplementation(address,bool,bytes)": _target_to_first,
    "setImplementation(address)": _target_to_first,
    "changeMasterCopy(address)": _target_to_first,
    "updateImplementation(address)": _target_to_first,
    "updateAndCall(address,bytes)": _target_to_first,
    "updateCode(address)": _target_to_first,
    "setTarget(address)": _target_to_first,
    "changeImplementation(address)": _target_to_first,
    "changeAdmin(address)": _admin,
    "changeProxyAdmin(address,address)": _admin_of_first,
}
"""By signature, the code changes a call makes itself."""

_ENVELOPES = {selector_of(signature): opened for signature, opened in ENVELOPES.items()}
_CHANGES = {selector_of(signature): change for signature, change in CHANGES.items()}


def opened(target: Address, body: bytes) -> tuple[DecodedCall, ...]:
    """A call and all calls inside it, outermost first, at most `MAX_CALLS`."""
    found: list[DecodedCall] = []
    waiting = [(0, DecodedCall(target, body))]
    left = MAX_BYTES
    while waiting and len(found) < MAX_CALLS:
        depth, call = waiting.pop(0)
        left -= len(call.body)
        if left < 0:
            break
        found.append(call)
        envelope = _ENVELOPES.get(call.body[:4])
        if envelope is not None and depth < MAX_DEPTH:
            waiting += [(depth + 1, one) for one in _read(envelope, Words(call.body[4:]))]
    return tuple(found)


def foreseen(target: Address, body: bytes) -> tuple[Foreseen, ...]:
    """The code changes a call would make, through every envelope, each once; none where it makes none we know."""
    found: dict[Foreseen, None] = {}
    for call in opened(target, body):
        change = _CHANGES.get(call.body[:4])
        if change is not None:
            args = Words(call.body[4:])
            try:
                found.update(dict.fromkeys(change(call, args)))
            except Unreadable:
                continue
    return tuple(found)


def _read(envelope: Callable[[Words], Iterator[DecodedCall]], args: Words) -> list[DecodedCall]:
    try:
        return [one for one, _ in zip(envelope(args), range(MAX_CALLS), strict=False)]
    except Unreadable:
        return []
