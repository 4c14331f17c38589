"""The graceful end of delivery: in time, with a count of what is left, and with nothing that still runs."""

from __future__ import annotations

import asyncio

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sinks import Route
from tests.monitor.alerting.sinks.changes import Answering, change
from tests.monitor.jumping_time import elapsed_s, run_jumping


def test_an_end_that_is_out_of_time_leaves_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> tuple[int, float, set[asyncio.Task[object]]]:
        deliveries = Deliveries([Route(name, Rule(), Answering()) for name in ("a", "b")])
        deliveries.on_changes([change(1)])
        left = await deliveries.drain(7.0)  # no sink runs
        return left, elapsed_s(), asyncio.all_tasks() - {asyncio.current_task()}

    left, after_s, tasks = run_jumping(monkeypatch, work())

    assert left == 2
    assert after_s == pytest.approx(7.0)
    assert tasks == set()


def test_an_end_counts_the_notes_of_each_sink_that_is_left_with_some(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> int:
        deliveries = Deliveries([Route(name, Rule(repeat_s=0), Answering()) for name in ("idle", "runs")])
        deliveries.on_changes([change(1), change(2), change(3)])
        task = asyncio.ensure_future(deliveries.run("runs"))
        left = await deliveries.drain(5.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return left

    assert run_jumping(monkeypatch, work()) == 3
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "sink idle: 3 notes were not delivered before the end"
    ]
