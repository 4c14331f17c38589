"""Tests of a feed that sends one liquidation a second: how much it hides, and how far it is trusted."""

from __future__ import annotations

from math import exp, log

import pytest

from monitor.correlator.fusion import logit
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg, LegState, LegVerdict, Verdict
from tests.monitor.correlator.assessors import Assessors
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


FEED = ("a/liquidation", "BTC")


def surge(venues: str = "a") -> Assessors:
    """A surge of 2.4 nats, seen where the venues' feeds are fully trusted."""
    made = Assessors(venues)
    made.own(Leg.LIQUIDATION, weight=2.4, grade=3)
    return made


def liquidation_leg(verdict: Verdict) -> LegVerdict:
    return next(one for one in verdict.legs if one.leg is Leg.LIQUIDATION)


@pytest.mark.parametrize("share", [1 / 3, 0.05])
def test_a_surge_behind_a_throttle_weighs_as_much_as_one_in_plain_sight(share: float) -> None:
    made = surge()
    open_sight = liquidation_leg(made.asset().verdict)
    made.sources.trust[FEED] = share
    made.sources.checked["BTC"] = share
    throttled = liquidation_leg(made.asset().verdict)
    assert (open_sight.state, throttled.state) == (LegState.TRUE, LegState.TRUE)
    assert throttled.w_lo == pytest.approx(2.4)
    assert throttled.contributions == open_sight.contributions


def test_what_a_throttle_hides_may_be_worse_and_is_said_to_be_unseen() -> None:
    made = surge()
    made.sources.trust[FEED] = 0.25
    verdict = made.asset().verdict
    leg = liquidation_leg(verdict)
    assert leg.coverage == pytest.approx(0.25)
    assert leg.w_hi == pytest.approx(log(0.75 * exp(4) + 0.25 * exp(2.4)))
    assert [(one.source, one.coverage) for one in verdict.blind] == [("a/liquidation", 0.25)]


def test_no_calm_is_seen_behind_a_throttle() -> None:
    made = Assessors("a")
    made.sources.trust[FEED] = 0.4
    leg = liquidation_leg(made.asset().verdict)
    assert leg.state is LegState.UNKNOWN
    assert leg.w_lo == pytest.approx(-1.0)
    assert leg.w_hi == pytest.approx(log(0.6 * exp(4) + 0.4 * exp(-1)))


def test_a_surge_is_discounted_by_a_feed_that_is_doubted_or_closed_and_throttled_or_not() -> None:
    for share in (1.0, 0.2):
        made = surge("ab")
        made.sources.trust[FEED] = share
        made.sources.doubted[FEED] = 0.4
        half_doubted = log(0.3 * exp(-1) + 0.7 * exp(2.4))
        assert liquidation_leg(made.asset().verdict).w_lo == pytest.approx(half_doubted)
        made.close("b/liquidation")
        fifth = log(0.8 * exp(-1) + 0.2 * exp(2.4))
        assert liquidation_leg(made.asset().verdict).w_lo == pytest.approx(fifth)


def test_behind_a_throttle_contributions_and_prior_still_sum_to_the_stated_probability() -> None:
    made = surge("ab")
    made.sources.trust[FEED] = 0.3
    made.close("b/liquidation")
    verdict = made.asset().verdict
    for leg in verdict.legs:
        assert sum(one.nats for one in leg.contributions) == pytest.approx(leg.w_lo, abs=1e-9)
    assert logit(verdict.p_lo) == pytest.approx(verdict.prior + sum(one.w_lo for one in verdict.legs), abs=1e-9)
    assert verdict.p_lo <= verdict.p_hi
