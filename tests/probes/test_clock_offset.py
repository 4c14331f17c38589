"""How far a venue's clock is from ours: the fastest round trip of a minute bounds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.clock_offset import FEED_BOUND_S, MAX_SAMPLES, ClockOffset


def test_a_clock_without_samples_has_no_offset() -> None:
    assert ClockOffset().best(0.0) is None


def test_the_fastest_answer_wins_with_half_its_round_trip_as_bound() -> None:
    offset = ClockOffset()
    offset.sample(sent_s=10.0, received_s=12.0, venue_s=16.0, resolution_s=0.0)
    offset.sample(sent_s=20.0, received_s=20.1, venue_s=25.05, resolution_s=0.0)
    best = offset.best(21.0)
    assert best is not None
    assert (best.offset_s, best.bound_s) == pytest.approx((5.0, 0.05))
    assert (best.samples, best.origin) == (2, "rest")


@given(
    true=st.floats(-100, 100), out=st.floats(0, 2), back=st.floats(0, 2), resolution=st.sampled_from([0.0, 1e-3, 1.0])
)
def test_the_true_offset_lies_within_the_bound_even_when_the_path_is_asymmetric(
    true: float, out: float, back: float, resolution: float
) -> None:
    offset = ClockOffset()
    venue_s = 1000.0 + out + true
    stamp_s = venue_s // resolution * resolution if resolution else venue_s
    offset.sample(1000.0, 1000.0 + out + back, stamp_s, resolution)
    best = offset.best(1002.0)
    assert best is not None
    assert abs(best.offset_s - true) <= best.bound_s + 1e-6


def test_a_newer_answer_replaces_one_older_than_the_window_but_the_last_one_stays() -> None:
    offset = ClockOffset(window_s=60.0)
    offset.sample(0.0, 0.01, 1.0, 0.0)
    offset.sample(50.0, 51.0, 53.0, 0.0)
    later = offset.best(100.0)
    assert later is not None
    assert later.samples == 1
    assert later.bound_s == pytest.approx(0.5)
    assert offset.best(10_000.0) == later


def test_a_feed_gives_an_offset_when_no_request_was_made() -> None:
    offset = ClockOffset(window_s=60.0)
    offset.frame(received_s=10.0, venue_s=9.0)
    offset.frame(received_s=10.1, venue_s=9.9)  # faster than the one before it: stored
    offset.frame(received_s=10.15, venue_s=9.0)  # slower and soon after: not stored
    best = offset.best(11.0)
    assert best is not None
    assert best.offset_s == pytest.approx(-0.2)
    assert (best.bound_s, best.samples, best.origin) == (FEED_BOUND_S, 2, "feed")
    offset.frame(received_s=100.0, venue_s=99.0)
    newer = offset.best(100.0)
    assert newer is not None
    assert newer.samples == 1
    assert newer.offset_s == pytest.approx(-1.0)


def test_an_answer_has_priority_over_a_feed() -> None:
    offset = ClockOffset()
    offset.frame(10.0, 5.0)
    offset.sample(10.0, 10.2, 10.1, 0.0)
    best = offset.best(11.0)
    assert best is not None
    assert best.origin == "rest"


def test_samples_are_bounded() -> None:
    offset = ClockOffset(window_s=1e9)
    for at in range(2 * MAX_SAMPLES):
        offset.sample(at, at + 0.1, at, 0.0)
    best = offset.best(1.0)
    assert best is not None
    assert best.samples == MAX_SAMPLES
