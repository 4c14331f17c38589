"""From evidence and coverage to legs and probabilities: interval fusion by epsilon-contamination (facts: detection §7).

What a leg's blind part would have said lies anywhere in [-a, b]: w_lo = ln((1-c) e^-a + c e^E), w_hi = ln((1-c) e^b + c e^E).
Both ends move apart as coverage c falls, so confidence in a storm and confidence in calm can only fall with sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from monitor.correlator.active_evidence import WeighedEvidence
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Contribution, Leg, LegState, LegVerdict

CALM_BELOW_NATS = 0.5


def logistic(x: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def logit(p: float) -> float:
    """Log-odds of a probability."""
    return log(p / (1 - p))


def leg_nats(weighed: Sequence[WeighedEvidence], s: CorrelatorSettings) -> tuple[float, list[Contribution]]:
    """E of a leg and what each piece adds: the heaviest in full, the next by half, capped; calm where there is none.

    `weighed` is heaviest first. The contributions sum to E.
    """
    parts = [
        Contribution(
            evidence_id=one.evidence.id, name=one.evidence.name, nats=one.nats * factor, said=one.evidence.said
        )
        for one, factor in zip(weighed[:2], (1.0, 0.5), strict=False)
    ]
    heard = sum(one.nats for one in parts)
    total = min(heard, s.storm_nats)
    if weighed and weighed[0].nats >= CALM_BELOW_NATS:
        if heard > total:
            parts.append(
                Contribution(evidence_id="", name="cap", nats=total - heard, said="a leg's evidence is capped")
            )
        return total, parts
    top = weighed[0].nats if weighed else 0.0
    total = -s.calm_nats + max(top, 0.0) * (CALM_BELOW_NATS + s.calm_nats) / CALM_BELOW_NATS
    parts.append(Contribution(evidence_id="", name="calm", nats=total - heard, said="nothing strong was seen"))
    return total, parts


def bounds(evidence: float, coverage: float, s: CorrelatorSettings) -> tuple[float, float]:
    """[w_lo, w_hi] in nats of a leg with evidence E seen with coverage c."""
    seen = coverage * exp(evidence)
    return log((1 - coverage) * exp(-s.calm_nats) + seen), log((1 - coverage) * exp(s.storm_nats) + seen)


def leg_verdict(
    leg: Leg, weighed: Sequence[WeighedEvidence], coverage: float, watched: bool, s: CorrelatorSettings
) -> LegVerdict:
    """One leg's verdict. A leg that nothing was declared for is not watched: calm by the operator's word."""
    if not watched:
        coverage = 1.0
    evidence, parts = leg_nats(weighed, s)
    w_lo, w_hi = bounds(evidence, coverage, s)
    if w_lo >= s.true_nats:
        state = LegState.TRUE
    elif evidence < s.false_below_nats and coverage >= s.false_coverage:
        state = LegState.FALSE
    else:
        state = LegState.UNKNOWN
    parts.append(
        Contribution(evidence_id="", name="sight", nats=w_lo - evidence, said="discount for what we cannot see")
    )
    strong = [one.evidence.onset for one in weighed if one.nats >= CALM_BELOW_NATS]
    return LegVerdict(
        leg=leg,
        state=state,
        evidence=evidence,
        coverage=coverage,
        w_lo=w_lo,
        w_hi=w_hi,
        onset=min(strong) if strong else None,
        contributions=tuple(parts),
    )
