"""The graceful end of delivery: in time, with the names of the sinks that are left, and the rest comes after the next start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, TryAgain
from monitor.alerting.sinks import Route
from tests.monitor.alerting.logged import LONG_S, SHORT, SetClock, append, delivered_once, desk, opened, running
from tests.monitor.alerting.sinks.changes import Answering, change
from tests.monitor.jumping_time import elapsed_s, run_jumping


def test_an_end_that_is_out_of_time_leaves_no_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def work() -> tuple[tuple[str, ...], float, set[asyncio.Task[object]]]:
        async with opened(tmp_path, clock := SetClock(), "a", "b") as log:
            await append(log, change(1))
            deliveries = Deliveries([Route(name, Rule(), Answering()) for name in ("a", "b")], log, clock=clock)
            before_s = elapsed_s()
            left = await deliveries.drain(7.0)  # no sink runs
            return left, elapsed_s() - before_s, asyncio.all_tasks() - {asyncio.current_task()}

    left, after_s, tasks = run_jumping(monkeypatch, work())

    assert left == ("a", "b")
    assert after_s == pytest.approx(7.0)
    assert tasks == set()


async def test_what_an_end_leaves_is_delivered_after_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away, back, clock = Answering(lambda _attempt: TryAgain(why="HTTP 503")), Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2))
        ours = Deliveries([desk(away)], log, clock=clock, pauses=SHORT)
        async with running(ours):
            assert await ours.drain(0.05) == ("desk",)
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(back))

    assert "sink desk is not done with the log; it goes on there after the next start" in caplog.text
    assert back.revisions == [1, 2]


async def test_an_end_shortens_long_pauses(tmp_path: Path) -> None:
    tried = asyncio.Event()

    def answer(attempt: int) -> Delivered | TryAgain:
        tried.set()
        return TryAgain(why="HTTP 429", after_s=3000) if attempt == 1 else Delivered()

    sink = Answering(answer)
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1))
        ours = Deliveries([desk(sink)], log, clock=clock, pauses=SHORT)
        async with running(ours):
            await asyncio.wait_for(tried.wait(), LONG_S)
            assert await asyncio.wait_for(ours.drain(LONG_S), LONG_S) == ()

    assert sink.revisions == [1]


async def test_an_end_with_nothing_to_deliver_is_immediate(tmp_path: Path) -> None:
    async with opened(tmp_path, clock := SetClock()) as log:
        assert await Deliveries([], log, clock=clock).drain(LONG_S) == ()
        ours = Deliveries([desk(Answering())], log, clock=clock)
        ours.open()
        assert await ours.drain(0.0) == ()


async def test_an_end_keeps_the_place_of_a_sink_that_had_nothing_to_deliver(tmp_path: Path) -> None:
    clock = SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1))
        ours = await delivered_once(log, clock, desk(Answering(), pages_only=True, min_level=4))
        assert ours.lag("desk").why == ""
        assert log.place("sink desk").position >= 1
