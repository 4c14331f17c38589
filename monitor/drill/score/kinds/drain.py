"""A pool is emptied without a removal of liquidity (Balancer, 3 November 2025): one leg, a watch."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, drained
from monitor.drill.score.truth import LegTruth, Truth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """The pool loses most of a token within a block or two."""
    block_s = -(-LEAD_S // 12.0) * 12.0
    fact = drained(LEAD_S, rng.uniform(0.7, 0.999), rng.choice(("swap", "mint", "taken")))
    truth = Truth(level=Level.WATCH, legs=(LegTruth(leg=Leg.MIGRATION, onset_s=block_s, end_s=86_400.0),))
    return Case(length_s=LEAD_S + 900.0, truth=truth, chain=(fact,))


KIND = Kind(title="a drained pool", make=make)
