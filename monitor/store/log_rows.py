"""Turns entries of the log into rows of the tables, straight from their encoded form: no signal object is built.

`rows_of` is the fast way for whole chunks: their signals become the bytes of a COPY. `units_of` is the careful way: one unit a
row, cleaned of what PostgreSQL cannot hold, so that a row that it refuses can be found among its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from math import isfinite
from operator import attrgetter
from typing import Any

import msgspec

from monitor.log import Entry, Stream
from monitor.log.change_json import decode_change
from monitor.log.codec import Row, decode_checkpoint, decode_delivery, decode_rows
from monitor.signals import Subject
from monitor.store.copy_format import CopiedSignals, Known
from monitor.store.rows import COLUMNS, SUBJECT, change_row, json_texts

STREAMS = (Stream.SIGNALS, Stream.CHANGE, Stream.CHECKPOINT, Stream.DELIVERY)
"""What the database holds of the log."""
Record = tuple[Any, ...]
_RECEIVED_AT, _VALUE, _ATTRIBUTES = map(COLUMNS.index, ("received_at", "value", "attributes"))
_subject_fields = attrgetter(*SUBJECT)


class Signals:
    """Rows of the table of signals, kept by column in the order of COLUMNS: thousands of tuples would wake the collector."""

    def __init__(self) -> None:
        self._blocks: list[Sequence[Sequence[Any]]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(zip(*block, strict=True) for block in self._blocks)

    def add(self, rows: Sequence[Row], run_id: str) -> None:
        """Add rows of an entry; a value that is not finite becomes null, as it does within the attributes."""
        if not rows:
            return
        kinds, subjects, *others = zip(*rows, strict=True)
        block: list[Any] = [kinds, *zip(*map(_subject_fields, subjects), strict=True), *others, (run_id,) * len(rows)]
        values = block[_VALUE]
        if None in values or not isfinite(sum(values)):  # a value is not finite, or only their sum is not
            block[_VALUE] = [one if one is not None and isfinite(one) else None for one in values]
        block[_ATTRIBUTES] = json_texts(block[_ATTRIBUTES])
        self._blocks.append(block)
        self._count += len(rows)

    def add_records(self, records: Sequence[Record]) -> None:
        """Add rows that were taken from here before."""
        if records:
            self._blocks.append(list(zip(*records, strict=True)))
            self._count += len(records)

    @property
    def days(self) -> set[date]:
        """The days, in UTC, on which they were received."""
        received = [block[_RECEIVED_AT] for block in self._blocks]
        if not received:
            return set()
        ends = {min(map(min, received)).astimezone(UTC).date(), max(map(max, received)).astimezone(UTC).date()}
        return ends if len(ends) == 1 else {one.astimezone(UTC).date() for block in received for one in block}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by table; those of the others are arguments of their queries."""

    signals: Signals | CopiedSignals = field(default_factory=Signals)
    changes: list[Record] = field(default_factory=list)
    checkpoints: list[Record] = field(default_factory=list)
    deliveries: list[Record] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.signals) + len(self.changes) + len(self.checkpoints) + len(self.deliveries)

    def add(self, stream: Stream, record: Record) -> None:
        """Add one row that is no signal."""
        match stream:
            case Stream.CHANGE:
                self.changes.append(record)
            case Stream.CHECKPOINT:
                self.checkpoints.append(record)
            case Stream.DELIVERY:
                self.deliveries.append(record)
            case _:
                raise ValueError(f"the database holds no {stream}")


@dataclass(frozen=True, slots=True)
class Unit:
    """One row and the entry that it comes from. `record` is None if the entry cannot be decoded: `why` says so."""

    entry: Entry
    record: Record | None
    why: str = ""


def rows_of(entries: Iterable[Entry], known: Known | None = None) -> Rows:
    """The rows of these entries; `known` is kept from call to call. Raises ValueError if one cannot be decoded."""
    signals, known = CopiedSignals(), known or Known()
    rows = Rows(signals)
    for entry in entries:
        if entry.stream is Stream.SIGNALS:
            signals.add(entry.body, entry.run_id, known)
        else:
            rows.add(entry.stream, _single(entry))
    return rows


def units_of(entries: Sequence[Entry]) -> list[Unit]:
    """Every row by itself, in order: NUL and lone surrogates become U+FFFD."""
    units: list[Unit] = []
    for entry in entries:
        try:
            if entry.stream is Stream.SIGNALS:
                signals = Signals()
                signals.add([_cleaned_row(row) for row in decode_rows(entry.body)], entry.run_id)
                units += [Unit(entry, record) for record in signals]
            else:
                units.append(Unit(entry, _single(entry, clean=True)))
        except ValueError as error:
            units.append(Unit(entry, None, f"it cannot be decoded: {error}"))
    return units


def joined(units: Iterable[Unit]) -> Rows:
    """The rows of these units."""
    signals = Signals()
    rows = Rows(signals)
    records: list[Record] = []
    for unit in units:
        assert unit.record is not None
        if unit.entry.stream is Stream.SIGNALS:
            records.append(unit.record)
        else:
            rows.add(unit.entry.stream, unit.record)
    signals.add_records(records)
    return rows


def cleaned(value: Any) -> Any:
    """The same plain value; NUL, which PostgreSQL cannot hold, and lone surrogates, which UTF-8 cannot, are U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {cleaned(key): cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    return value


def _single(entry: Entry, clean: bool = False) -> Record:
    body: Any
    match entry.stream:
        case Stream.CHANGE:
            change = decode_change(entry.body)
            if clean:
                plain = cleaned(msgspec.to_builtins(change, builtin_types=(datetime,)))
                change = msgspec.convert(plain, type(change), builtin_types=(datetime,))
            return change_row(change)
        case Stream.CHECKPOINT:
            body = decode_checkpoint(entry.body)
            record: Record = (body.network, body.body, entry.at)
        case Stream.DELIVERY:
            body = decode_delivery(entry.body)
            record = (body.sink, body.incident_id, body.revision, body.outcome, body.why, body.at)
        case _:
            raise ValueError(f"the database holds no {entry.stream}")
    return tuple(cleaned(one) for one in record) if clean else record


def _cleaned_row(row: Row) -> Row:
    subject = Subject(*cleaned(msgspec.structs.astuple(row[1])))
    return (row[0], subject, *row[2:4], cleaned(row[4]), *row[5:7], cleaned(row[7]), cleaned(row[8]))
