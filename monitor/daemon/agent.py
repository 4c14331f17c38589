"""Runs an agent: the sources of one vantage, a local log, and the bus as its only reader. It judges nothing.

Everything is in the local log first, so that a bus that is away is a lag: the publisher goes on where it was, in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import inf
from pathlib import Path

from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Supervisor
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.log import Checkpoint, Holding, Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.publisher import READER, Publisher
from monitor.log.codec import decode_checkpoint
from monitor.log.health import BEHIND_S, TICK_LATE_S, LogFigures
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.settings.tree import Settings
from monitor.signals import Clock, Scalar, Signal, SignalKind, Subject
from monitor.telemetry.telemetry import Telemetry
from monitor.version import stormwatch_version
from monitor.web.answer import ReadyAnswer
from monitor.web.server import Web
from probes.rest.http import utc_now

DRAIN_S = 4.0
"""How long the bus may take at a stop for what it lacks; the rest is published after the next start."""
GAUGES_EVERY_S = 5.0
DECLARE_EVERY_S = 600.0
"""Far below what a correlator judges again (`log.keep_s`): what it does not know to be declared, it would not watch."""
MAX_DECLARED = 100_000
log = logging.getLogger("stormwatch.agent")


class _NoJudge:
    """Judges nothing: a correlator elsewhere reads what this agent publishes."""

    behind = False

    def __init__(self) -> None:
        self.refused: Mapping[tuple[str, str], int] = {}

    def on_signal(self, signal: Signal, most: float = inf) -> Sequence[IncidentChange]:
        return ()

    def admit(self, signal: Signal) -> Signal:
        return signal

    def complete(self, now: datetime, most: float = inf) -> Sequence[IncidentChange]:
        return ()

    def finish(self) -> Sequence[IncidentChange]:
        return ()


class _Declared:
    """What the sources declared: sent again from time to time, for a correlator that begins in the midst of the stream."""

    def __init__(self) -> None:
        self._signals: dict[tuple[str, Subject, Scalar], Signal] = {}

    def on_signals(self, signals: Sequence[Signal]) -> None:
        for one in signals:
            if one.kind is SignalKind.EXPECT and len(self._signals) < MAX_DECLARED:
                self._signals[one.source, one.subject, one.attributes.get("leg")] = one

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        return

    def again(self, intake: Intake, now: datetime) -> list[Signal]:
        return [
            intake.expect(one.source, one.subject, one.value, now, one.attributes) for one in self._signals.values()
        ]


class _Checkpoints:
    """The checkpoint of each network, in the local log."""

    def __init__(self, local: SqliteLog) -> None:
        self._log = local

    async def load(self, network: str) -> bytes | None:
        entry = self._log.latest(Stream.CHECKPOINT).get(network)
        return None if entry is None else decode_checkpoint(entry.body).body

    def save(self, network: str, body: bytes) -> None:
        self._log.checkpoint(Checkpoint(network, body))


class Agent:
    """One running agent. `run` returns when `stop` is set; OperatorError ends it with the operator's remedy."""

    def __init__(self, settings: Settings, *, env: Mapping[str, str], clock: Clock = utc_now) -> None:
        if not settings.bus.servers:
            raise OperatorError("bus.servers", [], "at least one", 'write servers = ["nats://…"] in [bus]')
        self.settings = settings
        self._clock = clock
        self.telemetry = Telemetry(settings.telemetry, vantage=settings.vantage, version=stormwatch_version(), env=env)
        folder = Path(settings.store.folder).expanduser() / "log"
        self.log = SqliteLog(folder, settings.log, {READER: Holding.UNTIL_LIMIT}, clock)
        bus = Bus(settings.bus, env, f"stormwatch agent {settings.vantage}")
        self.publisher = Publisher(bus, self.log, settings.bus.name, settings.vantage, clock)
        self._declared = _Declared()
        self.pipeline = Pipeline(intake_of(settings), _NoJudge(), self.telemetry, self.log, [self._declared])
        self._sources = Sources(
            settings, env, clock, pipeline=self.pipeline, checkpoints=_Checkpoints(self.log),
            on_loop_lag=self.telemetry.record_loop_lag,
        )  # fmt: skip
        self._supervisor = Supervisor(clock)
        self._web = Web(settings.web, self.answer, self.telemetry.prometheus)

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Watch and publish until `stop`. Calls `ready` when all parts have started."""
        sources = self._sources.parts() | {"declarations": self._declare_again}
        await self._web.start()
        try:
            await self.log.open()
            try:
                async with asyncio.TaskGroup() as group:
                    ways_out = [
                        group.create_task(self._supervisor.run("bus", self.publisher.run)),
                        group.create_task(self._supervisor.run("gauges", self._gauges)),
                    ]
                    parts = [group.create_task(self._supervisor.run(name, part)) for name, part in sources.items()]
                    ready()
                    await stop.wait()
                    for task in parts:
                        task.cancel()
                    await asyncio.gather(*parts, return_exceptions=True)
                    await self._drain()
                    for task in ways_out:
                        task.cancel()
            finally:
                await self.log.close()
        except* OperatorError as many:
            raise _first(many) from None
        finally:
            await self.telemetry.close()
            await self._web.stop()

    async def _drain(self) -> None:
        """Let the bus take what it lacks, for a while."""
        await self.log.flush()
        clock = asyncio.get_running_loop().time
        until_s = clock() + DRAIN_S
        while self.publisher.lag().entries and clock() < until_s:  # noqa: ASYNC110  # the servers' word comes with no event
            await asyncio.sleep(0.02)

    async def _declare_again(self) -> None:
        while True:
            await asyncio.sleep(DECLARE_EVERY_S)
            self.pipeline.take(self._declared.again(self.pipeline.intake, self._clock()))

    async def _gauges(self) -> None:
        while True:
            await asyncio.sleep(GAUGES_EVERY_S)
            self.telemetry.record_log(self._figures())
            self.telemetry.record_unseen(self.pipeline.not_seen())

    def _figures(self) -> LogFigures:
        return LogFigures(log=self.log.health(), readers={READER: self.publisher.lag()})

    def answer(self) -> ReadyAnswer:
        """How the agent is, as `/readyz` answers it."""
        figures = self._figures()
        reasons = [f"part {name} keeps failing" for name in self._supervisor.looping()]
        if figures.log.failing is not None:
            reasons.append(f"the log cannot be written ({figures.log.failing})")
        lag = figures.readers[READER]
        if lag.state == "away" or (lag.behind_s or 0.0) > BEHIND_S:
            reasons.append(f"the bus is {lag.state} ({lag.why}): {lag.entries} entries behind")
        last = self.pipeline.last_tick
        if last is None or (self._clock() - last).total_seconds() > TICK_LATE_S:
            reasons.append("the clock does not tick")
        return ReadyAnswer(
            ready=not reasons, reasons=tuple(reasons), log=figures.log, readers=figures.readers,
            unseen=self.pipeline.not_seen(),
        )  # fmt: skip


def _first(many: BaseExceptionGroup[OperatorError]) -> OperatorError:
    """The first OperatorError of a group, at any depth."""
    for one in many.exceptions:
        return _first(one) if isinstance(one, BaseExceptionGroup) else one
    raise AssertionError("an exception group is never empty")
