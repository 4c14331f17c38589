"""Delivery: every change of the log reaches each sink, in order and at least once, whatever ends or fails between."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.lag import Lag
from monitor.alerting.routing import MAX_INCIDENTS, Rule
from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain
from monitor.alerting.sink_reader import MAX_OWN_FAILURES
from monitor.alerting.sinks import Route
from monitor.incidents import ChangeKind, IncidentState, Level
from monitor.log import Place
from tests.monitor.alerting.logged import (
    LONG_S,
    SHORT,
    Recorded,
    SetClock,
    append,
    delivered_once,
    desk,
    opened,
    outcomes,
    results,
    running,
)
from tests.monitor.alerting.sinks.changes import INCIDENT, Answering, change, signal

ENDED = change(3, kind=ChangeKind.ENDED, state=IncidentState.ENDED, level=Level.CALM, pages=False)


class Hanging(Answering):
    """A receiver that takes the note of one revision, and whose answer never comes."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.took = asyncio.Event()
        self._revision = revision

    async def deliver(self, client: object, note: Note) -> Outcome:
        outcome = await super().deliver(client, note)
        if note.change.revision == self._revision:
            self.took.set()
            await asyncio.Event().wait()
        return outcome


async def test_changes_are_delivered_in_order_and_their_results_are_in_the_log(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        log.signals([signal(1)])
        await append(log, change(1), change(2), change(3))
        ours = await delivered_once(log, clock, desk(sink))

        assert sink.revisions == [1, 2, 3]
        assert ours.counts("desk") == {"delivered": 3}
        assert outcomes(await results(log)) == [
            ("desk", 1, "delivered"),
            ("desk", 2, "delivered"),
            ("desk", 3, "delivered"),
        ]


async def test_a_change_that_comes_while_the_sink_waits_is_delivered(tmp_path: Path) -> None:
    sink, clock = Hanging(2), SetClock()
    async with opened(tmp_path, clock) as log, running(Deliveries([desk(sink)], log, clock=clock)):
        await append(log, change(1))
        await append(log, change(2))
        await asyncio.wait_for(sink.took.wait(), LONG_S)

    assert sink.revisions == [1, 2]


async def test_each_outcome_is_reported_to_the_caller(tmp_path: Path) -> None:
    recorder = Recorded()
    sink = Answering(lambda attempt: (TryAgain(why="x"), Refused(why="x"), Delivered())[attempt - 1])
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        ours = Deliveries(
            [desk(sink)],
            log,
            clock=clock,
            pauses=SHORT,
            recorder=recorder,
        )
        async with running(ours):
            await ours.drain(LONG_S)

    assert ours.names == ("desk",)
    assert recorder.outcomes == [("desk", "try_again"), ("desk", "refused"), ("desk", "delivered")]


async def test_after_a_kill_the_unacknowledged_change_comes_again_with_the_same_key_and_none_is_lost(
    tmp_path: Path,
) -> None:
    before, after, clock = Hanging(2), Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2), change(3))
        async with running(Deliveries([desk(before)], log, clock=clock)):
            await asyncio.wait_for(before.took.wait(), LONG_S)
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(after))

    assert [note.key for note in before.notes] == [f"{INCIDENT}:1", f"{INCIDENT}:2"]
    assert [note.key for note in after.notes] == [f"{INCIDENT}:2", f"{INCIDENT}:3"]


async def test_after_a_clean_stop_nothing_is_delivered_twice(tmp_path: Path) -> None:
    before, after, clock = Answering(), Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2))
        await delivered_once(log, clock, desk(before))
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(after))

    assert (before.revisions, after.revisions) == ([1, 2], [])


async def test_the_end_of_an_incident_is_told_after_a_restart_to_the_route_that_was_told_of_it(tmp_path: Path) -> None:
    told, never_told, clock = Answering(), Answering(), SetClock()
    suspects = Rule(min_level=Level.STORM_SUSPECTED)

    def routes() -> list[Route]:
        return [Route("told", suspects, told), Route("never", Rule(min_level=Level.PERFECT_STORM), never_told)]

    async with opened(tmp_path, clock, "told", "never") as log:
        await append(log, change(1, level=Level.STORM_SUSPECTED))
        await delivered_once(log, clock, *routes())
    async with opened(tmp_path, clock, "told", "never") as log:
        await append(log, ENDED)
        await delivered_once(log, clock, *routes())

    assert [note.change.kind for note in told.notes] == [ChangeKind.OPENED, ChangeKind.ENDED]
    assert never_told.notes == []


async def test_what_the_rule_remembers_survives_a_restart(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    for first in (1, 2):
        async with opened(tmp_path, clock) as log:
            await append(log, change(first))
            await delivered_once(log, clock, desk(sink, changed_level_only=True))

    assert sink.revisions == [1]


async def test_an_undelivered_note_is_tried_again_and_keeps_its_position(tmp_path: Path) -> None:
    sink = Answering(lambda attempt: Delivered() if attempt > 3 else TryAgain(why="HTTP 503"))
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        ours = await delivered_once(log, clock, desk(sink))

    assert sink.revisions == [1, 2]
    assert ours.counts("desk") == {"try_again": 3, "delivered": 2}


async def test_a_failing_receiver_is_logged_once_and_its_recovery_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Answering(lambda attempt: Delivered() if attempt > 3 else TryAgain(why="HTTP 503"))
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        await delivered_once(log, clock, desk(sink))

    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "sink desk does not accept notes now: HTTP 503; retrying",
        "sink desk accepts notes again",
    ]


async def test_a_refused_note_is_not_tried_again_and_the_next_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Answering(lambda attempt: Refused(why="HTTP 401") if attempt == 1 else Delivered())
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        await delivered_once(log, clock, desk(sink))
        ended = await results(log)

    assert sink.revisions == [2]
    assert outcomes(ended) == [("desk", 1, "refused"), ("desk", 2, "delivered")]
    assert ended[0].why == "HTTP 401"
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == [
        f"sink desk refuses {INCIDENT}:1: HTTP 401"
    ]


async def test_a_change_that_the_rule_does_not_accept_is_passed_over(tmp_path: Path) -> None:
    sink = Answering()
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1, level=Level.WATCH), change(1, incident_id="b"))
        await delivered_once(log, clock, desk(sink, min_level=Level.SQUALL))

    assert [note.change.incident_id for note in sink.notes] == ["b"]


async def test_a_note_survives_a_failure_in_our_code_and_a_restart_of_its_part(tmp_path: Path) -> None:
    def answer(attempt: int) -> Outcome:
        if attempt == 2:
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2), change(3))
        ours = Deliveries([desk(sink)], log, clock=clock)
        with pytest.raises(RuntimeError, match="ours"):
            await ours.run("desk")
        async with running(ours):
            assert await ours.drain(LONG_S) == ()

    assert sink.revisions == [1, 2, 3]
    assert ours.counts("desk") == {"delivered": 3, "failed": 1}


@pytest.mark.parametrize(("failures", "reached"), [(MAX_OWN_FAILURES - 1, [1, 2]), (MAX_OWN_FAILURES, [2])])
async def test_a_note_that_always_fails_in_our_code_is_given_up_as_failed(
    tmp_path: Path, failures: int, reached: list[int]
) -> None:
    def answer(attempt: int) -> Outcome:
        if attempt <= failures:
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        ours = Deliveries([desk(sink)], log, clock=clock)
        for _ in range(failures):
            with pytest.raises(RuntimeError):
                await ours.run("desk")
        async with running(ours):
            await ours.drain(LONG_S)
        ended = outcomes(await results(log))

    assert sink.revisions == reached
    assert ("desk", 1, "failed" if 1 not in reached else "delivered") in ended


async def test_failures_with_one_note_do_not_count_against_the_next(tmp_path: Path) -> None:
    def answer(attempt: int) -> Outcome:
        if attempt in (1, 2, 4, 5):
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        ours = Deliveries([desk(sink)], log, clock=clock)
        for _ in range(4):
            with pytest.raises(RuntimeError, match="ours"):
                await ours.run("desk")
        async with running(ours):
            await ours.drain(LONG_S)

    assert sink.revisions == [1, 2]


async def test_one_sink_that_is_away_does_not_disturb_another(tmp_path: Path) -> None:
    away, quick = Answering(lambda _attempt: TryAgain(why="HTTP 503")), Hanging(3)
    async with opened(tmp_path, clock := SetClock(), "away", "quick") as log:
        await append(log, change(1), change(2), change(3))
        clock.now = change(1).at
        ours = Deliveries([Route("away", Rule(), away), Route("quick", Rule(repeat_s=0), quick)], log, clock=clock)
        async with running(ours):
            await asyncio.wait_for(quick.took.wait(), LONG_S)
            lag = ours.lag("away")

    assert quick.revisions == [1, 2, 3]
    assert away.notes == []
    assert (lag.entries or 0) >= 3
    assert (lag.oldest_s, lag.why) == (30.0, "HTTP 503")


async def test_a_lag_is_unknown_before_the_start_and_nothing_after_everything_was_delivered(tmp_path: Path) -> None:
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1))
        ours = Deliveries([desk(Answering())], log, clock=clock)
        assert ours.lag("desk") == Lag(entries=None, oldest_s=None, why="not started")
        ours.open()
        assert ours.lag("desk") == Lag(entries=1, oldest_s=None, why="")
        async with running(ours):
            await ours.drain(LONG_S)
            await log.flush()
            await ours.drain(LONG_S)
            assert ours.lag("desk") == Lag(entries=0, oldest_s=None, why="")


@pytest.mark.parametrize("state", [b"\xff", b"{}", b'{"version":2,"notes":[],"owed":[],"lost":0,"reached":0}', b"[]"])
async def test_an_unreadable_memory_is_logged_once_and_begun_afresh(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, state: bytes
) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        log.acknowledge("sink desk", Place(log.end, state))
        await append(log, change(1))
    for _ in range(2):
        async with opened(tmp_path, clock) as log:
            await delivered_once(log, clock, desk(sink))

    assert sink.revisions == [1]
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == [
        "sink desk: its memory of earlier notes cannot be read, and begins afresh"
    ]


async def test_the_memory_of_a_route_is_bounded(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, *(change(incident_id=f"i-{number:05d}") for number in range(MAX_INCIDENTS + 50)))
        ours = Deliveries([desk(sink)], log, clock=clock)
        async with running(ours):
            await ours.drain(LONG_S)
        place = log.place("sink desk")

    assert len(sink.notes) == MAX_INCIDENTS + 50
    assert b"i-00049" not in place.state
    assert b"i-00050" in place.state
    assert len(place.state) < 100 * MAX_INCIDENTS


async def test_a_change_that_cannot_be_read_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2))
    (file,) = list(tmp_path.glob("*.sqlite"))  # noqa: ASYNC240
    with sqlite3.connect(file) as connection:
        connection.execute(
            "update entries set body = ? where stream = 'change' and id like '%:1'", (b'{"of":"tomorrow"}',)
        )
    connection.close()
    async with opened(tmp_path, clock) as log:
        ours = await delivered_once(log, clock, desk(sink))
        ended = outcomes(await results(log))

    assert sink.revisions == [2]
    assert ended == [("desk", 1, "failed"), ("desk", 2, "delivered")]
    assert ours.counts("desk")["failed"] == 1
    assert f"sink desk: {INCIDENT}:1 cannot be read and is not sent" in caplog.text
