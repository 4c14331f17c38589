"""The plan of what goes out together: whatever the log's length was when, what was planned is divided in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.log import Entry, Place, Stream
from monitor.log.bus.plan import AHEAD, FAR_BEHIND, MAX_ROWS, Plan, Stretch, belongs, plan_of

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def entry(position: int, at_s: float, rows: int = 10) -> Entry:
    return Entry(
        position=position, stream=Stream.SIGNALS, id=str(position), key="", run_id="r",
        at=START + timedelta(seconds=at_s), rows=rows, body=b"",
    )  # fmt: skip


def divided(entries: list[Entry], stretch: Stretch) -> list[list[int]]:
    groups: list[list[Entry]] = []
    for one in entries:
        if groups and belongs(one, groups[-1], stretch):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [[one.position for one in group] for group in groups]


def test_each_entry_is_alone_while_the_bus_keeps_up() -> None:
    plan = Plan().extended(100, 100 + FAR_BEHIND - 1)
    stretch = plan.at(100)

    assert stretch == Stretch(100 + AHEAD, together=False)
    assert divided([entry(one, 0.0) for one in range(101, 105)], stretch) == [[101], [102], [103], [104]]


def test_entries_of_a_second_are_together_when_the_bus_is_behind_up_to_what_the_log_holds() -> None:
    plan = Plan().extended(0, FAR_BEHIND)
    stretch = plan.at(0)

    assert stretch == Stretch(FAR_BEHIND, together=True)
    entries = [entry(one, 0.3 * one) for one in range(1, 8)]
    assert divided(entries, stretch) == [[1, 2, 3], [4, 5, 6], [7]]
    assert not belongs(entry(FAR_BEHIND + 1, 0.0), [entry(FAR_BEHIND, 0.0)], stretch)


def test_no_group_is_larger_than_its_bound_but_one_entry_may_be() -> None:
    stretch = Stretch(100, together=True)
    entries = [entry(1, 0, MAX_ROWS + 1), entry(2, 0, MAX_ROWS - 1), entry(3, 0, 1), entry(4, 0, 1)]

    assert divided(entries, stretch) == [[1], [2, 3], [4]]


def test_a_place_without_a_plan_is_of_a_version_that_sent_each_entry_alone() -> None:
    assert plan_of(Place(7)).at(7) == Stretch(7 + AHEAD, together=False)
    assert plan_of(Plan().place(7)).at(7) is None


@given(
    backlogs=st.lists(st.integers(0, 80), min_size=1, max_size=5),
    gap_s=st.floats(0.01, 0.7),
    kill=st.integers(0, 399),
)
def test_from_any_place_that_was_durable_the_rest_is_divided_as_it_was(
    backlogs: list[int], gap_s: float, kill: int
) -> None:
    plan = Plan()
    for backlog in backlogs:
        plan = plan.extended(plan.end, plan.end + backlog)
    entries = [entry(position, gap_s * position) for position in range(1, plan.end + 1)]
    groups = groups_of(plan, 0, entries)
    begins = [0, *(group[-1] for group in groups)]
    place = max((one for one in begins if one <= kill), default=0)
    again = plan_of(plan.place(place))

    assert groups_of(again, place, entries) == [group for group in groups if group[0] > place]
    assert all(later[0] == earlier[-1] + 1 for earlier, later in pairwise(groups))


def groups_of(plan: Plan, place: int, entries: list[Entry]) -> list[list[int]]:
    groups: list[list[int]] = []
    while (stretch := plan.at(place)) is not None and place < len(entries):
        own = [one for one in entries if place < one.position <= stretch.end]
        groups += divided(own, stretch)
        place = own[-1].position
    return groups
