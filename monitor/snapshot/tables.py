"""Writes signals as a table, one flat row each: as CSV, and as Parquet if pyarrow is installed.

The columns are those of a signal line, with the subject's fields as columns and the attributes as JSON. Rows are sorted by
received_at, source and seq, so that the same signals give the same bytes in any order of arrival. pandas is imported late.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from monitor.signals import Signal, Subject
from monitor.snapshot.clean import cell, clean, clean_value

if TYPE_CHECKING:
    from pandas import DataFrame

SUBJECT = Subject.__struct_fields__
COLUMNS = ("event_time", "received_at", "kind", "source", "seq", *SUBJECT, "value", "attributes", "link")
NUMBERS = ("seq", "value")

_encode = msgspec.json.Encoder(order="deterministic").encode


def table(signals: Iterable[Signal]) -> DataFrame:
    """The signals as rows, cleaned and in order; text columns hold text or None, `seq` integers, `value` floats."""
    import pandas as pd

    ordered = sorted(signals, key=lambda one: (one.received_at, one.source, one.seq, one.kind, _encode(one)))
    rows = [_row(one) for one in ordered]
    columns: dict[str, Any] = {}
    for index, name in enumerate(COLUMNS):
        values = [row[index] for row in rows]
        dtype = {"seq": "int64", "value": "float64"}.get(name, "object")
        columns[name] = pd.Series(values, dtype=dtype, name=name)
    return pd.DataFrame(columns, columns=list(COLUMNS))


def csv_bytes(frame: DataFrame) -> bytes:
    """The table as CSV (UTF-8, line feeds); text cells are never formulas."""
    safe = frame.copy()
    for name in COLUMNS:
        if name not in NUMBERS:
            safe[name] = [None if one is None else cell(one) for one in frame[name]]
    return safe.to_csv(index=False, lineterminator="\n").encode()


def parquet_bytes(frame: DataFrame) -> bytes | None:
    """The table as Parquet, or None if pyarrow is not installed. One version of pyarrow gives the same bytes each time."""
    if find_spec("pyarrow") is None:
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"seq": pa.int64(), "value": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    columns = pa.table({name: pa.array(list(frame[name]), schema.field(name).type) for name in COLUMNS}, schema=schema)
    into = BytesIO()
    pq.write_table(columns, into, compression="zstd")
    return into.getvalue()


def stamp(at: datetime) -> str:
    """A time as the snapshot writes it: in UTC, always with microseconds, so that text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def attributes_text(signal: Signal) -> str:
    """A signal's attributes as JSON, cleaned, keys in order."""
    return _encode(clean_value(dict(signal.attributes))).decode()


def _row(signal: Signal) -> tuple[Any, ...]:
    subject = (getattr(signal.subject, name) for name in SUBJECT)
    return (
        stamp(signal.event_time),
        stamp(signal.received_at),
        str(signal.kind),
        clean(signal.source),
        signal.seq,
        *(None if one is None else clean(one) for one in subject),
        float(signal.value),
        attributes_text(signal),
        None if signal.link is None else clean(signal.link),
    )
