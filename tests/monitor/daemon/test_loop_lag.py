"""Our own lateness is measured at each wake-up, and told once for a second in which it mattered."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from time import sleep

from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.loop_lag import LATE_S, LoopLag
from monitor.daemon.sources import Sources
from monitor.pipeline import Pipeline
from monitor.settings import Settings, VenueSettings
from monitor.signals import SignalKind
from probes.rest.http import utc_now
from tests.monitor.daemon.test_sources import Counting, Nowhere

T0 = datetime(2026, 11, 1, tzinfo=UTC)
PATIENCE_S = 30.0


class Reported:
    """A meter on a clock that the test sets."""

    def __init__(self) -> None:
        self.now = T0
        self.told: list[tuple[float, float]] = []
        self.observed: list[float] = []
        self.meter = LoopLag(lambda: self.now, self._tell, self.observed.append)

    def _tell(self, began: datetime, late_s: float) -> None:
        self.told.append((round((began - T0).total_seconds(), 6), round(late_s, 6)))

    def woke(self, second: float, late_s: float) -> None:
        self.now = T0 + timedelta(seconds=second)
        self.meter.woke(late_s)


def test_a_second_without_lateness_tells_nothing_and_every_wake_up_is_observed() -> None:
    one = Reported()
    for number in range(1, 60):
        one.woke(number * 0.05, 0.001)
    one.woke(3.1, LATE_S)
    one.woke(4.1, 0.0)
    assert one.told == []
    assert len(one.observed) == 61


def test_the_lateness_of_a_second_is_told_once_from_its_beginning_on_when_the_second_is_over() -> None:
    one = Reported()
    one.woke(0.5, 0.2)
    one.woke(0.9, 0.1)
    assert one.told == []
    one.woke(1.01, 0.0)
    one.woke(1.06, 0.0)
    assert one.told == [(0.3, 0.3)]


def test_a_hold_over_the_end_of_a_second_is_told_at_once() -> None:
    one = Reported()
    one.woke(2.4, 1.5)
    assert one.told == [(0.9, 1.5)]


def test_two_holds_in_two_seconds_are_told_apart() -> None:
    one = Reported()
    one.woke(0.9, 0.2)
    one.woke(1.5, 0.3)
    assert one.told == [(0.7, 0.2)]
    one.woke(2.1, 0.0)
    assert one.told[1:] == [(1.2, 0.3)]


async def test_a_held_loop_becomes_a_signal_before_what_is_read_late() -> None:
    settings = Settings(
        venues={"gate": VenueSettings(enabled=False), "okx": VenueSettings(hosts={"rest": "http://127.0.0.1:1"})}
    )
    intake = intake_of(settings)
    observed: list[float] = []
    pipeline = Pipeline(
        intake,
        Correlator(settings.correlator, vantage="here"),
        (counting := Counting()),
        counting,
        (seen := Watching(),),
    )
    sources = Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=Nowhere(), on_loop_lag=observed.append)
    began = utc_now()
    part = asyncio.ensure_future(sources.parts()["loop lag"]())
    await asyncio.sleep(0)
    assert gc.get_freeze_count() > 0, "no full collection over what lives as long as the process"
    sleep(0.3)  # noqa: ASYNC251  # the fault itself: our code holds the loop
    async with asyncio.timeout(PATIENCE_S):
        await seen.late.wait()
    part.cancel()
    await asyncio.gather(part, return_exceptions=True)
    assert gc.get_freeze_count() == 0
    assert seen.value >= 0.2
    assert seen.event_time is not None
    assert seen.event_time >= began
    assert max(observed) >= 0.2


class Watching:
    """An observer that waits for the first signal of our own lag."""

    def __init__(self) -> None:
        self.late = asyncio.Event()
        self.value = 0.0
        self.event_time: datetime | None = None

    def on_signals(self, signals: object) -> None:
        for one in signals:  # type: ignore[attr-defined]
            if one.kind is SignalKind.LOOP_LAG:
                self.value, self.event_time = one.value, one.event_time
                self.late.set()

    def on_changes(self, changes: object) -> None:
        return
