"""Uniswap V2 pairs and their many forks: reserves of x·y constant, told whole by Sync after every change.

The pair tells Sync (reserves after) just before Mint and Burn. Who held the position: for Burn the last sender of
pool tokens to the pair in that transaction (routers pass them on), else Burn's `to`; for Mint who got the new pool
tokens last. The fee is the original's 0.3 %. Source: UniswapV2Pair.sol (v2-core 1.0.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from chain.block import AnswerNeed, Log, Needs, StateRead
from chain.depth import NEAR_BPS, Depth, constant_product
from chain.detector import WatchedPool
from chain.events import Address
from chain.pool import NOBODY, TRANSFER, Move, share_of, words_of

KINDS = ("uniswap_v2",)

MINT = "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
BURN = "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
GET_RESERVES = "0x0902f1ac"
FEE_PPM = 3000


class Pair:
    """One pair; its memory is its reserves."""

    def __init__(self, watched: WatchedPool) -> None:
        self._address = watched.address
        self.tokens = (watched.token0, watched.token1) if watched.token0 and watched.token1 else ()
        self.hears = (watched.address, "")
        self._reserves: tuple[int, int] | None = None
        self._asked = AnswerNeed(watched.address, GET_RESERVES)

    def needs(self) -> Needs:
        """Four logs, and the reserves until a Sync or an answer told them."""
        if not self.tokens:
            return Needs()
        reads = frozenset({self._asked}) if self._reserves is None else frozenset()
        return Needs(addresses=frozenset({self._address}), topics=frozenset({MINT, BURN, SYNC, TRANSFER}), reads=reads)

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Reserves by Sync, moves by Mint and Burn."""
        if log.topics[0] == SYNC:
            self._reserves = (log.word(0), log.word(1))
        if log.topics[0] not in (MINT, BURN):
            return None
        removed = log.topics[0] == BURN
        first = len(log.topics) - 1  # Mint has one indexed argument, Burn two; the amounts come after
        amounts = (log.word(first), log.word(first + 1))
        own = [one for one in takewhile(lambda one: one is not log, same) if one.address == self._address]
        synced = any(one.topics and one.topics[0] == SYNC for one in own)
        after = self._reserves if synced else None
        sign = 1 if removed else -1
        before = after and (max(after[0] + sign * amounts[0], 0), max(after[1] + sign * amounts[1], 0))
        return Move(
            removed=removed,
            amounts=amounts,
            share=share_of(amounts, before) if before else 0.0,
            owner=_owner(log, own, removed=removed),
            before=constant_product(*before, FEE_PPM, NEAR_BPS).of_tokens if before else None,
            after=constant_product(*after, FEE_PPM, NEAR_BPS).of_tokens if after else None,
        )

    def on_state(self, state: StateRead) -> None:
        """The reserves, where they were asked."""
        words = words_of(state, self._asked)
        if len(words) >= 2:
            self._reserves = (words[0], words[1])

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """By x·y constant."""
        found = self.trades(bps)
        return found.of_tokens if found else None

    def trades(self, bps: int) -> Depth | None:
        """Exactly, by x·y constant."""
        return None if self._reserves is None else constant_product(*self._reserves, FEE_PPM, bps)

    def reserves(self) -> tuple[int, ...] | None:
        """As last told."""
        return self._reserves

    def tick(self) -> int | None:
        """None: it has no ticks."""
        return None

    def memory(self) -> Any:
        """The reserves."""
        return self._reserves

    def recall(self, plain: Any) -> None:
        """Be as when `memory` gave this."""
        self._reserves = (int(plain[0]), int(plain[1])) if plain else None


def _owner(log: Log, before: Sequence[Log], *, removed: bool) -> Address | None:
    for one in reversed(before):
        if one.topics and one.topics[0] == TRANSFER:
            sender, receiver = one.address_at(0), one.address_at(1)
            if removed and receiver == log.address:
                return sender
            if not removed and sender == NOBODY and receiver != NOBODY:
                return receiver
    return log.address_at(1) if removed else None


def make(watched: WatchedPool) -> Pair:
    """The pair before anything was read."""
    return Pair(watched)
