"""Tracks the books of one feed: queues changes while a snapshot is fetched, and reports gaps and resyncs. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from probes.book import Applied, Book
from probes.feeds.checksums import WrittenBook
from probes.readings import BookMeasured, FeedChanged, FeedEvent, VenueId
from probes.venue import BookChecksum, BookDelta, BookSnapshot, ChecksumRule

MAX_PENDING = 5000


@dataclass(slots=True)
class _TrackedBook:
    book: Book
    pending: deque[BookDelta] = field(default_factory=lambda: deque(maxlen=MAX_PENDING))
    written: WrittenBook = field(default_factory=WrittenBook)
    gap_since_s: float | None = None
    requested: bool = False


class FeedBooks:
    """All books of one feed. `based`: changes build on a REST snapshot (else the feed sends its own). `rule`: of checksums."""

    def __init__(self, venue: VenueId, feed: str, *, based: bool, rule: ChecksumRule | None = None) -> None:
        self._rule = rule
        self._venue = venue
        self._feed = feed
        self._based = based
        self._tracked: dict[str, _TrackedBook] = {}
        self.needs_new_connection = False

    def _get(self, instrument: str) -> _TrackedBook:
        tracked = self._tracked.get(instrument)
        if tracked is None:
            tracked = self._tracked[instrument] = _TrackedBook(Book(self._venue, instrument))
        return tracked

    def invalidate(self) -> None:
        """Mark every book as unsynced until its next snapshot: the connection is gone."""
        self.needs_new_connection = False
        for tracked in self._tracked.values():
            tracked.book.synced = False
            tracked.requested = False
            tracked.pending.clear()

    def snapshot(self, whole: BookSnapshot, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """Start a book anew from a whole one (by the feed or by REST), then apply the changes that were queued."""
        tracked = self._get(whole.instrument)
        tracked.book.snapshot(whole, now_s, from_rest=self._based)
        tracked.written = WrittenBook()
        tracked.requested = False
        events: list[FeedChanged] = []
        pending = list(tracked.pending)
        tracked.pending.clear()
        for change in pending:
            if tracked.book.apply(change, now_s) is Applied.GAP:
                tracked.pending.append(change)
                self.needs_new_connection = not self._based
                return events  # the snapshot is older than the queued changes: it must come again
        if tracked.gap_since_s is not None:
            without_s, tracked.gap_since_s = now_s - tracked.gap_since_s, None
            events.append(self._changed(FeedEvent.RESYNCED, whole.instrument, received_at, without_s))
        return events

    def change(self, change: BookDelta, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """Apply a change, or queue it until its snapshot comes."""
        tracked = self._get(change.instrument)
        applied = tracked.book.apply(change, now_s)
        if applied is Applied.WAITING:
            tracked.pending.append(change)
            return []
        if applied is not Applied.GAP:
            return []
        tracked.pending.append(change)
        detail = f"after {tracked.book.last_id} came {change.first_id}..{change.last_id}"
        return self._gap(tracked, change.instrument, received_at, now_s, detail)

    def check(self, sent: BookChecksum, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """Compare a book with the checksum that the venue sent of it: another one means that changes are missing."""
        tracked = self._get(sent.instrument)
        if self._rule is None or not tracked.book.synced:
            return []
        ours = tracked.written.follow(tracked.book, sent, self._rule)
        if ours == sent.checksum:
            return []
        tracked.book.synced = False
        tracked.book.missing = 1
        detail = f"checksum {sent.checksum}, ours {ours}"
        return self._gap(tracked, sent.instrument, received_at, now_s, detail)

    def _gap(
        self, tracked: _TrackedBook, instrument: str, received_at: datetime, now_s: float, detail: str
    ) -> list[FeedChanged]:
        """Report that changes are missing; a feed that sends its own snapshots needs a new connection."""
        tracked.gap_since_s = now_s
        if not self._based:
            self.needs_new_connection = True
        return [self._changed(FeedEvent.GAP, instrument, received_at, tracked.book.missing, detail)]

    def snapshots_needed(self) -> list[str]:
        """The instruments whose REST snapshot must be fetched. Each is returned once, until `snapshot_failed`."""
        if not self._based:
            return []
        wanted = [
            name
            for name, tracked in self._tracked.items()
            if not tracked.book.synced and tracked.pending and not tracked.requested
        ]
        for name in wanted:
            self._tracked[name].requested = True
        return wanted

    def snapshot_failed(self, instrument: str) -> None:
        """Let a snapshot that did not come be requested again."""
        self._get(instrument).requested = False

    def measure_all(self, received_at: datetime, now_s: float, frozen_after_s: float) -> list[BookMeasured]:
        """Measure each book that has ever had a snapshot."""
        return [
            tracked.book.measure(received_at, now_s, "ws", frozen_after_s)
            for tracked in self._tracked.values()
            if tracked.book.last_id is not None
        ]

    def _changed(
        self, event: FeedEvent, instrument: str, received_at: datetime, value: float, detail: str = ""
    ) -> FeedChanged:
        return FeedChanged(
            venue=self._venue, feed=self._feed, instrument=instrument, received_at=received_at, event=event,
            value=value, detail=detail,
        )  # fmt: skip
