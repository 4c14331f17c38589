"""A frame whose channel is foreseen by its first bytes is decoded once, and means what it means by its head."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from random import Random
from types import FrameType
from typing import Any

import msgspec
import pytest

from probes import dialect as d
from probes import venues
from probes.dialect import foreseen
from probes.dialect.foreseen import MAX_BEFORE, MAX_CHANNEL, MAX_STARTS, START, Foresight
from probes.dialect.rows import reader
from probes.readings import MalformedReason, MarkPrice, VenueId
from probes.venue import Ack, Context, Malformed, OddRows, ReadFrame, Venue
from tests.fuzz.mutators import encoded, mutated_bytes, mutated_tree
from tests.fuzz.seeds import Seeds, seeds_of
from tests.probes.cases import BROKEN

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONTEXT = Context(venue=VenueId("made"), check="made", received_at=NOW)
MARKS = d.Rows(says=(d.MarkPrices(mark="mark"),), where="")
INDICES = d.Rows(says=(d.MarkPrices(mark="index"),), where="")
FRAME = d.Frames(
    channel="topic", topic=lambda text: (text.partition(".")[0], text.partition(".")[2]), kind="type",
    news=frozenset({"new", ""}),
    controls=(d.Control(path="type", values=frozenset({"ok"}), means=d.Means.ACK, text="topic"),),
)  # fmt: skip
BTC = b'{"topic":"mark.BTC","type":"new","at":1,"data":{"mark":"7"}}'


def made(frame: d.Frames = FRAME) -> ReadFrame:
    return d.frames(frame, {"mark": MARKS, "index": INDICES})


def decodings(read: ReadFrame, raw: bytes) -> int:
    """How often a frame is decoded while it is read."""
    count = 0

    def called(_frame: FrameType, event: str, function: Any) -> None:
        nonlocal count
        count += event == "c_call" and function.__name__ == "decode"

    sys.setprofile(called)
    try:
        read(raw, CONTEXT)
    finally:
        sys.setprofile(None)
    return count


def marks(read: ReadFrame, raw: bytes) -> list[tuple[str, float | None]]:
    said = read(raw, CONTEXT)
    assert all(isinstance(one, MarkPrice) for one in said)
    return [(one.instrument, one.mark) for one in said if isinstance(one, MarkPrice)]


def test_a_frame_that_begins_like_one_before_is_decoded_once_where_the_first_took_two() -> None:
    read = made()
    assert decodings(read, BTC) == 2
    assert decodings(read, BTC.replace(b'"7"', b'"8"')) == 1
    assert marks(read, BTC.replace(b'"7"', b'"9"')) == [("BTC", 9.0)]


def test_each_channel_is_foreseen_by_its_own_beginning() -> None:
    read = made()
    eth = BTC.replace(b"BTC", b"ETH")
    assert [marks(read, one) for one in (BTC, eth, BTC, eth)] == [[("BTC", 7.0)], [("ETH", 7.0)]] * 2
    assert (decodings(read, BTC), decodings(read, eth)) == (1, 1)


def test_a_channel_behind_a_stamp_is_foreseen_by_the_bytes_from_it_on() -> None:
    read = made()
    frames = [
        b'{"jsonrpc":"2.0","stamp":%d,"again":%d,' % (stamp, stamp) + BTC[1:]
        for stamp in range(1_793_491_200_000, 1_793_491_200_003)
    ]
    assert [decodings(read, one) for one in frames] == [2, 1, 1]
    assert (
        marks(read, frames[2].replace(b"BTC", b"ETH"))
        == marks(read, frames[2].replace(b"BTC", b"ETH"))
        == [("ETH", 7.0)]
    )


def test_a_channel_far_from_the_beginning_is_not_foreseen() -> None:
    read = made()
    frames = [b'{"stamp":%d,"pad":"%s",' % (stamp, b"x" * MAX_BEFORE) + BTC[1:] for stamp in range(3)]
    assert [decodings(read, one) for one in frames] == [2, 2, 2], "each begins in its own way"


def test_channels_that_share_a_beginning_are_never_foreseen_and_never_mixed_up() -> None:
    read = made()
    first, second = (
        b'{"about":"%s","topic":"%s","data":{"mark":1,"index":2}}' % (b"x" * MAX_BEFORE, one)
        for one in (b"mark.BTC", b"index.BTC")
    )
    for _ in range(3):
        assert (marks(read, first), marks(read, second)) == ([("BTC", 1.0)], [("BTC", 2.0)])
    assert (decodings(read, first), decodings(read, second)) == (2, 2)


def test_an_odd_row_costs_itself_and_not_the_foresight() -> None:
    read = made()
    good = BTC.replace(b'{"mark":"7"}', b'[{"mark":"7"},{"mark":"8"}]')
    assert marks(read, good) == [("BTC", 7.0), ("BTC", 8.0)]
    mark, odd = read(good.replace(b'"8"', b"{}"), CONTEXT)
    assert isinstance(mark, MarkPrice)
    assert isinstance(odd, OddRows)
    assert (odd.reason, odd.count) == (MalformedReason.SHAPE, 1)
    assert decodings(read, good) == 1


@pytest.mark.parametrize("data", [b"null", b'"7"', b'{"mark":""}', b'{"mark":"x"}', b"[1]"])
def test_a_foreseen_frame_without_a_good_row_is_malformed(data: bytes) -> None:
    read = made()
    assert marks(read, BTC) == [("BTC", 7.0)]
    with pytest.raises(BROKEN):
        read(BTC.replace(b'{"mark":"7"}', data), CONTEXT)


def test_a_frame_that_begins_as_foreseen_may_still_be_a_control_or_of_another_kind() -> None:
    read = made()
    long = b'{"topic":"mark.BTC","pad":"' + b"x" * START + b'","type":"%s","data":{"mark":7}}'
    assert marks(read, long % b"new") == [("BTC", 7.0)]
    assert read(long % b"ok", CONTEXT) == (Ack(subject="mark.BTC"),)
    with pytest.raises(Malformed):
        read(long % b"other", CONTEXT)
    assert read(b'{"topic":"mark.BTC","pad":"' + b"x" * START + b'","type":"ok"}', CONTEXT) == (
        Ack(subject="mark.BTC"),
    )


def test_a_frame_that_is_cut_short_fails_as_by_its_head() -> None:
    read = made()
    assert marks(read, BTC) == [("BTC", 7.0)]
    for raw in (BTC[:-2], BTC.replace(b'"7"', b'"\xff"'), BTC.replace(b'{"mark":"7"}', b"[" * 100_000)):
        with pytest.raises(BROKEN):
            read(raw, CONTEXT)


def test_the_beginnings_that_are_kept_are_bounded_and_so_is_a_channel() -> None:
    foresight, rows = Foresight(FRAME), reader(MARKS)
    foresight.learn(BTC, CONTEXT, "x" * (MAX_CHANNEL + 1), "BTC", rows)
    assert foresight.known == {}
    for number in range(MAX_STARTS + 5):
        foresight.learn(b"%d" % number, CONTEXT, "mark.BTC", "BTC", rows)
    assert len(foresight.known) == MAX_STARTS


def cold(name: str) -> Iterator[Venue]:
    """A venue compiled anew, that foresees nothing."""
    of_it = [one for one in sys.modules if one == f"probes.venues.{name}" or one.startswith(f"probes.venues.{name}.")]
    kept = {one: sys.modules.pop(one) for one in of_it}
    try:
        yield import_module(f"probes.venues.{name}").VENUE
    finally:
        for one in [*sys.modules]:
            if one == f"probes.venues.{name}" or one.startswith(f"probes.venues.{name}."):
                del sys.modules[one]
        sys.modules.update(kept)


def outcome(read: ReadFrame, raw: bytes, context: Context) -> Any:
    try:
        return list(read(raw, context))
    except BROKEN as error:
        return type(error).__name__, str(error)


def context_of(name: str, feed: str, at: datetime, seeds: Seeds) -> Context:
    return Context(venue=VenueId(name), check=feed, received_at=at, instruments=seeds.instruments)


@pytest.mark.parametrize("name", venues.NAMES)
def test_every_fixture_of_a_venue_and_what_is_made_of_it_reads_the_same_foreseen_or_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds, draw = seeds_of(name, False), Random(f"foreseen {name}")
    [other] = cold(name)
    for feed in seeds.venue.feeds:  # from here on what these begin with is known
        for seed in seeds.frames.get(feed.name, ()):
            outcome(feed.read, seed.body, context_of(name, feed.name, seed.received_at, seeds))
    monkeypatch.setattr(foreseen, "MAX_STARTS", 0)
    by_head = {one.name: one.read for one in other.feeds}
    for feed in seeds.venue.feeds:
        for seed in seeds.frames.get(feed.name, ()):
            context = context_of(name, feed.name, seed.received_at, seeds)
            for raw in (seed.body, *changed(seed.body, draw)):
                assert outcome(feed.read, raw, context) == outcome(by_head[feed.name], raw, context), raw


def changed(body: bytes, draw: Random) -> Iterator[bytes]:
    """Messages made of one: by its form, and by its bytes."""
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    for _ in range(25):
        yield encoded(mutated_tree(tree, draw))
        yield mutated_bytes(body, draw)
