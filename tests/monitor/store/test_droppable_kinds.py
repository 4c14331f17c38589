"""Which signals can be dropped when the queue is full: routine readings only, never a signal that cannot be requested again.

The sets are written out from the design: a venue's figure comes again at the next sampling, an event of a chain or a
forced order is seen once.
"""

from __future__ import annotations

import pytest

from monitor.signals import SignalKind
from monitor.store.write_queue import WriteQueue
from tests.monitor.store.rows import NOON, change, signal

K = SignalKind

NEVER_DROPPED = {
    # forced orders: seen once on a feed
    K.LIQUIDATION,
    # what a chain shows: each event is seen once, and its network's checkpoint moves on behind it
    K.HEAD, K.HEAD_STALLED, K.REORG, K.NODE_FAULT, K.UPGRADE, K.CODE_COMPARED, K.SOURCE_CHECKED, K.UPGRADE_QUEUED,
    K.OPERATION_ENDED, K.LIQUIDITY_REMOVED, K.LIQUIDITY_ADDED, K.MIGRATION, K.LIQUIDITY_ACCOUNTED, K.POOL_DEPTH,
    K.CONTROL_CHANGED, K.BEHAVIOUR_MISMATCH, K.WALLET_SILENT, K.WALLET_RESUMED, K.TOKEN_USE, K.RETRACTION,
}  # fmt: skip

ROUTINE = {
    # figures of a venue, sampled again within seconds or minutes
    K.TICK, K.REQUEST, K.MISSED_SLOT, K.HEADROOM, K.CLOCK_OFFSET, K.FEED_LAG, K.ENGINE_LAG, K.FEED_PULSE, K.BOOK,
    K.OPEN_INTEREST, K.FUNDING, K.MARK_PRICE, K.LONG_SHORT_RATIO, K.VOLUME, K.CONTROL,
}  # fmt: skip


def dropped_when_full(kind: SignalKind) -> bool:
    """Whether a signal of this kind is lost when a newer routine reading finds the queue full."""
    waiting = WriteQueue(1)
    waiting.add_signals([signal(1, kind=kind), signal(2, kind=K.TICK)])
    left = [one.kind for one in waiting.cut("run", 1, NOON, 9).signals]
    assert left == ([K.TICK] if kind in waiting.dropped else [kind])
    return kind in waiting.dropped


@pytest.mark.parametrize("kind", sorted(NEVER_DROPPED))
def test_a_signal_that_is_seen_only_once_is_never_dropped(kind: SignalKind) -> None:
    assert not dropped_when_full(kind)


@pytest.mark.parametrize("kind", sorted(ROUTINE))
def test_a_routine_reading_can_be_dropped(kind: SignalKind) -> None:
    assert dropped_when_full(kind)


def test_a_queue_full_of_signals_that_are_never_dropped_grows_beyond_its_limit() -> None:
    waiting = WriteQueue(2)
    kinds = sorted(NEVER_DROPPED)
    waiting.add_signals([signal(seq, kind=kind) for seq, kind in enumerate(kinds)])
    waiting.add_required([change(), ("ethereum", b"1")])
    whole = waiting.cut("run", 1, NOON, 99)
    assert [one.kind for one in whole.signals] == kinds
    assert (whole.changes, whole.checkpoints) == ((change(),), {"ethereum": b"1"})
    assert waiting.dropped.total() == 0


def test_an_incident_change_or_a_checkpoint_replaces_routine_readings() -> None:
    waiting = WriteQueue(2)
    waiting.add_signals([signal(1), signal(2)])
    waiting.add_required([change()])
    waiting.add_required([("ethereum", b"1")])
    left = waiting.cut("run", 1, NOON, 9)
    assert (left.signals, left.changes, left.checkpoints) == ((), (change(),), {"ethereum": b"1"})
    assert waiting.dropped == {"request": 2}


@pytest.mark.parametrize(("count", "lost"), [(4, 0), (5, 0), (6, 1), (9, 4)])
def test_the_limit_is_exact_and_every_loss_is_counted_by_kind(count: int, lost: int) -> None:
    waiting = WriteQueue(5)
    for seq in range(count):
        waiting.add_signals([signal(seq, kind=K.BOOK if seq % 2 else K.REQUEST)])
    assert len(waiting) == count - lost
    assert [one.seq for one in waiting.cut("run", 1, NOON, 99).signals] == list(range(lost, count))
    expected = {"request": (lost + 1) // 2, "book": lost // 2}
    assert waiting.dropped == {kind: number for kind, number in expected.items() if number}
