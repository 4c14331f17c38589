"""What the daemon says of itself: not ready before it watches, each reader's lag, and no secret in any reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from monitor.alerting.delivery import Deliveries
from monitor.alerting.sink import Note, Outcome, TryAgain
from monitor.daemon.daemon import Daemon
from monitor.daemon.readiness import Readiness
from monitor.daemon.supervisor import Supervisor
from monitor.log.health import ReaderLag
from monitor.settings.tree import Settings
from monitor.store.settings import StoreSettings
from tests.monitor.alerting.logged import SHORT, SetClock, append, desk, opened, running
from tests.monitor.alerting.sinks.changes import change


def unstarted(folder: Path) -> Daemon:
    return Daemon(Settings(store=StoreSettings(folder=str(folder))), env={})


def test_a_daemon_whose_log_is_not_open_yet_is_starting(tmp_path: Path) -> None:
    answer = unstarted(tmp_path).readiness.answer()
    assert (answer.ready, answer.reasons) == (False, ("starting",))
    assert answer.readers == {
        "sink console": ReaderLag(entries=None, behind_s=None, state="starting", why="not started")
    }


def test_a_daemon_that_judges_its_log_again_says_how_far_it_is(tmp_path: Path) -> None:
    readiness = unstarted(tmp_path).readiness
    readiness.judged_again(120_000)
    assert readiness.answer().reasons == ("judging the log again: 120000 signals so far",)


def test_a_daemon_that_watches_is_judged_by_its_clock(tmp_path: Path) -> None:
    readiness = unstarted(tmp_path).readiness
    readiness.starting = None
    assert readiness.answer().reasons == ("the clock does not tick",)


class Leaking:
    """A sink whose words hold a secret, a line feed, and more than anybody wants to read."""

    def __init__(self) -> None:
        self.calls = 0
        self.tried_again = asyncio.Event()

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        self.calls += 1
        if self.calls == 2:
            self.tried_again.set()
        return TryAgain(why="POST https://me:hunter2@desk.example/x?token=hunter2\nfailed " + 3000 * "x ")


async def test_no_reason_shows_a_secret_or_breaks_its_line(tmp_path: Path) -> None:
    clock, sink = SetClock(), Leaking()
    async with opened(tmp_path, clock) as log:
        deliveries = Deliveries([desk(sink)], log, clock=clock, pauses=SHORT)
        daemon = unstarted(tmp_path / "other")
        readiness = Readiness(clock, daemon.pipeline, Supervisor(clock), log, deliveries)
        async with running(deliveries):
            await append(log, change())
            await sink.tried_again.wait()
            lag = readiness.answer().readers["sink desk"]
    assert lag.state == "retrying"
    assert "desk.example" in lag.why
    assert "hunter2" not in lag.why
    assert lag.why.isprintable()
    assert len(lag.why) <= 500
