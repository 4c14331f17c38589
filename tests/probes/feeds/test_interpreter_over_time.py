"""The readings of a feed over time: silence, pulses, lag, clock, books, damage. A declared feed, scripted frames, no sockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest

from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import MAX_OLD_ORDERS, FeedReader, FrameResult
from probes.readings import (
    Censoring,
    ClaimChanged,
    ClaimState,
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Instrument,
    Liquidation,
    MalformedReason,
    Market,
    MarkPrice,
    Reading,
    Refusal,
    RowsMalformed,
    Side,
    VenueId,
)
from probes.readings.topics import Topic
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    Feed,
    FeedMessage,
    Heard,
    Malformed,
    OddRows,
    Pong,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
FORCED = Liquidation(
    venue=MADE, instrument="BTC", received_at=T0, event_time=T0, side=Side.LONG, price=Decimal(1),
    quantity=Decimal(1), notional_usd=Decimal(1), censoring=Censoring.COMPLETE,
)  # fmt: skip
MARK = MarkPrice(venue=MADE, instrument="BTC", received_at=T0, event_time=None, mark=1.0, index=None)


def forced(price: int) -> Liquidation:
    return replace(FORCED, price=Decimal(price))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class ScriptedFeed:
    """A feed and its reader: each frame decodes to the given messages."""

    def __init__(self, *, opened_s: float = 0.0, offset: ClockOffset | None = None, **changed: Any) -> None:
        self.words: Sequence[FeedMessage] = ()
        self.error: Exception | None = None
        self.contexts: list[Context] = []
        self.offset = offset or ClockOffset()
        feed = Feed(name="news", host="ws", read=self._read, subscribe=lambda _instruments, _now: (), **changed)
        self.reader = FeedReader(MADE, feed, self.offset, [BTC])
        self.first = self.reader.opened(at(opened_s), opened_s)

    def _read(self, raw: bytes, context: Context) -> Sequence[FeedMessage]:
        self.contexts.append(context)
        if self.error is not None:
            raise self.error
        return self.words

    def read(self, seconds: float, *words: FeedMessage, error: Exception | None = None) -> FrameResult:
        self.words, self.error = words, error
        return self.reader.frame(b"raw", at(seconds), seconds, {"BTC": BTC})

    def second(self, seconds: float) -> list[Reading]:
        return self.reader.second(at(seconds), seconds)


def changes(readings: Sequence[Reading]) -> list[tuple[FeedEvent, float]]:
    return [(one.event, one.value) for one in readings if isinstance(one, FeedChanged)]


One = TypeVar("One")


def only(kind: type[One], readings: Sequence[object]) -> One:
    (found,) = [one for one in readings if isinstance(one, kind)]
    return found


def test_an_opened_connection_is_reported_at_once() -> None:
    first = ScriptedFeed(opened_s=5.0).first
    assert (first.event, first.value, first.venue, first.feed, first.instrument, first.planned, first.detail) == (
        FeedEvent.OPENED, 0.0, "made", "news", None, False, ""
    )  # fmt: skip
    assert first.received_at == at(5.0)


def test_silence_is_reported_once_at_the_declared_time_and_not_before() -> None:
    feed = ScriptedFeed(opened_s=100.0, silence_after_s=30.0)
    assert changes(feed.second(129.9)) == []
    assert changes(feed.second(130.0)) == [(FeedEvent.SILENT, 30.0)]
    assert changes(feed.second(131.0)) == []
    assert changes(feed.second(500.0)) == []


def test_news_delays_silence_and_ends_it_with_a_pulse() -> None:
    feed = ScriptedFeed(silence_after_s=30.0)
    assert changes(feed.read(20.0, MARK).readings) == [(FeedEvent.PULSE, 1)]
    assert changes(feed.second(49.9)) == []
    assert changes(feed.second(50.0)) == [(FeedEvent.SILENT, 30.0)]
    assert changes(feed.read(51.0, MARK).readings) == [(FeedEvent.PULSE, 1)]
    assert changes(feed.second(80.9)) == []
    assert changes(feed.second(81.5)) == [(FeedEvent.SILENT, 30.5)]


def test_a_silence_that_ends_soon_after_the_last_pulse_still_ends_at_once() -> None:
    feed = ScriptedFeed(silence_after_s=2.0)
    feed.read(0.0, MARK)
    assert changes(feed.second(2.0)) == [(FeedEvent.SILENT, 2.0)]
    assert changes(feed.read(2.5, MARK).readings) == [(FeedEvent.PULSE, 1)]
    assert changes(feed.read(3.0, MARK).readings) == []


@pytest.mark.parametrize("word", [Ack(subject="x"), Pong(), Reply(text="pong")])
def test_a_message_that_is_no_news_gives_no_pulse_and_ends_no_silence(word: FeedMessage) -> None:
    feed = ScriptedFeed(silence_after_s=30.0)
    assert feed.read(29.0, word).readings == []
    assert changes(feed.second(30.0)) == [(FeedEvent.SILENT, 30.0)]
    assert feed.read(31.0, word).readings == []
    assert feed.reader.quiet_s(32.0) == 32.0


def test_a_ping_of_the_venue_is_a_pulse_where_the_feed_declares_that_it_proves_the_socket() -> None:
    feed = ScriptedFeed(silence_after_s=11.0, pings_prove=True)
    assert changes(feed.read(5.0, Reply(text="pong")).readings) == [(FeedEvent.PULSE, 1)]
    assert changes(feed.second(15.9)) == []
    assert changes(feed.second(16.0)) == [(FeedEvent.SILENT, 11.0)]


def test_a_frame_of_a_channel_with_nothing_for_us_is_no_news_and_proves_its_topic_alone() -> None:
    topics = (Topic("forced", "forced", None, (Liquidation,), rare=True), Topic("mark", "mark", "BTC", (MarkPrice,)))
    feed = ScriptedFeed(silence_after_s=30.0, topics=lambda _instruments: topics)
    (claim,) = feed.read(29.0, Heard(name="forced")).readings
    assert isinstance(claim, ClaimChanged)
    assert (claim.channel, claim.state, claim.covers) == ("forced", ClaimState.SPEAKING, True)
    assert changes(feed.second(30.0)) == [(FeedEvent.SILENT, 30.0)]


def test_a_pulse_comes_every_five_seconds_and_counts_the_news_since_the_last() -> None:
    feed = ScriptedFeed()
    assert changes(feed.read(1.0, MARK, MARK).readings) == [(FeedEvent.PULSE, 2)]
    for seconds in (2.0, 5.9):
        assert changes(feed.read(seconds, MARK, Pong()).readings) == []
    assert changes(feed.read(6.0, MARK).readings) == [(FeedEvent.PULSE, 3)]
    assert changes(feed.read(11.5, MARK).readings) == [(FeedEvent.PULSE, 1)]


def test_a_new_connection_pulses_with_its_first_news_and_counts_silence_from_its_opening() -> None:
    feed = ScriptedFeed(silence_after_s=30.0)
    feed.read(1.0, MARK)
    feed.reader.opened(at(2.0), 2.0)
    assert changes(feed.read(3.0, MARK).readings) == [(FeedEvent.PULSE, 1)]
    feed.reader.opened(at(100.0), 100.0)
    assert feed.reader.quiet_s(104.0) == 4.0
    assert changes(feed.second(129.0)) == []


def test_an_announced_shutdown_is_reported_with_its_text_and_ends_the_frame() -> None:
    frame = ScriptedFeed().read(1.0, MARK, ShutdownAnnounced(detail="soon"), MARK)
    change = only(FeedChanged, frame.readings)
    assert (change.event, change.value, change.detail, frame.shutdown) == (
        FeedEvent.SHUTDOWN_ANNOUNCED,
        0.0,
        "soon",
        "soon",
    )
    assert len(frame.readings) == 2
    long = ScriptedFeed().read(1.0, ShutdownAnnounced(detail="x" * 5000))
    assert (only(FeedChanged, long.readings).detail, long.shutdown) == ("x" * 200, "x" * 200)


def test_without_an_announcement_there_is_no_shutdown_and_replies_are_sent_in_order() -> None:
    frame = ScriptedFeed().read(1.0, Reply(text="a"), MARK, Reply(text="b"))
    assert (frame.shutdown, frame.replies) == (None, ("a", "b"))
    assert frame.readings[0] == MARK


def test_a_refused_subscription_is_reported_with_its_kind_and_is_no_news() -> None:
    feed = ScriptedFeed(silence_after_s=10.0)
    (change,) = feed.read(9.0, SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail="x" * 300)).readings
    assert isinstance(change, FeedChanged)
    assert (change.event, change.value) == (FeedEvent.REJECTED, 0.0)
    assert change.detail == "bad_request: " + "x" * 187
    assert changes(feed.second(10.0)) == [(FeedEvent.SILENT, 10.0)]


def test_only_the_first_liquidations_after_opening_are_backlog_where_the_feed_declares_it() -> None:
    feed = ScriptedFeed(backlog_first=True)
    assert changes(feed.read(0.5, MARK).readings) == [(FeedEvent.PULSE, 1)], "not a liquidation: not the backlog"
    readings = feed.read(1.0, FORCED, forced(2), MARK).readings
    assert [one.backlog for one in readings if isinstance(one, Liquidation)] == [True, True]
    assert changes(readings) == [(FeedEvent.BACKLOG, 2)]
    assert feed.read(2.0, forced(3)).readings == [forced(3)]
    feed.reader.opened(at(3.0), 3.0)
    assert changes(feed.read(4.0, forced(4)).readings) == [(FeedEvent.BACKLOG, 1), (FeedEvent.PULSE, 5)]


def test_an_old_order_that_a_venue_sends_again_is_told_once_and_is_no_new_word() -> None:
    feed = ScriptedFeed(backlog_first=True)
    feed.read(1.0, FORCED, forced(2))
    assert feed.read(2.0, forced(3)).readings == [forced(3)]
    assert feed.read(12.0, forced(2), forced(3)).readings == [], "the answer to a renewal"
    feed.reader.opened(at(20.0), 20.0)
    assert feed.read(21.0, forced(2), forced(3)).readings == [], "the backlog of a new connection"
    assert feed.read(22.0, forced(4)).readings[0] == forced(4), "it is no backlog: that has been"
    for price in range(10, 10 + 2 * MAX_OLD_ORDERS):
        feed.read(23.0, forced(price))
    assert len(feed.reader._old_orders) == MAX_OLD_ORDERS


def test_two_like_liquidations_of_a_feed_without_a_backlog_are_two() -> None:
    assert ScriptedFeed().read(1.0, FORCED, FORCED).readings[:2] == [FORCED, FORCED]
    old = replace(FORCED, backlog=True)
    feed = ScriptedFeed()
    assert feed.read(1.0, old).readings[0] == old
    assert feed.read(2.0, old).readings == [], "but old ones of a snapshot that comes again are told once"


def test_a_feed_without_backlog_passes_liquidations_on_unchanged() -> None:
    assert ScriptedFeed().read(1.0, FORCED).readings[0] == FORCED
    assert changes(ScriptedFeed().read(1.0, FORCED).readings) == [(FeedEvent.PULSE, 1)]


def test_malformed_frames_are_counted_and_reported_with_the_last_path_in_the_next_second() -> None:
    feed = ScriptedFeed(silence_after_s=10.0)
    assert feed.read(9.0, error=Malformed("$.a")).readings == []
    feed.read(9.1, error=msgspec.DecodeError("truncated"))
    feed.read(9.2, error=UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"))
    feed.read(9.3, error=Malformed("$." + "b" * 300))
    readings = feed.second(10.0)
    damage = only(FeedMalformed, readings)
    assert (damage.venue, damage.feed, damage.count, damage.path) == ("made", "news", 4, "$." + "b" * 198)
    assert damage.received_at == at(10.0)
    assert changes(readings) == [(FeedEvent.SILENT, 10.0)], "a malformed frame is no news"
    assert [one for one in feed.second(11.0) if isinstance(one, FeedMalformed)] == []
    feed.read(12.0, error=msgspec.DecodeError("truncated"))
    assert (only(FeedMalformed, feed.second(12.0)).count, only(FeedMalformed, [*readings]).path[:3]) == (1, "$.b")


def test_odd_rows_of_a_frame_are_counted_as_malformed_and_its_other_rows_are_news() -> None:
    feed = ScriptedFeed(silence_after_s=10.0)
    odd = OddRows(reason=MalformedReason.SHAPE, path="$.p: missing", count=3)
    assert feed.read(1.0, MARK, odd).readings[0] == MARK
    assert feed.read(1.1, replace(odd, path="$.q: missing", count=1)).readings == [], "nothing was read"
    damage = only(RowsMalformed, feed.second(2.0))
    assert (damage.count, damage.path) == (4, "$.p: missing")


def test_the_reader_knows_its_venue_feed_time_and_instruments() -> None:
    feed = ScriptedFeed()
    feed.read(3.0, MARK)
    (context,) = feed.contexts
    assert (context.venue, context.check, context.received_at, context.instruments) == (
        "made",
        "news",
        at(3.0),
        {"BTC": BTC},
    )


def snapshot(seconds: float | None, instrument: str = "BTC", last_id: int = 10) -> BookSnapshot:
    return BookSnapshot(
        instrument=instrument, last_id=last_id, event_time=None if seconds is None else at(seconds),
        bids=[(99.9, 1000.0)], asks=[(100.1, 1000.0)],
    )  # fmt: skip


def delta(seconds: float, last_id: int, engine_s: float | None = None, instrument: str = "BTC") -> BookDelta:
    return BookDelta(
        instrument=instrument, first_id=last_id, last_id=last_id, prev_id=None, event_time=at(seconds), bids=[], asks=[],
        engine_time=None if engine_s is None else at(engine_s),
    )  # fmt: skip


def known_clock() -> ClockOffset:
    """The venue is two seconds ahead, within 50 ms."""
    offset = ClockOffset()
    offset.sample(T0.timestamp() - 0.05, T0.timestamp() + 0.05, T0.timestamp() + 2.0, 0.0)
    return offset
