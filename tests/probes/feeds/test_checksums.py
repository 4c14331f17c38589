"""A book whose venue sends checksums: each must be that of our book, over the digits as they were written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zlib import crc32

from probes.clock_offset import ClockOffset
from probes.feeds.books import FeedBooks
from probes.feeds.interpreter import FeedReader
from probes.readings import BookState, FeedChanged, FeedEvent, Instrument, Market, VenueId
from probes.venue import BookChecksum, BookDelta, BookSnapshot, ChecksumRule, Context, Feed, FeedMessage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")
BIDS = [(100.0, "100.0", "2000.50"), (99.0, "99.0", "1.0"), (98.0, "98.0", "1.0")]
ASKS = [(101.0, "101.0", "2000.00"), (102.0, "102.0", "1.0"), (103.0, "103.0", "1.0")]
Written = Sequence[tuple[float, str, str]]


def joined(bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> int:
    return crc32("|".join(text for level in (*bids, *asks) for text in level).encode())


RULE = ChecksumRule(depth=3, best=2, checksum=joined)


def crc(text: str) -> int:
    return crc32(text.encode())


FIRST = crc("100.0|2000.50|99.0|1.0|101.0|2000.00|102.0|1.0")


def levels(written: Written) -> list[tuple[float, float]]:
    return [(price, float(size)) for price, _, size in written]


def whole(instrument: str = "BTC") -> BookSnapshot:
    return BookSnapshot(instrument=instrument, last_id=0, event_time=None, bids=levels(BIDS), asks=levels(ASKS))


def change(bids: Written, asks: Written = ()) -> BookDelta:
    return BookDelta(
        instrument="BTC", first_id=0, last_id=0, prev_id=0, event_time=None, bids=levels(bids), asks=levels(asks)
    )


def proof(checksum: int, bids: Written, asks: Written = (), instrument: str = "BTC") -> BookChecksum:
    return BookChecksum(instrument=instrument, checksum=checksum, bids=bids, asks=asks)


def started(*, based: bool = False, rule: ChecksumRule | None = RULE) -> FeedBooks:
    held = FeedBooks(MADE, "book_ws", based=based, rule=rule)
    held.snapshot(whole(), NOW, 0.0)
    assert held.check(proof(FIRST, BIDS, ASKS), NOW, 0.0) == []
    return held


def state(held: FeedBooks) -> BookState:
    return held.measure_all(NOW, 0.0, 60.0)[0].state


def test_a_right_checksum_says_nothing_and_covers_the_digits_as_they_were_written() -> None:
    held = started()
    sent = [(100.0, "100.0", "3000.70")]
    assert held.change(change(sent), NOW, 1.0) == []
    assert held.check(proof(crc("100.0|3000.70|99.0|1.0|101.0|2000.00|102.0|1.0"), sent), NOW, 1.0) == []
    assert state(held) is BookState.OK


def test_a_checksum_of_another_book_is_a_gap_and_the_next_snapshot_ends_it() -> None:
    held = started()
    sent = [(100.0, "100.0", "3.7")]
    held.change(change(sent), NOW, 5.0)
    (gap,) = held.check(proof(7, sent), NOW, 5.0)
    ours = crc("100.0|3.7|99.0|1.0|101.0|2000.00|102.0|1.0")
    assert (gap.event, gap.value, gap.detail) == (FeedEvent.GAP, 1, f"checksum 7, ours {ours}")
    assert state(held) is BookState.UNSYNCED
    assert held.needs_new_connection
    assert held.check(proof(7, sent), NOW, 6.0) == [], "reported once"
    held.invalidate()
    assert [(one.event, one.value) for one in held.snapshot(whole(), NOW, 8.0)] == [(FeedEvent.RESYNCED, 3.0)]
    assert held.check(proof(FIRST, BIDS, ASKS), NOW, 8.0) == [], "no text of the lost book is left"


def test_a_book_that_starts_from_rest_is_fetched_again_instead() -> None:
    held = started(based=True)
    assert [one.event for one in held.check(proof(7, ()), NOW, 1.0)] == [FeedEvent.GAP]
    assert not held.needs_new_connection


def test_levels_beyond_the_venues_depth_are_dropped_since_it_deletes_them_without_a_word() -> None:
    held = started()
    sent = [(99.5, "99.5", "1.0")]
    held.change(change(sent), NOW, 1.0)
    assert held.check(proof(crc("100.0|2000.50|99.5|1.0|101.0|2000.00|102.0|1.0"), sent), NOW, 1.0) == []
    assert held.measure_all(NOW, 1.0, 60.0)[0].levels == 6
    gone = [(100.0, "100.0", "0.0"), (99.5, "99.5", "0.0")]
    held.change(change(gone), NOW, 2.0)
    (gap,) = held.check(proof(crc("99.0|1.0|98.0|1.0|101.0|2000.00|102.0|1.0"), gone), NOW, 2.0)
    assert gap.event is FeedEvent.GAP, "98.0 went out of the book before"


def test_a_level_that_was_deleted_is_not_in_the_checksum() -> None:
    held = started()
    gone = [(101.0, "101.0", "0.00")]
    held.change(change((), gone), NOW, 1.0)
    assert held.check(proof(crc("100.0|2000.50|99.0|1.0|102.0|1.0|103.0|1.0"), (), gone), NOW, 1.0) == []


def test_a_level_whose_text_never_came_cannot_be_right() -> None:
    held = started()
    held.change(change([(100.0, "100.0", "3.7")]), NOW, 1.0)
    held.change(change([(99.5, "99.5", "1.0")]), NOW, 1.0)
    sent = [(98.0, "98.0", "1.0")]
    held.change(change(sent), NOW, 1.0)
    assert [one.event for one in held.check(proof(FIRST, sent), NOW, 1.0)] == [FeedEvent.GAP]


def test_a_checksum_before_the_snapshot_or_without_a_rule_says_nothing() -> None:
    assert FeedBooks(MADE, "book_ws", based=False, rule=RULE).check(proof(7, BIDS), NOW, 0.0) == []
    assert started(rule=None).check(proof(7, BIDS), NOW, 0.0) == []


def test_a_feed_compares_the_checksums_of_its_own_instruments_only() -> None:
    sent: list[FeedMessage] = [whole(), proof(7, BIDS, ASKS), whole("ETH"), proof(7, BIDS, ASKS, "ETH")]

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        return sent

    feed = Feed(name="book_ws", host="ws", read=read, subscribe=lambda _instruments, _now: (), checksum=RULE)
    known = Instrument(symbol="BTC", base="BTC", quote="USD", market=Market.SPOT)
    reader = FeedReader(MADE, feed, ClockOffset(), [known])
    found = reader.frame(b"", NOW, 0.0, {"BTC": known}).readings
    gaps = [one for one in found if isinstance(one, FeedChanged) and one.event is FeedEvent.GAP]
    assert [one.instrument for one in gaps] == ["BTC"]
    pulses = [one.value for one in found if isinstance(one, FeedChanged) and one.event is FeedEvent.PULSE]
    assert pulses == [2], "a checksum is no news of its own"
