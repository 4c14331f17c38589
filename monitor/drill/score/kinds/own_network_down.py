"""Our own network is down: nothing can be seen, nobody else is at fault, and no asset is in trouble."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S
from monitor.drill.score.truth import Spell, Truth
from monitor.drill.score.worlds import World


def make(world: World, rng: Random) -> Case:
    """Requests, controls, feeds and nodes fail at once."""
    end_s = LEAD_S + rng.uniform(60.0, 420.0)
    down = Stage(from_s=LEAD_S, until_s=end_s, network_down=True)
    truth = Truth(blind=(Spell(onset_s=LEAD_S, end_s=end_s),), faults=("local",))
    return Case(length_s=end_s + 480.0, truth=truth, stages=(down,))


KIND = Kind(title="own network down", make=make)
