"""Replays one venue from a tape: gives the readings that its prober gave then. Pure; time is the tape's."""

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
    """Replays one venue. Lines with a check or feed that this dialect does not have are skipped and counted."""

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
        """The watched instruments among those listed so far."""
        return choose(self._state.instruments.values(), self._assets, self._wanted)

    def answer(
        self, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> list[Reading]:
        """The readings of an exchange; a book that a feed waits for goes to that feed."""
        rest_check = self._check(check, path, instrument)
        if rest_check is None:
            self.unknown += 1
            return []
        subject = None if instrument is None else self._state.instruments.get(instrument)
        readings, snapshot = self._answers.read(rest_check, subject, scheduled_at, got)
        if snapshot is None:
            return readings
        for feed in self.venue.feeds:
            reader = self._feeds.get(feed.name)
            if (
                reader is not None
                and feed.book_base == check
                and reader.books.needs_snapshot(snapshot.instrument, got.sent_at.timestamp())
            ):
                return [*readings, *reader.rest_snapshot(snapshot, snapshot.instrument, got.received_at)]
        book = Book(self.venue.id, snapshot.instrument)
        book.snapshot(snapshot, got.received_at.timestamp(), from_rest=True)
        return [*readings, book.measure(got.received_at, got.received_at.timestamp(), "rest")]

    def _check(self, name: str, path: str, instrument: str | None) -> RestCheck | None:
        subject = None if instrument is None else self._state.instruments.get(instrument)
        if instrument is not None and subject is None:
            return None
        for one in self.venue.checks:
            fits = one.name == name and (subject is None or one.market in (None, subject.market))
            if fits and one.call(subject).subject == path:
                return one
        return None

    def _reader(self, name: str) -> FeedReader | None:
        reader = self._feeds.get(name)
        if reader is None:
            feed = next((one for one in self.venue.feeds if one.name == name), None)
            if feed is None:
                self.unknown += 1
                return None
            reader = self._feeds[name] = FeedReader(
                self.venue.id, feed, self._state.clock_offset, self._subscribed(feed)
            )
        return reader

    def _subscribed(self, feed: Feed) -> list[Instrument]:
        return [one for one in self.instruments if feed.market in (None, one.market)]

    def frame(self, feed: str, received_at: datetime, raw: bytes) -> list[Reading]:
        """The readings of a frame."""
        reader = self._reader(feed)
        if reader is None:
            return []
        state = self._state
        return reader.frame(raw, received_at, received_at.timestamp(), state.instruments, state.funding).readings

    def connection(self, change: FeedChanged) -> list[Reading]:
        """The readings of a connection that was opened or closed."""
        reader = self._reader(change.feed)
        if reader is None:
            return []
        if change.event is FeedEvent.OPENED:
            tick_s = change.received_at.timestamp()
            return [reader.opened(change.received_at, tick_s), *reader.ask(change.received_at, tick_s)]
        return [reader.closed(change.value, change.received_at, detail=change.detail, planned=change.planned)]

    def second(self, now: datetime) -> list[Reading]:
        """The readings of one second of the tape's time."""
        return [one for name in sorted(self._feeds) for one in self._second(self._feeds[name], now)]

    def _second(self, reader: FeedReader, now: datetime) -> list[Reading]:
        readings = reader.second(now, now.timestamp(), self._state.instruments)
        reader.claims.texts()  # nobody is there to be asked
        return readings
