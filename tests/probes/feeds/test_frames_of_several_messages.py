"""A frame may carry several messages: one that is no news, or a refusal, ends nothing of what follows it in the frame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import FeedChanged, FeedEvent, Instrument, Market, MarkPrice, Reading, Refusal, VenueId
from probes.venue import Ack, Context, Feed, FeedMessage, Pong, Reply, SubscriptionRefused

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
MARK = MarkPrice(venue=MADE, instrument="BTC", received_at=T0, event_time=None, mark=1.0, index=None)
REFUSED = SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail="no such channel")


def readings(*messages: FeedMessage) -> Sequence[Reading]:
    """What one frame with these messages means to a feed that was just opened."""

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        return messages

    feed = Feed(name="news", host="ws", read=read, subscribe=lambda _instruments, _now: ())
    reader = FeedReader(MADE, feed, ClockOffset(), [BTC])
    reader.opened(T0, 0.0)
    return reader.frame(b"raw", T0, 0.0, {"BTC": BTC}).readings


@pytest.mark.parametrize("first", [Ack(subject="x"), Pong(), Reply(text="pong"), REFUSED])
def test_news_after_a_message_that_is_no_news_is_read(first: FeedMessage) -> None:
    found = readings(first, MARK, first, MARK)
    assert [one for one in found if isinstance(one, MarkPrice)] == [MARK, MARK]
    pulse = found[-1]
    assert isinstance(pulse, FeedChanged)
    assert (pulse.event, pulse.value) == (FeedEvent.PULSE, 2)


def test_each_refusal_in_a_frame_is_reported() -> None:
    found = [one for one in readings(REFUSED, REFUSED) if isinstance(one, FeedChanged)]
    assert [(one.event, one.detail) for one in found] == [(FeedEvent.REJECTED, "bad_request: no such channel")] * 2
