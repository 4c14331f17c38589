"""A perfect storm: cascade, venues in trouble and a contract's trouble within minutes."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind
from monitor.drill.score.storms import storm
from monitor.drill.score.worlds import World


def make(world: World, rng: Random) -> Case:
    """All three legs can be seen."""
    return storm(world, rng).case()


KIND = Kind(title="a full storm", make=make)
