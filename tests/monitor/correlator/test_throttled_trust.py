"""Tests of a feed that sends one liquidation a second: how much it hides, and how far it is trusted."""

from __future__ import annotations

from math import log

import pytest

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
    return stream.sources.trust.get((SOURCE, "BTC"), 1.0), leg


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([0, 1] * 30, 0.5 / log(2)),  # 30 of 60 seconds reported: 0.5/s of -ln(1 - 0.5)
        ([0, 0, 0, 1] * 15, 0.25 / log(4 / 3)),
        ([1] * 60, 1 / 3),  # every second reported: at least 3/s
        ([0] * 60, 1.0),
        ([0, 1] * 30 + [0] * 60, 1.0),  # a minute later it is forgotten
        ([1] * 60 + [0, 1] * 30, 0.5 / log(2)),
        ([3] * 60, 1.0),  # more than one a second: not throttled, whatever it declares
    ],
)
def test_a_throttled_feed_is_trusted_by_its_share_of_the_estimated_true_rate(counts: list[int], share: float) -> None:
    trust, coverage = trusted(counts)
    assert trust == pytest.approx(share)
    assert coverage == pytest.approx(share)


def test_a_complete_feed_is_fully_trusted_however_much_it_reports() -> None:
    assert trusted([0, 3] * 30, "complete")[1] == 1.0


def test_a_feed_that_reports_in_a_third_of_all_seconds_shows_four_fifths() -> None:
    trust, coverage = trusted([0, 0, 1] * 20)  # 1/3 reported of -ln(2/3)
    assert (round(trust, 6), round(coverage, 6)) == (0.822101, 0.822101)
