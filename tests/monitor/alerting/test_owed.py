"""A note that was not accepted in time is owed: what it stands for is not tried alone, and what can be owed has bounds."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.memory import MAX_OWED, Memory, Owed, encode_memory
from monitor.alerting.sink import Delivered, Note, Outcome, TryAgain
from monitor.log import DeliveryResult, Place
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from tests.monitor.alerting.logged import (
    SHORT,
    SetClock,
    Timed,
    append,
    delivered_once,
    desk,
    opened,
    outcomes,
    results,
    running,
)
from tests.monitor.alerting.sinks.changes import START, Answering, change
from tests.monitor.jumping_time import run_jumping

HOUR_S = 3600.0


async def result_with(log: SqliteLog, outcome: str) -> DeliveryResult:
    """The first result with this outcome, once it is in the log."""
    for _ in range(30_000):
        found = [one for one in await results(log) if one.outcome == outcome]
        if found:
            return found[0]
        await asyncio.to_thread(time.sleep, 0.001)
    raise AssertionError(f"nothing was {outcome}")


def test_changes_that_an_owed_note_stands_for_are_not_tried_on_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="HTTP 503", after_s=HOUR_S))

    async def work() -> dict[str, int]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, change(1), change(2), change(3))
            clock.now += timedelta(hours=2)
            clock.follow()
            ours = Deliveries([desk(sink)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(HOUR_S + 299)
                return ours.counts("desk")

    counts = run_jumping(monkeypatch, work())

    assert sink.at_s == pytest.approx([0, HOUR_S])
    assert sink.revisions == [3, 3]
    assert counts == {"try_again": 2, "given_up": 1}


def test_a_later_change_of_an_owed_incident_is_told_with_what_was_missed_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answer(_attempt: int) -> Outcome:
        return Delivered() if sink.revisions[-1] == 2 else TryAgain(why="HTTP 500")

    sink = Timed(answer)

    async def work() -> list[tuple[str, int, str]]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, change(1))
            clock.follow()
            async with running(Deliveries([desk(sink)], log, clock=clock)):
                await asyncio.sleep(HOUR_S + 10)
                await append(log, change(2))
                await asyncio.sleep(10)
            return outcomes(await results(log))

    assert run_jumping(monkeypatch, work()) == [("desk", 2, "missed")]
    note = sink.notes[-1]
    assert note.missed is not None
    assert (note.missed.changes, note.missed.late, note.pages) == (1, False, True)


def test_no_more_notes_are_owed_than_the_bound_and_the_oldest_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="HTTP 503"))

    async def work() -> tuple[list[DeliveryResult], str]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, *(change(1, incident_id=f"i-{number}") for number in range(MAX_OWED + 1)))
            clock.now += timedelta(hours=1)
            clock.follow()
            ours = Deliveries([desk(sink, stale_after_s=1.0)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(MAX_OWED + 20)
                return await results(log), ours.lag("desk").why

    ended, why = run_jumping(monkeypatch, work())

    assert [(one.incident_id, one.outcome, one.why) for one in ended] == [
        ("i-0", "given_up", f"more than {MAX_OWED} notes are owed")
    ]
    assert why == f"HTTP 503; {MAX_OWED} owed, because the receiver did not accept them in time"


async def test_an_owed_note_that_the_log_no_longer_holds_is_given_up(tmp_path: Path) -> None:
    clock = SetClock()
    small = LogSettings(group_s=0.001, segment_mb=1)
    async with opened(tmp_path, clock, settings=small) as log:
        await append(log, change(1, headline="x" * 1_200_000))
        owed = Owed(incident_id=change().incident_id, position=1, revision=1, since=START)
        log.acknowledge("sink desk", Place(0, encode_memory(Memory(owed=(owed,), reached=log.end))))
    async with opened(tmp_path, clock, settings=small):
        pass
    first, _second = sorted(tmp_path.glob("*.sqlite"))  # noqa: ASYNC240
    first.unlink()
    async with opened(tmp_path, clock) as log:
        ours = Deliveries([desk(Answering())], log, clock=clock, pauses=SHORT)
        async with running(ours):
            result = await result_with(log, "given_up")
            assert ours.lag("desk").why == ""

    assert (result.incident_id, result.revision, result.why) == (change().incident_id, 1, "the log no longer holds it")


async def test_a_change_ahead_that_cannot_be_read_does_not_keep_the_others_from_being_told(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2), change(3))
    (file,) = list(tmp_path.glob("*.sqlite"))  # noqa: ASYNC240
    with sqlite3.connect(file) as connection:
        connection.execute("update entries set body = ? where id like '%:2'", (b'{"of":"tomorrow"}',))
    connection.close()
    clock.now += timedelta(hours=2)
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(sink))
        ended = outcomes(await results(log))

    (note,) = sink.notes
    assert note.missed is not None
    assert (note.change.revision, note.missed.changes) == (3, 2)
    assert ended == [("desk", 3, "missed"), ("desk", 2, "failed")]


async def test_failures_in_our_code_with_an_owed_note_end_it_too(tmp_path: Path) -> None:
    class Failing(Answering):
        async def deliver(self, client: object, note: Note) -> Outcome:
            raise RuntimeError("ours")

    clock = SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1))
        owed = Owed(incident_id=change().incident_id, position=log.end, revision=1, since=START)
        log.acknowledge("sink desk", Place(log.end - 1, encode_memory(Memory(owed=(owed,), reached=log.end))))
        clock.now += timedelta(hours=2)
        ours = Deliveries([desk(Failing())], log, clock=clock)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="ours"):
                await ours.run("desk")
        result = await result_with(log, "failed")
        assert ours.lag("desk").why == ""
        assert log.place("sink desk").position == 1

    assert (result.revision, result.why) == (1, "RuntimeError")
