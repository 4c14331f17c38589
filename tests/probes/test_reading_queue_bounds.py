"""What a full outbox drops, what it keeps, and that every drop is counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

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


def test_what_is_kept_outlives_every_routine_reading() -> None:
    kept: list[Reading] = [FORCED, CHANGED, WALLET, CLOCK]
    outbox = ReadingQueue(max_readings=5)
    for one in (*kept, DAMAGED, lag(1), lag(2)):
        outbox.put(one)
    assert outbox.dropped == {"FeedMalformed": 1, "EngineLag": 1}
    assert outbox.drain() == [*kept, lag(2)]


def test_an_outbox_that_is_just_full_has_dropped_nothing() -> None:
    outbox = ReadingQueue(max_readings=3)
    for number in range(3):
        outbox.put(lag(number))
    assert outbox.dropped == {}
    outbox.put(lag(3))
    assert outbox.dropped == {"EngineLag": 1}
    assert outbox.drain() == [lag(1), lag(2), lag(3)]


def test_a_place_that_was_emptied_can_be_used_again_without_a_drop() -> None:
    outbox = ReadingQueue(max_readings=2)
    outbox.put(lag(1))
    outbox.put(lag(2))
    outbox.drain()
    outbox.put(lag(3))
    outbox.put(lag(4))
    assert (outbox.dropped, outbox.drain()) == ({}, [lag(3), lag(4)])


def test_an_outbox_holds_twenty_thousand_readings() -> None:
    outbox = ReadingQueue()
    for number in range(20_002):
        outbox.put(lag(number))
    assert outbox.dropped == {"EngineLag": 2}
    waiting = outbox.drain()
    assert (len(waiting), waiting[0]) == (20_000, lag(2))


async def test_one_reading_is_given_at_a_time_and_who_waits_is_woken_each_time() -> None:
    outbox = ReadingQueue()
    got: list[Reading] = []

    async def take() -> None:
        while len(got) < 3:
            got.append(await outbox.get())

    taking = asyncio.create_task(take())
    for number in range(3):
        await asyncio.sleep(0)
        outbox.put(lag(number))
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(got) == number + 1
    await taking
    assert got == [lag(0), lag(1), lag(2)]


async def test_who_waits_is_not_woken_by_what_was_drained() -> None:
    outbox = ReadingQueue()
    outbox.put(lag(0))
    outbox.drain()
    waiting = asyncio.create_task(outbox.get())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    outbox.put(lag(1))
    assert await waiting == lag(1)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 6))
def test_what_went_in_is_waiting_or_counted_as_dropped(routine: list[bool], most: int) -> None:
    outbox = ReadingQueue(most)
    for number, one in enumerate(routine):
        outbox.put(lag(number) if one else FORCED)
    waiting = outbox.drain()
    assert len(waiting) == min(len(routine), most)
    assert len(waiting) + outbox.dropped.total() == len(routine)
    assert waiting.count(FORCED) >= min(routine.count(False), most) - 1
    assert outbox.dropped["Liquidation"] <= max(routine.count(False) - most + 1, 0)
