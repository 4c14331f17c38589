"""What one feed's frames mean over time: continuity, lag, backlog, silence, what cannot be read. Pure.

Frames and times in, readings out; live and replay hear alike. `tick_s` is seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from probes.clock_offset import ClockOffset
from probes.feeds.books import FeedBooks
from probes.feeds.lag import LagMeter
from probes.readings import (
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Instrument,
    Liquidation,
    Reading,
    VenueClock,
    VenueId,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    Feed,
    FeedWord,
    Malformed,
    Pong,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

FROZEN_AFTER_S = 60.0
CLOCK_EVERY_S = 5.0
PULSE_S = 5.0


@dataclass(slots=True)
class Heard:
    """What a frame said: readings, texts to send back, and why the venue will close (None: it will not)."""

    readings: list[Reading] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    shutdown: str | None = None


class FeedReader:
    """Hears one feed over all its connections. `instruments` are the subscribed ones."""

    def __init__(self, venue: VenueId, feed: Feed, offset: ClockOffset, instruments: Sequence[Instrument]) -> None:
        self._venue = venue
        self._feed = feed
        self._offset = offset
        self.books = FeedBooks(venue, feed.name, based=feed.book_base is not None)
        self._lag = LagMeter(venue, feed.name, offset)
        self._symbols = frozenset(one.symbol for one in instruments)
        self._word_s = 0.0
        self._pulse_s = float("-inf")
        self._words = 0
        self._silent = False
        self._backlog_due = False
        self._unread: tuple[str, int] | None = None
        self._clock_told_s = float("-inf")

    def opened(self, now: datetime, tick_s: float) -> FeedChanged:
        """A connection stands."""
        self._word_s = tick_s
        self._pulse_s = float("-inf")
        self._backlog_due = self._feed.backlog_first
        return self.changed(FeedEvent.OPENED, 0.0, now)

    def closed(self, lived_s: float, now: datetime, *, detail: str = "", planned: bool = False) -> FeedChanged:
        """The connection is gone, and every book with it."""
        self.books.forget()
        return self.changed(FeedEvent.CLOSED, lived_s, now, detail=detail, planned=planned)

    def quiet_s(self, tick_s: float) -> float:
        """Seconds without news."""
        return tick_s - self._word_s

    def frame(self, raw: bytes, received_at: datetime, tick_s: float, instruments: Mapping[str, Instrument]) -> Heard:
        """Hear one frame. What cannot be read is counted and told with the next second."""
        context = Context(venue=self._venue, check=self._feed.name, received_at=received_at, instruments=instruments)
        heard = Heard()
        try:
            words = self._feed.read(raw, context)
        except (Malformed, msgspec.DecodeError, UnicodeDecodeError) as error:
            path = error.path if isinstance(error, Malformed) else str(error)
            self._unread = (path[:200], (self._unread[1] if self._unread else 0) + 1)
            return heard
        news = backlog = 0
        for word in words:
            match word:
                case Ack() | Pong():
                    continue
                case Reply():
                    heard.replies.append(word.text)
                    continue
                case ShutdownAnnounced():
                    heard.shutdown = word.detail
                    heard.readings.append(
                        self.changed(FeedEvent.SHUTDOWN_ANNOUNCED, 0.0, received_at, detail=word.detail)
                    )
                    return heard
                case SubscriptionRefused():
                    detail = f"{word.kind}: {word.detail}"[:200]
                    heard.readings.append(self.changed(FeedEvent.REJECTED, 0.0, received_at, detail=detail))
                    continue
                case Liquidation() if self._backlog_due:
                    backlog += 1
                    heard.readings.append(replace(word, backlog=True))
                case _:
                    heard.readings += self._news(word, received_at)
            news += 1
        if backlog:
            self._backlog_due = False
            heard.readings.append(self.changed(FeedEvent.BACKLOG, backlog, received_at))
        if news:
            heard.readings += self._alive(news, received_at, tick_s)
        return heard

    def _news(self, word: FeedWord, received_at: datetime) -> Sequence[Reading]:
        received_s = received_at.timestamp()
        if isinstance(word, BookDelta | BookSnapshot):
            if word.instrument not in self._symbols:
                return ()  # a book nobody asked for must neither fill our memory nor be fetched
            if word.event_time is not None:
                engine_s = None if word.engine_time is None else word.engine_time.timestamp()
                self._lag.stamp(word.instrument, received_s, word.event_time.timestamp(), engine_s)
            if isinstance(word, BookDelta):
                return self.books.change(word, received_at, received_s)
            return self.books.snapshot(word, received_at, received_s)
        assert not isinstance(word, Ack | Pong | Reply | ShutdownAnnounced | SubscriptionRefused)
        event_time = getattr(word, "event_time", None)
        instrument = getattr(word, "instrument", None)
        batched = isinstance(word, Liquidation)  # told each half second or second: their age is the venue's policy
        if event_time is not None and instrument in self._symbols and not batched:
            self._lag.stamp(instrument, received_s, event_time.timestamp(), None)
        return (word,)

    def _alive(self, news: int, now: datetime, tick_s: float) -> Sequence[FeedChanged]:
        self._word_s = tick_s
        self._words += news
        if not self._silent and tick_s - self._pulse_s < PULSE_S:
            return ()
        self._silent = False
        self._pulse_s = tick_s
        told, self._words = self._words, 0
        return (self.changed(FeedEvent.PULSE, told, now),)

    def second(self, now: datetime, tick_s: float) -> list[Reading]:
        """A second has passed: lags, books, the clock, what could not be read, silence."""
        now_s = now.timestamp()
        told: list[Reading] = [*self._lag.told(now, now_s), *self.books.measures(now, now_s, FROZEN_AFTER_S)]
        best = self._offset.best(now_s)
        if best is not None and best.origin == "feed" and now_s - self._clock_told_s >= CLOCK_EVERY_S:
            self._clock_told_s = now_s
            told.append(
                VenueClock(
                    venue=self._venue, received_at=now, offset_s=best.offset_s, bound_s=best.bound_s,
                    samples=best.samples, origin=best.origin,
                )
            )  # fmt: skip
        if self._unread is not None:
            path, count = self._unread
            self._unread = None
            told.append(FeedMalformed(venue=self._venue, feed=self._feed.name, received_at=now, path=path, count=count))
        if self.quiet_s(tick_s) >= self._feed.silence_after_s and not self._silent:
            self._silent = True
            told.append(self.changed(FeedEvent.SILENT, self.quiet_s(tick_s), now))
        return told

    def based(self, whole: BookSnapshot | None, symbol: str, now: datetime) -> Sequence[Reading]:
        """The REST snapshot that was asked for came (None: it did not)."""
        if whole is None:
            self.books.failed(symbol)
            return ()
        return self.books.snapshot(whole, now, now.timestamp())

    def changed(
        self, event: FeedEvent, value: float, now: datetime, *, detail: str = "", planned: bool = False
    ) -> FeedChanged:
        """What befell this feed, as a reading."""
        return FeedChanged(
            venue=self._venue, feed=self._feed.name, instrument=None, received_at=now, event=event, value=value,
            planned=planned, detail=detail,
        )  # fmt: skip
