"""Writes an episode's step as an incident change: identity, headline, evidence, counter-evidence, false-alarm rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.correlator.active_evidence import ActiveEvidence, utc
from monitor.correlator.assessment import Assessment
from monitor.correlator.chance import Chance, LegHistory
from monitor.correlator.episodes import Episode
from monitor.correlator.explain import counter_evidence, rejected_causes, runbook, venue_runbook
from monitor.correlator.fusion import CALM_BELOW_NATS
from monitor.correlator.headlines import ended_unwatched, headline, local_headline, venue_headline
from monitor.correlator.knowledge import news_of
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.venues import VenueAssessment
from monitor.incidents import (
    ChangeKind,
    Evidence,
    Fault,
    IncidentChange,
    IncidentState,
    Leg,
    LegState,
    Level,
    Verdict,
)

MAX_REPORTED = 24
OF_EACH_LEG = MAX_REPORTED // len(Leg)
ALONE_WORDS = "as its gravest finding says"


class ChangeWriter:
    """Writes incident changes."""

    def __init__(
        self, settings: CorrelatorSettings, evidence: ActiveEvidence, history: LegHistory | None = None
    ) -> None:
        self._s = settings
        self._evidence = evidence
        self._history = history or LegHistory()

    def asset(self, kind: ChangeKind, episode: Episode, assessment: Assessment, now_s: float) -> IncidentChange:
        """A change of one asset's incident."""
        verdict = assessment.verdict
        evidence = self._evidence_of(verdict.asset, now_s)
        far = self._far(verdict, evidence)
        return IncidentChange(
            incident_id=episode.incident_id,
            scope=episode.scope,
            kind=kind,
            state=episode.state,
            at=utc(now_s),
            opened_at=utc(episode.opened_s),
            revision=episode.revision,
            level=episode.level,
            peak=episode.peak,
            critical=episode.critical,
            pages=episode.pages,
            fault=verdict.fault,
            headline=headline(verdict, episode.level, evidence, assessment.dissent),
            verdict=verdict,
            evidence=evidence,
            counter_evidence=counter_evidence(verdict, assessment.dissent),
            blind=verdict.blind,
            rejected_causes=rejected_causes(verdict.fault, controls_good=verdict.fault is not Fault.LOCAL),
            far_per_day=far.per_day,
            far_basis=far.basis,
            runbook=runbook(self._s.runbook_base, episode.level, verdict.fault),
            replay_id=f"{episode.incident_id}:{episode.revision}",
            parent_id=episode.parent_id,
            news=news_of(episode.news, assessment.known),
        )

    def venue(self, kind: ChangeKind, episode: Episode, assessment: VenueAssessment, now_s: float) -> IncidentChange:
        """A change of one venue's incident."""
        strongest = next((one.evidence for one in assessment.facts if one.nats >= CALM_BELOW_NATS), None)
        far = min(
            (one.evidence.far_per_day for one in assessment.facts if one.nats >= 1), default=0.0
        )  # as its gravest finding says
        facts = [one.evidence for one in assessment.facts[:MAX_REPORTED]]
        return IncidentChange(
            incident_id=episode.incident_id,
            scope=episode.scope,
            kind=kind,
            state=episode.state,
            at=utc(now_s),
            opened_at=utc(episode.opened_s),
            revision=episode.revision,
            level=episode.level,
            peak=episode.peak,
            critical=False,
            pages=episode.pages,
            fault=assessment.fault,
            headline=venue_headline(episode.level, assessment, strongest),
            verdict=None,
            evidence=tuple(sorted(facts, key=lambda one: (one.onset, one.id))),
            counter_evidence=(assessment.dissent,) if assessment.dissent else (),
            blind=assessment.blind,
            rejected_causes=rejected_causes(assessment.fault, controls_good=assessment.fault is not Fault.LOCAL),
            far_per_day=rounded(far),
            far_basis=ALONE_WORDS if far else "",
            runbook=venue_runbook(self._s.runbook_base, assessment.fault),
            replay_id=f"{episode.incident_id}:{episode.revision}",
        )

    def _evidence_of(self, asset: str, now_s: float) -> tuple[Evidence, ...]:
        """At most `MAX_REPORTED`: of each leg the heaviest `OF_EACH_LEG`, so that none is cut away; then others."""
        by_leg = [[one.evidence for one in self._evidence.of(asset, leg, now_s)] for leg in Leg]
        first = [one for found in by_leg for one in found[:OF_EACH_LEG]]
        others = [one for found in by_leg for one in found[OF_EACH_LEG:]]
        return tuple(sorted((first + others)[:MAX_REPORTED], key=lambda one: (one.onset, one.id)))

    def _far(self, verdict: Verdict, evidence: Sequence[Evidence]) -> Chance:
        """How often chance alone makes the legs true that are: of one leg as its heaviest finding says, of several jointly."""
        true = [one for one in verdict.legs if one.state is LegState.TRUE]
        if not true:
            return Chance(0.0, "")
        if len(true) > 1:
            joint = self._history.of(verdict.asset, [one.leg for one in true])
            return Chance(rounded(joint.per_day), joint.basis)
        heaviest = true[0].contributions[0].evidence_id
        return Chance(next((rounded(one.far_per_day) for one in evidence if one.id == heaviest), 0.0), ALONE_WORDS)

    def unwatched(self, episode: Episode, last: IncidentChange, now_s: float) -> IncidentChange:
        """The end of an open incident whose scope is not watched any more: nobody will see how it ends."""
        episode.give_up(now_s)
        return replace(
            last,
            kind=ChangeKind.ENDED_UNKNOWN,
            state=episode.state,
            at=utc(now_s),
            revision=episode.revision,
            level=episode.level,
            critical=False,
            pages=False,
            headline=ended_unwatched(last.scope.partition(":")[2]),
            news=(),
            replay_id=f"{episode.incident_id}:{episode.revision}",
        )

    def local(self, vantage: str, began: bool, now_s: float, episode: Episode, *, asked: bool = True) -> IncidentChange:
        """Our own network failed, or recovered; not `asked`: it ends, and nobody knows whether it recovered."""
        if began:
            episode.open, episode.state = True, IncidentState.OPEN
            episode.opened_s = now_s
            episode.incident_id = f"vantage-{vantage.lower()}-{int(now_s)}"
            episode.revision = 0
        else:
            episode.open, episode.state = False, IncidentState.ENDED if asked else IncidentState.ENDED_UNKNOWN
        episode.revision += 1
        level = Level.WATCH if began else Level.CALM
        ended = ChangeKind.ENDED if asked else ChangeKind.ENDED_UNKNOWN
        return IncidentChange(
            incident_id=episode.incident_id,
            scope=episode.scope,
            kind=ChangeKind.OPENED if began else ended,
            state=episode.state,
            at=utc(now_s),
            opened_at=utc(episode.opened_s),
            revision=episode.revision,
            level=level,
            peak=Level.WATCH,
            critical=False,
            pages=False,
            fault=Fault.LOCAL,
            headline=local_headline(vantage, not began, asked),
            verdict=None,
            evidence=(),
            counter_evidence=(),
            blind=(),
            rejected_causes=("venue: they would have to fail together with every control",),
            far_per_day=0.0,
            runbook=runbook(self._s.runbook_base, level, Fault.LOCAL),
            replay_id=f"{episode.incident_id}:{episode.revision}",
        )


def rounded(per_day: float) -> float:
    """A rate with the two digits that it is good for."""
    return float(f"{per_day:.2g}")
