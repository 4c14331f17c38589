"""Liquidity moves from one pool to another of the same token, and all of it arrives: no alarm."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, accounted, removed
from monitor.drill.score.truth import Truth
from monitor.drill.score.worlds import World


def make(world: World, rng: Random) -> Case:
    """Two or three owners move a part of the depth, block after block."""
    share, facts = 0.0, []
    for step in range(rng.choice((2, 3))):
        at_s = LEAD_S + 24.0 * step
        share += rng.uniform(0.08, 0.12)
        facts += [removed(at_s, 0.1), accounted(at_s + 12.0, share, readded=1.0)]
    return Case(length_s=LEAD_S + 900.0, truth=Truth(), chain=tuple(facts))


KIND = Kind(title="a routine migration of liquidity", make=make)
