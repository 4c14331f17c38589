"""Reads a series of times and values from a delimited text file that may come from anybody, within bounds.

The columns are named, or found by what is in them. What cannot be read is counted by name and is never a value.
"""

from __future__ import annotations

import csv
import gzip
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite
from pathlib import Path
from statistics import median

from monitor.errors import OperatorError, nearest

MAX_ROWS = 5_000_000
MAX_LINE = 65_536
MAX_COLUMNS = 1000
SAMPLE = 200
"""Rows by which columns are found."""
DELIMITERS = ",;\t|"
FIRST_S, LAST_S = 315_532_800.0, 4_102_444_800.0
"""Times lie from 1980 to 2100: this tells seconds from milliseconds, microseconds and nanoseconds too."""
UNITS = (1.0, 1e3, 1e6, 1e9)
TIME_NAMES = ("timestamp", "time", "datetime", "date", "ts", "t", "at")
VALUE_NAMES = ("value", "v", "y", "latency", "latency_s", "latency_ms", "count", "response_ms", "rtt", "rtt_ms")
GAP = 10.0
"""A pause of so many usual ones is counted as a gap."""
FORM = "a delimited text file (or .gz) with a column of times and one of numbers"


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A row of the file: its line number, time as written and in unix seconds, and value; None if it cannot be used."""

    line: int
    time_text: str
    at_s: float | None
    value: float | None

    @property
    def usable(self) -> bool:
        """Whether it has both a time and a value."""
        return self.at_s is not None and self.value is not None


@dataclass(slots=True)
class Series:
    """The rows in the order of the file, the columns they come from, and what was found wrong, by name."""

    rows: list[SeriesRow] = field(default_factory=list)
    time_column: str = ""
    value_column: str = ""
    found: Counter[str] = field(default_factory=Counter)

    def in_time(self) -> list[int]:
        """The places of the usable rows in order of time; of rows that repeat time and value, the first."""
        places = sorted(
            (place for place, row in enumerate(self.rows) if row.usable), key=lambda one: self.rows[one].at_s or 0.0
        )
        kept: list[int] = []
        seen: set[float | None] = set()
        for place in places:
            row = self.rows[place]
            if not kept or self.rows[kept[-1]].at_s != row.at_s:
                seen.clear()
            if row.value not in seen:
                seen.add(row.value)
                kept.append(place)
        return kept


def read_series(path: Path, time: str | None = None, value: str | None = None) -> Series:
    """Read a file. `time` and `value` name columns, by header or by number from 1. Raises OperatorError."""
    lines = _lines(path)
    sample = [line for _, line in zip(range(SAMPLE), lines, strict=False)]
    texts = [text for _, text in sample if text is not None]
    if not texts:
        raise OperatorError("FILE", str(path), FORM, "it has no line that can be read")
    delimiter = _delimiter(texts)
    table = [_cells(text, delimiter) for text in texts]
    header = _header(table[0], table[1:], delimiter)
    body = table[1:] if header else table
    time_place = _named("--time", time, header, table) if time else _time_place(body, header, path)
    value_place = (
        _named("--value", value, header, table) if value else _value_place(body, header, time_place, delimiter, path)
    )
    series = Series(time_column=_shown(header, time_place), value_column=_shown(header, value_place))
    skipped = not header
    for number, text in _chain(sample, lines):
        if len(series.rows) >= MAX_ROWS:
            series.found[f"rows beyond {MAX_ROWS:,}"] += 1
            continue
        if not skipped and text is not None:
            skipped = True
            continue
        cells = [] if text is None else _cells(text, delimiter)
        _take(series, number, cells, (time_place, value_place), delimiter)
    _count(series)
    return series


def time_s(text: str) -> float | None:
    """Unix seconds of a time: ISO 8601 (UTC without an offset), or unix seconds, milli-, micro- or nanoseconds; else None."""
    text = text.strip()
    number = number_of(text, ",")
    if number is not None:
        return next((number / unit for unit in UNITS if FIRST_S <= number / unit < LAST_S), None)
    for written in (text, text.replace("/", "-")):
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(written.removesuffix(" UTC"))
            at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
            return at_s if FIRST_S <= at_s < LAST_S else None
    return None


def number_of(text: str, delimiter: str) -> float | None:
    """A finite number; with a decimal comma where the delimiter is none. None for anything else."""
    text = text.strip()
    if delimiter != ",":
        text = text.replace(",", ".")
    with suppress(ValueError):
        number = float(text)
        return number if isfinite(number) and "_" not in text else None
    return None


def _take(series: Series, number: int, cells: Sequence[str], places: tuple[int, int], delimiter: str) -> None:
    time_text = cells[places[0]] if places[0] < len(cells) else ""
    at_s = time_s(time_text)
    value = number_of(cells[places[1]], delimiter) if places[1] < len(cells) else None
    if at_s is None:
        series.found["rows without a time"] += 1
    elif value is None:
        series.found["rows without a number"] += 1
    series.rows.append(SeriesRow(number, time_text, at_s, value))


def _count(series: Series) -> None:
    times = [row.at_s for row in series.rows if row.usable and row.at_s is not None]
    latest = float("-inf")
    for at_s in times:
        series.found["rows out of order"] += at_s < latest
        latest = max(latest, at_s)
    kept = series.in_time()
    series.found["repeated rows"] += len(times) - len(kept)
    ordered = [series.rows[place].at_s or 0.0 for place in kept]
    pauses = [after - before for before, after in pairwise(ordered)]
    usual = median(pauses) if pauses else 0.0
    series.found["gaps"] += sum(one > GAP * usual > 0 for one in pauses)
    series.found = Counter({name: count for name, count in series.found.items() if count})


def _lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Lines with their numbers; None for one that is too long. Blank lines are left out."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # a pipe would be waited for, for ever
            raise OperatorError("FILE", str(path), FORM, "write what comes from a pipe to a file first")
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE)
                    yield number, None
                    continue
                if b"\0" in line:
                    raise OperatorError("FILE", f"{path}:{number}", FORM, "it is no text in UTF-8; convert it first")
                if line.strip():
                    yield number, line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except (EOFError, zlib.error, OSError) as error:
        said = getattr(error, "strerror", None) or f"it is cut off or damaged ({error})"
        raise OperatorError("FILE", str(path), FORM, said) from None


def _chain(
    sample: list[tuple[int, str | None]], rest: Iterator[tuple[int, str | None]]
) -> Iterator[tuple[int, str | None]]:
    yield from sample
    yield from rest


def _delimiter(texts: list[str]) -> str:
    """The one that gives a column of times and leaves most numbers whole: with ; a comma may be a decimal one."""

    def fit(delimiter: str) -> tuple[float, float]:
        rows = [_cells(text, delimiter) for text in texts]
        times = sum(any(time_s(cell) is not None for cell in row) for row in rows)
        numbers = sum(sum(number_of(cell, delimiter) is not None for cell in row) == len(row) - 1 > 0 for row in rows)
        return times, numbers

    return max(DELIMITERS, key=fit)


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])[:MAX_COLUMNS]
    except csv.Error:
        return []


def _header(first: list[str], rest: list[list[str]], delimiter: str) -> list[str]:
    """The names in the first line, or none if it is a row: a header has no number where rows have them, and no time."""
    if any(number_of(cell, delimiter) is not None or time_s(cell) is not None for cell in first):
        return []
    return [cell.strip() for cell in first]


def _named(option: str, given: str, header: list[str], table: list[list[str]]) -> int:
    width = max(len(row) for row in table)
    if given in header:
        return header.index(given)
    if given.isdecimal() and 1 <= int(given) <= width:
        return int(given) - 1
    known = ", ".join(header) if header else f"1 to {width} (there is no header)"
    raise OperatorError(option, given, known, nearest(given, header) if header else "give the number of a column")


def _time_place(body: list[list[str]], header: list[str], path: Path) -> int:
    """The column of times: one with a name for it first, else the leftmost that is nearly all times."""
    places = [place for place in _places(body) if _share(body, place, lambda cell: time_s(cell) is not None) >= 0.8]
    if not places:
        raise OperatorError("--time", str(path), FORM, "no column holds times from 1980 to 2100; name it with --time")
    return min(places, key=lambda one: (_rank(header, one, TIME_NAMES), one))


def _value_place(body: list[list[str]], header: list[str], time_place: int, delimiter: str, path: Path) -> int:
    """The column of values: one with a name for it first, else the leftmost other that holds numbers."""
    places = [
        place
        for place in _places(body)
        if place != time_place and _share(body, place, lambda cell: number_of(cell, delimiter) is not None) >= 0.5
    ]
    if not places:
        raise OperatorError("--value", str(path), FORM, "no other column holds numbers; name it with --value")
    return min(places, key=lambda one: (_rank(header, one, VALUE_NAMES), one))


def _places(body: list[list[str]]) -> range:
    return range(max((len(row) for row in body), default=0))


def _share(body: list[list[str]], place: int, fits: Callable[[str], bool]) -> float:
    cells = [row[place] for row in body if place < len(row) and row[place].strip()]
    return sum(map(bool, map(fits, cells))) / len(cells) if cells else 0.0


def _rank(header: list[str], place: int, names: tuple[str, ...]) -> int:
    name = header[place].lower() if place < len(header) else ""
    return names.index(name) if name in names else len(names)


def _shown(header: list[str], place: int) -> str:
    return header[place] if place < len(header) and header[place] else f"column {place + 1}"
