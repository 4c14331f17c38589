"""Grades freezes: a token's issuer froze a watched pool or a venue's hot wallet, or destroyed what it held.

A freeze is grade 3, destroyed units are grade 4: what lies there cannot leave. Lifting withdraws the evidence, and so does a
reorg that undoes it.
"""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding, brief, token_words
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from monitor.signals.amounts import amount_of

MAX_FREEZES = 512
_Where = tuple[str, str, str]


class FreezesEvidence:
    """Freezes by asset, token and holder, each active until it is lifted or has faded."""

    kinds = frozenset({SignalKind.HOLDER_FROZEN, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._frozen: dict[_Where, tuple[str, str]] = {}  # -> event id, evidence id

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a freeze, its end, or its retraction."""
        asset = signal.subject.asset
        if asset is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            undone = str(signal.attributes.get("retracts", ""))
            for where in [one for one, (event_id, _) in self._frozen.items() if event_id == undone and one[0] == asset]:
                self._board.withdraw(self._frozen.pop(where)[1], retracted=True)
            return
        where = (asset, str(signal.attributes.get("token")), str(signal.attributes.get("holder")))
        if not signal.value:
            _, evidence_id = self._frozen.pop(where, ("", ""))
            self._board.withdraw(evidence_id)
            return
        destroyed = signal.attributes.get("destroyed")
        event_id = str(signal.attributes.get("event_id", ""))
        subject = signal.subject
        place = f"pool {brief(subject.pool)}" if subject.venue is None else f"hot wallet of {subject.venue}"
        what = "was frozen" if destroyed is None else f"lost {amount_of(signal.attributes) or f'{destroyed:.4g} units'}"
        finding = Finding(
            name="holder_frozen",
            leg=Leg.MIGRATION,
            subject=Subject(asset=asset, network=subject.network, venue=subject.venue, pool=subject.pool),
            key="/".join(where[1:]),
            grade=3 if destroyed is None else 4,
            onset_s=at_s,
            at_s=at_s,
            half_life_s=self._board.settings.upgrade_half_life_s,
            value=1.0,
            normal=0.0,
            unit="1",
            said=f"{place} {what} by the issuer of {token_words(signal.attributes)}",
            links=[signal.link] if signal.link else [],
        )
        self._frozen[where] = (event_id, finding.evidence_id)
        while len(self._frozen) > MAX_FREEZES:
            del self._frozen[next(iter(self._frozen))]
        self._board.put(finding)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = FreezesEvidence
