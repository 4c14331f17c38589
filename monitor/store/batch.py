"""Defines a batch: signals, incident changes and checkpoints that are written in one transaction, and its line in the spool.

A line of the spool is one JSON object. Signals are arrays in the order of the columns, so that a line is short and a
value that is not a number (null in JSON) comes back as NaN. A batch never changes its number: by it the store knows
that it has written the batch before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from monitor.incidents import IncidentChange
from monitor.log.change_json import decode_change
from monitor.log.codec import Row, decode_rows, encode_signals, signal_of
from monitor.signals import Signal


class BatchRefused(Exception):
    """The server will never accept this batch: our own fault, and retrying does not help."""


class Saver(Protocol):
    """The part of a store that the writer uses."""

    async def save(self, batch: Batch) -> bool:
        """Write a batch exactly once; False if it had been written before. Raises StoreAway, BatchRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that are written in one transaction. `run_id` and `number` identify it for ever; `cut_at` is when it was cut."""

    run_id: str
    number: int
    cut_at: datetime
    signals: tuple[Signal, ...] = ()
    changes: tuple[IncidentChange, ...] = ()
    checkpoints: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows in it."""
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
    """Encode a batch as one line of the spool, newline included."""
    line = {
        "run_id": batch.run_id,
        "number": batch.number,
        "cut_at": batch.cut_at,
        "signals": decode_rows(encode_signals(batch.signals)),
        "changes": batch.changes,
        "checkpoints": batch.checkpoints,
    }
    return _encoder.encode(line) + b"\n"


def decode(line: bytes) -> Batch:
    """Decode the batch of one line. Raises ValueError if the line is cut short or is not a batch."""
    decoded = _decoder.decode(line)
    return Batch(
        run_id=decoded.run_id,
        number=decoded.number,
        cut_at=decoded.cut_at,
        signals=tuple(signal_of(row) for row in decoded.signals),
        changes=tuple(decode_change(bytes(change)) for change in decoded.changes),
        checkpoints=decoded.checkpoints,
    )


def cleaned(batch: Batch) -> Batch:
    """Replace NUL, which PostgreSQL cannot hold, and lone surrogates, which UTF-8 cannot encode, by U+FFFD.

    It is slow and used only on a batch that was refused: both characters are very rare.
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
