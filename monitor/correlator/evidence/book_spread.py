"""Finds books whose spread is far wider than its own past: it costs more to trade, whatever depth is left further away.

A spread of four times the usual is grade 1, of sixty times grade 4, if it lasts ten seconds and is at least 5 bps.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.level import RobustLevel
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

RISES = (log(4), log(10), log(25), log(60))
MIN_BPS = 5.0
"""A narrower spread is no distress, however narrow it was before."""
FLOOR_BPS = 0.5
"""The usual spread counts as this at least: a book that is one tick wide has no usual spread to speak of."""
LASTING_S = 10.0
MAX_GAP_S = 10.0
"""With a longer hole between two samples nobody knows whether the spread was wide all the time."""
MIN_SAMPLES = 8
MAX_BOOKS = 8192


@dataclass(slots=True)
class _Book:
    """The usual spread (a level of logarithms of bps), since when it is wide (None: it is not), and the last sample."""

    usual: RobustLevel
    began_s: float
    wide_s: float | None = None
    last_s: float = float("-inf")


class BookSpreadEvidence:
    """The spread of each watched book in good order (WebSocket books only: REST is the cross-check)."""

    kinds = frozenset({SignalKind.BOOK})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._books: dict[tuple[str, str, str], _Book] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one sample. A book without a spread says nothing of it: its state is `book_state`'s subject."""
        subject, attributes = signal.subject, signal.attributes
        if subject.asset is None or subject.venue is None or attributes.get("origin") == "rest":
            return
        if attributes.get("state") != "ok" or signal.value < 0:
            return
        key = (subject.asset, subject.venue, subject.instrument or "")
        book = self._books.get(key)
        if book is None:
            if len(self._books) >= MAX_BOOKS:
                self._books.pop(next(iter(self._books)))
            book = self._books[key] = _Book(RobustLevel(self._board.settings.level_long_s, 0.2), at_s)
        self._judge(book, subject, signal.value, at_s)

    def _judge(self, book: _Book, subject: Subject, spread_bps: float, at_s: float) -> None:
        settings, value = self._board.settings, log(max(spread_bps, FLOOR_BPS))
        grade = graded(value - book.usual.level + 1e-9, RISES) if spread_bps >= MIN_BPS else 0
        holed, book.last_s = at_s - book.last_s > MAX_GAP_S, at_s
        if not grade or book.usual.seen < MIN_SAMPLES or at_s - book.began_s < settings.warm_s:
            book.usual.learn(value, at_s)
            book.wide_s = None
            return
        if book.wide_s is None or holed:
            book.wide_s = at_s
        if at_s - book.wide_s > settings.level_long_s:  # wide for so long: that is its usual spread now
            book.usual.learn(value, at_s)
        if at_s - book.wide_s < LASTING_S:
            return
        usual = exp(book.usual.level)
        self._board.put(
            Finding(
                name="book_spread",
                leg=Leg.VENUE,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                grade=grade,
                onset_s=book.wide_s,
                at_s=at_s,
                half_life_s=settings.book_half_life_s,
                value=spread_bps,
                normal=usual,
                unit="bps",
                said=f"{subject.venue} {subject.instrument} spread {spread_bps:,.1f} bps ({usual:,.1f} usual)",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = BookSpreadEvidence
