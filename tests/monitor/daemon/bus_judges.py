"""A correlator's process on a real NATS server, and agents that publish: the incidents of one process as the measure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.alerting.memory import reader_name
from monitor.correlator import Correlator, CorrelatorSettings
from monitor.daemon.bus_source import READER, BusSource
from monitor.daemon.resume import resumed
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.log import Entry, Holding, Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.publisher import Divider
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.state import READER as STATE
from monitor.log.codec import encode_signals
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Signal
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.correlator.storm import DRILL, Story
from tests.monitor.daemon.test_resume import WATCHED
from tests.nats_servers import NatsServer, nats_server

STORM = Story(50).trouble(22, 50, "alpha", "beta").surge(25, 50).upgrade(35).signals()
LAST = STORM[-1].received_at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as one:
        yield one


@pytest.fixture
def settings(server: NatsServer) -> BusSettings:
    return server.settings(name=f"t{uuid4().hex[:12]}")


class Judge:
    """A correlator's process: a pipeline on a local log, fed from the bus."""

    def __init__(
        self, settings: BusSettings, local: SqliteLog, assets: Sequence[str], now: datetime, rules: CorrelatorSettings
    ) -> None:
        self.now = now
        self.log = local
        self.changes: list[IncidentChange] = []
        intake = Intake(vantage="home", assets=assets)
        telemetry = Telemetry(TelemetrySettings(), vantage="home", version="1", env={})
        self.pipeline = Pipeline(intake, Correlator(rules, vantage="home"), telemetry, local, [self])
        self.source = BusSource(
            Bus(settings, {}, "judge"), settings, self.pipeline, local, lambda: self.now,
            vantages=settings.vantages or ("home",), assets=assets,
        )  # fmt: skip

    @property
    def correlator(self) -> Correlator:
        assert isinstance(self.pipeline.correlator, Correlator)
        return self.pipeline.correlator

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Signals that were judged."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        self.changes += changes

    async def until(self, holds: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.source.run())
        try:
            async with asyncio.timeout(60):
                while not holds():  # what it waits for comes from another process
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.005)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def nothing(_: Judge) -> None:
    """The log has all that is known."""


@asynccontextmanager
async def judging(
    settings: BusSettings, folder: Path, assets: Sequence[str] = ("BTC",), now: datetime = LAST,
    rules: CorrelatorSettings = DRILL, *, first: Callable[[Judge], Awaitable[None]] = nothing,
) -> AsyncIterator[Judge]:  # fmt: skip
    """A process on this folder; `first` is done before it continues from its log."""
    readers = {
        "database": Holding.UNTIL_LIMIT, READER: Holding.FOR_A_TIME, STATE: Holding.FOR_A_TIME,
        reader_name("pager"): Holding.FOR_A_TIME, reader_name("new"): Holding.FOR_A_TIME,
    }  # fmt: skip
    local = SqliteLog(folder, LogSettings(keep_s=1e9), readers, lambda: LAST)
    await local.open()
    try:
        judge = Judge(settings, local, assets, now, rules)
        await first(judge)
        began = await resumed(local, rules, WATCHED)
        judge.pipeline.continue_with(began.correlator)
        yield judge
    finally:
        await local.close()


async def publish(
    settings: BusSettings, signals: Sequence[Signal], first: int = 1, vantage: str = "home", *, together: int = 1
) -> int:
    """As an agent's publisher does, 40 signals in so many entries together. Returns the last sequence that it was reported."""
    last = 0
    bus = Bus(settings, {}, "agent")
    await bus.open()
    await bus.prepare()
    divider = Divider(settings.name, vantage, f"log of {vantage}")
    rows = 40 // together
    entries = [
        Entry(
            position=position, stream=Stream.SIGNALS, id=str(position), key="", run_id="r", at=LAST, rows=rows,
            body=encode_signals(signals[at_row : at_row + rows]),
        )
        for position, at_row in enumerate(range(0, len(signals), rows), first)
    ]  # fmt: skip
    for number in range(0, len(entries), together):
        parts = divider.parts(*entries[number : number + together])
        last = await bus.confirmed([await bus.start(one.subject, one.id, one.body, one.headers) for one in parts])
    await bus.close()
    return last


def in_one_process(signals: Sequence[Signal], rules: CorrelatorSettings = DRILL) -> Correlator:
    correlator = Correlator(rules, vantage="home")
    for signal in signals:
        correlator.on_signal(signal)
    correlator.finish()
    return correlator
