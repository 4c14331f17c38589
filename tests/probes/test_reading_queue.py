"""Readings on their way up: bounded, the oldest routine one goes first, never a liquidation while routine waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

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
    outbox = ReadingQueue()
    for number in range(5):
        outbox.put(lag(number))
    assert await outbox.get() == lag(0)
    assert outbox.drain() == [lag(1), lag(2), lag(3), lag(4)]
    assert outbox.drain() == []


async def test_who_waits_for_a_reading_gets_the_next_one() -> None:
    outbox = ReadingQueue()
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.put(lag(1))
    assert await waiting == lag(1)


def test_a_full_outbox_drops_the_oldest_routine_reading_and_counts_it() -> None:
    outbox = ReadingQueue(max_readings=3)
    for one in (FORCED, lag(1), lag(2), FORCED):
        outbox.put(one)
    assert outbox.dropped == {"EngineLag": 1}
    assert outbox.drain() == [FORCED, lag(2), FORCED]


def test_only_when_nothing_routine_is_left_the_oldest_of_all_goes() -> None:
    outbox = ReadingQueue(max_readings=2)
    newest = replace(FORCED, instrument="ETH")
    for one in (FORCED, FORCED, newest):
        outbox.put(one)
    assert outbox.dropped == {"Liquidation": 1}
    assert outbox.drain() == [FORCED, newest]
