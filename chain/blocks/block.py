"""Defines the input of a detector: a block, its logs, and the answers to its reads there. No I/O.

Hashes, topics and addresses are lower-case 0x-prefixed strings; slots and amounts are integers; bodies are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from chain.blocks.abi import address_of
from chain.blocks.reads import StateRead
from chain.events import Address, NetworkId, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log, as eth_getLogs gives it. `body` is the RPC's "data"; `index` counts within the block."""

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
    """One write of a storage slot that was still valid when its transaction ended without an error, by a trace."""

    transaction: str
    address: Address
    slot: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block's place in the chain. `bloom` is its filter of logs, where it was read; two headers are equal without it."""

    number: int
    hash: str
    parent_hash: str
    time: datetime
    base_fee: int | None = field(default=None, compare=False)
    bloom: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block with the answers to its reads; `logs` and `writes` in order; `seen_at` is when we read it (our clock).

    `writes` is None where the node gave no traces; `probed` is whether probes were made in this block. `still` are the
    addresses whose answers are all equal to those in the block that was digested before (see `DetectorSet`). `checked` are
    answers to reads that this block's own logs called for. `disputed` are logs that as many providers deny as report;
    `contested`: no majority of providers has this block. `doubted`: addresses, and words as events
    write them, of state that as many providers deny as show.
    """

    network: NetworkId
    header: Header
    seen_at: datetime
    logs: tuple[Log, ...] = ()
    state: StateRead = field(default_factory=StateRead)
    writes: tuple[Write, ...] | None = None
    probed: bool = False
    still: frozenset[Address] = frozenset()
    checked: StateRead = field(default_factory=StateRead)
    disputed: frozenset[Log] = frozenset()
    contested: bool = False
    doubted: frozenset[str] = frozenset()

    def place(self, log: Log | Write | None = None) -> Place:
        """The place in the chain of this block, or of this log or write of it."""
        return Place(
            network=self.network,
            block_number=self.header.number,
            block_hash=self.header.hash,
            block_time=self.header.time,
            transaction=log.transaction if log else None,
            log_index=log.index if isinstance(log, Log) else None,
        )

    def event_id(self, *words: str | int) -> str:
        """An id for an event in this block: the same at every reading, different in another block."""
        return "/".join((self.network, self.header.hash, *map(str, words)))
