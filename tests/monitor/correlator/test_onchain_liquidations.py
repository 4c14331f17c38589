"""Liquidations on chain as evidence: a surge is found, ordinary hours are none, and a reorg takes back what it undid."""

from __future__ import annotations

import random

import pytest

from monitor.correlator.evidence import liquidation_surge, onchain_liquidations
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer

ETH = Subject(asset="ETH", network="ethereum", contract="0x" + "cc" * 20)
MINUTE_S = 60
WARM = 61


class Market:
    """One asset's liquidations on chain, minute by minute."""

    def __init__(self) -> None:
        self.lone = LoneProducer("onchain_liquidations")
        self.minute = 0
        self.number = 0

    def liquidated(self, second: float, transaction: str = "", usd: float | None = 1_000.0) -> str:
        """One liquidation; returns the id of its event."""
        self.number += 1
        attributes: dict[str, Scalar] = {
            "event_id": f"e{self.number}",
            "transaction": transaction or f"t{self.number}",
            "usd": usd,
        }
        self.lone.send(SignalKind.ONCHAIN_LIQUIDATION, second, 1.0, ETH, attributes, "ethereum/chain")
        return f"e{self.number}"

    def retracted(self, event_id: str) -> None:
        self.lone.send(
            SignalKind.RETRACTION, MINUTE_S * self.minute, 1.0, ETH, {"retracts": event_id}, "ethereum/chain"
        )

    def pass_minute(self, count: int = 0, usd: float | None = 1_000.0) -> list[str]:
        """A minute with so many liquidations, in blocks each 12 s."""
        ids = [self.liquidated(MINUTE_S * self.minute + 12 * (at % 5), usd=usd) for at in range(count)]
        self.minute += 1
        self.lone.complete(MINUTE_S * self.minute)
        return ids


def warm() -> Market:
    market = Market()
    market.lone.complete(0)
    for at in range(2 * WARM):
        market.pass_minute(int(at % 20 == 0))
    assert not market.lone.evidence
    return market


def test_many_liquidations_in_minutes_are_evidence_of_the_liquidation_leg_with_their_size() -> None:
    market = warm()
    for _ in range(3):
        market.pass_minute(20)
    evidence = market.lone.only()
    assert (evidence.leg, evidence.name, evidence.grade) == (Leg.LIQUIDATION, "onchain_liquidations", 2)
    assert evidence.subject == Subject(asset="ETH")
    assert "60 liquidations on chain in 3 min" in evidence.said
    assert "60,000 USD" in evidence.said
    assert evidence.onset.timestamp() == evidence.at.timestamp() - 180


@pytest.mark.parametrize(
    ("sizes", "said"), [((None,), "size in USD unknown"), ((None, 500.0), "5,000 USD, and 10 of unknown size")]
)
def test_a_size_without_a_price_is_unknown_and_not_zero(sizes: tuple[float | None, ...], said: str) -> None:
    market = warm()
    for size in sizes:
        for at in range(10):
            market.liquidated(MINUTE_S * market.minute + at, usd=size)
    market.pass_minute()
    assert said in market.lone.only().said


def test_the_first_hour_is_learned_and_not_judged() -> None:
    market = Market()
    market.lone.complete(0)
    for _ in range(60):
        market.pass_minute(10)
        assert not market.lone.evidence


@pytest.mark.parametrize(
    ("leg", "source", "judged"),
    [("liquidation", "chain", True), ("migration", "chain", False), ("liquidation", "ws", False)],
)
def test_an_asset_whose_lenders_are_declared_is_learned_before_its_first_liquidation(
    leg: str, source: str, judged: bool
) -> None:
    market = Market()
    market.lone.send(SignalKind.EXPECT, 0, 36.0, ETH, {"leg": leg, "class": source}, "ethereum/chain")
    market.lone.complete(0)
    for _ in range(WARM):
        market.pass_minute(0)
    market.pass_minute(20)
    assert bool(market.lone.evidence) is judged


def test_ordinary_clustered_days_make_little_evidence() -> None:
    """A hundred days with a burst of three to six each few hours, as liquidators work through one account after another."""
    dice, market, found = random.Random(3), Market(), 0
    market.lone.complete(0)
    active = False
    for _ in range(100 * 1440):
        market.pass_minute(dice.randint(3, 6) if dice.random() < 1 / 240 else 0)
        now = bool(market.lone.evidence)
        found += now and not active
        active = now
        if now:
            market.lone.active.withdraw(market.lone.only().id)
    assert found <= 100  # a grade of 2 at most once a day; measured: none


def test_a_surge_of_a_day_becomes_the_usual_rate() -> None:
    market = warm()
    for _ in range(2 * 1440):
        market.pass_minute(5)
    for one in market.lone.evidence:
        market.lone.active.withdraw(one.id)
    for _ in range(120):
        market.pass_minute(5)
    assert not market.lone.evidence


def test_a_surge_that_is_over_is_not_renewed_by_single_liquidations() -> None:
    market = warm()
    for _ in range(3):
        market.pass_minute(20)
    ended = market.lone.only().at
    for _ in range(25):
        market.pass_minute(0)
    market.pass_minute(1)
    assert market.lone.only().at == ended


def test_a_liquidation_undone_in_its_own_minute_was_never_counted() -> None:
    market = warm()
    ids = [market.liquidated(MINUTE_S * market.minute + 1) for _ in range(20)]
    for one in ids:
        market.retracted(one)
    market.pass_minute()
    assert not market.lone.evidence


def test_a_reorg_that_undoes_all_of_a_surge_withdraws_it() -> None:
    market = warm()
    ids = market.pass_minute(20)
    for one in ids[:-1]:
        market.retracted(one)
    assert market.lone.grades == {"onchain_liquidations": 2}
    market.retracted(ids[-1])
    assert not market.lone.evidence
    market.retracted("unknown")
    market.pass_minute(1)
    assert not market.lone.evidence


def test_a_liquidation_that_comes_back_in_another_block_is_counted_once() -> None:
    market, usual = warm(), warm()
    for one in (market, usual):
        ids = [one.liquidated(MINUTE_S * one.minute, transaction) for transaction in ("t-first", "t-second")]
        one.pass_minute()
        if one is market:
            for event_id in ids:
                market.retracted(event_id)
            for transaction in ("t-first", "t-second"):
                market.liquidated(MINUTE_S * market.minute, transaction)
    again = market.liquidated(MINUTE_S * market.minute, "t-new")
    market.retracted(again)
    for one in (market, usual):
        one.pass_minute(6)
    assert [one.value for one in market.lone.evidence] == [one.value for one in usual.lone.evidence]


def test_a_liquidation_that_came_back_can_be_undone_again() -> None:
    market = warm()
    first = market.liquidated(MINUTE_S * market.minute, "t")
    market.pass_minute(12)
    value = market.lone.only().value
    for _ in range(3):
        market.retracted(first)
        first = market.liquidated(MINUTE_S * market.minute, "t")
    market.pass_minute(0)
    assert market.lone.only().value == value


def test_assets_that_are_not_known_count_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    market = warm()
    market.lone.send(SignalKind.ONCHAIN_LIQUIDATION, 0, 1.0, Subject(network="ethereum"), {})
    market.lone.send(SignalKind.RETRACTION, 0, 1.0, Subject(asset="BTC"), {"retracts": "e1"})
    monkeypatch.setattr(onchain_liquidations, "MAX_KNOWN", 2)
    ids = market.pass_minute(20)
    for one in ids[:-2]:
        market.retracted(one)
    assert market.lone.grades == {"onchain_liquidations": 2}  # what is forgotten can no longer be undone


def test_the_surge_of_venue_feeds_does_not_count_a_chain_among_its_feeds() -> None:
    lone = LoneProducer("liquidation_surge")
    expect: dict[str, Scalar] = {"leg": "liquidation", "class": "chain", "censoring": "complete"}
    lone.send(SignalKind.EXPECT, 0, 36.0, Subject(asset="ETH", network="ethereum"), expect, "ethereum/chain")
    lone.complete(1)
    assert isinstance(lone.producer, liquidation_surge.LiquidationSurgeEvidence)
    assert lone.coverage.trust == {}


def test_what_a_reorg_undid_to_the_last_is_counted_when_it_comes_back() -> None:
    market = warm()
    ids = [market.liquidated(MINUTE_S * market.minute, f"again{number}") for number in range(40)]
    market.pass_minute()
    assert market.lone.evidence
    for one in ids:
        market.retracted(one)
    assert not market.lone.evidence
    for number in range(40):
        market.liquidated(MINUTE_S * market.minute, f"again{number}")
    market.pass_minute()
    assert "40 liquidations on chain" in market.lone.only().said
