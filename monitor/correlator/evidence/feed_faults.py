"""Finds faults of a venue's feeds: cuts, gaps, refusals and unreadable frames.

Silence is none: it takes sight away (coverage.py), and what cannot be seen is no evidence of stress. A venue that stands still
behind an open socket is told by its failing answers, its frozen book, its own words.
"""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

WINDOW_S = 60.0
CUTS = (2, 4, 8, 16)
MAX_FAULTS = 64
MAX_GRADE = 3

_WORDS = {
    SignalKind.FEED_CLOSED: "cut",
    SignalKind.FEED_GAP: "holes in",
    SignalKind.FEED_REJECTED: "refused",
    SignalKind.MALFORMED: "unreadable frames on",
}


class FeedFaultsEvidence:
    """Cuts, gaps, refusals and unreadable frames by their number in a minute."""

    kinds = frozenset(_WORDS)

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._faults: dict[tuple[str, SignalKind, str], deque[float]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one fault of a feed; planned ones do not count."""
        venue = signal.subject.venue
        if venue is None or signal.attributes.get("planned") is True:
            return
        if self._board.attribution.set_aside(signal):
            return
        own_lag = self._board.attribution.own_lag
        if signal.kind is SignalKind.FEED_CLOSED and own_lag.in_second_of(signal):
            return  # it may have been cut because we were late to answer
        feed = signal.source.rpartition("/")[2]
        times = self._faults.setdefault((venue, signal.kind, feed), deque(maxlen=MAX_FAULTS))
        times.append(at_s)
        while at_s - times[0] > WINDOW_S:
            times.popleft()
        grade = min(graded(len(times), CUTS), MAX_GRADE)
        if grade:
            self._board.put(
                Finding(
                    name="feed_faults",
                    leg=Leg.VENUE,
                    subject=Subject(venue=venue),
                    key=f"{feed}-{signal.kind.value}",
                    grade=grade,
                    onset_s=times[0],
                    at_s=at_s,
                    half_life_s=self._board.settings.venue_half_life_s,
                    value=len(times),
                    normal=0.0,
                    unit="1",
                    said=f"{_WORDS[signal.kind]} {venue} {feed} {len(times)} times in a minute",
                )
            )

    def on_second(self, now_s: float) -> None:
        """Forget the counts while our own network is down."""
        if self._board.attribution.local_now(now_s):
            self._faults.clear()


PRODUCER = FeedFaultsEvidence
