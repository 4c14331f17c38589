"""Liquidations that rise over hours make their leg TRUE by themselves and hold it; a quiet market and a blind feed do not."""

from __future__ import annotations

import random

import pytest

from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

PERP = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
SOURCE = "alpha/liquidation"
USUAL_PER_MIN = 3.0
QUIET_MIN = 120


class Market:
    """One feed of one asset, which is seen unless it is closed."""

    def __init__(self, seed: int = 1) -> None:
        self.lone = LoneProducer("liquidation_swell")
        self.rng = random.Random(seed)
        self.minute = 0
        legs: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0}
        self.tell(SignalKind.EXPECT, legs, 1e6)
        self.lone.send(SignalKind.EXPECT, 0, 1e6, PERP, legs, SOURCE)

    def tell(self, kind: SignalKind, attributes: dict[str, Scalar], value: float = 1.0) -> None:
        """Let coverage alone take a signal about the feed."""
        at = moment(60 * self.minute)
        self.lone.coverage.on_signal(Signal(kind, PERP, at, at, SOURCE, 1, value, attributes), at.timestamp())

    def live(self, minutes: int, times: float = 1.0, *, backlog: bool = False) -> list[float]:
        """So many minutes at so many times the usual; the nats of the liquidation leg after each."""
        found = []
        for _ in range(minutes):
            events = sum(self.rng.random() < USUAL_PER_MIN * times / 400 for _ in range(400))
            for number in range(events):
                second = 60 * self.minute + 59 * number / events
                words: dict[str, Scalar] = {"side": "long", "backlog": backlog}
                self.lone.send(SignalKind.LIQUIDATION, second, 1000.0, PERP, words, SOURCE)
            self.minute += 1
            self.lone.complete(60 * self.minute)
            found.append(self.lone.nats(Leg.LIQUIDATION, 60 * self.minute))
        return found


def test_a_rise_to_twelve_times_over_an_hour_makes_the_leg_true_and_it_stays_true() -> None:
    market = Market()
    market.live(QUIET_MIN)
    nats = [market.live(1, 1 + 11 * minute / 60)[0] for minute in range(60)] + market.live(60, 12.0)
    s = CorrelatorSettings()
    true = next(minute for minute, one in enumerate(nats) if one >= s.true_nats)
    assert true <= 30
    assert min(nats[true:]) >= s.leave_nats
    evidence = market.lone.only()
    assert (evidence.leg, evidence.name, evidence.grade) == (Leg.LIQUIDATION, "liquidation_swell", 4)
    assert evidence.said.startswith("liquidations 1")
    assert "over 30 min" in evidence.said
    assert evidence.onset >= moment(60 * QUIET_MIN)


def test_a_quiet_market_and_one_at_twice_the_usual_move_nothing() -> None:
    market = Market()
    market.live(QUIET_MIN)
    assert max(market.live(300)) < 0.5
    assert max(market.live(60, 1.6)) < CorrelatorSettings().true_nats
    assert market.lone.grades.get("liquidation_swell", 0) <= 1


def test_what_a_feed_sends_after_the_fact_is_no_rise() -> None:
    market = Market()
    market.live(QUIET_MIN)
    market.live(40, 12.0, backlog=True)
    assert not market.lone.evidence


def test_a_throttled_feed_that_shows_no_more_but_a_smaller_share_is_a_rise() -> None:
    """A feed that shows one event a second at most: its count stands while its trust falls to a sixth."""
    market = Market()
    market.lone.coverage.trust[SOURCE, "BTC"] = 0.6
    market.live(QUIET_MIN)
    market.lone.coverage.trust[SOURCE, "BTC"] = 0.1
    market.live(30)
    evidence = market.lone.only()
    assert evidence.grade >= 3
    assert evidence.normal == pytest.approx(USUAL_PER_MIN / 60 / 0.6, rel=0.25)
    assert evidence.value == pytest.approx(USUAL_PER_MIN / 60 / 0.1, rel=0.3)


def test_hours_in_which_the_feed_was_closed_are_neither_calm_nor_a_rise() -> None:
    market = Market()
    market.live(QUIET_MIN)
    market.tell(SignalKind.FEED_CLOSED, {"reason": "cut", "backlog": False})
    market.live(240, 0.0)
    market.tell(SignalKind.FEED_OPENED, {"backlog": False})
    market.live(60)
    assert not market.lone.evidence


def test_an_asset_of_which_only_a_chain_is_heard_is_not_watched_here() -> None:
    lone = LoneProducer("liquidation_swell")
    legs: dict[str, Scalar] = {"leg": "liquidation", "class": "chain"}
    lone.send(SignalKind.EXPECT, 0, 60.0, Subject(asset="ETH"), legs, "ethereum/chain")
    lone.send(SignalKind.LIQUIDATION, 0, 60.0, Subject(venue="alpha"), {}, SOURCE)
    for minute in range(3):
        lone.complete(60 * minute)
    assert not lone.evidence
