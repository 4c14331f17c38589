"""A venue's feed goes silent on an open socket, is cut, or has holes: plumbing fails, and we see less at the same time."""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

WINDOW_S = 60.0
CUTS = (2, 4, 8, 16)
KEPT = 64

_WORDS = {
    SignalKind.FEED_CLOSED: "cut",
    SignalKind.FEED_GAP: "holes in",
    SignalKind.FEED_REJECTED: "refused",
    SignalKind.MALFORMED: "unreadable frames on",
}


class FeedFaultsEvidence:
    """Silent feeds at once; cuts, holes and refusals by their number in a minute."""

    kinds = frozenset({SignalKind.FEED_SILENT, *_WORDS})

    def __init__(self, desk: EvidenceBoard) -> None:
        self._desk = desk
        self._faults: dict[tuple[str, SignalKind, str], deque[float]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one fault of a feed; planned ones are none."""
        venue = signal.subject.venue
        if venue is None or signal.attributes.get("planned") is True:
            return
        feed = signal.source.rpartition("/")[2]
        if signal.kind is SignalKind.FEED_SILENT:
            self._pin(
                venue, feed, 2, at_s - signal.value, at_s, signal.value, f"{venue} {feed} silent on an open socket"
            )
            return
        times = self._faults.setdefault((venue, signal.kind, feed), deque(maxlen=KEPT))
        times.append(at_s)
        while at_s - times[0] > WINDOW_S:
            times.popleft()
        grade = min(graded(len(times), CUTS), 3)
        if grade:
            words = f"{_WORDS[signal.kind]} {venue} {feed} {len(times)} times in a minute"
            self._pin(venue, f"{feed}-{signal.kind.value}", grade, times[0], at_s, len(times), words)

    def _pin(self, venue: str, key: str, grade: int, onset_s: float, at_s: float, value: float, said: str) -> None:
        self._desk.pin(
            "feed_faults", Leg.VENUE, Subject(venue=venue), key=key, grade=grade, onset_s=onset_s, at_s=at_s,
            half_life_s=self._desk.settings.venue_half_life_s, value=value, normal=0.0, unit="1", said=said,
        )  # fmt: skip

    def on_second(self, now_s: float) -> None:
        """Forget what was counted while our own network was down."""
        if self._desk.attribution.local_since_s:
            self._faults.clear()


PRODUCER = FeedFaultsEvidence
