"""Which signals can be dropped when the queue is full: routine readings only, never a signal that cannot be requested again.

The sets are written out from the design: a venue's figure comes again at the next sampling, an event of a chain or a
forced order is seen once.
"""

from __future__ import annotations

import pytest

from monitor.log import Checkpoint, Image
from monitor.log.waiting import Waiting
from monitor.signals import SignalKind
from tests.monitor.alerting.sinks.changes import change, signal

K = SignalKind

NEVER_DROPPED = {
    # forced orders: seen once on a feed
    K.LIQUIDATION,
    # what a chain shows: each event is seen once, and its network's checkpoint moves on behind it
    K.HEAD, K.HEAD_STALLED, K.HEAD_RESUMED, K.REORG, K.NODE_FAULT, K.UPGRADE, K.CODE_COMPARED, K.SOURCE_CHECKED, K.UPGRADE_QUEUED,
    K.UPGRADE_SAID, K.POOL_DRAINED, K.SUPPLY_JUMPED, K.HOLDER_FROZEN,
    K.OPERATION_ENDED, K.LIQUIDITY_REMOVED, K.LIQUIDITY_ADDED, K.MIGRATION, K.LIQUIDITY_ACCOUNTED, K.POOL_DEPTH,
    K.CONTROL_CHANGED, K.BEHAVIOUR_MISMATCH, K.WALLET_SILENT, K.WALLET_RESUMED, K.TOKEN_USE, K.ONCHAIN_LIQUIDATION,
    K.POOL_CREATED, K.CUSTOM_EVENT, K.RETRACTION,
    # what happens to a feed: each event changes what we can see, and is told once
    K.EXPECT, K.FEED_OPENED, K.FEED_CLOSED, K.FEED_SILENT, K.FEED_GAP, K.FEED_RESYNCED, K.FEED_BACKLOG, K.FEED_SHUTDOWN,
    K.FEED_REJECTED,
    # one sweep of a book, told once
    K.BOOK_REFILL,
    # the begin or end of forced closing, told once
    K.DELEVERAGING,
}  # fmt: skip

ROUTINE = {
    # figures of a venue, sampled again within seconds or minutes
    K.TICK, K.REQUEST, K.MISSED_SLOT, K.HEADROOM, K.CLOCK_OFFSET, K.FEED_LAG, K.ENGINE_LAG, K.FEED_PULSE, K.BOOK,
    K.OPEN_INTEREST, K.FUNDING, K.MARK_PRICE, K.LONG_SHORT_RATIO, K.VOLUME, K.CONTROL, K.INSURANCE_FUND,
}  # fmt: skip


def dropped_when_full(kind: SignalKind) -> bool:
    """Whether a signal of this kind is lost when a newer routine reading finds the queue full."""
    waiting = Waiting(1)
    waiting.add([signal(1, kind=kind), signal(2, kind=K.TICK)])
    [left] = waiting.cut(9).parts
    assert isinstance(left, list)
    assert [one.kind for one in left] == ([K.TICK] if kind in waiting.dropped else [kind])
    return kind in waiting.dropped


@pytest.mark.parametrize("kind", sorted(NEVER_DROPPED))
def test_a_signal_that_is_seen_only_once_is_never_dropped(kind: SignalKind) -> None:
    assert not dropped_when_full(kind)


@pytest.mark.parametrize("kind", sorted(ROUTINE))
def test_a_routine_reading_can_be_dropped(kind: SignalKind) -> None:
    assert dropped_when_full(kind)


def test_a_queue_full_of_what_is_never_dropped_grows_beyond_its_limit() -> None:
    waiting = Waiting(len(NEVER_DROPPED))
    kinds = sorted(NEVER_DROPPED)
    signals = [signal(seq, kind=kind) for seq, kind in enumerate(kinds)]
    waiting.add(signals)
    waiting.add(change())
    waiting.add(Checkpoint("ethereum", b"1"))
    assert waiting.cut(99).parts == (signals, change(), Checkpoint("ethereum", b"1"))
    assert waiting.dropped.total() == 0


def test_beyond_four_times_the_limit_the_oldest_required_signals_go_and_changes_never() -> None:
    waiting = Waiting(2)
    waiting.add(change())
    waiting.add([signal(seq) for seq in range(20)])
    kept = waiting.cut(99)
    assert kept.parts == (change(), [signal(seq) for seq in range(13, 20)])
    assert waiting.dropped == {"liquidation": 13}


def test_on_a_full_disk_required_items_pass_routine_ones_which_come_back_first_and_images_go() -> None:
    waiting = Waiting(100)
    book = [signal(seq, kind=K.BOOK) for seq in range(3)]
    waiting.add([book[0], signal(10), book[1]])
    waiting.add(Image("code", b""))
    waiting.add(change())
    assert waiting.cut_required(100).parts == ([signal(10)], change())
    waiting.add([book[2]])
    assert len(waiting) == 3
    assert waiting.cut(99).parts == ([book[0], book[1]], [book[2]])


def test_a_group_that_was_put_back_is_the_oldest_again() -> None:
    waiting = Waiting(100)
    waiting.add([signal(1)])
    waiting.add(change())
    group = waiting.cut(99)
    waiting.add([signal(2)])
    waiting.put_back(group)
    assert len(waiting) == 3
    assert waiting.cut(99).parts == ([signal(1)], change(), [signal(2)])


def test_of_a_full_queue_the_oldest_routine_signals_go_first() -> None:
    waiting = Waiting(3)
    waiting.add([signal(1, kind=K.BOOK), signal(2), signal(3, kind=K.BOOK)])
    waiting.add([signal(4, kind=K.BOOK)])
    assert waiting.cut(99).parts == ([signal(2), signal(3, kind=K.BOOK)], [signal(4, kind=K.BOOK)])
    assert waiting.dropped == {"book": 1}
