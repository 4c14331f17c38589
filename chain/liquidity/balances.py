"""Holds the balances of a pool, read at the end of each block, and computes its depth from them.

Logs of such pools report what came and went, not always what was left. So the balances are those last read, and moves
within a block are added to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chain.events import Address
from chain.liquidity.depth import NEAR_BPS, stable, weighted
from chain.liquidity.pool import Move, share_of

ONE = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The parameters of a pool's prices: `weights` or `amplification` (Curve's A·n^(n−1)); without either, depth is not known.

    `scales` bring each balance to one unit of value (18 digits of fraction); `fee_ppm` is the swap fee in millionths.
    """

    scales: tuple[int, ...]
    fee_ppm: int
    weights: tuple[int, ...] = ()
    amplification: int = 0

    def depth(self, balances: Sequence[int], bps: int) -> tuple[int, ...] | None:
        """Each token's depth within ±bps, None where it cannot be known."""
        tokens = range(len(balances))
        if len(self.weights) == len(balances) > 1 and all(self.weights):
            return tuple(weighted(balances, self.weights, at, self.fee_ppm, bps) for at in tokens)
        if self.amplification and len(self.scales) == len(balances) > 1 and all(self.scales):
            scaled = [held * scale // ONE for held, scale in zip(balances, self.scales, strict=True)]
            found = [stable(scaled, self.amplification, at, self.fee_ppm, bps) for at in tokens]
            return tuple(depth * ONE // scale for depth, scale in zip(found, self.scales, strict=True))
        return None


class Balances:
    """One pool's balance of each token, as last read and moved since."""

    def __init__(self) -> None:
        self.shape = Shape(scales=(), fee_ppm=0)
        self.now: tuple[int, ...] | None = None

    def moved(self, amounts: Sequence[int], owner: Address | None, *, removed: bool) -> Move:
        """Add or remove liquidity; returns the move with its share of the balances before."""
        before = self.now
        if before is not None and len(before) == len(amounts):
            sign = -1 if removed else 1
            self.now = tuple(max(held + sign * amount, 0) for held, amount in zip(before, amounts, strict=True))
        else:
            before = None
        return Move(
            removed=removed,
            amounts=tuple(amounts),
            share=share_of(amounts, before) if before else 0.0,
            owner=owner,
            before=self.shape.depth(before, NEAR_BPS) if before else None,
            after=self.shape.depth(self.now, NEAR_BPS) if before and self.now else None,
        )

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """Each token's depth now."""
        return self.shape.depth(self.now, bps) if self.now else None

    def memory(self) -> Any:
        """Balances and shape."""
        return msgspec.to_builtins([self.now, self.shape])

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        now, shape = plain
        self.now = None if now is None else tuple(now)
        self.shape = msgspec.convert(shape, Shape)


def array_at(words: Sequence[int], position: int) -> tuple[int, ...]:
    """The dynamic array whose offset is the word at this position of an answer or a log; empty where malformed."""
    start = words[position] // 32 if position < len(words) else len(words)
    if start >= len(words) or start + 1 + words[start] > len(words):
        return ()
    return tuple(words[start + 1 : start + 1 + words[start]])


def words_in(body: bytes) -> tuple[int, ...]:
    """The 32-byte words of a log's body."""
    return tuple(int.from_bytes(body[at : at + 32], "big") for at in range(0, len(body) - 31, 32))
