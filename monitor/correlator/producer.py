"""Defines a producer of evidence: it takes signals of some kinds and puts its findings on the evidence board.

A producer is pure and holds bounded state. It never pages. It grades each finding (L1..L4, by how often chance alone would
make it); the fusion and the episodes do the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from monitor.correlator.active_evidence import ActiveEvidence, utc
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.settings import CorrelatorSettings
from monitor.detect.alarm_rate import MAX_PER_DAY
from monitor.incidents import Evidence, ExitCapacity, Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject

FAR_PER_DAY = dict(enumerate(MAX_PER_DAY, start=1))
"""Grade -> false alarms a day: one an hour, a day, a week, a quarter (docs/detection.md, "Rates and grades")."""
WEIGHT = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
"""Grade -> nats."""
MAX_LINKS = 8
LASTING_AFTER_S, LASTING, MAX_LASTING_S = 900.0, 0.25, 1800.0
"""What has been found again and again for hours is not over because it pauses: its half-life is a quarter of its age beyond a
quarter of an hour, up to half an hour."""
FORGOTTEN_S = 3600.0
"""A venue that says nothing of an asset for so long does not trade it any more."""
APART_S = 900.0
"""What begins so long after the last time that something was found is another one, though the old one has not faded."""
FUNDING_INTERVAL_S = 8 * 3600.0
"""The usual interval of funding: venues that settle each hour state an eighth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a producer found at one time: unix seconds, `weight` in nats (None: by grade), `value` against `normal` in `unit`.

    `far_per_day` is the measured rate of false alarms as grave as this one (None: the most that the grade allows).

    `dated`: its onset was judged anew from all that was seen, so that of a graver finding replaces that of a lighter one.

    `key` tells apart findings of one name about one subject. `onset_s` is when it began, `said` the finding in words.
    """

    name: str
    leg: Leg
    subject: Subject
    grade: int
    onset_s: float
    at_s: float
    half_life_s: float
    value: float
    normal: float | None
    unit: str
    said: str
    links: Sequence[str] = ()
    key: str = ""
    weight: float | None = None
    far_per_day: float | None = None
    dated: bool = False

    @property
    def evidence_id(self) -> str:
        """The name, the subject and the key, joined by colons."""
        one = self.subject
        place = one.asset or one.venue or one.network or ""
        where = "/".join(part for part in (one.venue, one.instrument, one.contract, one.pool) if part)
        return ":".join(part for part in (self.name, place, where, self.key) if part)


@dataclass(frozen=True, slots=True)
class EvidenceBoard:
    """Where a producer puts its findings, and what else it may read."""

    settings: CorrelatorSettings
    coverage: Coverage
    evidence: ActiveEvidence
    attribution: Attribution
    exits: dict[str, ExitCapacity] = field(default_factory=dict)
    """Asset -> how much of it could leave when it was last looked at."""
    ratios: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    """Asset -> part of its fragility -> when it was last known (unix seconds), and its value."""

    def note(self, asset: str, name: str, value: float, at_s: float) -> None:
        """Note a part of an asset's fragility (`fragility_index.PARTS`), extreme or not, while all of it is seen."""
        self.ratios.setdefault(asset, {})[name] = (at_s, value)

    def put(self, finding: Finding) -> None:
        """Put a finding on the board, or renew the evidence with the same id.

        Refuses findings on a venue while most targets fail at once: the fault may be our own network.
        """
        if finding.leg is Leg.VENUE and self.attribution.suspected:
            return
        evidence_id, onset_s, links = finding.evidence_id, finding.onset_s, tuple(finding.links)
        half_life_s = finding.half_life_s
        old = self.evidence.get(evidence_id)
        if old is not None and not _is_another(finding, old):
            onset_s = min(onset_s, old.onset.timestamp())
            links = tuple(dict.fromkeys((*old.links, *links)))
            half_life_s = max(half_life_s, min((finding.at_s - onset_s - LASTING_AFTER_S) * LASTING, MAX_LASTING_S))
        self.evidence.put(
            Evidence(
                id=evidence_id,
                leg=finding.leg,
                name=finding.name,
                subject=finding.subject,
                grade=finding.grade,
                weight=WEIGHT[finding.grade] if finding.weight is None else finding.weight,
                half_life_s=half_life_s,
                onset=utc(onset_s),
                at=utc(finding.at_s),
                value=round(finding.value, 9),
                normal=None if finding.normal is None else round(finding.normal, 9),
                unit=finding.unit,
                far_per_day=FAR_PER_DAY[finding.grade] if finding.far_per_day is None else finding.far_per_day,
                said=finding.said,
                links=links[:MAX_LINKS],
                shared=finding.subject.asset is None,
            )
        )

    def get(self, evidence_id: str) -> Evidence | None:
        """The active evidence with this id, if there is one."""
        return self.evidence.get(evidence_id)

    def withdraw(self, evidence_id: str, *, retracted: bool = False) -> None:
        """Withdraw evidence; `retracted` if a reorg undid the fact behind it."""
        self.evidence.withdraw(evidence_id, retracted=retracted)


def fully_seen(seen_s: Iterable[float], now_s: float, fresh_s: float) -> bool:
    """Whether each figure of the last hour is fresh, by the times when they were seen, and there is one at all.

    A sum over venues of which one is blind is no figure of now.
    """
    lately = [one for one in seen_s if now_s - one <= FORGOTTEN_S]
    return bool(lately) and now_s - min(lately) <= fresh_s


def _is_another(finding: Finding, old: Evidence) -> bool:
    """Whether a finding has an onset of its own: noise that has not faded is not where a later surge began."""
    apart_s = finding.onset_s - old.at.timestamp()
    return apart_s > APART_S or (finding.grade > old.grade and (finding.dated or apart_s > 0))


class EventFindings:
    """Findings of single events of a chain, by event and asset: a reorg that undoes the event withdraws its finding.

    The newest `max_findings` are remembered: evidence that is older has faded.
    """

    __slots__ = ("_board", "_evidence_ids", "_max_findings")

    def __init__(self, board: EvidenceBoard, max_findings: int) -> None:
        self._board = board
        self._max_findings = max_findings
        self._evidence_ids: dict[tuple[str, str], str] = {}

    def put(self, event_id: str, asset: str, finding: Finding) -> None:
        """Put the finding of an event on the board."""
        self._evidence_ids[event_id, asset] = finding.evidence_id
        while len(self._evidence_ids) > self._max_findings:
            del self._evidence_ids[next(iter(self._evidence_ids))]
        self._board.put(finding)

    def withdraw(self, event_id: str, asset: str, *, retracted: bool = False) -> None:
        """Withdraw the finding of an event; nothing if it has none."""
        evidence_id = self._evidence_ids.pop((event_id, asset), None)
        if evidence_id is not None:
            self._board.withdraw(evidence_id, retracted=retracted)

    def retract(self, signal: Signal, asset: str) -> None:
        """Take a retraction: its event was undone by a reorg."""
        self.withdraw(str(signal.attributes.get("retracts", "")), asset, retracted=True)


class Producer(Protocol):
    """Produces one kind of evidence."""

    kinds: frozenset[SignalKind]

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a signal of one of `kinds`; `at_s` is its event time."""
        ...

    def on_second(self, now_s: float) -> None:
        """Take note that a second of event time is complete."""
        ...


def graded(value: float, thresholds: tuple[float, float, float, float]) -> int:
    """The grade of a value: how many of the four ascending thresholds it reaches, 0 for none."""
    return bisect_right(thresholds, value)


def brief(address: object) -> str:
    """An address shortened to its first and last four digits. The subject has the whole address."""
    text = str(address)
    return f"{text[:6]}…{text[-4:]}" if len(text) == 42 and text.startswith("0x") else text


def token_words(attributes: Mapping[str, Scalar]) -> str:
    """The token of a signal: what it calls itself and its shortened address, or the address alone."""
    token, symbol = brief(attributes.get("token")), attributes.get("symbol")
    return f"{symbol} {token}" if symbol else token


def in_eight_hours(funding: Signal) -> float:
    """A funding rate as one of eight hours. Of an unknown interval it counts as it is: none that is in use is longer."""
    interval_s = funding.attributes.get("interval_s")
    known = isinstance(interval_s, int | float) and interval_s > 0
    return funding.value * FUNDING_INTERVAL_S / float(interval_s) if known and interval_s else funding.value
