"""One venue at one second: what the shared facts about it say together, whose fault it is, and what of it we can see.

Venue-wide evidence is one fact for all its assets: the venue's own episode tells it once. What was seen is believed whole
(a venue's closed feeds do not make its failing answers untrue), less only what a single vantage cannot tell; calm must be
seen on the venue's sources. An asset whose venue leg stands on shared facts alone is stood for by the venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.correlator.active_evidence import ActiveEvidence, WeighedEvidence, utc
from monitor.correlator.assessment import BLIND_BELOW, MAX_BLIND, Assessment
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.episodes import Observation
from monitor.correlator.explain import blindness_order
from monitor.correlator.fusion import CALM_BELOW_NATS, leg_verdict
from monitor.correlator.levels import WATCH_GRADE
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Blindness, Fault, Leg, LegState, Level

MIN_VENUES = 3
"""Of fewer venues most in stress are not yet a market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAssessment:
    """Where one venue stands. `facts` heaviest first; `grade` the highest that weighs at least a nat."""

    venue: str
    level: Level
    state: LegState
    facts: Sequence[WeighedEvidence]
    grade: int
    fault: Fault
    blind: tuple[Blindness, ...]
    blind_stress: bool
    assets: tuple[str, ...]

    def observation(self, now_s: float, *, late: bool) -> Observation:
        """What the second shows, as the venue's episode takes it."""
        strong = [one.evidence.onset.timestamp() for one in self.facts if one.nats >= CALM_BELOW_NATS]
        return Observation(
            now_s=now_s,
            level=self.level,
            p_hi=0.0,  # calm is told by the leg: FALSE was seen, UNKNOWN was not
            true=frozenset({Leg.VENUE}) if self.state is LegState.TRUE else frozenset(),
            unseen=frozenset({Leg.VENUE}) if self.state is LegState.UNKNOWN else frozenset(),
            at_once=self.grade == 4,
            blind_stress=self.blind_stress,
            mark=(self.fault, self.blind_stress),
            late=late,
            onset_s=min(strong, default=None),
        )


class VenueAssessor:
    """Judges venues from the board and the sources; keeps nothing."""

    def __init__(
        self, settings: CorrelatorSettings, coverage: Coverage, evidence: ActiveEvidence, attribution: Attribution
    ) -> None:
        self._s = settings
        self._coverage = coverage
        self._evidence = evidence
        self._attribution = attribution

    def assess(self, now_s: float, going_on: Iterable[str], assets: Sequence[Assessment]) -> list[VenueAssessment]:
        """Every venue that is spoken of or whose episode goes on, in order of name."""
        facts = self._evidence.shared(now_s)
        if self._attribution.suspected:  # what fails now may be our own network
            facts = {}
        names = sorted({*facts, *going_on})
        if not names:
            return []
        stressed = {name for name, found in facts.items() if _stressed(found)}
        dark: dict[str, list[Blindness]] = {}
        for asset in assets:
            if asset.blind_stress and asset.shared_alone:
                for venue in asset.venues:
                    dark.setdefault(venue, []).extend(asset.verdict.blind)
        return [self._venue(name, facts.get(name, ()), stressed, dark.get(name), now_s) for name in names]

    def _venue(
        self,
        venue: str,
        facts: Sequence[WeighedEvidence],
        stressed: set[str],
        dark: Sequence[Blindness] | None,
        now_s: float,
    ) -> VenueAssessment:
        coverage, blind = self._sight(venue, now_s)
        cap = self._s.single_vantage_cap if self._attribution.vantages < 2 else 1.0
        state = leg_verdict(Leg.VENUE, facts, cap, True, self._s).state
        if state is not LegState.TRUE:
            state = leg_verdict(Leg.VENUE, facts, min(coverage, cap), True, self._s).state
        grade = max((one.evidence.grade for one in facts if one.nats >= 1), default=0)
        blind_stress = dark is not None
        watch = state is LegState.TRUE and (grade >= WATCH_GRADE or blind_stress)
        every = {(one.source, one.leg): one for one in (*blind, *(dark or ()))}
        return VenueAssessment(
            venue=venue,
            level=Level.WATCH if watch else Level.CALM,
            state=state,
            facts=facts,
            grade=grade,
            fault=self._fault(venue, stressed, now_s),
            blind=tuple(sorted(every.values(), key=blindness_order)[:MAX_BLIND]),
            blind_stress=blind_stress,
            assets=self._coverage.trading(venue),
        )

    def _sight(self, venue: str, now_s: float) -> tuple[float, list[Blindness]]:
        if self._attribution.local_since_s:
            since = utc(min(self._attribution.local_since_s.values()))
            reason = "our own network is down"
            return 0.0, [Blindness(source="vantage", leg=Leg.VENUE, coverage=0.0, since=since, reason=reason)]
        sources = [(one, one.coverage(now_s)) for one in self._coverage.of_venue(venue)]
        blind = [
            Blindness(
                source=one.name, leg=Leg.VENUE, coverage=round(own, 9), since=utc(one.since_s(now_s)),
                reason=one.why(now_s),
            )
            for one, own in sources
            if own < BLIND_BELOW
        ]  # fmt: skip
        return (sum(own for _, own in sources) / len(sources) if sources else 1.0), blind

    def _fault(self, venue: str, stressed: set[str], now_s: float) -> Fault:
        if self._attribution.local_since_s:
            return Fault.LOCAL
        known = {name for weights in self._coverage.venues.values() for name in weights}
        if len(known) >= MIN_VENUES and len(stressed & known) >= self._s.market_share * len(known):
            return Fault.MARKET
        return Fault.PATH if self._attribution.elsewhere_good(venue, now_s) else Fault.VENUE


def _stressed(facts: Sequence[WeighedEvidence]) -> bool:
    return any(one.evidence.grade >= 2 and one.nats >= CALM_BELOW_NATS for one in facts)
