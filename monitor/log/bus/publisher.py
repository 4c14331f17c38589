"""Publishes the signals of a local log: a reader of it with a place, so that a bus that is away is only a lag.

Each entry of the log, or those of a second when the bus is behind (see `plan.py`), is divided by asset and venue. Each part has
one id for ever (log, position, number), so sending it again stores nothing twice. The place moves when the servers have all.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from monitor.log import Entry, Readable, Stream
from monitor.log.bus.connection import Bus, BusAway
from monitor.log.bus.plan import Plan, Stretch, belongs, plan_of
from monitor.log.bus.subjects import signals_subject
from monitor.log.codec import RawRow, decode_raw_rows, decode_subject, encode_raw_rows
from monitor.log.health import ReaderLag
from monitor.signals import Clock

READER = "bus"
LOG, POSITION, PART = "Stormwatch-Log", "Stormwatch-Position", "Stormwatch-Part"
"""Headers: which local log an entry is from, its position there, and the number of the part. Together they are its id."""
IN_FLIGHT = 8
"""Groups of entries that wait for the servers' word at once."""
AGAIN_S = 0.5
MAX_KNOWN = 50_000
MAX_ROWS = 1_000
"""Signals of one part: about 60 kB before compression, far below the servers' limit of 1 MB for a message."""
log = logging.getLogger("stormwatch.bus")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of an entry."""

    subject: str
    id: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A group of entries that waits for the servers' word: its time, its last position, its signals, its messages."""

    at: datetime
    position: int
    rows: int
    sent: Sequence[asyncio.Future[Any]]


class Flushable(Readable, Protocol):
    """A log that can be asked to make everything durable now."""

    async def flush(self) -> None:
        """Return when everything appended so far is durable, or the disk cannot be written."""
        ...


class Divider:
    """Divides entries by asset and venue. What is about no asset and no venue, the clock's ticks above all, goes last."""

    def __init__(self, name: str, vantage: str, log_id: str) -> None:
        self._name = name
        self._vantage = vantage
        self._log_id = log_id
        self._last = signals_subject(name, vantage, None, None)
        self._known: dict[bytes, str] = {}
        self.unreadable = 0
        """Entries that could not be read."""

    def parts(self, *entries: Entry) -> Iterator[Outgoing]:
        """The messages of entries of signals that go out together. What cannot be read is logged, counted and left out."""
        by_subject: dict[str, list[RawRow]] = {}
        for entry in entries:
            try:
                for subject, row in [(self._subject_of(bytes(row[1])), row) for row in decode_raw_rows(entry.body)]:
                    by_subject.setdefault(subject, []).append(row)
            except (ValueError, msgspec.DecodeError):
                log.exception("entry %d of the log cannot be read and is not published", entry.position)
                self.unreadable += 1
        first = entries[0].position
        number = 0
        for subject in sorted(by_subject, key=lambda one: (one == self._last, one)):
            rows = by_subject[subject]
            for at in range(0, len(rows), MAX_ROWS):
                place = {LOG: self._log_id, POSITION: str(first), PART: str(number)}
                yield Outgoing(
                    subject,
                    f"{self._log_id}:{first}:{number}",
                    place,
                    encode_raw_rows(rows[at : at + MAX_ROWS]),
                )
                number += 1

    def _subject_of(self, encoded: bytes) -> str:
        known = self._known.get(encoded)
        if known is None:
            one = decode_subject(encoded)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[encoded] = signals_subject(self._name, self._vantage, one.asset, one.venue)
        return known


class Publisher:
    """Publishes what a local log holds behind its place, for ever."""

    def __init__(self, bus: Bus, local: Flushable, name: str, vantage: str, clock: Clock) -> None:
        self._bus = bus
        self._log = local
        self._name = name
        self._vantage = vantage
        self._clock = clock
        self._plan = Plan()
        self._oldest: datetime | None = None
        self._why = "not connected yet"
        self.published = 0
        """Signals that the servers have, of this run."""
        self.unreadable = 0
        """Entries that could not be read."""

    def lag(self) -> ReaderLag:
        """How far the bus is behind the log."""
        place = self._log.place(READER).position
        entries = max(self._log.end - place, 0)
        oldest = self._oldest if entries else None
        behind_s = (
            None if entries and oldest is None else 0.0 if oldest is None else (self._clock() - oldest).total_seconds()
        )
        return ReaderLag(
            entries=entries,
            behind_s=behind_s,
            state="away" if self._why else "connected",
            why=self._why or self._bus.why,
        )

    async def run(self) -> None:
        """Connect, and publish until cancelled. Raises OperatorError if the servers do not know us."""
        while True:
            try:
                await self._bus.open()
                break
            except BusAway as error:
                self._away(error)
                await asyncio.sleep(AGAIN_S)
        divider = Divider(self._name, self._vantage, self._log.id)
        try:
            while True:
                try:
                    await self._publish(divider)
                except BusAway as error:
                    self._away(error)
                    await asyncio.sleep(AGAIN_S)
        finally:
            await self._bus.close()

    def _away(self, error: BusAway) -> None:
        if not self._why:
            log.warning("the bus is away (%s); the local log keeps what it lacks", error)
        self._why = str(error) or "away"

    async def _publish(self, divider: Divider) -> None:
        """Publish from the place on. Raises BusAway: the next call begins behind the last entry that the servers have."""
        place = self._log.place(READER)
        after, self._plan = place.position, plan_of(place)
        waiting: deque[_UnderWay] = deque()
        group: list[Entry] = []
        try:
            while True:
                stretch = self._plan.at(after) or await self._planned(after, waiting)
                chunk = await self._log.read(after, (Stream.SIGNALS,))
                reached = min(chunk.reached, stretch.end)
                for entry in chunk.entries:
                    if entry.position > reached:
                        break
                    if group and not belongs(entry, group, stretch):
                        await self._send(divider, group, waiting)
                        group = []
                    group.append(entry)
                if group and (not stretch.together or reached == stretch.end):
                    await self._send(divider, group, waiting)
                    group = []
                if not group and reached >= min(self._log.end, stretch.end):
                    await self._all_confirmed(waiting, reached)
                after = reached
                await self._log.wait(after)
        finally:
            for one in waiting:
                for future in one.sent:
                    future.cancel()

    async def _planned(self, after: int, waiting: deque[_UnderWay]) -> Stretch:
        """Plan what comes behind this position. The plan is durable before anything is sent by it."""
        await self._all_confirmed(waiting, after)
        self._plan = self._plan.extended(after, self._log.end)
        self._log.acknowledge(READER, self._plan.place(after))
        await self._log.flush()
        stretch = self._plan.at(after)
        assert stretch is not None, "the plan was extended"
        return stretch

    async def _all_confirmed(self, waiting: deque[_UnderWay], reached: int) -> None:
        while waiting:
            await self._confirm(waiting)
        self._oldest = None
        self._log.acknowledge(READER, self._plan.place(reached))

    async def _send(self, divider: Divider, group: Sequence[Entry], waiting: deque[_UnderWay]) -> None:
        """Send a group of entries; wait for the oldest group if too many are under way."""
        self._oldest = self._oldest or group[0].at
        parts = list(divider.parts(*group))
        self.unreadable = divider.unreadable
        sent = [await self._bus.start(one.subject, one.id, one.body, one.headers) for one in parts]
        waiting.append(_UnderWay(group[0].at, group[-1].position, sum(one.rows for one in group), sent))
        while len(waiting) >= IN_FLIGHT:
            await self._confirm(waiting)

    async def _confirm(self, waiting: deque[_UnderWay]) -> None:
        """Wait for the oldest group that is under way."""
        one = waiting[0]
        if one.sent:
            await self._bus.confirmed(one.sent)
        waiting.popleft()
        if self._why:
            log.warning("the bus takes messages again")
        self._why = ""
        self._oldest = waiting[0].at if waiting else None
        self.published += one.rows
        self._log.acknowledge(READER, self._plan.place(one.position))
