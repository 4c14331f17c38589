"""A swept side of a book is timed until half of its loss is back; what nobody saw to the end is told as at least so long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from probes.feeds.books import FeedBooks
from probes.readings import BookRefilled, VenueId
from probes.venue import BookDelta, BookSnapshot

T0 = datetime(2026, 11, 1, tzinfo=UTC)


class ScriptedBook:
    """A book whose bid within 25 bps has a scripted size, sampled once a second; one unit is worth about 100 dollars."""

    def __init__(self, size: float = 1_000.0) -> None:
        self.held = FeedBooks(VenueId("made"), "book_ws", based=False)
        self.second, self.last_id = 0.0, 1
        self.held.snapshot(
            BookSnapshot(
                instrument="BTC", last_id=1, event_time=None, bids=[(99.99, 1.0), (99.9, size), (99.0, 1e6)],
                asks=[(100.01, 1_000.0)],
            ),
            T0, 0.0,
        )  # fmt: skip
        self.told: list[BookRefilled] = self._sample()

    def _sample(self) -> list[BookRefilled]:
        now = T0 + timedelta(seconds=self.second)
        return self.held.refilled(self.held.measure_all(now, self.second, 60.0), self.second)

    def next(self, size: float | None = None, *, after_s: float = 1.0, ask: float | None = None) -> list[BookRefilled]:
        """Set the sizes (None: as before) and take the next sample."""
        self.second += after_s
        self.last_id += 1
        change = BookDelta(
            instrument="BTC", first_id=self.last_id, last_id=self.last_id, prev_id=self.last_id - 1, event_time=None,
            bids=[] if size is None else [(99.9, size)], asks=[] if ask is None else [(100.01, ask)],
        )  # fmt: skip
        self.held.change(change, T0, self.second)
        return self._sample()


def figures(told: list[BookRefilled]) -> list[tuple[str, float, float, bool]]:
    return [(one.side, one.refill_s, round(one.fallen, 2), one.censored) for one in told]


def test_a_swept_side_is_timed_until_half_of_its_loss_is_back() -> None:
    book = ScriptedBook()
    assert book.told == []
    for size in (1_000.0, 200.0, 300.0, 599.0):
        assert book.next(size) == []
    (told,) = book.next(601.0)
    assert (told.venue, told.instrument, told.received_at) == ("made", "BTC", T0 + timedelta(seconds=5))
    assert figures([told]) == [("bid", 3.0, 0.8, False)]
    assert book.next(1_000.0) == [], "told once"


def test_a_sweep_that_goes_deeper_is_measured_from_its_least() -> None:
    book = ScriptedBook()
    for size in (490.0, 100.0, 540.0):
        assert book.next(size) == []
    assert figures(book.next(560.0)) == [("bid", 3.0, 0.9, False)]


def test_each_side_is_followed_for_itself() -> None:
    book = ScriptedBook()
    book.next(100.0, ask=100.0)
    assert figures(book.next(1_000.0)) == [("bid", 1.0, 0.9, False)]
    assert figures(book.next(ask=1_000.0)) == [("ask", 2.0, 0.9, False)]


def test_a_slow_fall_a_small_fall_and_a_side_that_was_thin_before_are_no_sweeps() -> None:
    slow = ScriptedBook()
    assert [slow.next(size) for size in (700.0, 490.0, 343.0, 240.0, 1_000.0)] == [[]] * 5
    small = ScriptedBook()
    assert [small.next(size) for size in (510.0, 1_000.0)] == [[]] * 2
    thin = ScriptedBook(90.0)
    assert [thin.next(size) for size in (10.0, 90.0)] == [[]] * 2
    late = ScriptedBook()
    assert [late.next(100.0, after_s=2.0), late.next(1_000.0)] == [[]] * 2, "nobody knows how sudden it was"


def test_a_side_that_does_not_come_back_is_told_after_five_minutes_as_at_least_that_long() -> None:
    book = ScriptedBook()
    for _ in range(300):
        assert book.next(100.0) == []
    assert figures(book.next(100.0)) == [("bid", 300.0, 0.9, True)]
    assert [book.next(100.0), book.next(1_000.0)] == [[]] * 2, "that is its usual depth now"


def test_a_book_that_loses_its_step_is_told_as_at_least_as_long_as_it_was_seen() -> None:
    book = ScriptedBook()
    for _ in range(4):
        book.next(100.0)
    book.held.invalidate()
    assert figures(book.next()) == [("bid", 4.0, 0.9, True)]
    assert book.next() == []


def test_while_the_book_is_crossed_nothing_is_known_and_the_time_goes_on() -> None:
    book = ScriptedBook()
    book.next(100.0)
    book.held.change(
        BookDelta(instrument="BTC", first_id=3, last_id=3, prev_id=2, event_time=None, bids=[(101.0, 1.0)], asks=[]),
        T0,
        1.5,
    )
    book.last_id = 3
    assert book.next() == []
    book.held.change(
        BookDelta(instrument="BTC", first_id=5, last_id=5, prev_id=4, event_time=None, bids=[(101.0, 0.0)], asks=[]),
        T0,
        2.5,
    )
    book.last_id = 5
    assert figures(book.next(1_000.0)) == [("bid", 2.0, 0.9, False)]


def test_a_side_that_is_first_seen_back_after_five_minutes_is_told_as_at_least_that_long() -> None:
    book = ScriptedBook()
    book.next(100.0)
    assert figures(book.next(1_000.0, after_s=400.0)) == [("bid", 300.0, 0.9, True)]
