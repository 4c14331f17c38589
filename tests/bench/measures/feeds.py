"""Measures frames a second through each dialect's reader: forced orders into readings, changes into an order book."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from probes import venues
from probes.feeds.books import FeedBooks
from probes.readings import FeedChanged, Liquidation, VenueId
from probes.venue import BookDelta, BookSnapshot, Context, Feed
from tests.bench.figures import Figure, rates
from tests.bench.frames import LEVELS, NOW_MS, SYMBOL, books, instruments, liquidations

LIQUIDATIONS = 20_000
BOOKS = 2_000
NOW = datetime.fromtimestamp(NOW_MS / 1000 + 1, UTC)
PEER = "json.loads of the same frames, nothing read"


def bench() -> list[Figure]:
    """Two figures for each dialect."""
    return [make(venue) for make in (_liquidation, _book) for venue in sorted(SYMBOL)]


def _feed(venue: str, name: str) -> Feed:
    return next(one for one in venues.declared(venue).feeds if one.name == name)


def _context(venue: str, check: str) -> Context:
    return Context(venue=VenueId(venue), check=check, received_at=NOW, instruments=instruments(venue))


def _parsed(frames: list[bytes]) -> None:
    for frame in frames:
        json.loads(frame)


def _liquidation(venue: str) -> Figure:
    frames, read, context = (
        liquidations(venue, LIQUIDATIONS),
        _feed(venue, "liquidation").read,
        _context(venue, "liquidation"),
    )
    assert all(isinstance(word, Liquidation) for frame in frames[:100] for word in read(frame, context))

    def ours() -> None:
        count = 0
        for frame in frames:
            count += len(read(frame, context))
        assert count == LIQUIDATIONS

    per_s, peer = rates(LIQUIDATIONS, ours, lambda: _parsed(frames))
    return Figure(
        name=f"{venue}: liquidation frames into readings", value=per_s, unit="frames/s", least=50_000, peer=PEER,
        peer_value=peer, simulated="the frames (the venue's documented form, one forced order each)",
    )  # fmt: skip


def _book(venue: str) -> Figure:
    frames, feed, context = books(venue, BOOKS), _feed(venue, "book_ws"), _context(venue, "book_ws")
    based = feed.book_base is not None
    first = BookSnapshot(
        instrument=SYMBOL[venue], last_id=0, event_time=NOW, bids=[(61799.0, 1.0)], asks=[(61802.0, 1.0)]
    )

    def ours() -> None:
        feed_books = FeedBooks(VenueId(venue), "book_ws", based=based)
        faults: list[FeedChanged] = feed_books.snapshot(first, NOW, 0.0) if based else []
        for frame in frames:
            for word in feed.read(frame, context):
                if isinstance(word, BookDelta):
                    faults += feed_books.change(word, NOW, 0.0)
                else:
                    assert isinstance(word, BookSnapshot)
                    faults += feed_books.snapshot(word, NOW, 0.0)
        [measured] = feed_books.measure_all(NOW, 0.0, 60.0)
        assert not faults
        assert measured.updates >= BOOKS, measured

    per_s, peer = rates(BOOKS, ours, lambda: _parsed(frames))
    return Figure(
        name=f"{venue}: book frames of {2 * LEVELS} levels, read and applied", value=per_s, unit="frames/s", peer=PEER,
        peer_value=peer, simulated="the frames (the venue's documented form, in sequence)",
    )  # fmt: skip
