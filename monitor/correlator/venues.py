"""Assesses one venue at one second: the shared evidence about it, whose fault it is, and how much of it we can see.

Venue-wide evidence is one fact for all its assets: the venue's own episode reports it once. It also reports an asset that
cannot leave this venue alone. Stress that was seen counts in full (a venue's closed feeds do not make its failing answers
untrue), less only what a single vantage cannot know; calm must be seen on the venue's sources. The venue's episode also reports
for an asset whose venue leg has shared evidence alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.correlator.active_evidence import ActiveEvidence, WeighedEvidence, utc
from monitor.correlator.assessment import BLIND_BELOW, MAX_BLIND, Assessment
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.episodes import Observation
from monitor.correlator.explain import blindness_order
from monitor.correlator.fusion import CALM_BELOW_NATS, Sight, leg_verdict
from monitor.correlator.levels import WATCH_GRADE
from monitor.correlator.providers import carrier
from monitor.correlator.settings import CorrelatorSettings
from monitor.correlator.vantages import VantageView
from monitor.incidents import Blindness, Fault, Leg, LegState, Level
from monitor.signals import TARGET_PREFIX

MIN_VENUES = 3
"""With fewer venues, stress at most of them is not yet a fault of the market."""


def scope_of(venue: str) -> str:
    """The scope of a venue's incidents; a target of the operator's own is its own: "target:rpc"."""
    return venue if venue.startswith(TARGET_PREFIX) else f"venue:{venue}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAssessment:
    """The state of one venue. `facts` is its shared evidence, heaviest first; `grade` the highest that weighs at least a nat."""

    venue: str
    level: Level
    state: LegState
    facts: Sequence[WeighedEvidence]
    grade: int
    fault: Fault
    blind: tuple[Blindness, ...]
    blind_stress: bool
    assets: tuple[str, ...]
    dissent: str = ""
    """Which vantages see it otherwise, in words."""

    def observation(self, now_s: float, *, late: bool) -> Observation:
        """The state as the venue's episode takes it."""
        strong = [one.evidence.onset.timestamp() for one in self.facts if one.nats >= CALM_BELOW_NATS]
        return Observation(
            now_s=now_s,
            level=self.level,
            p_hi=0.0,  # the leg decides on calm: FALSE was seen, UNKNOWN was not
            true=frozenset({Leg.VENUE}) if self.state is LegState.TRUE else frozenset(),
            unseen=frozenset({Leg.VENUE}) if self.state is LegState.UNKNOWN else frozenset(),
            at_once=self.grade == 4,
            blind_stress=self.blind_stress,
            mark=(self.fault, self.blind_stress),
            late=late,
            onset_s=min(strong, default=None),
        )


class VenueAssessor:
    """Assesses venues from the evidence, the coverage and which of them are in an episode."""

    def __init__(
        self, settings: CorrelatorSettings, coverage: Coverage, evidence: ActiveEvidence, attribution: Attribution
    ) -> None:
        self._s = settings
        self._coverage = coverage
        self._evidence = evidence
        self._attribution = attribution
        self._held: frozenset[str] = frozenset()
        """Venues that are in an episode: their leg needs less to stay TRUE."""
        self._excused: frozenset[str] = frozenset()
        """Venues in stress that other vantages reach: they are none of the market's or a provider's."""

    def assess(self, now_s: float, live: Collection[str], assets: Sequence[Assessment]) -> list[VenueAssessment]:
        """Every venue that has shared evidence or a live episode, in order of name."""
        facts = self._evidence.about_venues(now_s)
        if self._attribution.suspected:  # the failures may be our own network's
            facts = {}
        names = sorted({*facts, *live})
        if not names:
            return []
        stressed = {name for name, some in facts.items() if _stressed(some)}
        blind_assets: dict[str, list[Blindness]] = {}
        for asset in assets:
            if asset.blind_stress and asset.shared_alone:
                for venue in asset.venues:
                    blind_assets.setdefault(venue, []).extend(asset.verdict.blind)
        self._held = frozenset(live)
        self._excused = frozenset(name for name in stressed if self._attribution.sight(name, now_s).fault)
        return [self._venue(name, facts.get(name, ()), stressed, blind_assets.get(name), now_s) for name in names]

    def _venue(
        self,
        venue: str,
        facts: Sequence[WeighedEvidence],
        stressed: set[str],
        blind_assets: Sequence[Blindness] | None,
        now_s: float,
    ) -> VenueAssessment:
        coverage, blind = self._coverage_of(venue, now_s)
        cap = self._s.single_vantage_cap if not self._attribution.corroborated(now_s) else 1.0
        held, sight = venue in self._held, self._attribution.sight(venue, now_s)
        state = leg_verdict(Leg.VENUE, facts, Sight.even(cap), True, self._s, held).state
        if state is not LegState.TRUE:
            seen = Sight.even(min(coverage, cap))
            state = leg_verdict(Leg.VENUE, facts, seen, True, self._s, held).state
        grade = max((one.evidence.grade for one in facts if one.nats >= 1), default=0)
        blind_stress = blind_assets is not None
        watch = state is LegState.TRUE and (grade >= WATCH_GRADE or blind_stress)
        every = {(one.source, one.leg): one for one in (*blind, *(blind_assets or ()))}
        return VenueAssessment(
            venue=venue,
            level=Level.WATCH if watch else Level.CALM,
            state=state,
            facts=facts,
            grade=grade,
            fault=self._fault(venue, sight, stressed, now_s),
            blind=tuple(sorted(every.values(), key=blindness_order)[:MAX_BLIND]),
            blind_stress=blind_stress,
            assets=self._affected(venue, facts),
            dissent=sight.words,
        )

    def _affected(self, venue: str, facts: Sequence[WeighedEvidence]) -> tuple[str, ...]:
        """The assets that trade there; those that cannot leave, if nothing strong is about the venue as a whole."""
        strong = [one.evidence for one in facts if one.nats >= CALM_BELOW_NATS]
        kept = {one.subject.asset for one in strong}
        if not kept or None in kept:
            return self._coverage.trading(venue)
        return tuple(sorted(str(one) for one in kept))

    def _coverage_of(self, venue: str, now_s: float) -> tuple[float, list[Blindness]]:
        if self._attribution.local_now(now_s):
            since = utc(min(self._attribution.local_since_s.values()))
            reason = "our own network is down"
            return 0.0, [Blindness(source="vantage", leg=Leg.VENUE, coverage=0.0, since=since, reason=reason)]
        sources = [(one, self._coverage.seen(one, now_s)) for one in self._coverage.of_venue(venue)]
        blind = [
            Blindness(
                source=one.name, leg=Leg.VENUE, coverage=round(own, 9), since=utc(one.since_s(now_s)),
                reason=one.why(now_s),
            )
            for one, own in sources
            if own < BLIND_BELOW
        ]  # fmt: skip
        return (sum(own for _, own in sources) / len(sources) if sources else 1.0), blind

    def _fault(self, venue: str, sight: VantageView, stressed: set[str], now_s: float) -> Fault:
        if self._attribution.local_now(now_s):
            return Fault.LOCAL
        if excuse := sight.fault:
            return excuse
        known = {name for weights in self._coverage.venues.values() for name in weights}
        known, stressed = known - self._excused, stressed - self._excused
        provider = carrier(stressed, known, self._s.providers)
        if provider and venue in self._s.providers[provider]:
            return Fault.PROVIDER
        if len(known) >= MIN_VENUES and len(stressed & known) >= self._s.market_share * len(known):
            return Fault.MARKET
        return Fault.VENUE


def _stressed(facts: Sequence[WeighedEvidence]) -> bool:
    return any(one.evidence.grade >= 2 and one.nats >= CALM_BELOW_NATS for one in facts)
