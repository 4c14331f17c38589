"""Grades jumps of a token's supply within a block: units made from nothing, destroyed, or changed without a log.

A rise by 5, 10 and 25 % is grade 1, 2 and 3. A fall that logs explain is grade 1: a burn takes nothing from other holders. What
no log explains is graded by its size in both directions, one higher. A reorg that undoes a jump withdraws its evidence.
"""

from __future__ import annotations

from monitor.correlator.producer import EventFindings, EvidenceBoard, Finding, brief, graded, token_words
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from monitor.signals.amounts import amount_of

SHARES = (0.05, 0.10, 0.25, float("inf"))
MAX_JUMPS = 512


class SupplyEvidence:
    """Jumps of supply, each active until it has faded."""

    kinds = frozenset({SignalKind.SUPPLY_JUMPED, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._findings = EventFindings(board, MAX_JUMPS)

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a jump, or its retraction."""
        asset = signal.subject.asset
        if asset is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            self._findings.retract(signal, asset)
            return
        event_id = str(signal.attributes.get("event_id", ""))
        finding = Finding(
            name="supply_jump",
            leg=Leg.MIGRATION,
            subject=Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract),
            key=event_id,
            grade=grade_of(signal.value, logged=signal.attributes.get("logged") is not False),
            onset_s=at_s,
            at_s=at_s,
            half_life_s=self._board.settings.upgrade_half_life_s,
            value=signal.value,
            normal=0.0,
            unit="share of the supply before",
            said=words_of(signal),
            links=[signal.link] if signal.link else [],
        )
        self._findings.put(event_id, asset, finding)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def grade_of(share: float, *, logged: bool) -> int:
    """1 to 4."""
    if logged:
        return max(graded(share, SHARES), 1)
    return min(max(graded(abs(share), SHARES), 1) + 1, 4)


def words_of(signal: Signal) -> str:
    """The jump in words."""
    attributes = signal.attributes
    way = "rose" if signal.value > 0 else "fell"
    whose = "most of it made for" if signal.value > 0 else "most of it destroyed from"
    by = f", {whose} {brief(attributes.get('by'))}" if attributes.get("by") else ""
    unsaid = " without a log" if attributes.get("logged") is False else ""
    amount = amount_of(attributes)
    size = f", {amount}," if amount else ""
    return f"the supply of {token_words(attributes)} {way} by {abs(signal.value):.0%}{size} within a block{unsaid}{by}"


PRODUCER = SupplyEvidence
