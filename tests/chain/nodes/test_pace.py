"""Spaces batches by the operator's allowance, by the pause that a node wants, and by what its refusals taught."""

from __future__ import annotations

import pytest

from chain.nodes.node import GROW_AFTER, GROW_SOON, MAX_ASKS, NodeLimits
from chain.nodes.pace import HELD, Pace
from chain.rpc.errors import max_asks


def test_items_and_batches_are_counted_apart() -> None:
    pace = Pace(calls_per_s=20, batches_per_s=2)
    assert (pace.most, pace.left(0)) == (20, 1)
    assert pace.wait_s(10, 0) == 0
    assert pace.left(0) == 0.5
    assert pace.wait_s(10, 0) == 0
    assert pace.wait_s(1, 0) == pytest.approx(0.5), "a third batch in one second"
    assert pace.wait_s(20, 1) == pytest.approx(0.05)


def test_without_an_allowance_nothing_waits_and_nothing_is_left_to_tell() -> None:
    pace = Pace()
    assert [pace.wait_s(100, 0) for _ in range(50)] == [0] * 50
    assert (pace.most, pace.left(0), pace.learned_per_s) == (None, None, None)


def test_a_node_that_has_shown_a_limit_gets_ten_batches_a_second() -> None:
    pace = Pace()
    assert [pace.wait_s(1, 0, narrow=True) for _ in range(10)] == [0] * 10
    assert pace.wait_s(1, 0, narrow=True) == pytest.approx(0.1)


def test_after_a_refusal_nothing_goes_out_for_the_pause_and_then_what_was_answered_in_a_second() -> None:
    pace = Pace()
    pace.answered(30, 0.0)
    pace.answered(30, 9.8)
    pace.refused(20, 10.0, pause_s=1)
    assert pace.learned_per_s == 30
    assert pace.still_s(10.4) == pytest.approx(0.6)
    assert pace.wait_s(15, 10.0) == pytest.approx(1)
    assert pace.wait_s(15, 10.0) == pytest.approx(1.5)
    assert pace.wait_s(15, 11.6) == pytest.approx(0.4)
    assert pace.still_s(12) == 0


def test_a_learned_pace_is_held_and_then_grows_until_it_is_forgotten() -> None:
    pace = Pace()
    pace.refused(100, 0, pause_s=0)
    for _ in range(HELD):
        pace.answered(100, 1)
    assert pace.learned_per_s == 100
    pace.answered(100, 1)
    assert pace.learned_per_s == pytest.approx(110)
    for _ in range(40):
        pace.answered(100, 1)
    assert pace.learned_per_s is None


def test_a_batch_grows_again_later_if_the_node_named_the_limit_and_soon_if_the_reason_is_not_sure() -> None:
    sure, unsure = NodeLimits(), NodeLimits()
    sure.fewer_asks(100, 10)
    unsure.fewer_asks(100, sure=False)
    assert (sure.max_asks, unsure.max_asks, sure.narrow) == (10, 50, True)
    for _ in range(GROW_SOON):
        unsure.answered(50)
        sure.answered(10)
        sure.answered(3)
    assert (sure.max_asks, unsure.max_asks) == (10, MAX_ASKS)
    unsure.fewer_asks(100, sure=False)
    for _ in range(GROW_SOON * 2 - 1):
        unsure.answered(50)
    assert unsure.max_asks == 50, "a size that was tried again and refused waits twice as long"
    for _ in range(GROW_AFTER * 2 - GROW_SOON):
        sure.answered(10)
    assert sure.max_asks == 20
    sure.fewer_asks(1)
    assert sure.max_asks == 20, "one request cannot be made fewer"


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("maximum 10 calls in 1 batch", 10),
        ("Batch of more than 3 requests are not allowed on free tier", 3),
        ("batch size limit is 50", 50),
        ("20 requests per batch", 20),
        ("batch too large", None),
    ],
)
def test_the_size_that_a_node_names_is_read_from_its_refusal(message: str, most: int | None) -> None:
    assert max_asks(message) == most
