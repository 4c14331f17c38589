"""A cascade behind feeds that all show one order a second at most, up to 100 a second a symbol: one leg, a watch."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, cascade, surge_factor
from monitor.drill.score.truth import LegTruth, Truth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """Forced orders in such number that a throttled feed shows a small part of them."""
    end_s = LEAD_S + rng.uniform(180.0, 600.0)
    truth = Truth(level=Level.WATCH, legs=(LegTruth(leg=Leg.LIQUIDATION, onset_s=LEAD_S, end_s=end_s),))
    stages = cascade(world, rng, LEAD_S, end_s, surge_factor(world, rng, 30.0, 300.0))
    return Case(length_s=end_s + 480.0, truth=truth, stages=stages)


KIND = Kind(title="cascade behind throttled feeds", make=make, throttled=True)
