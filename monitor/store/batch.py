"""What is written at once: a numbered batch of signals, incident changes and checkpoints, and its line in the spool.

A line of the spool is one JSON object. Signals are arrays in the order of the columns, so that a line is short and a
value that is no number (null in JSON) comes back as NaN. A batch keeps its number wherever it goes: that is how the
store knows that it has had it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import nan
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from monitor.incidents import IncidentChange
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.store.change_json import decode_change

SUBJECT = ("asset", "venue", "instrument", "network", "contract", "pool", "vantage")
Text = str | None
Row = tuple[
    SignalKind, Text, Text, Text, Text, Text, Text, Text,
    datetime, datetime, str, int, float | None, dict[str, Scalar], Text,
]  # fmt: skip
"""A signal as an array: kind, the subject's seven, event_time, received_at, source, seq, value, attributes, link."""

flat = attrgetter(
    "kind",
    *(f"subject.{name}" for name in SUBJECT),
    *("event_time", "received_at", "source", "seq", "value", "attributes", "link"),
)
"""A signal's fields in the order of the columns."""


class StoreAway(Exception):
    """The server cannot be reached or will not write now; the same batch may be tried again."""


class BatchRefused(Exception):
    """The server is there and will never take this batch: a fault of ours, which trying again does not mend."""


class Saver(Protocol):
    """What the writer needs of a store."""

    async def save(self, batch: Batch) -> bool:
        """Write once and for all; False where it had been written before. Raises StoreAway, BatchRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that are written in one transaction. `run_id` and `number` name it for good; `cut_at` is when it was cut."""

    run_id: str
    number: int
    cut_at: datetime
    signals: tuple[Signal, ...] = ()
    changes: tuple[IncidentChange, ...] = ()
    checkpoints: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it writes."""
        return len(self.signals) + len(self.changes) + len(self.checkpoints)


class _Line(msgspec.Struct, frozen=True):
    run_id: str
    number: int
    cut_at: datetime
    signals: tuple[Row, ...]
    changes: tuple[msgspec.Raw, ...]
    checkpoints: dict[str, bytes]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Line)


def encode(batch: Batch) -> bytes:
    """One line of the spool, its newline included."""
    line = {
        "run_id": batch.run_id,
        "number": batch.number,
        "cut_at": batch.cut_at,
        "signals": [flat(signal) for signal in batch.signals],
        "changes": batch.changes,
        "checkpoints": batch.checkpoints,
    }
    return _encoder.encode(line) + b"\n"


def decode(line: bytes) -> Batch:
    """The batch of one line. Raises ValueError where the line is cut short or is none of ours."""
    read = _decoder.decode(line)
    return Batch(
        run_id=read.run_id,
        number=read.number,
        cut_at=read.cut_at,
        signals=tuple(signal_of(row) for row in read.signals),
        changes=tuple(decode_change(bytes(change)) for change in read.changes),
        checkpoints=read.checkpoints,
    )


def signal_of(row: Row) -> Signal:
    """The signal of a flat row; a value of null is NaN."""
    return Signal(
        kind=row[0],
        subject=Subject(*row[1:8]),
        event_time=row[8],
        received_at=row[9],
        source=row[10],
        seq=row[11],
        value=nan if row[12] is None else row[12],
        attributes=row[13],
        link=row[14],
    )


def cleaned(batch: Batch) -> Batch:
    """The same batch with U+FFFD for NUL, which PostgreSQL cannot hold, and for lone surrogates, which UTF-8 cannot.

    Both are so rare that it is slow, and used only on a batch that was refused.
    """
    plain = _clean(msgspec.to_builtins(batch, builtin_types=(datetime, bytes)))
    return msgspec.convert(plain, Batch, builtin_types=(datetime, bytes))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value
