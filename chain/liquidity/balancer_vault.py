"""Reads a pool in either of Balancer's two vaults: its balances from the vault, its shape from the pool itself.

Weighted pools answer with their normalised weights, stable pools with their amplification (A·n^(n−1), in thousandths); of
other kinds the depth is not known. A pool's own token among its tokens (composable pools) is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain.blocks.abi import address_of
from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, StateRead
from chain.events import Address
from chain.liquidity.balances import Balances, Shape, array_at
from chain.liquidity.depth import Depth
from chain.liquidity.pool import words_of

WEIGHTS, AMPLIFICATION = "0xf89f27ed", "0x6daccffa"
FEE_SCALE = 10**12
"""From 18 digits of fraction to millionths."""


class VaultPool:
    """One pool in a vault; its memory is its tokens and balances."""

    position_manager: Address | None = None

    def __init__(self, pool: Address, fee_selector: str) -> None:
        self._pool = pool
        self._fee = CallBytes(pool, fee_selector)
        self._weights = CallBytes(pool, WEIGHTS)
        self._amplification = CallBytes(pool, AMPLIFICATION)
        self._all: tuple[Address, ...] = ()
        self.held = Balances()

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Its tokens without its own."""
        return tuple(one for one in self._all if one != self._pool)

    def shape_reads(self) -> frozenset[AnyRead]:
        """The reads of its shape: fees, weights and amplification may change."""
        return frozenset({self._fee, self._weights, self._amplification})

    def own(self, values: Sequence[int]) -> tuple[int, ...]:
        """Values by token without that of its own token."""
        return tuple(value for value, one in zip(values, self._all, strict=False) if one != self._pool)

    def take(self, tokens: Sequence[int], balances: Sequence[int], scales: Sequence[int], state: StateRead) -> None:
        """Take the vault's answer about it, and the pool's answers about its shape."""
        if not tokens or len(tokens) != len(balances):
            return
        self._all = tuple(address_of(one) for one in tokens)
        self.held.now = self.own(balances)
        fee, weights, amplification = (
            words_of(state, read) for read in (self._fee, self._weights, self._amplification)
        )
        precision = amplification[2] if len(amplification) > 2 else 0
        self.held.shape = Shape(
            scales=self.own(scales),
            fee_ppm=fee[0] // FEE_SCALE if fee else 0,
            weights=self.own(array_at(weights, 0)),
            amplification=amplification[0] // precision if precision else 0,
        )

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """By weights or by the stable invariant."""
        return self.held.depth(bps)

    def trades(self, bps: int) -> Depth | None:
        """None: the depth is by formula, not to the last unit."""
        return None

    def reserves(self) -> tuple[int, ...] | None:
        """The balances as last read from the vault."""
        return self.held.now

    def on_position_transfer(self, log: Log) -> None:
        """Nothing: it has no positions."""

    def tick(self) -> int | None:
        """None: it has no ticks."""
        return None

    def memory(self) -> Any:
        """Tokens and balances."""
        return [list(self._all), self.held.memory()]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        tokens, held = plain
        self._all = tuple(Address(one) for one in tokens)
        self.held.recall(held)
