"""History goes to CSV and Parquet in chunks: typed, safe in a spreadsheet, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta, timezone
from io import BytesIO
from math import isnan, nan
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pytest

from monitor.errors import OperatorError
from monitor.incidents import LEVEL_NAMES
from monitor.log import DeliveryResult
from monitor.snapshot import history
from monitor.snapshot.history import Format, Table, format_of, write, write_file
from monitor.snapshot.history_tables import DELIVERIES, INCIDENTS, SIGNALS
from tests.monitor.alerting.sinks.changes import change as storm
from tests.monitor.store.rows import NOON, change, delivery, signal

One = TypeVar("One")


async def each(items: Iterable[One]) -> AsyncIterator[One]:
    for one in items:
        yield one


async def written(items: Iterable[One], table: Table[One], how: Format) -> tuple[bytes, list[int]]:
    into, seen = BytesIO(), list[int]()
    await write(each(items), table, into, how, seen.append)
    return into.getvalue(), seen


async def test_signals_are_read_back_by_pandas_from_both_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CHUNK_ROWS", 2)
    given = [signal(1), signal(2, asset=None, value=nan), signal(3, attributes={"b": 1, "a": "x"})]

    csv, seen = await written(given, SIGNALS, Format.CSV)
    parquet, _ = await written(given, SIGNALS, Format.PARQUET)
    from_csv = pd.read_csv(BytesIO(csv), parse_dates=["received_at", "event_time"])
    from_parquet = pd.read_parquet(BytesIO(parquet))

    assert seen == [2]  # a chunk at a time
    assert list(from_csv.columns) == list(from_parquet.columns) == [name for name, _ in SIGNALS.columns]
    for frame in (from_csv, from_parquet):
        assert list(frame["seq"]) == [1, 2, 3]
        assert list(frame["received_at"]) == [one.received_at for one in given]
        assert isnan(frame["value"][1])
        assert pd.isna(frame["asset"][1])
        assert frame["attributes"][2] == '{"a":"x","b":1}'


async def test_a_change_has_its_figures_in_columns_and_what_is_unknown_is_empty() -> None:
    seen = replace(storm(), exit=None)
    (parquet, _) = await written([seen, change(far_per_day=0.25)], INCIDENTS, Format.PARQUET)
    frame = pd.read_parquet(BytesIO(parquet))

    assert list(frame["scope"]) == ["asset:BTC", "asset:BTC"]
    assert list(frame["peak"]) == [LEVEL_NAMES[seen.peak], "squall"]
    assert seen.verdict is not None
    assert frame["confidence_storm"][0] == seen.verdict.p_lo
    assert frame["liquidation_state"][0] == str(
        next(one.state for one in seen.verdict.legs if one.leg == "liquidation")
    )
    assert frame["pages"].tolist() == [True, False]
    assert frame["evidence"].tolist() == [len(seen.evidence), 1]
    for name in ("confidence_storm", "liquidation_coverage", "exit_usd_1pct_1min"):
        assert pd.isna(frame[name][1])


async def test_no_cell_of_a_csv_is_a_formula_or_steers_a_terminal_and_secrets_are_hidden() -> None:
    hostile = replace(
        change(headline='=HYPERLINK("http://x","y"),\x1b[31m'), scope="asset:@SUM(A1)", instance="+1", vantage="-2\r\n"
    )
    results = [replace(delivery(), sink="=desk", why="token=hunter2")]
    changes, _ = await written([hostile], INCIDENTS, Format.CSV)
    deliveries, _ = await written(results, DELIVERIES, Format.CSV)

    (row,) = pd.read_csv(BytesIO(changes), dtype=str).to_dict("records")
    assert row["headline"].startswith("'=HYPERLINK")
    assert (row["instance"], row["vantage"][:3]) == ("'+1", "'-2")
    assert b"\x1b" not in changes
    assert changes.count(b"\n") == 2
    assert b"hunter2" not in deliveries
    assert b",'=desk," in deliveries


async def test_times_of_another_zone_are_written_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    csv, _ = await written([delivery(at=there)], DELIVERIES, Format.CSV)

    assert csv.decode().splitlines()[1].startswith("2026-03-01T12:00:00.000000Z,webhook,i-1,1,delivered,")


@pytest.mark.parametrize("how", list(Format))
async def test_nothing_to_write_is_a_file_with_columns_alone(how: Format) -> None:
    written_bytes, seen = await written([], DELIVERIES, how)
    read = pd.read_csv(BytesIO(written_bytes)) if how is Format.CSV else pd.read_parquet(BytesIO(written_bytes))

    assert (list(read.columns)[:3], len(read), seen) == (["at", "sink", "incident_id"], 0, [])


def test_a_file_is_whole_or_absent_and_none_is_overwritten(tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[DeliveryResult]:
        yield delivery()
        raise ConnectionError("the database is away")

    def write_to(out: Path, items: AsyncIterator[DeliveryResult]) -> int:
        return asyncio.run(write_file(items, DELIVERIES, out, Format.CSV, lambda _rows: None))

    out = tmp_path / "out.csv"
    with pytest.raises(ConnectionError):  # not a fault of the file
        write_to(out, breaks())
    assert list(tmp_path.iterdir()) == []
    assert write_to(out, each([delivery()])) == 1
    with pytest.raises(OperatorError, match="does not exist yet"):
        write_to(out, each([delivery()]))
    with pytest.raises(OperatorError, match="No such file"):
        write_to(tmp_path / "no" / "x.csv", each([delivery()]))
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_a_full_disk_is_said_with_the_file() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OperatorError, match="No space left"):
        asyncio.run(write(each([delivery()]), DELIVERIES, full, Format.CSV, lambda _rows: None))


def test_the_format_follows_the_name_unless_it_is_given() -> None:
    assert format_of("", Path("a.PARQUET")) is Format.PARQUET
    assert format_of("", Path("-")) is Format.CSV
    assert format_of("csv", Path("a.parquet")) is Format.CSV
    for given, out, key in (("xlsx", "a.csv", "--format"), ("", "a.xlsx", "--out")):
        with pytest.raises(OperatorError) as caught:
            format_of(given, Path(out))
        assert caught.value.key == key


def test_parquet_without_pyarrow_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "find_spec", lambda _name: None)
    with pytest.raises(OperatorError, match=r"stormwatch\[parquet\]"):
        format_of("parquet", Path("a.parquet"))
