"""Defines how a kind of proxy is declared, so that an address can be recognised by declarations. Pure.

A kind names the pattern of its runtime code, the slots and calls that hold the addresses in each role (implementation,
beacon, admin, pending, ...), the logs that report a change of them, and further calls that must answer (proofs).
Slots and calls are read of the proxy itself or, `of` a role, of the address in that role: a beacon answers the
implementation. Kinds are tried by `rank`, the surest and most special first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chain.blocks.reads import CallWord, RunsAs, SlotWord
from chain.events import Address, Role

OWN_ADDRESS = -1
"""The number of a slot that is the proxy's own address (Sequence)."""
MAX_ADDRESS = (1 << 160) - 1
MIN_ADDRESS = 1 << 64
"""Smaller words are counts, flags and times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """A storage slot of the proxy that holds an address.

    `always`: read in every block even when empty at first; `with_table`: only of a contract whose loupe answers. `shared`:
    the number is so low that other contracts may hold anything there, so only recognised proxies are read there, and no
    detector that has not read the code does.
    `proved`: counts only where a call shows that the proxy runs the code of the address found there as its own.
    """

    role: Role
    slot: int
    always: bool = False
    with_table: bool = False
    shared: bool = False
    proved: bool = False

    def read(self, address: Address) -> SlotWord:
        """The read of this slot of this proxy."""
        return SlotWord(address, int(address, 16) if self.slot == OWN_ADDRESS else self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetterSpec:
    """A getter whose first word is an address. `watched`: asked in each block too, not only when inspecting.

    `<own>` in the body is the proxy's address as an argument. `proved`: as with a slot; where the proxy forwards calls
    instead (`forwards`), that the target's code runs in its own name.
    """

    role: Role
    body: str
    of: Role = Role.PROXY
    watched: bool = False
    proved: bool = False
    forwards: bool = False

    def read(self, at: Address, proxy: Address) -> CallWord:
        """The read of this getter of the address that answers."""
        return CallWord(at, self.body.replace("<own>", f"{int(proxy, 16):064x}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpec:
    """A log that reports a new value: its first topic, and which argument it is. Emitted by the proxy, or `of` a role.

    `position` is None where the log names no value. `old` is the argument that holds the value before, where one does.
    `confirmed`: the log may mean something else (another proxy, an owner who is no admin), so that it counts only where
    the state read in its block says the same.
    """

    role: Role
    topic: str
    position: int | None
    of: Role = Role.PROXY
    old: int | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A call that must answer: with one of `words` or, without words, with anything but zero."""

    body: str
    of: Role = Role.PROXY
    words: frozenset[int] = frozenset()

    def holds(self, word: int | None) -> bool:
        """Whether this answer is a proof."""
        return word in self.words if self.words else bool(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyKind:
    """One kind of proxy. `source` is the EIP or repository that defines it.

    `code` is searched in the runtime code (anchor it where the code is fixed); its groups hold the addresses of the roles
    they are named after. `reads` are the roles that must be filled. `fixed`: the target cannot change but with the code.
    `by_itself`: changed by its own call or signature alone (a wallet's owners), not by an admin.
    """

    name: str
    source: str
    rank: int
    code: re.Pattern[bytes] | None = None
    slots: tuple[SlotSpec, ...] = ()
    calls: tuple[GetterSpec, ...] = ()
    logs: tuple[LogSpec, ...] = ()
    proofs: tuple[Proof, ...] = ()
    tables: tuple[str, ...] = ()
    reads: tuple[Role, ...] = (Role.IMPLEMENTATION,)
    fixed: bool = False
    by_itself: bool = False


def code_like(pattern: str) -> re.Pattern[bytes]:
    """The runtime code written in hexadecimal, whole. `<A>`: 20 address bytes; `<P>`: PUSH1 to PUSH20 and as many address
    bytes; `<F>`: the same, of a factory; `??`: any byte; `*`: any bytes or none.
    """
    marks = {
        "<F>": b"[\x60-\x73](?P<factory>.{1,20})",
        "<A>": b"(?P<implementation>.{20})",
        "<P>": b"[\x60-\x73](?P<implementation>.{1,20})",
        "??": b".",
        "*": b".*",
    }
    parts = (marks.get(part) or re.escape(bytes.fromhex(part)) for part in re.split(r"(<A>|<P>|<F>|\?\?|\*)", pattern))
    return re.compile(rb"\A" + b"".join(parts) + rb"\Z", re.DOTALL)


def shown(answer: Address | None, read: RunsAs, *, forwards: bool) -> bool:
    """Whether a call showed that the proxy runs the target's code as its own (or `forwards` on to it)."""
    return answer == (read.target if forwards else read.address)


def worth_proving(address: Address, word: int) -> bool:
    """Whether a word of any meaning may hold the address of a target (in its low bytes, as the EVM takes it): no small number,
    not the proxy itself.
    """
    low = word & MAX_ADDRESS
    return low >= MIN_ADDRESS and low != int(address, 16)
