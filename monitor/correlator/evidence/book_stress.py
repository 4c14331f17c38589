"""Finds books in stress: depth within 50 bps far under its usual, or a book that is crossed, frozen, one-sided or hollow.

A fall of depth by 70 % is grade 2, by 90 % grade 3 (on 10 October 2025 depth fell by 90 to 98 %). A state must last three
seconds: healthy books cross for an instant. A frozen book is a fault only while another book of its asset moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.level import RobustLevel
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

FALLS = (log(2.5), log(1 / 0.3), log(10), log(50))
LASTING_S = 3.0
MIN_SAMPLES = 8
FRESH_S = 10.0
"""A book sampled within so many seconds says whether its asset's market moves."""
STILL = ("frozen", "unsynced")
SICK = {"crossed": 2, "frozen": 2, "one_sided": 3, "hollow": 3, "empty": 3}


@dataclass(slots=True)
class _Book:
    usual: RobustLevel
    began_s: float
    low_s: float | None = None
    sick: str = ""
    sick_s: float = 0.0
    seen_s: float = 0.0


class BookStressEvidence:
    """Depth and state of each watched book (WebSocket books only: REST is the cross-check)."""

    kinds = frozenset({SignalKind.BOOK})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._books: dict[tuple[str, str, str], _Book] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one sample of a book."""
        subject = signal.subject
        if subject.asset is None or subject.venue is None or signal.attributes.get("origin") == "rest":
            return
        key = (subject.asset, subject.venue, subject.instrument or "")
        book = self._books.get(key)
        if book is None:
            level = RobustLevel(self._board.settings.level_long_s, 0.2)
            book = self._books[key] = _Book(level, at_s)
        self._state(book, subject, str(signal.attributes.get("state", "ok")), at_s)
        bid, ask = signal.attributes.get("bid_depth_50_usd"), signal.attributes.get("ask_depth_50_usd")
        if isinstance(bid, int | float) and isinstance(ask, int | float):
            self._depth(book, subject, min(bid, ask), at_s)

    def _state(self, book: _Book, subject: Subject, state: str, at_s: float) -> None:
        if state != book.sick:
            book.sick, book.sick_s = state, at_s
        book.seen_s = at_s
        grade = SICK.get(state, 0)
        if state == "frozen" and not self._moves(subject.asset, at_s):
            return  # all of its kind stand still, or nobody sees them: that is a quiet market
        if grade and at_s - book.sick_s >= LASTING_S:
            self._board.put(
                Finding(
                    name="book_state",
                    leg=Leg.VENUE,
                    subject=_instrument(subject),
                    grade=grade,
                    onset_s=book.sick_s,
                    at_s=at_s,
                    half_life_s=self._board.settings.book_half_life_s,
                    value=at_s - book.sick_s,
                    normal=0.0,
                    unit="s",
                    said=f"{subject.venue} {subject.instrument} book {state}",
                )
            )

    def _moves(self, asset: str | None, at_s: float) -> bool:
        """Whether any book of the asset moves."""
        return any(
            key[0] == asset and other.sick not in STILL and at_s - other.seen_s <= FRESH_S
            for key, other in self._books.items()
        )

    def _depth(self, book: _Book, subject: Subject, depth_usd: float, at_s: float) -> None:
        value = log(max(depth_usd, 1.0))
        fall = book.usual.level - value
        grade = graded(fall, FALLS)
        if not grade or book.usual.seen < MIN_SAMPLES or at_s - book.began_s < self._board.settings.warm_s:
            book.usual.learn(value, at_s)
            book.low_s = None
            return
        if book.low_s is None:
            book.low_s = at_s
        elif at_s - book.low_s > self._board.settings.level_long_s:  # thin for so long: that is its usual depth now
            book.usual.learn(value, at_s)
        if at_s - book.low_s >= LASTING_S:
            usual = exp(book.usual.level)
            words = f"depth within 50 bps {depth_usd:,.0f} USD ({usual:,.0f} usual)"
            self._board.put(
                Finding(
                    name="book_depth",
                    leg=Leg.VENUE,
                    subject=_instrument(subject),
                    grade=grade,
                    onset_s=book.low_s,
                    at_s=at_s,
                    half_life_s=self._board.settings.book_half_life_s,
                    value=depth_usd,
                    normal=usual,
                    unit="USD",
                    said=f"{subject.venue} {subject.instrument} {words}",
                )
            )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def _instrument(subject: Subject) -> Subject:
    return Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument)


PRODUCER = BookStressEvidence
