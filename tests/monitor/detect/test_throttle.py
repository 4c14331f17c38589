"""Tests of the rate behind a throttle, against streams whose true rate is known."""

from __future__ import annotations

from math import exp, inf, log

import pytest

from monitor.detect import throttle
from monitor.detect.policy import ObservedPolicy, Policy
from monitor.detect.throttle import Estimate, Sizes, ThrottledStream, gamma_interval
from tests.monitor.detect.liquidation_feeds import by_second, poisson_events, shown

TELLING = [Policy.LATEST, Policy.FIRST, Policy.FIRST_AFTER, Policy.LARGEST]
WARM_S = 3600
SIZES_S = 43_200
"""The largest of a second tells its rank among sizes, which take longer to learn."""
USUAL = 0.2


def estimates(policy: Policy, rate: float, seed: int) -> Estimate:
    """What the last of sixty seconds at this rate tells, after some hours at the usual one."""
    stream = ThrottledStream(policy)
    warm_s = SIZES_S if policy is Policy.LARGEST else WARM_S
    for second, events in by_second(shown(poisson_events(seed, USUAL, warm_s), policy)):
        for at_s, usd in events:
            stream.take(at_s, usd)
        stream.close(second, USUAL)
        stream.learn_size(second)
    for second, events in by_second(shown(poisson_events(seed + 1, rate, 60, warm_s), policy)):
        for at_s, usd in events:
            stream.take(at_s, usd)
        stream.close(second, USUAL)
    return stream.estimate(warm_s + 59)


@pytest.mark.parametrize("policy", TELLING)
@pytest.mark.parametrize("rate", [3.0, 10.0, 30.0, 100.0])
def test_the_true_rate_behind_each_policy_is_found_within_a_quarter_in_nine_minutes_of_ten(
    policy: Policy, rate: float
) -> None:
    found = [estimates(policy, rate, 100 * seed) for seed in range(60)]
    assert sum(abs(one.rate / rate - 1) <= 0.25 for one in found) >= 51
    assert sum(abs(one.rate / rate - 1) <= 0.35 for one in found) >= 57
    covered = sum(one.low <= rate <= one.high for one in found)
    assert covered >= 48, "nine in ten, less three standard errors"
    assert sorted(abs(one.shown - one.reported / rate) for one in found)[54] <= 0.1


def test_a_complete_feed_hides_nothing() -> None:
    found = estimates(Policy.COMPLETE, 10.0, 1)
    assert found == Estimate(0, 0, 0, 0)
    assert found.shown == 1.0


@pytest.mark.parametrize("declared", [Policy.ONE, Policy.LARGEST, Policy.COMPLETE, Policy.FIRST_AFTER])
@pytest.mark.parametrize("true", [Policy.LATEST, Policy.FIRST])
def test_the_policy_is_judged_from_dense_stamps_whatever_the_feed_declares(declared: Policy, true: Policy) -> None:
    observed = ObservedPolicy(declared)
    for at_s, _ in shown(poisson_events(3, 8.0, 120), true):
        observed.take(at_s)
    assert observed.policy is true


def test_a_feed_that_never_sends_within_its_dead_time_is_seen_to_have_one() -> None:
    observed = ObservedPolicy(Policy.ONE)
    for at_s, _ in shown(poisson_events(4, 8.0, 200), Policy.FIRST_AFTER):
        observed.take(at_s)
    assert observed.policy is Policy.FIRST_AFTER


@pytest.mark.parametrize("policy", TELLING)
def test_hours_of_quiet_do_not_change_what_a_feed_is_seen_to_do(policy: Policy) -> None:
    for seed in range(8):
        observed = ObservedPolicy(policy)
        for at_s, _ in shown(poisson_events(seed, USUAL, SIZES_S), policy):
            observed.take(at_s)
        assert observed.policy is policy


def test_a_new_connection_whose_dead_time_begins_anew_leaves_the_feed_one_with_a_dead_time() -> None:
    observed = ObservedPolicy(Policy.FIRST_AFTER)
    for begin_s in (0.0, 20.0):
        for at_s, _ in shown(poisson_events(4, 50.0, 20, begin_s), Policy.FIRST_AFTER):
            observed.take(at_s + (0.4 if begin_s == 0.0 else 0.0))
    assert observed.policy is Policy.FIRST_AFTER


def test_the_quiet_before_a_surge_makes_the_interval_behind_a_dead_time_no_wider() -> None:
    for seed in range(10):
        found = estimates(Policy.FIRST_AFTER, 50.0, 100 * seed)
        assert found.high < 1.6 * found.rate
        assert found.low > 0.6 * found.rate


def test_times_that_do_not_tell_leave_the_largest_as_declared_and_another_as_unknown() -> None:
    for declared, expected in ((Policy.LARGEST, Policy.LARGEST), (Policy.COMPLETE, Policy.ONE)):
        observed = ObservedPolicy(declared)
        for at_s, _ in shown(poisson_events(5, 8.0, 120), Policy.LARGEST):
            observed.take(at_s)
        assert observed.policy is expected


@pytest.mark.parametrize("declared", [Policy.LATEST, Policy.ONE, Policy.COMPLETE])
def test_two_reports_in_one_second_show_a_complete_feed(declared: Policy) -> None:
    observed = ObservedPolicy(declared)
    for at_s, _ in poisson_events(6, 2.0, 700):
        observed.take(at_s)
    assert observed.policy is Policy.COMPLETE


def test_sparse_reports_leave_the_declared_policy_and_a_new_declaration_counts() -> None:
    observed = ObservedPolicy(Policy.LATEST)
    for second in range(0, 3000, 5):
        observed.take(second + 0.9)
    judged = [observed.policy]
    observed.declare(Policy.COMPLETE)
    judged.append(observed.policy)
    observed.declare(Policy.COMPLETE)
    observed.take(1.0)  # a time before the last one tells nothing
    judged.append(observed.policy)
    assert judged == [Policy.LATEST, Policy.COMPLETE, Policy.COMPLETE]


def test_stamps_of_whole_seconds_tell_no_gaps() -> None:
    observed = ObservedPolicy(Policy.LATEST)
    for second in range(100):
        observed.take(float(second))
    assert observed.policy is Policy.ONE


def occupied(counts: list[int], policy: Policy = Policy.ONE) -> Estimate:
    stream = ThrottledStream(policy)
    for second, count in enumerate(counts):
        for _ in range(count):
            stream.take(float(second), 1.0)
        if count:
            stream.close(second, 0.2)
    return stream.estimate(len(counts) - 1)


@pytest.mark.parametrize(
    ("counts", "rate"),
    [
        ([0, 1] * 30, log(2)),
        ([0, 0, 0, 1] * 15, log(4 / 3)),
        ([1] * 60, 3.0),
        ([1] * 58 + [0] * 2, 3.0),
        ([0] * 60, 0.0),
    ],
)
def test_without_stamps_the_rate_follows_from_the_occupied_seconds_and_has_a_lower_bound_alone(
    counts: list[int], rate: float
) -> None:
    found = occupied(counts)
    assert found.rate == pytest.approx(rate)
    assert found.low <= found.rate <= found.high
    assert (found.high == inf) is (counts[0] == 1)


def test_a_minute_later_reports_are_forgotten() -> None:
    stream = ThrottledStream(Policy.LATEST)
    stream.take(10.5, 1.0)
    stream.close(10, 0.2)
    assert stream.awake(69)
    assert not stream.awake(70)


def test_the_dead_part_of_a_second_is_what_the_policy_hides() -> None:
    for policy, dead, after in (
        (Policy.LATEST, 0.25, 0.0),
        (Policy.FIRST, 0.75, 0.0),
        (Policy.FIRST_AFTER, 0.75, 0.25),
        (Policy.COMPLETE, 0.0, 0.0),
    ):
        stream = ThrottledStream(policy)
        stream.take(10.25 + 1.5e-4, 1.0)
        assert stream.close(10, 0.2) == pytest.approx((1, dead, after), abs=1e-3)


def test_a_dead_time_that_reaches_into_the_next_second_is_told_once() -> None:
    stream = ThrottledStream(Policy.FIRST_AFTER)
    stream.take(10.50013, 1.0)
    assert stream.close(10, 0.2) == pytest.approx((1, 0.5, 0.5), abs=1e-3)
    stream.take(11.70013, 1.0)
    # half of the second was told to be dead; it waited 0.2 s, and is dead for the last 0.3 s
    assert stream.close(11, 0.2) == pytest.approx((1, 0.3, 0.7), abs=1e-3)


def test_a_stamp_cut_to_milliseconds_counts_as_half_of_one_later() -> None:
    stream = ThrottledStream(Policy.LATEST)
    stream.take(10.998, 1.0)
    assert stream.close(10, 0.2) == pytest.approx((1, 0.9985, 0.0))


def test_without_a_stamp_or_a_size_the_usual_wait_is_assumed() -> None:
    for policy in (Policy.ONE, Policy.LARGEST):
        stream = ThrottledStream(policy)
        stream.take(10.25, 1.0)
        assert stream.close(10, 2.0) == pytest.approx((1, 1 - (1 / 2 - 1 / (exp(2) - 1)), 0.0))
        stream.take(11.25, 1.0)
        assert stream.close(11, 60.0) == pytest.approx((1, 1 - 1 / 60, 0.0))


def test_sizes_tell_the_share_of_larger_ones_once_fifty_are_known() -> None:
    sizes = Sizes()
    for index in range(50):
        assert sizes.larger(1.0, 0.1) is None
        sizes.learn(exp(1.0 if index % 2 else -1.0))
    sizes.learn(-1.0)
    assert sizes.larger(0.0, 0.1) is None
    assert sizes.larger(1.0, 1e-4) == pytest.approx(0.5, abs=0.01)
    assert sizes.larger(exp(1.645), 1e-4) == pytest.approx(0.05, abs=0.01)


def test_a_gamma_interval_of_a_hundred_events_is_a_sixth_to_both_sides() -> None:
    low, high = gamma_interval(100, 1.0)
    assert (low, high) == pytest.approx((0.84, 1.172), abs=0.005)
    assert gamma_interval(0, 1.0)[0] < 1e-6


def test_the_reports_of_one_second_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_REPORTS", 3)
    stream = ThrottledStream(Policy.COMPLETE)
    for number in range(5):
        stream.take(10.0 + number / 10, 1.0)
    assert stream.close(10, 0.1)[0] == 3
