"""Stamps, prices and instruments on their way from readings to signals."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from probes.readings import (
    Instrument,
    InstrumentsListed,
    Market,
    MarkPrice,
    OpenInterest,
    Refusal,
    ServiceState,
    ServiceStatus,
    VenueClock,
    WalletStatus,
)
from tests.monitor.intake.test_intake import NOW, V, intake, liquidation, request


def test_a_venue_stamp_is_corrected_by_the_clock_offset() -> None:
    under_test = intake()
    under_test.reading(VenueClock(venue=V, received_at=NOW, offset_s=1.27, bound_s=0.02, samples=4, origin="rest"))

    (signal,) = under_test.reading(liquidation(event_time=NOW + timedelta(seconds=1)))

    assert signal.event_time == NOW - timedelta(seconds=0.27)


def test_an_event_time_is_never_after_its_receipt() -> None:
    (signal,) = intake().reading(liquidation(event_time=NOW + timedelta(seconds=5)))

    assert signal.event_time == NOW


def test_a_time_from_another_year_without_a_known_clock_is_taken_as_now() -> None:
    (signal,) = intake().reading(liquidation(event_time=NOW - timedelta(days=800)))

    assert signal.event_time == NOW


def test_open_interest_without_a_price_takes_the_last_mark() -> None:
    under_test = intake()
    bare = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(2), usd=None)
    assert under_test.reading(bare) == []

    under_test.reading(
        MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None)
    )

    assert [one.value for one in under_test.reading(bare)] == [200.0]


def test_unwatched_readings_are_counted_and_left_out() -> None:
    under_test = intake()

    assert under_test.reading(liquidation(instrument="DOGEUSDT")) == []
    assert (
        under_test.reading(
            WalletStatus(venue=V, asset="XYZ", network="", received_at=NOW, deposits=True, withdrawals=True)
        )
        == []
    )
    assert under_test.unwatched == 2


def test_listed_instruments_of_watched_assets_become_known() -> None:
    under_test = intake()
    listed = [
        Instrument(symbol="ETHPERP", base="ETH", quote="USDT", market=Market.PERP),
        Instrument(symbol="DOGEUSDT", base="DOGE", quote="USDT", market=Market.PERP),
    ]
    under_test.reading(InstrumentsListed(venue=V, received_at=NOW, instruments=tuple(listed)))

    assert [one.subject.asset for one in under_test.reading(liquidation(instrument="ETHPERP"))] == ["ETH"]
    assert under_test.reading(liquidation(instrument="DOGEUSDT")) == []


@pytest.mark.parametrize(
    ("refusal", "status"), [(Refusal.GEO_BLOCKED, 451), (Refusal.REDIRECTED, 302), (Refusal.LOCAL, None)]
)
def test_a_refusal_caused_by_us_is_marked_as_ours(refusal: Refusal, status: int | None) -> None:
    (signal,) = intake().reading(request(refusal=refusal, status=status))

    assert (signal.attributes["outcome"], signal.attributes["ours"]) == (refusal.value, True)


def test_a_declared_state_says_of_which_part_of_the_venue_it_is() -> None:
    said = ServiceStatus(venue=V, received_at=NOW, state=ServiceState.MAINTENANCE, title="t", service="spot")
    (signal,) = intake().reading(said)
    assert signal.attributes["service"] == "spot"
