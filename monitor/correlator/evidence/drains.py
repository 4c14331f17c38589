"""Grades what pools lose without a removal of liquidity: emptied by swaps, by units just made, by a burn, a sync or a rebase.

20, 40 and 70 % of a token's ±2 % depth over the watched pools (of the pool, where the depth is not known) are grades 1, 2 and 3.
A loss that is no plain swap is one grade higher: no trade explains it. A reorg that undoes a drain withdraws its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitor.correlator.producer import EventFindings, EvidenceBoard, Finding, brief, graded, token_words
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.signals.amounts import amount_of

SHARES = (0.20, 0.40, 0.70, 1.01)
MAX_DRAINS = 512
CAUSES: Mapping[str, str] = {
    "swap": "bought out of the pool",
    "mint": "bought with units made for the buyer",
    "burn": "burnt by the token",
    "taken": "transferred out without a swap",
    "sync": "the pool's account fell although nothing left it",
    "rebase": "the token changed all balances",
}


class DrainsEvidence:
    """Drains of each pool, each active until it has faded."""

    kinds = frozenset({SignalKind.POOL_DRAINED, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._findings = EventFindings(board, MAX_DRAINS)

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a drain, or its retraction."""
        asset = signal.subject.asset
        if asset is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            self._findings.retract(signal, asset)
            return
        lost = lost_of(signal)
        grade = grade_of(lost, signal.attributes)
        if not grade:
            return
        event_id = str(signal.attributes.get("event_id", ""))
        finding = Finding(
            name="pool_drained",
            leg=Leg.MIGRATION,
            subject=Subject(asset=asset, network=signal.subject.network, pool=signal.subject.pool),
            key=event_id,
            grade=grade,
            onset_s=at_s,
            at_s=at_s,
            half_life_s=self._board.settings.liquidity_half_life_s,
            value=lost,
            normal=0.0,
            unit="share of ±2 % depth" if _known(signal) else "share of pool",
            said=words_of(signal),
            links=[signal.link] if signal.link else [],
        )
        self._findings.put(event_id, asset, finding)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def lost_of(signal: Signal) -> float:
    """The share of the depth that was lost; of the pool, where the depth is not known."""
    depth_share = signal.attributes.get("depth_share")
    return float(depth_share) if isinstance(depth_share, int | float) else signal.value


def grade_of(lost: float, attributes: Mapping[str, Scalar]) -> int:
    """0 to 4."""
    grade = graded(lost, SHARES)
    return min(grade + (attributes.get("cause") not in ("swap", "unknown")), 4) if grade else 0


def words_of(signal: Signal) -> str:
    """What was lost, and why, in words."""
    attributes = signal.attributes
    cause = CAUSES.get(str(attributes.get("cause")), "cause not known")
    by = f" by {brief(attributes.get('by'))}" if attributes.get("by") else ""
    depth = f", {lost_of(signal):.0%} of the ±2 % depth" if _known(signal) else ""
    pool = f"{attributes.get('pool_kind')} {brief(signal.subject.pool)}"
    amount = amount_of(attributes)
    lost = f" ({amount})" if amount else ""
    return f"{pool} lost {signal.value:.0%} of its {token_words(attributes)}{lost}{depth}: {cause}{by}"


def _known(signal: Signal) -> bool:
    return isinstance(signal.attributes.get("depth_share"), int | float)


PRODUCER = DrainsEvidence
