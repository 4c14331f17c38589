"""Where liquidity that left a pool went: removals matched with additions of the same token in other pools.

score = w_tx·[same transaction] + w_own·[same owner] + w_amt·exp(−|ln(a/r)|/0.1) + w_dt·2^(−Δt/1 h), capped at 1;
greedy by score from 0.6 on, each unit used once (facts on detection, §5). The weights are such that without a common
owner or transaction no pair gets there. What comes back to its own pool is a rebalancing and uses its units in
silence; an addition taken out again within two blocks was just-in-time liquidity and counts as neither.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from chain.block import Block, Needs
from chain.detector import Watch
from chain.events import Address, LiquidityMigrated, LiquidityMoved, PlacedEvent

STAGE = 2

SAME_TRANSACTION, SAME_OWNER, AMOUNT, SOON = 0.4, 0.4, 0.25, 0.25
LEAST_SCORE = 0.6
AMOUNT_SCALE = 0.1
HALF_LIFE_S = 3600.0
HORIZON_S = 7 * 86_400.0
JIT_BLOCKS = 2
MOST_OPEN = 512


class _Side(msgspec.Struct, array_like=True):
    """One token of one move; `left` is what no match has used yet, of `amount`."""

    event_id: str
    pool: str
    token: str
    owner: str | None
    transaction: str | None
    block_number: int
    time_s: float
    amount: int
    left: int
    share: float
    removed: bool


class _Memory(msgspec.Struct):
    removals: list[_Side] = []
    additions: list[_Side] = []


class Migrations:
    """Open removals, and the additions still young enough to be just-in-time."""

    def __init__(self) -> None:
        self._memory = _Memory()

    def needs(self) -> Needs:
        """Nothing of its own: it lives on what stage 1 saw."""
        return Needs()

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Matches whose later half is in this block."""
        moves = [event for event in earlier if isinstance(event, LiquidityMoved)]
        if not moves:
            return []
        self._forget(block)
        sides = [side for event in moves for side in _sides(event)]
        for side in sides:
            if side.removed and not self._just_in_time(side):
                self._memory.removals.append(side)
            elif not side.removed:
                self._memory.additions.append(side)
        del self._memory.removals[:-MOST_OPEN]
        del self._memory.additions[:-MOST_OPEN]
        return [
            found
            for addition in self._memory.additions
            if addition.block_number == block.header.number
            for found in self._match(block, addition)
        ]

    def memory(self) -> bytes:
        """The open sides. Written by the standard library: amounts have up to 256 bits."""
        return json.dumps(msgspec.to_builtins(self._memory)).encode()

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self._memory = msgspec.convert(json.loads(memory), _Memory)

    def _forget(self, block: Block) -> None:
        oldest_s = block.header.time.timestamp() - HORIZON_S
        self._memory.removals = [one for one in self._memory.removals if one.left and one.time_s >= oldest_s]
        youngest = block.header.number - JIT_BLOCKS
        self._memory.additions = [one for one in self._memory.additions if one.block_number >= youngest]

    def _just_in_time(self, removal: _Side) -> bool:
        for addition in self._memory.additions:
            same = (addition.pool, addition.token, addition.owner) == (removal.pool, removal.token, removal.owner)
            if same and addition.left == addition.amount:
                self._memory.additions.remove(addition)
                return True
        return False

    def _match(self, block: Block, addition: _Side) -> Iterator[LiquidityMigrated]:
        scored = [(_score(one, addition), one) for one in self._memory.removals if one.token == addition.token]
        scored.sort(key=lambda pair: (-pair[0], pair[1].time_s, pair[1].event_id))
        for score, removal in scored:
            amount = min(removal.left, addition.left)
            if score < LEAST_SCORE or not amount:
                return
            removal.left -= amount
            addition.left -= amount
            if removal.pool != addition.pool:
                yield _migrated(block, removal, addition, amount, score)


def _sides(event: LiquidityMoved) -> Iterator[_Side]:
    for token, amount in ((event.token0, event.amount0), (event.token1, event.amount1)):
        if amount > 0:
            yield _Side(
                event_id=event.event_id,
                pool=event.pool,
                token=token,
                owner=event.owner,
                transaction=event.place.transaction,
                block_number=event.place.block_number,
                time_s=event.place.block_time.timestamp(),
                amount=amount,
                left=amount,
                share=event.share,
                removed=event.removed,
            )


def _score(removal: _Side, addition: _Side) -> float:
    if not removal.left or not addition.left:
        return 0.0
    score = AMOUNT * math.exp(-abs(math.log(addition.left / removal.left)) / AMOUNT_SCALE)
    score += SOON * 2 ** (-(addition.time_s - removal.time_s) / HALF_LIFE_S)
    score += SAME_TRANSACTION * (addition.transaction is not None and addition.transaction == removal.transaction)
    score += SAME_OWNER * (addition.owner is not None and addition.owner == removal.owner)
    return min(score, 1.0)


def _migrated(block: Block, removal: _Side, addition: _Side, amount: int, score: float) -> LiquidityMigrated:
    place = replace(block.place(), transaction=addition.transaction)
    return LiquidityMigrated(
        place=place,
        seen_at=block.seen_at,
        event_id=block.event_id("migrated", removal.token, removal.event_id, addition.event_id),
        token=Address(removal.token),
        from_pool=Address(removal.pool),
        to_pool=Address(addition.pool),
        amount=amount,
        share=removal.share * amount / removal.amount,
        score=score,
        removal_id=removal.event_id,
        addition_id=addition.event_id,
    )


def make(watch: Watch) -> Migrations:
    """The detector; it needs nothing of the watch but what stage 1 saw of it."""
    return Migrations()
