"""The cost to sell is judged by its own past: a jump moves the venue leg alone, its quiet twin does not."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from monitor.correlator.evidence import book_slippage
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

QUIET_S = 3600


def sold(lone: LoneProducer, second: float, cost: Scalar, **words: Scalar) -> None:
    attributes: dict[str, Scalar] = {"state": "ok", "origin": "ws", "sell_slippage_100k_bps": cost}
    lone.send(SignalKind.BOOK, second, 2.0, VENUE, attributes | words)


def seen(after: Scalar, *, lasts_s: int = 120, seed: int = 1) -> LoneProducer:
    """An hour of a book in which 100 k USD cost some 4 bps to sell, and then what it costs `after`."""
    rng, lone = Random(seed), LoneProducer("book_slippage")
    for second in range(0, QUIET_S, 5):
        sold(lone, second, 4.0 * exp(rng.gauss(0.0, 0.2)))
    for second in range(QUIET_S, QUIET_S + lasts_s, 5):
        sold(lone, second, after)
    lone.complete(QUIET_S + lasts_s)
    return lone


def test_a_cost_ten_times_the_usual_moves_the_venue_leg_alone() -> None:
    lone = seen(40.0)
    found = lone.only()
    assert (found.id, found.leg, found.unit) == ("book_slippage:BTC:alpha/BTC-PERP:100k", Leg.VENUE, "bps")
    assert found.grade == 2
    assert 3.0 < (found.normal or 0.0) < 5.0
    assert found.said.startswith("100K USD of alpha BTC-PERP costs 40 bps to sell (")
    assert lone.nats(Leg.VENUE, QUIET_S + 115) > -1.0


def test_the_quiet_twin_finds_nothing() -> None:
    lone = seen(4.0)
    assert lone.evidence == []
    assert lone.nats(Leg.VENUE, QUIET_S + 115) == -1.0


def test_a_size_that_cannot_be_sold_says_so() -> None:
    assert "cannot be sold" in seen(None).only().said


def test_a_size_that_is_about_all_that_the_book_holds_is_not_missed() -> None:
    lone = LoneProducer("book_slippage")
    for second in range(0, QUIET_S + 300, 5):
        sold(lone, second, 120.0 if second < QUIET_S else None)
    assert lone.evidence == []


def test_three_times_the_usual_is_no_finding_if_it_is_cheap() -> None:
    assert seen(9.9).evidence == []


def test_one_dear_sample_alone_has_grade_one() -> None:
    assert seen(40.0, lasts_s=5).only().grade == 1


@pytest.mark.parametrize("words", [{"origin": "rest"}, {"state": "crossed"}, {"sell_slippage_100k_bps": "dear"}])
def test_what_is_no_good_sample_is_passed_over(words: dict[str, Scalar]) -> None:
    lone = seen(4.0)
    for second in range(QUIET_S + 120, QUIET_S + 240, 5):
        sold(lone, second, 40.0, **words)
    assert lone.evidence == []


def test_a_book_that_was_seen_for_less_than_the_warm_time_has_no_usual_cost() -> None:
    lone = LoneProducer("book_slippage")
    for second in range(0, 295, 5):
        sold(lone, second, 4.0 if second < 200 else 90.0)
    assert lone.evidence == []


def test_an_hour_of_chance_makes_few_findings() -> None:
    assert sum(bool(seen(4.0, seed=seed).evidence) for seed in range(12)) == 0


def test_a_book_of_no_asset_says_nothing_and_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_slippage, "MAX_BOOKS", 2)
    lone = LoneProducer("book_slippage")
    lone.send(SignalKind.BOOK, 0, 2.0, Subject(venue="alpha"))
    for number in range(5):
        lone.send(SignalKind.BOOK, 0, 2.0, Subject(asset="BTC", venue=f"v{number}"), {"state": "ok"})
    assert len(lone.producer._books) == 2  # type: ignore[attr-defined]


def test_a_book_that_is_often_dear_is_not_found_dear_again_and_samples_come_five_seconds_apart() -> None:
    lone = LoneProducer("book_slippage")
    for second in range(0, 4 * QUIET_S, 5):
        sold(lone, second, 40.0 if second % 60 == 0 else 4.0)
        sold(lone, second + 1, 400.0)
    lone.active.fade(4.0 * QUIET_S)
    assert all(one.at < moment(2 * QUIET_S) for one in lone.evidence)
