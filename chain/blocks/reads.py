"""Defines the reads of the chain's state in a block, and their answers, each of its own type. Pure.

A read names its question (`chain/rpc/messages.py` writes the request) and decodes its answer from a node's JSON-RPC result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chain.blocks.abi import address_of, keccak
from chain.blocks.delegates import (
    Delegate,
    Touched,
    delegates_of,
    touched_in_access_list,
    touched_in_prestate,
)
from chain.blocks.standards import NOBODY
from chain.events import Address

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

UNKNOWN_FUNCTION = "0x660b40b8"
"""A function that no contract has: stormwatch(). A contract that answers it answers any call."""

MAX_ANSWER = 256 * 1024
"""The longest answer in bytes."""

NO_CODE = 0xC5D2460186F7233C927E7DB2DCC703C0E500B653CA82273B7BFAD8045D85A470
"""The hash of no code at all."""

DELEGATION = bytes.fromhex("ef0100")
"""The first bytes of a delegating account's code (EIP-7702)."""

SENTINEL_MAGIC = 0x53544F524D57415443485F53454E54494E454C5FB8C3A1D7E6F2094D1B7C6E5A
"""The first word that a sentinel answers; then the account in whose storage it ran, then its own address."""
_WORD = 32


class Read(Generic[T_co]):
    """One read of an address's state in a block. `T_co` is the type of its answer."""

    __slots__ = ()
    address: Address

    def decode(self, raw: Any) -> T_co | None:
        """The answer in a JSON-RPC result; None where it holds none.

        Raises AttributeError, KeyError, TypeError or ValueError where the result is malformed.
        """
        raise NotImplementedError

    def halted(self) -> T_co | None:
        """The answer if the EVM halted the call; None if there is none then."""
        return None


AnyRead = Read[object]


@dataclass(frozen=True, slots=True)
class SlotWord(Read[int]):
    """The 32-byte value of a storage slot."""

    address: Address
    slot: int

    def decode(self, raw: Any) -> int:
        """The word."""
        found = _bytes(raw)
        if len(found) > _WORD:
            raise ValueError("more than a word")
        return int.from_bytes(found, "big")


@dataclass(frozen=True, slots=True)
class CodeHash(Read[int]):
    """The keccak-256 of an address's code as a word (`NO_CODE` if there is none)."""

    address: Address

    def decode(self, raw: Any) -> int:
        """The hash of the code that eth_getCode gave."""
        code = _bytes(raw)
        return int.from_bytes(keccak(code), "big") if code else NO_CODE


@dataclass(frozen=True, slots=True)
class PathCode(CodeHash):
    """The same of an account behind a watched contract. A block is whole without it: the next one shows the same."""


@dataclass(frozen=True, slots=True)
class CallWord(Read[int]):
    """The first 32-byte word that an eth_call of `address` with `body` (hex) returns."""

    address: Address
    body: str

    def decode(self, raw: Any) -> int | None:
        """The word; None where less than a word came back."""
        found = _bytes(raw)
        return int.from_bytes(found[:_WORD], "big") if len(found) >= _WORD else None


@dataclass(frozen=True, slots=True)
class CallBytes(Read[bytes]):
    """All bytes that an eth_call of `address` with `body` (hex) returns: at least one, at most `MAX_ANSWER`."""

    address: Address
    body: str

    def decode(self, raw: Any) -> bytes | None:
        """The bytes; None where there are none or too many."""
        found = _bytes(raw)
        return found if 0 < len(found) <= MAX_ANSWER else None


@dataclass(frozen=True, slots=True)
class AccountDelegate(Read[int]):
    """The address that an externally owned account delegates to (EIP-7702: its code is ef0100 and an address); 0: none."""

    address: Address

    def decode(self, raw: Any) -> int:
        """The address in the code that eth_getCode gave, as a word."""
        code = _bytes(raw)
        return int.from_bytes(code[3:], "big") if len(code) == 23 and code.startswith(DELEGATION) else 0


@dataclass(frozen=True, slots=True)
class CoinBalance(Read[int]):
    """An address's balance of the network's own coin, in its smallest unit."""

    address: Address

    def decode(self, raw: Any) -> int:
        """The amount."""
        amount = int(raw, 16)
        if not 0 <= amount < 1 << 8 * _WORD:
            raise ValueError("no amount")
        return amount


@dataclass(frozen=True, slots=True)
class RunsOneOf(Read[Address]):
    """Which of `targets` runs in the address's own storage when it is called with `body`; `NOBODY` if none of them."""

    address: Address
    body: str
    targets: tuple[Address, ...]

    def decode(self, raw: Any) -> Address:
        """The target whose sentinel answered."""
        return self.sentinel(bytes.fromhex(raw[2 : 2 + 6 * _WORD]))

    def sentinel(self, answer: bytes) -> Address:
        """The same of the answer's bytes: three words."""
        words = [int.from_bytes(answer[at : at + _WORD], "big") for at in range(0, 3 * _WORD, _WORD)]
        ran = address_of(words[2])
        return ran if words[:2] == [SENTINEL_MAGIC, int(self.address, 16)] and ran in self.targets else NOBODY


@dataclass(frozen=True, slots=True)
class TracedDelegates(Read[tuple[Delegate, ...]]):
    """The targets that the address's own code delegates to when it is called with `body`, by a trace."""

    address: Address
    body: str

    def decode(self, raw: Any) -> tuple[Delegate, ...]:
        """The delegates in the trace that callTracer gave."""
        return delegates_of(raw, self.address)


@dataclass(frozen=True, slots=True)
class TouchedState(Read[Touched]):
    """The accounts and slots that a call of the address with `body` touches: by a trace, or by an access list."""

    address: Address
    body: str
    traced: bool = False

    def decode(self, raw: Any) -> Touched:
        """The accounts and slots, of either answer."""
        return touched_in_prestate(raw) if self.traced else touched_in_access_list(raw)


@dataclass(frozen=True, slots=True)
class RunsAs(Read[Address]):
    """The address as which the code at `target` runs when `address` is called with `body`, an unknown function unless a router
    has a target for it: `address` itself (DELEGATECALL), the target (CALL), or `NOBODY` if that code does not run.
    """

    address: Address
    target: Address
    body: str = UNKNOWN_FUNCTION

    def decode(self, raw: Any) -> Address:
        """The address whose complement the code in place of the target's returned."""
        found = _bytes(raw)
        word = ~int.from_bytes(found, "big") & (1 << 256) - 1
        return address_of(word) if len(found) == _WORD and word < 1 << 160 else NOBODY

    def halted(self) -> Address:
        """A call that halts did not run that code to its end."""
        return NOBODY


Probe = RunsOneOf | TracedDelegates | TouchedState


class StateRead(dict[AnyRead, Any]):
    """The answers of one block by read. A read without one could not be made there (pruned state, a call that reverts).

    A plain mapping whose `get` is typed by the read: it is called for twenty places of each contract in each block.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def get(self, read: Read[T], /) -> T | None:  # type: ignore[override]  # no default: absent means unknown
            """The answer to this read; None if it could not be made, which is not zero."""
            ...

    def __or__(self, other: Mapping[AnyRead, Any]) -> StateRead:  # type: ignore[override]  # stays what it is
        """Both; the other's answer counts where both have one."""
        return StateRead({**self, **other})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The reads of a detector in each block: logs of these addresses with these first topics, reads of the state, and writes.

    `deferrable` are those reads of `state` whose answers normally change only with a log: when many blocks are read at once,
    the last block's answers are enough, and `chain/sync/digest.py` then searches for a change without a log. `writes` are
    slots of which every write inside the block is read, where a node traces. `probes` are reads that may wait: they
    are made at the head, in the last block of those read at once.
    """

    addresses: frozenset[Address] = frozenset()
    topics: frozenset[str] = frozenset()
    state: frozenset[AnyRead] = frozenset()
    deferrable: frozenset[AnyRead] = frozenset()
    writes: frozenset[SlotWord] = frozenset()
    probes: frozenset[AnyRead] = frozenset()

    @property
    def per_block(self) -> frozenset[AnyRead]:
        """The reads that must be made in every block."""
        return self.state - self.deferrable

    def covers(self, other: Reads) -> bool:
        """Whether these reads include all of the other's, except for probes: probes may wait."""
        return other is self or (
            other.addresses <= self.addresses
            and other.topics <= self.topics
            and other.state <= self.state
            and other.writes <= self.writes
        )

    def __or__(self, other: Reads) -> Reads:
        """Both in one. A read that is deferrable for one and not for the other is not deferrable."""
        return together((self, other))


def together(wanted: Iterable[Reads]) -> Reads:
    """All reads in one."""
    given = tuple(wanted)
    state: frozenset[AnyRead] = frozenset().union(*(one.state for one in given))
    return Reads(
        addresses=frozenset().union(*(one.addresses for one in given)),
        topics=frozenset().union(*(one.topics for one in given)),
        state=state,
        deferrable=state.difference(*(one.per_block for one in given if one.deferrable != one.state)),
        writes=frozenset().union(*(one.writes for one in given)),
        probes=frozenset().union(*(one.probes for one in given)),
    )


def _bytes(raw: Any) -> bytes:
    return bytes.fromhex(raw[2:])
