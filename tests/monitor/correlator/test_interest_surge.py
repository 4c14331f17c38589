"""Open interest that grows by half within an hour is context: a storm is likelier, and none is made by it."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import interest_surge
from monitor.incidents import LEGS, Evidence, Leg, Level
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

BETA = Subject(asset="BTC", venue="beta", instrument="BTC-PERP")


def held(lone: LoneProducer, second: float, base: Scalar, who: Subject = VENUE) -> None:
    lone.send(SignalKind.OPEN_INTEREST, second, 1e6, who, {"base": base})


def grown(times: float, over_s: int = 3600) -> LoneProducer:
    """Open interest, asked for once a minute, that grows to so many times in even steps."""
    lone = LoneProducer("interest_surge")
    for second in range(0, over_s + 1, 60):
        held(lone, second, 100.0 * (1 + (times - 1) * second / over_s))
    lone.complete(over_s)
    return lone


def test_forty_times_the_open_interest_in_an_hour_is_described_in_full() -> None:
    assert grown(40.0).only() == Evidence(
        id="open_interest_surge:BTC",
        leg=Leg.FRAGILITY,
        name="open_interest_surge",
        subject=Subject(asset="BTC"),
        grade=1,
        weight=0.2,
        half_life_s=1800.0,
        onset=moment(3600),
        at=moment(3600),
        value=4000.0,
        normal=100.0,
        unit="base",
        far_per_day=24.0,
        said="open interest is 40.0 times that of an hour ago",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("times", "context"), [(40.0, 0.2), (1.49, 0.0), (0.1, 0.0)], ids=["surge", "quiet", "fall"])
def test_a_surge_adds_context_and_moves_no_leg(times: float, context: float) -> None:
    lone = grown(times)
    verdict = lone.judged(3600)
    assert (verdict.context, verdict.level) == (context, Level.CALM)
    assert [lone.nats(leg, 3600) for leg in LEGS] == [-1.0, -1.0, -1.0]


@pytest.mark.parametrize(("over_s", "is_found"), [(540, False), (600, True)])
def test_ten_minutes_of_figures_are_needed(over_s: int, *, is_found: bool) -> None:
    assert bool(grown(1.5, over_s).evidence) is is_found


def test_a_venue_that_comes_is_no_surge() -> None:
    lone = LoneProducer("interest_surge")
    for second in range(0, 3601, 60):
        held(lone, second, 100.0)
    held(lone, 3590, 1e6, BETA)
    lone.complete(3600)
    assert lone.evidence == []


def test_a_venue_that_went_does_not_count_in_either_sum() -> None:
    lone = LoneProducer("interest_surge")
    for second in range(0, 3601, 60):
        held(lone, second, 100.0 + second / 36)
        if second <= 2940:
            held(lone, second, 1e6, BETA)
    lone.complete(3600)
    assert lone.only().value == 200.0


def test_growth_before_the_last_hour_does_not_count() -> None:
    lone = LoneProducer("interest_surge")
    held(lone, 0, 1.0)
    for second in range(60, 4000, 60):
        held(lone, second, 100.0)
    lone.complete(4005)
    assert lone.evidence == []


def test_no_figure_for_an_hour_is_no_figure() -> None:
    lone = LoneProducer("interest_surge")
    held(lone, 0, 1.0)
    held(lone, 600, 100.0)
    lone.complete(9000)
    assert lone.evidence == []


def test_between_two_looks_nothing_is_put() -> None:
    lone = LoneProducer("interest_surge")
    held(lone, 0, 1.0)
    held(lone, 600, 100.0)
    lone.complete(614)
    assert lone.evidence == []
    lone.complete(615)
    assert lone.only().value == 100.0


@pytest.mark.parametrize("base", [0.0, -1.0, None, "many"])
def test_what_is_no_figure_is_passed_over(base: Scalar) -> None:
    lone = LoneProducer("interest_surge")
    held(lone, 0, base)
    held(lone, 600, 100.0)
    held(lone, 600, 100.0, Subject(venue="alpha"))
    lone.complete(600)
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interest_surge, "MAX_INSTRUMENTS", 4)
    lone = LoneProducer("interest_surge")
    for number in range(9):
        held(lone, number, 1.0, Subject(asset="BTC", venue=f"v{number}"))
    for second in range(10_000):
        held(lone, second, 1.0)
    points = lone.producer._points  # type: ignore[attr-defined]
    assert len(points) == 4
    assert max(len(one) for one in points.values()) <= 62
