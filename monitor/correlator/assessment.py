"""Assesses one asset at one second: the coverage and evidence of each leg, the fault and the level. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.correlator.active_evidence import ActiveEvidence, WeighedEvidence, fold_of, grade_of_fold, utc
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.explain import blindness_order
from monitor.correlator.fusion import CALM_BELOW_NATS, Sight, leg_verdict, logistic, logit
from monitor.correlator.knowledge import known_of
from monitor.correlator.levels import blind_under_stress, level_of
from monitor.correlator.parts import Part, of_one_venue
from monitor.correlator.providers import carrier
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, Blindness, Fault, Leg, LegState, LegVerdict, Level, Verdict

BLIND_BELOW = 0.5
MAX_BLIND = 16
MAX_DISSENTS = 3
OWN_GRADE = 2
"""An asset's own evidence counts from this grade on: among fifty assets some have grade 1 at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The state of one asset. `grades` is the highest grade of each leg, `onset_s` the earliest onset of a TRUE leg.

    `own`: some evidence is about the asset itself, in any leg. `venues`: the venues whose shared evidence counts for its venue
    leg, heaviest first. `blind_stress`: one leg is TRUE and both others are UNKNOWN.
    """

    verdict: Verdict
    grades: Mapping[Leg, int]
    onset_s: float | None
    own: bool
    venues: tuple[str, ...]
    blind_stress: bool
    dissent: str = ""
    """Which vantages see its venues otherwise, in words."""
    strong: Sequence[WeighedEvidence] = ()
    """The findings of its legs that weigh something."""

    @property
    def known(self) -> dict[str, str]:
        """What is known of it, key to words (`knowledge`)."""
        return known_of((one.evidence for one in self.strong if one.nats >= 1), self.verdict.blind)

    @property
    def shared_alone(self) -> bool:
        """Whether the venue leg alone is TRUE, by shared evidence only, and no evidence is about the asset itself."""
        true = [one.leg for one in self.verdict.legs if one.state is LegState.TRUE]
        return true == [Leg.VENUE] and not self.own


class AssetAssessor:
    """Gives verdicts from the evidence that counts and the coverage of the sources."""

    def __init__(
        self,
        settings: CorrelatorSettings,
        coverage: Coverage,
        evidence: ActiveEvidence,
        attribution: Attribution,
        without: frozenset[Part] = frozenset(),
    ) -> None:
        self._s = settings
        self._coverage = coverage
        self._evidence = evidence
        self._attribution = attribution
        self._without = without

    def assess(self, asset: str, now_s: float, before: Verdict | None = None) -> Assessment:
        """The asset's verdict at this second, and the reasons for it. `before` is the verdict of a second ago."""
        held = {one.leg for one in before.legs if one.state is LegState.TRUE} if before is not None else set()
        local = self._attribution.local_now(now_s)
        blind: list[Blindness] = []
        legs = []
        grades: dict[Leg, int] = {}
        strong: list[WeighedEvidence] = []
        for leg in LEGS:
            weighed = self._weighed(asset, leg, now_s)
            sight = self._leg_coverage(asset, leg, now_s, local, blind)
            legs.append(leg_verdict(leg, weighed, sight, self._coverage.watched(asset, leg), self._s, leg in held))
            grades[leg] = _grade(weighed)
            strong += (one for one in weighed if one.nats >= CALM_BELOW_NATS)
        context = min(sum(one.nats for one in self._evidence.of(asset, Leg.FRAGILITY, now_s)), self._s.context_cap_nats)
        prior = logit(self._s.prior)
        p_lo = logistic(prior + context + sum(one.w_lo for one in legs))
        p_hi = logistic(prior + context + sum(one.w_hi for one in legs))
        fault = self._fault(asset, legs, now_s)
        blind.sort(key=blindness_order)
        verdict = Verdict(
            at=utc(now_s),
            asset=asset,
            level=level_of(legs, grades, p_lo, self._s, before.level if before is not None else Level.CALM),
            p_lo=p_lo,
            p_hi=p_hi,
            prior=prior,
            context=context,
            legs=tuple(legs),
            fault=fault,
            blind=tuple(blind[:MAX_BLIND]),
        )
        onsets = [one.onset.timestamp() for one in legs if one.onset is not None and one.state is LegState.TRUE]
        return Assessment(
            verdict=verdict,
            grades=grades,
            onset_s=min(onsets, default=None),
            own=any(not one.evidence.shared and one.evidence.grade >= OWN_GRADE for one in strong),
            venues=tuple(dict.fromkeys(str(one.evidence.subject.venue) for one in strong if one.evidence.shared)),
            blind_stress=fault is not Fault.LOCAL and blind_under_stress(legs),
            strong=strong,
            dissent=self._dissent(asset, now_s) if fault is not Fault.NONE else "",
        )

    def _weighed(self, asset: str, leg: Leg, now_s: float) -> Sequence[WeighedEvidence]:
        if leg is Leg.VENUE and self._attribution.suspected:
            return ()
        found = self._evidence.of(asset, leg, now_s)
        if Part.POOLING in self._without:
            return of_one_venue(found, now_s, lambda venue: self._coverage.share(asset, venue))
        return found

    def _leg_coverage(self, asset: str, leg: Leg, now_s: float, local: bool, blind: list[Blindness]) -> Sight:
        if local:
            since_s = min(self._attribution.local_since_s.values())
            blind.append(
                Blindness(source="vantage", leg=leg, coverage=0.0, since=utc(since_s), reason="our own network is down")
            )
            return Sight.even(0.0)
        if Part.COVERAGE in self._without:
            return Sight.even(1.0)
        coverage, parts = self._coverage.of_leg(asset, leg, now_s)
        for source, own in parts:
            if own < BLIND_BELOW:
                blind.append(
                    Blindness(
                        source=source.name, leg=leg, coverage=round(own, 9), since=utc(source.since_s(now_s, asset)),
                        reason=self._coverage.why(source, leg, asset, now_s),
                    )
                )  # fmt: skip
        if leg is Leg.VENUE and not self._attribution.corroborated(now_s):
            return Sight.even(min(coverage, self._s.single_vantage_cap))
        if leg is not Leg.LIQUIDATION or coverage >= 1.0:
            return Sight.even(coverage)
        return Sight(self._coverage.of_leg(asset, leg, now_s, as_shown=True)[0], coverage)

    def _fault(self, asset: str, legs: Sequence[LegVerdict], now_s: float) -> Fault:
        if self._attribution.local_now(now_s):
            return Fault.LOCAL
        venue_leg = next(one for one in legs if one.leg is Leg.VENUE)
        if venue_leg.state is not LegState.TRUE:
            return Fault.NONE
        stressed = self._stressed(asset, now_s)
        excused = {venue: fault for venue in stressed if (fault := self._attribution.sight(venue, now_s).fault)}
        if excused and len(excused) == len(stressed):  # no venue is left to blame
            if Fault.PATH in excused.values():
                return Fault.PATH
            return Fault.LOCAL
        stressed -= excused.keys()
        weights = self._coverage.venues.get(asset, {}).keys() - excused.keys()
        quiet = all(one.state is not LegState.TRUE for one in legs if one.leg is Leg.LIQUIDATION)
        if quiet and carrier(stressed, weights, self._s.providers):
            return Fault.PROVIDER
        if len(weights) >= 3 and len(stressed & weights) >= self._s.market_share * len(weights):
            return Fault.MARKET
        return Fault.VENUE

    def _stressed(self, asset: str, now_s: float) -> set[str]:
        return {
            str(one.evidence.subject.venue)
            for one in self._evidence.of(asset, Leg.VENUE, now_s)
            if one.evidence.grade >= 2 and one.evidence.subject.venue
        }

    def _dissent(self, asset: str, now_s: float) -> str:
        """Which vantages see the asset's stressed venues otherwise, in words."""
        if self._attribution.vantages < 2:
            return ""
        seen = ((venue, self._attribution.sight(venue, now_s).words) for venue in sorted(self._stressed(asset, now_s)))
        return "; ".join([f"{venue} {words}" for venue, words in seen if words][:MAX_DISSENTS])


def _grade(weighed: Sequence[WeighedEvidence]) -> int:
    """The highest grade that weighs at least a nat: of a finding, or of the rate that the stressed places earn together."""
    if not weighed:
        return 0
    alone = max((one.evidence.grade for one in weighed if one.place is None and one.nats >= 1), default=0)
    together = fold_of(weighed)
    return max(alone, grade_of_fold(weighed, together)) if together.nats >= 1 else alone
