"""A book follows its venue's sequence rules, and reports what could be sold into it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.book import BANDS_BPS, MAX_LEVELS, NOTIONALS_USD, Applied, Book
from probes.readings import BookMeasured, BookState, VenueId
from probes.venue import BookDelta, BookSnapshot
from tests.branches import Reached

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Levels = list[tuple[float, float]]


def whole(last_id: int | None = 10, bids: Levels | None = None, asks: Levels | None = None) -> BookSnapshot:
    return BookSnapshot(
        instrument="BTC",
        last_id=last_id,
        event_time=NOW,
        bids=[(100.0, 1000.0)] if bids is None else bids,
        asks=[(100.1, 1000.0)] if asks is None else asks,
    )


def delta(first_id: int, last_id: int, prev_id: int | None = None, bids: Levels | None = None) -> BookDelta:
    return BookDelta(
        instrument="BTC", first_id=first_id, last_id=last_id, prev_id=prev_id, event_time=NOW, bids=bids or [], asks=[]
    )


def book(snapshot: BookSnapshot | None = None, *, from_rest: bool = False) -> Book:
    one = Book(VenueId("made"), "BTC")
    one.snapshot(snapshot or whole(), 0.0, from_rest=from_rest)
    return one


def measured(one: Book, now_s: float = 0.0) -> BookMeasured:
    return one.measure(NOW, now_s, "ws")


def test_a_change_waits_for_a_snapshot() -> None:
    one = Book(VenueId("made"), "BTC")
    assert one.apply(delta(1, 2), 0.0) is Applied.WAITING
    one.snapshot(whole(last_id=None), 0.0)
    assert one.apply(delta(1, 2), 0.0) is Applied.WAITING
    assert measured(Book(VenueId("made"), "BTC")).state is BookState.UNSYNCED


def test_a_consecutive_change_sets_and_deletes_levels() -> None:
    one = book()
    assert one.apply(delta(11, 12, bids=[(100.0, 0.0), (99.9, 5.0), (1.0, 0.0)]), 3.0) is Applied.YES
    assert (one.bids, one.last_id, one.changed_s) == ({99.9: 5.0}, 12, 3.0)


@pytest.mark.parametrize(
    ("change", "outcome", "missing"),
    [
        (delta(11, 11), Applied.YES, 0),
        (delta(9, 10), Applied.OLD, 0),
        (delta(12, 13), Applied.GAP, 1),
        (delta(20, 21), Applied.GAP, 9),
        (delta(5, 12), Applied.GAP, 1),
        (delta(11, 15, prev_id=10), Applied.YES, 0),
        (delta(13, 15, prev_id=12), Applied.GAP, 2),
        (delta(8, 9, prev_id=7), Applied.OLD, 0),
        (delta(11, 10, prev_id=10), Applied.YES, 0),
        (delta(6, 5, prev_id=5), Applied.GAP, 1),
    ],
)
def test_a_change_is_consecutive_or_old_or_leaves_a_gap(change: BookDelta, outcome: Applied, missing: int) -> None:
    one = book()
    assert one.apply(change, 0.0) is outcome
    assert one.synced == (outcome is not Applied.GAP)
    assert one.missing == missing


@pytest.mark.parametrize(
    ("first_id", "last_id", "outcome"),
    [(8, 9, Applied.OLD), (8, 10, Applied.YES), (11, 12, Applied.YES), (8, 14, Applied.YES), (12, 14, Applied.GAP)],
)
def test_the_first_change_after_a_rest_snapshot_may_overlap_it(first_id: int, last_id: int, outcome: Applied) -> None:
    assert book(from_rest=True).apply(delta(first_id, last_id, prev_id=3), 0.0) is outcome


def test_after_the_first_change_on_a_rest_snapshot_ids_must_be_consecutive() -> None:
    one = book(from_rest=True)
    assert one.apply(delta(8, 14, prev_id=7), 0.0) is Applied.YES
    assert one.apply(delta(12, 16, prev_id=11), 0.0) is Applied.GAP


def test_a_book_is_bounded_even_if_the_venue_never_deletes_levels() -> None:
    one = book(whole(bids=[(float(price), 1.0) for price in range(1, MAX_LEVELS + 1)]))
    one.apply(delta(11, 11, bids=[(MAX_LEVELS + 1.0, 1.0)]), 0.0)
    assert len(one.bids) == MAX_LEVELS // 2
    assert max(one.bids) == MAX_LEVELS + 1.0
    asks = book(whole(asks=[(float(price), 1.0) for price in range(101, MAX_LEVELS + 102)]))
    asks.apply(delta(11, 11), 0.0)
    assert min(asks.asks) == 101.0
    assert len(asks.asks) == MAX_LEVELS // 2


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        ([(100.0, 1000.0)], [(100.1, 1000.0)], BookState.OK),
        ([(100.0, 1.0)], [(100.1, 1000.0)], BookState.HOLLOW),
        ([(100.2, 1000.0)], [(100.1, 1000.0)], BookState.CROSSED),
        ([(100.1, 1000.0)], [(100.1, 1000.0)], BookState.CROSSED),
        ([], [(100.1, 1000.0)], BookState.ONE_SIDED),
        ([(100.1, 1000.0)], [], BookState.ONE_SIDED),
        ([], [], BookState.EMPTY),
        ([(100.0, 0.0)], [(101.0, 0.0)], BookState.EMPTY),
    ],
)
def test_each_faulty_book_has_its_own_state(bids: Levels, asks: Levels, state: BookState) -> None:
    measure = measured(book(whole(bids=bids, asks=asks)))
    assert measure.state is state
    assert (measure.spread_bps is not None) == (state in (BookState.OK, BookState.HOLLOW))
    assert (measure.mid is None) == (not measure.depth_usd)


def test_a_book_that_does_not_change_is_frozen_until_it_does() -> None:
    one = book()
    assert one.measure(NOW, 60.0, "ws", 60.0).state is BookState.OK
    assert one.measure(NOW, 60.1, "ws", 60.0).state is BookState.FROZEN
    one.apply(delta(11, 11), 61.0)
    assert one.measure(NOW, 62.0, "ws", 60.0).state is BookState.OK


def test_spread_depth_and_slippage_are_as_computed_by_hand() -> None:
    one = book(
        whole(bids=[(99.95, 100.0), (99.0, 1000.0), (90.0, 9e9)], asks=[(100.05, 100.0), (101.0, 1000.0), (110.0, 9e9)])
    )
    measure = measured(one, 2.5)
    assert measure.mid == pytest.approx(100.0)
    assert (measure.levels, measure.updates, measure.age_s) == (6, 1, 2.5)
    assert measure.spread_bps == pytest.approx(10.0)
    assert measure.depth_usd[10] == pytest.approx((9995.0, 10005.0))
    assert measure.depth_usd[200] == pytest.approx((9995.0 + 99_000.0, 10005.0 + 101_000.0))
    sold, bought = measure.slippage_bps[10_000]
    assert sold == pytest.approx((1 - 10_000 / (100 + 5 / 99) / 100) * 1e4)
    assert bought == pytest.approx(5.0)
    assert measured(one).updates == 0, "updates count since the last measure"


def test_a_size_above_the_visible_book_is_unfillable() -> None:
    measure = measured(book(whole(bids=[(100.0, 150.0)], asks=[(100.1, 1e6)])))
    assert measure.slippage_bps[100_000][0] is None
    assert measure.slippage_bps[1_000_000][1] is not None


any_side = st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0, 1e6)), max_size=20)
size = st.floats(20.0, 1e6)
below = st.lists(st.tuples(st.floats(98.5, 100.0), size), min_size=1, max_size=20)
above = st.lists(st.tuples(st.floats(100.1, 101.5), size), min_size=1, max_size=20)
in_order = Reached("a book in order", at_least=0.10)


@given(sides=st.tuples(below, above) | st.tuples(any_side, any_side))
def test_depth_grows_with_its_band_and_slippage_with_its_size(sides: tuple[Levels, Levels]) -> None:
    bids, asks = sides
    measure = measured(book(whole(bids=bids, asks=asks)))
    for which in (0, 1):
        depths = [measure.depth_usd[bps][which] for bps in BANDS_BPS if measure.depth_usd]
        assert depths == sorted(depths)
    if in_order(measure.state is BookState.OK):
        for which in (0, 1):
            costs = [measure.slippage_bps[usd][which] for usd in NOTIONALS_USD]
            filled = [one for one in costs if one is not None]
            assert filled == pytest.approx(sorted(filled))
            assert costs[: len(filled)] == filled, "what cannot fill the smaller cannot fill the larger"


@given(st.lists(st.tuples(st.floats(1, 200), st.sampled_from([0.0, 1.0, 2.0])), max_size=60))
def test_changes_applied_one_by_one_or_merged_give_the_same_book(levels: Levels) -> None:
    apart, together = book(), book()
    for at, level in enumerate(levels):
        assert apart.apply(delta(11 + at, 11 + at, bids=[level]), 0.0) is Applied.YES
    together.apply(delta(11, 11, bids=levels), 0.0)
    assert apart.bids == together.bids
