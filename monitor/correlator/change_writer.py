"""Writes an episode's step as an incident change: identity, headline, evidence, counter-evidence, false-alarm rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from monitor.correlator.active_evidence import ActiveEvidence, utc
from monitor.correlator.assessment import Assessment
from monitor.correlator.episodes import Episode
from monitor.correlator.explain import (
    counter_evidence,
    headline,
    local_headline,
    rejected_causes,
    runbook,
    venue_headline,
    venue_runbook,
)
from monitor.correlator.fusion import CALM_BELOW_NATS
from monitor.correlator.levels import by_chance, joint_far_per_day
from monitor.correlator.producer import FAR_PER_DAY
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


class ChangeWriter:
    """Writes incident changes."""

    def __init__(self, settings: CorrelatorSettings, evidence: ActiveEvidence) -> None:
        self._s = settings
        self._evidence = evidence

    def asset(self, kind: ChangeKind, episode: Episode, assessment: Assessment, now_s: float) -> IncidentChange:
        """A change of one asset's incident."""
        verdict = assessment.verdict
        evidence = self._evidence_of(verdict.asset, now_s)
        far = self._far(verdict, assessment.grades)
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
            headline=f"{headline(verdict)}; {by_chance(far)}",
            verdict=verdict,
            evidence=evidence,
            counter_evidence=counter_evidence(verdict),
            blind=verdict.blind,
            rejected_causes=rejected_causes(verdict.fault, controls_good=verdict.fault is not Fault.LOCAL),
            far_per_day=far,
            runbook=runbook(self._s.runbook_base, episode.level, verdict.fault),
            replay_id=f"{episode.incident_id}:{episode.revision}",
            parent_id=episode.parent_id,
        )

    def venue(self, kind: ChangeKind, episode: Episode, assessment: VenueAssessment, now_s: float) -> IncidentChange:
        """A change of one venue's incident."""
        strongest = next((one.evidence for one in assessment.facts if one.nats >= CALM_BELOW_NATS), None)
        far = FAR_PER_DAY.get(assessment.grade, 0.0)
        line = venue_headline(
            assessment.venue, assessment.level, strongest, assessment.fault, assessment.assets, assessment.blind
        )
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
            headline=f"{line}; {by_chance(far)}",
            verdict=None,
            evidence=tuple(sorted(facts, key=lambda one: (one.onset, one.id))),
            counter_evidence=(),
            blind=assessment.blind,
            rejected_causes=rejected_causes(assessment.fault, controls_good=assessment.fault is not Fault.LOCAL),
            far_per_day=far,
            runbook=venue_runbook(self._s.runbook_base, assessment.fault),
            replay_id=f"{episode.incident_id}:{episode.revision}",
        )

    def _evidence_of(self, asset: str, now_s: float) -> tuple[Evidence, ...]:
        found = [one.evidence for leg in Leg for one in self._evidence.of(asset, leg, now_s)]
        return tuple(sorted(found[:MAX_REPORTED], key=lambda one: (one.onset, one.id)))

    def _far(self, verdict: Verdict, grades: Mapping[Leg, int]) -> float:
        lengths = {
            Leg.LIQUIDATION: self._s.liquidation_half_life_s,
            Leg.VENUE: self._s.venue_half_life_s,
            Leg.MIGRATION: self._s.liquidity_half_life_s,
        }
        true = [one.leg for one in verdict.legs if one.state is LegState.TRUE and grades[one.leg]]
        if not true:
            return 0.0
        return round(joint_far_per_day([FAR_PER_DAY[grades[leg]] for leg in true], [lengths[leg] for leg in true]), 12)

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
            headline=f"{last.scope.partition(':')[2]} is not watched any more: how this ended is unknown",
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
