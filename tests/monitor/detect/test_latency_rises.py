"""Rises of latencies: the tail by hand, what is found how soon, what is learned, and what makes no alarm."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import exp, inf, log

import pytest

from monitor.detect.latency import LatencyStream
from monitor.detect.peaks import mean_excess, share_as_high
from monitor.detect.shift import ALARM_PER_DAY, ShiftLanes

T0 = 1_700_000_000.0


def test_the_tail_is_the_posterior_of_a_gamma_prior() -> None:
    assert mean_excess(0, 0, 1.5) == 1.5
    assert mean_excess(40, 120, 1.0) == 2.0  # (120 + 40 x 1) / 80
    assert share_as_high(3.9, 1800, 0, 1.0) == 1.0
    begun = 200 * exp(-4) / 2000
    assert share_as_high(4.0, 1800, 0, 1.0) == pytest.approx(begun)
    assert share_as_high(10.0, 1800, 0, 1.0) == pytest.approx(begun * 1.15**-40)
    assert share_as_high(12.0, 1800, 60, 2.0) == pytest.approx((60 + 200 * exp(-4)) / 2000 * 1.04**-100)


def test_no_tail_is_steeper_than_that_of_independent_values() -> None:
    assert share_as_high(10.0, 1800, 40, 0.1) == pytest.approx((40 + 200 * exp(-4)) / 2000 * exp(-6))


def test_two_far_values_give_the_rate_of_their_formula() -> None:
    lanes = ShiftLanes()
    assert lanes.add(99.0, 1.0, T0, 1.0).per_day == inf  # one value adds at most 4 nats, where the tail begins
    rise = lanes.add(99.0, 1.0, T0 + 1, 1.0)
    share = 0.5 / (1 + 30**2) * 20 / 21
    over = log(0.9 / (share + 0.02 * (1 - share)))
    assert rise.per_day == pytest.approx(3 * 86400 * 200 * exp(-4) / 202 * (1 + over / 40) ** -40)
    assert rise.onset_s == T0


def play(stream: LatencyStream, latencies_s: Iterable[float], from_s: float, every_s: float = 1.0) -> list[float]:
    """The times of the alarms: those after a rate of more than one an hour."""
    alarms, within, at_s = [], False, from_s
    for latency_s in latencies_s:
        at_s += every_s
        rise = stream.add(latency_s, at_s)
        if rise.per_day <= ALARM_PER_DAY and not within:
            alarms.append(at_s)
        within = rise.per_day <= ALARM_PER_DAY or (within and rise.per_day <= 24)
    return alarms


def noisy(usual_s: float, count: int, seed: int, spread: float = 0.15, spikes: float = 0.0) -> list[float]:
    chance = random.Random(seed)
    return [usual_s * exp(chance.gauss(0, spread)) * (4 if chance.random() < spikes else 1) for _ in range(count)]


@pytest.mark.parametrize("usual_s", [0.002, 0.04, 0.4, 10.0])
@pytest.mark.parametrize("every_s", [1.0, 20.0])
def test_a_threefold_step_is_found_within_five_answers_whatever_the_usual_latency(
    usual_s: float, every_s: float
) -> None:
    for seed in range(5):
        stream = LatencyStream()
        assert not play(stream, noisy(usual_s, 1000, seed), T0, every_s)
        after = T0 + 1000 * every_s
        # whole milliseconds do not resolve 2 ms: 3 / (2 + 1) is a rise by 2.3
        assert min(play(stream, noisy(3 * usual_s, 30, seed + 9), after, every_s)) <= after + 5 * every_s


def test_the_onset_is_the_first_slow_answer() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 500, 1), T0)
    for second in range(501, 511):
        rise = stream.add(0.4, T0 + second)
    assert rise.onset_s == T0 + 501
    assert stream.normal_s == pytest.approx(0.04, rel=0.1), "nothing of the rise is learned"


def test_one_answer_is_no_alarm_however_slow() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 500, 1), T0)
    assert stream.add(60.0, T0 + 501).per_day > 24


@pytest.mark.parametrize("spikes", [0.0, 0.05])
@pytest.mark.parametrize("every_s", [1.0, 20.0])
@pytest.mark.slow
def test_independent_latencies_make_one_false_alarm_a_week_or_so(spikes: float, every_s: float) -> None:
    alarms = [
        at_s for seed in range(8) for at_s in play(LatencyStream(), noisy(0.05, 20_000, seed, 0.3, spikes), T0, every_s)
    ]
    assert len(alarms) <= max(8 * 20_000 * every_s / 86400 / 7 * 2, 1)


def test_a_latency_that_never_changes_has_a_usual_one_and_its_double_is_found() -> None:
    stream = LatencyStream()
    assert not play(stream, [0.04] * 1000, T0)
    assert stream.normal_s == pytest.approx(0.04)
    assert play(stream, [0.08] * 5, T0 + 1000)


def test_the_pattern_of_a_day_makes_no_alarm_and_a_step_within_it_does() -> None:
    every_s = 10.0
    wave = [2 ** (0.5 * (1 - abs((step * every_s / 43200) % 2 - 1))) for step in range(5 * 8640)]
    values = [0.05 * one * value for one, value in zip(wave, noisy(1.0, len(wave), 3, 0.1), strict=True)]
    stream = LatencyStream()
    assert not play(stream, values, T0, every_s)
    assert play(stream, [0.15 * one for one in wave[:12]], T0 + len(wave) * every_s, every_s)


def test_clusters_are_learned_and_end_as_alarms() -> None:
    chance = random.Random(5)
    value, values = 0.0, []
    for _ in range(40_000):
        value = 0.9 * value + chance.gauss(0, 0.13)
        values.append(0.05 * exp(value))
    alarms = play(LatencyStream(), values, T0)
    assert sum(at_s > T0 + 20_000 for at_s in alarms) <= 1


def test_a_slow_ramp_is_found_before_it_is_over() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 1000, 1), T0, 10.0)
    ramp = [0.04 * 10 ** (step / 720) for step in range(720)]  # tenfold in two hours
    assert play(stream, ramp, T0 + 10_000, 10.0)[0] < T0 + 10_000 + 3600


def test_a_stream_that_is_slow_for_hours_has_a_new_usual_latency() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 500, 1), T0, 10.0)
    play(stream, noisy(0.4, 3 * 1440, 2), T0 + 5000, 10.0)
    assert stream.normal_s == pytest.approx(0.4, rel=0.1)
    after = T0 + 5000 + 3 * 14400
    assert play(stream, noisy(4.0, 5, 3), after, 10.0), "and its tenfold is a rise again"


def test_a_storm_is_learned_as_one_excursion_so_the_next_is_found_too() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 1000, 1), T0)
    play(stream, noisy(0.2, 1800, 2), T0 + 1000)
    play(stream, noisy(0.04, 600, 3), T0 + 2800)
    assert min(play(stream, noisy(0.2, 10, 4), T0 + 3400)) <= T0 + 3400 + 7


def test_holes_and_jumps_of_the_clock_are_no_quiet_time_and_hide_nothing() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 300, 1), T0, 10.0)
    assert not play(stream, noisy(0.04, 300, 2), T0 + 30 * 86400, 10.0)
    assert not play(stream, noisy(0.04, 300, 3), T0, 10.0), "a month back"
    assert play(stream, noisy(0.4, 5, 4), T0 + 3000, 10.0)


def test_what_was_learned_fades_by_half_in_days() -> None:
    stream = LatencyStream()
    play(stream, noisy(0.04, 1000, 1, spikes=0.2), T0, 600.0)
    assert stream._lanes._observed_s < 6 * 86400
    assert stream._lanes._seen < 900


def test_a_latency_below_zero_counts_as_zero() -> None:
    stream = LatencyStream()
    assert not play(stream, [-0.5, 0.0] * 50, T0)
    assert stream.normal_s == pytest.approx(0.0, abs=1e-9)


def test_storm_after_storm_with_little_quiet_between_stays_computable() -> None:
    stream = LatencyStream()
    chance = random.Random(8)
    for step in range(4000):
        rise = stream.add(chance.choice([0.0, 1e-9, 0.04, 1e3, 1e100]), T0 + chance.choice([0, 1, 60, 1e6]) * step)
        assert rise.per_day >= 0
