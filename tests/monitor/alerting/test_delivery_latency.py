"""The time from a change's judgement to its delivery is measured, whatever lies between: the disk, the receiver, a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.crossings import MAX_CHANGES, Crossings
from monitor.alerting.delivery import Deliveries
from monitor.alerting.quiet import Quiet, Silence
from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain
from tests.monitor.alerting.logged import SHORT, Recorded, SetClock, Timed, append, desk, opened, running
from tests.monitor.alerting.sinks.changes import START, Answering, at, change
from tests.monitor.jumping_time import run_jumping


async def test_a_change_that_the_disk_kept_back_counts_from_its_judgement(tmp_path: Path) -> None:
    recorder, clock = Recorded(), SetClock()
    async with opened(tmp_path, clock) as log:
        ours = Deliveries([replace(desk(Answering()), type="webhook")], log, clock=clock, recorder=recorder)
        ours.crossings.on_changes([change(1)])
        clock.now += timedelta(seconds=7)
        await append(log, change(1))
        clock.now += timedelta(seconds=2)
        async with running(ours):
            await ours.drain(30)

    assert recorder.latencies == [("desk", "webhook", 9.0)]


def test_a_receiver_that_is_away_makes_the_latency_longer_and_each_change_is_measured_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorder = Recorded()

    def answer(_attempt: int) -> Outcome:
        return Delivered() if clock() >= at(100) else TryAgain(why="HTTP 503")

    clock = SetClock()

    async def work() -> None:
        async with opened(tmp_path, clock) as log:
            await append(log, change(1), change(2))
            clock.follow()
            route = replace(desk(Timed(answer)), remind_s=1_000.0)
            async with running(Deliveries([route], log, clock=clock, recorder=recorder)):
                await asyncio.sleep(5_000)

    run_jumping(monkeypatch, work())

    assert ("desk", "delivered") in recorder.outcomes[-3:]  # reminders went on
    assert [one[0] for one in recorder.latencies] == ["desk", "desk"]
    assert all(100 <= one[2] < 300 for one in recorder.latencies)


async def test_a_note_about_missed_changes_counts_from_the_first_of_them_over_a_restart(tmp_path: Path) -> None:
    recorder, clock = Recorded(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1))
        clock.now += timedelta(seconds=60)
        await append(log, change(2))
    async with opened(tmp_path, clock) as log:
        clock.now = START + timedelta(hours=2)
        ours = Deliveries([desk(Answering())], log, clock=clock, recorder=recorder)
        async with running(ours):
            await ours.drain(30)

    assert recorder.latencies == [("desk", "", 7200.0)]


async def test_what_is_refused_or_was_silenced_has_no_latency(tmp_path: Path) -> None:
    recorder, clock = Recorded(), SetClock()
    quiet = Quiet(silences=(Silence(id="s1", since=at(-60), until=at(100), author="Ann", asset="BTC"),))
    third = asyncio.Event()

    def answer(attempt: int) -> Outcome:
        if attempt == 3:
            third.set()
        return Refused(why="HTTP 401") if attempt == 1 else Delivered()

    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2, scope="venue:okx", incident_id="venue-okx", evidence=()))
        sink = Answering(answer)
        ours = Deliveries([desk(sink)], log, clock=clock, recorder=recorder, pauses=SHORT, quiet=lambda: quiet)
        async with running(ours):
            await ours.drain(30)
            clock.now = at(200)
            await append(log, change(3, scope="venue:okx", incident_id="venue-kraken", evidence=()))
            await asyncio.wait_for(third.wait(), 30)

    assert recorder.outcomes.count(("desk", "silenced")) == 1
    assert recorder.outcomes.count(("desk", "refused")) == 1
    assert [one[2] for one in recorder.latencies] == [0.0]


def test_only_so_many_judgements_are_remembered_and_the_log_counts_for_the_others() -> None:
    clock = SetClock()
    crossings = Crossings(clock)
    crossings.on_signals([])
    crossings.on_changes([change(revision) for revision in range(1, MAX_CHANGES + 2)])
    clock.now = at(5)
    crossings.on_changes([change(2)])  # judged once, reported again after a restart

    assert crossings.of(change(1), at(9)) == at(9)
    assert crossings.of(change(2), at(9)) == START
    assert crossings.of(change(3), at(-1)) == at(-1)  # a clock that was set back is no negative latency
