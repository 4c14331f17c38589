"""What a detector is given: a block, its logs, and the answers to what it asked to be read there. No I/O.

Hashes, topics and addresses are lower-case 0x-prefixed strings; slots and amounts are integers; bodies are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chain.events import Address, NetworkId, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log, as eth_getLogs tells it. `body` is what the RPC calls "data"; `index` counts within the block."""

    address: Address
    topics: tuple[str, ...]
    body: bytes
    transaction: str
    index: int

    def word(self, position: int) -> int:
        """The `position`-th 32-byte word, indexed arguments first (forks differ in what they index). 0 beyond the end."""
        indexed = self.topics[1:]
        if position < len(indexed):
            return int(indexed[position], 16)
        start = (position - len(indexed)) * 32
        return int.from_bytes(self.body[start : start + 32], "big")

    def address_at(self, position: int) -> Address:
        """That word as an address (its low 20 bytes)."""
        return address_of(self.word(position))


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a storage place that stood when its transaction ended well, as a trace tells it."""

    transaction: str
    address: Address
    slot: int
    value: int


@dataclass(frozen=True, slots=True)
class SlotNeed:
    """The 32-byte value of a storage slot; the answer is an integer word."""

    address: Address
    slot: int


@dataclass(frozen=True, slots=True)
class CodeNeed:
    """The keccak-256 of an address's code; the answer is an integer word (that of no code at all is `NO_CODE`)."""

    address: Address


@dataclass(frozen=True, slots=True)
class CallNeed:
    """An eth_call of `address` with `body` (hex); the answer is the first 32-byte word."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class AnswerNeed:
    """The whole answer of an eth_call (at most `MOST_ANSWER` bytes): its bytes behind one byte 01, as an integer."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class DelegateNeed:
    """Whom an externally owned account delegates to (EIP-7702: its code is ef0100 and an address); 0 if to none."""

    address: Address


@dataclass(frozen=True, slots=True)
class BalanceNeed:
    """What an address holds of the network's own coin, in its smallest unit."""

    address: Address


@dataclass(frozen=True, slots=True)
class SentinelNeed:
    """Which of `targets` runs in the address's own storage when it is called with `body`: that address; 0 if none of them."""

    address: Address
    body: str
    targets: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class DelegatesNeed:
    """Whom the address's own code delegates to when it is called with `body` (`chain/delegation.py`), by a trace."""

    address: Address
    body: str


@dataclass(frozen=True, slots=True)
class TouchedNeed:
    """The accounts and slots that a call of the address with `body` touches: by a trace, or by an access list."""

    address: Address
    body: str
    traced: bool = False


@dataclass(frozen=True, slots=True)
class ReachNeed:
    """In whose name the code at `target` runs when `address` is called with a function that nobody knows: the answer is that
    address (its own: DELEGATECALL; the target's: CALL), 0 where that code does not run.
    """

    address: Address
    target: Address


Probe = SentinelNeed | DelegatesNeed | TouchedNeed
Need = SlotNeed | CodeNeed | CallNeed | AnswerNeed | DelegateNeed | BalanceNeed | ReachNeed | Probe

STRANGE = "0x660b40b8"
"""A function that nobody knows: stormwatch(). A contract that answers it answers anything."""

MOST_ANSWER = 256 * 1024

NO_CODE = 0xC5D2460186F7233C927E7DB2DCC703C0E500B653CA82273B7BFAD8045D85A470


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a detector wants of each block: logs of these addresses with these first topics, these reads and writes.

    `standing` are those of the reads that stay as they are but for what logs tell: where many blocks are read at once, it is
    enough to read them in the last one, for a change that no log told is then looked for (`chain/stretch.py`). `writes` are
    places of which every write inside the block is wished for, where a node traces. `probes` are reads that may wait: they
    are made at the head, in the last block of those read at once.
    """

    addresses: frozenset[Address] = frozenset()
    topics: frozenset[str] = frozenset()
    reads: frozenset[Need] = frozenset()
    standing: frozenset[Need] = frozenset()
    writes: frozenset[SlotNeed] = frozenset()
    probes: frozenset[Need] = frozenset()

    @property
    def moving(self) -> frozenset[Need]:
        """The reads that must be made in every block."""
        return self.reads - self.standing

    def covers(self, other: Needs) -> bool:
        """Whether all the other wishes for is among this, but for probes: these may wait."""
        return other is self or (
            other.addresses <= self.addresses
            and other.topics <= self.topics
            and other.reads <= self.reads
            and other.writes <= self.writes
        )

    def __or__(self, other: Needs) -> Needs:
        """Both wishes in one. What stands still for one and moves for the other moves."""
        return together((self, other))


def together(wishes: Iterable[Needs]) -> Needs:
    """All wishes in one."""
    given = tuple(wishes)
    reads: frozenset[Need] = frozenset().union(*(one.reads for one in given))
    return Needs(
        addresses=frozenset().union(*(one.addresses for one in given)),
        topics=frozenset().union(*(one.topics for one in given)),
        reads=reads,
        standing=reads.difference(*(one.moving for one in given if one.standing != one.reads)),
        writes=frozenset().union(*(one.writes for one in given)),
        probes=frozenset().union(*(one.probes for one in given)),
    )


StateRead = Mapping[Need, int]
"""The answers by need. A need that is missing could not be read there (pruned state, a call that reverts): not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block's place in the chain. `bloom` is its filter of logs, where asked for; it is no part of what the block is."""

    number: int
    hash: str
    parent_hash: str
    time: datetime
    base_fee: int | None = field(default=None, compare=False)
    bloom: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block with what was asked of it; `logs` and `writes` in order; `seen_at` is when we read it (our clock).

    `writes` is None where the node gave no traces; `probed` tells whether probes were asked in this block. `still` are
    addresses of which all that was read is as it was in the block that was digested before (see `Bench`).
    """

    network: NetworkId
    header: Header
    seen_at: datetime
    logs: tuple[Log, ...] = ()
    state: StateRead = field(default_factory=dict)
    writes: tuple[Write, ...] | None = None
    probed: bool = False
    still: frozenset[Address] = frozenset()

    def place(self, log: Log | Write | None = None) -> Place:
        """Where in the chain this block, or this log or write of it, stands."""
        return Place(
            network=self.network,
            block_number=self.header.number,
            block_hash=self.header.hash,
            block_time=self.header.time,
            transaction=log.transaction if log else None,
            log_index=log.index if isinstance(log, Log) else None,
        )

    def event_id(self, *words: str | int) -> str:
        """A name for what happened here: the same at every reading, another in another block."""
        return "/".join((self.network, self.header.hash, *map(str, words)))


def address_of(word: int) -> Address:
    """The low 20 bytes of a word as an address."""
    return Address(f"0x{word & (1 << 160) - 1:040x}")
