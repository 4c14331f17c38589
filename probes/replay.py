"""Hears one venue from a tape: what its prober would have told, from what came then. Pure; time is the tape's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from probes.book import Book
from probes.feeds.interpreter import FeedReader
from probes.instruments import choose
from probes.readings import FeedChanged, FeedEvent, Instrument, Reading
from probes.rest.interpreter import AnswerReader
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import Feed, RestCheck, Venue


class VenueReplay:
    """One venue. Lines that name what this dialect does not have are passed over and counted."""

    def __init__(self, venue: Venue, assets: Sequence[str], wanted: Sequence[str] = ()) -> None:
        self.venue = venue
        self._assets = assets
        self._wanted = wanted
        self._state = VenueState(venue)
        self._answers = AnswerReader(self._state)
        self._feeds: dict[str, FeedReader] = {}
        self.unknown = 0

    @property
    def instruments(self) -> list[Instrument]:
        """What is watched, of what was listed so far."""
        return choose(self._state.instruments.values(), self._assets, self._wanted)

    def answer(
        self, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> list[Reading]:
        """What an exchange told; a book that a feed waits for is given to it."""
        asked = self._check(check, path, instrument)
        if asked is None:
            self.unknown += 1
            return []
        subject = None if instrument is None else self._state.instruments.get(instrument)
        readings, whole = self._answers.heard(asked, subject, scheduled_at, got)
        if whole is None:
            return readings
        for feed in self.venue.feeds:
            ear = self._feeds.get(feed.name)
            if ear is not None and feed.book_base == check and whole.instrument in ear.books.wanting():
                return [*readings, *ear.based(whole, whole.instrument, got.received_at)]
        book = Book(self.venue.id, whole.instrument)
        book.snapshot(whole, got.received_at.timestamp(), from_rest=True)
        return [*readings, book.measure(got.received_at, got.received_at.timestamp(), "rest")]

    def _check(self, name: str, path: str, instrument: str | None) -> RestCheck | None:
        subject = None if instrument is None else self._state.instruments.get(instrument)
        if instrument is not None and subject is None:
            return None
        for one in self.venue.checks:
            fits = one.name == name and (subject is None or one.market in (None, subject.market))
            if fits and one.call(subject).path == path:
                return one
        return None

    def _ear(self, name: str) -> FeedReader | None:
        ear = self._feeds.get(name)
        if ear is None:
            feed = next((one for one in self.venue.feeds if one.name == name), None)
            if feed is None:
                self.unknown += 1
                return None
            ear = self._feeds[name] = FeedReader(self.venue.id, feed, self._state.clock_offset, self._subscribed(feed))
        return ear

    def _subscribed(self, feed: Feed) -> list[Instrument]:
        return [one for one in self.instruments if feed.market in (None, one.market)]

    def frame(self, feed: str, received_at: datetime, raw: bytes) -> list[Reading]:
        """What a frame told."""
        ear = self._ear(feed)
        if ear is None:
            return []
        return ear.frame(raw, received_at, received_at.timestamp(), self._state.instruments).readings

    def connection(self, change: FeedChanged) -> list[Reading]:
        """A connection was opened or closed."""
        ear = self._ear(change.feed)
        if ear is None:
            return []
        if change.event is FeedEvent.OPENED:
            return [ear.opened(change.received_at, change.received_at.timestamp())]
        return [ear.closed(change.value, change.received_at, detail=change.detail, planned=change.planned)]

    def second(self, now: datetime) -> list[Reading]:
        """A second of the tape has passed."""
        return [one for name in sorted(self._feeds) for one in self._feeds[name].second(now, now.timestamp())]
