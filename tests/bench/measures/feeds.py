"""Measures frames a second through each dialect's reader: forced orders into readings, changes into an order book.

Beside it, in turns and over the same frames, cryptofeed's own handlers with a callback that counts, where it has one for them
(its Bybit handler reads an older liquidation topic, OKX and Gate have none for these channels).
"""

from __future__ import annotations

import gc
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time

from probes import venues
from probes.feeds.books import FeedBooks
from probes.readings import FeedChanged, Liquidation, VenueId
from probes.venue import BookDelta, BookSnapshot, Context, Feed
from tests.bench.figures import ROUNDS, Figure, rates
from tests.bench.frames import LEVELS, NOW_MS, SYMBOL, books, instruments, liquidations

LIQUIDATIONS = 20_000
BOOKS = 2_000
NOW = datetime.fromtimestamp(NOW_MS / 1000 + 1, UTC)
PEER = "json.loads of the same frames, nothing read"
CRYPTOFEED = Path(__file__).parents[3] / ".peers/cryptofeed/bin/python"
HANDLER = Path(__file__).parents[1] / "cryptofeed_peer.py"
HANDLERS = {
    ("binance_usdm", "liquidation"): ("BinanceFutures", "liquidations", 2.0),
    ("binance_usdm", "book_ws"): ("BinanceFutures", "l2_book", 4.0),
    ("bybit", "book_ws"): ("Bybit", "l2_book", 4.0),
    ("okx", "book_ws"): ("OKX", "l2_book", 4.0),
}
"""cryptofeed's exchange and channel, and how many times as fast we aim to be."""


def bench() -> list[Figure]:
    """Two figures for each dialect, and one more beside each of cryptofeed's handlers."""
    return [one for make in (_liquidation, _book) for venue in sorted(SYMBOL) for one in make(venue)]


@contextmanager
def handler(venue: str, name: str, frames: list[bytes]) -> Iterator[Callable[[], object]]:
    """A round of cryptofeed's handler over the frames, in its own process; gives its seconds of CPU time."""
    exchange, channel, _ = HANDLERS[venue, name]
    asked = {
        "exchange": exchange, "channel": channel, "symbol": SYMBOL[venue], "frames": [one.decode() for one in frames]
    }  # fmt: skip
    command = [str(CRYPTOFEED), str(HANDLER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        sent, answers = running.stdin, running.stdout

        def said(line: str) -> dict[str, float]:
            sent.write(line.encode() + b"\n")
            sent.flush()
            answer: dict[str, float] = json.loads(answers.readline())
            return answer

        assert said(json.dumps(asked))["ready"] >= len(frames) - 1, "each frame reaches the callback"
        yield lambda: said("")["seconds"]
        sent.close()


def _beside(venue: str, name: str, frames: list[bytes], ours: Callable[[], None], what: str) -> list[Figure]:
    """How many times as fast as cryptofeed's handler, by the fastest round of each: what others do on the machine only adds."""
    if (venue, name) not in HANDLERS:
        return []
    peer, aim = "cryptofeed 2.4.1's handler, frames/s", HANDLERS[venue, name][2]
    simulated = "the frames (the venue's documented form)"
    title = f"{venue}: {what}, times cryptofeed's handler"
    if not CRYPTOFEED.exists():
        note = "cryptofeed is not installed: `make bench` puts it into .peers"
        return [Figure(name=title, value=None, unit="times", least=aim, simulated=simulated, note=note)]
    mine: list[float] = []
    theirs: list[float] = []
    with handler(venue, name, frames) as their_round:
        for _ in range(2 * ROUNDS):
            gc.collect()
            began = thread_time()
            ours()
            mine.append(thread_time() - began)
            theirs.append(float(str(their_round())))
    per_s, handled = len(frames) / min(mine), len(frames) / min(theirs)
    note = f"ours {per_s:,.0f}, theirs {handled:,.0f} frames/s"
    return [
        Figure(
            name=title,
            value=per_s / handled,
            unit="times",
            least=aim,
            peer=peer,
            peer_value=1.0,
            simulated=simulated,
            note=note,
        )
    ]


def _feed(venue: str, name: str) -> Feed:
    return next(one for one in venues.declared(venue).feeds if one.name == name)


def _context(venue: str, check: str) -> Context:
    return Context(venue=VenueId(venue), check=check, received_at=NOW, instruments=instruments(venue))


def _parsed(frames: list[bytes]) -> None:
    for frame in frames:
        json.loads(frame)


def _liquidation(venue: str) -> list[Figure]:
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
    figure = Figure(
        name=f"{venue}: liquidation frames into readings", value=per_s, unit="frames/s", least=50_000, peer=PEER,
        peer_value=peer, simulated="the frames (the venue's documented form, one forced order each)",
    )  # fmt: skip
    return [figure, *_beside(venue, "liquidation", frames, ours, "liquidation frames")]


def _book(venue: str) -> list[Figure]:
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
    figure = Figure(
        name=f"{venue}: book frames of {2 * LEVELS} levels, read and applied", value=per_s, unit="frames/s", peer=PEER,
        peer_value=peer, simulated="the frames (the venue's documented form, in sequence)",
    )  # fmt: skip
    return [figure, *_beside(venue, "book_ws", frames, ours, "book frames")]
