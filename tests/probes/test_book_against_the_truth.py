"""Generated books and streams against what is true of them by construction: half of the examples are in order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from probes.book import Applied, Book
from probes.feeds.books import FeedBooks
from probes.readings import BookMeasured, BookState, FeedEvent, VenueId
from probes.venue import BookDelta, BookSnapshot
from tests.probes.generated_books import SIDES, Sides, Stream, ordered, streams, true_average, true_depth

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")


def measured(sides: Sides) -> BookMeasured:
    one = Book(MADE, "BTC")
    one.snapshot(BookSnapshot(instrument="BTC", last_id=1, event_time=NOW, bids=sides.bids, asks=sides.asks), 0.0)
    return one.measure(NOW, 0.0, "ws")


def whole(stream: Stream, last_id: int) -> BookSnapshot:
    return BookSnapshot(
        instrument="BTC",
        last_id=last_id,
        event_time=NOW,
        bids=list(stream.book_at(last_id).items()),
        asks=[(200.0, 1.0)],
    )


def changes(stream: Stream, *, named: bool) -> list[BookDelta]:
    """What came, by the rule of ids that count on or (`named`) by the rule of changes that name the one before."""
    return [
        BookDelta(
            instrument="BTC", first_id=stream.sent[at].first_id, last_id=stream.sent[at].last_id, event_time=NOW,
            prev_id=stream.sent[at].first_id - 1 if named else None, bids=stream.sent[at].bids, asks=[],
        )
        for at in stream.came
    ]  # fmt: skip


def test_at_least_a_fifth_of_the_generated_examples_is_in_order() -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(SIDES, streams())
    def draw(sides: Sides, stream: Stream) -> None:
        counts["all"] += 1
        counts["book"] += sides.in_order
        counts["stream"] += stream.in_order
        counts["deep"] += sides.in_order and true_average(sides.bids, 10_000, sell=True) is not None

    draw()
    assert min(counts["book"], counts["stream"]) >= counts["all"] / 5
    assert counts["deep"] >= counts["all"] / 8


@given(ordered())
def test_depth_and_slippage_equal_the_true_values_of_a_book_in_order(sides: Sides) -> None:
    measure = measured(sides)
    assert measure.state in (BookState.OK, BookState.HOLLOW)
    middle = (Fraction(max(price for price, _ in sides.bids)) + Fraction(min(price for price, _ in sides.asks))) / 2
    assert measure.mid == pytest.approx(float(middle))
    for bps in (10, 25, 50, 100, 200, 500):
        for levels, depth in zip((sides.bids, sides.asks), measure.depth_usd[bps], strict=True):
            least, most = true_depth(levels, middle, bps)
            assert float(least) * (1 - 1e-9) <= depth <= float(most) * (1 + 1e-9)
    for usd in (10_000, 100_000, 1_000_000):
        for sell, slipped in zip((True, False), measure.slippage_bps[usd], strict=True):
            average = true_average(sides.bids if sell else sides.asks, usd, sell=sell)
            event("filled" if average is not None else "beyond what is visible")
            true_bps = None if average is None else float(abs(average / middle - 1) * 10_000)
            assert slipped == (None if true_bps is None else pytest.approx(true_bps, rel=1e-6, abs=1e-6))


@given(SIDES)
def test_a_book_is_ok_or_hollow_exactly_when_both_sides_exist_and_do_not_cross(sides: Sides) -> None:
    measure = measured(sides)
    event("in order" if sides.in_order else measure.state.value)
    assert (measure.state in (BookState.OK, BookState.HOLLOW)) == sides.in_order
    assert (measure.spread_bps is not None) == sides.in_order
    if measure.depth_usd:
        for which in (0, 1):
            depths = [measure.depth_usd[bps][which] for bps in (10, 25, 50, 100, 200, 500)]
            assert depths == sorted(depths)
    if sides.in_order:
        assert (measure.state is BookState.HOLLOW) == (min(measure.depth_usd[200]) < 1000)


@given(streams(), st.booleans())
def test_a_synced_book_equals_the_true_book_at_its_last_id(stream: Stream, named: bool) -> None:
    one = Book(MADE, "BTC")
    one.snapshot(whole(stream, stream.sent[0].first_id - 1), 0.0)
    event("in order" if stream.in_order else "faulty")
    for change in changes(stream, named=named):
        before = one.last_id
        applied = one.apply(change, 0.0)
        assert before is not None
        assert one.last_id == (change.last_id if applied is Applied.YES else before)
        if one.synced:
            assert one.bids == stream.book_at(one.last_id or 0)
    if stream.in_order:
        assert one.synced
        assert one.last_id == stream.sent[-1].last_id
        assert one.updates == 1 + len(stream.sent)


@given(streams(), st.booleans())
def test_the_book_reports_a_gap_exactly_where_a_change_was_lost(stream: Stream, named: bool) -> None:
    one = Book(MADE, "BTC")
    one.snapshot(whole(stream, stream.sent[0].first_id - 1), 0.0)
    next_at = 0
    for at, change in zip(stream.came, changes(stream, named=named), strict=True):
        if at == next_at:
            assert one.apply(change, 0.0) is Applied.YES
            next_at += 1
        elif at < next_at:
            assert one.apply(change, 0.0) is Applied.OLD
        else:
            assert one.apply(change, 0.0) is Applied.GAP
            assert one.missing == change.first_id - 1 - (one.last_id or 0)
            assert not one.synced
            assert one.apply(change, 0.0) is Applied.WAITING
            return


@given(streams(), st.booleans(), st.integers(0, 12))
def test_a_rest_snapshot_and_the_buffered_changes_give_the_true_book_or_no_book(
    stream: Stream, named: bool, early: int
) -> None:
    """Some changes come before the snapshot, some after it; the snapshot is of any moment of the stream."""
    held = FeedBooks(MADE, "book_ws", based=True)
    came = changes(stream, named=named)
    based_on = stream.sent[stream.based_on].last_id
    for change in came[:early]:
        assert held.change(change, NOW, 0.0) == []
    held.snapshot(whole(stream, based_on), NOW, 0.0)
    for change in came[early:]:
        changed = held.change(change, NOW, 0.0)
        assert [each.event for each in changed] in ([], [FeedEvent.GAP])
    book = held._tracked["BTC"].book
    if book.synced:
        assert book.last_id is not None
        assert book.bids == stream.book_at(book.last_id)
    if stream.in_order:
        assert book.synced
        assert book.last_id == stream.sent[-1].last_id
