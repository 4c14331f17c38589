"""A price that follows forced orders is found with its lead; orders that follow the price, or have no rhythm with it, are not."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from monitor.correlator.evidence import liquidation_lead
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer

STEP_S, STEPS = 5, 200


def lived(lead: int | None, *, seed: int = 1, busy: float = 0.5, side: str = "long") -> LoneProducer:
    """Steps of five seconds in which the price answers forced orders `lead` steps later (None: it does not; below 0: before)."""
    rng, lone = Random(seed), LoneProducer("liquidation_lead")
    flows = [rng.uniform(0.2, 2.0) * 1e6 if rng.random() < busy else 0.0 for _ in range(STEPS)]
    walk = 0.0
    for step in range(STEPS):
        second = STEP_S * step + 1
        cause = step - lead if lead is not None else -1
        pushed = flows[cause] if 0 <= cause < STEPS else 0.0
        walk += (-1.0 if side == "long" else 1.0) * 4e-9 * pushed + rng.gauss(0.0, 2e-4)
        lone.send(SignalKind.BOOK, second, 1.0, VENUE, {"state": "ok", "mid": 100.0 * exp(walk)})
        if flows[step]:
            lone.send(SignalKind.LIQUIDATION, second, flows[step], VENUE, {"side": side, "backlog": False})
        lone.complete(second + 4)
    return lone


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("lead", [1, 3, 8])
def test_the_lead_of_forced_orders_is_measured_and_moves_the_liquidation_leg_alone(lead: int, side: str) -> None:
    lone = lived(lead, side=side)
    found = lone.only()
    assert (found.name, found.leg, found.grade, found.value) == ("liquidation_lead", Leg.LIQUIDATION, 2, STEP_S * lead)
    assert found.said.startswith(f"the price of BTC follows forced orders by {STEP_S * lead} s (correlation 0.")
    assert lone.nats(Leg.LIQUIDATION, STEP_S * STEPS) >= 1.5


@pytest.mark.parametrize("lead", [None, 0, -3], ids=["no rhythm", "at once", "orders follow"])
def test_orders_that_do_not_lead_are_no_finding(lead: int | None) -> None:
    lone = lived(lead)
    assert lone.evidence == []
    assert lone.nats(Leg.LIQUIDATION, STEP_S * STEPS) == -1.0


@pytest.mark.parametrize("seed", range(20))
def test_chance_leads_nothing(seed: int) -> None:
    assert lived(None, seed=seed).evidence == []


def test_a_few_orders_show_no_rhythm() -> None:
    assert lived(2, busy=0.05).evidence == []


def test_without_a_price_and_with_an_old_order_nothing_is_compared() -> None:
    lone = LoneProducer("liquidation_lead")
    old: dict[str, Scalar] = {"side": "long", "backlog": True}
    for step in range(STEPS):
        lone.send(SignalKind.LIQUIDATION, STEP_S * step, 1e6, VENUE, old if step > 5 else {"side": "long"})
        lone.send(SignalKind.BOOK, STEP_S * step, 1.0, VENUE, {"state": "crossed", "mid": 1.0})
        lone.send(SignalKind.BOOK, STEP_S * step, 1.0, VENUE, {"state": "ok", "mid": None})
        lone.send(SignalKind.BOOK, STEP_S * step, 1.0, Subject(venue="alpha"), {"state": "ok", "mid": 1.0})
        lone.complete(STEP_S * step)
    assert lone.evidence == []


def test_a_price_that_never_moves_follows_nothing_and_what_is_remembered_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liquidation_lead, "MAX_INSTRUMENTS", 2)
    lone = LoneProducer("liquidation_lead")
    for step in range(STEPS):
        for number in range(4):
            who = Subject(asset="BTC", venue=f"v{number}")
            lone.send(SignalKind.BOOK, STEP_S * step, 1.0, who, {"state": "ok", "mid": 100.0})
        lone.send(SignalKind.LIQUIDATION, STEP_S * step, 1e6, VENUE, {"side": "long"})
        lone.complete(STEP_S * step)
    assert lone.evidence == []
    asset = lone.producer._assets["BTC"]  # type: ignore[attr-defined]
    assert (len(asset.mids), len(asset.flows), len(asset.prices)) == (2, 120, 121)


def test_a_chance_that_is_no_rarer_than_one_an_hour_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liquidation_lead, "LOOKS_PER_DAY", 1e200)
    assert lived(3).evidence == []


def test_a_step_ends_every_fifth_second() -> None:
    lone = LoneProducer("liquidation_lead")
    lone.send(SignalKind.BOOK, 0, 1.0, VENUE, {"state": "ok", "mid": 1.0})
    for second in range(11):
        lone.complete(second)
    assert lone.producer._assets["BTC"].steps == 3  # type: ignore[attr-defined]
