"""One venue is down (Coinbase, 7 May 2026): its own episode, and a leg of the asset only where it is the only venue."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S, is_leg
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """Every request fails; the feeds are cut, or stand still, or go on."""
    venue = rng.choice(world.names)
    end_s = LEAD_S + rng.uniform(240.0, 900.0)
    feeds = rng.choice(("cut", "mute", "go on"))
    both = ("book_ws", "liquidation")
    stage = Stage(
        from_s=LEAD_S, until_s=end_s, venues=(venue,), failing=rng.uniform(0.9, 1.0),
        outcome=rng.choice(("venue_error", "timeout", "overloaded", "origin_down", "refused")),
        cut=both if feeds == "cut" else (), mute=both if feeds == "mute" else (),
    )  # fmt: skip
    legs = (LegTruth(leg=Leg.VENUE, onset_s=LEAD_S, end_s=end_s),) if is_leg(world, (venue,)) else ()
    truth = Truth(
        level=Level.WATCH, legs=legs, venues=(VenueTruth(venue=venue, onset_s=LEAD_S, end_s=end_s),), faults=("venue",)
    )
    return Case(length_s=end_s + 600.0, truth=truth, stages=(stage,))


KIND = Kind(title="one venue down", make=make)
