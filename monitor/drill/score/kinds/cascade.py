"""A liquidation cascade and nothing else (5 August 2024, 3 February 2025): one leg, a watch."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, cascade, surge_factor
from monitor.drill.score.truth import LegTruth, Truth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """Forced orders for minutes; venues stand, the chain is quiet."""
    end_s = LEAD_S + rng.uniform(180.0, 600.0)
    truth = Truth(level=Level.WATCH, legs=(LegTruth(leg=Leg.LIQUIDATION, onset_s=LEAD_S, end_s=end_s),))
    stages = cascade(world, rng, LEAD_S, end_s, surge_factor(world, rng))
    return Case(length_s=end_s + 480.0, truth=truth, stages=stages)


KIND = Kind(title="liquidation cascade", make=make)
