"""The maximum age of news in a second, by the venue's clock, and the lag of its engine, which needs no clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.clock_offset import ClockOffset
from probes.feeds.lag import LagMeter
from probes.readings import EngineLag, FeedLag, VenueId

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def meter(offset: ClockOffset) -> LagMeter:
    return LagMeter(VenueId("made"), "book_ws", offset)


def test_lag_is_the_maximum_of_the_second_corrected_by_the_clock_offset() -> None:
    offset = ClockOffset()
    offset.sample(sent_s=99.9, received_s=100.1, venue_s=105.0, resolution_s=0.0)  # the venue is 5 s ahead
    lag = meter(offset)
    lag.stamp("BTC", received_s=100.0, event_s=104.9, engine_s=None)
    lag.stamp("BTC", received_s=100.5, event_s=104.5, engine_s=104.4)
    lag.stamp("BTC", received_s=100.6, event_s=105.5, engine_s=105.48)
    readings = lag.readings(NOW, 101.0)
    engine = [one for one in readings if isinstance(one, EngineLag)]
    feed = [one for one in readings if isinstance(one, FeedLag)]
    assert [one.lag_s for one in engine] == pytest.approx([0.1])
    assert [one.lag_s for one in feed] == pytest.approx([1.0])
    assert [one.bound_s for one in feed] == pytest.approx([0.1])
    assert lag.readings(NOW, 102.0) == [], "each second starts anew"


def test_each_instrument_has_its_own_lag() -> None:
    lag = meter(ClockOffset())
    lag.stamp("BTC", 100.0, 99.9, None)
    lag.stamp("ETH", 100.0, 99.0, None)
    lags_s = {one.instrument: one.lag_s for one in lag.readings(NOW, 100.0)}
    assert lags_s == pytest.approx({"BTC": 0.0, "ETH": 0.9}), "without requests the fastest frame is the clock"


def test_messages_without_a_stamp_give_no_lag() -> None:
    assert meter(ClockOffset()).readings(NOW, 1.0) == []


def test_a_stamp_of_yesterday_is_a_lag_and_no_clock() -> None:
    offset = ClockOffset()
    lag = meter(offset)
    lag.stamp("BTC", received_s=100_000.0, event_s=10_000.0, engine_s=None)
    assert offset.best(100_000.0) is None, "a venue's clock is never more than an hour from ours"
    lag.stamp("BTC", received_s=100_000.0, event_s=96_400.0, engine_s=None)
    best = offset.best(100_000.0)
    assert best is not None
    assert best.offset_s == -3_600.0
