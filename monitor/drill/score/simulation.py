"""Simulates a case in its world: the signals as the daemon would take them, in order of receipt, a quarter second at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, pi, sin
from random import Random

from monitor.drill.score.case import Case
from monitor.drill.score.chain_life import ChainLife
from monitor.drill.score.conditions import USUAL, Conditions, conditions
from monitor.drill.score.signal_writer import SignalWriter
from monitor.drill.score.venue_life import TIMEOUT_S, TRANSPORT, Market, VenueLife
from monitor.drill.score.worlds import CONTROLS, PRICE, VANTAGE, World
from monitor.signals import Scalar, Signal, SignalKind, Subject

STEP_S = 0.25
CONTROL_EVERY_S = 5
ACTIVITY_S = 600.0
ACTIVITY_SIGMA = 0.4
JOLTS_PER_S = 1 / 7200
PATH_PER_S = 1 / 7200
WEEK_S = 604_800.0


class Simulation:
    """One case in one world, from `start_s` on. The same world, case and seed give the same signals.

    `begins`: the daemon starts here, so that sources are declared and feeds open; else an earlier simulation of the world did.
    """

    def __init__(
        self, world: World, case: Case, seed: str, *, start_s: float | None = None, begins: bool = False
    ) -> None:
        self.start_s = world.start_s if start_s is None else start_s
        self._case = case
        self._writer = SignalWriter(0 if begins else 10_000_000)
        self._venues = [
            VenueLife(traits, seed, place, self._writer, self.start_s) for place, traits in enumerate(world.venues)
        ]
        self._chain = ChainLife(case.chain, seed, self._writer, self.start_s)
        self._shared = Random(f"{seed}/market")  # noqa: S311
        self._controls = Random(f"{seed}/controls")  # noqa: S311
        self._log_activity = self._log_price = self._log_depth = 0.0
        self._path_until_s, self._path = 0.0, 1.0
        if begins:
            self._chain.announce(self.start_s)
            for venue in self._venues:
                venue.announce(self.start_s + 0.1)

    def steps(self) -> Iterator[tuple[float, list[Signal]]]:
        """Yield the end of each quarter second, unix seconds, with the signals received in it."""
        steps = round(1 / STEP_S)
        for second in range(int(self._case.length_s)):
            start_s = self.start_s + second
            self._second(start_s, float(second))
            for step in range(1, steps + 1):
                until_s = start_s + step * STEP_S
                yield until_s, self._writer.take(until_s)
        end_s = self.start_s + self._case.length_s + 2 * TIMEOUT_S
        yield end_s, self._writer.take(end_s)

    def _second(self, start_s: float, at_s: float) -> None:
        market = self._market(start_s)
        stages = self._case.stages
        whole = conditions(stages, "", at_s) if stages else USUAL
        held = [conditions(stages, one.traits.name, at_s) if stages else USUAL for one in self._venues]
        market.index = market.price * whole.price  # what happens at one venue alone moves no index
        for venue, now in zip(self._venues, held, strict=True):
            venue.second(start_s, now, market)
        self._chain.second(start_s, whole.nodes_down)
        self._vantage(start_s, whole, market)

    def _market(self, start_s: float) -> Market:
        rng = self._shared
        self._log_price += rng.gauss(0.0, 1e-4)
        self._log_activity += -self._log_activity / ACTIVITY_S + rng.gauss(
            0.0, ACTIVITY_SIGMA * (2 / ACTIVITY_S) ** 0.5
        )
        self._log_depth += -self._log_depth / 300.0 + rng.gauss(0.0, 0.01)
        jolt, size, path = rng.random(), rng.uniform(2.0, 6.0), rng.random()
        if jolt < JOLTS_PER_S:
            for venue in self._venues:
                venue.jolt(size)
        if path < PATH_PER_S:
            self._path_until_s, self._path = start_s + 5.0 * size, 1.0 + size / 4
        busy = 1.0 + 0.4 * sin(2 * pi * start_s / 86_400.0) + 0.2 * sin(2 * pi * start_s / WEEK_S)
        return Market(
            price=PRICE * exp(self._log_price),
            activity=busy * exp(self._log_activity - ACTIVITY_SIGMA**2 / 2),
            path=self._path if start_s < self._path_until_s else 1.0,
            depth=exp(self._log_depth),
        )

    def _vantage(self, start_s: float, now: Conditions, market: Market) -> None:
        """The clock, and the neutral targets."""
        clock = Subject(vantage=VANTAGE)
        self._writer.write(SignalKind.TICK, "clock", start_s + 0.5, 0.0, subject=clock)
        for place, name in enumerate(CONTROLS):
            if (int(start_s) + place) % CONTROL_EVERY_S:
                continue
            chance, noise = self._controls.random(), self._controls.gauss(0.0, 0.2)
            latency_s = TIMEOUT_S * 0.6 if now.network_down else 0.02 * market.path * exp(noise)
            outcome = TRANSPORT[int(chance * len(TRANSPORT))] if now.network_down else "ok"
            words: dict[str, Scalar] = {"outcome": outcome, "target": name}
            self._writer.write(
                SignalKind.CONTROL, f"control/{name}", start_s + 0.1 + latency_s, latency_s, words, subject=clock
            )
