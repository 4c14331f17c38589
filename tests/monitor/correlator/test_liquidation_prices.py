"""Forced orders that fill ever further from the book move the liquidation leg; where they always fill is no finding."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from monitor.correlator.evidence import liquidation_prices
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer

QUIET_S = 7200


def order(lone: LoneProducer, second: float, away: float, **words: Scalar) -> None:
    book: dict[str, Scalar] = {"state": "ok", "mid": 100.0}
    lone.send(SignalKind.BOOK, second, 1.0, VENUE, book)
    attributes: dict[str, Scalar] = {"side": "long", "price": 100.0 * (1 - away), "backlog": False}
    lone.send(SignalKind.LIQUIDATION, second, 5_000.0, VENUE, attributes | words)


def seen(away: float, usual: float = 0.004, words: dict[str, Scalar] | None = None) -> LoneProducer:
    """Two hours of forced orders at their usual distance, then ten at another."""
    rng, lone = Random(3), LoneProducer("liquidation_prices")
    for second in range(0, QUIET_S, 20):
        order(lone, second, usual * exp(rng.gauss(0.0, 0.3)))
    for second in range(QUIET_S, QUIET_S + 100, 10):
        order(lone, second, away, **(words or {}))
    lone.complete(QUIET_S + 100)
    return lone


def test_orders_far_from_the_book_move_the_liquidation_leg_alone() -> None:
    lone = seen(0.08)
    found = lone.only()
    assert (found.name, found.leg, found.grade) == ("liquidation_prices", Leg.LIQUIDATION, 2)
    assert found.said.startswith("forced orders at alpha BTC-PERP are 8.0% from the book (0.4% usual)")
    assert lone.nats(Leg.LIQUIDATION, QUIET_S + 100) >= 1.5


def test_the_quiet_twin_finds_nothing() -> None:
    lone = seen(0.004)
    assert lone.evidence == []
    assert lone.nats(Leg.LIQUIDATION, QUIET_S + 100) == -1.0


def test_a_venue_that_always_states_far_prices_is_no_finding() -> None:
    assert seen(0.05, usual=0.05).evidence == []


def test_less_than_a_hundredth_is_no_finding() -> None:
    assert seen(0.009, usual=0.001).evidence == []


@pytest.mark.parametrize("words", [{"backlog": True}, {"price": None}, {"price": 0.0}])
def test_what_is_no_order_of_now_is_passed_over(words: dict[str, Scalar]) -> None:
    assert seen(0.08, words=words).evidence == []


def test_without_a_fresh_book_nothing_is_compared() -> None:
    lone = seen(0.004)
    for second in range(QUIET_S + 200, QUIET_S + 400, 10):
        lone.send(SignalKind.LIQUIDATION, second, 5e3, VENUE, {"price": 50.0})
        lone.send(SignalKind.BOOK, second, -1.0, VENUE, {"state": "crossed", "mid": 100.0})
        lone.send(SignalKind.BOOK, second, -1.0, VENUE, {"state": "ok", "mid": None})
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liquidation_prices, "MAX_INSTRUMENTS", 2)
    lone = LoneProducer("liquidation_prices")
    lone.send(SignalKind.LIQUIDATION, 0, 1.0, Subject(asset="BTC"))
    for number in range(5):
        lone.send(SignalKind.BOOK, 0, 1.0, Subject(asset="BTC", venue=f"v{number}"), {"state": "ok", "mid": 1.0})
    assert len(lone.producer._instruments) == 2  # type: ignore[attr-defined]
