"""Holds the pools of a history and gives its people a part of one."""

from __future__ import annotations

from tests.chain.histories.people import Person
from tests.chain.histories.pools import Pair, Ranged, SimulatedPool
from tests.chain.histories.world import World

MINUTE, HOUR = 60.0, 3600.0


class Stage:
    """The pools of a history, by kind."""

    def __init__(
        self,
        world: World,
        *,
        main: list[SimulatedPool],
        pairs: list[Pair],
        ranged: Ranged,
        dollar: SimulatedPool,
        taxed: list[Pair],
    ) -> None:
        self.world, self.main, self.pairs, self.ranged = world, main, pairs, ranged
        self.dollar, self.taxed = dollar, taxed

    def two(self) -> tuple[SimulatedPool, SimulatedPool]:
        """Returns two different pools of RIFT and WETH."""
        first, second = self.world.rng.sample(self.main, 2)
        return first, second

    def lp(self, pool: SimulatedPool, least: float = 0.005, most: float = 0.15) -> Person:
        """Returns a person who owns a part of the pool."""
        person = Person(self.world)
        person.begin(pool, self.world.rng.uniform(least, most))
        return person


def parts(amounts: tuple[int, int], part: float) -> tuple[int, int]:
    """Returns this part of both amounts, rounded down."""
    millionths = int(part * 10**6)
    return amounts[0] * millionths // 10**6, amounts[1] * millionths // 10**6
