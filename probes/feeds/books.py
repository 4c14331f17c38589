"""Tracks the books of one feed: queues changes while a snapshot is fetched, and reports gaps and resyncs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from probes.book import Applied, Book
from probes.feeds.checksums import WrittenBook
from probes.feeds.refill import Refills
from probes.feeds.resync import KeptChanges, SnapshotWait
from probes.readings import BookMeasured, BookRefilled, FeedChanged, FeedEvent, VenueId
from probes.venue import BookChecksum, BookDelta, BookSnapshot, ChecksumRule


@dataclass(slots=True)
class _TrackedBook:
    book: Book
    kept: KeptChanges = field(default_factory=KeptChanges)
    wait: SnapshotWait = field(default_factory=SnapshotWait)
    refills: Refills = field(default_factory=Refills)
    written: WrittenBook = field(default_factory=WrittenBook)
    gap_since_s: float | None = None


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
            tracked.wait.over()
            tracked.kept.clear()

    def snapshot(self, whole: BookSnapshot, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """Start a book anew from a whole one (by the feed or by REST), then apply the changes that were kept.

        If it is older than the first of them they are kept on, and another is requested when it can be new enough.
        """
        tracked = self._get(whole.instrument)
        tracked.book.snapshot(whole, now_s, from_rest=self._based)
        tracked.written = WrittenBook()
        events: list[FeedChanged] = []
        for _, change in tracked.kept.changes:
            if tracked.book.apply(change, now_s) is Applied.GAP:
                tracked.wait.stale(whole.last_id, tracked.kept, now_s)
                self.needs_new_connection = not self._based
                return events
        tracked.kept.clear()
        tracked.wait.over()
        if tracked.gap_since_s is not None:
            without_s, tracked.gap_since_s = now_s - tracked.gap_since_s, None
            events.append(self._changed(FeedEvent.RESYNCED, whole.instrument, received_at, without_s))
        return events

    def change(self, change: BookDelta, received_at: datetime, now_s: float) -> list[FeedChanged]:
        """Apply a change, or queue it until its snapshot comes."""
        tracked = self._get(change.instrument)
        applied = tracked.book.apply(change, now_s)
        if applied is Applied.WAITING:
            tracked.kept.add(change, now_s)
            return []
        if applied is not Applied.GAP:
            return []
        tracked.kept.add(change, now_s)
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

    def snapshots_needed(self, now_s: float) -> list[str]:
        """The instruments whose REST snapshot is worth a request now; `requested` says that it was sent."""
        return [name for name in self._tracked if self.needs_snapshot(name, now_s)]

    def needs_snapshot(self, instrument: str, now_s: float) -> bool:
        """Whether this book waits for a REST snapshot and one sent for now could be new enough."""
        tracked = self._tracked.get(instrument)
        if tracked is None or not self._based or tracked.book.synced:
            return False
        return bool(tracked.kept.changes) and tracked.wait.is_due(now_s)

    def requested(self, instrument: str) -> None:
        """A snapshot is under way: it is not needed twice."""
        self._get(instrument).wait.requested = True

    def snapshot_failed(self, instrument: str, now_s: float) -> None:
        """A snapshot did not come: it is requested again after a while."""
        self._get(instrument).wait.failed(now_s)

    def measure_all(self, received_at: datetime, now_s: float, frozen_after_s: float) -> list[BookMeasured]:
        """Measure each book that has ever had a snapshot.

        A book is frozen if it stands still for `frozen_after_s` and far longer than it usually does, while another of the feed
        moves: where all stand still the market is quiet. Of a feed's only book its own rhythm decides.
        """
        books = [tracked.book for tracked in self._tracked.values() if tracked.book.last_id is not None]
        moving = [one for one in books if one.synced and now_s - one.changed_s <= frozen_after_s]
        measured = []
        for book in books:
            limit_s = book.rhythm.stops_after_s(frozen_after_s, now_s)
            judged = len(books) == 1 or any(one is not book for one in moving)
            measured.append(book.measure(received_at, now_s, "ws", limit_s if judged else inf))
        return measured

    def refilled(self, sampled: Sequence[BookMeasured], now_s: float) -> list[BookRefilled]:
        """What the samples of `measure_all` say of sweeps."""
        return [refill for one in sampled for refill in self._get(one.instrument).refills.sampled(one, now_s)]

    def _changed(
        self, event: FeedEvent, instrument: str, received_at: datetime, value: float, detail: str = ""
    ) -> FeedChanged:
        return FeedChanged(
            venue=self._venue, feed=self._feed, instrument=instrument, received_at=received_at, event=event,
            value=value, detail=detail,
        )  # fmt: skip
