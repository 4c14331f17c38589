"""Finds sides of books that take far longer than usual to come back after a sweep: fewer makers stand behind what is shown.

Compared with the median of the side's own earlier sweeps; of fewer than five nothing is known. It is weak: at most grade 2.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

SLOW = ((5.0, 10.0), (20.0, 60.0))
"""Grade 1 and 2: how many times the usual, and seconds at least."""
SHORTEST_S = 1.0
"""Books are sampled each second: a faster return looks like this."""
MIN_PAST = 5
MAX_PAST = 32
MAX_SIDES = 8192


class BookRefillEvidence:
    """How long each side of each book takes to come back."""

    kinds = frozenset({SignalKind.BOOK_REFILL})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._past: dict[tuple[str, str, str, str], deque[float]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one sweep that is over. A time that is cut short (`censored`) counts only if it is slow so far."""
        subject, took_s, side = signal.subject, signal.value, str(signal.attributes.get("side", ""))
        if subject.asset is None or subject.venue is None:
            return
        key = (subject.asset, subject.venue, subject.instrument or "", side)
        if key not in self._past and len(self._past) >= MAX_SIDES:
            self._past.pop(next(iter(self._past)))
        past = self._past.setdefault(key, deque(maxlen=MAX_PAST))
        censored = signal.attributes.get("censored") is True
        if len(past) >= MIN_PAST:
            self._judge(subject, side, took_s, max(median(past), SHORTEST_S), at_s, censored)
        if not censored or (past and took_s >= median(past)):
            past.append(took_s)

    def _judge(self, subject: Subject, side: str, took_s: float, usual_s: float, at_s: float, censored: bool) -> None:
        grade = sum(took_s >= times * usual_s and took_s >= least_s for times, least_s in SLOW)
        if not grade:
            return
        words = f"not back after {took_s:.0f} s" if censored else f"back after {took_s:.0f} s"
        self._board.put(
            Finding(
                name="book_refill",
                leg=Leg.VENUE,
                subject=Subject(asset=subject.asset, venue=subject.venue, instrument=subject.instrument),
                key=side,
                grade=grade,
                onset_s=at_s - took_s,
                at_s=at_s,
                half_life_s=self._board.settings.book_half_life_s,
                value=took_s,
                normal=usual_s,
                unit="s",
                said=f"{subject.venue} {subject.instrument} {side} side {words} ({usual_s:.0f} s usual)",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = BookRefillEvidence
