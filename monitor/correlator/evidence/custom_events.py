"""Puts the events that the operator described on the board, in the leg and with the grade that the operator gave them.

A rule is one piece of evidence for an asset and contract: another event renews it. A reorg withdraws it with its last event.
"""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

HALF_LIFE_S = 3_600.0
MAX_EVENTS = 512
"""Events that a reorg could still undo."""


class CustomEventEvidence:
    """Events of the operator's own."""

    kinds = frozenset({SignalKind.CUSTOM_EVENT, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._events: deque[tuple[str, str, str]] = deque(maxlen=MAX_EVENTS)
        """Asset, event id, evidence id."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take an event, or its retraction."""
        asset = signal.subject.asset
        if asset is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            self._withdraw(asset, str(signal.attributes.get("retracts", "")))
            return
        of = signal.attributes
        grade = of.get("grade")
        finding = Finding(
            name="custom_event",
            leg=Leg(str(of.get("leg"))),
            subject=Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract),
            key=str(of.get("rule")),
            grade=grade if isinstance(grade, int) else 1,
            onset_s=at_s,
            at_s=at_s,
            half_life_s=HALF_LIFE_S,
            value=1.0,
            normal=0.0,
            unit="1",
            said=f"{of.get('rule')}: {signal.subject.contract} wrote {of.get('signature')} ({of.get('arguments')})",
            links=[signal.link] if signal.link else [],
        )
        self._events.append((asset, str(of.get("event_id", "")), finding.evidence_id))
        self._board.put(finding)

    def _withdraw(self, asset: str, event_id: str) -> None:
        gone = {one for one in self._events if one[:2] == (asset, event_id)}
        if gone:
            self._events = deque((one for one in self._events if one not in gone), MAX_EVENTS)
            left = {evidence_id for _, _, evidence_id in self._events}
            for _, _, evidence_id in sorted(gone):
                if evidence_id not in left:
                    self._board.withdraw(evidence_id, retracted=True)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = CustomEventEvidence
