"""A real log in a folder, a clock that a test sets, and deliveries that read the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.alerting.attempts import Pauses
from monitor.alerting.delivery import Deliveries
from monitor.alerting.memory import reader_name
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Note, Outcome, Sink
from monitor.alerting.sinks import STALE_AFTER_S, Route
from monitor.incidents import IncidentChange
from monitor.log import DeliveryResult, Holding, Stream
from monitor.log.codec import decode_delivery
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from tests.monitor.alerting.sinks.changes import START
from tests.monitor.jumping_time import BEGIN_S, elapsed_s

LONG_S = 30.0
SHORT = Pauses(first_s=0.001, max_s=0.001)
LOG = LogSettings(group_s=0.001)


class SetClock:
    """A clock that stands at `now` until a test sets it; with `follow` it goes on with the loop's jumping time."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self._loop: asyncio.AbstractEventLoop | None = None

    def follow(self) -> None:
        """Go on with the time of the running loop."""
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=0.0 if self._loop is None else self._loop.time() - BEGIN_S)


@asynccontextmanager
async def opened(folder: Path, clock: SetClock, *sinks: str, settings: LogSettings = LOG) -> AsyncIterator[SqliteLog]:
    """The log of this folder, with a reader for each sink (by default one: desk)."""
    readers = {reader_name(one): Holding.FOR_A_TIME for one in sinks or ("desk",)}
    log = SqliteLog(folder, settings, readers, clock)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def append(log: SqliteLog, *changes: IncidentChange) -> None:
    """Append changes and wait until they are durable, without a timer of the loop."""
    before, last = log.end, f"{changes[-1].incident_id}:{changes[-1].revision}"
    log.changes(changes)
    for _ in range(30_000):
        if any(one.id == last for one in (await log.read(before, (Stream.CHANGE,))).entries):
            return
        await asyncio.to_thread(time.sleep, 0.001)
    raise AssertionError("not durable")


def desk(sink: Sink, *, stale_after_s: float = STALE_AFTER_S, **rule: Any) -> Route:
    """The route of sink desk: everything goes, unless the rule says otherwise."""
    return Route("desk", Rule(**{"repeat_s": 0.0, **rule}), sink, stale_after_s)


@asynccontextmanager
async def running(deliveries: Deliveries) -> AsyncIterator[None]:
    """Run every sink, and cancel them at the end."""
    tasks = [asyncio.create_task(deliveries.run(name)) for name in deliveries.names]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def delivered_once(log: SqliteLog, clock: SetClock, *routes: Route) -> Deliveries:
    """Run these routes until they are done with the log."""
    ours = Deliveries(routes, log, clock=clock, pauses=SHORT)
    async with running(ours):
        assert await ours.drain(LONG_S) == ()
    return ours


async def results(log: SqliteLog) -> list[DeliveryResult]:
    """The results that were appended, in order."""
    await log.flush()
    chunk = await log.read(0, (Stream.DELIVERY,))
    return [decode_delivery(one.body) for one in chunk.entries]


def outcomes(given: Sequence[DeliveryResult]) -> list[tuple[str, int, str]]:
    """Sink, revision and outcome of each."""
    return [(one.sink, one.revision, one.outcome) for one in given]


class Timed:
    """A sink that stores when it was called in jumping time, and for which note."""

    def __init__(self, answer: Callable[[int], Outcome]) -> None:
        self.at_s: list[float] = []
        self.notes: list[Note] = []
        self._answer = answer

    async def deliver(self, client: object, note: Note) -> Outcome:
        """Answer the n-th attempt."""
        self.at_s.append(elapsed_s())
        self.notes.append(note)
        return self._answer(len(self.at_s))

    @property
    def revisions(self) -> list[int]:
        """The revision of each attempt."""
        return [note.change.revision for note in self.notes]

    @property
    def pauses_s(self) -> list[float]:
        """Seconds between attempts."""
        return [later - sooner for sooner, later in zip(self.at_s, self.at_s[1:], strict=False)]


class Recorded:
    """A recorder of deliveries that keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.latencies: list[tuple[str, str, float]] = []

    def record_delivery(self, sink: str, outcome: str) -> None:
        """Keep an outcome."""
        self.outcomes.append((sink, outcome))

    def record_delivery_latency(self, sink: str, sink_type: str, latency_s: float) -> None:
        """Keep a latency."""
        self.latencies.append((sink, sink_type, latency_s))
