"""A batch as a line, a row and back: every field in its column, nothing that PostgreSQL or JSON cannot store."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, isnan, nan

import msgspec
import pytest

from monitor.log.change_json import decode_change, encode_change
from monitor.signals import Signal, SignalKind, Subject
from monitor.store import batch as batches
from monitor.store.batch import cleaned
from monitor.store.queries import parse
from monitor.store.rows import COLUMNS, change_row, signal_of_row, signal_rows
from tests.monitor.store.rows import NOON, batch, change, signal

WHOLE = Signal(
    kind=SignalKind.BOOK,
    subject=Subject("BTC", "bybit", "BTCUSDT", "ethereum", "0xc", "0xp", "home"),
    event_time=datetime(2026, 3, 1, 11, 59, 59, 1, tzinfo=UTC),
    received_at=NOON,
    source="bybit/book_ws",
    seq=42,
    value=1.5,
    attributes={"state": "ok", "mid": 50_000.0, "n": 3, "cold": False, "none": None},
    link="a:b",
)


def test_each_field_of_a_signal_has_its_own_column() -> None:
    (row,) = signal_rows([WHOLE], "run-1")
    assert dict(zip(COLUMNS, row, strict=True)) == {
        "kind": "book", "asset": "BTC", "venue": "bybit", "instrument": "BTCUSDT", "network": "ethereum",
        "contract": "0xc", "pool": "0xp", "vantage": "home", "event_time": WHOLE.event_time, "received_at": NOON,
        "source": "bybit/book_ws", "seq": 42, "link": "a:b", "value": 1.5,
        "attributes": '{"state":"ok","mid":50000.0,"n":3,"cold":false,"none":null}', "run_id": "run-1",
    }  # fmt: skip


def test_a_row_of_the_signals_query_is_read_back_as_the_signal() -> None:
    row = (
        "book", "BTC", "bybit", "BTCUSDT", "ethereum", "0xc", "0xp", "home", WHOLE.event_time, NOON, "bybit/book_ws",
        42, 1.5, '{"state":"ok","mid":50000.0,"n":3,"cold":false,"none":null}', "a:b",
    )  # fmt: skip
    assert signal_of_row(row) == WHOLE
    assert isnan(signal_of_row((*row[:12], None, *row[13:])).value)


@pytest.mark.parametrize("values", [(nan, 1.0), (1.0, inf), (-inf, inf), (1e308, 1e308)])
def test_only_values_that_are_not_finite_become_null(values: tuple[float, float]) -> None:
    rows = signal_rows([msgspec.structs.replace(WHOLE, value=value) for value in values], "run")
    expected = [value if abs(value) < inf else None for value in values]
    assert [row[COLUMNS.index("value")] for row in rows] == expected


def test_no_signals_give_no_rows() -> None:
    assert signal_rows([], "run") == []


def test_a_change_is_a_row_of_its_fields_and_its_complete_body() -> None:
    one = replace(change(revision=3), critical=True)
    row = change_row(one)
    assert row[:10] == ("i-1", 3, "asset:BTC", "raised", "open", one.at, one.opened_at, 2, 2, "BTC: squall")
    body = json.loads(row[10])
    assert (body["incident_id"], body["revision"], body["critical"], body["fault"]) == ("i-1", 3, True, "venue")
    assert decode_change(row[10]) == one


def test_a_rate_that_is_no_number_is_read_back_as_nan_where_a_number_is_required() -> None:
    back = decode_change(encode_change(change(far_per_day=nan)))
    assert isnan(back.far_per_day)
    assert isnan(back.evidence[0].far_per_day)
    assert back.evidence[0].normal == 0.01
    assert back.parent_id is None


def test_a_body_that_is_no_change_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"incident_id|missing"):
        decode_change(b'{"scope": "asset:BTC"}')


def test_a_line_contains_the_batch_with_its_name_number_and_time() -> None:
    line = json.loads(batches.encode(batch(7, WHOLE, run_id="run-1", checkpoints={"ethereum": b"\x01"})))
    assert (line["run_id"], line["number"], line["cut_at"]) == ("run-1", 7, "2026-03-01T12:00:07Z")
    assert line["checkpoints"] == {"ethereum": "AQ=="}
    assert line["signals"] == [
        ["book", "BTC", "bybit", "BTCUSDT", "ethereum", "0xc", "0xp", "home", "2026-03-01T11:59:59.000001Z",
         "2026-03-01T12:00:00Z", "bybit/book_ws", 42, 1.5, WHOLE.attributes, "a:b"]
    ]  # fmt: skip


@pytest.mark.parametrize("count", [(0, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 1), (2, 3, 1)])
def test_a_batch_counts_all_its_rows(count: tuple[int, int, int]) -> None:
    signals, changes, checkpoints = count
    one = batch(
        1, *(signal(seq) for seq in range(signals)), changes=tuple(change(revision=n + 1) for n in range(changes)),
        checkpoints={f"n{n}": b"" for n in range(checkpoints)},
    )  # fmt: skip
    assert one.rows == sum(count)


def test_cleaning_replaces_only_the_characters_that_cannot_be_stored() -> None:
    dirty = batch(
        1, msgspec.structs.replace(WHOLE, attributes={"ti\x00tle": "a\x00b", "n": 1}), signal(2, asset="X\ud800"),
        changes=(change(headline="half \ud83d"),), checkpoints={"ethereum": b"\x00\xff"},
    )  # fmt: skip
    clean = cleaned(dirty)
    assert clean.signals[0] == msgspec.structs.replace(WHOLE, attributes={"ti\ufffdtle": "a\ufffdb", "n": 1})
    assert clean.signals[1].subject.asset == "X\ufffd\ufffd\ufffd"
    assert clean.changes[0].headline == "half \ufffd\ufffd\ufffd"
    assert clean.changes[0].evidence == change().evidence
    assert clean.checkpoints == {"ethereum": b"\x00\xff"}
    assert (clean.run_id, clean.number, clean.cut_at) == (dirty.run_id, dirty.number, dirty.cut_at)
    whole = batch(1, WHOLE, changes=(change(),))
    assert cleaned(whole) == whole


def test_queries_are_named_and_a_duplicate_name_is_refused() -> None:
    assert parse("-- name: a\nselect 1\n-- name: b\n\nselect 2\n") == {"a": "select 1", "b": "select 2"}
    with pytest.raises(ValueError, match="'a'"):
        parse("-- name: a\nselect 1\n-- name: a\nselect 2\n")
