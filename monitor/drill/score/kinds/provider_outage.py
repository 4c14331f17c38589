"""A cloud region fails and takes the venues in it along (Tokyo, 15 April 2025): a venue leg, one cause."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S, is_leg
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """The venues of the largest provider fail within a minute of each other, partly."""
    homes = [one.provider for one in world.venues]
    home = max(sorted(set(homes)), key=homes.count)
    venues = tuple(one.name for one in world.venues if one.provider == home)
    end_s = LEAD_S + rng.uniform(300.0, 900.0)
    failing = rng.uniform(0.4, 1.0)
    onsets = {one: LEAD_S + rng.uniform(0.0, 60.0) for one in venues}
    stages = tuple(
        Stage(
            from_s=onsets[one], until_s=end_s, venues=(one,), failing=failing,
            outcome=rng.choice(("timeout", "venue_error", "overloaded")), latency=rng.uniform(2.0, 10.0),
            withdrawals=0.0 if rng.random() < 0.5 else None,
        )
        for one in venues
    )  # fmt: skip
    counted = sorted(onsets.values())[: max(1, round(0.3 * len(world.venues) + 0.49))]
    legs = (LegTruth(leg=Leg.VENUE, onset_s=max(counted), end_s=end_s),) if is_leg(world, venues) else ()
    faults = tuple(VenueTruth(venue=one, onset_s=onsets[one], end_s=end_s) for one in venues)
    truth = Truth(level=Level.WATCH, legs=legs, venues=faults, faults=("venue", "market", "provider"))
    return Case(length_s=end_s + 480.0, truth=truth, stages=stages)


KIND = Kind(title="a provider's outage", make=make)
