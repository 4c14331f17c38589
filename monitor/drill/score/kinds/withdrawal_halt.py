"""A venue pays nothing out any more while it says that withdrawals are open (FTX, November 2022): that venue's episode."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.parts import LEAD_S, is_leg, wallet_silent
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """Its hot wallets fall silent; the silence is told again as it grows."""
    venue = rng.choice(world.names)
    silent_s = rng.uniform(1200.0, 3600.0)
    facts = tuple(wallet_silent(LEAD_S + 300.0 * step, venue, silent_s + 300.0 * step) for step in range(4))
    end_s = LEAD_S + 1200.0
    legs = (LegTruth(leg=Leg.VENUE, onset_s=LEAD_S, end_s=end_s),) if is_leg(world, (venue,)) else ()
    truth = Truth(
        level=Level.WATCH, legs=legs, venues=(VenueTruth(venue=venue, onset_s=LEAD_S, end_s=end_s),), faults=("venue",)
    )
    return Case(length_s=end_s + 120.0, truth=truth, chain=facts)


KIND = Kind(title="withdrawals halted in silence", make=make)
