"""A contract is upgraded without notice: one leg, a watch."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, upgraded
from monitor.drill.score.truth import LegTruth, Truth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """An executed upgrade; no timelock is known, or it was gone around."""
    block_s = -(-LEAD_S // 12.0) * 12.0
    fact = upgraded(LEAD_S, queued=rng.choice((None, False)))
    truth = Truth(level=Level.WATCH, legs=(LegTruth(leg=Leg.MIGRATION, onset_s=block_s, end_s=86_400.0),))
    return Case(length_s=LEAD_S + 900.0, truth=truth, chain=(fact,))


KIND = Kind(title="an unannounced upgrade", make=make)
