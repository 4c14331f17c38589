"""What a full queue drops and keeps, and that every drop is counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reading_queue import ReadingQueue
from probes.readings import (
    Censoring,
    EngineLag,
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Liquidation,
    Reading,
    Side,
    VenueClock,
    VenueId,
    WalletStatus,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")
FORCED = Liquidation(
    venue=MADE, instrument="BTC", received_at=NOW, event_time=NOW, side=Side.LONG, price=Decimal(1),
    quantity=Decimal(1), notional_usd=Decimal(1), censoring=Censoring.COMPLETE,
)  # fmt: skip
CHANGED = FeedChanged(venue=MADE, feed="f", instrument=None, received_at=NOW, event=FeedEvent.GAP, value=1)
WALLET = WalletStatus(venue=MADE, asset="BTC", network="btc", received_at=NOW, deposits=True, withdrawals=True)
CLOCK = VenueClock(venue=MADE, received_at=NOW, offset_s=0, bound_s=1, samples=1, origin="rest")
DAMAGED = FeedMalformed(venue=MADE, feed="f", received_at=NOW, path="$", count=1)


def lag(number: int) -> EngineLag:
    return EngineLag(venue=MADE, feed="book_ws", instrument=None, received_at=NOW, lag_s=float(number))


def test_routine_readings_are_dropped_before_all_others() -> None:
    lasting: list[Reading] = [FORCED, CHANGED, WALLET, CLOCK]
    queue = ReadingQueue(max_readings=5)
    for one in (*lasting, DAMAGED, lag(1), lag(2)):
        queue.put(one)
    assert queue.dropped == {"FeedMalformed": 1, "EngineLag": 1}
    assert queue.drain() == [*lasting, lag(2)]


def test_readings_leave_in_the_order_of_their_arrival_whatever_their_kind() -> None:
    arrived: list[Reading] = [lag(1), FORCED, CHANGED, lag(2), lag(3), WALLET]
    queue = ReadingQueue()
    for one in arrived:
        queue.put(one)
    assert [queue.take() for _ in arrived] == arrived
    with pytest.raises(IndexError):
        queue.take()


def test_a_queue_that_is_exactly_full_has_dropped_nothing() -> None:
    queue = ReadingQueue(max_readings=3)
    for number in range(3):
        queue.put(lag(number))
    assert queue.dropped == {}
    queue.put(lag(3))
    assert queue.dropped == {"EngineLag": 1}
    assert queue.drain() == [lag(1), lag(2), lag(3)]


def test_a_drained_queue_accepts_new_readings_without_a_drop() -> None:
    queue = ReadingQueue(max_readings=2)
    queue.put(lag(1))
    queue.put(lag(2))
    queue.drain()
    queue.put(lag(3))
    queue.put(lag(4))
    assert (queue.dropped, queue.drain()) == ({}, [lag(3), lag(4)])


def test_a_queue_holds_twenty_thousand_readings() -> None:
    queue = ReadingQueue()
    for number in range(20_002):
        queue.put(lag(number))
    assert queue.dropped == {"EngineLag": 2}
    waiting = queue.drain()
    assert (len(waiting), waiting[0]) == (20_000, lag(2))


async def test_a_waiting_consumer_is_woken_for_each_reading_and_gets_one_at_a_time() -> None:
    queue = ReadingQueue()
    got: list[Reading] = []

    async def take() -> None:
        while len(got) < 3:
            got.append(await queue.get())

    taking = asyncio.create_task(take())
    for number in range(3):
        await asyncio.sleep(0)
        queue.put(lag(number))
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(got) == number + 1
    await taking
    assert got == [lag(0), lag(1), lag(2)]


async def test_a_waiting_consumer_is_not_woken_by_drained_readings() -> None:
    queue = ReadingQueue()
    queue.put(lag(0))
    queue.drain()
    waiting = asyncio.create_task(queue.get())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(lag(1))
    assert await waiting == lag(1)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 6))
def test_every_reading_is_either_waiting_or_counted_as_dropped(routine: list[bool], most: int) -> None:
    queue = ReadingQueue(most)
    for number, one in enumerate(routine):
        queue.put(lag(number) if one else FORCED)
    waiting = queue.drain()
    assert len(waiting) == min(len(routine), most)
    assert len(waiting) + queue.dropped.total() == len(routine)
    assert waiting.count(FORCED) >= min(routine.count(False), most) - 1
    assert queue.dropped["Liquidation"] <= max(routine.count(False) - most + 1, 0)
