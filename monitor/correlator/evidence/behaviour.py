"""Finds contracts of an asset that run other code than they name: as grave as a silent upgrade.

The evidence is withdrawn when the contract runs again what it names, or when a reorg undoes the finding. A reorg that undoes
the end puts the evidence back.
"""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding, brief
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

MAX_CONTRACTS = 512
GRADE = 4
_Key = tuple[str, str]


class BehaviourEvidence:
    """Mismatches, each active until it ends or has faded."""

    kinds = frozenset({SignalKind.BEHAVIOUR_MISMATCH, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._active: dict[_Key, Signal] = {}  # (asset, contract) -> the last mismatch
        self._ended: dict[_Key, Signal] = {}  # (asset, event id of the end) -> the mismatch that ended

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a finding, its end, or the retraction of either."""
        asset = signal.subject.asset
        if asset is None:
            return
        key = (asset, signal.subject.contract or "")
        if signal.kind is SignalKind.RETRACTION:
            self._retract(key, str(signal.attributes.get("retracts", "")), at_s)
            return
        before = self._active.pop(key, None)
        if before is not None:
            self._board.withdraw(_evidence_id(before))
        if signal.attributes.get("ended") is True:
            if before is not None:
                self._ended[asset, _event_id(signal)] = before
                _limit(self._ended)
        else:
            self._put(key, signal, at_s)

    def _retract(self, key: _Key, event_id: str, at_s: float) -> None:
        active = self._active.get(key)
        if active is not None and _event_id(active) == event_id:
            del self._active[key]
            self._board.withdraw(_evidence_id(active), retracted=True)
        again = self._ended.pop((key[0], event_id), None)
        if again is not None:
            self._put(key, again, at_s)

    def _put(self, key: _Key, signal: Signal, at_s: float) -> None:
        self._active[key] = signal
        _limit(self._active)
        attributes = signal.attributes
        claimed = str(attributes.get("claimed", "")).partition(",")[0]
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
                said=f"{brief(signal.subject.contract)} names {brief(claimed)} and runs "
                f"{brief(attributes.get('actual'))} (by {attributes.get('probed_by')})",
                links=[signal.link] if signal.link else [],
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def _subject(signal: Signal) -> Subject:
    return Subject(asset=signal.subject.asset, network=signal.subject.network, contract=signal.subject.contract)


def _event_id(signal: Signal) -> str:
    return str(signal.attributes.get("event_id", ""))


def _evidence_id(signal: Signal) -> str:
    subject = signal.subject
    return ":".join(one for one in ("behaviour", subject.asset, subject.contract, _event_id(signal)) if one)


def _limit(entries: dict[_Key, Signal]) -> None:
    while len(entries) > MAX_CONTRACTS:
        del entries[next(iter(entries))]


PRODUCER = BehaviourEvidence
