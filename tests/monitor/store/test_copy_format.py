"""Signals as the bytes of a COPY: what PostgreSQL reads from them is what the careful way writes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import inf, nan

import asyncpg
import msgspec
import pytest

from monitor.log.codec import encode_signals
from monitor.signals import Signal, Subject
from monitor.store import copy_format
from monitor.store.copy_format import CopiedSignals, Known
from monitor.store.postgres import PostgresStore
from monitor.store.rows import COLUMNS
from tests.monitor.store.copied import copied
from tests.monitor.store.rows import NOON, signal

SIGNALS = [
    signal(1),
    signal(2, value=nan),
    signal(3, value=-inf),
    signal(4, asset=None, attributes={}),
    signal(5, asset="ΩΩ", attributes={"said": 'a "quoted" ü', "n": 1, "x": None, "not finite": nan, "b": True}),
    signal(6, at=datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)),
    signal(7, at=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    msgspec.structs.replace(signal(-(2**63), at=NOON), link=None, event_time=NOON),
    signal(2**63 - 1, at=NOON, value=5e-324),
]


def of(*signals: Signal, known: Known | None = None) -> CopiedSignals:
    """The rows of one entry."""
    rows = CopiedSignals()
    rows.add(encode_signals(signals), "run", known or Known())
    return rows


async def test_postgresql_reads_exactly_what_was_signalled(store: PostgresStore, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("create temporary table target (like signals)")
        await connection.copy_to_table("target", source=of(*SIGNALS).copy(), columns=COLUMNS, format="binary")
        found = await connection.fetch(f"select {', '.join(COLUMNS)} from target")
    finally:
        await connection.close()
    for row, sent in zip(found, SIGNALS, strict=True):
        assert tuple(row[:8]) == (sent.kind, *msgspec.structs.astuple(sent.subject))
        assert (row["event_time"], row["received_at"]) == (sent.event_time, sent.received_at)
        finite = sent.value == sent.value and abs(sent.value) != inf
        assert (row["source"], row["seq"], row["value"]) == (sent.source, sent.seq, sent.value if finite else None)
        expected = {key: None if one != one else one for key, one in sent.attributes.items()}
        assert msgspec.json.decode(row["attributes"]) == expected
        assert (row["link"], row["run_id"]) == (sent.link, "run")


def test_rows_of_several_entries_follow_each_other_and_their_days_are_those_of_all() -> None:
    rows, known = CopiedSignals(), Known()
    assert (len(rows), rows.days, copied(rows)) == (0, set(), [])
    for seq, days in ((1, 0), (2, 3), (3, 0)):
        rows.add(encode_signals([signal(seq, at=NOON + timedelta(days=days))]), "run", known)
    rows.add(encode_signals([]), "run", known)
    assert [int.from_bytes(row[COLUMNS.index("seq")] or b"") for row in copied(rows)] == [1, 2, 3]
    assert rows.days == {date(2026, 3, 1), date(2026, 3, 4)}


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ((0, 11), {date(2026, 3, 1)}),
        ((0, 12), {date(2026, 3, 1), date(2026, 3, 2)}),
        ((0, 60), {date(2026, 3, 1), date(2026, 3, 4)}),
    ],
)
def test_the_days_of_an_entry_are_those_on_which_a_signal_was_received(hours: tuple[int, int], days: set[date]) -> None:
    assert of(*(signal(hour, at=NOON + timedelta(hours=hour)) for hour in hours)).days == days


def test_a_number_that_fits_no_column_is_an_error_of_the_row_and_leaves_nothing() -> None:
    rows = of(signal(1))
    with pytest.raises(ValueError, match=r"."):
        rows.add(encode_signals([signal(2), signal(2**63, at=NOON)]), "run", Known())
    assert len(rows) == len(copied(rows)) == 1


def test_bytes_that_are_no_signals_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"."):
        CopiedSignals().add(b"junk", "run", Known())


def test_what_is_kept_of_the_past_is_bounded_and_changes_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_format, "CACHED", 3)
    known = Known()
    many = [
        Signal(one.kind, Subject(asset=f"A{seq % 5}"), NOON, NOON, f"s{seq % 5}", seq, 1.0, {"n": seq % 5})
        for seq, one in enumerate([signal(1)] * 20)
    ]
    rows = copied(of(*many, known=known))
    assert max(len(known.heads), len(known.sources), len(known.attributes)) <= 3
    assert [row[COLUMNS.index("asset")] for row in rows] == [f"A{seq % 5}".encode() for seq in range(20)]
    assert [row[COLUMNS.index("source")] for row in rows] == [f"s{seq % 5}".encode() for seq in range(20)]
    assert [row[COLUMNS.index("attributes")] for row in rows] == [b'\x01{"n":%d}' % (seq % 5) for seq in range(20)]
