"""Turns one feed's frames into readings over time: continuity, lag, backlog, silence, malformed frames. Pure.

Frames and times go in, readings come out; live probing and replay use the same code. `tick_s` is seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from probes.clock_offset import ClockOffset
from probes.feeds.books import FeedBooks
from probes.feeds.claims import Claims
from probes.feeds.lag import LagMeter
from probes.instruments import in_units
from probes.readings import (
    ClaimChanged,
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Instrument,
    Liquidation,
    MalformedReason,
    OpenInterest,
    Reading,
    VenueClock,
    VenueId,
    Volume,
)
from probes.readings.admission import OddRowTally, book_refused, refused
from probes.readings.dollars import in_dollars
from probes.readings.quick import quick
from probes.venue import (
    Ack,
    BookChecksum,
    BookDelta,
    BookSnapshot,
    Context,
    Feed,
    FundingIntervals,
    Heard,
    Malformed,
    OddRows,
    Pong,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

FROZEN_AFTER_S = 60.0
CLOCK_EVERY_S = 5.0
PULSE_S = 5.0
MAX_DETAIL = 200
"""Characters of the venue's own words that are kept."""
RENEWED_BACKLOG = timedelta(seconds=60)
"""A liquidation older than this at a renewed subscription was heard before, or belongs to the backlog."""
MAX_OLD_ORDERS = 4096
"""Liquidations of backlogs that are remembered, so that a renewed subscription does not tell them again."""


_Word = Ack | Heard | Pong | BookChecksum | Reply | ShutdownAnnounced | SubscriptionRefused | OddRows
_News = Reading | BookSnapshot | BookDelta
_Stamped = tuple[str | None, datetime | None]
_WORDS = frozenset({Ack, Heard, Pong, BookChecksum, Reply, ShutdownAnnounced, SubscriptionRefused, OddRows})
_BOOKS = frozenset({BookDelta, BookSnapshot})
_IN_MONEY = frozenset({OpenInterest, Volume})
_context = quick(Context)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class FrameResult:
    """The meaning of a frame: readings, texts to send back, and why the venue will close (None: it will not)."""

    readings: list[Reading] = field(default_factory=list)
    replies: tuple[str, ...] = ()
    shutdown: str | None = None


class FeedReader:
    """Reads one feed over all its connections. `instruments` are the subscribed ones."""

    def __init__(self, venue: VenueId, feed: Feed, offset: ClockOffset, instruments: Sequence[Instrument]) -> None:
        self._venue = venue
        self._feed = feed
        self._offset = offset
        self.books = FeedBooks(venue, feed.name, based=feed.book_base is not None, rule=feed.checksum)
        self._lag = LagMeter(venue, feed.name, offset)
        self._symbols = frozenset(one.symbol for one in instruments)
        self._last_news_s = 0.0
        self._pulse_s = float("-inf")
        self._news_count = 0
        self._silent = False
        self._backlog_due = False
        self._backlog_came = False
        self._old_orders: dict[object, int] = {}
        """By the number of the frame that told an order: like ones of one frame are several."""
        self._frames = 0
        self._malformed: tuple[str, int] | None = None
        self._odd = OddRowTally()
        self.claims = Claims(venue, feed, instruments)
        self._backlog_before: datetime | None = None
        self._clock_emitted_s = float("-inf")

    def opened(self, now: datetime, tick_s: float) -> FeedChanged:
        """Start a connection."""
        self._last_news_s = tick_s
        self._pulse_s = float("-inf")
        self._backlog_due = self._feed.backlog_first
        self._backlog_came = False
        return self.changed(FeedEvent.OPENED, 0.0, now)

    def ask(self, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Ask for every topic of a connection that has opened; `claims.texts` gives what to send."""
        return self.claims.opened(now, tick_s)

    def closed(self, lived_s: float, now: datetime, *, detail: str = "", planned: bool = False) -> FeedChanged:
        """End a connection and mark its books as unsynced."""
        self.books.invalidate()
        return self.changed(FeedEvent.CLOSED, lived_s, now, detail=detail, planned=planned)

    def quiet_s(self, tick_s: float) -> float:
        """The seconds without news."""
        return tick_s - self._last_news_s

    def frame(
        self,
        raw: bytes,
        received_at: datetime,
        tick_s: float,
        instruments: Mapping[str, Instrument],
        funding: FundingIntervals | None = None,
    ) -> FrameResult:
        """Read one frame. Malformed frames are counted and reported at the next `second`."""
        result = FrameResult()
        news = backlog = pings = 0
        stamped: _Stamped = (None, None)
        self._frames += 1
        for message in self._messages(raw, received_at, instruments, funding):
            kind = type(message)
            if kind in _WORDS:
                self._word(message, result, received_at, tick_s, instruments)
                pings += self._feed.pings_prove and kind is Reply
                if result.shutdown is not None:
                    return result
                continue
            name: str | None = getattr(message, "instrument", None)
            known = instruments.get(name) if name is not None else None
            said: Any = message if type(known) is Instrument else in_units(message, known)
            if kind is Liquidation:
                said = self._order(said)
                if said is None:
                    continue
            elif kind in _IN_MONEY:
                said = in_dollars(said, instruments)
            reason = book_refused(said, received_at) if kind in _BOOKS else refused(said)
            if reason is not None:
                self._disbelieved(said, reason, result, received_at)
                continue
            result.readings += self.claims.spoke(said, received_at, tick_s)  # a sign of its own channel
            news += 1
            if kind is Liquidation:
                backlog += said.backlog
                result.readings.append(said)
            elif kind in _BOOKS:
                result.readings += self._book(said, received_at)
            else:
                stamped = self._aged(said, name, received_at, stamped)
                result.readings.append(said)
        self._backlog_due = self._backlog_due and not self._backlog_came
        if backlog:
            result.readings.append(self.changed(FeedEvent.BACKLOG, backlog, received_at))
        if news or pings:
            result.readings += self._alive(news + pings, received_at, tick_s)
        return result

    def _messages(
        self, raw: bytes, received_at: datetime, instruments: Mapping[str, Instrument], funding: FundingIntervals | None
    ) -> Sequence[Any]:
        """What a frame says (nothing, if it is malformed), told apart by exact types: no word of a feed has a subclass."""
        context = _context(
            venue=self._venue, check=self._feed.name, received_at=received_at, instrument=None, instruments=instruments,
            headers=_NO_HEADERS, funding=funding,
        )  # fmt: skip
        try:
            return self._feed.read(raw, context)
        except (Malformed, msgspec.DecodeError, UnicodeDecodeError) as error:
            path = error.path if isinstance(error, Malformed) else str(error)
            self._malformed = (path[:MAX_DETAIL], (self._malformed[1] if self._malformed else 0) + 1)
            return ()

    def _word(
        self,
        message: _Word,
        result: FrameResult,
        received_at: datetime,
        tick_s: float,
        instruments: Mapping[str, Instrument],
    ) -> None:
        """Take what is no news of the market."""
        if isinstance(message, BookChecksum):
            message = in_units(message, instruments.get(message.instrument))
        match message:
            case Ack() | Heard() | Pong() | BookChecksum():
                result.readings += self._control(message, received_at, tick_s)
            case Reply():
                result.replies += (message.text,)
            case ShutdownAnnounced():
                result.shutdown = message.detail[:MAX_DETAIL]
                announced = self.changed(FeedEvent.SHUTDOWN_ANNOUNCED, 0.0, received_at, detail=result.shutdown)
                result.readings.append(announced)
            case SubscriptionRefused():
                result.readings += self._rejected(message, received_at, tick_s)
            case _:
                self._odd.add(message.reason, message.path, message.count)

    def _control(
        self, word: Ack | Heard | Pong | BookChecksum, received_at: datetime, tick_s: float
    ) -> Sequence[Reading]:
        """What a word without news says: a checksum is compared, a topic is acknowledged or heard."""
        if isinstance(word, BookChecksum):
            return self._checked(word, received_at)
        if isinstance(word, Heard):
            return self.claims.heard(word.name, received_at, tick_s)
        return self._acknowledged(word, received_at, tick_s) if isinstance(word, Ack) else ()

    def _rejected(self, word: SubscriptionRefused, received_at: datetime, tick_s: float) -> Sequence[Reading]:
        detail = f"{word.kind}: {word.detail}"[:MAX_DETAIL]
        rejected = self.changed(FeedEvent.REJECTED, 0.0, received_at, detail=detail)
        return [rejected, *self.claims.refused(word, received_at, tick_s)]

    def _checked(self, message: BookChecksum, received_at: datetime) -> Sequence[Reading]:
        """Compare a checksum with the book of a subscribed instrument."""
        if message.instrument not in self._symbols:
            return ()
        return self.books.check(message, received_at, received_at.timestamp())

    def _acknowledged(self, ack: Ack, received_at: datetime, tick_s: float) -> Sequence[Reading]:
        if self._feed.backlog_first and any(one.topic.rare and one.last_s is not None for one in self.claims.all):
            self._backlog_before = (
                received_at - RENEWED_BACKLOG
            )  # what was asked for again may send its old orders again
        return self.claims.acknowledged(ack, received_at, tick_s)

    def _is_backlog(self, message: Liquidation) -> bool:
        return self._backlog_due or (self._backlog_before is not None and message.event_time < self._backlog_before)

    def _order(self, message: Liquidation) -> Liquidation | None:
        """A liquidation, marked if it is old news. None: it was told before, and a venue that sends it again says nothing new."""
        said = replace(message, backlog=True) if self._is_backlog(message) else message
        self._backlog_came |= said.backlog
        if not (said.backlog or self._feed.backlog_first):
            return said
        order = (said.instrument, said.event_time, said.side, said.price, said.quantity)
        if self._old_orders.setdefault(order, self._frames) != self._frames:
            self._backlog_came = True
            return None
        while len(self._old_orders) > MAX_OLD_ORDERS:
            del self._old_orders[next(iter(self._old_orders))]
        return said

    def _disbelieved(self, word: _News, reason: MalformedReason, result: FrameResult, received_at: datetime) -> None:
        """Count a word that the gate refused."""
        self._odd.add(reason, f"{type(word).__name__} of {getattr(word, 'instrument', None) or 'the venue'}")
        result.readings += self.claims.malformed(word, reason, received_at)

    def _book(self, message: BookSnapshot | BookDelta, received_at: datetime) -> Sequence[Reading]:
        """Apply a book or its change; one that was not subscribed must neither fill our memory nor be fetched."""
        if message.instrument not in self._symbols:
            return ()
        received_s = received_at.timestamp()
        if message.event_time is not None:
            engine_s = None if message.engine_time is None else message.engine_time.timestamp()
            self._lag.stamp(message.instrument, received_s, message.event_time.timestamp(), engine_s)
        if isinstance(message, BookDelta):
            return self.books.change(message, received_at, received_s)
        return self.books.snapshot(message, received_at, received_s)

    def _aged(self, word: Reading, instrument: str | None, received_at: datetime, stamped: _Stamped) -> _Stamped:
        """Take a figure's stamp for the lag. `stamped` is that of the figure before it in the frame, often the same one."""
        event_time: datetime | None = getattr(word, "event_time", None)
        if event_time is not None and instrument in self._symbols and stamped != (instrument, event_time):
            self._lag.stamp(instrument, received_at.timestamp(), event_time.timestamp(), None)
        return instrument, event_time

    def _alive(self, news: int, now: datetime, tick_s: float) -> Sequence[FeedChanged]:
        self._last_news_s = tick_s
        self._news_count += news
        if not self._silent and tick_s - self._pulse_s < PULSE_S:
            return ()
        self._silent = False
        self._pulse_s = tick_s
        count, self._news_count = self._news_count, 0
        return (self.changed(FeedEvent.PULSE, count, now),)

    def second(
        self, now: datetime, tick_s: float, listed: Mapping[str, Instrument] = MappingProxyType({})
    ) -> list[Reading]:
        """The readings of the last second: lags, books, the clock, malformed frames, silence, claims."""
        now_s = now.timestamp()
        books = self.books.measure_all(now, now_s, FROZEN_AFTER_S)
        readings: list[Reading] = [*self._lag.readings(now, now_s), *books, *self.books.refilled(books, now_s)]
        best = self._offset.best(now_s)
        if best is not None and best.origin == "feed" and now_s - self._clock_emitted_s >= CLOCK_EVERY_S:
            self._clock_emitted_s = now_s
            readings.append(
                VenueClock(
                    venue=self._venue, received_at=now, offset_s=best.offset_s, bound_s=best.bound_s,
                    samples=best.samples, origin=best.origin,
                )
            )  # fmt: skip
        if self._malformed is not None:
            path, count = self._malformed
            self._malformed = None
            readings.append(
                FeedMalformed(venue=self._venue, feed=self._feed.name, received_at=now, path=path, count=count)
            )
        readings += self.claims.second(now, tick_s, listed)
        readings += self._odd.take(self._venue, self._feed.name, now)
        if self.quiet_s(tick_s) >= self._feed.silence_after_s and not self._silent:
            self._silent = True
            readings.append(self.changed(FeedEvent.SILENT, self.quiet_s(tick_s), now))
        return readings

    def rest_snapshot(self, snapshot: BookSnapshot | None, symbol: str, now: datetime) -> Sequence[Reading]:
        """Take the REST snapshot of a book (None: it could not be fetched)."""
        if snapshot is None:
            self.books.snapshot_failed(symbol, now.timestamp())
            return ()
        return self.books.snapshot(snapshot, now, now.timestamp())

    def changed(
        self, event: FeedEvent, value: float, now: datetime, *, detail: str = "", planned: bool = False
    ) -> FeedChanged:
        """An event of this feed, as a reading."""
        return FeedChanged(
            venue=self._venue, feed=self._feed.name, instrument=None, received_at=now, event=event, value=value,
            planned=planned, detail=detail,
        )  # fmt: skip
