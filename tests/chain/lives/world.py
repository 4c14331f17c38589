"""Knows how to play a chain of pools and people: it writes the logs that the real contracts write, transaction by transaction."""

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
from tests.chain.lives.ledger import Ledger, Spot
from tests.chain.made import NETWORK, START, address, topic, words

SLOT_S = 12.0
RIFT, WETH, USDC, TAXED = (address(0xA000 + at) for at in range(4))
BRIDGES = (address(0xB1), address(0xB2))
TREASURY = address(0x7EA)
ROUTER = address(0x5157)
"""The public router of everyone."""
TAX_PARTS = 20
"""Of the taxed token one part in so many goes to its treasury with every transfer."""
DEPOSIT, WITHDRAWAL = (
    "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c",
    "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65",
)
Life = Iterator[float]
"""Someone's doings: each step says how many seconds pass until the next."""


def as_topic(one: Address) -> str:
    return topic(int(one, 16))


class Playing(Protocol):
    """A pool that is played."""

    address: Address
    tokens: tuple[Address, ...]

    @property
    def watched(self) -> WatchedPool:
        """As the operator names it."""
        ...

    def answer(self, need: AnyRead) -> object | None:
        """What its contract says."""
        ...


class World:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.pools: list[Playing] = []
        self.now_s = 0.0
        self.contracts: set[Address] = {ROUTER}
        self._logs: list[Log] = []
        self._transaction = 0
        self._made = 0x10000

    def someone(self) -> Address:
        """A wallet nobody had before."""
        self._made += 1
        return address(self._made)

    def contract(self) -> Address:
        """A contract nobody had before."""
        self.contracts.add(found := self.someone())
        return found

    @property
    def number(self) -> int:
        """The block that is being filled."""
        return 1000 + int(self.now_s // SLOT_S)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All logs within belong to one transaction."""
        self._transaction += 1
        yield

    def log(self, at: Address, *topics: str, body: bytes = b"") -> Spot:
        """One log; where it stands."""
        index = len(self._logs)
        self._logs.append(
            Log(address=at, topics=topics, body=body, transaction=topic(0x7000000 + self._transaction), index=index)
        )
        return self.number, index

    def transfer(self, token: Address, sender: Address, receiver: Address, amount: int) -> int:
        """What arrived: of the taxed token a part goes to its treasury."""
        tax = amount // TAX_PARTS if token == TAXED and NOBODY not in (sender, receiver) else 0
        if tax:
            self.log(token, TRANSFER, as_topic(sender), as_topic(TREASURY), body=words(tax))
        if amount:
            self.log(token, TRANSFER, as_topic(sender), as_topic(receiver), body=words(amount - tax))
        return amount - tax

    def wrap(self, who: Address, amount: int) -> None:
        """The network's coin becomes its token."""
        self.log(WETH, DEPOSIT, as_topic(who), body=words(amount))

    def unwrap(self, who: Address, amount: int) -> None:
        """And back: there is no Transfer in it."""
        self.log(WETH, WITHDRAWAL, as_topic(who), body=words(amount))

    def played(self, lives: list[Life], warm: int = 4) -> Iterator[int]:
        """Fill block after block; the number of each. First `warm` empty ones, and two after each that is not empty."""
        queue = [(warm * SLOT_S + self.rng.uniform(0, 900), at, life) for at, life in enumerate(lives)]
        heapq.heapify(queue)
        slots = list(range(warm))
        while queue or slots:
            slot = slots.pop(0) if slots else int(queue[0][0] // SLOT_S)
            self.now_s, self._logs = slot * SLOT_S, []
            while queue and int(queue[0][0] // SLOT_S) == slot:
                due_s, at, life = heapq.heappop(queue)
                wait_s = next(life, None)
                if wait_s is not None:
                    heapq.heappush(queue, (due_s + wait_s, at, life))
            yield self.number
            if self._logs:
                slots = [slot + 1, slot + 2]

    def block(self, number: int, reads: Reads) -> Block:
        """The block just filled, as one who asked for this sees it."""
        head = Header(
            number=number,
            hash=topic(number * 7),
            parent_hash=topic((number - 1) * 7),
            time=START + timedelta(seconds=self.now_s),
        )
        logs = tuple(one for one in self._logs if one.address in reads.addresses and one.topics[0] in reads.topics)
        state = {need: found for need in reads.state if (found := self._answer(need)) is not None}
        return Block(network=NETWORK, header=head, seen_at=head.time, logs=logs, state=StateRead(state))

    def _answer(self, need: AnyRead) -> object | None:
        if isinstance(need, CodeHash):
            return 0xC0DE if need.address in self.contracts else NO_CODE
        if isinstance(need, AccountDelegate):
            return 0
        return next((found for pool in self.pools if (found := pool.answer(need)) is not None), None)
