"""What one connection may cause: honest storms are never refused, a flood is, and it is named by what there was too much of."""

from __future__ import annotations

import pytest

from probes.fair_shares.allowance import FAIR, READINGS, Allowance, Limits, Pace, Rate, Work

LARGE = Rate(per_s=1e9, burst=1e9)


def test_a_storm_of_6000_liquidations_a_second_passes_for_ten_minutes_in_even_frames_and_in_batches() -> None:
    for batch_s in (0.01, 0.5, 1.0, 2.0):
        one = Allowance(FAIR, 0.0)
        for number in range(int(600 / batch_s)):
            count = int(6000 * batch_s)
            work = Work(bytes=250 * count, messages=count, cpu_s=50e-6 * count)
            assert one.spend(work, (number + 1) * batch_s) is None, batch_s


def test_the_largest_documented_batch_passes_at_once() -> None:
    assert Allowance(FAIR, 0.0).spend(Work(messages=10_000, bytes=2_000_000), 0.0) is None


def test_a_ping_every_five_seconds_passes_for_a_day_even_if_it_is_counted_once_in_64_frames() -> None:
    one = Allowance(FAIR, 0.0)
    for number in range(1, 86_400 // 320 + 1):
        assert one.spend(Work(control_frames=64), number * 320.0) is None


@pytest.mark.parametrize(
    ("work", "named"),
    [
        (Work(bytes=16_000_001), "bytes"),
        (Work(messages=14_001), "messages"),
        (Work(control_frames=101), "control frames"),
        (Work(cpu_s=3.001), "CPU time"),
    ],
)
def test_more_than_the_burst_at_once_is_named(work: Work, named: str) -> None:
    assert Allowance(FAIR, 5.0).spend(work, 5.0) == named


def test_a_rate_above_the_limit_is_refused_when_the_burst_is_gone_and_a_rate_at_the_limit_never_is() -> None:
    limits = Limits(bytes=LARGE, messages=Rate(per_s=10, burst=20), control_frames=LARGE, cpu_s=LARGE)
    steady = Allowance(limits, 0.0)
    assert all(steady.spend(Work(messages=10), second) is None for second in range(1, 100))
    above = Allowance(limits, 0.0)
    refused = [second for second in range(1, 100) if above.spend(Work(messages=15), second) is not None]
    assert refused[0] == 5, "5 above the rate each second: 20 are gone after four"


def test_a_long_calm_saves_no_more_than_the_burst() -> None:
    limits = Limits(bytes=LARGE, messages=Rate(per_s=10, burst=20), control_frames=LARGE, cpu_s=LARGE)
    one = Allowance(limits, 0.0)
    assert one.spend(Work(), 1000.0) is None
    assert one.spend(Work(messages=20), 1000.0) is None
    assert one.spend(Work(messages=1), 1000.0) == "messages"


def test_a_pace_lets_a_burst_through_and_then_spreads_the_rest_evenly() -> None:
    pace = Pace(Rate(per_s=100, burst=50))
    assert pace.wait_s(50, 10.0) == 0.0
    assert pace.wait_s(10, 10.0) == pytest.approx(0.1)
    assert pace.wait_s(10, 10.1) == pytest.approx(0.1)
    assert pace.wait_s(50, 99.0) == 0.0, "after a calm the burst is whole again"
    assert pace.wait_s(1, 99.0) == pytest.approx(0.01)


def test_a_storm_of_6000_a_second_is_not_held_back_and_a_batch_of_it_waits_less_than_a_second() -> None:
    even, batch = Pace(READINGS), Pace(READINGS)
    assert all(even.wait_s(60, number * 0.01) == 0.0 for number in range(1, 6000))
    assert all(batch.wait_s(6000, float(second)) < 0.65 for second in range(1, 60))
