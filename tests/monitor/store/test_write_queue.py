"""The queue: the order never changes, and only old routine signals are ever dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.incidents import IncidentChange
from monitor.signals import Signal, SignalKind
from monitor.signals.kinds import KINDS
from monitor.store.write_queue import WriteQueue
from tests.branches import Reached
from tests.monitor.store.rows import NOON, change, signal


def test_a_batch_contains_the_earliest_signals_in_order() -> None:
    waiting = WriteQueue(100)
    rows = [signal(1), signal(2, kind=SignalKind.LIQUIDATION), signal(3), signal(4, kind=SignalKind.UPGRADE), signal(5)]
    waiting.add_signals(rows)
    first = waiting.cut("run", 1, NOON, 3)
    assert list(first.signals) == rows[:3]
    assert list(waiting.cut("run", 2, NOON, 3).signals) == rows[3:]
    assert len(waiting) == 0


def test_a_checkpoint_waits_for_the_signals_before_it() -> None:
    waiting = WriteQueue(100)
    waiting.add_signals([signal(1), signal(2, kind=SignalKind.UPGRADE)])
    waiting.add_required([("ethereum", b"1")])
    assert waiting.cut("run", 1, NOON, 2).checkpoints == {}
    waiting.add_required([("ethereum", b"2"), change()])
    last = waiting.cut("run", 2, NOON, 9)
    assert last.checkpoints == {"ethereum": b"2"}
    assert last.changes == (change(),)


def test_the_oldest_routine_signals_are_dropped_and_counted() -> None:
    waiting = WriteQueue(3)
    waiting.add_signals([signal(1), signal(2, kind=SignalKind.LIQUIDATION), signal(3), signal(4), signal(5)])
    assert [one.seq for one in waiting.cut("run", 1, NOON, 9).signals] == [2, 4, 5]
    assert waiting.dropped == {"request": 2}


making_room = Reached("routine signals that make room")


@given(st.lists(st.sampled_from(list(SignalKind)), max_size=60), st.integers(1, 10), st.integers(1, 7))
def test_for_any_input_no_required_signal_is_lost_and_the_order_is_unchanged(
    kinds: list[SignalKind], bound: int, rows: int
) -> None:
    waiting = WriteQueue(bound)
    added = [signal(seq, kind=kind) for seq, kind in enumerate(kinds)]
    waiting.add_signals(added)
    assert len(waiting) <= max(bound, sum(not KINDS[kind].droppable for kind in kinds))
    back: list[Signal] = []
    while len(waiting):
        back += waiting.cut("run", 1, NOON, rows).signals
    assert [one.seq for one in back] == sorted(one.seq for one in back)
    assert [one for one in back if not KINDS[one.kind].droppable] == [
        one for one in added if not KINDS[one.kind].droppable
    ]
    assert len(back) + waiting.dropped.total() == len(added)
    making_room(waiting.dropped.total() > 0)


def test_a_checkpoint_or_a_change_does_not_overtake_the_routine_signal_just_before_it() -> None:
    items: tuple[IncidentChange | tuple[str, bytes], ...] = (("ethereum", b"1"), change())
    for item in items:
        waiting = WriteQueue(100)
        waiting.add_signals([signal(1)])
        waiting.add_required([item])
        waiting.add_signals([signal(2)])
        first, second, third = (waiting.cut("run", number, NOON, 1) for number in (1, 2, 3))
        assert [one.seq for one in first.signals] == [1]
        assert (second.signals, second.rows) == ((), 1)
        assert [one.seq for one in third.signals] == [2]


def test_of_several_checkpoints_in_one_batch_the_last_of_each_network_is_written() -> None:
    waiting = WriteQueue(100)
    waiting.add_required([("ethereum", b"1"), ("base", b"7"), ("ethereum", b"2")])
    assert waiting.cut("run", 1, NOON, 9).checkpoints == {"ethereum": b"2", "base": b"7"}
    assert len(waiting) == 0


def test_a_batch_has_its_given_name_number_and_time() -> None:
    waiting = WriteQueue(100)
    waiting.add_signals([signal(1)])
    one = waiting.cut("run", 7, NOON, 9)
    assert (one.run_id, one.number, one.cut_at, one.rows) == ("run", 7, NOON, 1)
