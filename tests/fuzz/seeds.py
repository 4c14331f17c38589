"""Gathers what is changed: every fixture of a venue, and its recorded messages where they are, each with who reads it.

Nothing lists venues: whatever declares itself under probes/venues is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from probes import venues
from probes.readings import Instrument, Liquidation, Market
from probes.venue import BookDelta, BookSnapshot, Context, Feed, Malformed, Refused, RestCheck, Venue
from tests.fuzz.mutators import shortened
from tests.probes import test_payloads_of_venues as recorded
from tests.probes.cases import NOW, Case, files_of, found, listed

MOST_BYTES = 12_000
"""Of one message: a larger one is shortened first, or left out."""
MOST_INSTRUMENTS = 6


@dataclass(frozen=True, slots=True)
class Seed:
    """One message of a venue. `subject`: its check or feed; `check` is None for a frame; `status` of an answer."""

    title: str
    subject: str
    body: bytes
    check: RestCheck | None
    instrument: Instrument | None
    received_at: datetime
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Seeds:
    """All of one venue: what is known of its instruments, its answers, and its frames by feed."""

    venue: Venue
    instruments: dict[str, Instrument]
    answers: tuple[Seed, ...]
    frames: dict[str, tuple[Seed, ...]]
    header_names: tuple[str, ...]
    values: tuple[Any, ...] = field(repr=False)

    def feed(self, name: str) -> Feed:
        """The feed of this name."""
        return next(one for one in self.venue.feeds if one.name == name)

    def watched(self, feed: Feed) -> list[Instrument]:
        """The instruments that a feed is for."""
        return [one for one in self.instruments.values() if feed.market in (None, one.market)][:MOST_INSTRUMENTS]


def _compact(body: bytes) -> bytes:
    """A large message with a few rows of each list; anything else as it is."""
    if len(body) <= 2_000:
        return body
    try:
        return msgspec.json.encode(shortened(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body


def _timed(seed: Seed, read: Any, context: Context) -> Seed:
    """The seed as received a second after its newest stamp: recordings are of many years."""
    try:
        words = read(seed.body, context)
    except (Malformed, Refused, msgspec.DecodeError, UnicodeDecodeError):
        return seed
    stamps = [at for one in words if isinstance(at := getattr(one, "event_time", None), datetime)]
    return replace(seed, received_at=max(stamps) + timedelta(seconds=1)) if stamps else seed


def _of_case(case: Case) -> Seed | None:
    venue = venues.declared(case.venue)
    feeds = {one.name for one in venue.feeds}
    reader = case.reader
    check = None
    if case.subject not in feeds:
        check = next(one for one in venue.checks if one.name == case.subject and one.read == reader)
    title = f"{case.venue}/{case.subject}/{case.name}"
    seed = Seed(title, case.subject, _compact(case.payload), check, case.instrument, NOW)
    return _timed(seed, reader, case.context)


def _of_recording(payload: recorded.Payload) -> Iterator[Seed]:
    status, headers, body = payload.answer
    body, title, context = _compact(body), recorded.title(payload), payload.context()
    named = tuple((key.lower(), str(value)) for key, value in headers.items())
    venue = venues.declared(payload.venue)
    if recorded.path_of(payload):
        asking = list(recorded.requested(payload)) or list(venue.checks[:1])
        for check in asking[:1]:
            seed = Seed(title, check.name, body, check, payload.instrument, NOW, status, named)
            yield _timed(seed, check.read, context)
    elif "WS" in payload.endpoint and (payload.venue, payload.endpoint) not in recorded.OTHER_WIRES:
        for feed in venue.feeds:
            yield _timed(Seed(title, feed.name, body, None, None, NOW), feed.read, context)


def _mentioned(seeds: Sequence[Seed], venue: Venue, known: dict[str, Instrument]) -> dict[str, Instrument]:
    """The known instruments, and those that messages speak of."""
    named = dict(known)
    for seed in seeds:
        read = seed.check.read if seed.check else next(one.read for one in venue.feeds if one.name == seed.subject)
        words = {
            one: _made(one) for one in re.findall(r'"([A-Za-z0-9_/:.-]{3,40})"', seed.body.decode(errors="ignore"))
        }
        context = Context(
            venue=venue.id, check=seed.subject, received_at=seed.received_at, instrument=seed.instrument,
            instruments=words | named,
        )  # fmt: skip
        try:
            said = read(seed.body, context)
        except (Malformed, Refused, msgspec.DecodeError, UnicodeDecodeError):
            continue
        for one in said:
            if isinstance(one, BookDelta | BookSnapshot | Liquidation) and one.instrument not in named:
                named[one.instrument] = _made(one.instrument)
    return named


def _made(symbol: str) -> Instrument:
    return replace(_any_instrument(), symbol=symbol)


@lru_cache(maxsize=1)
def _any_instrument() -> Instrument:
    """A perpetual in dollars with contracts of one base unit."""
    return Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", market=Market.PERP)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    else:
        yield value


def _values(seeds: Sequence[Seed]) -> tuple[Any, ...]:
    """What the messages of a venue say anywhere: to be put where it does not belong."""
    said: dict[str, Any] = {}
    for seed in seeds:
        try:
            tree = msgspec.json.decode(seed.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        said |= {repr(one): one for one in _leaves(tree)}
    return tuple(said.values())[:3000]


@lru_cache(maxsize=32)
def seeds_of(name: str, recordings: bool = True) -> Seeds:
    """All messages of a venue; without `recordings` the fixtures alone, which every checkout has."""
    venue = venues.declared(name)
    seeds = [seed for one in found() if one.venue == name and (seed := _of_case(one)) is not None]
    if recordings:
        seeds += [seed for one in recorded.FOUND if one.venue == name for seed in _of_recording(one)]
    seeds = [one for one in seeds if len(one.body) <= MOST_BYTES]
    frames: dict[str, tuple[Seed, ...]] = {
        feed.name: tuple(one for one in seeds if one.check is None and one.subject == feed.name) for feed in venue.feeds
    }
    source = "\n".join(one.read_text() for one in files_of(name))
    headers = sorted({one.lower() for one in re.findall(r'"([A-Za-z]+(?:-[A-Za-z0-9]+)+)"', source)})
    return Seeds(
        venue=venue,
        instruments=_mentioned(
            [one for one in seeds if one.check is None], venue, {one.symbol: one for one in listed(name)}
        ),
        answers=tuple(one for one in seeds if one.check is not None),
        frames={key: value for key, value in frames.items() if value},
        header_names=("retry-after", *headers),
        values=_values(seeds),
    )
