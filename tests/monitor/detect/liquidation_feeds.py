"""Seeded streams of events with their times, and what feeds of each policy show of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

Event = tuple[float, float]
"""Unix seconds and USD."""


def poisson_events(seed: int, rate: float, seconds: float, begin_s: float = 0.0) -> Iterator[Event]:
    """Events at this rate, of lognormal sizes."""
    chance = random.Random(seed)
    at_s = begin_s
    while True:
        at_s += chance.expovariate(rate)
        if at_s >= begin_s + seconds:
            return
        yield at_s, chance.lognormvariate(9.0, 1.5)


def shown(events: Iterable[Event], policy: str) -> Iterator[Event]:
    """What a feed of this policy shows."""
    if policy == "complete":
        yield from events
        return
    if policy == "first_after_dead_time":
        free_s = float("-inf")
        for at_s, usd in events:
            if at_s >= free_s:
                free_s = at_s + 1
                yield at_s, usd
        return
    best: Event | None = None
    for event in events:
        if best is not None and int(event[0]) != int(best[0]):
            yield best
            best = None
        later = policy == "latest_per_second" or (policy == "largest_per_second" and best and event[1] > best[1])
        if best is None or later:
            best = event
    if best is not None:
        yield best


def by_second(events: Iterable[Event]) -> Iterator[tuple[int, list[Event]]]:
    """The events by second, only seconds that have one."""
    second = -1
    some: list[Event] = []
    for event in events:
        if int(event[0]) != second and some:
            yield second, some
            some = []
        second = int(event[0])
        some.append(event)
    if some:
        yield second, some
