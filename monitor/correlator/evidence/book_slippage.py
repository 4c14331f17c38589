"""Finds books in which selling costs far more than usual: what a holder would really pay, or that he could not sell at all.

The cost to sell 10 k, 100 k and 1 M USD is judged by its own past (`monitor/detect/shift.py`), each size a stream of its own.
What costs less than three times the usual, or under 10 bps, is no finding. Sold out, a size that
usually fills well counts as 500 bps. Grade 2 at most: depth and spread say it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.latency import LatencyStream
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

SIZES = ("10k", "100k", "1m")
SOLD_OUT_BPS = 500.0
"""The depth is counted to 500 bps: what that does not fill costs this at least."""
FILLS_WELL_BPS = 50.0
"""A size that usually costs more is about all that the book holds: that it does not fill is nothing new."""
MIN_BPS = 10.0
MIN_RISE = 3.0
EVERY_S = 5.0
MAX_GRADE = 2
MAX_BOOKS = 8192


@dataclass(slots=True)
class _Book:
    at_s: float = float("-inf")
    began_s: float = 0.0
    streams: dict[str, LatencyStream] = field(default_factory=lambda: {size: LatencyStream() for size in SIZES})


class BookSlippageEvidence:
    """The cost to sell in each watched book in good order (WebSocket books only: REST is the cross-check)."""

    kinds = frozenset({SignalKind.BOOK})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._books: dict[tuple[str, str, str], _Book] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one sample, at most one in five seconds."""
        subject, attributes = signal.subject, signal.attributes
        if subject.asset is None or subject.venue is None or attributes.get("origin") == "rest":
            return
        if attributes.get("state") != "ok":
            return
        key = (subject.asset, subject.venue, subject.instrument or "")
        book = self._books.get(key)
        if book is None:
            if len(self._books) >= MAX_BOOKS:
                self._books.pop(next(iter(self._books)))
            book = self._books[key] = _Book(began_s=at_s)
        if at_s - book.at_s < EVERY_S:
            return
        book.at_s = at_s
        for size in SIZES:
            name = f"sell_slippage_{size}_bps"
            if name in attributes:
                self._judge(book, subject, size, attributes.get(name), at_s)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""

    def _judge(self, book: _Book, subject: Subject, size: str, cost: object, at_s: float) -> None:
        stream = book.streams[size]
        usual = stream.normal_s
        if cost is None and usual <= FILLS_WELL_BPS:
            cost = SOLD_OUT_BPS
        if not isinstance(cost, int | float):
            return
        rise = stream.add(float(cost), at_s)
        if at_s - book.began_s < self._board.settings.warm_s or cost < max(MIN_BPS, MIN_RISE * usual):
            return
        grade = min(grade_of_rate(rise.per_day), MAX_GRADE)
        if not grade:
            return
        words = "cannot be sold" if cost >= SOLD_OUT_BPS else f"costs {cost:,.0f} bps to sell"
        self._board.put(
            Finding(
                name="book_slippage",
                leg=Leg.VENUE,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                grade=grade,
                far_per_day=rise.per_day,
                onset_s=rise.onset_s,
                at_s=at_s,
                half_life_s=self._board.settings.book_half_life_s,
                value=float(cost),
                normal=usual,
                unit="bps",
                said=f"{size.upper()} USD of {subject.venue} {subject.instrument} {words} ({usual:,.1f} bps usual)",
                key=size,
            )
        )


PRODUCER = BookSlippageEvidence
