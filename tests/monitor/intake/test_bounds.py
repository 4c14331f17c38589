"""The door at its edges: stamps and clocks, marks of one venue, who is watched, what a source check and a link become."""

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
    door = intake()
    door.reading(clock(-2.0))
    [signal] = door.reading(liquidation(event_time=NOW - 5 * HOUR))
    assert signal.event_time == NOW - 5 * HOUR + timedelta(seconds=2)


def test_the_clock_of_one_venue_corrects_no_other() -> None:
    door = intake()
    door.reading(clock(1.5, VenueId("okx")))
    [signal] = door.reading(liquidation(event_time=NOW - timedelta(seconds=1)))
    assert signal.event_time == NOW - timedelta(seconds=1)


def test_the_mark_price_of_another_venue_is_not_used_for_open_interest() -> None:
    door = intake()
    door.know("okx", [door._instruments[V, "BTCUSDT"]])
    mark = MarkPrice(
        venue=VenueId("okx"), instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None
    )
    door.reading(mark)
    bare = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(2), usd=None)
    assert door.reading(bare) == []


def test_a_dollar_value_from_the_venue_is_not_computed_again() -> None:
    door = intake()
    door.reading(MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None))
    told = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(2), usd=Decimal(7))
    assert [one.value for one in door.reading(told)] == [7.0]


def test_a_reading_of_an_unknown_instrument_or_an_unwatched_asset_is_counted_each_time() -> None:
    door = intake()
    for count in (1, 2):
        assert door.reading(liquidation(instrument="NOBODY")) == []
        assert door.unwatched == 2 * count - 1
        wallet = WalletStatus(venue=V, asset="XYZ", network="x", received_at=NOW, deposits=True, withdrawals=True)
        assert door.reading(wallet) == []
        assert door.unwatched == 2 * count


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
