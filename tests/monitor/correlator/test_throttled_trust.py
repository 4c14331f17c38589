"""Tests of a feed that sends one liquidation a second: how much it hides, and how far it is trusted."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence.liquidation_surge import _Feed
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_surge import SOURCE, Stream

THROTTLED = "latest_per_second"


def trusted(counts: list[int], censoring: str = THROTTLED) -> tuple[float, float]:
    """The trust of a feed after these seconds, and the coverage of the liquidation leg that it alone carries."""
    stream = Stream(CorrelatorSettings(), censoring)
    stream.sources.by_name[SOURCE].gap_s = 1e6
    for count in counts:
        stream.second(count)
    leg = stream.sources.of_leg("BTC", Leg.LIQUIDATION, at(len(counts)).timestamp())[0]
    return stream.sources.trust[SOURCE, "BTC"], leg


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([0, 1] * 30, 0.5),  # 30 of 60 seconds reported: 0.5/s of 0.5 / (1 - 0.5) = 1/s
        ([0, 0, 0, 1] * 15, 0.75),  # 0.25/s of 0.25 / 0.75
        ([1] * 60, 1 / 3),  # every second reported: at least 3/s
        ([0] * 60, 1.0),
        ([0, 1] * 30 + [0] * 60, 1.0),  # a minute later it is forgotten
        ([1] * 60 + [0, 1] * 30, 0.5),
        ([3] * 60, 1.0),
    ],
)
def test_a_throttled_feed_is_trusted_by_its_share_of_the_estimated_true_rate(counts: list[int], share: float) -> None:
    trust, coverage = trusted(counts)
    assert trust == pytest.approx(share)
    assert coverage == pytest.approx(share)


def test_a_complete_feed_is_fully_trusted_however_much_it_reports() -> None:
    assert trusted([1] * 60, "complete") == (1.0, 1.0)


def closed(feed: _Feed, counts: list[int]) -> tuple[int, float]:
    reported = (0, 0.0)
    for count in counts:
        feed.now = count
        reported = feed.close()
    return reported


@pytest.mark.parametrize(
    ("counts", "reported", "hidden"),
    [
        ([0, 1] * 5, 1, 0.5),  # 0.5/s reported of 1/s
        ([1] * 10, 1, 2.0),  # 1/s reported of at least 3/s
        ([1] * 10 + [0] * 10, 0, 0.0),  # ten seconds later it is forgotten
        ([0] * 9 + [1], 1, 1 / 9 - 0.1),
        ([4] * 10, 4, 0.0),
    ],
)
def test_events_hidden_by_a_throttle_are_estimated_over_ten_seconds(
    counts: list[int], reported: int, hidden: float
) -> None:
    shown, more = closed(_Feed(throttled=True), counts)
    assert shown == reported
    assert more == pytest.approx(hidden)


def test_a_complete_feed_hides_nothing() -> None:
    assert closed(_Feed(), [1] * 10) == (1, 0.0)


def test_a_feed_that_reports_in_a_third_of_all_seconds_shows_two_thirds() -> None:
    trust, coverage = trusted([0, 0, 1] * 20)  # 1/3 reported of (1/3) / (2/3)
    assert (round(trust, 6), round(coverage, 6)) == (0.666667, 0.666667)
