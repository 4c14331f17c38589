"""Liquidity that entered or left watched pools of every kind, what it was of the depth, and the depth itself.

The kinds are in `chain/pools`. Depth is told for the pool and for each token over all watched pools, for it is the
share of the token's ±2 % depth that moved by which a move is grave or not (facts on detection, §5).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from chain.blocks.block import Block, Log
from chain.blocks.reads import Reads, together
from chain.blocks.standards import TRANSFER
from chain.events import Address, DepthMoved, LiquidityMoved, PlacedEvent, PoolDepth, TokenDepth
from chain.liquidity import pools
from chain.liquidity.depth import DEPTHS_BPS, NEAR_BPS, concentration
from chain.liquidity.pool import Move, Pool
from chain.watch import Watch

STAGE = 1
POOL_KINDS = pools.kinds()

CHANGED = 0.1
"""A pool's ±2 % depth is told again when it has changed by this share."""


class Liquidity:
    """One network's pools, and what was last told of their depth."""

    def __init__(self, watch: Watch) -> None:
        made = {one.address: (one.kind, pools.made(one)) for one in watch.pools}
        self._pools: dict[Address, Pool] = {at: pool for at, (_, pool) in made.items() if pool is not None}
        self._kinds = {at: kind for at, (kind, _) in made.items()}
        self._by_teller = {pool.log_source: at for at, pool in self._pools.items()}
        self._by_keeper: dict[Address, list[Pool]] = defaultdict(list)
        for pool in self._pools.values():
            if pool.position_manager is not None:
                self._by_keeper[pool.position_manager].append(pool)
        self._told: dict[Address, list[int]] = {}
        self._known_at: dict[Address, int] = {}
        self._looked: dict[Address, object] = {}
        self._changed = set(self._pools)  # pools whose wishes may have changed
        self._wanted: dict[Address, Reads] = {}
        self._needs = Reads()

    def reads(self) -> Reads:
        """What each pool needs."""
        fresh = {at: self._pools[at].reads() for at in sorted(self._changed)}
        self._changed.clear()
        if any(self._wanted.get(at) != one for at, one in fresh.items()):
            self._wanted |= fresh
            self._needs = together(self._wanted.values())
        return self._needs

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Each move in its place, then the depths that changed."""
        found: list[PlacedEvent] = []
        heard = [(log, self._heard(log)) for log in block.logs]
        heard = [(log, at) for log, at in heard if at is not None or log.address in self._by_keeper]
        same: dict[str, list[Log]] = defaultdict(list)
        for log in block.logs if heard else ():
            same[log.transaction].append(log)
        for log, at in heard:
            if at is None:
                self._hand_on(log)
                continue
            self._changed.add(at)
            move = self._pools[at].on_log(log, same[log.transaction])
            if move is not None:
                self._looked.pop(at, None)
                if len(self._pools[at].tokens) > 1:
                    found.append(self._moved(block, log, at, move))
        if block.state:
            self._changed.update(self._pools)
            for pool in self._pools.values():
                pool.on_state(block.state)
        return [*found, *self._depths_told(block)]

    def memory(self) -> bytes:
        """Each pool's own memory, and the depths last told."""
        return json.dumps({at: memory.decode() for at, memory in self.parts().items()}).encode()

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes."""
        self.recall_parts({at: part.encode() for at, part in json.loads(memory).items()})

    def parts(self) -> dict[str, bytes]:
        """Each pool by itself: most do not change from block to block."""
        return {
            at: json.dumps([pool.memory(), self._told.get(at), self._known_at.get(at)], separators=(",", ":")).encode()
            for at, pool in self._pools.items()
        }

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Be as when `parts` gave these; pools that are not among them, or no longer watched, start anew."""
        for forgotten in (self._looked, self._told, self._known_at):
            forgotten.clear()
        self._changed.update(self._pools)
        for at, pool in self._pools.items():
            if at in parts:
                plain, told, known_at = json.loads(parts[at])
                pool.recall(plain)
                self._told |= {at: told} if told is not None else {}
                self._known_at |= {at: known_at} if known_at is not None else {}

    def pool(self, address: Address) -> Pool:
        """One of the watched pools, as it is known now. Raises KeyError where it is not watched."""
        return self._pools[address]

    def _hand_on(self, log: Log) -> None:
        if log.topics[:1] == (TRANSFER,):
            for pool in self._by_keeper.get(log.address, ()):
                pool.on_handed(log)

    def _heard(self, log: Log) -> Address | None:
        if not log.topics:
            return None
        found = self._by_teller.get((log.address, ""))
        if found is None and len(log.topics) > 1:
            found = self._by_teller.get((log.address, log.topics[1]))
        return found

    def _moved(self, block: Block, log: Log, at: Address, move: Move) -> LiquidityMoved:
        tokens = self._pools[at].tokens
        pairs = list(zip(tokens, move.amounts, strict=True))
        return LiquidityMoved(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index, "moved", at),
            pool=at,
            pool_kind=self._kinds[at],
            token0=pairs[0][0],
            token1=pairs[1][0],
            amount0=pairs[0][1],
            amount1=pairs[1][1],
            share=move.share,
            removed=move.removed,
            owner=move.owner,
            more=tuple(pairs[2:]),
            depth=self._depth_moved(at, move),
        )

    def _depth_moved(self, at: Address, move: Move) -> tuple[DepthMoved, ...]:
        if move.before is None or move.after is None:
            return ()
        found: list[DepthMoved] = []
        for token, before, after in zip(self._pools[at].tokens, move.before, move.after, strict=True):
            others = [depth for other, depth in self._near(token).items() if other != at]
            found.append(
                DepthMoved(
                    token=token,
                    moved=max(before - after if move.removed else after - before, 0),
                    pool_before=before,
                    token_before=before + sum(others),
                    hhi_before=concentration([*others, before]),
                    hhi_after=concentration([*others, after]),
                )
            )
        return tuple(found)

    def _near(self, token: Address) -> dict[Address, int]:
        """The ±2 % depth of a token in each pool that has it."""
        found: dict[Address, int] = {}
        for at, pool in self._pools.items():
            if token in pool.tokens and (depth := pool.depth(NEAR_BPS)) is not None:
                found[at] = depth[pool.tokens.index(token)]
        return found

    def _depths_told(self, block: Block) -> list[PlacedEvent]:
        """Of the pools that this block touched, and of those whose depth is known and still to be told."""
        if not self._changed and len(self._told) == len(self._known_at):
            return []
        looked_at = [at for at in self._pools if at in self._changed or (at in self._known_at and at not in self._told)]
        return [told for at in looked_at if (told := self._depth_told(block, at))]

    def _depth_told(self, block: Block, at: Address) -> PoolDepth | None:
        """The pool's depth, where it is to be told: once after it became known, and when it has changed enough."""
        pool = self._pools[at]
        now = (pool.tick(), pool.reserves())
        number = block.header.number
        first = at not in self._told
        if not first and self._looked.get(at) == now:
            return None
        near = pool.depth(NEAR_BPS)
        if near is None or pool.depth(DEPTHS_BPS[-1]) is None:
            return None
        self._looked[at] = now
        if first and self._known_at.setdefault(at, number) >= number:
            return None  # what stands in the very block it was first read in is told in the next
        before = self._told.get(at, [])
        if not first and all(abs(one - old) <= CHANGED * old for one, old in zip(near, before, strict=True)):
            return None
        self._told[at] = list(near)
        return PoolDepth(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("depth", at),
            pool=at,
            pool_kind=self._kinds[at],
            tick=pool.tick(),
            tokens=self._token_depths(pool, at),
        )

    def _token_depths(self, pool: Pool, at: Address) -> tuple[TokenDepth, ...]:
        depths = [pool.depth(bps) for bps in DEPTHS_BPS]
        reserves = pool.reserves() or ()
        found: list[TokenDepth] = []
        for index, token in enumerate(pool.tokens):
            within = [0 if depth is None else depth[index] for depth in depths]
            near = self._near(token)
            total = sum(near.values())
            found.append(
                TokenDepth(
                    token=token,
                    reserve=reserves[index],
                    within_1=within[0],
                    within_2=within[1],
                    within_5=within[2],
                    share=near[at] / total if total else 0.0,
                )
            )
        return tuple(found)


def make(watch: Watch) -> Liquidity:
    """The detector for this watch."""
    return Liquidity(watch)
