"""What can be read of the chain's state in a block, and the answers that come back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chain.events import Address


@dataclass(frozen=True, slots=True)
class SlotWord:
    """The 32-byte value of a storage slot; the answer is an integer word."""

    address: Address
    slot: int


@dataclass(frozen=True, slots=True)
class CodeHash:
    """The keccak-256 of an address's code; the answer is an integer word (that of no code at all is `NO_CODE`)."""

    address: Address


@dataclass(frozen=True, slots=True)
class CallWord:
    """An eth_call of `address` with `body` (hex); the answer is the first 32-byte word."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class CallBytes:
    """The whole answer of an eth_call (at most `MAX_ANSWER` bytes): its bytes behind one byte 01, as an integer."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class AccountDelegate:
    """Whom an externally owned account delegates to (EIP-7702: its code is ef0100 and an address); 0 if to none."""

    address: Address


@dataclass(frozen=True, slots=True)
class CoinBalance:
    """What an address holds of the network's own coin, in its smallest unit."""

    address: Address


@dataclass(frozen=True, slots=True)
class RunsOneOf:
    """Which of `targets` runs in the address's own storage when it is called with `body`: that address; 0 if none of them."""

    address: Address
    body: str
    targets: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class TracedDelegates:
    """Whom the address's own code delegates to when it is called with `body` (`chain/rpc/delegation.py`), by a trace."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class TouchedState:
    """The accounts and slots that a call of the address with `body` touches: by a trace, or by an access list."""

    address: Address
    body: str
    traced: bool = False


@dataclass(frozen=True, slots=True)
class RunsAs:
    """In whose name the code at `target` runs when `address` is called with a function that nobody knows: the answer is that
    address (its own: DELEGATECALL; the target's: CALL), 0 where that code does not run.
    """

    address: Address
    target: Address


Probe = RunsOneOf | TracedDelegates | TouchedState


Read = SlotWord | CodeHash | CallWord | CallBytes | AccountDelegate | CoinBalance | RunsAs | Probe


UNKNOWN_FUNCTION = "0x660b40b8"
"""A function that nobody knows: stormwatch(). A contract that answers it answers anything."""


MAX_ANSWER = 256 * 1024


NO_CODE = 0xC5D2460186F7233C927E7DB2DCC703C0E500B653CA82273B7BFAD8045D85A470


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a detector wants of each block: logs of these addresses with these first topics, these reads and writes.

    `standing` are those of the reads that stay as they are but for what logs tell: where many blocks are read at once, it is
    enough to read them in the last one, for a change that no log told is then looked for (`chain/sync/digest.py`). `writes` are
    places of which every write inside the block is wished for, where a node traces. `probes` are reads that may wait: they
    are made at the head, in the last block of those read at once.
    """

    addresses: frozenset[Address] = frozenset()
    topics: frozenset[str] = frozenset()
    reads: frozenset[Read] = frozenset()
    standing: frozenset[Read] = frozenset()
    writes: frozenset[SlotWord] = frozenset()
    probes: frozenset[Read] = frozenset()

    @property
    def moving(self) -> frozenset[Read]:
        """The reads that must be made in every block."""
        return self.reads - self.standing

    def covers(self, other: Reads) -> bool:
        """Whether all the other wishes for is among this, but for probes: these may wait."""
        return other is self or (
            other.addresses <= self.addresses
            and other.topics <= self.topics
            and other.reads <= self.reads
            and other.writes <= self.writes
        )

    def __or__(self, other: Reads) -> Reads:
        """Both wishes in one. What stands still for one and moves for the other moves."""
        return together((self, other))


def together(wishes: Iterable[Reads]) -> Reads:
    """All wishes in one."""
    given = tuple(wishes)
    reads: frozenset[Read] = frozenset().union(*(one.reads for one in given))
    return Reads(
        addresses=frozenset().union(*(one.addresses for one in given)),
        topics=frozenset().union(*(one.topics for one in given)),
        reads=reads,
        standing=reads.difference(*(one.moving for one in given if one.standing != one.reads)),
        writes=frozenset().union(*(one.writes for one in given)),
        probes=frozenset().union(*(one.probes for one in given)),
    )


StateRead = Mapping[Read, int]
"""The answers by need. A need that is missing could not be read there (pruned state, a call that reverts): not zero."""
