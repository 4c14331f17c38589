"""What waits in memory for the disk: in order, bounded, the oldest routine signals given up first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.log import Checkpoint, Image
from monitor.log.waiting import REQUIRED, Group, Part, Waiting
from monitor.signals import Signal, SignalKind
from tests.monitor.alerting.sinks.changes import change, signal


def routine(*seqs: int) -> list[Signal]:
    """Signals of a kind that may be dropped."""
    return [signal(seq, {}, kind=SignalKind.BOOK) for seq in seqs]


def required(*seqs: int) -> list[Signal]:
    """Signals of a kind that may not."""
    return [signal(seq, {}, kind=SignalKind.LIQUIDATION) for seq in seqs]


def waiting(bound: int, *parts: Part) -> Waiting:
    one = Waiting(bound)
    for part in parts:
        one.add(part)
    return one


def seqs(group: Group) -> list[object]:
    """Signals by number, those of adjacent parts together; anything else by its class."""
    found: list[object] = []
    for is_run, parts in groupby(group.parts, lambda part: isinstance(part, Sequence)):
        if is_run:
            found.append([one.seq for part in parts if isinstance(part, Sequence) for one in part])
        else:
            found += [type(part).__name__ for part in parts]
    return found


CHANGE, IMAGE, CHECKPOINT = change(), Image("code", b""), Checkpoint("ethereum", b"")


def test_parts_come_out_in_order() -> None:
    one = waiting(100, routine(1), required(2, 3), CHANGE, routine(4), IMAGE, CHECKPOINT, routine(5), routine(6))
    assert len(one) == 9
    group = one.cut(100)
    assert seqs(group) == [[1, 2, 3], "IncidentChange", [4], "Image", "Checkpoint", [5, 6]]
    assert (group.rows, len(one)) == (9, 0)
    assert seqs(one.cut(100)) == []


def test_a_group_has_about_as_many_rows_as_were_asked_for_and_the_rest_waits() -> None:
    one = waiting(100, routine(1, 2), CHANGE, routine(3, 4), routine(5))
    assert seqs(one.cut(1)) == [[1, 2]]
    assert len(one) == 4
    assert seqs(one.cut(2)) == ["IncidentChange", [3, 4]]
    assert len(one) == 1
    assert seqs(one.cut(2)) == [[5]]


def test_what_could_not_be_written_is_the_oldest_again() -> None:
    one = waiting(100, routine(1), CHANGE, required(2))
    group = one.cut(2)
    one.add(routine(9))
    one.put_back(group)
    assert len(one) == 4
    assert seqs(one.cut(100)) == [[1], "IncidentChange", [2, 9]]


@pytest.mark.parametrize("put_back", [False, True])
def test_beyond_the_bound_the_oldest_routine_signals_are_given_up_and_counted(*, put_back: bool) -> None:
    one = waiting(4, routine(1, 2), required(3), CHANGE)
    assert one.dropped == {}
    if put_back:
        one.put_back(Group((routine(0),), 1))
    else:
        one.add(required(9))
    assert one.dropped == {"book": 1}
    assert len(one) == 4
    assert seqs(one.cut(100)) == ([[1, 2, 3], "IncidentChange"] if put_back else [[2, 3], "IncidentChange", [9]])


def test_a_part_loses_no_more_of_its_signals_than_it_must() -> None:
    one = waiting(3, routine(1, 2, 3))
    one.add(routine(4))
    one.add(routine(5))
    assert one.dropped == {"book": 2}
    assert seqs(one.cut(100)) == [[3, 4, 5]]


def test_required_signals_may_take_several_times_the_bound_and_then_the_oldest_go() -> None:
    bound = 2
    most = REQUIRED * bound
    one = waiting(bound, required(*range(1, most + 1)))
    assert (len(one), one.dropped) == (most, {})
    one.add(required(most + 1, most + 2))
    assert (len(one), one.dropped) == (most, {"liquidation": 2})
    assert seqs(one.cut(100)) == [list(range(3, most + 3))]


def test_changes_and_checkpoints_are_never_given_up() -> None:
    parts: list[Part] = [CHANGE, CHECKPOINT] * 20
    one = waiting(1, *parts)
    one.add(routine(1))
    assert one.dropped == {"book": 1}
    assert len(one) == 40
    assert len(one.cut(100).parts) == 40


@given(
    st.lists(
        st.one_of(
            st.integers(1, 6).map(lambda count: routine(*range(count))),
            st.integers(1, 6).map(lambda count: required(*range(count))),
            st.just(CHANGE),
        ),
        max_size=30,
    ),
    st.integers(1, 12),
)
def test_every_row_waits_or_is_counted_as_given_up(parts: list[Part], bound: int) -> None:
    one = waiting(bound, *parts)
    rows = sum(len(part) if isinstance(part, Sequence) else 1 for part in parts)
    changes = sum(part is CHANGE for part in parts)
    assert len(one) + sum(one.dropped.values()) == rows
    group = one.cut(10_000)
    assert group.rows == rows - sum(one.dropped.values())
    assert sum(part is CHANGE for part in group.parts) == changes
    left = [two.kind for part in group.parts if isinstance(part, Sequence) for two in part]
    assert left.count(SignalKind.BOOK) == 0 or rows - one.dropped.total() <= bound
