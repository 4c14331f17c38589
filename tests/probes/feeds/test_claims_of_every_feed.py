"""The claims of every feed that declares topics, of whatever venue: what a documented frame proves, refuses and leaves open.

No list names the venues: the feeds are those that declare topics, the frames are the venues' own fixtures.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.claims import Claim, Claims
from probes.feeds.interpreter import FeedReader
from probes.readings import ClaimState, Instrument, Refusal
from probes.readings.topics import Topic, no_topics
from probes.venue import Ack, AnswerWord, BookDelta, Feed, FeedMessage, Heard, Malformed, SubscriptionRefused
from tests.probes.cases import NOW, Case, found, listed

FEEDS = [(name, feed) for name in venues.NAMES for feed in venues.declared(name).feeds if feed.topics is not no_topics]
EACH_FEED = pytest.mark.parametrize(("venue", "feed"), FEEDS, ids=[f"{name}/{one.name}" for name, one in FEEDS])
RECORDED = Path(__file__).parents[3].parent / "shared/data/feeds"
RECORDINGS = sorted(RECORDED.glob("*.gz"))
TOLD_WITHIN_S = 15
SIBLING = "SIBLING"
MANY = 1000


def instruments(venue: str, feed: Feed) -> list[Instrument]:
    """The fixtures' instruments of this feed, and a sibling of each that no fixture speaks of."""
    known = [one for one in listed(venue) if one.market is feed.market and not one.inverse]
    return [*known, *(replace(one, symbol=one.symbol + SIBLING) for one in known)]


def cases(venue: str, feed: Feed) -> list[Case]:
    return [one for one in found() if (one.venue, one.subject, one.source["grade"]) == (venue, feed.name, "documented")]


def words(case: Case) -> Sequence[AnswerWord | FeedMessage]:
    try:
        return case.reader(case.payload, case.context)
    except (Malformed, msgspec.DecodeError):
        return ()


def after(venue: str, feed: Feed, *payloads: bytes) -> Claims:
    reader = FeedReader(venues.declared(venue).id, feed, ClockOffset(), instruments(venue, feed))
    reader.opened(NOW, 0.0)
    reader.ask(NOW, 0.0)
    for payload in payloads:
        reader.frame(payload, NOW, 1.0, {one.symbol: one for one in listed(venue)})
    return reader.claims


def spoken_of(case: Case) -> set[str]:
    """The instruments of a frame's messages, and the topics that it confirms or is a word of."""
    spoken: set[str] = set()
    for one in words(case):
        names = one.names if isinstance(one, Ack) else (one.name,) if isinstance(one, Heard) else ()
        spoken |= {*names, str(getattr(one, "instrument", None))}
    return spoken


@pytest.mark.parametrize("venue", venues.NAMES)
def test_every_feed_of_every_venue_declares_what_it_asks_for(venue: str) -> None:
    assert [one.name for one in venues.declared(venue).feeds if one.topics is no_topics] == []


@EACH_FEED
def test_a_frame_proves_its_own_instrument_and_never_a_sibling_on_the_same_socket(venue: str, feed: Feed) -> None:
    for case in cases(venue, feed):
        spoken = spoken_of(case)
        for one in after(venue, feed, case.payload).all:
            if one.covers and one.topic.instrument is not None:
                assert {one.topic.instrument, one.topic.name} & spoken, case.name
            assert not (one.covers and SIBLING in (one.topic.instrument or "")), case.name


@EACH_FEED
def test_every_main_channel_of_a_feed_has_a_documented_frame_that_proves_it(venue: str, feed: Feed) -> None:
    proved = {
        one.topic.channel for case in cases(venue, feed) for one in after(venue, feed, case.payload).all if one.covers
    }
    assert {one.channel for one in feed.topics(instruments(venue, feed)) if one.main} <= proved


@EACH_FEED
def test_a_documented_refusal_leaves_uncovered_what_it_is_of_whatever_the_siblings_say(venue: str, feed: Feed) -> None:
    for case in cases(venue, feed):
        refused = [one for one in words(case) if isinstance(one, SubscriptionRefused)]
        if not refused:
            continue
        claims = after(venue, feed, case.payload)
        assert not any(one.covers for one in claims.all), case.name
        named = {name for one in refused for name in one.names}
        assert all(one.state is ClaimState.REFUSED for one in claims.all if one.topic.name in named), case.name


@EACH_FEED
def test_of_a_request_of_which_one_topic_is_refused_the_others_are_asked_for_again_and_the_one_is_named(
    venue: str, feed: Feed
) -> None:
    topics = feed.topics(instruments(venue, feed))
    for request in feed.ask(topics, NOW):
        claims = Claims(venues.declared(venue).id, feed, instruments(venue, feed))
        claims.opened(NOW, 0.0)
        claims.texts(MANY)
        bad = request.topics[0]
        word = SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail="no", names=(bad,), request=request.id)
        changes = claims.refused(word, NOW, 1.0)
        (of_bad,) = [one for one in topics if one.name == bad]
        assert [(one.channel, one.instrument, one.state) for one in changes] == [
            (of_bad.channel, of_bad.instrument, ClaimState.REFUSED)
        ]
        others = [one for one in topics if one.name in request.topics and one.name != bad]
        again = [one.text for one in feed.ask(others, NOW)] if others else []
        assert claims.texts(MANY) == again


def change_of(topic: Topic) -> BookDelta:
    return BookDelta(
        instrument=topic.instrument or "", first_id=1, last_id=1, prev_id=None, event_time=None, bids=[], asks=[]
    )


@EACH_FEED
def test_a_liquid_book_that_goes_silent_beside_speaking_siblings_is_told_in_fifteen_seconds(
    venue: str, feed: Feed
) -> None:
    claims = Claims(venues.declared(venue).id, feed, instruments(venue, feed))
    claims.opened(NOW, 0.0)
    books = [one.topic for one in claims.all if BookDelta in one.topic.speaks]
    told: dict[str, int] = {}
    for second in range(200):
        now = NOW + timedelta(seconds=second)
        for one in books[1:] if second > 120 else books:
            claims.spoke(change_of(one), now, second)
        for changed in claims.second(now, second, {}):
            if changed.state is ClaimState.SILENT and not changed.covers:
                told[changed.instrument or ""] = second - 120
    silent = {one: after_s for one, after_s in told.items() if one in {book.instrument for book in books}}
    assert list(silent) == [one.instrument or "" for one in books[:1]]
    assert all(0 < after_s <= TOLD_WITHIN_S for after_s in silent.values())


def recorded(file: Path) -> Iterator[tuple[str, float]]:
    """Stream (or channel) and arrival, in seconds, of each frame."""
    with gzip.open(file, "rt") as lines:
        for line in lines:
            at_ns, _, frame = line.partition(" ")
            told = json.loads(frame)
            yield str(told.get("stream") or told.get("channel")), int(at_ns) / 1e9


@pytest.mark.skipif(not RECORDINGS, reason="the recorded frames lie beside the repository, in shared/data/feeds")
@pytest.mark.parametrize("every", [1, 30, 300])
def test_no_stream_of_a_recording_is_called_silent_nor_one_that_is_thinned_to_a_quiet_one(every: int) -> None:
    for file in RECORDINGS:
        claims: dict[str, Claim] = {}
        counts: Counter[str] = Counter()
        for name, at_s in recorded(file):
            counts[name] += 1
            if counts[name] % every:
                continue
            claim = claims.setdefault(name, Claim(Topic(name, name, None, (BookDelta,))))
            assert claim.last_s is None or at_s - claim.last_s < claim.silent_after_s(), (file.name, name)
            claim.spoke(at_s)
