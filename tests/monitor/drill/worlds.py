"""Worlds for tests: scenarios of one stage, and a world that runs during a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from monitor.drill.scenario import VENUES, ChainStep, Expect, Scenario, Stage, checked
from monitor.drill.world.world import World

SECRET = "a secret of the test"


def scenario(*stages: Stage, length_s: float = 600.0, venues: Sequence[str] = VENUES) -> Scenario:
    """A scenario of these stages, in a world of these venues."""
    return checked(
        Scenario(
            name="test",
            title="test",
            length_s=length_s,
            seed=5,
            asset="RIFT",
            price=2.5,
            expect=Expect(level="watch"),
            venues=tuple(venues),
            stages=stages,
        )
    )


def stage(*chain: ChainStep, **effects: Any) -> Stage:
    """A stage that is on from the begin to the end."""
    return Stage(at_s=0.0, title="a stage", chain=chain, **effects)


class Running:
    """A world under test."""

    def __init__(self, world: World, addresses: dict[str, Any]) -> None:
        self.world = world
        self.addresses = addresses
        self.lines: list[Mapping[str, Any]] = []

    def hosts(self, venue: str) -> Mapping[str, str]:
        """A venue's base URLs."""
        hosts: Mapping[str, str] = self.addresses["hosts"][venue]
        return hosts


@asynccontextmanager
async def running(played: Scenario, *, begun_at_s: float | None = 0.0) -> AsyncIterator[Running]:
    """A running world, the scenario begun unless `begun_at_s` is None."""
    world = World(played, SECRET)
    one = Running(world, await world.start())
    if begun_at_s is not None:
        world.begin(begun_at_s)
    task = asyncio.create_task(world.run(one.lines.append))
    try:
        yield one
    finally:
        world.end()
        await task
        await world.stop()
