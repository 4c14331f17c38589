"""Delivery: every note is delivered, refused, given up or counted as dropped, in order, and the pipeline never waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from monitor.alerting.delivery import MAX_OWN_FAILURES, Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain
from monitor.alerting.sinks import Route
from monitor.incidents import ChangeKind, Level
from tests.monitor.alerting.sinks.changes import Answering, change

LONG_S = 30.0


def deliveries(
    sink: Answering,
    outcomes: list[tuple[str, str]] | None = None,
    *,
    queue: int = 256,
    first_pause_s: float = 0.001,
    give_up_s: float = LONG_S,
) -> Deliveries:
    """One route that takes everything, with short pauses."""
    collected = [] if outcomes is None else outcomes
    return Deliveries(
        [Route("desk", Rule(repeat_s=0), sink)],
        on_outcome=lambda name, outcome: collected.append((name, outcome)),
        queue=queue,
        first_pause_s=first_pause_s,
        max_pause_s=first_pause_s,
        give_up_s=give_up_s,
    )


@asynccontextmanager
async def running(ours: Deliveries) -> AsyncIterator[asyncio.Task[None]]:
    """Run the delivery of sink desk, and cancel it at the end."""
    task = asyncio.create_task(ours.run("desk"))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_changes_are_delivered_in_order_and_their_outcomes_are_reported() -> None:
    sink, outcomes = Answering(), list[tuple[str, str]]()
    ours = deliveries(sink, outcomes)
    assert ours.names == ("desk",)
    ours.on_signals([])
    ours.on_changes([change(1), change(2), change(3)])

    async with running(ours):
        assert await ours.drain(LONG_S) == 0

    assert sink.revisions == [1, 2, 3]
    assert outcomes == [("desk", "delivered")] * 3


async def test_an_undelivered_note_is_tried_again_and_keeps_its_position() -> None:
    sink = Answering(lambda attempt: Delivered() if attempt > 3 else TryAgain(why="HTTP 503"))
    ours = deliveries(sink)
    ours.on_changes([change(1), change(2)])

    async with running(ours):
        await ours.drain(LONG_S)

    assert sink.revisions == [1, 2]
    assert ours.counts("desk") == {"try_again": 3, "delivered": 2}


async def test_a_failing_receiver_is_logged_once_and_its_recovery_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours = deliveries(Answering(lambda attempt: Delivered() if attempt > 3 else TryAgain(why="HTTP 503")))
    ours.on_changes([change(1), change(2)])

    async with running(ours):
        await ours.drain(LONG_S)

    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "sink desk does not accept notes now: HTTP 503; retrying",
        "sink desk accepts notes again",
    ]


async def test_a_pause_ends_by_itself() -> None:
    third = asyncio.Event()

    def answer(attempt: int) -> Outcome:
        if attempt < 3:
            return TryAgain(why="HTTP 503")
        third.set()
        return Delivered()

    ours = deliveries(Answering(answer))
    ours.on_changes([change(1)])

    async with running(ours):
        await asyncio.wait_for(third.wait(), LONG_S)


async def test_a_change_that_a_route_filters_out_is_not_queued() -> None:
    ours = Deliveries([Route("desk", Rule(min_level=Level.PERFECT_STORM), Answering())])
    ours.on_changes([change(1, level=Level.WATCH)])

    assert ours.waiting == {"desk": 0}


async def test_a_refused_note_is_not_tried_again() -> None:
    sink = Answering(lambda attempt: Refused(why="HTTP 401") if attempt == 1 else Delivered())
    ours = deliveries(sink)
    ours.on_changes([change(1), change(2)])

    async with running(ours):
        await ours.drain(LONG_S)

    assert sink.revisions == [2]
    assert ours.counts("desk") == {"refused": 1, "delivered": 1}


async def test_a_note_is_given_up_if_its_receiver_never_recovers() -> None:
    sink = Answering(lambda _attempt: TryAgain(why="timeout"))
    ours = deliveries(sink, give_up_s=0.01)
    ours.on_changes([change(1)])

    async with running(ours):
        assert await ours.drain(LONG_S) == 0

    assert ours.counts("desk")["given_up"] == 1
    assert ours.counts("desk")["try_again"] >= 2


async def test_a_drain_shortens_long_pauses() -> None:
    tried = asyncio.Event()

    def answer(attempt: int) -> Outcome:
        tried.set()
        return TryAgain(why="HTTP 429", after_s=3000) if attempt == 1 else Delivered()

    sink = Answering(answer)
    ours = deliveries(sink, give_up_s=3600)
    ours.on_changes([change(1)])

    async with running(ours):
        await asyncio.wait_for(tried.wait(), LONG_S)
        assert await asyncio.wait_for(ours.drain(LONG_S), LONG_S) == 0

    assert sink.revisions == [1]


async def test_a_drain_ends_in_time_and_reports_the_undelivered_notes(caplog: pytest.LogCaptureFixture) -> None:
    ours = deliveries(Answering(lambda _attempt: TryAgain(why="HTTP 503")))
    ours.on_changes([change(1), change(2)])

    async with running(ours):
        assert await ours.drain(0.05) == 2

    assert "sink desk: 2 notes were not delivered" in caplog.text


async def test_a_full_queue_drops_the_oldest_update_first_then_amendments_then_the_oldest() -> None:
    sink, outcomes = Answering(), list[tuple[str, str]]()
    ours = deliveries(sink, outcomes, queue=3)
    ours.on_changes([change(1), change(2, kind=ChangeKind.AMENDED), change(3)])
    ours.on_changes([change(4, kind=ChangeKind.RAISED)])  # 3 goes: the oldest update
    ours.on_changes([change(5, kind=ChangeKind.LOWERED, level=Level.SQUALL)])  # 2 goes: the amendment
    ours.on_changes([change(6, kind=ChangeKind.ENDED, level=Level.CALM)])  # 1 goes: the oldest of all

    assert ours.dropped == {"desk": 3}
    assert ours.waiting == {"desk": 3}
    async with running(ours):
        await ours.drain(LONG_S)

    assert sink.revisions == [4, 5, 6]
    assert outcomes[:3] == [("desk", "dropped")] * 3


async def test_a_note_survives_a_failure_in_our_code_and_a_restart_of_its_part() -> None:
    def answer(attempt: int) -> Outcome:
        if attempt == 1:
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    ours = deliveries(sink)
    ours.on_changes([change(1)])

    with pytest.raises(RuntimeError, match="ours"):
        await ours.run("desk")
    async with running(ours):
        assert await ours.drain(LONG_S) == 0

    assert sink.revisions == [1]


async def test_a_note_that_always_fails_in_our_code_does_not_block_the_next_notes() -> None:
    def answer(attempt: int) -> Outcome:
        if attempt <= MAX_OWN_FAILURES:
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    ours = deliveries(sink)
    ours.on_changes([change(1), change(2)])

    for _ in range(MAX_OWN_FAILURES):
        with pytest.raises(RuntimeError):
            await ours.run("desk")
    async with running(ours):
        await ours.drain(LONG_S)

    assert sink.revisions == [2]


async def test_one_slow_sink_does_not_delay_another() -> None:
    slow, quick = Answering(lambda _attempt: TryAgain(why="HTTP 503")), Answering()
    ours = Deliveries([Route("slow", Rule(), slow), Route("quick", Rule(), quick)])
    ours.on_changes([change(1)])
    tasks = [asyncio.create_task(ours.run(name)) for name in ours.names]
    try:
        await ours.drain(0.2)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert quick.revisions == [1]
    assert ours.waiting == {"slow": 1, "quick": 0}


async def test_a_drain_with_nothing_to_deliver_ends_at_once() -> None:
    assert await Deliveries([]).drain(LONG_S) == 0
    assert await deliveries(Answering()).drain(LONG_S) == 0
