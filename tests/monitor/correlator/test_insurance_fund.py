"""A fund that pays for losses beyond margin is evidence against its venue; a small pool, and one that grows, are not."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import insurance_fund
from monitor.incidents import LEGS, Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import OF_TWO, LoneProducer, moment

ALPHA = Subject(venue="alpha")
POOL: dict[str, Scalar] = {"fund": "USDT", "currency": "USDT"}
DAY = 86_400


def held(lone: LoneProducer, second: float, balance: float, who: Subject = ALPHA, fund: str = "USDT") -> None:
    lone.send(SignalKind.INSURANCE_FUND, second, balance, who, POOL | {"fund": fund})


def test_a_fund_that_pays_is_described_in_full() -> None:
    lone = LoneProducer("insurance_fund")
    held(lone, 0, 90_000)
    held(lone, 300, 100_000)
    held(lone, 3900, 80_000)
    assert lone.only() == Evidence(
        id="insurance_fund:alpha:alpha:USDT",
        leg=Leg.VENUE,
        name="insurance_fund",
        subject=ALPHA,
        grade=2,
        weight=2.0,
        half_life_s=3600.0,
        onset=moment(300),
        at=moment(3900),
        value=80_000.0,
        normal=100_000.0,
        unit="USDT",
        far_per_day=1.0,
        said="alpha insurance fund USDT fell 20% in 1.0 h to 80,000 USDT",
        links=(),
        shared=True,
    )


@pytest.mark.parametrize(("balance", "nats"), [(80_000, OF_TWO[2]), (101_000, -1.0)], ids=["pays", "quiet"])
def test_a_fund_that_pays_moves_the_venue_leg_alone(balance: float, nats: float) -> None:
    lone = LoneProducer("insurance_fund")
    lone.judged(0)
    held(lone, 0, 100_000)
    held(lone, 300, balance)
    assert [lone.nats(leg, 300) for leg in LEGS] == pytest.approx([-1.0, nats, -1.0])


@pytest.mark.parametrize(
    ("left", "grade"), [(0.96, 0), (0.94, 1), (0.86, 1), (0.84, 2), (0.71, 2), (0.69, 3), (0.0, 3), (-0.5, 3)]
)
def test_the_share_that_is_gone_is_graded(left: float, grade: int) -> None:
    lone = LoneProducer("insurance_fund")
    held(lone, 0, 100_000)
    held(lone, 300, left * 100_000)
    assert lone.grades == ({"insurance_fund": grade} if grade else {})


def test_a_pool_of_one_instrument_concerns_its_asset_alone() -> None:
    lone = LoneProducer("insurance_fund")
    who = Subject(asset="BTC", venue="alpha", instrument="BTC_USDT")
    held(lone, 0, 100_000, who, "BTC_USDT")
    held(lone, 300, 0, who, "BTC_USDT")
    assert (lone.only().subject, lone.only().shared) == (who, False)


@pytest.mark.parametrize(("before", "is_found"), [(9_999, False), (10_000, True)])
def test_a_small_pool_says_nothing(before: float, *, is_found: bool) -> None:
    lone = LoneProducer("insurance_fund")
    held(lone, 0, before)
    held(lone, 300, 0)
    assert bool(lone.evidence) is is_found


@pytest.mark.parametrize(("second", "is_found"), [(DAY, True), (DAY + 1, False)])
def test_a_fund_is_compared_with_its_last_day(second: int, *, is_found: bool) -> None:
    lone = LoneProducer("insurance_fund")
    held(lone, 0, 100_000)
    held(lone, second, 50_000)
    assert bool(lone.evidence) is is_found


def test_pools_are_not_mixed_and_a_word_of_no_venue_or_of_the_same_time_is_none() -> None:
    lone = LoneProducer("insurance_fund")
    held(lone, 0, 100_000)
    held(lone, 0, 50_000)
    held(lone, 300, 50_000, fund="BTC")
    held(lone, 300, 50_000, Subject(venue="beta"))
    held(lone, 300, 50_000, Subject())
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insurance_fund, "MAX_POOLS", 4)
    lone = LoneProducer("insurance_fund")
    for number in range(9):
        held(lone, number, 1.0, fund=f"p{number}")
    for second in range(10, 1000):
        held(lone, second, 1.0)
    pools = lone.producer._pools  # type: ignore[attr-defined]
    assert (len(pools), max(len(one) for one in pools.values())) == (4, 320)
