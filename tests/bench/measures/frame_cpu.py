"""Measures the CPU time of a frame from its bytes to its readings in the queue: dialect, gate, claims, lags, and books.

Time is that of the thread, the least of many short rounds, so that a busy machine counts for nothing. Beside each: cryptofeed's
handler over the same frames where it has one, by the same rule; it makes its own objects and calls one callback.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import thread_time

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.reading_queue import ReadingQueue
from probes.readings import FeedMalformed, RowsMalformed, VenueId
from probes.venue import BookSnapshot
from tests.bench.figures import Figure
from tests.bench.frames import NOW_MS, SYMBOL, books, instruments, liquidations, tickers
from tests.bench.measures.feeds import CRYPTOFEED, HANDLERS, handler

FRAMES = 500
ROUNDS = 60
NOW = datetime.fromtimestamp(NOW_MS / 1000 + 1, UTC)
MAKERS: dict[str, tuple[str, Callable[[str, int], list[bytes]]]] = {
    "liquidation": ("liquidation", liquidations),
    "depth": ("book_ws", books),
    "ticker": ("liquidation", tickers),
}
"""The frames of each kind, and the feed that reads them."""


def bench() -> list[Figure]:
    """One figure for each venue and kind of frame."""
    return [_figure(venue, kind) for kind in MAKERS for venue in sorted(SYMBOL)]


def _figure(venue: str, kind: str) -> Figure:
    name, make = MAKERS[kind]
    frames = make(venue, FRAMES)
    ours = min(_round(venue, name, frames) for _ in range(ROUNDS))
    title, simulated = f"{venue}: CPU of a {kind} frame, bytes to queue", "the frames (the venue's documented form)"
    theirs = _theirs(venue, kind, frames)
    if theirs is None:
        return Figure(name=title, value=ours, unit="µs", simulated=simulated)
    return Figure(
        name=title, value=ours, unit="µs", peer="cryptofeed 2.4.1's handler", peer_value=theirs, simulated=simulated,
        note=f"{theirs / ours:.2f} times as fast",
    )  # fmt: skip


def _round(venue: str, name: str, frames: list[bytes]) -> float:
    """CPU microseconds of a frame."""
    feed = next(one for one in venues.declared(venue).feeds if one.name == name)
    known, queue = instruments(venue), ReadingQueue()
    reader = FeedReader(VenueId(venue), feed, ClockOffset(), list(known.values()))
    reader.ask(NOW, 0.0)
    if name == "book_ws" and feed.book_base is not None:
        whole = BookSnapshot(
            instrument=SYMBOL[venue], last_id=0, event_time=NOW, bids=[(61799.0, 1.0)], asks=[(61802.0, 1.0)]
        )
        reader.rest_snapshot(whole, SYMBOL[venue], NOW)
    read, put, tick_s = reader.frame, queue.put, 1.0
    began = thread_time()
    for frame in frames:
        tick_s += 0.001
        for one in read(frame, NOW, tick_s, known).readings:
            put(one)
    took = thread_time() - began
    odd = [one for one in reader.second(NOW, tick_s) if isinstance(one, FeedMalformed | RowsMalformed)]
    assert not odd, odd
    return took / len(frames) * 1e6


def _theirs(venue: str, kind: str, frames: list[bytes]) -> float | None:
    """The same of cryptofeed's handler; None where it has none, or is not installed."""
    channel = {"depth": "book_ws"}.get(kind, kind)
    if (venue, channel) not in HANDLERS or not CRYPTOFEED.exists():
        return None
    with handler(venue, channel, frames) as their_round:
        return min(float(str(their_round())) for _ in range(ROUNDS)) / len(frames) * 1e6
