"""A sink whose receiver stays away is reported by the other sinks of the daemon, over restarts, and again when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from monitor.alerting.broken import BrokenSinks
from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain
from monitor.alerting.sinks import Route
from monitor.correlator import Correlator, CorrelatorSettings
from monitor.daemon.readiness import Readiness
from monitor.daemon.resume import Watched, resumed
from monitor.daemon.sink_watch import SinkWatch
from monitor.daemon.supervisor import Supervisor
from monitor.incidents import ChangeKind, Level
from monitor.intake import Intake
from monitor.log import Stream
from monitor.log.change_json import decode_change
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Origin, Pipeline
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.alerting.logged import SetClock, Timed, append, opened, running
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.daemon.test_reload import Receiver
from tests.monitor.daemon.test_reload import running as a_daemon
from tests.monitor.jumping_time import elapsed_s, run_jumping


@dataclass
class Running:
    """What runs, and how `/readyz` sees it."""

    watch: SinkWatch
    readiness: Readiness
    telemetry: Telemetry

    def figure(self, name: str) -> float:
        """One metric of sink desk, as Prometheus reads it."""
        wanted = f'{name}{{sink="desk"}} '
        body = self.telemetry.prometheus()[0].decode()
        return float(next(one for one in body.splitlines() if one.startswith(wanted)).removeprefix(wanted))


@asynccontextmanager
async def daemon(log: SqliteLog, clock: SetClock, desk: Timed, chat: Timed) -> AsyncIterator[Running]:
    """Two sinks and their watch, as the daemon joins them; chat asks for much more than a watch."""
    routes = [
        Route("desk", Rule(own_scope="sink:desk"), desk),
        Route("chat", Rule(own_scope="sink:chat", min_level=Level.PERFECT_STORM, pages_only=True), chat),
    ]
    telemetry = Telemetry(TelemetrySettings(), vantage="home", version="test", env={})
    pipeline = Pipeline(Intake(vantage="home", assets=()), Correlator(), telemetry, log, (), Origin(vantage="home"))
    deliveries = Deliveries(routes, log, clock=clock, recorder=telemetry)
    deliveries.open()
    broken = BrokenSinks("ops/runbooks/")
    watch = SinkWatch(deliveries, broken, pipeline, telemetry, clock)
    watch.open(log)
    readiness = Readiness(clock, pipeline, Supervisor(clock), log, deliveries)
    readiness.broken = broken.why
    watching = asyncio.create_task(watch.run())
    async with running(deliveries):
        yield Running(watch, readiness, telemetry)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    """Wait in real time: the log is written by a thread of its own, for which jumping time does not stand still."""
    for _ in range(30_000):
        if holds():
            return
        await asyncio.to_thread(time.sleep, 0.001)
    raise AssertionError("it never came")


def reported(chat: Timed) -> list[tuple[str, ChangeKind]]:
    return [(one.change.scope, one.change.kind) for one in chat.notes]


def test_the_other_sink_is_told_once_over_a_restart_and_once_when_the_receiver_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    back_s = 2_000.0

    def answer(_attempt: int) -> Outcome:
        return Delivered() if elapsed_s() >= back_s else TryAgain(why="HTTP 503")

    desk, chat, again = Timed(answer), Timed(lambda _attempt: Delivered()), Timed(lambda _attempt: Delivered())

    async def work() -> None:
        clock = SetClock()
        clock.follow()
        low = change(1, level=Level.WATCH, pages=False)  # for desk only
        async with opened(tmp_path, clock, "desk", "chat") as log, daemon(log, clock, desk, chat) as ours:
            await append(log, low)
            await asyncio.sleep(290)
            assert (reported(chat), ours.figure("stormwatch_delivery_broken")) == ([], 0)
            await asyncio.sleep(20)
            await until(lambda: bool(chat.notes))
            await asyncio.sleep(300)
            assert reported(chat) == [("sink:desk", ChangeKind.OPENED)]
            assert (ours.figure("stormwatch_delivery_broken"), ours.figure("stormwatch_delivery_breaks_total")) == (
                1,
                1,
            )
            assert any(one.startswith("sink desk is broken: nothing delivered") for one in ours.readiness.reasons())
            assert ours.readiness.figures().readers["sink desk"].state == "broken"
        async with opened(tmp_path, clock, "desk", "chat") as log, daemon(log, clock, desk, again) as ours:
            await asyncio.sleep(100)
            assert (reported(again), ours.figure("stormwatch_delivery_broken")) == ([], 1)
            await asyncio.sleep(3_000)
            await until(lambda: bool(again.notes))
            assert reported(again) == [("sink:desk", ChangeKind.ENDED)]
            assert (ours.figure("stormwatch_delivery_broken"), ours.figure("stormwatch_delivery_breaks_total")) == (
                0,
                0,
            )
            assert ours.readiness.figures().readers["sink desk"].state == "connected"

    run_jumping(monkeypatch, work())
    assert {one.change.scope for one in desk.notes} == {"asset:BTC"}  # it is not reported of itself


def test_a_receiver_that_refuses_is_broken_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    desk, chat = Timed(lambda _attempt: Refused(why="HTTP 401")), Timed(lambda _attempt: Delivered())

    async def work() -> None:
        clock = SetClock()
        clock.follow()
        async with opened(tmp_path, clock, "desk", "chat") as log, daemon(log, clock, desk, chat):
            await append(log, change(1, level=Level.WATCH, pages=False))
            await asyncio.sleep(310)
            await until(lambda: bool(chat.notes))

    run_jumping(monkeypatch, work())
    assert "HTTP 401" in chat.notes[0].change.headline
    assert chat.notes[0].title == "WATCH sink:desk opened"


async def test_a_correlator_that_judges_the_log_again_leaves_the_sinks_alone(tmp_path: Path) -> None:
    clock = SetClock()
    async with opened(tmp_path, clock, "desk") as log:
        await append(log, replace(change(1), scope="sink:desk", incident_id="sink-desk-1", evidence=(), verdict=None))
        watched = Watched(vantage="home", assets=frozenset(), venues=frozenset(), networks=frozenset())
        began = await resumed(log, CorrelatorSettings(), watched)

        assert (list(began.changes), list(began.correlator.finish())) == ([], [])


async def test_a_running_daemon_tells_its_other_sink_by_itself(tmp_path: Path) -> None:
    def away(_receiver: Receiver) -> str:
        return Receiver(1).table("desk", broken_after_s=0.1)

    async with a_daemon(tmp_path, away, lambda receiver: receiver.table("chat", min_level="perfect-storm")) as ours:
        await ours.tell()
        await ours.receiver.until("/chat", 1, 1)  # the storm, and the first revision of the broken sink
        latest = ours.daemon.log.latest(Stream.CHANGE)["sink:desk"]

    assert "desk is broken: nothing delivered since" in decode_change(latest.body).headline
