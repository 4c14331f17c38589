"""Encodes what a sink's reader remembers beside its place in the log, so that a restart goes on as if there had been none.

Pure. It is JSON with a version; both tables are bounded, and a memory that this version cannot read is a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from monitor.alerting.routing import MAX_INCIDENTS, LastNote
from monitor.incidents import Level

MAX_OWED = 256
"""How many notes one sink may owe; beyond it the oldest is given up."""

_Time = Annotated[datetime, msgspec.Meta(tz=True)]


def reader_name(sink: str) -> str:
    """The name under which the log knows a sink's place."""
    return f"sink {sink}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A note that the receiver did not accept in time: the position of its first change in the log, and since when.

    It stood for the changes up to `revision`; none of these is sent on its own.
    """

    incident_id: str
    position: int
    revision: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The last notes by incident id, the longest untouched one first; the notes owed, the oldest first.

    `lost` counts entries of the log that were removed unread and that no note has told of yet. `reached`: everything up to
    there is settled or owed; the reader's place is lower while it owes, so that the log keeps what is owed.
    """

    notes: tuple[tuple[str, LastNote], ...] = ()
    owed: tuple[Owed, ...] = ()
    lost: int = 0
    reached: int = 0
    held: tuple[Owed, ...] = ()
    """What a silence holds back; a note is not owed for it before the silence ends."""


class _Written(msgspec.Struct, frozen=True):
    version: Literal[1]
    notes: list[tuple[str, Level, int, _Time | None]]
    owed: list[tuple[str, int, int, _Time]]
    lost: Annotated[int, msgspec.Meta(ge=0)]
    reached: Annotated[int, msgspec.Meta(ge=0)]
    held: list[tuple[str, int, int, _Time]] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Written).decode


def encode_memory(memory: Memory) -> bytes:
    """The memory as bytes: the newest `MAX_INCIDENTS` notes and `MAX_OWED` owed ones, under 150 bytes each with usual ids."""
    return _encode(
        _Written(
            version=1,
            notes=[(name, one.level, one.revision, one.updated_at) for name, one in memory.notes[-MAX_INCIDENTS:]],
            owed=[(one.incident_id, one.position, one.revision, one.since) for one in memory.owed[-MAX_OWED:]],
            lost=memory.lost,
            reached=memory.reached,
            held=[(one.incident_id, one.position, one.revision, one.since) for one in memory.held[-MAX_OWED:]],
        )
    )


def decode_memory(state: bytes) -> Memory:
    """The memory of a reader; an empty one for a reader that never wrote one. Raises ValueError."""
    if not state:
        return Memory()
    written = _decode(state)
    return Memory(
        notes=tuple(
            (name, LastNote(level=level, revision=revision, updated_at=updated_at))
            for name, level, revision, updated_at in written.notes[-MAX_INCIDENTS:]
        ),
        owed=tuple(
            Owed(incident_id=name, position=position, revision=revision, since=since)
            for name, position, revision, since in written.owed[-MAX_OWED:]
        ),
        lost=written.lost,
        reached=written.reached,
        held=tuple(
            Owed(incident_id=name, position=position, revision=revision, since=since)
            for name, position, revision, since in written.held[-MAX_OWED:]
        ),
    )
