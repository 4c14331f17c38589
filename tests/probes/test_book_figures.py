"""Depth, spread and slippage of books small enough to compute by hand, and the state of each faulty book."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.book import BANDS_BPS, Applied, Book
from probes.readings import BookMeasured, BookState, VenueId
from probes.venue import BookDelta, BookSnapshot

NOW = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = NOW - timedelta(seconds=3)
Levels = Sequence[tuple[float, float]]

# Mid 10,000. One level is on the edge of each band (or a dollar within: 1.001 and 1.005 are no floats), one just beyond.
EDGES_BID: Levels = ((9975, 3), (9799.5, 70), (9995, 1), (9800, 6), (9950, 4), (9990, 2), (9900, 5))
EDGES_ASK: Levels = ((10200, 6), (10009, 2), (10200.5, 70), (10005, 1), (10100, 5), (10025, 3), (10049, 4))

# Mid 100. Sold: 6,000 at 96, then 100,000 at 80, then 1,280,000 at 64. Bought: 6,500 at 104, 93,500 at 125, 1,200,000 at 160.
STEPS_BID: Levels = ((80, 1250), (64, 20_000), (96, 62.5))
STEPS_ASK: Levels = ((160, 7500), (104, 62.5), (125, 748))


def book(bids: Levels, asks: Levels, now_s: float = 0.0) -> Book:
    one = Book(VenueId("made"), "BTC")
    one.snapshot(BookSnapshot(instrument="BTC", last_id=10, event_time=EARLIER, bids=bids, asks=asks), now_s)
    return one


def measured(one: Book, now_s: float = 0.0) -> BookMeasured:
    return one.measure(NOW, now_s, "ws")


def change(last_id: int, bids: Levels = (), asks: Levels = (), stamp: datetime | None = NOW) -> BookDelta:
    return BookDelta(
        instrument="BTC", first_id=last_id, last_id=last_id, prev_id=None, event_time=stamp, bids=bids, asks=asks
    )


def test_depth_in_each_band_is_the_value_of_the_levels_up_to_its_edge() -> None:
    measure = measured(book(EDGES_BID, EDGES_ASK))
    assert measure.mid == 10_000.0
    assert measure.depth_usd == {
        10: (29_975.0, 30_023.0),
        25: (59_900.0, 60_098.0),
        50: (99_700.0, 100_294.0),
        100: (149_200.0, 150_794.0),
        200: (208_000.0, 211_994.0),
        500: (893_965.0, 926_029.0),  # 70 at 9,799.5 and at 10,200.5 more
    }


@pytest.mark.parametrize(("bps", "bid", "ask"), [(10, 9989.9, 10010.1), (25, 9974.9, 10025.1), (50, 9949.9, 10050.1),
                                                 (100, 9899.9, 10100.1), (200, 9799.9, 10200.1),
                                                 (500, 9499.9, 10500.1)])  # fmt: skip
def test_a_level_just_beyond_a_band_is_not_in_its_depth(bps: int, bid: float, ask: float) -> None:
    measure = measured(book([(9995, 1), (bid, 1)], [(10005, 1), (ask, 1)]))
    assert measure.depth_usd[bps] == (9995.0, 10005.0)
    for wider in (each for each in (10, 25, 50, 100, 200, 500) if each > bps):
        assert measure.depth_usd[wider] == pytest.approx((9995.0 + bid, 10005.0 + ask))


def test_slippage_starts_at_the_best_price_whatever_the_order_of_the_levels() -> None:
    measure = measured(book(STEPS_BID, STEPS_ASK))
    assert set(measure.slippage_bps) == {10_000, 100_000, 1_000_000}
    assert measure.slippage_bps[10_000] == pytest.approx((10_000 / 9, 1_049.7237569))
    assert measure.slippage_bps[100_000] == pytest.approx((1_919.1919192, 2_338.0629241))
    assert measure.slippage_bps[1_000_000] == pytest.approx((3_456.0327198, 5_538.8081734))


def test_slippage_after_changes_uses_the_present_book() -> None:
    one = book(((80, 1250), (64, 20_000)), ((160, 7500), (104, 62.5), (101, 1)))
    one.apply(change(11, bids=[(96, 62.5)], asks=[(125, 748), (101, 0)]), 0.0)
    assert measured(one).slippage_bps[10_000] == pytest.approx((10_000 / 9, 1_049.7237569))


def test_a_sale_within_the_best_level_has_a_slippage_of_half_the_spread() -> None:
    measure = measured(book([(99.5, 1e6)], [(100.5, 1e6)]))
    assert measure.spread_bps == pytest.approx(100.0)
    assert [measure.slippage_bps[usd] for usd in (10_000, 100_000, 1_000_000)] == [pytest.approx((50.0, 50.0))] * 3


def test_a_size_equal_to_the_visible_depth_is_filled_and_a_larger_one_is_not() -> None:
    measure = measured(book([(100, 40), (60, 100)], [(200, 50)]))
    assert measure.slippage_bps[10_000] == pytest.approx(((1 - 10_000 / 140 / 150) * 1e4, (200 / 150 - 1) * 1e4))
    assert measure.slippage_bps[100_000] == (None, None)
    short = measured(book([(100, 40), (60, 99.9)], [(200, 49.9)]))
    assert short.slippage_bps[10_000] == (None, None)


def test_a_crossed_book_has_no_spread_and_stays_crossed_even_when_old_or_thin() -> None:
    one = book([(101, 1)], [(99, 1)])
    measure = measured(one, 1000.0)
    assert (measure.state, measure.spread_bps) == (BookState.CROSSED, None)
    locked = measured(book([(100, 1000)], [(100, 1000)]))
    assert (locked.state, locked.spread_bps) == (BookState.CROSSED, None)


@pytest.mark.parametrize(("bids", "asks"), [([], [(100, 1e6)]), ([(100, 1e6)], [])])
def test_a_one_sided_book_has_neither_mid_nor_depth_nor_slippage(bids: Levels, asks: Levels) -> None:
    measure = measured(book(bids, asks))
    assert (measure.state, measure.mid, measure.spread_bps) == (BookState.ONE_SIDED, None, None)
    assert (measure.depth_usd, measure.slippage_bps, measure.levels) == ({}, {}, 1)


def test_a_one_sided_book_that_is_old_is_still_one_sided() -> None:
    assert measured(book([(100, 1e6)], []), 1000.0).state is BookState.ONE_SIDED


@pytest.mark.parametrize("age_s", [60.0, 59.0])
def test_a_book_is_not_frozen_before_a_minute_without_change(age_s: float) -> None:
    measure = book([(99.9, 1000)], [(100.1, 1000)], now_s=500.0).measure(NOW, 500.0 + age_s, "ws", 60.0)
    assert (measure.state, measure.age_s) == (BookState.OK, age_s)


def test_a_book_is_frozen_after_a_minute_without_change_though_it_is_thin() -> None:
    measure = book([(99.9, 0.001)], [(100.1, 0.001)], now_s=500.0).measure(NOW, 560.5, "ws", 60.0)
    assert (measure.state, measure.age_s) == (BookState.FROZEN, 60.5)


def test_the_time_until_a_book_is_frozen_can_be_set() -> None:
    one = book([(99.9, 1000)], [(100.1, 1000)])
    assert one.measure(NOW, 5.0, "ws", 5.0).state is BookState.OK
    assert one.measure(NOW, 5.5, "ws", 5.0).state is BookState.FROZEN


def test_a_book_measured_before_its_last_change_has_no_negative_age() -> None:
    assert measured(book([(99.9, 1000)], [(100.1, 1000)], now_s=500.0), 499.0).age_s == 0.0


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        ([(9990, 0.0999)], [(10010, 100)], BookState.HOLLOW),  # 998.0 USD
        ([(9990, 100)], [(10010, 0.0999)], BookState.HOLLOW),  # 999.999 USD
        ([(9990, 0.2), (9799, 1000)], [(10010, 0.09), (10201, 1000)], BookState.HOLLOW),
        ([(9990, 0.1002)], [(10010, 0.1)], BookState.OK),  # 1,000.998 and 1,001 USD
        ([(500, 2.0)], [(502, 2.0)], BookState.OK),  # exactly 1,000 USD for sale is not less than it
        ([(500, 1.999)], [(502, 2.0)], BookState.HOLLOW),
        ([(9990, 0.001), (9850, 1)], [(10010, 0.001), (10150, 1)], BookState.OK),  # enough, though beyond 100 bps
    ],
)
def test_less_than_a_thousand_dollars_within_two_percent_of_a_side_is_hollow(
    bids: Levels, asks: Levels, state: BookState
) -> None:
    assert measured(book(bids, asks)).state is state


def test_a_measure_names_its_book_and_counts_the_updates_since_the_last_measure() -> None:
    one = book([(99.9, 1000), (99.8, 1)], [(100.1, 1000)], now_s=7.0)
    first = measured(one, 8.0)
    assert (first.venue, first.instrument, first.source, first.received_at) == ("made", "BTC", "ws", NOW)
    assert (first.event_time, first.updates, first.levels, first.age_s) == (EARLIER, 1, 3, 1.0)
    for last_id in (11, 12):
        assert one.apply(change(last_id), 9.0) is Applied.YES
    second = measured(one, 9.5)
    assert (second.event_time, second.updates, second.age_s) == (NOW, 2, 0.5)
    assert measured(one, 9.5).updates == 0


def test_a_new_snapshot_replaces_everything_and_counts_as_an_update() -> None:
    one = book([(99.9, 1000)], [(100.1, 1000)])
    measured(one)
    anew = BookSnapshot(instrument="BTC", last_id=77, event_time=NOW, bids=[(50, 1), (49, 0)], asks=[(51, 1), (52, 0)])
    one.snapshot(anew, 30.0)
    measure = measured(one, 31.0)
    assert (one.bids, one.asks, one.last_id) == ({50: 1}, {51: 1}, 77)
    assert (measure.updates, measure.age_s, measure.event_time) == (1, 1.0, NOW)


@pytest.mark.parametrize("sold", [True, False])
def test_only_a_side_of_more_than_twenty_thousand_levels_is_cut_to_its_best_half(sold: bool) -> None:
    full: Levels = [(float(price), 1.0) for price in range(1, 20_001)]
    beyond: Levels = [(100_000.0, 1.0)]
    few: Levels = [(50_000.0, 1.0)]
    one = book(full, few) if sold else book([(0.5, 1.0)], full)
    one.apply(change(11), 0.0)
    assert len(one.bids if sold else one.asks) == 20_000
    one.apply(change(12, bids=beyond) if sold else change(12, asks=beyond), 0.0)
    side = one.bids if sold else one.asks
    assert len(side) == 10_000
    assert (min(side), max(side)) == ((10_002.0, 100_000.0) if sold else (1.0, 10_000.0))
    assert len(one.asks if sold else one.bids) == 1


def test_a_snapshot_comes_from_the_feed_unless_it_is_marked_as_rest() -> None:
    straddling = BookDelta(instrument="BTC", first_id=8, last_id=14, prev_id=None, event_time=NOW, bids=(), asks=())
    assert book([(100, 1)], [(101, 1)]).apply(straddling, 0.0) is Applied.GAP


def test_a_book_far_below_a_dollar_is_measured_like_any_other() -> None:
    measure = measured(book([(0.0199, 1e6), (0.01, 1e6)], [(0.0201, 1e6)]))
    assert measure.state is BookState.OK
    assert measure.mid == pytest.approx(0.02)
    assert measure.spread_bps == pytest.approx(100.0)
    assert measure.depth_usd[100] == pytest.approx((19_900.0, 20_100.0))
    assert measure.slippage_bps[10_000] == pytest.approx((50.0, 50.0))


def test_a_crossed_book_has_no_middle_and_nothing_that_is_measured_against_one() -> None:
    measure = measured(book([(101, 1000), (99, 5)], [(100, 1000), (102, 5)]))
    assert (measure.state, measure.mid, measure.depth_usd, measure.slippage_bps) == (BookState.CROSSED, None, {}, {})


@given(
    middle=st.integers(1, 10**9), half=st.integers(1, 9), scale=st.integers(0, 10),
    bps=st.sampled_from(BANDS_BPS), inward=st.integers(-1, 1),
)  # fmt: skip
def test_a_level_exactly_on_the_edge_of_a_band_counts_and_one_digit_beyond_it_does_not(
    middle: int, half: int, scale: int, bps: int, inward: int
) -> None:
    """Prices of up to 15 digits: the edge is a decimal of the same form, one unit of the last digit inside, on, or outside."""
    unit = Decimal(1).scaleb(-scale)
    best = (
        (middle * 10_000 - half) * unit,
        (middle * 10_000 + half) * unit,
    )  # the middle and its edges have no more digits
    edge = (middle * (10_000 - bps) + inward) * unit, (middle * (10_000 + bps) - inward) * unit
    tiny = 1e-9
    one = book(
        [(float(best[0]), tiny), (float(edge[0]), 1.0), (float(edge[0] / 2), 1.0)],
        [(float(best[1]), tiny), (float(edge[1]), 1.0), (float(edge[1] * 2), 1.0)],
    )
    bids, asks = measured(one).depth_usd[bps]
    assert (bids > float(edge[0]) / 2, asks > float(edge[1]) / 2) == (inward >= 0, inward >= 0)
