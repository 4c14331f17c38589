"""The queue of readings is bounded: it drops the oldest routine reading first, a liquidation only if none is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from probes.reading_queue import ReadingQueue
from probes.readings import Censoring, EngineLag, Liquidation, Reading, Side, VenueId

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FORCED = Liquidation(
    venue=VenueId("made"), instrument="BTC", received_at=NOW, event_time=NOW, side=Side.LONG, price=Decimal(1),
    quantity=Decimal(1), notional_usd=Decimal(1), censoring=Censoring.COMPLETE,
)  # fmt: skip


def lag(number: int) -> Reading:
    return EngineLag(venue=VenueId("made"), feed="book_ws", instrument=None, received_at=NOW, lag_s=float(number))


async def test_readings_come_out_in_the_order_they_went_in() -> None:
    queue = ReadingQueue()
    for number in range(5):
        queue.put(lag(number))
    assert await queue.get() == lag(0)
    assert queue.drain() == [lag(1), lag(2), lag(3), lag(4)]
    assert queue.drain() == []


async def test_a_waiting_consumer_gets_the_next_reading() -> None:
    queue = ReadingQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(lag(1))
    assert await waiting == lag(1)


def test_a_full_queue_drops_the_oldest_routine_reading_and_counts_it() -> None:
    queue, told = ReadingQueue(max_readings=3), list[str]()
    queue.on_drop = told.append
    for one in (FORCED, lag(1), lag(2), FORCED):
        queue.put(one)
    assert told == ["EngineLag"]
    assert queue.dropped == {"EngineLag": 1}
    assert queue.drain() == [FORCED, lag(2), FORCED]


def test_the_oldest_reading_is_dropped_only_if_no_routine_reading_is_left() -> None:
    queue = ReadingQueue(max_readings=2)
    newest = replace(FORCED, instrument="ETH")
    for one in (FORCED, FORCED, newest):
        queue.put(one)
    assert queue.dropped == {"Liquidation": 1}
    assert queue.drain() == [FORCED, newest]


async def test_the_failure_of_a_task_reaches_whoever_waits_for_its_readings() -> None:
    async def fails() -> None:
        raise ValueError("ours")

    async def lasts() -> None:
        await asyncio.Event().wait()

    queue = ReadingQueue()
    tasks = [asyncio.create_task(lasts()), asyncio.create_task(fails())]
    with pytest.raises(ValueError, match="ours"):
        await queue.get_from(tasks)
    tasks[0].cancel()


async def test_a_reading_that_a_task_puts_is_handed_over() -> None:
    queue = ReadingQueue()

    async def puts() -> None:
        queue.put(FORCED)
        await asyncio.Event().wait()

    task = asyncio.create_task(puts())
    assert await queue.get_from([task]) is FORCED
    task.cancel()
