"""Tests of the intake's bounds: times and clocks, mark prices of one venue, watched assets, source checks and links."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from chain.explorers.answers import SourceSeen
from monitor.signals import SignalKind, Subject
from probes.readings import MarkPrice, OpenInterest, VenueClock, VenueId, WalletStatus
from tests.monitor.intake.test_chain import UPGRADED
from tests.monitor.intake.test_intake import NOW, OTHER, PROXY, V, intake, liquidation

HOUR = timedelta(hours=1)


def clock(offset_s: float, venue: VenueId = V) -> VenueClock:
    return VenueClock(venue=venue, received_at=NOW, offset_s=offset_s, bound_s=0.02, samples=4, origin="rest")


@pytest.mark.parametrize(
    ("age", "believed"), [(HOUR, True), (HOUR + timedelta(milliseconds=1), False), (timedelta(seconds=3), True)]
)
def test_without_a_known_clock_a_time_is_believed_up_to_one_hour_old(age: timedelta, *, believed: bool) -> None:
    [signal] = intake().reading(liquidation(event_time=NOW - age))
    assert signal.event_time == (NOW - age if believed else NOW)


def test_with_a_known_clock_an_old_time_means_an_old_event() -> None:
    under_test = intake()
    under_test.reading(clock(-2.0))
    [signal] = under_test.reading(liquidation(event_time=NOW - 5 * HOUR))
    assert signal.event_time == NOW - 5 * HOUR + timedelta(seconds=2)


def test_the_clock_of_one_venue_corrects_no_other() -> None:
    under_test = intake()
    under_test.reading(clock(1.5, VenueId("okx")))
    [signal] = under_test.reading(liquidation(event_time=NOW - timedelta(seconds=1)))
    assert signal.event_time == NOW - timedelta(seconds=1)


def test_the_mark_price_of_another_venue_is_not_used_for_open_interest() -> None:
    under_test = intake()
    under_test.know("okx", [under_test._instruments[V, "BTCUSDT"]])
    mark = MarkPrice(
        venue=VenueId("okx"), instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None
    )
    under_test.reading(mark)
    bare = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(2), usd=None)
    assert under_test.reading(bare) == []


def test_a_dollar_value_from_the_venue_is_not_computed_again() -> None:
    under_test = intake()
    under_test.reading(
        MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None)
    )
    reported = OpenInterest(
        venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(2), usd=Decimal(7)
    )
    assert [one.value for one in under_test.reading(reported)] == [7.0]


def test_a_reading_of_an_unknown_instrument_or_an_unwatched_asset_is_counted_each_time() -> None:
    under_test = intake()
    for count in (1, 2):
        assert under_test.reading(liquidation(instrument="NOBODY")) == []
        assert under_test.unwatched == 2 * count - 1
        wallet = WalletStatus(venue=V, asset="XYZ", network="x", received_at=NOW, deposits=True, withdrawals=True)
        assert under_test.reading(wallet) == []
        assert under_test.unwatched == 2 * count


def test_a_signal_says_where_it_was_seen_from_by_which_source_and_span() -> None:
    [signal] = intake().reading(liquidation(), "trace:span")
    assert signal.subject == Subject(asset="BTC", venue="bybit", instrument="BTCUSDT", vantage="tokyo")
    assert (signal.source, signal.seq, signal.link) == ("bybit/liquidation", 1, "trace:span")
    assert signal.received_at == NOW
    [event] = intake().event(UPGRADED, "trace:other")
    assert (event.link, event.source, event.received_at) == ("trace:other", "ethereum/chain", UPGRADED.seen_at)


@pytest.mark.parametrize("verified", [True, False])
def test_a_source_check_becomes_a_signal_of_the_upgrades_assets(*, verified: bool) -> None:
    [signal] = intake().source(UPGRADED, SourceSeen(address=OTHER, by="sourcify", verified=verified), NOW)
    assert signal.kind is SignalKind.SOURCE_CHECKED
    assert (signal.value, signal.source) == (float(verified), "ethereum/sourcify")
    assert (signal.subject.asset, signal.subject.contract) == ("ETH", PROXY)
    assert (signal.event_time, signal.received_at) == (NOW, NOW)
    assert signal.attributes["upgrade"] == UPGRADED.event_id
    assert signal.attributes["by"] == "sourcify"
