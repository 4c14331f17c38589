"""Runs the drill's world on one event loop: starts its servers, moves market, chain and scenario on, and reports the stages.

Before `begin` everything is quiet and normal. It uses the clock it is given, and no stdin or stdout.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from monitor.drill.scenario import Scenario
from monitor.drill.world import dialects, weather
from monitor.drill.world.ledger import POOLS, TIMELOCK, TOKEN, Ledger
from monitor.drill.world.market import Market
from monitor.drill.world.node import Node
from monitor.drill.world.places import Control, Webhooks
from monitor.drill.world.region import Region
from monitor.drill.world.venue_server import Now, VenueServer
from monitor.drill.world.weather import Weather

STEP_S = 0.15
"""Each venue's books change this often."""
MAX_STEP_S = 1.0
LINGER_S = 30.0
"""How long the calm world goes on after the scenario, for the last webhooks, unless it is ended."""
CONTROLS = ("control_a", "control_b", "control_c")

Report = Callable[[Mapping[str, Any]], None]


class Stoppable(Protocol):
    """A server that can be closed."""

    async def stop(self) -> None:
        """Close it."""


class World:
    """Plays one scenario in real time."""

    def __init__(self, scenario: Scenario, secret: str, now: Now = time.time) -> None:
        self.scenario = scenario
        self._now = now
        self._begun: float | None = None
        self._ended = asyncio.Event()
        self.market = Market(scenario.venues, scenario.asset, scenario.price, scenario.seed, scenario.lowest())
        self._venues = [
            VenueServer(
                dialect, self.market.venues[dialect.id], partial(self._weather, dialect.id), now, scenario.seed + index
            )
            for index, dialect in enumerate(map(dialects.declared, scenario.venues))
        ]
        self._ledger = Ledger(scenario.price, now(), scenario.chain())
        self._node = Node(self._ledger, self._down)
        self._controls = {name: Control(self._down) for name in CONTROLS}
        self._webhooks = Webhooks(secret, self._down)
        self._regions = {name: Region() for name in scenario.regions}

    async def start(self) -> dict[str, Any]:
        """Open every port. Returns all addresses, as the ready line states them."""
        reached = {
            "hosts": {one.dialect.id: await one.start() for one in self._venues},
            "node": await self._node.start(),
            "controls": {name: await one.start() for name, one in self._controls.items()},
        }
        return {
            **reached,
            "regions": {name: await one.start(reached) for name, one in self._regions.items()},
            "webhook": await self._webhooks.start(),
            "contract": TOKEN,
            "pools": list(POOLS),
            "timelock": TIMELOCK,
            "asset": self.scenario.asset,
        }

    async def stop(self) -> None:
        """Close every port."""
        servers: list[Stoppable] = [
            *self._regions.values(), *self._venues, self._node, *self._controls.values(), self._webhooks,
        ]  # fmt: skip
        for one in servers:
            await one.stop()

    def begin(self, at_s: float = 0.0) -> None:
        """Begin the scenario, `at_s` seconds into it."""
        if self._begun is None:
            self._begun = self._now() - at_s

    def end(self) -> None:
        """End the scenario early."""
        self._ended.set()

    def at_s(self) -> float | None:
        """The second of the scenario, None before it begins."""
        return None if self._begun is None else max(self._now() - self._begun, 0.0)

    def _weather(self, venue: str) -> Weather:
        return weather.at(self.scenario, venue, self.at_s())

    def _down(self) -> bool:
        return self._weather("").network_down

    async def run(self, report: Report) -> None:
        """Run until the scenario is over or ended. Reports each stage as it begins, then the end."""
        waiting = sorted(self.scenario.stages, key=lambda stage: stage.at_s)
        stepped = {one.dialect.id: self._now() for one in self._venues}
        turn = 0
        while not self._ended.is_set():
            at_s = self.at_s()
            if at_s is not None and at_s >= self.scenario.length_s + LINGER_S:
                break
            while waiting and at_s is not None and waiting[0].at_s <= at_s:
                stage = waiting.pop(0)
                report({"stage": stage.title, "at_s": stage.at_s})
            for name, region in self._regions.items():
                region.be(down=at_s is not None and self.scenario.cut_off(name, at_s))
            self._step(self._venues[turn % len(self._venues)], stepped)
            self._ledger.advance(self._now(), at_s, halted=self._weather("").chain_halted)
            turn += 1
            await self._pause(STEP_S / len(self._venues))
        report({"done": True, "webhooks": list(self._webhooks.received)})

    def _step(self, server: VenueServer, stepped: dict[str, float]) -> None:
        now_s, name = self._now(), server.dialect.id
        dt_s = min(max(now_s - stepped[name], 0.0), MAX_STEP_S)
        stepped[name] = now_s
        self.market.walk(dt_s / len(self._venues), weather.price_factor(self.scenario, self.at_s()))
        server.publish(self.market.step(server.venue, server.forecast(), now_s, dt_s))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
