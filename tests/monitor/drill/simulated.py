"""The simulated venues as pure functions, with the real readers of the same venues beside them: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from monitor.drill.world import dialects
from monitor.drill.world.dialect import Dialect, Frame, RestRequest
from monitor.drill.world.market import Market, SimVenue
from monitor.drill.world.weather import CALM, Weather
from probes import venues
from probes.readings import Instrument, InstrumentsListed, VenueId
from probes.rest.refusals import by_answer
from probes.venue import AnswerWord, Context, Feed, FeedMessage, Per, RestCheck

DIALECTS: dict[str, Dialect] = {name: dialects.declared(name) for name in dialects.names()}
NOW_MS = 1_790_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
STORM = Weather(
    funding_rate=0.0016, long_short=3.2, perp_over_spot=14, open_interest_factor=0.7, withdrawals_closed=True
)
Answered = AnswerWord


def sim(weather: Weather = CALM) -> tuple[Market, dict[str, SimVenue]]:
    """All venues after twenty seconds of this weather."""
    market = Market(tuple(DIALECTS), "RIFT", 2.5, 5)
    for venue in market.venues.values():
        for second in range(20):
            market.step(venue, weather, NOW_MS / 1000 + second, 1.0)
    for venue in market.venues.values():
        venue.mid = market.mid
    return market, market.venues


def in_bytes(frame: Frame) -> bytes:
    """A frame as a socket gives it."""
    return frame.encode() if isinstance(frame, str) else frame


def context(name: str, instruments: Sequence[Instrument], one: Instrument | None = None) -> Context:
    """What a reader knows of a venue that listed these instruments."""
    known = {each.symbol: each for each in instruments}
    return Context(venue=VenueId(name), check="test", received_at=NOW, instrument=one, instruments=known)


def answer(name: str, check: RestCheck, one: Instrument | None, venue: SimVenue) -> bytes:
    """The body of the simulated venue's answer to a check."""
    call, dialect = check.call(one), DIALECTS[name]
    path = urlsplit(dialect.hosts(1)[call.host]).path + call.path
    reply = dialect.rest(RestRequest(path=path, query=call.query, now_ms=NOW_MS, body=call.body or {}), venue)
    assert reply is not None, f"{name} does not know {path}"
    assert venues.declared(name).refuse(reply.status, reply.headers, reply.body(), NOW) is None
    assert by_answer(reply.status, reply.body()) is None
    return reply.body()


def listed(name: str, venue: SimVenue) -> list[Instrument]:
    """The instruments that the simulated venue lists."""
    return [
        instrument
        for check in venues.declared(name).checks
        if check.name == "instruments"
        for listing in check.read(answer(name, check, None, venue), context(name, ()))
        if isinstance(listing, InstrumentsListed)
        for instrument in listing.instruments
    ]


def answered(name: str, venue: SimVenue) -> Iterator[tuple[RestCheck, Answered]]:
    """The readings of every unsigned check, of every instrument of the asset."""
    instruments = listed(name, venue)
    ours = [one for one in instruments if one.base == "RIFT"]
    for check in venues.declared(name).checks:
        wanted = [None] if check.per is Per.VENUE else [one for one in ours if check.market in (None, one.market)]
        for one in wanted:
            if not check.call(one).signed:
                for reading in check.read(answer(name, check, one, venue), context(name, instruments, one)):
                    yield check, reading


def answers_of(name: str, venue: SimVenue) -> list[Answered]:
    """The same without their checks."""
    return [reading for _, reading in answered(name, venue)]


def subscribed(name: str, feed: Feed, venue: SimVenue) -> tuple[set[str], list[FeedMessage]]:
    """The world's topics that a feed of ours gets by asking, and what we read of the answers and of their first frames."""
    dialect, instruments = DIALECTS[name], listed(name, venue)
    ours = [one for one in instruments if one.base == "RIFT" and feed.market in (None, one.market)]
    url = urlsplit(dialect.hosts(1)[feed.host] + feed.path(ours))
    opened = dialect.opened(url.path, dict(parse_qsl(url.query)))
    assert opened is not None, f"{name} has no socket at {url.path}"
    topics, frames = set(opened.topics), list(opened.answers)
    asked = [one.text for one in feed.ask(feed.topics(ours), NOW)] or feed.subscribe(ours, NOW)
    for text in asked:
        reaction = dialect.on_message(url.path, text, venue, NOW_MS)
        frames += reaction.answers
        topics |= set(reaction.topics)
    for topic in sorted(topics):
        frames += dialect.opening_frames(topic, venue, NOW_MS)
        each_second = dialect.frame_each_second(topic, venue, NOW_MS)
        frames += [] if each_second is None else [each_second]
    knows = context(name, instruments)
    return topics, [word for frame in frames for word in feed.read(in_bytes(frame), knows)]


def feed(name: str, wanted: str) -> Feed:
    """A venue's feed by its name."""
    return next(one for one in venues.declared(name).feeds if one.name == wanted)
