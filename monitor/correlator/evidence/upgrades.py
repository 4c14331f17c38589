"""Grades code changes under an asset: executed, silent, unannounced, queued, and only said.

An executed upgrade is grade 3, also one that only behaviour showed. One without a log, or one that bypassed its timelock, is
grade 4; one that providers of nodes dispute is at most 2. A log that the state of its block does not bear out is grade 1. A
queued upgrade is grade 1 until an hour before it may run, then 2: if every upgrade raises a warning, operators ignore them all.
A change of admin alone is grade 2. Later facts about the new code join the evidence: an address without code makes it grade 4,
source that an explorer reports as unverified raises it by one. A reorg that undoes an upgrade withdraws its evidence
(docs/proxies.md, "Silent changes" and "Timelocks").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.correlator.producer import EvidenceBoard, Finding, brief
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject

MAX_UPGRADES = 512
SILENT = frozenset({"slot", "code", "trace"})
DISPUTED_GRADE = 2
"""The highest grade of an upgrade that as many providers of nodes deny as report."""
MAX_NAMED = 3
"""Functions gained or lost that the text names."""


@dataclass(frozen=True, slots=True)
class _Queued:
    subject: Subject
    event_id: str
    eta_s: float
    onset_s: float
    new: str


@dataclass(frozen=True, slots=True)
class _Upgrade:
    subject: Subject
    event_id: str
    grade: int
    at_s: float
    link: str | None
    said: str
    name: str = "upgrade"
    code: str = ""
    source: str = ""
    bricked: bool = False
    unverified: bool = False

    @property
    def total_grade(self) -> int:
        """The grade with all facts known so far."""
        return 4 if self.bricked else min(self.grade + self.unverified, 4)


class UpgradeEvidence:
    """Upgrades, executed and queued."""

    kinds = frozenset(
        {
            SignalKind.UPGRADE,
            SignalKind.UPGRADE_SAID,
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
        self._upgrades: dict[tuple[str, str], _Upgrade] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a chain event about code."""
        event_id = str(signal.attributes.get("event_id", ""))
        asset = signal.subject.asset
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(signal.attributes.get("retracts", "")), asset)
        elif signal.kind is SignalKind.UPGRADE and asset is not None:
            self._upgraded(signal, asset, event_id, at_s)
        elif signal.kind is SignalKind.UPGRADE_SAID and asset is not None:
            self._said(signal, asset, event_id, at_s)
        elif signal.kind in (SignalKind.CODE_COMPARED, SignalKind.SOURCE_CHECKED):
            self._learned(signal, str(signal.attributes.get("upgrade", "")), asset or "")
        elif signal.kind is SignalKind.UPGRADE_QUEUED and asset is not None:
            new = str(signal.attributes.get("new") or "unknown code")
            operation = str(signal.attributes.get("operation", event_id))
            while len(self._queued) >= MAX_UPGRADES:
                del self._queued[next(iter(self._queued))]
            self._queued[operation, asset] = _Queued(signal.subject, event_id, signal.value, at_s, new)
        elif signal.kind is SignalKind.OPERATION_ENDED:
            operation = str(signal.attributes.get("operation", ""))
            for key in [one for one in self._queued if one[0] == operation]:
                self._board.withdraw(self._evidence_id("upgrade_queued", self._queued.pop(key).subject, operation))

    def _upgraded(self, signal: Signal, asset: str, event_id: str, at_s: float) -> None:
        role = str(signal.attributes.get("role", "implementation"))
        custom, silent = _is_custom(signal.attributes), _is_silent(signal.attributes)
        unqueued = signal.attributes.get("queued") is False
        how = "silently, no event" if silent else "around its timelock" if unqueued else "by event"
        how = "found by its behaviour" if custom and not unqueued else how
        if signal.attributes.get("disputed"):
            how += "; disputed: providers of nodes disagree"
        subject = Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract)
        self._remember(asset, _Upgrade(
            subject=subject, event_id=event_id, grade=grade_of(signal.attributes), at_s=at_s, link=signal.link,
            said=f"{signal.attributes.get('proxy_kind', 'proxy')} {brief(subject.contract)}: {role} changed to "
            f"{brief(signal.attributes.get('new'))} ({how})",
        ))  # fmt: skip

    def _said(self, signal: Signal, asset: str, event_id: str, at_s: float) -> None:
        """A log without the change that it names: a fault of the contract, or a decoy."""
        subject = Subject(asset=asset, network=signal.subject.network, contract=signal.subject.contract)
        named, holding = brief(signal.attributes.get("said")), signal.attributes.get("held")
        instead = f"it holds {brief(holding)}" if holding else "it holds no such address"
        self._remember(asset, _Upgrade(
            subject=subject, event_id=event_id, grade=1, at_s=at_s, link=signal.link, name="upgrade_said",
            said=f"{brief(subject.contract)}: a log names {named} as new {signal.attributes.get('role')}, but {instead}",
        ))  # fmt: skip

    def _remember(self, asset: str, upgrade: _Upgrade) -> None:
        while len(self._upgrades) >= MAX_UPGRADES:
            del self._upgrades[next(iter(self._upgrades))]
        self._upgrades[upgrade.event_id, asset] = upgrade
        self._put(upgrade)

    def _put(self, one: _Upgrade) -> None:
        self._board.put(
            Finding(
                name=one.name,
                leg=Leg.MIGRATION,
                subject=one.subject,
                key=one.event_id,
                grade=one.total_grade,
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
        """Add a fact about the new code to the evidence of its upgrade, if that is still active."""
        one = self._upgrades.get((event_id, asset))
        evidence_id = self._evidence_id(one.name, one.subject, event_id) if one else ""
        if one is None or self._board.get(evidence_id) is None:
            return
        one = _compared(one, signal) if signal.kind is SignalKind.CODE_COMPARED else _checked(one, signal)
        self._upgrades[event_id, asset] = one
        self._board.withdraw(evidence_id)  # because a renewal never lowers a weight
        self._put(one)

    def _retract(self, event_id: str, asset: str | None) -> None:
        upgrade = self._upgrades.pop((event_id, asset or ""), None)
        if upgrade is not None:
            self._board.withdraw(self._evidence_id(upgrade.name, upgrade.subject, event_id), retracted=True)
        for key in [one for one, queued in self._queued.items() if queued.event_id == event_id]:
            gone = self._queued.pop(key)
            self._board.withdraw(self._evidence_id("upgrade_queued", gone.subject, key[0]), retracted=True)

    def _evidence_id(self, name: str, subject: Subject, key: str) -> str:
        return ":".join(one for one in (name, subject.asset, subject.contract, key) if one)

    def on_second(self, now_s: float) -> None:
        """Renew the evidence of queued upgrades: the nearer their time, the more it weighs."""
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


def grade_of(attributes: Mapping[str, Scalar]) -> int:
    """The grade of an upgrade by its own facts, 2 to 4; `DISPUTED_GRADE` at most where providers of nodes disagree."""
    if attributes.get("disputed"):
        return DISPUTED_GRADE
    if _is_silent(attributes) or attributes.get("queued") is False:
        return 4
    return 2 if attributes.get("role") == "admin" else 3


def _is_custom(attributes: Mapping[str, Scalar]) -> bool:
    """Whether its logs are unknown."""
    return attributes.get("seen_by") == "behaviour" or attributes.get("proxy_kind") == "custom"


def _is_silent(attributes: Mapping[str, Scalar]) -> bool:
    return attributes.get("seen_by") in SILENT and not _is_custom(attributes)


def _compared(one: _Upgrade, signal: Signal) -> _Upgrade:
    """The upgrade with the difference between its codes, in a few words. Missing code weighs most."""
    attributes = signal.attributes
    if attributes.get("new_size") == 0:
        return replace(one, code="; NO CODE stands there", bricked=True)
    named = [
        (word, str(attributes.get(key) or "").split(", ")) for word, key in (("gains", "gained"), ("loses", "lost"))
    ]
    code = "".join(
        f"; {word} {', '.join(some[:MAX_NAMED])}{' …' if len(some) > MAX_NAMED else ''}"
        for word, some in named
        if some != [""]
    )
    hints = str(attributes.get("layout") or "")
    return replace(one, code=code + (f"; storage may be read otherwise: {hints.partition(' | ')[0]}" if hints else ""))


def _checked(one: _Upgrade, signal: Signal) -> _Upgrade:
    """The upgrade with an explorer's answer about the new code: verified source is named, unverified source raises the grade."""
    by = signal.attributes.get("by")
    if signal.value:
        named = f"; source of {signal.attributes.get('name')} verified at {by}"
        return replace(one, source=named, unverified=False)
    return replace(one, source=f"; source NOT verified at {by}", unverified=True)


PRODUCER = UpgradeEvidence
