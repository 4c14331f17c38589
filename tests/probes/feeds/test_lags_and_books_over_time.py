"""Lags, books and quiet times of a feed from second to second."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from probes.readings import (
    BookMeasured,
    BookState,
    EngineLag,
    FeedChanged,
    FeedEvent,
    FeedLag,
    Liquidation,
    MalformedReason,
    RowsMalformed,
    VenueClock,
)
from probes.venue import (
    BookDelta,
    OddRows,
    Pong,
)
from tests.probes.feeds.test_interpreter_over_time import (
    FORCED,
    MARK,
    T0,
    ScriptedFeed,
    at,
    changes,
    delta,
    known_clock,
    only,
    snapshot,
)


def test_the_lag_of_a_second_is_its_maximum_by_the_venues_clock_and_the_engine_lag_is_separate() -> None:
    feed = ScriptedFeed(offset=known_clock())
    feed.read(1.0, snapshot(2.9))  # 0.1 s old by the venue's clock
    feed.read(1.5, delta(3.0, 11, engine_s=2.8))  # 0.5 s old, 0.2 s in the engine
    feed.read(1.6, delta(3.5, 12, engine_s=3.45))  # 0.1 s old
    readings = feed.second(2.0)
    lag, engine = only(FeedLag, readings), only(EngineLag, readings)
    assert (lag.lag_s, lag.bound_s) == pytest.approx((0.5, 0.05), abs=1e-6)
    assert (lag.venue, lag.feed, lag.instrument, lag.received_at) == ("made", "news", "BTC", at(2.0))
    assert engine.lag_s == pytest.approx(0.2, abs=1e-6)
    assert engine.instrument == "BTC"
    assert not [one for one in feed.second(3.0) if isinstance(one, FeedLag | EngineLag)]


def test_a_mark_price_has_a_lag_but_a_liquidation_or_an_unwatched_or_unstamped_price_has_none() -> None:
    stamped = replace(MARK, event_time=at(2.7))
    feed = ScriptedFeed(offset=known_clock())
    feed.read(1.0, stamped)
    assert only(FeedLag, feed.second(1.0)).lag_s == pytest.approx(0.3, abs=1e-6)
    for word in (MARK, replace(stamped, instrument="ETH"), replace(FORCED, event_time=at(2.0)), snapshot(None)):
        feed.read(1.5, word)
        assert not [one for one in feed.second(2.0) if isinstance(one, FeedLag)]


def test_only_a_watched_book_is_measured_each_second() -> None:
    feed = ScriptedFeed()
    feed.read(1.0, snapshot(1.0), snapshot(1.0, "ETH"), delta(1.0, 11, instrument="ETH"), delta(1.0, 11))
    book = only(BookMeasured, feed.second(2.0))
    assert (book.instrument, book.state, book.updates, book.age_s) == ("BTC", BookState.OK, 2, 1.0)
    for number in range(12, 32):
        feed.read(2.0, delta(2.0, number))
    assert only(BookMeasured, feed.second(62.0)).state is BookState.OK
    assert only(BookMeasured, feed.second(62.5)).state is BookState.FROZEN


def test_a_gap_is_reported_with_its_frame_and_a_closed_connection_invalidates_the_book() -> None:
    feed = ScriptedFeed()
    feed.read(1.0, snapshot(1.0))
    assert changes(feed.read(1.1, delta(1.1, 13)).readings) == [(FeedEvent.GAP, 2)]
    feed.read(2.0, snapshot(2.0, last_id=20))
    assert only(BookMeasured, feed.second(3.0)).state is BookState.OK
    closed = feed.reader.closed(2.5, at(3.0), detail="why", planned=True)
    assert (closed.event, closed.value, closed.detail, closed.planned) == (FeedEvent.CLOSED, 2.5, "why", True)
    assert not feed.reader.closed(1.0, at(3.0)).planned
    assert only(BookMeasured, feed.second(3.0)).state is BookState.UNSYNCED


def test_a_feed_based_on_rest_requests_a_snapshot_and_requests_it_again_when_it_fails() -> None:
    feed = ScriptedFeed(book_base="book_rest")
    feed.read(1.0, delta(1.0, 11))
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == ["BTC"]
    feed.reader.books.requested("BTC")
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == []
    assert list(feed.reader.rest_snapshot(None, "BTC", at(2.0))) == []
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == ["BTC"]
    assert list(feed.reader.rest_snapshot(snapshot(2.0), "BTC", at(2.0))) == []
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == []
    feed.read(3.0, delta(3.0, 15))
    (change,) = feed.reader.rest_snapshot(snapshot(4.0, last_id=20), "BTC", at(4.5))
    assert isinstance(change, FeedChanged)
    assert (change.event, change.value, change.received_at) == (FeedEvent.RESYNCED, 1.5, at(4.5))


def test_a_feed_with_its_own_snapshots_never_requests_one() -> None:
    feed = ScriptedFeed()
    feed.read(1.0, delta(1.0, 11))
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == []


def test_a_clock_estimated_from_a_feed_is_reported_every_five_seconds() -> None:
    feed = ScriptedFeed()
    clocks = []
    for seconds in (1.0, 2.0, 5.9, 6.0, 10.9, 11.0):
        feed.read(seconds, replace(MARK, event_time=at(seconds - 0.3)))
        clocks += [(seconds, one) for one in feed.second(seconds) if isinstance(one, VenueClock)]
    assert [seconds for seconds, _ in clocks] == [1.0, 6.0, 11.0]
    first = clocks[0][1]
    assert first.offset_s == pytest.approx(-0.3, abs=1e-6)
    assert (first.bound_s, first.samples, first.origin) == (0.25, 1, "feed")
    assert (first.venue, first.received_at) == ("made", at(1.0))


def test_a_clock_measured_by_requests_is_not_reported_by_feeds() -> None:
    feed = ScriptedFeed(offset=known_clock())
    feed.read(1.0, replace(MARK, event_time=at(1.0)))
    assert not [one for one in feed.second(1.0) if isinstance(one, VenueClock)]


def test_quiet_time_counts_from_the_last_news_or_else_from_the_opening() -> None:
    feed = ScriptedFeed(opened_s=100.0)
    assert feed.reader.quiet_s(103.0) == 3.0
    feed.read(104.0, MARK)
    assert feed.reader.quiet_s(106.5) == 2.5
    feed.read(107.0, Pong())
    assert feed.reader.quiet_s(108.0) == 4.0


def test_changes_after_a_closed_connection_are_not_applied_to_the_earlier_book() -> None:
    feed = ScriptedFeed(book_base="book_rest")
    feed.reader.rest_snapshot(snapshot(1.0), "BTC", at(1.0))
    assert changes(feed.read(1.5, delta(1.5, 11)).readings) == [(FeedEvent.PULSE, 1)]
    feed.reader.closed(2.0, at(2.0))
    feed.reader.opened(at(3.0), 3.0)
    feed.read(3.5, delta(3.5, 12))
    assert only(BookMeasured, feed.second(4.0)).state is BookState.UNSYNCED
    assert feed.reader.books.snapshots_needed(T0.timestamp() + 1e3) == ["BTC"]


def test_a_liquidation_that_cannot_be_true_is_named_once_a_second_and_is_no_sign_of_life() -> None:
    feed = ScriptedFeed(silence_after_s=30.0)
    odd = OddRows(reason=MalformedReason.SHAPE, path="$[3]", count=2)
    late = replace(FORCED, event_time=datetime.fromtimestamp(T0.timestamp() / 1000, UTC))
    crossed = BookDelta(
        instrument="BTC", first_id=1, last_id=1, prev_id=None, event_time=None, bids=[(-5.0, 1.0)], asks=[]
    )

    assert feed.read(29.0, late, late, odd, crossed, replace(MARK, mark=0.0)).readings == []
    readings = feed.second(30.0)

    assert {(one.reason, one.count) for one in readings if isinstance(one, RowsMalformed)} == {
        (MalformedReason.STAMP, 2), (MalformedReason.SHAPE, 2), (MalformedReason.PRICE, 2)
    }  # fmt: skip
    assert {(one.venue, one.check) for one in readings if isinstance(one, RowsMalformed)} == {("made", "news")}
    assert changes(readings) == [(FeedEvent.SILENT, 30.0)]
    assert [one for one in feed.second(31.0) if isinstance(one, RowsMalformed)] == []


def test_the_good_rows_of_a_frame_are_news_beside_an_odd_one() -> None:
    feed = ScriptedFeed()
    result = feed.read(1.0, FORCED, replace(FORCED, price=Decimal(0)), FORCED)
    assert [type(one) for one in result.readings] == [Liquidation, Liquidation, FeedChanged]
