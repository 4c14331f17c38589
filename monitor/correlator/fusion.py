"""Computes legs and probabilities from evidence and coverage: interval fusion by epsilon-contamination (docs/detection.md).

The unseen part of a leg may have had any evidence in [-a, b]: w_lo = ln((1-c) e^-a + c e^E), w_hi = ln((1-c) e^b + c e^E).
The bounds move apart as coverage c falls, so less sight can only lower the confidence in a storm and in calm.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from monitor.correlator.active_evidence import NEXT, WeighedEvidence
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
    """E of a leg and what each piece of evidence adds: the heaviest in full, the next by half, capped; negative if calm.

    `weighed` is heaviest first. The contributions sum to E.
    """
    parts = [
        Contribution(
            evidence_id=one.evidence.id, name=one.evidence.name, nats=one.nats * factor, said=one.evidence.said
        )
        for one, factor in zip(weighed[:2], (1.0, NEXT), strict=False)
    ]
    uncapped = sum(one.nats for one in parts)
    total = min(uncapped, s.storm_nats)
    if weighed and weighed[0].nats >= CALM_BELOW_NATS:
        if uncapped > total:
            parts.append(
                Contribution(evidence_id="", name="cap", nats=total - uncapped, said="a leg's evidence is capped")
            )
        return total, parts
    top = weighed[0].nats if weighed else 0.0
    total = -s.calm_nats + max(top, 0.0) * (CALM_BELOW_NATS + s.calm_nats) / CALM_BELOW_NATS
    parts.append(Contribution(evidence_id="", name="calm", nats=total - uncapped, said="nothing strong was seen"))
    return total, parts


def bounds(evidence: float, coverage: float, s: CorrelatorSettings) -> tuple[float, float]:
    """[w_lo, w_hi] in nats of a leg with evidence E seen with coverage c."""
    seen = coverage * exp(evidence)
    return log((1 - coverage) * exp(-s.calm_nats) + seen), log((1 - coverage) * exp(s.storm_nats) + seen)


def leg_verdict(
    leg: Leg, weighed: Sequence[WeighedEvidence], coverage: float, watched: bool, s: CorrelatorSettings
) -> LegVerdict:
    """One leg's verdict. A leg without a declared source is not watched: the operator declares it calm."""
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
