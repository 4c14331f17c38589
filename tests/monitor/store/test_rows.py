"""A signal or a change as a row and back: every field in its column, nothing that PostgreSQL or JSON cannot store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, isnan, nan
from typing import Any

import msgspec
import pytest

from monitor.log.change_json import decode_change, encode_change
from monitor.log.codec import decode_rows, encode_signals
from monitor.signals import Signal, SignalKind, Subject
from monitor.store.log_rows import Signals
from monitor.store.queries import parse
from monitor.store.rows import COLUMNS, change_row, signal_of_row
from tests.monitor.store.rows import NOON, change

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


def signal_rows(signals: Sequence[Signal], run_id: str) -> list[tuple[Any, ...]]:
    """The rows of signals that went through the log."""
    rows = Signals()
    rows.add(decode_rows(encode_signals(signals)), run_id)
    return list(rows)


def test_each_field_of_a_signal_has_its_own_column() -> None:
    (row,) = signal_rows([WHOLE], "run-1")
    assert dict(zip(COLUMNS, row, strict=True)) == {
        "kind": "book", "asset": "BTC", "venue": "bybit", "instrument": "BTCUSDT", "network": "ethereum",
        "contract": "0xc", "pool": "0xp", "vantage": "home", "event_time": WHOLE.event_time, "received_at": NOON,
        "source": "bybit/book_ws", "seq": 42, "value": 1.5,
        "attributes": '{"state":"ok","mid":50000.0,"n":3,"cold":false,"none":null}', "link": "a:b", "run_id": "run-1",
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


def test_queries_are_named_and_a_duplicate_name_is_refused() -> None:
    assert parse("-- name: a\nselect 1\n-- name: b\n\nselect 2\n") == {"a": "select 1", "b": "select 2"}
    with pytest.raises(ValueError, match="'a'"):
        parse("-- name: a\nselect 1\n-- name: a\nselect 2\n")
