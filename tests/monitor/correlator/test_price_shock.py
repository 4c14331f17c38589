"""A price that moves far more than it usually does within minutes is evidence; one venue's own price, or a calm one, is none."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from monitor.correlator.evidence import price_shock
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

QUIET_S = 7200


def told(lone: LoneProducer, second: int, price: float, venue: str, volume: float) -> None:
    who = Subject(asset="BTC", venue=venue, instrument="BTC-PERP")
    lone.send(SignalKind.BOOK, second, 1.0, who, {"state": "ok", "quote": "USDT", "mid": price})
    if second % 60 == 0:
        lone.send(SignalKind.VOLUME, second, volume, who, {"market": "perp", "last": price})


def fallen(by: float, *, venues: tuple[str, ...] = ("a", "b", "c"), volume: float = 1.0, seed: int = 1) -> LoneProducer:
    """Two quiet hours at three venues, then a price that falls by so much within two minutes at some of them."""
    rng, lone, walk = Random(seed), LoneProducer("price_shock"), 0.0
    for second in range(0, QUIET_S + 301, 15):
        walk += rng.gauss(0.0, 4e-4)
        done = min(max(second - QUIET_S, 0) / 120, 1.0)
        for venue in ("a", "b", "c"):
            factor = 1 - by * done if venue in venues else 1.0
            told(lone, second, 100.0 * exp(walk) * factor, venue, 1e8 * (1 + (volume - 1) * done))
        lone.complete(second)
    return lone


def test_a_fall_with_volume_moves_the_liquidation_leg_alone() -> None:
    lone = fallen(0.2, volume=1.5, seed=2)
    found = lone.only()
    assert (found.id, found.leg, found.grade) == ("price_shock:BTC", Leg.LIQUIDATION, 2)
    assert found.onset >= moment(QUIET_S - 300)
    assert found.said.endswith("the volume of 24 h grew 1.5 times")
    assert lone.nats(Leg.LIQUIDATION, QUIET_S + 300) >= 1.5


def test_a_fall_without_volume_is_weak() -> None:
    found = fallen(0.2).only()
    assert (found.grade, "volume" in found.said) == (1, False)


def test_the_quiet_twin_finds_nothing() -> None:
    lone = fallen(0.0)
    assert lone.evidence == []
    assert lone.nats(Leg.LIQUIDATION, QUIET_S + 300) == -1.0


def test_a_price_that_falls_at_one_of_three_venues_is_that_venues_own_matter() -> None:
    assert fallen(0.2, venues=("a",)).evidence == []


@pytest.mark.parametrize("seed", range(4))
def test_a_move_under_three_hundredths_is_no_shock(seed: int) -> None:
    assert fallen(0.01, seed=seed).evidence == []


def test_without_books_the_last_prices_are_taken() -> None:
    lone = LoneProducer("price_shock")
    who = Subject(asset="BTC", venue="a", instrument="BTC-SPOT")
    for second in range(0, QUIET_S + 300, 15):
        price = 100.0 if second < QUIET_S else 80.0
        lone.send(SignalKind.VOLUME, second, 1e8, who, {"market": "spot", "last": price})
        lone.complete(second)
    assert lone.only().value == 80.0


@pytest.mark.parametrize(
    "words",
    [{"state": "crossed"}, {"quote": None}, {"mid": None}, {"mid": 0.0}],
    ids=["crossed", "euro", "none", "zero"],
)
def test_what_is_no_price_is_passed_over(words: dict[str, Scalar]) -> None:
    lone = fallen(0.0)
    who = Subject(asset="BTC", venue="a", instrument="BTC-PERP")
    good: dict[str, Scalar] = {"state": "ok", "quote": "USDT", "mid": 50.0}
    for venue in ("a", "b", "c"):
        one = Subject(asset="BTC", venue=venue, instrument="BTC-PERP")
        lone.send(SignalKind.BOOK, QUIET_S + 310, 1.0, one, good | words)
    lone.send(SignalKind.BOOK, QUIET_S + 310, 1.0, Subject(venue="a"), good)
    lone.send(SignalKind.VOLUME, QUIET_S + 310, 1.0, who, {"last": None})
    lone.complete(QUIET_S + 315)
    assert lone.evidence == []


def test_old_prices_are_no_prices_and_a_volume_of_nothing_grows_by_nothing() -> None:
    lone = fallen(0.0)
    lone.complete(QUIET_S + 600)
    assert lone.evidence == []
    assert fallen(0.2, volume=0.0).only().grade == 1


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_shock, "MAX_INSTRUMENTS", 2)
    lone = LoneProducer("price_shock")
    for number in range(5):
        for second in (0, 2000):
            told(lone, 60 * second, 100.0, f"v{number}", 1e8)
    asset = lone.producer._assets["BTC"]  # type: ignore[attr-defined]
    assert (len(asset.mids), len(asset.lasts), len(asset.volumes)) == (2, 2, 2)
    assert {len(one) for one in asset.volumes.values()} == {1}


def test_a_price_that_comes_back_after_ten_minutes_is_compared_with_nothing_before() -> None:
    lone = fallen(0.0)
    for second in (QUIET_S + 900, QUIET_S + 915):
        told(lone, second, 50.0, "a", 1e8)
        lone.complete(second + 1)
        lone.complete(second + 15)
    assert lone.evidence == []
