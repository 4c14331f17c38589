"""A storm over hours: a surge that grows, outages that flicker, and liquidity that leaves a tenth at a time."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S, accounted, removed, some_venues
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level

LASTS_S = 7200.0
REMOVALS = 15
EVERY_S = 360.0
SURGE = 12.0
SURGE_RISES_S = 3600.0


def make(world: World, rng: Random) -> Case:
    """Due: the surge from three times the usual on, the venues from the third outage, the liquidity from 40 % gone."""
    begin_s, end_s = LEAD_S, LEAD_S + LASTS_S
    stages = [Stage(from_s=begin_s, until_s=end_s, surge=SURGE, rise_s=SURGE_RISES_S, price_to=0.7, interest_to=0.6)]
    venues = some_venues(world, rng, 0.5, 1.0)
    outages = [begin_s + 600.0 + 150.0 * step for step in range(int((LASTS_S - 600.0) / 150.0))]
    outcome = rng.choice(("overloaded", "timeout", "venue_error"))
    stages += [
        Stage(from_s=at, until_s=at + rng.uniform(25.0, 50.0), venues=venues, failing=0.8, outcome=outcome, latency=3.0)
        for at in outages
    ]
    facts = []
    for step in range(REMOVALS):
        at_s = _removed_s(step)
        left = 0.9 ** min(step + 1, int(3600.0 / EVERY_S))  # an account is of what left within the hour
        facts += [removed(at_s, 0.1), accounted(at_s + 12.0, 1.0 - left, readded=0.0)]
    grown_s = begin_s + SURGE_RISES_S * 2.0 / (SURGE - 1.0)
    truth = Truth(
        level=Level.PERFECT_STORM,
        legs=(
            LegTruth(leg=Leg.LIQUIDATION, onset_s=grown_s, end_s=end_s, first_s=begin_s),
            LegTruth(leg=Leg.VENUE, onset_s=outages[2], end_s=end_s, first_s=outages[0]),
            LegTruth(leg=Leg.MIGRATION, onset_s=_removed_s(4) + 12.0, end_s=end_s + 3600.0, first_s=_removed_s(0)),
        ),
        venues=tuple(VenueTruth(venue=one, onset_s=outages[0], end_s=end_s) for one in venues),
        faults=("venue", "market", "provider"),
    )
    return Case(length_s=end_s + 300.0, truth=truth, stages=tuple(stages), chain=tuple(facts))


def _removed_s(step: int) -> float:
    """When a removal happens; with the fifth, 41 % are gone."""
    return LEAD_S + 300.0 + EVERY_S * step


KIND = Kind(title="a slow storm over hours", make=make)
