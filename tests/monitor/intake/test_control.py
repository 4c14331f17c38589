"""Tests that control, hot wallets and token use become signals with documented attributes and spans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chain.events import (
    Address,
    BehaviourMismatch,
    ControlChange,
    ControlChanged,
    CustomEventSeen,
    NetworkId,
    Place,
    PlacedEvent,
    PoolCreated,
    PositionLiquidated,
    ProbedBy,
    Retracted,
    TokenUsed,
    WalletResumed,
    WalletSilent,
)
from chain.sync.checkpoint import PLACED
from monitor.intake import Intake
from monitor.intake.chain import EventRule, whereabouts
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS
from monitor.telemetry.measure import chain_kind
from monitor.telemetry.spans import _event_attributes as span_words

NOW = datetime(2026, 10, 10, 21, 15, tzinfo=UTC)
TOKEN, LOCK = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
NET = NetworkId("ethereum")
PLACE = Place(network=NET, block_number=7, block_hash="0x07", block_time=NOW - timedelta(seconds=12))
CHANGED = ControlChanged(
    place=PLACE, seen_at=NOW, event_id="c", contract=TOKEN, emitter=LOCK, change=ControlChange.OWNER, old="0x1",
    new="0x2", escaped=True,
)  # fmt: skip
SILENT = WalletSilent(
    place=PLACE, seen_at=NOW, event_id="s", venue="bybit", asset="ETH", silent_s=900.0, usual_s=600.0, per_day=1.0,
    rate_per_day=400.0,
)  # fmt: skip
RESUMED = WalletResumed(
    place=PLACE, seen_at=NOW, event_id="r", venue="bybit", asset="ETH", silent_s=1000.0, silent_event_id="s"
)
USED = TokenUsed(
    place=PLACE, seen_at=NOW, event_id="u", token=TOKEN, hour=NOW, transfers=12, moved=2**255, active=9,
    reserves=2**200, complete=True,
)  # fmt: skip
MISMATCH = BehaviourMismatch(
    place=PLACE, seen_at=NOW, event_id="b", contract=TOKEN, claimed=(LOCK, TOKEN), actual=LOCK, probes=3,
    probed_by=ProbedBy.TRACE,
)  # fmt: skip
LIQUIDATED = PositionLiquidated(
    place=PLACE, seen_at=NOW, event_id="l", protocol="aave_v3", market=LOCK, collateral=TOKEN, account=LOCK, long=True,
    amount=3 * 10**18, decimals=18,
)  # fmt: skip
CREATED = PoolCreated(
    place=PLACE, seen_at=NOW, event_id="p", factory=LOCK, pool="0x" + "dd" * 32, pool_kind="uniswap_v4", token0=LOCK,
    token1=TOKEN,
)  # fmt: skip
CUSTOM = CustomEventSeen(
    place=PLACE,
    seen_at=NOW,
    event_id="o",
    rule="stopped",
    signature="Stopped()",
    contract=TOKEN,
    arguments=(("1", "2"),),
)
EVENTS: list[tuple[PlacedEvent, SignalKind, float]] = [
    (CHANGED, SignalKind.CONTROL_CHANGED, 1),
    (MISMATCH, SignalKind.BEHAVIOUR_MISMATCH, 3),
    (SILENT, SignalKind.WALLET_SILENT, 900),
    (RESUMED, SignalKind.WALLET_RESUMED, 1000),
    (USED, SignalKind.TOKEN_USE, 12),
    (CUSTOM, SignalKind.CUSTOM_EVENT, 1),
    (CREATED, SignalKind.POOL_CREATED, 1),
    (LIQUIDATED, SignalKind.ONCHAIN_LIQUIDATION, 1),
]


def intake() -> Intake:
    rules = {("ethereum", "stopped"): EventRule(leg="venue", grade=2, assets=("ETH",))}
    return Intake(vantage="tokyo", assets=["ETH"], contracts={("ethereum", TOKEN): ["ETH"]}, rules=rules)


@pytest.mark.parametrize(("event", "kind", "value"), EVENTS)
def test_each_event_becomes_a_documented_signal_about_its_asset(
    event: PlacedEvent, kind: SignalKind, value: float
) -> None:
    [signal] = intake().event(event)
    assert (signal.kind, signal.value, signal.subject.asset) == (kind, value, "ETH")
    assert set(signal.attributes) == set(KINDS[kind].attributes) - {"disputed"}
    assert signal.event_time == PLACE.block_time
    assert signal.subject.venue == getattr(event, "venue", None)
    assert chain_kind(event) == kind.value
    assert span_words(event)
    assert PLACED[type(event).__name__] is type(event)


@pytest.mark.parametrize(("event", "kind", "value"), EVENTS)
def test_each_event_can_be_retracted(event: PlacedEvent, kind: SignalKind, value: float) -> None:
    [signal] = intake().event(Retracted(network=NET, seen_at=NOW, event_id=event.event_id, event=event))
    assert (signal.kind, signal.attributes["retracts"]) == (SignalKind.RETRACTION, event.event_id)
    [original] = intake().event(event)
    assert signal.subject == original.subject


def test_wallets_of_unwatched_assets_are_counted_and_ignored() -> None:
    under_test = intake()
    assert under_test.event(replace(SILENT, asset="DOGE")) == []
    assert under_test.unwatched == 1


def test_unknown_reserves_stay_unknown() -> None:
    [signal] = intake().event(replace(USED, reserves=None))
    assert signal.attributes["reserves"] is None


def test_a_new_pool_is_about_each_asset_of_its_tokens() -> None:
    under_test = Intake(
        vantage="tokyo",
        assets=["ETH", "BTC"],
        contracts={("ethereum", TOKEN): ["BTC", "ETH"], ("ethereum", LOCK): ["ETH"]},
    )
    found = under_test.event(CREATED)
    assert [(one.subject.asset, one.subject.pool) for one in found] == [("ETH", CREATED.pool), ("BTC", CREATED.pool)]
    assert (
        under_test.event(replace(CREATED, token0=TOKEN, token1=Address("0x" + "ee" * 20)))[0].subject.contract == TOKEN
    )


def test_a_hot_wallet_is_at_no_contract_and_no_pool() -> None:
    assert whereabouts(SILENT) == (None, ())
