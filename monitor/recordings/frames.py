"""Raw tapes: what venues' wires carried, one JSON line each, so that a day can be heard again by a later Stormwatch.

`stormwatch.frames/1`: the first line is the header; each further line a frame, an answer or a connection (docs/formats.md).
Signed answers are never on a tape. Replay hears frames and answers through the same dialects, ears, intake and correlator; the
seconds between them are made from the stamps on the tape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from monitor.correlator import CorrelatorSettings
from monitor.daemon.assembly import assets_of, enabled_venues, venue_expectations
from monitor.errors import OperatorError
from monitor.intake import Intake
from monitor.recordings.signals import lines_of, opened_to_write
from monitor.settings.reader import read
from monitor.settings.tree import AssetSettings, Settings, VenueSettings
from monitor.signals import Signal
from probes import venues
from probes.readings import FeedChanged, Reading, VenueId
from probes.replay import VenueReplay
from probes.tape import HttpExchange

FORMAT = "stormwatch.frames/1"
MAX_LINE = 100_000_000
"""An answer may be a listing of many megabytes, and a third longer in base64."""
MAX_HOLE = timedelta(hours=1)
"""Of a longer hole in a tape only its end is lived through."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class RawHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A tape's first line: what was watched."""

    format: str
    version: str = ""
    vantage: str = "local"
    started_at: datetime | None = None
    assets: tuple[str, ...] = ()
    venues: Mapping[str, tuple[str, ...]] = {}
    """Venue -> the assets it was watched for."""
    instruments: Mapping[str, tuple[str, ...]] = {}
    correlator: Mapping[str, Any] = {}


class RawLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frame (`feed`, `raw`), an answer (`check`, `path`, `got`) or a connection (`feed`, `connection`)."""

    at: datetime
    venue: str
    feed: str = ""
    raw: str | None = None
    connection: FeedChanged | None = None
    check: str = ""
    path: str = ""
    instrument: str | None = None
    scheduled_at: datetime | None = None
    got: HttpExchange | None = None


class RawTapeWriter:
    """Keeps a tape (the form is `probes.tape.Tape`). Close it when nothing more will come."""

    def __init__(self, path: Path, header: RawHeader) -> None:
        self._file = opened_to_write(path)
        self._file.write(_encode(header) + b"\n")

    def _write(self, line: RawLine) -> None:
        self._file.write(_encode(line) + b"\n")

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        """An exchange of a check that needs no key."""
        self._write(
            RawLine(
                at=got.received_at, venue=venue, check=check, path=path, instrument=instrument,
                scheduled_at=scheduled_at, got=got,
            )
        )  # fmt: skip

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        """A frame; what is no UTF-8 is kept with replacement characters (no dialect could read it either)."""
        self._write(RawLine(at=received_at, venue=venue, feed=feed, raw=raw.decode("utf-8", "replace")))

    def connection(self, change: FeedChanged) -> None:
        """A feed's connection was opened or closed."""
        self._write(RawLine(at=change.received_at, venue=change.venue, feed=change.feed, connection=change))

    def close(self) -> None:
        """End the file."""
        self._file.close()


class RawTape:
    """A tape as signals: hear it by iterating once."""

    def __init__(self, path: Path, header: RawHeader) -> None:
        self.header = header
        self._path = path
        self._ears = {name: _ear(name, header) for name in header.venues}
        self._told: set[str] = set()
        self._settings = Settings(
            vantage=header.vantage,
            assets={asset: AssetSettings() for asset in header.assets},
            venues={name: VenueSettings(assets=tuple(assets)) for name, assets in header.venues.items()},
        )
        self._intake = Intake(vantage=header.vantage, assets=header.assets)

    def settings(self) -> CorrelatorSettings:
        """The correlator's settings on the tape."""
        return read(CorrelatorSettings, self.header.correlator, "correlator")

    def signals(self) -> Iterator[Signal]:
        """Every signal, the clock's included. Raises OperatorError for a broken line."""
        now: datetime | None = None
        for number, raw in lines_of(self._path, skip=1, longest=MAX_LINE):
            try:
                line = msgspec.json.decode(raw, type=RawLine)
            except msgspec.DecodeError as error:
                raise OperatorError(
                    "FILE", f"{self._path}:{number}", f"a whole {FORMAT} tape", f"{error}; cut the line"
                ) from None
            now = line.at if now is None else max(now, line.at - MAX_HOLE)
            while now + timedelta(seconds=1) <= line.at:
                now += timedelta(seconds=1)
                yield from self._second(now)
            yield from self._line(line)

    def _second(self, now: datetime) -> Iterator[Signal]:
        for name in sorted(self._ears):
            yield from self._said(name, self._ears[name].second(now))
        yield self._intake.tick(now)

    def _line(self, line: RawLine) -> Iterator[Signal]:
        ear = self._ears.get(line.venue)
        if ear is None:
            return
        if line.connection is not None:
            yield from self._said(line.venue, ear.connection(line.connection))
        elif line.raw is not None:
            yield from self._said(line.venue, ear.frame(line.feed, line.at, line.raw.encode()))
        elif line.got is not None:
            due = line.scheduled_at or line.got.sent_at
            yield from self._said(line.venue, ear.answer(line.check, line.path, line.instrument, due, line.got))

    def _said(self, venue: str, readings: Sequence[Reading]) -> Iterator[Signal]:
        ear = self._ears[venue]
        for reading in readings:
            told = self._intake.reading(reading)
            if venue not in self._told and ear.instruments:
                self._told.add(venue)
                self._intake.know(venue, ear.instruments)
                for one in venue_expectations(self._settings, venue, ear.instruments):
                    yield self._intake.expect(one.source, one.subject, one.gap_s, reading.received_at, one.attributes)
            yield from told


def _ear(name: str, header: RawHeader) -> VenueReplay:
    if name not in venues.NAMES:
        raise OperatorError("FILE", name, ", ".join(venues.NAMES), "the tape is of a venue that this version lacks")
    return VenueReplay(venues.declared(name), header.venues[name], header.instruments.get(name, ()))


def raw_header(first: bytes, path: Path) -> RawHeader:
    """A tape's header. Raises OperatorError."""
    try:
        return msgspec.json.decode(first, type=RawHeader)
    except msgspec.DecodeError as error:
        raise OperatorError("FILE", f"{path}:1", f"a whole {FORMAT} tape", f"{error}; record again") from None


def raw_header_of(settings: Settings, version: str, started_at: datetime) -> RawHeader:
    """The header of a tape that begins now."""
    watched = enabled_venues(settings)
    return RawHeader(
        format=FORMAT,
        version=version,
        vantage=settings.vantage,
        started_at=started_at,
        assets=tuple(sorted(settings.assets)),
        venues={name: assets_of(settings, name) for name in watched},
        instruments={name: tuple(settings.venues[name].instruments) for name in watched},
        correlator=asdict(settings.correlator),
    )
