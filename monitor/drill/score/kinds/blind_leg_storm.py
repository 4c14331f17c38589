"""A storm of which one leg cannot be seen: suspected, and it pages, with the blind leg named."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.storms import storm
from monitor.drill.score.truth import Spell
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level


def make(world: World, rng: Random) -> Case:
    """The liquidation feeds are silent, or the nodes are away, from before the storm until after it."""
    whole = storm(world, rng)
    blind = rng.choice((Leg.LIQUIDATION, Leg.MIGRATION))
    dark = Spell(onset_s=60.0, end_s=whole.end_s)
    if blind is Leg.LIQUIDATION:
        stage = Stage(from_s=dark.onset_s, until_s=dark.end_s, mute=("liquidation",))
    else:
        stage = Stage(from_s=dark.onset_s, until_s=dark.end_s, nodes_down=True)
    legs = tuple(replace(one, blind=one.leg is blind) for one in whole.legs)
    chain = () if blind is Leg.MIGRATION else whole.chain
    stages = (*whole.stages, stage)
    case = replace(whole, legs=legs, chain=chain, stages=stages).case(Level.STORM_SUSPECTED)
    return replace(case, truth=replace(case.truth, blind=(dark,)))


KIND = Kind(title="a storm with one leg blind", make=make)
