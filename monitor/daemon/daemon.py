"""Runs the daemon: joins all parts, keeps them running, and stops them in an order that loses nothing.

It stops the sources first (probers, watchers, controls, the clock), then flushes the correlator, then the deliveries, the
store's writer and telemetry. This is the only file that knows all parts; no part knows another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from monitor.alerting.delivery import Deliveries
from monitor.alerting.sinks import made as made_sinks
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Part, Supervisor
from monitor.errors import OperatorError
from monitor.pipeline import Observer, Pipeline
from monitor.settings.tree import Settings
from monitor.signals import Clock, Signal
from monitor.store.postgres import PostgresStore
from monitor.store.writer import Writer
from monitor.telemetry.telemetry import Telemetry
from monitor.version import stormwatch_version
from monitor.web.server import Web
from probes.rest.http import utc_now

GAUGES_EVERY_S = 5.0
DRAIN_S = 5.0
TICK_LATE_S = 10.0
RETAIN_EVERY_S = 3600.0
REPLAY_BATCH = 2000


class _Checkpoints:
    """The checkpoint of each network, written in order with the signals before it, so that none is reported twice."""

    def __init__(self, store: PostgresStore, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    async def load(self, network: str) -> bytes | None:
        return await self._store.load_checkpoint(network)

    def save(self, network: str, body: bytes) -> None:
        self._writer.checkpoint(network, body)


class Daemon:
    """One running Stormwatch. `run` returns when `stop` is set; OperatorError ends it with the operator's remedy."""

    def __init__(
        self, settings: Settings, *, env: Mapping[str, str], clock: Clock = utc_now, observers: Iterable[Observer] = ()
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._own_observers = tuple(observers)
        self.correlator = Correlator(settings.correlator, vantage=settings.vantage)
        self.telemetry = Telemetry(settings.telemetry, vantage=settings.vantage, version=stormwatch_version(), env=env)
        self.store = PostgresStore(settings.store, env)
        self.writer = Writer(self.store, settings.store, clock)
        self.deliveries = Deliveries(made_sinks(settings.sinks, env), on_outcome=self.telemetry.record_delivery)
        self.pipeline = Pipeline(
            intake_of(settings), self.correlator, self.telemetry, (self.writer, self.deliveries, *self._own_observers)
        )
        self._sources = Sources(
            settings, env, clock, pipeline=self.pipeline, checkpoints=_Checkpoints(self.store, self.writer)
        )  # fmt: skip
        self._supervisor = Supervisor(clock)
        self._web = Web(settings.web, self.not_ready, self.telemetry.prometheus)

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Run every part until `stop`. Calls `ready` when the store is open and all parts have started."""
        sources = self._sources.parts()
        await self.store.open()
        await self.writer.drain()  # write an earlier run's spool before its checkpoints are read
        await self._resume()
        try:
            async with asyncio.TaskGroup() as group:
                outputs = self._start(group, self._outputs())
                try:
                    await self._web.start()
                    started = self._start(group, sources)
                    ready()
                    await stop.wait()
                    for task in started:
                        task.cancel()
                    await asyncio.gather(*started, return_exceptions=True)
                finally:
                    await self._drain(outputs)
        except* OperatorError as many:
            raise _first(many) from None

    async def _resume(self) -> None:
        """Replay the last signals of an earlier run, so that usual levels are known from the first second."""
        now = self._clock()
        recent: list[Signal] = []
        async for signal in self.store.signals(now - timedelta(seconds=self.settings.store.resume_s), now):
            recent.append(signal)
            if len(recent) == REPLAY_BATCH:
                self._replay(recent)
                recent = []
                await asyncio.sleep(0)
        self._replay(recent)

    def _replay(self, signals: list[Signal]) -> None:
        self.pipeline.replay(signals)
        for observer in self._own_observers:
            observer.on_signals(signals)

    def _start(self, group: asyncio.TaskGroup, parts: Mapping[str, Part]) -> list[asyncio.Task[None]]:
        return [group.create_task(self._supervisor.run(name, part), name=name) for name, part in parts.items()]

    def _outputs(self) -> dict[str, Part]:
        """The parts that write and deliver: they outlive the sources, for their last signals."""
        parts: dict[str, Part] = {"store": self.writer.run, "gauges": self._gauges, "retention": self._retention}
        for name in self.deliveries.names:
            parts[f"sink {name}"] = self._sink(name)
        return parts

    def _sink(self, name: str) -> Part:
        async def part() -> None:
            await self.deliveries.run(name)

        return part

    async def _gauges(self) -> None:
        restarts: dict[str, int] = {}
        written = dropped = 0
        while True:
            await asyncio.sleep(GAUGES_EVERY_S)
            for verdict in self.correlator.verdicts().values():
                self.telemetry.record_verdict(verdict)
            now_written, now_dropped = self.writer.written, sum(self.writer.dropped.values())
            self.telemetry.record_store(
                written=now_written - written, dropped=now_dropped - dropped, waiting=self.writer.waiting
            )
            written, dropped = now_written, now_dropped
            for part, count in self._supervisor.restarts.items():
                for _ in range(count - restarts.get(part, 0)):
                    self.telemetry.record_restart(part)
                restarts[part] = count

    async def _retention(self) -> None:
        while True:
            if not self.writer.away:
                await self.store.retain(self._clock())
            await asyncio.sleep(RETAIN_EVERY_S)

    def not_ready(self) -> list[str]:
        """Why the daemon is not ready; empty when it is."""
        reasons = [f"part {name} keeps failing" for name in self._supervisor.looping()]
        if self.writer.away:
            reasons.append("the database is away; signals are spooled to disk")
        last = self.pipeline.last_tick
        if last is None or (self._clock() - last).total_seconds() > TICK_LATE_S:
            reasons.append("the clock does not tick")
        return reasons

    async def _drain(self, outputs: list[asyncio.Task[None]]) -> None:
        """Assess what is held back, deliver, write and export it; then stop the outputs."""
        self.pipeline.finish()
        await self._web.stop()
        await self.deliveries.drain(DRAIN_S)
        for task in outputs:
            task.cancel()
        await asyncio.gather(*outputs, return_exceptions=True)
        await self.writer.flush()
        await self.store.close()
        await self.telemetry.close()


def _first(many: BaseExceptionGroup[OperatorError]) -> OperatorError:
    """The first OperatorError of a group, at any depth."""
    for one in many.exceptions:
        return _first(one) if isinstance(one, BaseExceptionGroup) else one
    raise AssertionError("an exception group is never empty")
