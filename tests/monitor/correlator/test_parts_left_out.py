"""Tests of the parts that a score can leave out: each changes what is judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.correlator.active_evidence import WeighedEvidence
from monitor.correlator.assessment import AssetAssessor
from monitor.correlator.parts import Part, of_one_venue
from monitor.incidents import Evidence, Leg, LegVerdict
from monitor.signals import Subject
from tests.monitor.correlator.assessors import Assessors

AT = datetime(2026, 3, 1, tzinfo=UTC)


def finding(name: str, venue: str | None, weight: float) -> Evidence:
    return Evidence(
        id=name, leg=Leg.VENUE, name="venue_failures", subject=Subject(venue=venue), grade=3, weight=weight,
        half_life_s=100.0, onset=AT, at=AT, value=1.0, normal=0.0, unit="1", far_per_day=0.1, said=name,
    )  # fmt: skip


def test_without_pooling_a_leg_rests_on_the_venue_with_the_heaviest_finding() -> None:
    found = [
        WeighedEvidence(4.0, finding("pooled", "okx", 3.0)),
        WeighedEvidence(2.0, finding("other", "gate", 2.0)),
        WeighedEvidence(1.0, finding("asset", None, 1.0)),
    ]

    alone = of_one_venue(found, AT.timestamp(), lambda _: 0.5)

    assert [(one.evidence.id, one.nats) for one in alone] == [("pooled", 3.0), ("asset", 1.0)]


def test_a_finding_counts_by_twice_its_venues_share_and_fades() -> None:
    found = [WeighedEvidence(4.0, finding("pooled", "okx", 4.0))]

    later = (AT + timedelta(seconds=100)).timestamp()

    assert of_one_venue(found, later, lambda _: 0.25)[0].nats == pytest.approx(4.0 * 0.5 * 0.5)


def test_nothing_found_stays_nothing() -> None:
    assert of_one_venue([], 0.0, lambda _: 1.0) == []


def leg_of(own: Assessors, leg: Leg, *without: Part) -> LegVerdict:
    assessor = AssetAssessor(own.settings, own.sources, own.board, own.attribution, frozenset(without))
    return next(one for one in assessor.assess("BTC", own.now_s).verdict.legs if one.leg is leg)


def test_without_pooling_many_failing_venues_weigh_no_more_than_one() -> None:
    own = Assessors([f"v{number}" for number in range(8)])
    for number in range(8):
        own.fact(f"v{number}", weight=3.0)

    assert leg_of(own, Leg.VENUE).evidence == pytest.approx(3.0, abs=1.0)
    assert leg_of(own, Leg.VENUE, Part.POOLING).evidence < 1.5


def test_without_coverage_a_closed_feed_counts_as_seen() -> None:
    own = Assessors(["a"])
    own.close("a/liquidation")

    assert leg_of(own, Leg.LIQUIDATION).coverage == 0.0
    assert leg_of(own, Leg.LIQUIDATION, Part.COVERAGE).coverage == 1.0
