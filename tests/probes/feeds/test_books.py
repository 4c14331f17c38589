"""The books of one connection: changes wait for their snapshot, gaps are reported once, resyncs report their duration."""

from __future__ import annotations

from datetime import UTC, datetime

from probes.feeds.books import FeedBooks
from probes.feeds.resync import MAX_CHANGES
from probes.readings import BookState, FeedChanged, FeedEvent, VenueId
from probes.venue import BookDelta, BookSnapshot

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def whole(last_id: int, instrument: str = "BTC") -> BookSnapshot:
    return BookSnapshot(
        instrument=instrument, last_id=last_id, event_time=NOW, bids=[(100.0, 1000.0)], asks=[(100.1, 1000.0)]
    )


def delta(last_id: int, first_id: int | None = None, instrument: str = "BTC") -> BookDelta:
    return BookDelta(
        instrument=instrument,
        first_id=first_id or last_id,
        last_id=last_id,
        prev_id=None,
        event_time=NOW,
        bids=[],
        asks=[],
    )


def books(*, based: bool) -> FeedBooks:
    return FeedBooks(VenueId("made"), "book_ws", based=based)


def needed(held: FeedBooks, now_s: float = 1e3) -> list[str]:
    """Request what is due, long after any wait unless a time is given."""
    names = held.snapshots_needed(now_s)
    for name in names:
        held.requested(name)
    return names


def wants_anew(held: FeedBooks) -> bool:
    return held.needs_new_connection


def events(changes: list[FeedChanged]) -> list[tuple[FeedEvent, float]]:
    return [(one.event, one.value) for one in changes]


def test_changes_are_buffered_until_the_rest_snapshot_comes_and_then_applied() -> None:
    held = books(based=True)
    for last_id in (9, 10, 11, 12):
        assert held.change(delta(last_id), NOW, 0.0) == []
    assert needed(held) == ["BTC"]
    assert needed(held) == [], "requested once"
    assert held.snapshot(whole(10), NOW, 1.0) == []
    (measure,) = held.measure_all(NOW, 1.0, 60.0)
    assert measure.state is BookState.OK
    assert held.change(delta(13), NOW, 2.0) == []


def test_a_snapshot_older_than_the_buffered_changes_is_requested_again() -> None:
    held = books(based=True)
    held.change(delta(20), NOW, 0.0)
    assert needed(held) == ["BTC"]
    assert held.snapshot(whole(10), NOW, 1.0) == []
    assert needed(held) == ["BTC"]
    assert held.snapshot(whole(19), NOW, 2.0) == []
    assert held.measure_all(NOW, 2.0, 60.0)[0].state is BookState.OK


def test_a_feeds_own_snapshot_that_is_older_than_the_buffered_changes_needs_a_new_connection() -> None:
    held = books(based=False)
    held.change(delta(20), NOW, 0.0)
    assert held.snapshot(whole(10), NOW, 1.0) == []
    assert wants_anew(held), "no other snapshot will come on this connection"
    held.invalidate()
    held.change(delta(20), NOW, 2.0)
    held.snapshot(whole(19), NOW, 3.0)
    assert not wants_anew(held)
    assert held.measure_all(NOW, 3.0, 60.0)[0].state is BookState.OK


def test_a_snapshot_that_does_not_come_is_requested_again() -> None:
    held = books(based=True)
    held.change(delta(20), NOW, 0.0)
    needed(held)
    held.snapshot_failed("BTC", 0.0)
    assert needed(held) == ["BTC"]


def test_a_gap_is_reported_once_with_the_missing_ids_and_the_resync_reports_its_duration() -> None:
    held = books(based=True)
    held.snapshot(whole(10), NOW, 0.0)
    gap = held.change(delta(14), NOW, 5.0)
    assert events(gap) == [(FeedEvent.GAP, 3)]
    assert gap[0].detail == "after 10 came 14..14"
    assert held.change(delta(15), NOW, 6.0) == []
    assert held.measure_all(NOW, 6.0, 60.0)[0].state is BookState.UNSYNCED
    assert not wants_anew(held)
    assert needed(held) == ["BTC"]
    assert events(held.snapshot(whole(14), NOW, 8.0)) == [(FeedEvent.RESYNCED, 3.0)]
    assert events(held.snapshot(whole(15), NOW, 9.0)) == [], "reported once"


def test_a_feed_that_sends_its_own_snapshots_needs_a_new_connection_after_a_gap() -> None:
    held = books(based=False)
    held.snapshot(whole(10), NOW, 0.0)
    assert events(held.change(delta(12), NOW, 1.0)) == [(FeedEvent.GAP, 1)]
    assert wants_anew(held)
    assert needed(held) == []
    held.invalidate()
    assert not wants_anew(held)
    assert events(held.snapshot(whole(20), NOW, 4.0)) == [(FeedEvent.RESYNCED, 3.0)]


def test_a_lost_connection_invalidates_every_book_and_clears_the_buffers() -> None:
    held = books(based=True)
    held.snapshot(whole(10), NOW, 0.0)
    held.snapshot(whole(10, "ETH"), NOW, 0.0)
    held.change(delta(14), NOW, 0.0)
    held.invalidate()
    assert {one.state for one in held.measure_all(NOW, 1.0, 60.0)} == {BookState.UNSYNCED}
    assert needed(held) == []


def test_a_book_that_was_never_complete_is_not_measured() -> None:
    held = books(based=True)
    held.change(delta(14), NOW, 0.0)
    assert held.measure_all(NOW, 1.0, 60.0) == []


def test_the_buffer_of_changes_is_bounded_and_keeps_the_newest() -> None:
    held = books(based=True)
    for last_id in range(1, MAX_CHANGES + 100):
        held.change(delta(last_id), NOW, 0.0)
    assert held.snapshot(whole(MAX_CHANGES + 98), NOW, 1.0) == []
    assert held.measure_all(NOW, 1.0, 60.0)[0].state is BookState.OK
