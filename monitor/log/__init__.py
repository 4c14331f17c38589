"""Defines the local log: what was heard, judged and told, on disk in order of arrival, and read by cursors.

A log takes entries, each with an id that it holds only once; gives them back from a position on, in order; and remembers
how far each reader has come. Nothing more, so that a durable stream of a message bus can serve it as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from monitor.incidents import IncidentChange
from monitor.signals import Signal


class Stream(StrEnum):
    """What an entry holds; `monitor/log/codec.py` encodes and decodes each."""

    SIGNALS = "signals"
    """Signals in order of arrival."""
    CHANGE = "change"
    """One incident change; its id is "incident_id:revision"."""
    CHECKPOINT = "checkpoint"
    """The position of one network's watcher."""
    DELIVERY = "delivery"
    """How the delivery of one change to one sink ended; its id is "sink:incident_id:revision"."""
    IMAGE = "image"
    """The correlator's frozen state after everything before it. Only the last one is held, and it is not read as an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One durable entry. `position` rises; `at` is when it was appended; `rows` counts what `body` holds.

    `key` is what a checkpoint, a change or an image is about: the network, the incident's scope. The log remembers the last
    entry of each for ever.
    """

    position: int
    stream: Stream
    id: str
    key: str
    run_id: str
    at: datetime
    rows: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Entries in order, and the position up to which the streams were read: none of them lies between."""

    entries: tuple[Entry, ...]
    reached: int


@dataclass(frozen=True, slots=True)
class Place:
    """How far a reader has come: every entry up to `position` is done. `state` is the reader's own memory, opaque here."""

    position: int
    state: bytes = b""


class Holding(StrEnum):
    """How long the log keeps what a reader has not read yet."""

    UNTIL_LIMIT = "until_limit"
    """Until the disk limit: the database."""
    FOR_A_TIME = "for_a_time"
    """For `outlet_keep_s`, and less where the disk limit comes first: sinks, recordings, telemetry."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The position of one network's watcher, as bytes that only `chain` reads."""

    network: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """The correlator's frozen state. `code` identifies the program that made it: no other may thaw it.

    `heard`: the last message of the bus that it rests on; 0 where nothing is read from one, -1 where it rests on some of those
    behind, too, so that no other process can go on from it.
    """

    code: str
    body: bytes
    heard: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How a delivery ended: `outcome` is delivered, refused, missed or failed; `why` holds no secret."""

    sink: str
    incident_id: str
    revision: int
    outcome: str
    why: str
    at: datetime


class Appender(Protocol):
    """Takes what was heard and judged. Never blocks; what is appended is durable within a group's length, in this order."""

    def signals(self, signals: Sequence[Signal]) -> None:
        """Append signals."""
        ...

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        """Append incident changes. A change that the log holds already is not appended again."""
        ...

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Append a checkpoint."""
        ...

    def delivery(self, result: DeliveryResult) -> None:
        """Append a delivery's result."""
        ...


class Readable(Protocol):
    """Gives entries back. One reader has one name; its place survives restarts."""

    @property
    def id(self) -> str:
        """Identifies this log for ever: positions of different logs are not comparable."""
        ...

    @property
    def end(self) -> int:
        """The position of the last durable entry; 0 for an empty log."""
        ...

    @property
    def start(self) -> int:
        """The position before the first entry that is still held: a reader whose place is lower has missed entries."""
        ...

    async def read(self, after: int, streams: Collection[Stream], max_rows: int = 5000) -> Chunk:
        """The next durable entries of these streams behind `after`: at least one if there is any, about `max_rows` rows."""
        ...

    def latest(self, stream: Stream) -> Mapping[str, Entry]:
        """The last entry of each key of a stream, however old."""
        ...

    async def wait(self, after: int) -> None:
        """Return when an entry behind `after` is durable."""
        ...

    def place(self, reader: str) -> Place:
        """Where this reader stands: for a new one, the place that its `Holding` says (see `monitor/log/settings.py`)."""
        ...

    def acknowledge(self, reader: str, place: Place) -> None:
        """Remember a reader's place: durable with the next group. Never blocks."""
        ...
