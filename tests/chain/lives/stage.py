"""Knows the pools of a history, and how its people find one they have a part of."""

from __future__ import annotations

from tests.chain.lives.people import Person
from tests.chain.lives.pools import Pair, Played, Ranged
from tests.chain.lives.world import World

MINUTE, HOUR = 60.0, 3600.0


class Stage:
    """The pools of a history, by what they are."""

    def __init__(
        self,
        world: World,
        *,
        main: list[Played],
        pairs: list[Pair],
        ranged: Ranged,
        dollar: Played,
        taxed: list[Pair],
    ) -> None:
        self.world, self.main, self.pairs, self.ranged = world, main, pairs, ranged
        self.dollar, self.taxed = dollar, taxed

    def two(self) -> tuple[Played, Played]:
        """Two different pools of RIFT and WETH."""
        first, second = self.world.rng.sample(self.main, 2)
        return first, second

    def lp(self, pool: Played, least: float = 0.005, most: float = 0.15) -> Person:
        """Somebody who has a part of it."""
        person = Person(self.world)
        person.begin(pool, self.world.rng.uniform(least, most))
        return person


def parts(amounts: tuple[int, int], part: float) -> tuple[int, int]:
    """This part of both, rounded down."""
    millionths = int(part * 10**6)
    return amounts[0] * millionths // 10**6, amounts[1] * millionths // 10**6
