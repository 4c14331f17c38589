"""Names the parts of the judgement that a score can leave out, to show what each of them is worth. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from monitor.correlator.active_evidence import WeighedEvidence


class Part(StrEnum):
    """A part that `Correlator(without=…)` leaves out. Nothing but a score leaves one out."""

    COVERAGE = "coverage"
    """Every declared source counts as fully seen, whatever it sends."""
    POOLING = "pooling"
    """A leg rests on the findings of one venue; those of other venues add nothing."""
    ATTRIBUTION = "attribution"
    """Nobody asks whether the fault is our own network's."""


def of_one_venue(
    found: Sequence[WeighedEvidence], now_s: float, share: Callable[[str], float]
) -> list[WeighedEvidence]:
    """The findings of the venue with the heaviest one, and those of no venue, each with no more than its own weight.

    `share` is a venue's part of the asset's venues, 0..1; a finding at a venue counts by twice that, at most in full.
    """
    alone = []
    for one in found:
        evidence, venue = one.evidence, one.evidence.subject.venue
        age_s = max(now_s - evidence.at.timestamp(), 0.0)
        own = evidence.weight * 2 ** (-age_s / evidence.half_life_s)
        own *= 1.0 if venue is None else min(1.0, 2 * share(venue))
        alone.append(WeighedEvidence(min(one.nats, own), evidence))
    alone.sort(key=lambda one: (-one.nats, one.evidence.id))
    venues = [one.evidence.subject.venue for one in alone if one.evidence.subject.venue is not None]
    return [one for one in alone if one.evidence.subject.venue in (None, *venues[:1])]
