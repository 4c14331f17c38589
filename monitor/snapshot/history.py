"""Writes history of any length as CSV or Parquet, a chunk of rows at a time, so that memory stays bounded.

Each kind of history is a table with typed columns. Texts are cleaned as in a snapshot, and no cell of a CSV is a formula. pandas
and pyarrow are imported late. A file appears under its name only when it is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from monitor.errors import OperatorError
from monitor.snapshot.clean import cell
from monitor.snapshot.tables import stamp

if TYPE_CHECKING:
    from pandas import DataFrame
    from pyarrow import Schema

CHUNK_ROWS = 20_000
"""How many rows are in memory at once."""

One = TypeVar("One")
Row = Sequence[Any]


class Kind(StrEnum):
    """What a column holds; each may hold None, which is an empty cell or null."""

    TIME = "time"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"


class Format(StrEnum):
    """The formats of a file."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Table(Generic[One]):
    """A kind of history: its columns, and the row of one item. Times are aware, texts are cleaned."""

    columns: tuple[tuple[str, Kind], ...]
    row: Callable[[One], Row]


class _Writer(Protocol):
    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class _Csv:
    """CSV (RFC 4180 but for line feeds) in UTF-8. Times as RFC 3339 in UTC with microseconds."""

    def __init__(self, columns: Sequence[tuple[str, Kind]], into: IO[bytes]) -> None:
        self._columns = columns
        self._into = into
        into.write((",".join(name for name, _ in columns) + "\n").encode())

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        frame = frame_of(rows, self._columns)
        for name, kind in self._columns:
            if kind is Kind.TEXT:
                frame[name] = [None if one is None else _cell(one) for one in frame[name]]
            elif kind is Kind.TIME:
                frame[name] = [None if one is None else stamp(one) for one in frame[name]]
        self._into.write(frame.to_csv(index=False, header=False, lineterminator="\n").encode())

    def close(self) -> None:
        """Nothing is held back."""


class _Parquet:
    """Parquet, compressed with zstd, a row group for each chunk. Times are microseconds in UTC."""

    def __init__(self, columns: Sequence[tuple[str, Kind]], into: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        self._columns = columns
        self._schema = _schema(columns)
        self._writer = pq.ParquetWriter(into, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        import pyarrow as pa

        frame = frame_of(rows, self._columns)
        self._writer.write_table(pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False))

    def close(self) -> None:
        """Write what follows the row groups."""
        self._writer.close()


def frame_of(rows: Sequence[Row], columns: Sequence[tuple[str, Kind]]) -> DataFrame:
    """The rows as a frame: integers and flags that may be absent, floats, and objects for times and texts."""
    import pandas as pd

    dtypes = {Kind.INTEGER: "Int64", Kind.NUMBER: "float64", Kind.FLAG: "boolean"}
    return pd.DataFrame(
        {
            name: pd.Series([row[index] for row in rows], dtype=dtypes.get(kind, "object"), name=name)
            for index, (name, kind) in enumerate(columns)
        }
    )


def format_of(given: str, out: Path) -> Format:
    """The format that was asked for, else by the file's suffix. Raises OperatorError, also where pyarrow is missing."""
    text = given or out.suffix.removeprefix(".").lower() or Format.CSV
    if text not in tuple(Format):
        key = "--format" if given else "--out"
        raise OperatorError(
            key, given or str(out), "csv or parquet", "name it, or end the file's name with .csv or .parquet"
        )
    if text == Format.PARQUET and find_spec("pyarrow") is None:
        remedy = "install it with pip install 'stormwatch[parquet]', or take csv"
        raise OperatorError("--format", Format.PARQUET, "csv, or parquet with pyarrow installed", remedy)
    return Format(text)


async def write(
    items: AsyncIterator[One], table: Table[One], into: IO[bytes], how: Format, on_rows: Callable[[int], None]
) -> int:
    """Write the items as rows; returns how many. `on_rows` is called after each chunk with how many there are so far."""
    with _as_operators_errors(getattr(into, "name", "-")):
        writer: _Writer = await asyncio.to_thread(_Csv if how is Format.CSV else _Parquet, table.columns, into)
    written = 0
    rows: list[Row] = []
    async for one in items:
        rows.append(table.row(one))
        if len(rows) == CHUNK_ROWS:
            with _as_operators_errors(getattr(into, "name", "-")):
                await asyncio.to_thread(writer.write, rows)
            written += len(rows)
            rows = []
            on_rows(written)
    with _as_operators_errors(getattr(into, "name", "-")):
        if rows:
            await asyncio.to_thread(writer.write, rows)
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(into.flush)
    return written + len(rows)


async def write_file(
    items: AsyncIterator[One], table: Table[One], out: Path, how: Format, on_rows: Callable[[int], None]
) -> int:
    """Write a new file; nothing is left behind if it fails. Raises OperatorError if it exists or cannot be written."""
    part = out.with_name(f".{out.name}.part")
    into = await asyncio.to_thread(_new, out, part)
    try:
        with into:
            written = await write(items, table, into, how, on_rows)
        with _as_operators_errors(str(out)):
            await asyncio.to_thread(part.replace, out)
    finally:
        part.unlink(missing_ok=True)
    return written


def _new(out: Path, part: Path) -> IO[bytes]:
    with _as_operators_errors(str(out)):
        if out.exists():
            remedy = "remove it, or give another name"
            raise OperatorError("--out", str(out), "a file that does not exist yet", remedy)
        return part.open("wb")


@contextmanager
def _as_operators_errors(name: str) -> Iterator[None]:
    """A file that cannot be written is the operator's; a reader of our stdout that goes away is not."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        remedy = error.strerror or type(error).__name__
        raise OperatorError("--out", name, "a file in a folder that can be written", remedy) from None


_cell = lru_cache(maxsize=8192)(cell)  # sources and subjects repeat by the hundred thousand


def _schema(columns: Sequence[tuple[str, Kind]]) -> Schema:
    import pyarrow as pa

    kinds = {
        Kind.TIME: pa.timestamp("us", tz="UTC"),
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in columns])


def utc(at: datetime) -> datetime:
    """The time in UTC, as columns of times hold it."""
    return at.astimezone(UTC)
