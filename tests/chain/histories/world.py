"""Simulates a chain of pools and people: it writes the same logs as the real contracts, transaction by transaction."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from chain.blocks.block import Block, Header, Log
from chain.blocks.reads import NO_CODE, AccountDelegate, AnyRead, CodeHash, Reads, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.watch import WatchedPool
from tests.chain.builders import NETWORK, START, address, topic, words
from tests.chain.histories.ledger import Ledger, Spot

SLOT_S = 12.0
RIFT, WETH, USDC, TAXED = (address(0xA000 + at) for at in range(4))
BRIDGES = (address(0xB1), address(0xB2))
TREASURY = address(0x7EA)
ROUTER = address(0x5157)
"""The public router."""
TAX_PARTS = 20
"""Every transfer of the taxed token pays one part in TAX_PARTS to its treasury."""
DEPOSIT, WITHDRAWAL = (
    "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c",
    "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65",
)
Behaviour = Iterator[float]
"""The actions of an owner: each step yields the seconds until the next one."""


def as_topic(one: Address) -> str:
    return topic(int(one, 16))


class WorldPool(Protocol):
    """A simulated pool."""

    address: Address
    tokens: tuple[Address, ...]

    @property
    def watched(self) -> WatchedPool:
        """Returns the pool as the operator configures it."""
        ...

    def answer(self, read: AnyRead) -> object | None:
        """Returns the answer of its contract."""
        ...


class World:
    """Simulates one history."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.pools: list[WorldPool] = []
        self.now_s = 0.0
        self.contracts: set[Address] = {ROUTER}
        self._logs: list[Log] = []
        self._transaction = 0
        self._made = 0x10000

    def someone(self) -> Address:
        """Returns a new wallet address."""
        self._made += 1
        return address(self._made)

    def contract(self) -> Address:
        """Returns a new contract address."""
        self.contracts.add(found := self.someone())
        return found

    @property
    def number(self) -> int:
        """Returns the number of the current block."""
        return 1000 + int(self.now_s // SLOT_S)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Puts all logs within into one transaction."""
        self._transaction += 1
        yield

    def log(self, at: Address, *topics: str, body: bytes = b"") -> Spot:
        """Writes one log and returns its position."""
        index = len(self._logs)
        self._logs.append(
            Log(address=at, topics=topics, body=body, transaction=topic(0x7000000 + self._transaction), index=index)
        )
        return self.number, index

    def transfer(self, token: Address, sender: Address, receiver: Address, amount: int) -> int:
        """Returns the received amount; a part of the taxed token goes to its treasury."""
        tax = amount // TAX_PARTS if token == TAXED and NOBODY not in (sender, receiver) else 0
        if tax:
            self.log(token, TRANSFER, as_topic(sender), as_topic(TREASURY), body=words(tax))
        if amount:
            self.log(token, TRANSFER, as_topic(sender), as_topic(receiver), body=words(amount - tax))
        return amount - tax

    def wrap(self, who: Address, amount: int) -> None:
        """Wraps the native coin into its token."""
        self.log(WETH, DEPOSIT, as_topic(who), body=words(amount))

    def unwrap(self, who: Address, amount: int) -> None:
        """Unwraps the token; this writes no Transfer log."""
        self.log(WETH, WITHDRAWAL, as_topic(who), body=words(amount))

    def run(self, behaviours: list[Behaviour], warm: int = 4) -> Iterator[int]:
        """Fills block after block and yields their numbers: first `warm` empty blocks, and two after each block with logs."""
        queue = [(warm * SLOT_S + self.rng.uniform(0, 900), at, behaviour) for at, behaviour in enumerate(behaviours)]
        heapq.heapify(queue)
        slots = list(range(warm))
        while queue or slots:
            slot = slots.pop(0) if slots else int(queue[0][0] // SLOT_S)
            self.now_s, self._logs = slot * SLOT_S, []
            while queue and int(queue[0][0] // SLOT_S) == slot:
                due_s, at, behaviour = heapq.heappop(queue)
                wait_s = next(behaviour, None)
                if wait_s is not None:
                    heapq.heappush(queue, (due_s + wait_s, at, behaviour))
            yield self.number
            if self._logs:
                slots = [slot + 1, slot + 2]

    def block(self, number: int, reads: Reads) -> Block:
        """Returns the current block as a reader with these reads sees it."""
        head = Header(
            number=number,
            hash=topic(number * 7),
            parent_hash=topic((number - 1) * 7),
            time=START + timedelta(seconds=self.now_s),
        )
        logs = tuple(one for one in self._logs if one.address in reads.addresses and one.topics[0] in reads.topics)
        state = {read: found for read in reads.state if (found := self._answer(read)) is not None}
        return Block(network=NETWORK, header=head, seen_at=head.time, logs=logs, state=StateRead(state))

    def _answer(self, read: AnyRead) -> object | None:
        if isinstance(read, CodeHash):
            return 0xC0DE if read.address in self.contracts else NO_CODE
        if isinstance(read, AccountDelegate):
            return 0
        return next((found for pool in self.pools if (found := pool.answer(read)) is not None), None)
