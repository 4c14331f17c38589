"""Why the daemon is not ready, in the words of /readyz: each reason with the real part in that state."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.memory import reader_name
from monitor.alerting.routing import Rule
from monitor.alerting.sink import TryAgain
from monitor.alerting.sinks import Route
from monitor.correlator import Correlator
from monitor.daemon.readiness import Readiness
from monitor.daemon.supervisor import LOOP_RESTARTS, Supervisor
from monitor.intake import Intake
from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.store import reader as readers
from monitor.store.faults import State
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER, StoreReader
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.alerting.sinks.changes import Answering, at, change, signal
from tests.monitor.daemon.mute_server import mute_server
from tests.monitor.store.conftest import dsn, server

__all__ = ["dsn", "server"]
WAIT_S = 30.0
BEHIND_S, TICK_LATE_S = 60.0, 10.0
"""As the operators' pages say: a minute behind, ten seconds without a tick."""


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: at(0))

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Parts:
    """The parts that readiness asks, all real."""

    clock: Clock
    log: SqliteLog
    pipeline: Pipeline
    supervisor: Supervisor
    deliveries: Deliveries
    sink: Answering
    readiness: Readiness

    def tick(self) -> None:
        self.pipeline.tick(self.clock())

    @property
    def reasons(self) -> list[str]:
        self.tick()
        return self.readiness.reasons()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is tried again at once."""
    monkeypatch.setattr(readers, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(readers, "LINGER_S", 0.01)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """Everything that a daemon without sources has, and one sink that fails."""
    clock = Clock()
    held = {READER: Holding.UNTIL_LIMIT, reader_name("desk"): Holding.FOR_A_TIME}
    log = SqliteLog(tmp_path / "log", LogSettings(group_s=0.002), held, clock)
    await log.open()
    telemetry = Telemetry(TelemetrySettings(), vantage="home", version="test", env={})
    pipeline = Pipeline(Intake(vantage="home", assets=()), Correlator(), telemetry, log)
    supervisor = Supervisor(clock, first_pause_s=0.0)
    sink = Answering(lambda _attempt: TryAgain(why="no route to the desk"))
    deliveries = Deliveries([Route("desk", Rule(), sink)], log, clock=clock)
    deliveries.open()
    readiness = Readiness(clock, pipeline, supervisor, log, deliveries)
    readiness.starting = None
    yield Parts(clock, log, pipeline, supervisor, deliveries, sink, readiness)
    await log.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110  # the parts give no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def database(parts: Parts, folder: Path, dsn: str, connect_timeout_s: float = 5.0) -> AsyncIterator[StoreReader]:
    """The database's reader at work."""
    settings = StoreSettings(dsn=dsn, folder=str(folder), connect_timeout_s=connect_timeout_s)
    store = PostgresStore(settings, {})
    reader = parts.readiness.database = StoreReader(store, parts.log, settings, parts.clock)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.close()


async def test_a_daemon_whose_parts_are_well_has_no_reason(parts: Parts) -> None:
    assert parts.reasons == []
    assert set(parts.readiness.figures().readers) == {"sink desk"}


async def test_a_clock_that_never_ticked_or_ticks_no_more_is_a_reason(parts: Parts) -> None:
    assert parts.readiness.reasons() == ["the clock does not tick"]
    parts.tick()
    parts.clock.later(TICK_LATE_S)
    assert parts.readiness.reasons() == []
    parts.clock.later(0.001)
    assert parts.readiness.reasons() == ["the clock does not tick"]


async def test_a_part_that_keeps_failing_is_a_reason(parts: Parts) -> None:
    failures = 0

    async def failing() -> None:
        nonlocal failures
        failures += 1
        if failures <= LOOP_RESTARTS:
            raise ValueError("a fault of ours")

    await parts.supervisor.run("venue alpha", failing)
    assert parts.reasons == ["part venue alpha keeps failing"]


@pytest.mark.slow
async def test_a_log_that_cannot_be_written_is_a_reason_until_it_can(parts: Parts, tmp_path: Path) -> None:
    await parts.log.flush()
    [segment] = (tmp_path / "log").glob("*.sqlite")
    with closing(sqlite3.connect(segment, isolation_level=None)) as other:
        other.execute("begin immediate")
        parts.log.signals([signal(1)])
        await until(lambda: parts.log.health().failing is not None)
        [reason] = parts.reasons
        assert reason.startswith("the log cannot be written (OperationalError: database is locked); incidents use a ")
        assert reason.endswith(" rows wait in memory")
        other.execute("rollback")
    await until(lambda: parts.log.health().failing is None)
    assert parts.reasons == []


async def test_a_database_that_is_away_is_a_reason(parts: Parts, tmp_path: Path) -> None:
    async with mute_server() as port:
        pass  # nobody listens there any more
    parts.log.signals([signal(1)])
    await parts.log.flush()
    async with database(parts, tmp_path, f"postgresql://u@127.0.0.1:{port}/x") as reader:
        await until(lambda: reader.lag().behind_s is not None)
        parts.clock.later(7)
        [reason] = parts.reasons
    assert reason.startswith("database is away (")
    assert "Connect" in reason
    assert reason.endswith("1 entries behind, the oldest by 7 s")


async def test_a_database_that_takes_a_connection_and_says_nothing_is_a_reason(parts: Parts, tmp_path: Path) -> None:
    async with (
        mute_server() as port,
        database(parts, tmp_path, f"postgresql://u@127.0.0.1:{port}/x?sslmode=disable", 0.1) as reader,
    ):
        await until(lambda: reader.lag().state is State.SILENT)
        [reason] = parts.reasons
    assert reason.startswith("database is silent (")
    assert "does not answer" in reason


async def test_a_database_that_refuses_us_is_a_reason_with_the_remedy(parts: Parts, tmp_path: Path, dsn: str) -> None:
    missing = dsn.replace("/test_", "/no_such_")
    async with database(parts, tmp_path, missing) as reader:
        await until(lambda: reader.lag().state is State.REFUSING)
        [reason] = parts.reasons
    assert reason.startswith("database is refusing (")
    assert "a database that exists" in reason


async def test_a_connected_database_is_a_reason_only_when_it_is_more_than_a_minute_behind(
    parts: Parts, tmp_path: Path, dsn: str
) -> None:
    async with database(parts, tmp_path, dsn) as reader:
        parts.log.signals([signal(1)])
        await until(lambda: reader.lag().written == 1)
        blocking = await asyncpg.connect(dsn)
        async with blocking.transaction():
            await blocking.execute("lock table signals in access exclusive mode")
            parts.log.signals([signal(2)])
            await parts.log.flush()
            await until(lambda: bool(reader.lag().entries) and reader.lag().behind_s is not None)
            parts.clock.later(BEHIND_S)
            assert parts.reasons == []
            parts.clock.later(1)
            [reason] = parts.reasons
            assert reason.startswith(f"database is {reader.lag().state}: ")
            assert reason.endswith(f"entries behind, the oldest by {BEHIND_S + 1:.0f} s")
        await blocking.close()
        await until(lambda: reader.lag().entries == 0)
        assert parts.reasons == []


async def test_a_sink_whose_receiver_refuses_is_a_reason_when_it_is_more_than_a_minute_behind(parts: Parts) -> None:
    task = asyncio.create_task(parts.deliveries.run("desk"))
    parts.log.changes([change(at=parts.clock())])
    await until(lambda: parts.sink.attempts > 0 and bool(parts.deliveries.lag("desk").why))
    assert parts.reasons == []
    parts.clock.later(BEHIND_S + 1)
    [reason] = parts.reasons
    figures = parts.readiness.figures().readers["sink desk"]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert reason.startswith("sink desk is retrying (")
    assert "no route to the desk" in reason
    assert reason.endswith(f"the oldest by {BEHIND_S + 1:.0f} s")
    assert (figures.state, figures.entries is not None and figures.entries >= 1) == ("retrying", True)


async def test_every_reason_is_told_at_once(parts: Parts, tmp_path: Path) -> None:
    async with database(parts, tmp_path, "postgresql://u@127.0.0.1:1/x") as reader:
        await until(lambda: "not connected yet" not in reader.lag().why)
        reasons = parts.readiness.reasons()
    assert [one.split(" (")[0] for one in reasons] == ["database is away", "the clock does not tick"]
