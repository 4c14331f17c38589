"""Looks ahead in the log: the changes of each incident behind a position, in outline.

A sink that was away asks it what an incident's present state is, and what it missed. It is read once and then extended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.alerting.concern import outline
from monitor.incidents import IncidentChange
from monitor.log import Chunk, DeliveryResult, Place, Stream
from monitor.log.change_json import decode_change

MAX_CHANGES = 20_000
"""How many changes are held; what comes behind them is told when its turn comes."""
READ_ROWS = 200


class DeliveryLog(Protocol):
    """What a sink's reader needs of the log: to read changes, to remember its place, and to append how deliveries ended."""

    @property
    def end(self) -> int:
        """The position of the last durable entry."""
        ...

    @property
    def start(self) -> int:
        """The position before the first entry that is still held."""
        ...

    async def read(self, after: int, streams: Collection[Stream], max_rows: int = 5000) -> Chunk:
        """The next durable entries of these streams behind `after`."""
        ...

    async def wait(self, after: int) -> None:
        """Return when an entry behind `after` is durable."""
        ...

    def place(self, reader: str) -> Place:
        """Where this reader stands."""
        ...

    def acknowledge(self, reader: str, place: Place) -> None:
        """Remember a reader's place."""
        ...

    def delivery(self, result: DeliveryResult) -> None:
        """Append a delivery's result."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A change ahead: its position, when it was appended, and its outline."""

    position: int
    at: datetime
    change: IncidentChange


class Backlog:
    """The changes behind a position, by incident."""

    def __init__(self, log: DeliveryLog, max_changes: int = MAX_CHANGES) -> None:
        self._log = log
        self._max_changes = max_changes
        self.clear()

    def clear(self) -> None:
        """Forget everything: nothing is late any more."""
        self._after = self._reached = 0
        self._held = 0
        self._seen: defaultdict[str, list[Seen]] = defaultdict(list)

    async def of(self, incident_id: str, first: int) -> list[Seen]:
        """The incident's changes from position `first` to the end of the log, in order."""
        if not self._after < first <= self._reached:
            self.clear()
            self._after = self._reached = first - 1
        while self._reached < self._log.end and self._held < self._max_changes:
            await self._extend()
        return [one for one in self._seen.get(incident_id, ()) if one.position >= first]

    async def full(self, position: int) -> IncidentChange | None:
        """The whole change at a position; None if the log no longer holds it."""
        chunk = await self._log.read(position - 1, (Stream.CHANGE,), 1)
        if not chunk.entries or chunk.entries[0].position != position:
            return None
        return decode_change(chunk.entries[0].body)

    async def _extend(self) -> None:
        chunk = await self._log.read(self._reached, (Stream.CHANGE,), READ_ROWS)
        for entry in chunk.entries:
            try:
                change = decode_change(entry.body)
            except ValueError:
                continue  # its own turn comes, and says so
            self._seen[change.incident_id].append(Seen(entry.position, entry.at, outline(change)))
        self._held += len(chunk.entries)
        self._reached = chunk.reached
