"""Finds liquidity that leaves a pool: migrated to another pool, or gone without an explanation; by share of the pool.

Handles only pools whose depth is unknown; `liquidity_accounts.py` handles the others by depth. 20, 40 and 70 % of a pool are
grades 1, 2 and 3. Removals of the last ten minutes add up; those of six hours do too, to 30, 60 and 85 %. What matches a
migration is reported as one. A reorg that undoes an event withdraws its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding, brief, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

SHARES = (0.20, 0.40, 0.70, 1.01)
WINDOW_S = 600.0
SLOW_SHARES = (0.30, 0.60, 0.85, 1.01)
SLOW_WINDOW_S = 6 * 3600.0
"""A pool that is emptied by small parts: chance does more in hours than in minutes, so the shares are higher."""
MAX_MOVES = 256


@dataclass(frozen=True, slots=True)
class _Move:
    event_id: str
    at_s: float
    share: float
    """The part of the pool that left; negative for what was added."""


class LiquidityEvidence:
    """Moves of each pool, per asset."""

    kinds = frozenset(
        {SignalKind.LIQUIDITY_REMOVED, SignalKind.LIQUIDITY_ADDED, SignalKind.MIGRATION, SignalKind.RETRACTION}
    )

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._moves: dict[tuple[str, str, str], list[_Move]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one move or its retraction."""
        asset, pool = signal.subject.asset, signal.subject.pool
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(signal.attributes.get("retracts", "")), at_s)
            return
        if asset is None or pool is None or signal.attributes.get("depth_share") is not None:
            return
        event_id = str(signal.attributes.get("event_id", ""))
        to_pool = signal.attributes.get("to_pool")
        if successor := signal.attributes.get("successor"):
            to_pool = f"{brief(to_pool)} of its successor {brief(successor)}"
        if signal.kind is SignalKind.MIGRATION:
            self._move("migration", signal.subject, _Move(event_id, at_s, signal.value), to_pool)
            explained = _Move(event_id, at_s, -signal.value / max(1 - signal.value, 0.01))
            self._move("liquidity_gone", signal.subject, explained, None)
        else:
            added = signal.kind is SignalKind.LIQUIDITY_ADDED
            share = -signal.value if added else signal.value
            self._move("liquidity_gone", signal.subject, _Move(event_id, at_s, share), None)

    def _move(self, name: str, subject: Subject, move: _Move, to_pool: object) -> None:
        asset, pool = str(subject.asset), str(subject.pool)
        moves = self._moves.setdefault((name, asset, pool), [])
        moves.append(move)
        moves[:] = [one for one in moves[-MAX_MOVES:] if move.at_s - one.at_s <= SLOW_WINDOW_S]
        self._judge(name, asset, pool, subject.network, move.at_s, to_pool)

    def _judge(self, name: str, asset: str, pool: str, network: str | None, at_s: float, to_pool: object) -> None:
        moves = self._moves[name, asset, pool]
        recent = [one for one in moves if at_s - one.at_s <= WINDOW_S]
        fast, slow = _moved(recent), _moved(moves)
        grade = max(graded(fast, SHARES), graded(slow, SLOW_SHARES))
        if graded(fast, SHARES) == grade:
            moved, moves = fast, recent
        else:
            moved = slow
        if not grade:
            self._board.withdraw(f"{name}:{asset}:{pool}")
            return
        words = f"migrated to {brief(to_pool)}" if name == "migration" else "removed"
        self._board.put(
            Finding(
                name=name,
                leg=Leg.MIGRATION,
                subject=Subject(asset=asset, network=network, pool=pool),
                grade=grade,
                onset_s=min(one.at_s for one in moves),
                at_s=at_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=moved,
                normal=0.0,
                unit="share of pool",
                said=f"{moved:.0%} of pool {brief(pool)} {words}",
            )
        )

    def _retract(self, event_id: str, at_s: float) -> None:
        for (name, asset, pool), moves in self._moves.items():
            left = [one for one in moves if one.event_id != event_id]
            if len(left) != len(moves):
                moves[:] = left
                self._board.withdraw(f"{name}:{asset}:{pool}", retracted=True)
                if left:
                    self._judge(name, asset, pool, None, at_s, "another pool")

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def _moved(moves: Sequence[_Move]) -> float:
    left = 1.0
    for one in moves:
        left *= 1 - one.share
    return 1 - left


PRODUCER = LiquidityEvidence
