"""Reports liquidity that entered or left watched pools of every kind, its share of the depth, the depth itself, and drains.

The kinds are in `chain/liquidity/pools`. Depth is reported for the pool and for each token over all watched pools, because
the share of the token's ±2 % depth that moved decides how grave a move is (`docs/detection.md`, "Rates and grades").
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
from chain.liquidity.depth import DEPTHS_BPS, NEAR_BPS, Depth, concentration
from chain.liquidity.drain_watch import DrainWatch
from chain.liquidity.drains import OWN_COINS
from chain.liquidity.pool import Move, Pool
from chain.watch import Watch

STAGE = 1
POOL_KINDS = pools.kinds()

CHANGED = 0.1
"""A pool's ±2 % depth, or what its tokens sell for, is reported again when it has changed by this share."""
REPEAT_S = 3600
"""And so long after the last report by the blocks' times: who reads it knows that it is watched."""
MINTS = "mints"
"""The part of the memory that belongs to no pool."""


class Liquidity:
    """One network's pools, and their depths as last reported."""

    def __init__(self, watch: Watch) -> None:
        watched = {one.address: (one.kind, pools.make_pool(one)) for one in watch.pools}
        self._pools: dict[Address, Pool] = {at: pool for at, (_, pool) in watched.items() if pool is not None}
        self._kinds = {at: kind for at, (kind, _) in watched.items()}
        self._by_log_source = {pool.log_source: at for at, pool in self._pools.items()}
        self._by_position_manager: dict[Address, list[Pool]] = defaultdict(list)
        for pool in self._pools.values():
            if pool.position_manager is not None:
                self._by_position_manager[pool.position_manager].append(pool)
        self._reported: dict[Address, list[int]] = {}
        self._known_at: dict[Address, int] = {}
        self._sold: dict[Address, tuple[list[int], float]] = {}
        """What the tokens of a pool sold for as last reported, and the time of that block."""
        self._compared: dict[Address, object] = {}
        self._changed = set(self._pools)  # pools whose reads may have changed
        self._wanted: dict[Address, Reads] = {}
        self._reads = Reads()
        self._drains = DrainWatch(self._pools, self._kinds, pools.swap_topics())

    def reads(self) -> Reads:
        """The reads of all pools."""
        fresh = {at: self._pools[at].reads() for at in sorted(self._changed)}
        self._changed.clear()
        if any(self._wanted.get(at) != one for at, one in fresh.items()):
            self._wanted |= fresh
            tokens = frozenset(token for pool in self._pools.values() for token in pool.tokens) - OWN_COINS
            transfers = Reads(addresses=tokens, topics=frozenset({TRANSFER}) if tokens else frozenset())
            self._reads = together([*self._wanted.values(), transfers])
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Each move in its place, then what was drained, then the depths that changed."""
        found: list[PlacedEvent] = []
        self._drains.begin(block)
        logs = [(log, self._pool_of(log)) for log in block.logs]
        logs = [(log, at) for log, at in logs if at is not None or log.address in self._by_position_manager]
        same: dict[str, list[Log]] = defaultdict(list)
        for log in block.logs if logs else ():
            same[log.transaction].append(log)
        for log, at in logs:
            if at is None:
                self._on_transfer(log)
                continue
            self._changed.add(at)
            held = self._pools[at].reserves()
            self._drains.on_log(at, log)
            move = self._pools[at].on_log(log, same[log.transaction])
            if move is not None:
                self._drains.on_move(at, move, held)
                self._compared.pop(at, None)
                if len(self._pools[at].tokens) > 1:
                    found.append(self._moved(block, log, at, move))
        if block.state:
            self._changed.update(self._pools)
            for pool in self._pools.values():
                pool.on_state(block.state)
        found += self._drains.drained(block, self._reported)
        return [*found, *self._changed_depths(block)]

    def memory(self) -> bytes:
        """Each pool's own memory, and the depths last reported."""
        return json.dumps({at: memory.decode() for at, memory in self.parts().items()}).encode()

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self.recall_parts({at: part.encode() for at, part in json.loads(memory).items()})

    def parts(self) -> dict[str, bytes]:
        """Each pool by itself: most do not change from block to block."""
        parts = {
            str(at): json.dumps(
                [
                    pool.memory(),
                    self._reported.get(at),
                    self._known_at.get(at),
                    self._drains.memory(at),
                    self._sold.get(at),
                ],
                separators=(",", ":"),
            ).encode()
            for at, pool in self._pools.items()
        }
        return parts | {MINTS: json.dumps(self._drains.mints.memory(), separators=(",", ":")).encode()}

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Restore the memory that `parts` gave; pools that are not among them, or no longer watched, start anew."""
        for forgotten in (self._compared, self._reported, self._known_at, self._sold):
            forgotten.clear()
        self._changed.update(self._pools)
        self._drains.forget()
        self._drains.mints.recall(json.loads(parts.get(MINTS, b"{}")))
        for at, pool in self._pools.items():
            if at in parts:
                plain, reported, known_at, *rest = json.loads(parts[at])
                pool.recall(plain)
                self._drains.recall(at, rest[0] if rest else None)
                self._reported |= {at: reported} if reported is not None else {}
                self._known_at |= {at: known_at} if known_at is not None else {}
                if len(rest) > 1 and rest[1] is not None:
                    self._sold[at] = (rest[1][0], rest[1][1])

    def pool(self, address: Address) -> Pool:
        """One of the watched pools with its present state. Raises KeyError where it is not watched."""
        return self._pools[address]

    def _on_transfer(self, log: Log) -> None:
        if log.topics[:1] == (TRANSFER,):
            for pool in self._by_position_manager.get(log.address, ()):
                pool.on_position_transfer(log)

    def _pool_of(self, log: Log) -> Address | None:
        if not log.topics:
            return None
        found = self._by_log_source.get((log.address, ""))
        if found is None and len(log.topics) > 1:
            found = self._by_log_source.get((log.address, log.topics[1]))
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

    def _changed_depths(self, block: Block) -> list[PlacedEvent]:
        """The depths of the pools that this block touched, and of those that are known and were not reported of late."""
        before_s = block.header.time.timestamp() - REPEAT_S
        due = {at for at, (_, reported_s) in self._sold.items() if reported_s <= before_s}
        if not self._changed and not due and len(self._reported) == len(self._known_at):
            return []
        to_compare = [
            at
            for at in self._pools
            if at in self._changed or at in due or (at in self._known_at and at not in self._reported)
        ]
        for at in due:
            self._compared.pop(at, None)
        return [event for at in to_compare if (event := self._changed_depth(block, at))]

    def _changed_depth(self, block: Block, at: Address) -> PoolDepth | None:
        """The pool's depth if it is to be reported: once after it became known, and when it has changed enough."""
        pool = self._pools[at]
        now = (pool.tick(), pool.reserves())
        number = block.header.number
        first = at not in self._reported
        if not first and self._compared.get(at) == now:
            return None
        near = pool.depth(NEAR_BPS)
        if near is None or pool.depth(DEPTHS_BPS[-1]) is None:
            return None
        self._compared[at] = now
        if first and self._known_at.setdefault(at, number) >= number:
            return None  # a depth is reported in the block after the one in which it was first read
        tokens = self._token_depths(pool, at)
        sold = [one.got_1 or 0 for one in tokens] + [one.got_5 or 0 for one in tokens]
        if not first and not self._differs(at, near, sold, block):
            return None
        self._reported[at] = list(near)
        self._sold[at] = (sold, block.header.time.timestamp())
        return PoolDepth(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("depth", at),
            pool=at,
            pool_kind=self._kinds[at],
            tick=pool.tick(),
            tokens=tokens,
        )

    def _differs(self, at: Address, near: Sequence[int], sold: Sequence[int], block: Block) -> bool:
        """Whether a depth is another than the one last reported, or that report is old."""
        sold_before, reported_s = self._sold.get(at, ([], 0.0))
        if len(sold) != len(sold_before) or block.header.time.timestamp() - reported_s >= REPEAT_S:
            return True
        pairs = zip([*near, *sold], [*self._reported.get(at, []), *sold_before], strict=True)
        return any(abs(one - old) > CHANGED * old for one, old in pairs)

    def _token_depths(self, pool: Pool, at: Address) -> tuple[TokenDepth, ...]:
        depths = [pool.depth(bps) for bps in DEPTHS_BPS]
        one_percent, five_percent = (_sales(pool.trades(bps)) for bps in (DEPTHS_BPS[0], DEPTHS_BPS[-1]))
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
                    sold_1=one_percent[index][0] if index < 2 else None,
                    got_1=one_percent[index][1] if index < 2 else None,
                    sold_5=five_percent[index][0] if index < 2 else None,
                    got_5=five_percent[index][1] if index < 2 else None,
                )
            )
        return tuple(found)


def _sales(trades: Depth | None) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    """Of each token what is sold, and what of the other is got for it; None where that is not known exactly."""
    if trades is None:
        return (None, None), (None, None)
    return (trades.paid0, trades.got1), (trades.paid1, trades.bought0)


def make(watch: Watch) -> Liquidity:
    """The detector for this watch."""
    return Liquidity(watch)
