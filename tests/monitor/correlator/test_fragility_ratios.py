"""The ratios behind the index of fragility: noted while all of their sum is seen, extreme or not, and forgotten after an hour."""

from __future__ import annotations

import pytest

from monitor.correlator import Correlator
from monitor.correlator.evidence.fragility import MAX_INSTRUMENTS
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment
from tests.monitor.correlator.storm import Story, at

OTHER = Subject(asset="BTC", venue="beta", instrument="BTC-PERP")


def noted(lone: LoneProducer, second: float) -> dict[str, float]:
    """Judge this second; the parts of BTC that were noted in it."""
    lone.complete(second)
    found = lone.board.ratios.get("BTC", {})
    return {name: value for name, (at_s, value) in found.items() if at_s == moment(second).timestamp()}


def calm() -> LoneProducer:
    """Every figure of one venue, none extreme."""
    lone = LoneProducer("fragility")
    lone.send(SignalKind.VOLUME, 1, 4.0, VENUE, {"market": "perp"})
    lone.send(SignalKind.VOLUME, 1, 2.0, VENUE, {"market": "spot"})
    lone.send(SignalKind.OPEN_INTEREST, 1, 30.0, VENUE)
    lone.send(SignalKind.BOOK, 1, 1.0, VENUE, {"bid_depth_200_usd": 10.0})
    lone.send(SignalKind.FUNDING, 1, -0.0001, VENUE)
    lone.send(SignalKind.LONG_SHORT_RATIO, 1, 0.5, VENUE)
    return lone


def test_ratios_are_noted_though_they_are_no_evidence() -> None:
    lone = calm()
    found = noted(lone, 15)
    assert lone.evidence == []
    assert found == {"perp_over_spot": 2.0, "interest_over_depth": 3.0, "funding": 0.0001, "one_sided": 2.0}


@pytest.mark.parametrize(
    ("kind", "attributes", "part"),
    [
        (SignalKind.VOLUME, {"market": "perp"}, "perp_over_spot"),
        (SignalKind.OPEN_INTEREST, {}, "interest_over_depth"),
        (SignalKind.FUNDING, {}, "funding"),
        (SignalKind.LONG_SHORT_RATIO, {}, "one_sided"),
    ],
)
def test_a_ratio_is_unknown_while_one_of_its_venues_is_not_heard(
    kind: SignalKind, attributes: dict[str, Scalar], part: str
) -> None:
    lone = calm()
    lone.send(kind, 1, 1.0, OTHER, attributes)
    for second in range(15, 601, 15):
        lone.send(SignalKind.BOOK, second, 1.0, VENUE, {"bid_depth_200_usd": 10.0})
        lone.send(kind, second, 1.0, VENUE, attributes)
        assert part in noted(lone, second)
    lone.send(kind, 616, 1.0, VENUE, attributes)
    assert part not in noted(lone, 630)


def test_a_book_that_is_not_heard_for_two_minutes_leaves_the_depth_unknown() -> None:
    lone = calm()
    assert "interest_over_depth" in noted(lone, 120)
    assert set(noted(lone, 135)) == {"perp_over_spot", "funding", "one_sided"}


def test_volume_of_perpetuals_that_nobody_reports_is_not_none() -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.VOLUME, 1, 2.0, VENUE, {"market": "spot"})
    assert noted(lone, 15) == {}


def test_what_was_not_heard_for_an_hour_is_evidence_no_more() -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.FUNDING, 1, 0.01, VENUE)
    lone.complete(3600)
    [held] = lone.evidence
    lone.complete(3615)
    assert lone.evidence == [held]  # not renewed


def test_the_growth_of_open_interest_is_noted_while_every_venue_is_heard() -> None:
    lone = LoneProducer("interest_surge")
    for second in range(0, 1500, 60):
        lone.send(SignalKind.OPEN_INTEREST, second, 1.0, VENUE, {"base": 100.0 + second / 60})
        if second < 720:
            lone.send(SignalKind.OPEN_INTEREST, second, 1.0, OTHER, {"base": 100.0})
        if second == 1260:
            assert noted(lone, 1260) == {"interest_growth": pytest.approx(221 / 200)}
    assert noted(lone, 1500) == {}


def test_depth_that_gathers_in_one_place_is_noted_from_the_first_sample_on() -> None:
    lone = LoneProducer("fragmentation")
    depths: dict[str, Scalar] = {"bid_depth_200_usd": 1.0, "ask_depth_200_usd": 1.0}
    for second in (1, 100):
        lone.send(SignalKind.BOOK, second, 1.0, VENUE, depths)
        lone.send(SignalKind.BOOK, second, 1.0, OTHER, depths)
    assert noted(lone, 105) == {"concentration": 1.0}
    lone.send(SignalKind.BOOK, 110, 1.0, OTHER, {"bid_depth_200_usd": 0.5, "ask_depth_200_usd": 0.0})
    assert noted(lone, 120) == {"concentration": pytest.approx(2 * (4 + 0.25) / 6.25)}
    assert noted(lone, 240) == {}


def test_the_figures_of_an_asset_are_bounded_and_the_oldest_goes_first() -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.FUNDING, 1, 0.01, VENUE)
    for number in range(MAX_INSTRUMENTS):
        lone.send(SignalKind.FUNDING, 2, 0.0001, Subject(asset="BTC", venue="beta", instrument=f"BTC-{number}"))
    assert noted(lone, 15) == {"funding": 0.0001}


def test_a_correlator_that_judged_nothing_knows_of_no_asset_and_later_of_each_that_is_asked() -> None:
    correlator = Correlator()
    assert correlator.fragility(["BTC"]) == {}
    story = Story(40)
    story.extra += [Signal(SignalKind.FUNDING, OTHER, at(5), at(5), "beta/funding", 1, 0.0001)]
    for signal in story.signals():
        correlator.on_signal(signal)
    found = Correlator.thaw(correlator.freeze()).fragility(["BTC", "ETH"])
    assert [one.name for one in found["BTC"].known] == ["funding"]
    assert found["ETH"].index is None
