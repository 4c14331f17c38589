"""A spread far wider than its own past, for ten seconds or longer, is evidence against the venue."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import book_spread
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import OF_TWO, VENUE, LoneProducer, moment

WARM = CorrelatorSettings(warm_s=20)


def spread(lone: LoneProducer, since: int, until: int, bps: float, subject: Subject = VENUE, **told: Scalar) -> None:
    """One sample a second; second `until` is the first without one."""
    every: dict[str, Scalar] = {"state": "ok", "origin": "ws"}
    for second in range(since, until):
        lone.send(SignalKind.BOOK, second, bps, subject, every | told)


def usual(bps: float = 1.0) -> LoneProducer:
    """A producer that knows the usual spread of one book from 30 seconds."""
    lone = LoneProducer("book_spread", WARM)
    spread(lone, 0, 30, bps)
    return lone


def test_a_spread_of_40_bps_where_1_is_usual_is_described_in_full() -> None:
    lone = usual()
    spread(lone, 30, 41, 40.0)
    assert lone.only() == Evidence(
        id="book_spread:BTC:alpha/BTC-PERP",
        leg=Leg.VENUE,
        name="book_spread",
        subject=Subject(asset="BTC", venue="alpha", instrument="BTC-PERP"),
        grade=3,
        weight=3.0,
        half_life_s=180.0,
        onset=moment(30),
        at=moment(40),
        value=40.0,
        normal=1.0,
        unit="bps",
        far_per_day=1 / 7,
        said="alpha BTC-PERP spread 40.0 bps (1.0 usual)",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("bps", "nats"), [(40.0, OF_TWO[3]), (3.0, -1.0)], ids=["wide", "quiet"])
def test_twenty_minutes_of_a_wide_spread_move_the_venue_leg_alone(bps: float, nats: float) -> None:
    lone = LoneProducer("book_spread")
    spread(lone, 0, 320, 1.0)
    spread(lone, 320, 320 + 1200, bps)
    assert [lone.nats(leg, 1519) for leg in LEGS] == pytest.approx([-1.0, nats, -1.0])


@pytest.mark.parametrize(
    ("before", "now", "grade"),
    [
        (2, 7.9, 0),
        (2, 8, 1),
        (2, 19.9, 1),
        (2, 20, 2),
        (2, 49.9, 2),
        (2, 50, 3),
        (2, 119, 3),
        (2, 120, 4),
        (1, 4.9, 0),
        (1, 5, 1),
        (0.01, 1.9, 0),
        (0.01, 4.9, 0),
        (0.01, 5, 2),
    ],
)
def test_the_rise_of_a_spread_is_graded(before: float, now: float, grade: int) -> None:
    lone = usual(before)
    spread(lone, 30, 41, now)
    assert lone.grades == ({"book_spread": grade} if grade else {})


def test_a_spread_must_be_wide_for_ten_seconds_without_a_hole() -> None:
    lone = usual()
    spread(lone, 30, 40, 40.0)
    assert lone.evidence == []
    spread(lone, 40, 41, 1.0)
    spread(lone, 41, 51, 40.0)
    assert lone.evidence == []
    spread(lone, 61, 71, 40.0)
    assert lone.evidence == []
    spread(lone, 71, 72, 40.0)
    assert lone.only().onset == moment(61)


@pytest.mark.parametrize(
    "told", [{"state": "crossed"}, {"state": "frozen"}, {"origin": "rest"}, {"state": None}], ids=str
)
def test_a_book_in_disorder_or_from_rest_says_nothing_of_its_spread(told: dict[str, Scalar]) -> None:
    lone = usual()
    spread(lone, 30, 60, 40.0, VENUE, **told)
    assert lone.evidence == []


def test_a_book_without_a_spread_an_asset_or_a_venue_is_passed_over() -> None:
    lone = usual()
    spread(lone, 30, 60, -1.0)
    spread(lone, 60, 90, 40.0, Subject(venue="alpha"))
    spread(lone, 90, 120, 40.0, Subject(asset="BTC"))
    assert lone.evidence == []


def test_a_book_that_is_not_known_for_long_has_no_usual_spread() -> None:
    lone = LoneProducer("book_spread", WARM)
    spread(lone, 0, 9, 1.0)
    spread(lone, 9, 20, 40.0)
    assert lone.evidence == []
    lone = LoneProducer("book_spread", WARM)
    spread(lone, 0, 1, 1.0)
    spread(lone, 100, 107, 40.0)
    assert lone.evidence == []


def test_a_spread_that_is_wide_for_hours_becomes_the_usual_one() -> None:
    lone = LoneProducer("book_spread", CorrelatorSettings(warm_s=20, level_long_s=60))
    spread(lone, 0, 60, 1.0)
    spread(lone, 60, 1200, 40.0)
    assert moment(120) < lone.only().at < moment(600)


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_spread, "MAX_BOOKS", 4)
    lone = LoneProducer("book_spread", WARM)
    for number in range(9):
        spread(lone, number, number + 1, 1.0, Subject(asset="BTC", venue=f"v{number}"))
    assert len(lone.producer._books) == 4  # type: ignore[attr-defined]
