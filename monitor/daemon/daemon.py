"""Runs the daemon: joins all parts, keeps them running, and stops them in an order that loses nothing.

Sources feed the pipeline, the pipeline appends to the log, and every way out (database, sinks, recordings, incident traces)
is a reader of the log with a place of its own. This is the only file that knows all parts; no part knows another.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from monitor.alerting.broken import BrokenSinks
from monitor.alerting.delivery import Deliveries
from monitor.alerting.maintenance import windows_of
from monitor.alerting.memory import reader_name
from monitor.alerting.quiet_file import QuietFile
from monitor.alerting.sinks import made as made_sinks
from monitor.correlator import Correlator
from monitor.daemon.assembly import board_token, intake_of, watched_of
from monitor.daemon.bus_source import READER as BUS
from monitor.daemon.correlator_on_bus import CorrelatorOnBus
from monitor.daemon.readiness import Readiness
from monitor.daemon.resume import image_of, resumed
from monitor.daemon.sink_parts import SinkParts
from monitor.daemon.sink_watch import SinkWatch
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Part, Supervisor
from monitor.errors import OperatorError
from monitor.log import Checkpoint, Entry, Holding, Image, Place, Readable, Stream
from monitor.log.bus.state import READER as BUS_STATE
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_checkpoint
from monitor.log.follow import follow_rare, remaining
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Observer, Origin, Pipeline
from monitor.settings.tree import Settings
from monitor.signals import Clock
from monitor.store.faults import State, StoreAway
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER as DATABASE
from monitor.store.reader import StoreReader
from monitor.telemetry.telemetry import Telemetry
from monitor.version import stormwatch_version
from monitor.web.board.contents import Contents
from monitor.web.board.history import History
from monitor.web.board.server import BoardRoutes
from monitor.web.server import Exposition, Web
from probes.rest.http import utc_now

GAUGES_EVERY_S = 5.0
DRAIN_S = 4.0
"""How long the sinks, and then the database, may take at a stop; what is left is done after the next start."""
FIRST_IMAGE_S = 5.0
RETAIN_EVERY_S = 3600.0
TRACES = "incident traces"
log = logging.getLogger("stormwatch.daemon")


class LogCopy(Protocol):
    """A copy of the log's signals that a run makes beside everything else, such as a recording."""

    async def follow(self, source: Readable, after: int) -> None:
        """Copy what is durable behind `after`, until cancelled."""
        ...

    async def finish(self, source: Readable) -> None:
        """Copy the rest up to the log's present end."""
        ...


class _Checkpoints:
    """The checkpoint of each network: from the log, or from the database for a log that has none yet."""

    def __init__(self, local: SqliteLog, store: PostgresStore, timeout_s: float) -> None:
        self._log = local
        self._store = store
        self._timeout_s = timeout_s

    async def load(self, network: str) -> bytes | None:
        entry = self._log.latest(Stream.CHECKPOINT).get(network)
        if entry is not None:
            return decode_checkpoint(entry.body).body
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._store.load_checkpoint(network)
        except (StoreAway, OperatorError, TimeoutError) as error:
            log.warning("no checkpoint of %s: the log has none, and the database does not answer (%s)", network, error)
            return None

    def save(self, network: str, body: bytes) -> None:
        self._log.checkpoint(Checkpoint(network, body))


class Daemon:
    """One running Stormwatch. `run` returns when `stop` is set; OperatorError ends it with the operator's remedy."""

    def __init__(
        self,
        settings: Settings,
        *,
        env: Mapping[str, str],
        clock: Clock = utc_now,
        observers: Iterable[Observer] = (),
        copies: Sequence[LogCopy] = (),
        from_bus: bool = False,
    ) -> None:
        self.settings = settings
        """The settings in force: a reload exchanges them."""
        self.env = env
        agents = frozenset(settings.bus.vantages or (settings.vantage,)) if from_bus else frozenset()
        self._watched = replace(watched_of(settings), agents=agents)
        self._clock = clock
        self._copies = copies
        self.telemetry = Telemetry(settings.telemetry, vantage=settings.vantage, version=stormwatch_version(), env=env)
        routes = made_sinks(settings.sinks, env)
        readers = {DATABASE: Holding.UNTIL_LIMIT, TRACES: Holding.FOR_A_TIME}
        readers |= {reader_name(one.name): Holding.FOR_A_TIME for one in routes}
        if from_bus:
            readers |= {BUS: Holding.FOR_A_TIME, BUS_STATE: Holding.FOR_A_TIME}
        self.log = SqliteLog(Path(settings.store.folder).expanduser() / "log", settings.log, readers, clock)
        self.quiet = QuietFile(Path(settings.store.folder).expanduser(), windows_of(settings.maintenance))
        self.deliveries = Deliveries(routes, self.log, clock=clock, recorder=self.telemetry, quiet=self.quiet)
        self.store = PostgresStore(settings.store, env)
        self.database: StoreReader | None = None
        """The database's reader, once the log is open."""
        correlator = Correlator(settings.correlator, vantage=settings.vantage)
        self.origin = Origin(
            vantage=settings.vantage, instance=settings.instance or socket.gethostname(), drill=settings.drill
        )
        self.history = History()
        """The latest incidents with their timelines."""
        observers = (*observers, self.history, self.deliveries.crossings)
        self.pipeline = Pipeline(intake_of(settings), correlator, self.telemetry, self.log, observers, self.origin)
        self.judged_again = 0
        """Signals of earlier runs that were judged again at the start."""
        checkpoints = _Checkpoints(self.log, self.store, settings.store.connect_timeout_s)
        self._sources = Sources(
            settings, env, clock, pipeline=self.pipeline, checkpoints=checkpoints,
            on_loop_lag=self.telemetry.record_loop_lag,
        )  # fmt: skip
        self._on_bus: CorrelatorOnBus | None = None
        """What takes the place of the sources where agents watch."""
        if from_bus:
            self._on_bus = CorrelatorOnBus(settings, env, self.pipeline, self.log, clock, self._watched)
        self._supervisor = Supervisor(clock)
        self.sinks = SinkParts(self.deliveries, self.log, self._supervisor)
        broken = BrokenSinks(settings.correlator.runbook_base)
        self._sink_watch = SinkWatch(self.deliveries, broken, self.pipeline, self.telemetry, clock)
        self.readiness = Readiness(clock, self.pipeline, self._supervisor, self.log, self.deliveries)
        self.readiness.broken = broken.why
        if self._on_bus is not None:
            self.readiness.vantage = self._on_bus.reason
            self._on_bus.sinks = lambda: self.deliveries.names
        self._web = Web(
            settings.web, self.readiness.answer, Exposition(self.telemetry.prometheus, self.telemetry.open_metrics),
            by_asset={"/exits": lambda: self.correlator.exits,
                      "/fragile": lambda: self.correlator.fragility(settings.assets)},
            board=BoardRoutes(self._shown, board_token(settings, env)),
        )  # fmt: skip

    @property
    def correlator(self) -> Correlator:
        """The correlator that judges now."""
        correlator = self.pipeline.correlator
        assert isinstance(correlator, Correlator)
        return correlator

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Run every part until `stop`. Calls `ready` when all parts have started."""
        sources = self._sources.parts() if self._on_bus is None else self._on_bus.source.parts()
        try:
            async with self._listening(), self._opened_log(stop):
                await self._resume()
                async with asyncio.TaskGroup() as group:
                    outputs = self._start(group, self._outputs())
                    self.sinks.start(group)
                    try:
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

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        await self._web.start()
        try:
            yield
        finally:
            await self._web.stop()

    @asynccontextmanager
    async def _opened_log(self, stop: asyncio.Event) -> AsyncIterator[None]:
        await self.log.open()
        try:
            if self._on_bus is not None:
                self.readiness.starting = "asking the bus for the correlator before this one"
                await self._on_bus.take(stop)
            self.database = StoreReader(
                self.store, self.log, self.settings.store, self._clock, vantage=self.settings.vantage
            )
            self.readiness.database = self.database
            self.deliveries.open()
            self._sink_watch.open(self.log)
            yield
        finally:
            await self.store.close()
            await self.telemetry.close()
            await self.log.close()

    def _shown(self) -> Contents:
        """What the board shows now."""
        return Contents(
            at=self._clock(),
            vantage=self.settings.vantage,
            ready=self.readiness.answer(),
            drill=self.settings.drill,
            verdicts=self.correlator.verdicts(),
            exits=self.correlator.exits,
            sources=self.correlator.sights(),
            incidents=self.history.incidents(),
            delivered={name: self.deliveries.counts(name) for name in self.deliveries.names},
            remarks=self.quiet().remarks([one[-1] for one in self.history.incidents()], self._clock()),
        )

    async def _remember(self) -> None:
        """Take the incidents of earlier runs, as far as the log still holds them."""
        async for chunk in remaining(self.log, self.log.start, (Stream.CHANGE,)):
            self.history.on_changes([decode_change(one.body) for one in chunk.entries])

    async def _resume(self) -> None:
        """Continue where the last run stopped; what could not be seen meanwhile becomes blindness with the first tick."""
        readiness = self.readiness
        await self._remember()
        began = await resumed(self.log, self.settings.correlator, self._watched, readiness.judged_again)
        self.pipeline.continue_with(began.correlator)
        self.judged_again = began.judged
        self.log.changes(began.changes)
        self.history.on_changes(began.changes)
        self.log.image(self._image())  # of a run that is killed at once, too, the next continues exactly
        if self.log.end:
            how = "from its last state" if began.thawed else "from the beginning of the log"
            log.info("the correlator continues %s; %d signals were judged again", how, began.judged)
            if self._on_bus is None:  # over the bus comes what was heard meanwhile
                await asyncio.to_thread(self._catch_up, self._clock())  # a long pause is many seconds
        readiness.starting = None

    def _catch_up(self, now: datetime) -> None:
        """Assess the pause before anything new is heard, so that no new signal falls into a second that was told."""
        self.pipeline.tick(now)
        self.pipeline.complete(now)

    def _start(self, group: asyncio.TaskGroup, parts: Mapping[str, Part]) -> list[asyncio.Task[None]]:
        return [group.create_task(self._supervisor.run(name, part), name=name) for name, part in parts.items()]

    def _outputs(self) -> dict[str, Part]:
        """The parts that write and deliver: they outlive the sources, for their last signals."""
        assert self.database is not None, "the log is open"
        parts: dict[str, Part] = {
            DATABASE: self.database.run, TRACES: self._traces, "gauges": self._gauges, "retention": self._retention,
            "images": self._images, "broken sinks": self._sink_watch.run,
        }  # fmt: skip
        if self._on_bus is not None and self._on_bus.taken:
            parts[BUS_STATE] = self._on_bus.publisher.run
        for number, one in enumerate(self._copies, 1):
            parts[f"copy {number}"] = self._copy(one, self.log.end)
        return parts

    def _copy(self, copy: LogCopy, after: int) -> Part:
        async def part() -> None:
            await copy.follow(self.log, after)

        return part

    async def _traces(self) -> None:
        """Export incident traces from the log: a trace never shows what a crash could take back."""
        await follow_rare(self.log, TRACES, Stream.CHANGE, self._trace)

    def _trace(self, entry: Entry) -> None:
        self.telemetry.record_change(decode_change(entry.body))

    def _image(self) -> Image:
        return image_of(self.correlator, self._watched, 0 if self._on_bus is None else self._on_bus.source.heard)

    async def _images(self) -> None:
        pause_s = min(
            FIRST_IMAGE_S, self.settings.log.image_s
        )  # of one that is new on the bus, soon another can take the place
        while True:
            await asyncio.sleep(pause_s)
            self.log.image(self._image())
            pause_s = self.settings.log.image_s

    async def _gauges(self) -> None:
        restarts: dict[str, int] = {}
        while True:
            await asyncio.sleep(GAUGES_EVERY_S)
            for verdict in self.correlator.verdicts().values():
                self.telemetry.record_verdict(verdict)
            for exit_capacity in self.correlator.exits.values():
                self.telemetry.record_exit(exit_capacity)
            self.telemetry.record_log(self.readiness.figures())
            self.telemetry.record_unseen(self.pipeline.not_seen())
            if self._on_bus is not None:
                self.telemetry.record_vantages(self._on_bus.source.age_s(), self._on_bus.source.refused)
            for part, count in self._supervisor.restarts.items():
                for _ in range(count - restarts.get(part, 0)):
                    self.telemetry.record_restart(part)
                restarts[part] = count

    async def _retention(self) -> None:
        while True:
            if self.database is not None and self.database.lag().state in (State.CONNECTED, State.CATCHING_UP):
                await self.store.retain(self._clock())
                await asyncio.sleep(RETAIN_EVERY_S)
            await asyncio.sleep(GAUGES_EVERY_S)

    async def _drain(self, outputs: list[asyncio.Task[None]]) -> None:
        """Assess what is held back, make it durable, deliver, write and export it; then stop the outputs."""
        self.sinks.close()
        self.pipeline.finish()
        self.log.image(self._image())
        await self.log.flush()
        assert self.database is not None, "the log is open"
        await asyncio.gather(self.deliveries.drain(DRAIN_S), self.database.flush(DRAIN_S), *self._finish_copies())
        if self._on_bus is not None and self._on_bus.taken:
            await self.log.flush()
            await self._on_bus.publisher.drain(DRAIN_S)
        self.store.cut()
        for task in outputs:
            task.cancel()
        await asyncio.gather(self.sinks.stop(), *outputs, return_exceptions=True)
        async for chunk in remaining(self.log, self.log.place(TRACES).position, (Stream.CHANGE,)):
            for entry in chunk.entries:
                self._trace(entry)
            self.log.acknowledge(TRACES, Place(chunk.reached))

    def _finish_copies(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(one.finish(self.log)) for one in self._copies]


def _first(many: BaseExceptionGroup[OperatorError]) -> OperatorError:
    """The first OperatorError of a group, at any depth."""
    for one in many.exceptions:
        return _first(one) if isinstance(one, BaseExceptionGroup) else one
    raise AssertionError("an exception group is never empty")
