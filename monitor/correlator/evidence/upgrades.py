"""Code changes under an asset: executed, silent, unannounced and queued upgrades, taken back when a reorg undoes them.

An executed upgrade is grade 3, also one that only behaviour showed; one no log told, or one that went around its timelock,
grade 4; a queued one grade 1 until an hour before it may run, then 2 (facts: detection §6, §7). A change of admin alone is
grade 2. What becomes known later of the new code joins it: code that is not there at all makes grade 4, source that an
explorer says is not verified one grade more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.correlator.producer import EvidenceBoard, Finding, brief
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

KEPT = 512
SILENT = frozenset({"slot", "code", "trace"})
MAX_NAMED = 3
"""Functions gained or lost that are named in words."""


@dataclass(frozen=True, slots=True)
class _Queued:
    subject: Subject
    event_id: str
    eta_s: float
    onset_s: float
    new: str


@dataclass(frozen=True, slots=True)
class _Pinned:
    subject: Subject
    event_id: str
    grade: int
    at_s: float
    link: str | None
    said: str
    code: str = ""
    source: str = ""
    bricked: bool = False
    unverified: bool = False

    @property
    def weighs(self) -> int:
        """The grade with all that is known by now."""
        return 4 if self.bricked else min(self.grade + self.unverified, 4)


class UpgradeEvidence:
    """Upgrades, done and to come."""

    kinds = frozenset(
        {
            SignalKind.UPGRADE,
            SignalKind.CODE_COMPARED,
            SignalKind.SOURCE_CHECKED,
            SignalKind.UPGRADE_QUEUED,
            SignalKind.OPERATION_ENDED,
            SignalKind.RETRACTION,
        }
    )

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._queued: dict[tuple[str, str], _Queued] = {}
        self._pinned: dict[tuple[str, str], _Pinned] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a chain event about code."""
        event_id = str(signal.attributes.get("event_id", ""))
        asset = signal.subject.asset
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(signal.attributes.get("retracts", "")), asset)
        elif signal.kind is SignalKind.UPGRADE and asset is not None:
            self._upgraded(signal, asset, event_id, at_s)
        elif signal.kind in (SignalKind.CODE_COMPARED, SignalKind.SOURCE_CHECKED):
            self._learned(signal, str(signal.attributes.get("upgrade", "")), asset or "")
        elif signal.kind is SignalKind.UPGRADE_QUEUED and asset is not None:
            new = str(signal.attributes.get("new") or "unknown code")
            operation = str(signal.attributes.get("operation", event_id))
            while len(self._queued) >= KEPT:
                del self._queued[next(iter(self._queued))]
            self._queued[operation, asset] = _Queued(signal.subject, event_id, signal.value, at_s, new)
        elif signal.kind is SignalKind.OPERATION_ENDED:
            operation = str(signal.attributes.get("operation", ""))
            for key in [one for one in self._queued if one[0] == operation]:
                self._board.withdraw(self._evidence_id("upgrade_queued", self._queued.pop(key).subject, operation))

    def _upgraded(self, signal: Signal, asset: str, event_id: str, at_s: float) -> None:
        role = str(signal.attributes.get("role", "implementation"))
        by = signal.attributes.get("seen_by")
        custom = by == "behaviour" or signal.attributes.get("proxy_kind") == "custom"  # whose logs nobody knows
        silent = by in SILENT and not custom
        unqueued = signal.attributes.get("queued") is False
        grade = 4 if silent or unqueued else 2 if role == "admin" else 3
        how = "silently, no event" if silent else "around its timelock" if unqueued else "by event"
        how = "found by its behaviour" if custom and not unqueued else how
        subject = Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract)
        pinned = _Pinned(
            subject=subject, event_id=event_id, grade=grade, at_s=at_s, link=signal.link,
            said=f"{signal.attributes.get('proxy_kind', 'proxy')} {brief(subject.contract)}: {role} changed to "
            f"{brief(signal.attributes.get('new'))} ({how})",
        )  # fmt: skip
        while len(self._pinned) >= KEPT:
            del self._pinned[next(iter(self._pinned))]
        self._pinned[event_id, asset] = pinned
        self._pin(pinned)

    def _pin(self, one: _Pinned) -> None:
        self._board.put(
            Finding(
                name="upgrade",
                leg=Leg.MIGRATION,
                subject=one.subject,
                key=one.event_id,
                grade=one.weighs,
                onset_s=one.at_s,
                at_s=one.at_s,
                half_life_s=self._board.settings.upgrade_half_life_s,
                value=1.0,
                normal=0.0,
                unit="1",
                said=one.said + one.code + one.source,
                links=[one.link] if one.link else [],
            )
        )

    def _learned(self, signal: Signal, event_id: str, asset: str) -> None:
        """What came to be known of the new code joins the evidence of its upgrade, if that still stands."""
        one = self._pinned.get((event_id, asset))
        evidence_id = self._evidence_id("upgrade", one.subject, event_id) if one else ""
        if one is None or self._board.get(evidence_id) is None:
            return
        one = _compared(one, signal) if signal.kind is SignalKind.CODE_COMPARED else _checked(one, signal)
        self._pinned[event_id, asset] = one
        self._board.withdraw(evidence_id)  # for a renewal takes nothing away
        self._pin(one)

    def _retract(self, event_id: str, asset: str | None) -> None:
        pinned = self._pinned.pop((event_id, asset or ""), None)
        if pinned is not None:
            self._board.withdraw(self._evidence_id("upgrade", pinned.subject, event_id), retracted=True)
        for key in [one for one, queued in self._queued.items() if queued.event_id == event_id]:
            gone = self._queued.pop(key)
            self._board.withdraw(self._evidence_id("upgrade_queued", gone.subject, key[0]), retracted=True)

    def _evidence_id(self, name: str, subject: Subject, key: str) -> str:
        return ":".join(one for one in (name, subject.asset, subject.contract, key) if one)

    def on_second(self, now_s: float) -> None:
        """Renew what is queued: nearer its time it weighs more."""
        s = self._board.settings
        for (operation, asset), queued in self._queued.items():
            near = now_s >= queued.eta_s - s.queued_lead_s
            subject = Subject(asset=asset, network=queued.subject.network, contract=queued.subject.contract)
            if int(now_s) % 60 == 0 or self._board.get(self._evidence_id("upgrade_queued", subject, operation)) is None:
                self._board.put(
                    Finding(
                        name="upgrade_queued",
                        leg=Leg.MIGRATION,
                        subject=subject,
                        key=operation,
                        grade=2 if near else 1,
                        onset_s=queued.onset_s,
                        at_s=now_s,
                        half_life_s=s.upgrade_half_life_s,
                        value=queued.eta_s - now_s,
                        normal=None,
                        unit="s until eta",
                        said=f"upgrade of {brief(queued.subject.contract)} to {brief(queued.new)} is queued",
                    )
                )


def _compared(one: _Pinned, signal: Signal) -> _Pinned:
    """With what its codes differ by, in a few words. Code that is not there weighs the most."""
    said = signal.attributes
    if said.get("new_size") == 0:
        return replace(one, code="; NO CODE stands there", bricked=True)
    named = [(word, str(said.get(key) or "").split(", ")) for word, key in (("gains", "gained"), ("loses", "lost"))]
    code = "".join(
        f"; {word} {', '.join(some[:MAX_NAMED])}{' …' if len(some) > MAX_NAMED else ''}"
        for word, some in named
        if some != [""]
    )
    hints = str(said.get("layout") or "")
    return replace(one, code=code + (f"; storage may be read otherwise: {hints.partition(' | ')[0]}" if hints else ""))


def _checked(one: _Pinned, signal: Signal) -> _Pinned:
    """With what an explorer says of the new code: verified source is named, its absence weighs."""
    by = signal.attributes.get("by")
    if signal.value:
        named = f"; source of {signal.attributes.get('name')} verified at {by}"
        return replace(one, source=named, unverified=False)
    return replace(one, source=f"; source NOT verified at {by}", unverified=True)


PRODUCER = UpgradeEvidence
