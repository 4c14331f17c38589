"""Seeded streams of counts a second: Poisson, negative binomial, self-excited and throttled."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import exp


def poisson(chance: random.Random, mean: float) -> int:
    """One Poisson count (sums of small means, so that exp never underflows)."""
    count = 0
    while mean > 0:
        part = min(mean, 30.0)
        mean -= part
        product, minimum = chance.random(), exp(-part)
        while product > minimum:
            count += 1
            product *= chance.random()
    return count


def clustered(chance: random.Random, mean: float, fano: float = 3.0) -> int:
    """One negative binomial count of this variance over mean."""
    shape = mean / (fano - 1)
    return poisson(chance, chance.gammavariate(shape, fano - 1))


def hawkes(seed: int, base: float, branching: float, seconds: int, beta: float = 1.0) -> Iterator[int]:
    """Counts a second of a self-excited stream with an exponential kernel, by thinning."""
    chance = random.Random(seed)
    at_s, excited = 0.0, 0.0
    counts = [0] * seconds
    while True:
        ceiling = base + excited
        wait_s = chance.expovariate(ceiling)
        at_s += wait_s
        excited *= exp(-beta * wait_s)
        if at_s >= seconds:
            return iter(counts)
        if chance.random() * ceiling <= base + excited:
            counts[int(at_s)] += 1
            excited += branching * beta
