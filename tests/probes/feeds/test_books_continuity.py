"""Continuity of a feed's books: what a gap reports, which changes are buffered, and when a resync is requested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.book import Rhythm
from probes.feeds.books import FeedBooks
from probes.readings import BookState, FeedChanged, FeedEvent, VenueId
from probes.venue import BookDelta, BookSnapshot

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=9)


def books(*, based: bool) -> FeedBooks:
    return FeedBooks(VenueId("made"), "book_ws", based=based)


def needed(held: FeedBooks, now_s: float = 1e3) -> list[str]:
    """Request what is due, long after any wait unless a time is given."""
    names = held.snapshots_needed(now_s)
    for name in names:
        held.requested(name)
    return names


def whole(last_id: int, instrument: str = "BTC") -> BookSnapshot:
    return BookSnapshot(
        instrument=instrument, last_id=last_id, event_time=NOW, bids=[(100.0, 1000.0)], asks=[(100.1, 1000.0)]
    )


def delta(
    first_id: int, last_id: int | None = None, prev_id: int | None = None, instrument: str = "BTC", price: float = 99.0
) -> BookDelta:
    return BookDelta(
        instrument=instrument, first_id=first_id, last_id=last_id or first_id, prev_id=prev_id, event_time=NOW,
        bids=[(price, 7.0)], asks=[],
    )  # fmt: skip


def state(held: FeedBooks, now_s: float = 0.0) -> dict[str, BookState]:
    return {one.instrument: one.state for one in held.measure_all(NOW, now_s, 60.0)}


def events(changes: Sequence[FeedChanged]) -> list[tuple[FeedEvent, float]]:
    return [(one.event, one.value) for one in changes]


def synced(*, based: bool = True) -> FeedBooks:
    """A book of BTC whose last id is 10."""
    held = books(based=based)
    held.change(delta(10), NOW, 0.0)
    needed(held)
    held.snapshot(whole(10), NOW, 0.0)
    return held


def test_a_gap_names_its_venue_feed_instrument_and_missing_ids() -> None:
    (gap,) = synced().change(delta(14, 16), LATER, 5.0)
    assert (gap.venue, gap.feed, gap.instrument, gap.received_at) == ("made", "book_ws", "BTC", LATER)
    assert (gap.event, gap.value, gap.detail, gap.planned) == (FeedEvent.GAP, 3, "after 10 came 14..16", False)


def test_a_gap_by_previous_ids_counts_the_ids_before_the_named_one() -> None:
    held = synced()
    assert held.change(delta(11, 12, prev_id=10), NOW, 0.0) == []
    assert events(held.change(delta(20, 21, prev_id=17), NOW, 0.0)) == [(FeedEvent.GAP, 5)]


def test_an_old_or_consecutive_change_is_no_gap() -> None:
    held = synced()
    for change in (delta(11), delta(9), delta(11), delta(12, 14), delta(13), delta(15)):
        assert held.change(change, NOW, 1.0) == []
    assert state(held) == {"BTC": BookState.OK}
    assert needed(held) == []


def test_a_gap_invalidates_only_its_own_book() -> None:
    held = synced()
    held.snapshot(whole(50, "ETH"), NOW, 0.0)
    held.change(delta(13), NOW, 1.0)
    held.change(delta(51, instrument="ETH"), NOW, 1.0)
    assert state(held) == {"BTC": BookState.UNSYNCED, "ETH": BookState.OK}
    assert needed(held) == ["BTC"]


def test_a_resync_reports_the_seconds_since_its_gap_whatever_came_in_between() -> None:
    held = synced()
    held.change(delta(13), NOW, 100.0)
    held.change(delta(20), NOW, 103.0)
    (resynced,) = held.snapshot(whole(25), LATER, 104.5)
    assert (resynced.event, resynced.value, resynced.instrument, resynced.received_at) == (
        FeedEvent.RESYNCED,
        4.5,
        "BTC",
        LATER,
    )
    assert held.change(delta(26), NOW, 105.0) == []
    assert held.change(delta(30), NOW, 110.0) != []
    assert events(held.snapshot(whole(30), NOW, 111.0)) == [(FeedEvent.RESYNCED, 1.0)]


def test_a_first_snapshot_is_no_resync() -> None:
    held = books(based=True)
    held.change(delta(10), NOW, 0.0)
    assert held.snapshot(whole(10), NOW, 5.0) == []


def test_a_gap_within_the_buffered_changes_is_no_resync_and_requests_a_new_snapshot() -> None:
    held = synced()
    held.change(delta(13), NOW, 1.0)
    needed(held)
    held.change(delta(20), NOW, 2.0)
    assert held.snapshot(whole(13), NOW, 3.0) == []
    assert state(held) == {"BTC": BookState.UNSYNCED}
    assert needed(held) == ["BTC"]
    assert events(held.snapshot(whole(19), NOW, 6.0)) == [(FeedEvent.RESYNCED, 5.0)]
    assert state(held) == {"BTC": BookState.OK}


def test_the_change_that_showed_the_gap_is_buffered_for_the_snapshot() -> None:
    held = synced()
    held.change(delta(13), NOW, 1.0)
    held.snapshot(whole(12), NOW, 2.0)
    assert held.change(delta(14), NOW, 3.0) == []


def test_buffered_changes_are_applied_once() -> None:
    held = books(based=True)
    held.change(delta(11, price=98.0), NOW, 0.0)
    held.snapshot(whole(10), NOW, 1.0)
    assert held.measure_all(NOW, 1.0, 60.0)[0].levels == 3
    held.snapshot(whole(10), NOW, 2.0)
    assert held.measure_all(NOW, 2.0, 60.0)[0].levels == 2


def test_each_book_requests_one_snapshot_at_a_time() -> None:
    held = books(based=True)
    held.change(delta(10), NOW, 0.0)
    held.change(delta(10, instrument="ETH"), NOW, 0.0)
    assert needed(held) == ["BTC", "ETH"]
    for number in range(11, 200):
        held.change(delta(number), NOW, 0.0)
        assert needed(held) == []
    held.snapshot_failed("ETH", 0.0)
    assert needed(held) == ["ETH"]
    assert needed(held) == []


def test_a_book_without_changes_requests_no_snapshot() -> None:
    held = books(based=True)
    held.snapshot(whole(10), NOW, 0.0)
    held.invalidate()
    assert needed(held) == []
    held.change(delta(11), NOW, 0.0)
    assert needed(held) == ["BTC"]


def test_a_snapshot_requested_before_the_connection_was_lost_is_requested_again_after_it() -> None:
    held = books(based=True)
    held.change(delta(11), NOW, 0.0)
    assert needed(held) == ["BTC"]
    held.invalidate()
    held.change(delta(21), NOW, 0.0)
    assert needed(held) == ["BTC"]


def test_changes_of_a_lost_connection_are_not_applied_to_the_next_snapshot() -> None:
    held = books(based=True)
    held.change(delta(11, price=98.0), NOW, 0.0)
    held.invalidate()
    held.snapshot(whole(10), NOW, 1.0)
    assert held.measure_all(NOW, 1.0, 60.0)[0].levels == 2


def test_after_a_lost_connection_even_a_consecutive_change_is_not_applied() -> None:
    held = synced()
    held.invalidate()
    assert held.change(delta(11), NOW, 1.0) == []
    assert state(held) == {"BTC": BookState.UNSYNCED}


def test_only_a_feed_based_on_rest_accepts_a_change_that_overlaps_the_snapshot() -> None:
    own = books(based=False)
    own.snapshot(whole(10), NOW, 0.0)
    assert events(own.change(delta(8, 14), NOW, 0.0)) == [(FeedEvent.GAP, 1)]
    rest = books(based=True)
    rest.snapshot(whole(10), NOW, 0.0)
    assert rest.change(delta(8, 14), NOW, 0.0) == []
    assert events(rest.change(delta(14, 15), NOW, 0.0)) == [(FeedEvent.GAP, 1)], "only the first change may straddle"


def test_only_a_feed_with_its_own_snapshots_requests_a_new_connection_and_only_after_a_gap() -> None:
    own = synced(based=False)
    own.change(delta(11), NOW, 0.0)
    assert [own.needs_new_connection] == [False]
    own.change(delta(13), NOW, 0.0)
    assert [own.needs_new_connection] == [True]
    assert needed(own) == [], "there is no snapshot to request"
    own.invalidate()
    assert [own.needs_new_connection] == [False]
    rest = synced()
    rest.change(delta(13), NOW, 0.0)
    assert [rest.needs_new_connection] == [False]


def test_at_most_five_thousand_changes_are_buffered_for_a_snapshot() -> None:
    held = books(based=True)
    for number in range(1, 5_011):
        held.change(delta(number), NOW, 0.0)
    kept = held._tracked["BTC"].kept.changes
    assert (len(kept), kept[0][1].first_id, kept[-1][1].first_id) == (5_000, 11, 5_010)


def moved(held: FeedBooks, instrument: str, every_s: float, until_s: float) -> None:
    """A book that changes in its own rhythm."""
    held.snapshot(whole(0, instrument), NOW, 0.0)
    for number in range(1, int(until_s / every_s) + 1):
        assert held.change(delta(number, instrument=instrument), NOW, number * every_s) == []


def test_a_measured_book_names_the_feed_as_its_source_and_the_given_time() -> None:
    held = books(based=False)
    moved(held, "BTC", 1.0, 100.0)
    (measure,) = held.measure_all(LATER, 161.0, 60.0)
    assert (measure.source, measure.received_at, measure.state, measure.age_s) == ("ws", LATER, BookState.FROZEN, 61.0)
    assert held.measure_all(LATER, 161.0, 61.0)[0].state is BookState.OK


def test_a_book_that_stands_still_is_frozen_while_another_of_its_feed_moves() -> None:
    held = books(based=False)
    moved(held, "BTC", 1.0, 100.0)
    moved(held, "ETH", 1.0, 200.0)
    assert state(held, 160.0) == {"BTC": BookState.OK, "ETH": BookState.OK}
    assert state(held, 200.0) == {"BTC": BookState.FROZEN, "ETH": BookState.OK}


def test_where_all_books_of_a_feed_stand_still_the_market_is_quiet() -> None:
    held = books(based=False)
    moved(held, "BTC", 1.0, 100.0)
    moved(held, "ETH", 1.0, 105.0)
    assert state(held, 166.0) == {"BTC": BookState.OK, "ETH": BookState.OK}
    held.change(delta(106, instrument="ETH"), NOW, 167.0)
    assert state(held, 168.0) == {"BTC": BookState.FROZEN, "ETH": BookState.OK}
    held.change(delta(200, instrument="ETH"), NOW, 169.0)
    assert state(held, 169.0) == {"BTC": BookState.OK, "ETH": BookState.UNSYNCED}, "what is out of step does not say"


def test_a_book_that_seldom_changes_is_not_frozen_by_the_rhythm_of_another() -> None:
    held = books(based=False)
    moved(held, "BTC", 0.5, 1_600.0)
    moved(held, "RARE", 40.0, 1_000.0)
    assert state(held, 1_199.0) == {"BTC": BookState.OK, "RARE": BookState.OK}
    assert state(held, 1_201.0) == {"BTC": BookState.OK, "RARE": BookState.FROZEN}, "five times its usual 40 s"


def test_before_its_twentieth_change_a_books_rhythm_is_unknown_and_no_pause_is_a_stop() -> None:
    held = books(based=False)
    moved(held, "BTC", 1.0, 2_000.0)
    moved(held, "NEW", 1.0, 19.0)
    assert state(held, 2_000.0)["NEW"] is BookState.OK
    held.change(delta(20, instrument="NEW"), NOW, 2_000.0)
    assert state(held, 2_061.0) == {"BTC": BookState.OK, "NEW": BookState.OK}, "its pause counts as 12 s"


def test_the_usual_pause_of_a_book_grows_by_steps_and_fades_within_hours() -> None:
    rhythm = Rhythm()
    for gap_s, max_gap_s in ((1.0, 1.0), (1_000.0, 12.0), (20.0, 20.0), (1_000.0, 40.0), (5.0, 40.0)):
        rhythm.changed(gap_s)
        assert rhythm.max_gap_s == max_gap_s
    for _ in range(15):
        rhythm.changed(1.0)
    assert rhythm.stops_after_s(60.0, 1_000.0) == 200.0
    assert rhythm.stops_after_s(60.0, 1_000.0 + 6 * 3600) == 100.0
    assert rhythm.stops_after_s(60.0, 500.0) == 100.0, "a clock set back fades nothing"


def stamped(first_id: int, seconds: float, prev_id: int | None = None) -> BookDelta:
    return replace(delta(first_id, prev_id=prev_id), event_time=NOW + timedelta(seconds=seconds))


def test_a_sequence_that_begins_anew_without_a_word_is_a_gap_and_not_silence() -> None:
    held = synced(based=False)
    assert held.change(stamped(11, 1.0), NOW, 1.0) == []
    (gap,) = held.change(stamped(1, 2.0), NOW, 2.0)
    assert (gap.event, gap.value, gap.detail) == (FeedEvent.GAP, 1, "after 11 came 1..1")
    assert held.needs_new_connection


def test_a_sequence_that_goes_backward_by_named_ids_is_a_gap_unless_the_change_before_was_seen() -> None:
    seen = synced(based=False)
    back = replace(stamped(4, 2.0, prev_id=10), last_id=4)  # OKX after maintenance: prevSeqId 10, seqId 4
    assert seen.change(back, NOW, 2.0) == []
    assert seen.change(stamped(5, 3.0, prev_id=4), NOW, 3.0) == []
    assert state(seen) == {"BTC": BookState.OK}
    missed = synced(based=False)
    assert events(missed.change(stamped(5, 3.0, prev_id=4), NOW, 3.0)) == [(FeedEvent.GAP, 1)]


def test_old_changes_without_a_stamp_are_an_echo_until_the_eighth_in_a_row() -> None:
    held = synced(based=False)
    held.change(delta(11), NOW, 1.0)
    for number in range(1, 8):
        assert held.change(delta(number), NOW, 1.0) == []
    held.change(delta(12), NOW, 1.0)
    for number in range(1, 8):
        assert held.change(delta(number), NOW, 1.0) == [], "counted anew"
    assert events(held.change(delta(8), NOW, 1.0)) == [(FeedEvent.GAP, 1)]


def test_a_stream_behind_a_rest_snapshot_may_catch_up_but_not_with_later_stamps_or_for_a_minute() -> None:
    for number, seconds, faults in ((5, 4.9, []), (5, 5.1, [(FeedEvent.GAP, 1)])):
        held = books(based=True)
        held.snapshot(whole(1_000), NOW, 0.0)
        assert events(held.change(stamped(number, seconds), NOW, seconds)) == faults
    held = books(based=True)
    held.snapshot(replace(whole(1_000), event_time=None), NOW, 0.0)
    for second in range(1, 61):
        assert held.change(stamped(second, second), NOW, second) == []
    assert events(held.change(stamped(61, 61.0), NOW, 61.0)) == [(FeedEvent.GAP, 1)]
    assert needed(held, 62.0) == ["BTC"]
    assert events(held.snapshot(replace(whole(60), event_time=None), NOW, 63.0)) == [(FeedEvent.RESYNCED, 2.0)]
    assert state(held, 63.0) == {"BTC": BookState.OK}
