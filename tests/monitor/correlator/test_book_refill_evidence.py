"""A side of a book that comes back far more slowly than usual after a sweep is weak evidence against its venue."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import book_refill
from monitor.incidents import LEGS, Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import OF_TWO, VENUE, LoneProducer, moment


def swept(
    lone: LoneProducer, second: float, took_s: float, side: str = "bid", censored: bool = False, who: Subject = VENUE
) -> None:
    told: dict[str, Scalar] = {"side": side, "fallen": 0.8, "censored": censored}
    lone.send(SignalKind.BOOK_REFILL, second, took_s, who, told)


def usual(took_s: float, sweeps: int = 5) -> LoneProducer:
    """A producer that saw earlier sweeps of one side, the last at 499 s."""
    lone = LoneProducer("book_refill")
    for number in range(sweeps):
        swept(lone, 500 - sweeps + number, took_s)
    return lone


def test_a_side_that_is_not_seen_to_come_back_is_described_in_full() -> None:
    lone = usual(2.0)
    swept(lone, 1000, 300.0, censored=True)
    assert lone.only() == Evidence(
        id="book_refill:BTC:alpha/BTC-PERP:bid",
        leg=Leg.VENUE,
        name="book_refill",
        subject=Subject(asset="BTC", venue="alpha", instrument="BTC-PERP"),
        grade=2,
        weight=2.0,
        half_life_s=180.0,
        onset=moment(700),
        at=moment(1000),
        value=300.0,
        normal=2.0,
        unit="s",
        far_per_day=1.0,
        said="alpha BTC-PERP bid side not back after 300 s (2 s usual)",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("took_s", "nats"), [(300.0, OF_TWO[2]), (3.0, -1.0)], ids=["slow", "quiet"])
def test_a_slow_return_moves_the_venue_leg_alone(took_s: float, nats: float) -> None:
    lone = usual(2.0)
    swept(lone, 1000, took_s)
    assert [lone.nats(leg, 1000) for leg in LEGS] == pytest.approx([-1.0, nats, -1.0])


@pytest.mark.parametrize(
    ("usual_s", "took_s", "grade"),
    [
        (2, 9, 0),
        (2, 10, 1),
        (2, 59, 1),
        (2, 60, 2),
        (4, 19, 0),
        (4, 20, 1),
        (4, 79, 1),
        (4, 80, 2),
        (0, 9, 0),
        (0, 60, 2),
        (60, 299, 0),
        (60, 300, 1),
    ],
)
def test_the_return_is_graded_by_how_often_it_takes_the_usual_time(usual_s: float, took_s: float, grade: int) -> None:
    lone = usual(usual_s)
    swept(lone, 1000, took_s)
    assert lone.grades == ({"book_refill": grade} if grade else {})


def test_a_side_with_fewer_than_five_sweeps_has_no_usual_time() -> None:
    lone = usual(2.0, sweeps=4)
    swept(lone, 1000, 300.0)
    assert lone.evidence == []


def test_each_side_has_its_own_past() -> None:
    lone = usual(2.0)
    swept(lone, 1000, 300.0, side="ask")
    assert lone.evidence == []


def test_a_time_that_was_cut_short_is_no_fast_return() -> None:
    # a connection that breaks two seconds after each sweep says nothing of how long a book takes
    lone = LoneProducer("book_refill")
    for number in range(9):
        swept(lone, number, 2.0, censored=True)
    swept(lone, 1000, 60.0)
    assert lone.evidence == []
    lone = usual(30.0)
    for number in range(32):
        swept(lone, 600 + number, 1.0, censored=True)
    swept(lone, 1000, 100.0)
    assert lone.evidence == []


def test_a_book_that_is_slow_for_long_becomes_its_own_normal() -> None:
    lone = usual(2.0)
    for number in range(7):
        swept(lone, 1000 + 400 * number, 300.0, censored=True)
    assert lone.only().at == moment(1000 + 400 * 4)


@pytest.mark.parametrize("who", [Subject(venue="alpha"), Subject(asset="BTC")], ids=["no asset", "no venue"])
def test_a_sweep_that_is_of_no_asset_or_no_venue_is_passed_over(who: Subject) -> None:
    lone = LoneProducer("book_refill")
    for number in range(5):
        swept(lone, number, 2.0, who=who)
    swept(lone, 1000, 300.0, who=who)
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_refill, "MAX_SIDES", 4)
    lone = LoneProducer("book_refill")
    for number in range(9):
        swept(lone, number, 1.0, who=Subject(asset="BTC", venue=f"v{number}"))
    assert len(lone.producer._past) == 4  # type: ignore[attr-defined]
