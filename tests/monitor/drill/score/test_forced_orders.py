"""Tests of simulated liquidations: their usual rate, their clusters, and what a feed's policy leaves of them."""

from __future__ import annotations

from random import Random

import pytest

from monitor.drill.score.forced_orders import Order, OrderFlow, poisson, shown

ORDERS = [Order(10.1, 5.0, 10.1), Order(10.4, 90.0, 10.4), Order(10.8, 7.0, 10.8)]


def test_a_complete_feed_shows_every_order() -> None:
    assert shown(ORDERS, "complete", 10.0, 0.0)[0] == ORDERS


def test_the_latest_of_a_second_is_sent_at_its_end() -> None:
    assert shown(ORDERS, "latest_per_second", 10.0, 0.0)[0] == [Order(10.8, 7.0, 11.0)]


def test_the_largest_of_a_second_is_sent_at_its_end() -> None:
    assert shown(ORDERS, "largest_per_second", 10.0, 0.0)[0] == [Order(10.4, 90.0, 11.0)]


def test_one_per_second_is_the_first_and_then_a_second_of_silence() -> None:
    kept, dead_until_s = shown(ORDERS, "one_per_second", 10.0, 0.0)

    assert kept == ORDERS[:1]
    assert dead_until_s == pytest.approx(11.1)
    assert shown([Order(11.0, 1.0, 11.0), Order(11.2, 2.0, 11.2)], "one_per_second", 11.0, dead_until_s)[0] == [
        Order(11.2, 2.0, 11.2)
    ]


def test_the_usual_rate_includes_what_orders_excite() -> None:
    flow = OrderFlow(Random(1), 0.5, 0.5, 1000.0)
    counts = [len(flow.second(float(second), 1.0)) for second in range(20_000)]

    assert sum(counts) / len(counts) == pytest.approx(0.5, rel=0.1)


def test_a_clustered_flow_varies_more_than_its_mean() -> None:
    def spread(clustering: float) -> float:
        flow = OrderFlow(Random(2), 0.5, clustering, 1000.0)
        seconds = [len(flow.second(float(second), 1.0)) for second in range(30_000)]
        minutes = [sum(seconds[at : at + 60]) for at in range(0, len(seconds), 60)]
        mean = sum(minutes) / len(minutes)
        return sum((one - mean) ** 2 for one in minutes) / len(minutes) / mean

    assert spread(0.0) == pytest.approx(1.0, abs=0.2)
    assert spread(0.5) > 2.5, "a branching ratio of one half has a variance of four times the mean in long windows"


def test_a_surge_multiplies_the_usual_rate() -> None:
    flow = OrderFlow(Random(3), 0.1, 0.3, 1000.0)
    count = sum(len(flow.second(float(second), 30.0)) for second in range(2000))

    assert count / 2000 == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 80.0])
def test_counts_have_their_mean(mean: float) -> None:
    rng = Random(4)

    assert sum(poisson(rng, mean) for _ in range(5000)) / 5000 == pytest.approx(mean, rel=0.08)
