"""Watches the reserves of all pools from block to block, and reports what is drained from them; see `drains.py` for the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chain.blocks.block import Block, Log
from chain.events import Address, PoolDrained
from chain.liquidity.drains import WINDOW_S, Baseline, Loss, Mints, Reserves, Scene, cause_of, recalled, with_moves
from chain.liquidity.pool import Move, Pool


class DrainWatch:
    """One network's pools with their baselines, and the recent mints of their tokens."""

    def __init__(
        self, pools: Mapping[Address, Pool], kinds: Mapping[Address, str], swap_topics: frozenset[str]
    ) -> None:
        self._pools, self._kinds, self._swap_topics = pools, kinds, swap_topics
        self._baselines: dict[Address, Baseline] = {}
        self._held: dict[Address, tuple[int | None, Reserves | None]] = {}
        self._moved: dict[Address, list[Sequence[int]]] = {}
        self._swaps: dict[Address, dict[str, None]] = {}
        self.mints = Mints()

    def begin(self, block: Block) -> None:
        """Remember what the pools hold before this block."""
        self._held = {at: (pool.tick(), pool.reserves()) for at, pool in self._pools.items()}
        self._moved, self._swaps = {}, {}
        self.mints.take(block.logs, block.header.time.timestamp())

    def on_log(self, at: Address, log: Log) -> None:
        """Remember the transactions that swapped in this pool."""
        if log.topics[0] in self._swap_topics:
            self._swaps.setdefault(at, {})[log.transaction] = None

    def on_move(self, at: Address, move: Move, held: Reserves | None) -> None:
        """Take a move of liquidity; `held` are the reserves before its log."""
        pool = self._pools[at]
        now = pool.reserves()
        amounts = [-one if move.removed else one for one in move.amounts]
        if pool.tick() is not None:  # virtual reserves
            amounts = [after - before for before, after in zip(held or (), now or (), strict=True)]
        self._moved.setdefault(at, []).append(amounts)

    def drained(self, block: Block, near: Mapping[Address, Sequence[int]]) -> Iterator[PoolDrained]:
        """The losses that count, at the end of a block. `near`: each pool's ±2 % depth by token, as last reported."""
        at_s = block.header.time.timestamp()
        for at, pool in self._pools.items():
            (tick, held), now = self._held[at], pool.reserves()
            if held is None or now is None or len(held) != len(now) or (held == now and at not in self._moved):
                continue
            known = self._baselines.get(at)
            if known is None or at_s - known.at_s > WINDOW_S:
                known = self._baselines[at] = Baseline(at_s, tick, held)
            moves = self._moved.get(at, ())
            known.reserves = with_moves(known.reserves, moves)
            loss = known.loss(pool.tick(), now, near.get(at))
            if loss is not None:
                self._baselines[at] = Baseline(at_s, pool.tick(), now)
                parts: list[float] = []
                for token, depth, before, start in zip(pool.tokens, near.get(at, ()), loss.before, held, strict=False):
                    left = depth * before // max(start, 1)  # without the liquidity that was removed in this block
                    parts += [left / (left + self._elsewhere(token, at, near))] if left else []
                yield self._event(block, at, loss, with_moves(held, moves), loss.share * max(parts) if parts else None)

    def _elsewhere(self, token: Address, but: Address, near: Mapping[Address, Sequence[int]]) -> int:
        """The ±2 % depth of a token in all other pools before the block."""
        others = [(near[at], pool.tokens) for at, pool in self._pools.items() if at in near and at != but]
        return sum(depths[tokens.index(token)] for depths, tokens in others if token in tokens)

    def _event(self, block: Block, at: Address, loss: Loss, began: Reserves, depth_share: float | None) -> PoolDrained:
        pool = self._pools[at]
        emitter = pool.log_source[0]
        scene = Scene(
            tokens=pool.tokens,
            emitter=emitter,
            alone=emitter == at,
            virtual=pool.tick() is not None,
            swaps=self._swaps.get(at, {}),
            logs=block.logs,
            began=began,
            loss=loss,
            at_s=block.header.time.timestamp(),
        )
        cause, by, transaction = cause_of(scene, self.mints)
        log = next((one for one in block.logs if one.transaction == transaction), None)
        all_tokens = list(zip(pool.tokens, loss.before, loss.after, strict=True))
        token, before, after = all_tokens.pop(loss.most)
        return PoolDrained(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id("drained", at),
            pool=at,
            pool_kind=self._kinds[at],
            token=token,
            before=before,
            after=after,
            share=loss.share,
            cause=cause,
            by=by,
            depth_share=depth_share,
            others=tuple(all_tokens),
        )

    def memory(self, at: Address) -> list[object] | None:
        """A pool's baseline."""
        known = self._baselines.get(at)
        return None if known is None else known.memory()

    def forget(self) -> None:
        """Forget everything."""
        self._baselines.clear()
        self.mints = Mints()

    def recall(self, at: Address, plain: Sequence[object] | None) -> None:
        """Restore the baseline that `memory` gave."""
        known = recalled(plain)
        if known is not None:
            self._baselines[at] = known
