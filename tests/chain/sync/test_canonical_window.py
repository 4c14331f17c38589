"""Checks the window of canonical blocks: its bounds, the next block, what a reorg drops, and what leaves the window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.sync.ancestor_marks import AncestorMarks, Mark
from chain.sync.canonical import CanonicalWindow, Followed
from tests.chain.builders import header
from tests.chain.detectors.test_liquidity import move


def followed(number: int, fork: int = 0, **memories: bytes) -> Followed:
    return Followed(header=header(number, fork), events=(move(number),), memories=memories)


def chain_of(*numbers: int, length: int = 128) -> CanonicalWindow:
    return CanonicalWindow(length, map(followed, numbers))


def numbers(some: tuple[Followed, ...]) -> list[int]:
    return [one.header.number for one in some]


def test_a_window_of_no_blocks_is_refused() -> None:
    with pytest.raises(AssertionError):
        CanonicalWindow(0)
    assert numbers(CanonicalWindow(1, map(followed, (1, 2, 3))).window) == [3]


@pytest.mark.parametrize("wrong", [followed(2), followed(4), followed(1)])
def test_the_window_accepts_only_the_next_block(wrong: Followed) -> None:
    canonical = chain_of(1, 2)
    with pytest.raises(AssertionError):
        canonical.extend(wrong)
    assert numbers(canonical.window) == [1, 2], "what does not follow leaves no trace"


def test_a_block_of_the_right_height_with_another_parent_does_not_follow() -> None:
    canonical = chain_of(1, 2)
    assert not canonical.follows([header(3, parent_fork=5)])
    assert not canonical.follows([replace(header(3), number=4)])
    assert not canonical.follows([replace(header(3), number=2)])
    assert not canonical.follows([header(3), header(4, parent_fork=5)])
    assert not canonical.follows([header(3), header(5)])
    assert canonical.follows([header(3), header(4), header(5)])
    assert canonical.follows([])


def test_an_empty_window_takes_blocks_only_without_a_gap_between_them() -> None:
    assert CanonicalWindow(4).follows([header(7), header(8)])
    assert not CanonicalWindow(4).follows([header(7), header(9)])


def test_the_window_holds_its_first_and_last_block_and_not_their_neighbours() -> None:
    canonical = chain_of(*range(5, 10), length=3)
    assert [number for number in range(3, 13) if canonical.holds(header(number))] == [7, 8, 9]
    assert not any(canonical.holds(header(number, fork=1)) for number in range(3, 13))


@pytest.mark.parametrize(
    ("head", "most", "wanted"),
    [
        (9, 10, range(6, 10)), (6, 10, range(6, 7)), (5, 10, range(6, 6)), (4, 10, range(6, 5)),
        (9, 4, range(6, 10)), (9, 3, range(6, 9)), (9, 1, range(6, 7)),
    ],
)  # fmt: skip
def test_the_next_blocks_follow_the_tip_up_to_the_head_within_the_requested_number(
    head: int, most: int, wanted: range
) -> None:
    assert list(chain_of(4, 5).missing(head, 100, most)) == list(wanted)


def test_with_an_empty_window_the_next_blocks_begin_at_the_start_block() -> None:
    assert CanonicalWindow(4).missing(3, 0, 2) == range(2)
    assert CanonicalWindow(4).missing(7, 7, 5) == range(7, 8)


def test_blocks_that_leave_the_window_pass_their_events_to_the_deep_memory_at_once() -> None:
    canonical = CanonicalWindow(3)
    for number in (1, 2, 3):
        canonical.extend(followed(number))
    assert (canonical.ancestors.marks, canonical.ancestors.events) == ((), ())
    canonical.extend(followed(4))
    assert canonical.ancestors.marks == (Mark(number=1, hash=header(1).hash),)
    canonical.extend(followed(5))
    assert canonical.ancestors.events == (move(2),), "above the oldest mark; its own block needs none to be taken back"


def test_a_restored_window_is_cut_to_the_configured_length() -> None:
    canonical = CanonicalWindow(2, map(followed, range(1, 6)), AncestorMarks())
    assert numbers(canonical.window) == [4, 5]
    assert [event.place.block_number for event in canonical.ancestors.events] == [2, 3]


def test_restored_ancestor_marks_and_events_are_continued() -> None:
    ancestors = AncestorMarks([Mark(number=1, hash="old")], [move(2)])
    canonical = CanonicalWindow(1, [followed(70)], ancestors)
    canonical.extend(followed(71))
    assert canonical.ancestors.marks == (Mark(number=1, hash="old"), Mark(number=70, hash=header(70).hash))
    assert canonical.ancestors.events == (move(2), move(70))


@pytest.mark.parametrize(("common", "gone", "left"), [
    (5, [], [2, 3, 4, 5]), (4, [5], [2, 3, 4]), (2, [5, 4, 3], [2]), (1, [5, 4, 3, 2], []), (9, [], [2, 3, 4, 5]),
])  # fmt: skip
def test_a_reorg_drops_the_blocks_above_the_common_block_newest_first(
    common: int, gone: list[int], left: list[int]
) -> None:
    canonical = chain_of(2, 3, 4, 5)
    assert numbers(canonical.roll_back(common)) == gone
    assert numbers(canonical.window) == left


def test_after_a_reorg_the_other_branch_is_accepted_from_the_common_block_on() -> None:
    canonical = chain_of(1, 2, 3)
    assert numbers(canonical.roll_back(2)) == [3]
    canonical.extend(followed(3, fork=7))
    assert not canonical.holds(header(3))
    assert canonical.holds(header(3, fork=7))


def test_the_common_block_is_the_highest_shared_one_in_any_input_order() -> None:
    canonical = chain_of(1, 2, 3, 4)
    assert canonical.common([header(3), header(1), header(4, fork=1), header(2)]) == 3
    assert canonical.common([]) is None
    assert CanonicalWindow(3).common([header(1)]) is None
    assert CanonicalWindow(3).tip is None


def test_late_events_of_the_newest_block_are_appended_only_to_it_and_only_once() -> None:
    canonical = chain_of(1, 2)
    canonical.add_events([move(2, index=1), move(2, index=2)])
    assert canonical.window[1].events == (move(2), move(2, index=1), move(2, index=2))
    assert canonical.window[0].events == (move(1),)
    assert canonical.window[1].memories == {}
