"""Names the tokens in the events of a block: symbol and decimals, read once at the first look at a token.

Its stage is the last one: it gets all events of the block and repeats, under their ids, those whose tokens it can name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, Reads
from chain.events import (
    Address,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PlacedEvent,
    PoolDepth,
    PoolDrained,
    SupplyJumped,
    TokenName,
    TokenUsed,
)
from chain.liquidity.drains import OWN_COINS
from chain.liquidity.token_names import name_in, reads_of
from chain.watch import Watch

STAGE = 3

MAX_FIRST = 64
"""Tokens that are asked in one block."""
MAX_WAIT = 4096
"""Blocks until a token without an answer is asked again: twice as many each time, and at once after an event with it."""
COIN_DECIMALS = 18
Named = (
    LiquidityMoved
    | LiquidityMigrated
    | LiquidityAccounted
    | PoolDepth
    | PoolDrained
    | SupplyJumped
    | TokenUsed
    | HolderFrozen
)


class _Memory(msgspec.Struct):
    names: dict[str, tuple[str, int | None, bool]] = {}  # token -> symbol, decimals, odd
    tries: dict[str, tuple[int, int]] = {}  # token without an answer -> blocks that were waited, block to ask it again


class TokenNames:
    """The names of the watched tokens and of the tokens in watched pools."""

    def __init__(self, watch: Watch) -> None:
        tokens = dict.fromkeys(watch.tokens)
        for pool in watch.pools:
            tokens |= dict.fromkeys(one for one in (pool.token0, pool.token1, *pool.tokens) if one is not None)
        self._tokens = tuple(one for one in tokens if one not in OWN_COINS)
        self._memory = _Memory()
        self._reads: Reads | None = None
        self._encoded: bytes | None = None
        self._due = self._never_asked()

    def reads(self) -> Reads:
        """The names that are not known yet."""
        if self._reads is None:
            state: frozenset[AnyRead] = frozenset(read for token in self._due for read in reads_of(token))
            self._reads = Reads(state=state, deferrable=state)
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The events whose tokens have names, with these."""
        if block.state:
            self._learn(block)
        for event in earlier:
            for token in _tokens_of(event) if self._memory.tries and isinstance(event, Named) else ():
                if token in self._memory.tries:
                    self._memory.tries[token] = (0, block.header.number)
                    self._encoded = None
        self._plan(block.header.number + 1)
        return [
            replace(event, token_names=names)
            for event in earlier
            if isinstance(event, Named) and (names := self._names(event))
        ]

    def memory(self) -> bytes:
        """The names."""
        if self._encoded is None:
            self._encoded = msgspec.json.encode(self._memory, order="sorted")
        return self._encoded

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)
        self._reads = self._encoded = None
        self._due = self._never_asked()

    def _never_asked(self) -> list[Address]:
        memory = self._memory
        return [one for one in self._tokens if one not in memory.names and one not in memory.tries][:MAX_FIRST]

    def _plan(self, number: int) -> None:
        """Plan which tokens are asked in the block with this number."""
        again = [Address(one) for one, (_, due) in self._memory.tries.items() if due <= number]
        due = [*self._never_asked(), *again][:MAX_FIRST]
        if due != self._due:
            self._due, self._reads = due, None

    def _learn(self, block: Block) -> None:
        for token in self._due:
            name = name_in(token, block.state)
            if name is None:
                waited = min(2 * self._memory.tries.get(token, (0, 0))[0] or 1, MAX_WAIT)
                self._memory.tries[token] = (waited, block.header.number + waited)
            else:
                self._memory.names[token] = (name.symbol, name.decimals, name.odd)
                self._memory.tries.pop(token, None)
            self._encoded = None

    def _names(self, event: Named) -> tuple[TokenName, ...]:
        found: list[TokenName] = []
        for token in dict.fromkeys(_tokens_of(event)):
            if token in OWN_COINS:
                found.append(TokenName(token=token, symbol="coin", decimals=COIN_DECIMALS))
            elif (known := self._memory.names.get(token)) is not None:
                found.append(TokenName(token=token, symbol=known[0], decimals=known[1], odd=known[2]))
        return tuple(found)


def _tokens_of(event: Named) -> tuple[Address, ...]:
    match event:
        case LiquidityMoved():
            return (event.token0, event.token1, *(token for token, _ in event.more))
        case PoolDepth():
            return tuple(one.token for one in event.tokens)
        case PoolDrained():
            return (event.token, *(token for token, _, _ in event.others))
        case _:
            return (event.token,)


def make(watch: Watch) -> TokenNames:
    """The detector for this watch."""
    return TokenNames(watch)
