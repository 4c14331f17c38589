"""Computes legs and probabilities from evidence and coverage: interval fusion by epsilon-contamination (docs/detection.md).

The unseen part of a leg may have had any evidence in [-a, b]: w_lo = ln((1-c) e^-a + c e^E), w_hi = ln((1-c) e^b + c e^E).
The bounds move apart as coverage c falls, so less sight can only lower the confidence in a storm and in calm.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, log
from typing import NamedTuple, Self

from monitor.correlator.active_evidence import NEXT, WeighedEvidence, fold_of
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Contribution, Leg, LegState, LegVerdict

CALM_BELOW_NATS = 0.5
MAX_CONTRIBUTIONS = 6
CALM_SAID = "a leg without evidence"


class Sight(NamedTuple):
    """How much of a leg is seen, 0..1, as a witness of a storm and as one of calm. `shown` is never below `whole`.

    A throttle hides events and invents none: what it hides takes nothing from a surge that is seen behind it (`shown`), and
    all of it from calm (`whole`).
    """

    shown: float
    whole: float

    @classmethod
    def even(cls, coverage: float) -> Self:
        """The sight of a leg of which no source leaves anything out."""
        return cls(coverage, coverage)


def logistic(x: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def logit(p: float) -> float:
    """Log-odds of a probability above 0 and below 1."""
    return log(p / (1 - p))


def leg_nats(weighed: Sequence[WeighedEvidence], s: CorrelatorSettings) -> float:
    """E of a leg, heaviest evidence first: the heaviest in full, the next by half, capped; negative if calm.

    What the asset's venues say is one item, their fold.
    """
    items = [one.nats for one in weighed if one.place is None]
    if len(items) < len(weighed):
        items.append(fold_of(weighed).nats)
        items.sort(reverse=True)
    if items and items[0] >= CALM_BELOW_NATS:
        uncapped = items[0] + (NEXT * items[1] if len(items) > 1 else 0.0)
        return min(uncapped, s.storm_nats)
    top = items[0] if items else 0.0
    return -s.calm_nats + max(top, 0.0) * (CALM_BELOW_NATS + s.calm_nats) / CALM_BELOW_NATS


def contributions(
    weighed: Sequence[WeighedEvidence], coverage: float, s: CorrelatorSettings
) -> tuple[Contribution, ...]:
    """What each piece of evidence adds to w_lo of a leg: by how much w_lo falls without it and what is heavier.

    So they sum to w_lo, and the first is what the leg loses without its heaviest evidence. The last is what calm says.
    """
    parts = []
    low = bounds(leg_nats(weighed, s), coverage, s)[0]
    for index, one in enumerate(weighed[:MAX_CONTRIBUTIONS], start=1):
        without = bounds(leg_nats(weighed[index:], s), coverage, s)[0]
        known = one.evidence
        parts.append(
            Contribution(evidence_id=known.id, name=known.name, nats=low - without, said=known.said, onset=known.onset)
        )
        low = without
    calm = bounds(-s.calm_nats, coverage, s)[0]
    if len(weighed) > MAX_CONTRIBUTIONS:
        parts.append(Contribution(evidence_id="", name="others", nats=low - calm, said="all lighter evidence"))
    parts.append(Contribution(evidence_id="", name="calm", nats=calm, said=CALM_SAID))
    return tuple(parts)


def bounds(evidence: float, coverage: float, s: CorrelatorSettings) -> tuple[float, float]:
    """[w_lo, w_hi] in nats of a leg with evidence E seen with coverage c."""
    return _bounds(evidence, coverage, s.calm_nats, s.storm_nats)


def _bounds(evidence: float, coverage: float, calm_nats: float, storm_nats: float) -> tuple[float, float]:
    seen = coverage * exp(evidence)
    return log((1 - coverage) * exp(-calm_nats) + seen), log((1 - coverage) * exp(storm_nats) + seen)


def leg_verdict(
    leg: Leg,
    weighed: Sequence[WeighedEvidence],
    sight: Sight,
    watched: bool,
    s: CorrelatorSettings,
    held: bool = False,
) -> LegVerdict:
    """One leg's verdict. A leg without a declared source is not watched: the operator declares it calm.

    The lower bound, which makes a leg TRUE, rests on what is shown; the upper bound, FALSE and the stated coverage on the
    whole. `held`: it was TRUE a second ago, and needs less to stay so.
    """
    shown, coverage = sight if watched else Sight.even(1.0)
    true_nats = s.leave_nats if held else s.true_nats
    if not weighed:
        return _without_evidence(
            leg, coverage, true_nats, s.calm_nats, s.storm_nats, (s.false_below_nats, s.false_coverage)
        )
    evidence = leg_nats(weighed, s)
    w_lo, w_hi = bounds(evidence, shown, s)[0], bounds(evidence, coverage, s)[1]
    strong = [one.evidence.onset for one in weighed if one.nats >= CALM_BELOW_NATS]
    return LegVerdict(
        leg=leg,
        state=_state(w_lo, true_nats, evidence, coverage, (s.false_below_nats, s.false_coverage)),
        evidence=evidence,
        coverage=coverage,
        w_lo=w_lo,
        w_hi=w_hi,
        onset=min(strong) if strong else None,
        contributions=contributions(weighed, shown, s),
    )


def _state(w_lo: float, true_nats: float, evidence: float, coverage: float, false: tuple[float, float]) -> LegState:
    """`false`: the evidence under which a leg is FALSE, and the coverage that this needs."""
    if w_lo >= true_nats:
        return LegState.TRUE
    below_nats, min_coverage = false
    return LegState.FALSE if evidence < below_nats and coverage >= min_coverage else LegState.UNKNOWN


@lru_cache(maxsize=4096)
def _without_evidence(
    leg: Leg, coverage: float, true_nats: float, calm_nats: float, storm_nats: float, false: tuple[float, float]
) -> LegVerdict:
    """Most legs of most assets have no evidence in most seconds, and the same coverage."""
    w_lo, w_hi = _bounds(-calm_nats, coverage, calm_nats, storm_nats)
    calm = Contribution(evidence_id="", name="calm", nats=w_lo, said=CALM_SAID)
    state = _state(w_lo, true_nats, -calm_nats, coverage, false)
    return LegVerdict(
        leg=leg,
        state=state,
        evidence=-calm_nats,
        coverage=coverage,
        w_lo=w_lo,
        w_hi=w_hi,
        onset=None,
        contributions=(calm,),
    )
