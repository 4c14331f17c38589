"""Liquidations on chain at the door of the monitor: whose they are, and their size in dollars where a price is at hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chain.events import Address, NetworkId, Place, PositionLiquidated, Retracted
from monitor.intake import Intake
from monitor.signals import Signal, SignalKind
from probes.readings import Instrument, Market, MarkPrice, VenueId

NOW = datetime(2026, 11, 1, tzinfo=UTC)
V, W = VenueId("made"), VenueId("other")
TOKEN, POOL, WHO = (Address("0x" + one * 20) for one in ("cc", "aa", "bb"))
EVENT = PositionLiquidated(
    place=Place(
        network=NetworkId("ethereum"), block_number=7, block_hash="0x07", block_time=NOW - timedelta(seconds=12)
    ),
    seen_at=NOW, event_id="l", protocol="spark", market=POOL, collateral=TOKEN, account=WHO, long=False,
    amount=25 * 10**17, decimals=18,
)  # fmt: skip


def intake() -> Intake:
    one = Intake(vantage="here", assets=["ETH", "BTC"], contracts={("ethereum", TOKEN): ["ETH"]})
    for venue in (V, W):
        pairs = (("ETHUSDT", "ETH", "USDT"), ("ETHBTC", "ETH", "BTC"), ("BTCUSDT", "BTC", "USDT"))
        one.know(
            venue, [Instrument(symbol=name, base=base, quote=quote, market=Market.PERP) for name, base, quote in pairs]
        )
    return one


def mark(under_test: Intake, instrument: str, price: float, venue: VenueId = V, age_s: float = 1) -> None:
    came = NOW - timedelta(seconds=age_s)
    under_test.reading(
        MarkPrice(venue=venue, received_at=came, event_time=came, instrument=instrument, mark=price, index=None)
    )


def of(under_test: Intake, event: PositionLiquidated = EVENT) -> Signal:
    [signal] = under_test.event(event)
    return signal


def test_a_liquidation_names_asset_protocol_side_and_quantity() -> None:
    signal = of(intake())
    assert (signal.kind, signal.source) == (SignalKind.ONCHAIN_LIQUIDATION, "ethereum/chain")
    assert (signal.subject.asset, signal.subject.contract, signal.subject.venue) == ("ETH", TOKEN, None)
    said = {key: signal.attributes[key] for key in ("protocol", "side", "quantity", "market", "account")}
    assert said == {"protocol": "spark", "side": "short", "quantity": 2.5, "market": POOL, "account": WHO}


def test_its_size_in_dollars_is_at_the_last_price_of_the_asset_at_any_venue() -> None:
    under_test = intake()
    mark(under_test, "ETHUSDT", 2_000.0, V, age_s=30)
    mark(under_test, "ETHUSDT", 2_100.0, W, age_s=20)
    mark(under_test, "BTCUSDT", 60_000.0, V)
    mark(under_test, "ETHBTC", 0.05, V)
    assert of(under_test).attributes["usd"] == 5_250.0


@pytest.mark.parametrize(("age_s", "usd"), [(600, 5_000.0), (601, None)])
def test_a_price_older_than_ten_minutes_is_not_at_hand(age_s: float, usd: float | None) -> None:
    under_test = intake()
    mark(under_test, "ETHUSDT", 2_000.0, age_s=age_s)
    assert of(under_test).attributes["usd"] == usd


def test_without_a_price_or_a_quantity_the_size_in_dollars_is_unknown_and_not_zero() -> None:
    under_test = intake()
    assert of(under_test).attributes["usd"] is None
    mark(under_test, "ETHUSDT", 2_000.0)
    unknown = of(under_test, replace(EVENT, decimals=None)).attributes
    assert (unknown["usd"], unknown["quantity"]) == (None, None)
    assert of(under_test, replace(EVENT, decimals=None, usd=7.0)).attributes["usd"] == 7.0


def test_collateral_of_no_watched_asset_has_no_asset_and_no_dollars() -> None:
    signal = of(intake(), replace(EVENT, collateral=WHO))
    assert (signal.subject.asset, signal.attributes["usd"]) == (None, None)


def test_a_retraction_has_the_subject_of_the_liquidation() -> None:
    under_test = intake()
    gone = Retracted(network=NetworkId("ethereum"), seen_at=NOW, event_id="l", event=EVENT)
    [signal] = under_test.event(gone)
    assert (signal.kind, signal.subject) == (SignalKind.RETRACTION, of(under_test).subject)
