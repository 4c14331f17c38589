"""Entries of the log as rows of the tables: fast for whole chunks, careful where the server refused something."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from monitor.log import Checkpoint, Entry, Stream
from monitor.log.codec import encode, encode_signals
from monitor.signals import Signal
from monitor.store import refused_rows
from monitor.store.copy_format import CopiedSignals
from monitor.store.log_rows import Rows, Signals, cleaned, joined, rows_of, units_of
from monitor.store.refused_rows import RefusedRows
from monitor.store.rows import COLUMNS
from tests.monitor.store.copied import copied
from tests.monitor.store.rows import NOON, change, delivery, signal


def entry(stream: Stream, body: bytes, position: int = 1, rows: int = 1) -> Entry:
    """An entry appended at noon."""
    name = f"id-{position}"
    return Entry(position=position, stream=stream, id=name, key="", run_id="run", at=NOON, rows=rows, body=body)


def of_signals(*signals: Signal, position: int = 1) -> Entry:
    """An entry of signals."""
    return entry(Stream.SIGNALS, encode_signals(signals), position, len(signals))


def column(rows: Rows, name: str) -> list[object]:
    """One column of the signals that were taken the careful way."""
    assert isinstance(rows.signals, Signals)
    return [row[COLUMNS.index(name)] for row in rows.signals]


def test_each_stream_has_its_own_rows() -> None:
    rows = rows_of(
        [
            of_signals(signal(1), signal(2)),
            entry(Stream.CHANGE, encode(change()), 2),
            entry(Stream.CHECKPOINT, encode(Checkpoint("ethereum", b"\x00\xff")), 3),
            entry(Stream.DELIVERY, encode(delivery(revision=4)), 4),
            of_signals(signal(3), position=5),
        ]
    )
    assert isinstance(rows.signals, CopiedSignals)
    fields = copied(rows.signals)
    assert [int.from_bytes(row[COLUMNS.index("seq")] or b"") for row in fields] == [1, 2, 3]
    assert [row[COLUMNS.index("run_id")] for row in fields] == [b"run"] * 3
    assert [row[:2] for row in rows.changes] == [("i-1", 1)]
    assert rows.checkpoints == [("ethereum", b"\x00\xff", NOON)]
    assert rows.deliveries == [("webhook", "i-1", 4, "delivered", "", NOON)]
    assert len(rows) == 6


def test_no_entries_are_no_rows() -> None:
    assert len(rows_of([])) == 0
    assert rows_of([of_signals()]).signals.days == set()


@pytest.mark.parametrize("stream", [Stream.SIGNALS, Stream.CHANGE, Stream.CHECKPOINT, Stream.DELIVERY])
def test_an_entry_that_cannot_be_decoded_is_a_unit_without_a_row_among_the_others(stream: Stream) -> None:
    entries = [of_signals(signal(1)), entry(stream, b"junk", 2), of_signals(signal(2), position=3)]
    with pytest.raises(ValueError, match=r"."):
        rows_of(entries)
    first, bad, last = units_of(entries)
    assert (bad.record, bad.entry.position) == (None, 2)
    assert bad.why.startswith("it cannot be decoded")
    assert column(joined([first, last]), "seq") == [1, 2]


def test_an_image_is_nothing_for_the_database() -> None:
    with pytest.raises(ValueError, match="image"):
        rows_of([entry(Stream.IMAGE, b"")])


def test_units_are_the_same_rows_cleaned_of_what_cannot_be_stored() -> None:
    entries = [
        of_signals(signal(1, asset="B\x00C", attributes={"ti\x00tle": "a\x00b", "n": 1}), signal(2)),
        entry(Stream.CHANGE, encode(change(headline="half\x00")), 2),
        entry(Stream.CHECKPOINT, encode(Checkpoint("eth\x00", b"\x00\xff")), 3),
        entry(Stream.DELIVERY, encode(delivery(sink="a\x00")), 4),
    ]
    rows = joined(units_of(entries))
    assert column(rows, "asset") == ["B\ufffdC", "BTC"]
    assert column(rows, "attributes")[0] == '{"ti\ufffdtle":"a\ufffdb","n":1}'
    assert rows.changes[0][9] == "half\ufffd"
    assert "\x00" not in rows.changes[0][10]
    assert rows.checkpoints == [("eth\ufffd", b"\x00\xff", NOON)]
    assert rows.deliveries[0][0] == "a\ufffd"
    clean = [of_signals(signal(1), signal(2)), entry(Stream.CHANGE, encode(change()), 2)]
    assert column(joined(units_of(clean)), "seq") == [1, 2]
    assert len(rows_of(clean).signals) == 2
    assert joined(units_of(clean)).changes == rows_of(clean).changes


def test_cleaning_replaces_lone_surrogates_too() -> None:
    assert cleaned("X\ud800") == "X\ufffd\ufffd\ufffd"
    assert cleaned({"a\x00": ["\x00", 1]}) == {"a\ufffd": ["\ufffd", 1]}


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ((0, 11), {date(2026, 3, 1)}),
        ((0, 12), {date(2026, 3, 1), date(2026, 3, 2)}),
        ((0, 60), {date(2026, 3, 1), date(2026, 3, 4)}),
    ],
)
def test_the_days_of_signals_are_those_on_which_one_was_received(hours: Sequence[int], days: set[date]) -> None:
    signals = [signal(hour, at=NOON + timedelta(hours=hour)) for hour in hours]
    assert rows_of([of_signals(*signals)]).signals.days == days


def test_a_day_is_one_in_utc() -> None:
    rows = Signals()
    assert rows.days == set()
    assert rows_of([of_signals(signal(1, at=datetime(2026, 3, 1, tzinfo=UTC)))]).signals.days == {date(2026, 3, 1)}


def test_a_refused_row_that_is_put_twice_is_kept_once(tmp_path: Path) -> None:
    refused = RefusedRows(tmp_path / "refused", "log-1")
    units = units_of([of_signals(signal(1), signal(2), position=7), entry(Stream.CHANGE, b"junk", 8)])
    refused.put(units)
    refused.put(units)
    signals, changes = sorted((tmp_path / "refused").iterdir())
    assert (signals.name, changes.name) == ("log-1-7.jsonl", "log-1-8.jsonl")
    assert len(signals.read_text().splitlines()) == 2
    assert b"junk".hex() in changes.read_text()
    assert refused.lost == 0


def test_a_full_folder_of_refused_rows_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refused_rows, "MAX_FILES", 1)
    refused = RefusedRows(tmp_path, "log-1")
    with caplog.at_level(logging.ERROR):
        refused.put(units_of([of_signals(signal(1), position=1), of_signals(signal(2), signal(3), position=2)]))
    assert [path.name for path in tmp_path.iterdir()] == ["log-1-1.jsonl"]
    assert refused.lost == 2
    assert "2 rows that the database refused" in caplog.text
    assert "are lost" in caplog.text


def test_a_folder_that_cannot_be_written_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = RefusedRows(tmp_path / "file", "log-1")
    refused.put(units_of([of_signals(signal(1))]))
    assert refused.lost == 1
