"""A contract of an asset that runs other code than it names: as grave as a silent upgrade, down again when it keeps its word.

A reorg that undoes the finding takes it down too; one that undoes its end puts it up again.
"""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding, brief
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

KEPT = 512
GRADE = 4
_Key = tuple[str, str]


class BehaviourEvidence:
    """Mismatches, each standing until it ends or has faded."""

    kinds = frozenset({SignalKind.BEHAVIOUR_MISMATCH, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._standing: dict[_Key, Signal] = {}  # (asset, contract) -> what was told last
        self._ended: dict[_Key, Signal] = {}  # (asset, event id of the end) -> what it ended

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a finding, its end, or the retraction of either."""
        asset = signal.subject.asset
        if asset is None:
            return
        place = (asset, signal.subject.contract or "")
        if signal.kind is SignalKind.RETRACTION:
            self._retract(place, str(signal.attributes.get("retracts", "")), at_s)
            return
        before = self._standing.pop(place, None)
        if before is not None:
            self._board.withdraw(_evidence_id(before))
        if signal.attributes.get("ended") is True:
            if before is not None:
                self._ended[asset, _event_id(signal)] = before
                _bound(self._ended)
        else:
            self._pin(place, signal, at_s)

    def _retract(self, place: _Key, event_id: str, at_s: float) -> None:
        standing = self._standing.get(place)
        if standing is not None and _event_id(standing) == event_id:
            del self._standing[place]
            self._board.withdraw(_evidence_id(standing), retracted=True)
        again = self._ended.pop((place[0], event_id), None)
        if again is not None:
            self._pin(place, again, at_s)

    def _pin(self, place: _Key, signal: Signal, at_s: float) -> None:
        self._standing[place] = signal
        _bound(self._standing)
        said = signal.attributes
        self._board.put(
            Finding(
                name="behaviour",
                leg=Leg.MIGRATION,
                subject=_subject(signal),
                key=_event_id(signal),
                grade=GRADE,
                onset_s=at_s,
                at_s=at_s,
                half_life_s=self._board.settings.upgrade_half_life_s,
                value=signal.value,
                normal=0.0,
                unit="probes",
                said=f"{brief(signal.subject.contract)} names {brief(str(said.get('claimed', '')).partition(',')[0])} and runs "
                f"{brief(said.get('actual'))} (by {said.get('probed_by')})",
                links=[signal.link] if signal.link else [],
            )
        )

    def on_second(self, now_s: float) -> None:
        """Nothing waits for time here."""


def _subject(signal: Signal) -> Subject:
    return Subject(asset=signal.subject.asset, network=signal.subject.network, contract=signal.subject.contract)


def _event_id(signal: Signal) -> str:
    return str(signal.attributes.get("event_id", ""))


def _evidence_id(signal: Signal) -> str:
    subject = signal.subject
    return ":".join(one for one in ("behaviour", subject.asset, subject.contract, _event_id(signal)) if one)


def _bound(kept: dict[_Key, Signal]) -> None:
    while len(kept) > KEPT:
        del kept[next(iter(kept))]


PRODUCER = BehaviourEvidence
