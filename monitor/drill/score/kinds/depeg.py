"""One venue's price leaves the market (USDe on Binance, 10 October 2025): that venue's episode."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S, is_leg
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """Its price falls by a tenth to a third within a minute, stays there, and comes back."""
    venue = rng.choice(world.names)
    factor = 1.0 - rng.uniform(0.1, 0.35)
    back_s = LEAD_S + rng.uniform(300.0, 900.0)
    fall = Stage(from_s=LEAD_S, until_s=LEAD_S + 60.0, venues=(venue,), price_to=factor)
    back = Stage(from_s=back_s, until_s=back_s + 60.0, venues=(venue,), price_to=1.0 / factor)
    end_s = back_s + 60.0
    legs = (LegTruth(leg=Leg.VENUE, onset_s=LEAD_S, end_s=end_s),) if is_leg(world, (venue,)) else ()
    truth = Truth(
        level=Level.WATCH, legs=legs, venues=(VenueTruth(venue=venue, onset_s=LEAD_S, end_s=end_s),), faults=("venue",)
    )
    return Case(length_s=end_s + 480.0, truth=truth, stages=(fall, back))


KIND = Kind(title="one venue's price leaves the market", make=make)
