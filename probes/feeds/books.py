"""The books of one feed connection: keeps what comes while a snapshot is fetched, and says gaps and resyncs. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from probes.book import Applied, Book
from probes.readings import BookMeasured, FeedChanged, FeedEvent, VenueId
from probes.venue import BookDelta, BookSnapshot

MAX_KEPT = 5000


@dataclass(slots=True)
class _Held:
    book: Book
    kept: deque[BookDelta] = field(default_factory=lambda: deque(maxlen=MAX_KEPT))
    lost_s: float | None = None
    asked: bool = False


class FeedBooks:
    """All books of one feed. `based` says whether deltas build on a REST snapshot (else the feed sends its own)."""

    def __init__(self, venue: VenueId, feed: str, *, based: bool) -> None:
        self._venue = venue
        self._feed = feed
        self._based = based
        self._held: dict[str, _Held] = {}
        self.needs_new_connection = False

    def _of(self, instrument: str) -> _Held:
        held = self._held.get(instrument)
        if held is None:
            held = self._held[instrument] = _Held(Book(self._venue, instrument))
        return held

    def forget(self) -> None:
        """The connection is gone: no book may be believed until its next snapshot."""
        self.needs_new_connection = False
        for held in self._held.values():
            held.book.synced = False
            held.asked = False
            held.kept.clear()

    def snapshot(self, whole: BookSnapshot, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """A whole book came, by the feed or by REST; what was kept is applied on it."""
        held = self._of(whole.instrument)
        held.book.snapshot(whole, now_s, from_rest=self._based)
        held.asked = False
        told: list[FeedChanged] = []
        kept = list(held.kept)
        held.kept.clear()
        for change in kept:
            if held.book.apply(change, now_s) is Applied.GAP:
                held.kept.append(change)
                return told  # the snapshot was older than what was kept: it will be asked for again
        if held.lost_s is not None:
            lost_s, held.lost_s = now_s - held.lost_s, None
            told.append(self._changed(FeedEvent.RESYNCED, whole.instrument, received_at, lost_s))
        return told

    def change(self, change: BookDelta, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """A change came."""
        held = self._of(change.instrument)
        applied = held.book.apply(change, now_s)
        if applied is Applied.WAITING:
            held.kept.append(change)
            return []
        if applied is not Applied.GAP:
            return []
        held.lost_s = now_s
        held.kept.append(change)
        if not self._based:
            self.needs_new_connection = True
        words = f"after {held.book.last_id} came {change.first_id}..{change.last_id}"
        return [self._changed(FeedEvent.GAP, change.instrument, received_at, held.book.missing, words)]

    def wanting(self) -> list[str]:
        """Instruments that changes came for and whose REST snapshot nobody has asked for yet."""
        if not self._based:
            return []
        wanted = [name for name, held in self._held.items() if not held.book.synced and held.kept and not held.asked]
        for name in wanted:
            self._held[name].asked = True
        return wanted

    def failed(self, instrument: str) -> None:
        """The snapshot asked for did not come: ask again later."""
        self._of(instrument).asked = False

    def measures(self, received_at: datetime, now_s: float, frozen_after_s: float) -> list[BookMeasured]:
        """Each book that ever stood, measured."""
        return [
            held.book.measure(received_at, now_s, "ws", frozen_after_s)
            for held in self._held.values()
            if held.book.last_id is not None
        ]

    def _changed(
        self, event: FeedEvent, instrument: str, received_at: datetime, value: float, detail: str = ""
    ) -> FeedChanged:
        return FeedChanged(
            venue=self._venue, feed=self._feed, instrument=instrument, received_at=received_at, event=event,
            value=value, detail=detail,
        )  # fmt: skip
