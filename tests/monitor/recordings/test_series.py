"""Series from files of strangers: columns are found or named, what cannot be read is counted, and never more than bounded."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.recordings import series as module
from monitor.recordings.series import read_series, time_s


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("2024-01-01T00:00:00Z", 1704067200.0),
        ("2024-01-01 00:00:00", 1704067200.0),
        ("2024-01-01 00:00:00.500000", 1704067200.5),
        ("2024-01-01 02:00:00+02:00", 1704067200.0),
        ("2024/01/01 00:00", 1704067200.0),
        ("2024-01-01 00:00:00 UTC", 1704067200.0),
        ("1704067200", 1704067200.0),
        ("1704067200.25", 1704067200.25),
        ("1704067200000", 1704067200.0),
        ("1704067200000000", 1704067200.0),
        ("1704067200000000000", 1704067200.0),
        ("1704067200,5", None),
        ("5", None),
        ("1900-01-01", None),
        ("2500-01-01", None),
        ("noon", None),
        ("", None),
    ],
)
def test_times_are_iso_or_unix_of_any_unit(text: str, at_s: float | None) -> None:
    assert time_s(text) == at_s


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("timestamp,value\n2024-01-01,5\n2024-01-02,6\n", ("timestamp", "value")),
        ("venue,value,when\ngate,5,2024-01-01\ngate,6,2024-01-02\n", ("when", "value")),
        ("a,b,latency_ms,time\n1,2,5,1704067200\n1,2,6,1704153600\n", ("time", "latency_ms")),
        ("1704067200,5\n1704153600,6\n", ("column 1", "column 2")),
        ("5\t1704067200\n6\t1704153600\n", ("column 2", "column 1")),
        ("\ufeffZeit;Wert\n2024-01-01;5,0\n2024-01-02;6,0\n", ("Zeit", "Wert")),
        ("t|y\r\n2024-01-01|5\r\n2024-01-02|6\r\n", ("t", "y")),
        ('"t","y"\n"2024-01-01","5"\n"2024-01-02","6"\n', ("t", "y")),
    ],
)
def test_columns_are_found_by_what_is_in_them(tmp_path: Path, text: str, columns: tuple[str, str]) -> None:
    series = read_series(written(tmp_path, text))
    assert (series.time_column, series.value_column) == columns
    assert [(row.at_s, row.value) for row in series.rows] == [(1704067200.0, 5.0), (1704153600.0, 6.0)]
    assert not series.found


def test_columns_can_be_named_by_header_or_number(tmp_path: Path) -> None:
    path = written(tmp_path, "sent,got,a,b\n2024-01-01,2024-01-02,1,2\n")
    assert read_series(path, "got", "b").rows[0].value == 2
    assert read_series(path, "2", "3").rows[0].at_s == 1704153600.0


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "no line"),
        ("\n\n", {}, "no line"),
        ("a,b\nx,y\n", {}, "--time"),
        ("5\n6\n", {}, "--time"),
        ("t,b\n2024-01-01,y\n", {}, "--value"),
        ("time,lag\n2024-01-01,1\n", {"value": "lat"}, "time, lag"),
        ("2024-01-01,1\n", {"time": "3"}, "1 to 2"),
        (b"\xff\xfet\x00", {}, "UTF-8"),
        (b"\x1f\x8b\x08broken", {}, "cut off or damaged"),
    ],
)
def test_a_file_that_is_no_series_is_the_operators_mistake(
    tmp_path: Path, text: str | bytes, options: dict[str, str], said: str
) -> None:
    with pytest.raises(OperatorError, match=said):
        read_series(written(tmp_path, text), **options)


def test_a_folder_a_pipe_and_nothing_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", Path("/dev/null")):
        with pytest.raises(OperatorError, match="FILE"):
            read_series(path)


def test_what_cannot_be_used_is_counted_by_name_and_keeps_its_place(tmp_path: Path) -> None:
    rows = [f"{1704067200 + 60 * step},{step}" for step in range(40)]
    rows += [
        "1704067200,NaN",
        "1704067260,",
        "x,5",
        "1704067320,inf",
        "1704067380",
        "1704067200,0",
        "1704999999,7",
        "y" * 70_000,
    ]
    series = read_series(written(tmp_path, "\n".join(["time,value", *rows]) + "\n"))
    assert len(series.rows) == 48
    assert series.found == {
        "rows without a number": 4, "rows without a time": 2, "rows out of order": 1, "repeated rows": 1, "gaps": 1,
    }  # fmt: skip
    assert series.in_time() == [*range(40), 46]


def test_rows_of_one_time_with_other_values_are_all_kept_and_order_is_made_good(tmp_path: Path) -> None:
    text = "time,value\n1704067300,3\n1704067200,1\n1704067300,4\n1704067300,3\n"
    series = read_series(written(tmp_path, text))
    assert [series.rows[place].value for place in series.in_time()] == [1, 3, 4]


def test_gzip_is_read_and_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    path = tmp_path / "series.csv.gz"
    path.write_bytes(gzip.compress(b"2024-01-01,5\n2024-01-02,6\n2024-01-03,7\n"))
    series = read_series(path)
    assert len(series.rows) == 2
    assert series.found == {"rows beyond 2": 1}
