"""Recorded changes of real books, with a REST side that shows the book of some seconds ago: three requests are enough."""

from __future__ import annotations

import gzip
from bisect import bisect_right
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from probes import venues
from probes.feeds.books import FeedBooks
from probes.readings import VenueId
from probes.venue import BookDelta, BookSnapshot, Context
from tests.probes.cases import listed

RECORDED = Path(__file__).parents[3].parent / "shared/data/feeds"
FILES = {
    "binance_spot": RECORDED / "binance_spot_btcusdt_2024-08-08.gz",
    "binance_usdm": RECORDED / "binance_usdm_btcusdt_2024-08-08.gz",
}
LISTENED_S = 110.0


@cache
def recorded(venue: str) -> list[tuple[float, BookDelta]]:
    """The changes of a recording, with the time of receipt."""
    feed = next(one for one in venues.declared(venue).feeds if one.name.startswith("book_ws"))
    instruments = {one.symbol: one for one in listed(venue)}
    changes: list[tuple[float, BookDelta]] = []
    with gzip.open(FILES[venue]) as lines:
        for line in lines:
            stamp, _, raw = line.partition(b" ")
            if b"depthUpdate" in raw:
                at_s = int(stamp) / 1e9
                context = Context(
                    venue=VenueId(venue), check="book_ws", received_at=datetime.fromtimestamp(at_s, UTC),
                    instruments=instruments,
                )  # fmt: skip
                changes += [(at_s, one) for one in feed.read(raw.strip(), context) if isinstance(one, BookDelta)]
    return changes


@pytest.mark.skipif(
    not all(one.exists() for one in FILES.values()),
    reason="the recorded frames lie beside the repository, in shared/data/feeds",
)
@pytest.mark.parametrize("venue", FILES)
@pytest.mark.parametrize("lag_s", [0.5, 2.0, 10.0, 30.0])
@pytest.mark.parametrize("from_s", [60.0, 130.0, 200.0])
def test_three_requests_bring_a_recorded_book_into_step(venue: str, lag_s: float, from_s: float) -> None:
    sent = recorded(venue)
    times = [at_s for at_s, _ in sent]
    began_s = times[0] + from_s
    held, poll_s, requests = FeedBooks(VenueId(venue), "book_ws", based=True), began_s + 0.7, 0
    answers: list[tuple[float, BookSnapshot]] = []
    for at_s, change in sent[bisect_right(times, began_s) : bisect_right(times, began_s + LISTENED_S)]:
        while poll_s <= at_s:
            if held.snapshots_needed(poll_s):
                held.requested(change.instrument)
                requests += 1
                last = sent[bisect_right(times, poll_s - lag_s) - 1][1]
                whole = BookSnapshot(
                    instrument=last.instrument,
                    last_id=last.last_id,
                    event_time=None,
                    bids=[(5e4, 1.0)],
                    asks=[(7e4, 1.0)],
                )
                answers.append((poll_s + 0.2, whole))
            poll_s += 1.0
        while answers and answers[0][0] <= at_s:
            answer_s, whole = answers.pop(0)
            held.snapshot(whole, datetime.fromtimestamp(answer_s, UTC), answer_s)
        assert held.change(change, datetime.fromtimestamp(at_s, UTC), at_s) == []
    [tracked] = held._tracked.values()
    assert tracked.book.synced
    assert tracked.book.last_id == sent[bisect_right(times, began_s + LISTENED_S) - 1][1].last_id
    assert requests <= 3
