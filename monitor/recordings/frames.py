"""Records raw tapes, all that the venues sent, one JSON line each, so that a later version can replay a day.

`stormwatch.frames/1`: the first line is the header; each further line a frame, an answer or a connection (docs/formats.md).
Signed answers are never on a tape. Replay reads frames and answers with the same dialects, readers, intake and correlator; the
clock's ticks come from the stamps on the tape. A tape may come from anybody, as a recording may (`lines.py`).
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
from monitor.recordings.lines import UNFIT, Lines, broken, check_time, settings_of
from monitor.recordings.signals import opened_to_write
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
"""If a tape has a longer hole, only the end of the hole is replayed."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class RawHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a tape: what was watched."""

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
    """Writes a tape (a `probes.tape.Tape`). Close it at the end."""

    def __init__(self, path: Path, header: RawHeader) -> None:
        self._file = opened_to_write(path)
        self._file.write(_encode(header) + b"\n")

    def _write(self, line: RawLine) -> None:
        self._file.write(_encode(line) + b"\n")

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        """Write an exchange of a check that needs no key."""
        self._write(
            RawLine(
                at=got.received_at, venue=venue, check=check, path=path, instrument=instrument,
                scheduled_at=scheduled_at, got=got,
            )
        )  # fmt: skip

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        """Write a frame; bytes that are not UTF-8 become replacement characters (no dialect could read them either)."""
        self._write(RawLine(at=received_at, venue=venue, feed=feed, raw=raw.decode("utf-8", "replace")))

    def connection(self, change: FeedChanged) -> None:
        """Write that a feed's connection was opened or closed."""
        self._write(RawLine(at=change.received_at, venue=change.venue, feed=change.feed, connection=change))

    def close(self) -> None:
        """End the file."""
        self._file.close()


class RawTape:
    """Reads a tape as signals. Iterate once. Raises OperatorError, the iterator too."""

    def __init__(self, path: Path, header: RawHeader) -> None:
        self.header = header
        self._lines = Lines(path, FORMAT, skip=1, max_line=MAX_LINE)
        self._replays = {name: _venue_replay(name, header, path) for name in header.venues}
        self._introduced: set[str] = set()
        self._settings = Settings(
            vantage=header.vantage,
            assets={asset: AssetSettings() for asset in header.assets},
            venues={name: VenueSettings(assets=tuple(assets)) for name, assets in header.venues.items()},
        )
        self._intake = Intake(vantage=header.vantage, assets=header.assets)

    def settings(self) -> CorrelatorSettings:
        """The correlator's settings on the tape."""
        return settings_of(self.header.correlator, self._lines.path)

    def where(self) -> str:
        """The file and the line read last."""
        return self._lines.where()

    def signals(self) -> Iterator[Signal]:
        """Every signal, the clock's included. Raises OperatorError for a broken line."""
        now: datetime | None = None
        for raw in self._lines:
            try:
                line = msgspec.json.decode(raw, type=RawLine)
                for at in _times_of(line):
                    check_time(at)
                now = line.at if now is None else max(now, line.at - MAX_HOLE)
                while now + timedelta(seconds=1) <= line.at:
                    now += timedelta(seconds=1)
                    yield from self._second(now)
                yield from self._line(line)
            except UNFIT as error:
                raise self._lines.broken(error) from error

    def _second(self, now: datetime) -> Iterator[Signal]:
        for name in sorted(self._replays):
            yield from self._signals_of(name, self._replays[name].second(now))
        yield self._intake.tick(now)

    def _line(self, line: RawLine) -> Iterator[Signal]:
        replay = self._replays.get(line.venue)
        if replay is None:
            return
        if line.connection is not None:
            yield from self._signals_of(line.venue, replay.connection(line.connection))
        elif line.raw is not None:
            yield from self._signals_of(line.venue, replay.frame(line.feed, line.at, line.raw.encode()))
        elif line.got is not None:
            due = line.scheduled_at or line.got.sent_at
            yield from self._signals_of(
                line.venue, replay.answer(line.check, line.path, line.instrument, due, line.got)
            )

    def _signals_of(self, venue: str, readings: Sequence[Reading]) -> Iterator[Signal]:
        replay = self._replays[venue]
        for reading in readings:
            signals = self._intake.reading(reading)
            if venue not in self._introduced and replay.instruments:
                self._introduced.add(venue)
                self._intake.know(venue, replay.instruments)
                for one in venue_expectations(self._settings, venue, replay.instruments):
                    yield self._intake.expect(one.source, one.subject, one.gap_s, reading.received_at, one.attributes)
            yield from signals


def _times_of(line: RawLine) -> Iterator[datetime]:
    yield line.at
    if line.scheduled_at is not None:
        yield line.scheduled_at
    if line.got is not None:
        yield line.got.sent_at
        yield line.got.received_at
    if line.connection is not None:
        yield line.connection.received_at


def _venue_replay(name: str, header: RawHeader, path: Path) -> VenueReplay:
    if name not in venues.NAMES:
        raise OperatorError(
            f"{path}:1: venues", name, ", ".join(venues.NAMES), "the tape is of a venue that this version lacks"
        )
    return VenueReplay(venues.declared(name), header.venues[name], header.instruments.get(name, ()))


def raw_header(first: bytes, path: Path) -> RawHeader:
    """A tape's header. Raises OperatorError."""
    try:
        return msgspec.json.decode(first, type=RawHeader)
    except UNFIT as error:
        raise broken(path, 1, FORMAT, error) from None


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
