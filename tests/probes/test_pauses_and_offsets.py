"""Pauses between connections and the estimate of a venue's clock, at their documented boundaries."""

from __future__ import annotations

import pytest

from probes.clock_offset import ClockOffset, Offset
from probes.feeds.backoff import BackOff


def pauses(first_s: float, seed: int, lived: list[float]) -> list[float]:
    back_off = BackOff(first_s, seed)
    return [back_off.after(lived_s) for lived_s in lived]


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_of_a_pause_doubles_from_the_first_to_half_a_minute(seed: int) -> None:
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]
    for bound, pause_s in zip(bounds, pauses(0.5, seed, [0.0] * 10), strict=True):
        assert 0.1 * bound <= pause_s <= 1.1 * bound


def test_over_many_pauses_the_jitter_fills_its_whole_range() -> None:
    shares = [pauses(1.0, seed, [0.0])[0] for seed in range(400)]
    assert 0.1 <= min(shares) < 0.15
    assert 1.05 < max(shares) <= 1.1
    assert 0.55 < sum(shares) / 400 < 0.65


def test_at_the_ceiling_the_longest_pauses_are_a_tenth_over_half_a_minute() -> None:
    longest = max(max(pauses(20.0, seed, [0.0] * 40)[1:]) for seed in range(10))
    assert 32.0 < longest <= 33.0


def test_pauses_reset_only_after_a_connection_longer_than_half_a_minute() -> None:
    grown = [0.0] * 7
    for seed in range(8):
        assert pauses(0.5, seed, [*grown, 30.0])[-1] >= 3.0
        assert pauses(0.5, seed, [*grown, 30.5])[-1] <= 0.55
        again = pauses(0.5, seed, [*grown, 30.5, 0.0, 0.0])[-2:]
        assert 0.1 <= again[0] <= 1.1, "and they grow again from there"
        assert 0.2 <= again[1] <= 2.2


def best(offset: ClockOffset, now_s: float) -> Offset:
    found = offset.best(now_s)
    assert found is not None
    return found


def test_the_bound_is_half_the_round_trip_and_half_the_stamps_resolution() -> None:
    offset = ClockOffset()
    offset.sample(sent_s=100.0, received_s=100.4, venue_s=107.0, resolution_s=1.0)
    estimate = best(offset, 101.0)
    assert estimate.offset_s == pytest.approx(107.5 - 100.2)
    assert estimate.bound_s == pytest.approx((0.4 + 1.0) / 2)
    assert (estimate.samples, estimate.origin) == (1, "rest")


def test_of_two_stamps_the_finer_wins_when_their_round_trips_are_alike() -> None:
    offset = ClockOffset()
    offset.sample(100.0, 100.2, 105.0, 0.001)
    offset.sample(101.0, 101.1, 106.0, 1.0)
    estimate = best(offset, 102.0)
    assert estimate.offset_s == pytest.approx(105.0005 - 100.1)
    assert estimate.bound_s == pytest.approx(0.1005)


def test_an_answer_dated_before_its_request_has_no_negative_bound() -> None:
    offset = ClockOffset()
    offset.sample(sent_s=100.0, received_s=99.0, venue_s=100.0, resolution_s=0.0)
    assert best(offset, 100.0).bound_s == 0.0


def test_an_answer_counts_for_sixty_seconds_once_there_is_a_newer_one() -> None:
    offset = ClockOffset()
    offset.sample(99.9, 100.0, 100.0, 0.0)
    offset.sample(149.0, 150.0, 150.0, 0.0)
    assert best(offset, 160.0).bound_s == pytest.approx(0.05)
    assert best(offset, 160.5).bound_s == pytest.approx(0.5)
    assert best(offset, 160.5).samples == 1


def test_every_answer_that_is_too_old_is_removed() -> None:
    offset = ClockOffset()
    for at_s, length_s in ((100.0, 0.1), (101.0, 0.2), (170.0, 0.8)):
        offset.sample(at_s - length_s, at_s, at_s, 0.0)
    estimate = best(offset, 170.0)
    assert estimate.samples == 1
    assert estimate.bound_s == pytest.approx(0.4)


def test_at_most_256_answers_and_256_frames_are_stored() -> None:
    asked, pushed = ClockOffset(1e9), ClockOffset(1e9)
    for number in range(300):
        asked.sample(float(number), number + 0.5, float(number), 0.0)
        pushed.frame(float(number), float(number) - 1)
    assert best(asked, 300.0).samples == 256
    assert best(pushed, 300.0).samples == 256


def test_the_fastest_frame_of_a_minute_gives_the_offset_within_a_quarter_of_a_second() -> None:
    offset = ClockOffset()
    offset.frame(received_s=100.0, venue_s=102.9)
    offset.frame(received_s=101.0, venue_s=103.5)
    offset.frame(received_s=102.0, venue_s=104.7)
    for now_s, offset_s, samples in ((103.0, 2.9, 3), (160.0, 2.9, 3), (160.5, 2.7, 2), (9999.0, 2.7, 1)):
        estimate = best(offset, now_s)
        assert estimate.offset_s == pytest.approx(offset_s)
        assert (estimate.bound_s, estimate.samples, estimate.origin) == (0.25, samples, "feed"), "the last one remains"


def test_a_frame_within_a_fifth_of_a_second_is_stored_only_if_it_is_faster() -> None:
    offset = ClockOffset()
    offset.frame(100.0, 99.0)
    offset.frame(100.125, 99.0)  # slower
    offset.frame(100.15, 99.15)  # as fast
    assert best(offset, 101.0).samples == 1
    offset.frame(100.19, 99.3)  # faster
    assert best(offset, 101.0).samples == 2
    offset.frame(100.39, 99.0)  # slower, and a fifth of a second later
    assert best(offset, 101.0).samples == 3


def test_a_frame_a_fifth_of_a_second_after_the_last_is_stored() -> None:
    offset = ClockOffset()
    offset.frame(0.0, -1.0)
    offset.frame(0.2, -1.8)
    assert best(offset, 1.0).samples == 2
