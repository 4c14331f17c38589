"""A frame may have its rows' fields beside its own: the declaration's payload is then the frame itself."""

from __future__ import annotations

from datetime import UTC, datetime

from probes import dialect as d
from probes.readings import MarkPrice, VenueId
from probes.venue import Ack, Context

NOW = datetime(2026, 11, 1, tzinfo=UTC)
READ = d.frames(
    d.Frames(
        channel="feed",
        payload="",
        kind="event",
        news=frozenset({""}),
        controls=(d.Control(path="event", values=frozenset({"subscribed"}), means=d.Means.ACK, text="feed"),),
    ),
    {"price": d.Rows(says=(d.MarkPrices(symbol="name", mark="mark"),))},
)
CONTEXT = Context(venue=VenueId("made"), check="made", received_at=NOW)


def test_the_fields_of_a_flat_frame_are_read_as_its_row() -> None:
    (price,) = READ(b'{"feed":"price","name":"BTC","mark":"7"}', CONTEXT)
    assert isinstance(price, MarkPrice)
    assert (price.instrument, price.mark) == ("BTC", 7.0)


def test_a_frame_with_a_kind_is_no_news_where_only_frames_without_one_are() -> None:
    assert READ(b'{"feed":"price","event":"subscribed","name":"BTC"}', CONTEXT) == (Ack(subject="price"),)
