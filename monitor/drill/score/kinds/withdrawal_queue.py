"""Withdrawals queue for hours while wallets stay busy (Bybit, 21 February 2025): slow, not closed."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S
from monitor.drill.score.truth import Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Level


def make(world: World, rng: Random) -> Case:
    """The venue says that withdrawals are delayed; everything else goes on."""
    venue = rng.choice(world.names)
    end_s = LEAD_S + rng.uniform(600.0, 1200.0)
    queue = Stage(from_s=LEAD_S, until_s=end_s, venues=(venue,), withdrawals=0.5)
    truth = Truth(level=Level.WATCH, venues=(VenueTruth(venue=venue, onset_s=LEAD_S, end_s=end_s),), faults=("venue",))
    return Case(length_s=end_s + 300.0, truth=truth, stages=(queue,))


KIND = Kind(title="a queue of withdrawals", make=make)
