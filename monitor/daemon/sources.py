"""Makes the daemon's sources: a prober for each venue, a watcher for each network, the controls and the clock.

Each part passes its readings or events to the pipeline, and declares to the correlator what to expect from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta

from chain.events.network import NodeFault, NodeFaultKind
from chain.events.upgrades import ContractUpgraded
from chain.explorers.answers import SourceSeen
from chain.sync.checkpoint import Checkpoints
from chain.sync.watcher import Watcher
from monitor.daemon.assembly import (
    Expectation,
    enabled_networks,
    enabled_targets,
    enabled_venues,
    network_expectations,
    prober_settings,
    target_expectations,
    venue_expectations,
    watcher_settings,
)
from monitor.daemon.explorer_checks import SourceChecks, books_of
from monitor.daemon.loop_lag import LoopLag
from monitor.daemon.supervisor import Part
from monitor.errors import OperatorError
from monitor.pipeline import Pipeline
from monitor.settings.check import check_url
from monitor.settings.coinglass import coinglass_access
from monitor.settings.targets import targets_of
from monitor.settings.tree import Settings
from monitor.signals import Clock
from monitor.telemetry.redact import redact
from probes import venues
from probes.controls import Controls
from probes.feeds.targets import Targets
from probes.prober import Prober
from probes.readings import Instrument, Reading
from probes.rest.market_totals import CoinGlassAccess, MarketTotals
from probes.tape import Tape

TICK_S = 1.0
COMPLETE_EVERY_S = 0.1
"""How often the correlator is asked to judge the seconds that all sources have passed."""
JUDGED_AT_ONCE = 128
"""So many signals of a complete second are judged in one step of the loop: 2 to 10 ms of CPU time."""
FAULT_AGAIN = timedelta(minutes=15)

log = logging.getLogger("stormwatch.sources")


class Sources:
    """All sources. `tape` records raw frames, `checkpoints` holds each network's position, `on_loop_lag` gets our lateness."""

    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        clock: Clock,
        *,
        pipeline: Pipeline,
        checkpoints: Checkpoints,
        tape: Tape | None = None,
        on_loop_lag: Callable[[float], None] = lambda _late_s: None,
    ) -> None:
        self._settings = settings
        self._env = env
        self._clock = clock
        self._pipeline = pipeline
        self._checkpoints = checkpoints
        self._tape = tape
        self._on_loop_lag = on_loop_lag
        self._faults: dict[tuple[str, str, NodeFaultKind], datetime] = {}

    def parts(self) -> dict[str, Part]:
        """Every part by name, with all settings checked. Raises OperatorError before any part starts."""
        parts: dict[str, Part] = {}
        for name in enabled_venues(self._settings):
            parts[f"venue {name}"] = self._venue(name)
        for name in enabled_networks(self._settings):
            parts[f"network {name}"] = self._network(name)
        if self._settings.controls.targets:
            parts["controls"] = self._controls
        if enabled_targets(self._settings):
            parts["targets"] = self._own_targets()
        access = coinglass_access(self._settings.coinglass, enabled_venues(self._settings), self._env)
        if access is not None and parts:
            parts["market totals"] = self._market_totals(access)
        if not parts:
            raise OperatorError(
                "settings", "no venues, no networks", "at least one [venues.NAME], [networks.NAME] or [targets.NAME]",
                "`stormwatch config init` writes a file to begin with",
            )  # fmt: skip
        parts["clock"] = self._ticks
        parts["seconds"] = self._seconds
        parts["loop lag"] = LoopLag(self._clock, self._was_late, self._on_loop_lag).run
        return parts

    def _venue(self, name: str) -> Part:
        chosen = prober_settings(self._settings, name, self._env)

        async def part() -> None:
            prober = Prober(venues.declared(name), chosen, clock=self._clock, tape=self._tape)
            prober.queue.on_drop = self._dropping(name)
            declared: list[Instrument] = []

            def take(reading: Reading) -> None:
                nonlocal declared
                if prober.instruments is not declared and prober.instruments:
                    declared = prober.instruments
                    self._pipeline.intake.know(name, prober.instruments)
                    self._expect(venue_expectations(self._settings, name, prober.instruments))
                self._pipeline.take_reading(reading)

            try:
                async with aclosing(prober.readings()) as readings:
                    async for reading in readings:
                        take(reading)
            finally:
                _take_rest(prober, take)

        return part

    def _dropping(self, venue: str) -> Callable[[str], None]:
        def dropped(kind: str) -> None:
            self._pipeline.unseen.dropped[venue, kind] += 1

        return dropped

    def _network(self, name: str) -> Part:
        chosen = watcher_settings(self._settings, name, self._env)
        books_of(self._settings, name, self._env)

        async def part() -> None:
            self._expect(network_expectations(self._settings, name))
            async with SourceChecks(books_of(self._settings, name, self._env), self._on_source) as checks:
                async for event in Watcher(chosen, self._checkpoints, self._clock).events():
                    if isinstance(event, NodeFault) and event.fault is not NodeFaultKind.RANGE_LIMIT:
                        self._log_fault(name, event)
                    self._pipeline.take_event(event)
                    checks.on_event(event)

        return part

    def _on_source(self, event: ContractUpgraded, seen: SourceSeen) -> None:
        self._pipeline.take(self._pipeline.intake.source(event, seen, self._clock()))

    def _log_fault(self, network: str, fault: NodeFault) -> None:
        """Log a node's fault, at most every `FAULT_AGAIN`: a wrong URL shows only here and in the metrics."""
        what = (network, fault.node, fault.fault)
        last = self._faults.get(what)
        if last is None or fault.seen_at - last >= FAULT_AGAIN:
            self._faults[what] = fault.seen_at
            log.warning("node %s of %s: %s %s", fault.node, network, fault.fault.value, redact(fault.detail))

    async def _controls(self) -> None:
        one = self._settings.controls
        async for reading in Controls(one.targets, one.every_s, one.timeout_s, clock=self._clock).readings():
            self._pipeline.take_reading(reading)

    def _own_targets(self) -> Part:
        chosen = targets_of(self._settings.targets, self._env, check_url)

        async def part() -> None:
            for one in chosen:
                self._expect(target_expectations(self._settings, one))
            async with aclosing(Targets(chosen, clock=self._clock).readings()) as readings:
                async for reading in readings:
                    self._pipeline.take_reading(reading)

        return part

    def _market_totals(self, access: CoinGlassAccess) -> Part:
        async def part() -> None:
            totals = MarketTotals(tuple(self._settings.assets), access, clock=self._clock)
            async with aclosing(totals.readings()) as readings:
                async for reading in readings:
                    self._pipeline.take_reading(reading)

        return part

    async def _ticks(self) -> None:
        while True:
            self._pipeline.tick(self._clock())
            await asyncio.sleep(TICK_S)

    async def _seconds(self) -> None:
        while True:
            left = self._pipeline.complete(self._clock(), JUDGED_AT_ONCE)
            await asyncio.sleep(
                0 if left else COMPLETE_EVERY_S
            )  # the others run between two slices of a storm's second

    def _was_late(self, began: datetime, late_s: float) -> None:
        self._pipeline.take([self._pipeline.intake.loop_lag(began, late_s)])

    def _expect(self, expectations: Iterable[Expectation]) -> None:
        now = self._clock()
        self._pipeline.take(
            [
                self._pipeline.intake.expect(one.source, one.subject, one.gap_s, now, one.attributes)
                for one in expectations
            ]
        )


def _take_rest(prober: Prober, take: Callable[[Reading], None]) -> None:
    """Take what came before the end: it is on the raw tape, so it belongs in the live log too.

    A failure here is only logged: raised, it would take the place of a cancellation, and the part would start again.
    """
    try:
        for reading in prober.remaining():
            take(reading)
    except Exception:
        log.exception("readings of %s that waited at the end were not taken", prober.venue.id)
