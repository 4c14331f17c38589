"""Reads Uniswap V2 pairs and their many forks: x·y is constant, and Sync logs both reserves after every change.

The pair logs Sync (reserves after) just before Mint and Burn. The owner of the position is, for Burn, the first who
passed the pool tokens on to the pair in that transaction, else Burn's `to`; for Mint, the last who got the new pool tokens.
The fee is the original's 0.3 % unless the operator names a fork's own.

Pools of Solidly and its forks (Velodrome, Aerodrome) log the same with other types: wider reserves in Sync, both
addresses of Burn before its amounts. Their stable pools (x³y + y³x) answer `stable()` with true: their moves are known,
their depth is not. Source: UniswapV2Pair.sol (v2-core 1.0.1); Pool.sol (aerodrome contracts).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, Reads, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.liquidity.depth import NEAR_BPS, Depth, constant_product
from chain.liquidity.pool import Move, call, share_of, words_of
from chain.watch import WatchedPool

KINDS = ("uniswap_v2",)

MINT = "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
BURN = "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
WIDE_BURN = "0x5d624aa9c148153ab3446c1b154f660ee7701e549fe9b62dab7171b1c80e6fa2"
WIDE_SYNC = "0xcf2aa50876cdfbb541206f89af0ee78d44a2abf8d328e37fa4917f982149848a"
SYNCS, BURNS = frozenset({SYNC, WIDE_SYNC}), frozenset({BURN, WIDE_BURN})
SWAP_TOPICS = frozenset(
    {
        topic_of("Swap(address,uint256,uint256,uint256,uint256,address)"),
        topic_of("Swap(address,address,uint256,uint256,uint256,uint256)"),
    }
)
TOPICS = frozenset({MINT, TRANSFER}) | SYNCS | BURNS | SWAP_TOPICS
GET_RESERVES, STABLE = "0x0902f1ac", "0x22be3de1"
FEE_PPM = 3000


class Pair:
    """One pair; its memory is its reserves, and whether they are priced as of equal value."""

    position_manager: Address | None = None

    def __init__(self, watched: WatchedPool) -> None:
        self._address = watched.address
        self.tokens = (watched.token0, watched.token1) if watched.token0 and watched.token1 else ()
        self.log_source = (watched.address, "")
        self._reserves: tuple[int, int] | None = None
        self._asked = CallBytes(watched.address, GET_RESERVES)
        self._flat: bool | None = None
        self._fee_ppm = FEE_PPM if watched.fee_ppm is None else watched.fee_ppm

    def reads(self) -> Reads:
        """Its logs, and once its reserves and whether it is stable."""
        if not self.tokens:
            return Reads()
        reads: frozenset[AnyRead] = frozenset()
        if self._flat is None:
            reads = frozenset({self._asked, call(self._address, STABLE)})
        return Reads(addresses=frozenset({self._address}), topics=TOPICS, state=reads)

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Reserves by Sync, moves by Mint and Burn."""
        if log.topics[0] in SYNCS:
            self._reserves = (log.word(0), log.word(1))
            if log.topics[0] == SYNC:
                self._flat = False
        removed = log.topics[0] in BURNS
        if not removed and log.topics[0] != MINT:
            return None
        first = len(log.topics) - 1  # Mint has one indexed argument, Burn two; the amounts come after
        amounts = (log.word(first), log.word(first + 1))
        own = [one for one in takewhile(lambda one: one is not log, same) if one.address == self._address]
        synced = any(one.topics and one.topics[0] in SYNCS for one in own)
        after = self._reserves if synced else None
        sign = 1 if removed else -1
        before = after and (max(after[0] + sign * amounts[0], 0), max(after[1] + sign * amounts[1], 0))
        return Move(
            removed=removed,
            amounts=amounts,
            share=share_of(amounts, before) if before else 0.0,
            owner=_owner(log, own, removed=removed),
            before=self._near(before),
            after=self._near(after),
        )

    def on_state(self, state: StateRead) -> None:
        """The reserves, where they were read."""
        words = words_of(state, self._asked)
        if len(words) >= 2:
            self._reserves = (words[0], words[1])
            self._flat = bool(state.get(call(self._address, STABLE)) or 0)

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """By x·y constant."""
        found = self.trades(bps)
        return found.of_tokens if found else None

    def trades(self, bps: int) -> Depth | None:
        """Exactly, by x·y constant; None of a stable pair, and while it may be one."""
        if self._reserves is None or self._flat is not False:
            return None
        return constant_product(*self._reserves, self._fee_ppm, bps)

    def _near(self, reserves: tuple[int, int] | None) -> tuple[int, int] | None:
        if reserves is None or self._flat is not False:
            return None
        return constant_product(*reserves, self._fee_ppm, NEAR_BPS).of_tokens

    def reserves(self) -> tuple[int, ...] | None:
        """As last logged or read."""
        return self._reserves

    def on_position_transfer(self, log: Log) -> None:
        """Do nothing: it has no positions."""

    def tick(self) -> int | None:
        """None: it has no ticks."""
        return None

    def memory(self) -> Any:
        """The reserves, and whether it is stable."""
        return [self._reserves, self._flat]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        reserves, self._flat = plain
        self._reserves = (int(reserves[0]), int(reserves[1])) if reserves else None


def _owner(log: Log, before: Sequence[Log], *, removed: bool) -> Address | None:
    """`before` are the pair's own logs of the transaction up to this one."""
    holder: Address | None = None
    for one in reversed(before):
        if one.topics and one.topics[0] == TRANSFER:
            sender, receiver = one.address_at(0), one.address_at(1)
            if not removed and sender == NOBODY and receiver != NOBODY:
                return receiver
            if removed and sender != NOBODY and receiver == (holder or log.address):
                holder = sender  # or somebody before it, if it only passed them on
    return holder or (log.address_at(1) if removed else None)


def make(watched: WatchedPool) -> Pair:
    """A pair of which nothing has been read."""
    return Pair(watched)
