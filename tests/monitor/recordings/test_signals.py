"""Recordings keep every signal; a broken one is reported with its line; a replay gives the same judgement."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.errors import OperatorError
from monitor.recordings.replay import replay_file
from monitor.recordings.signals import FORMAT, Recording, RecordingWriter, header_of
from monitor.signals import Signal, SignalKind, Subject

T0 = datetime(2026, 11, 1, tzinfo=UTC)


def signals(count: int = 30) -> list[Signal]:
    rows = []
    for second in range(count):
        at = T0 + timedelta(seconds=second)
        rows.append(Signal(SignalKind.TICK, Subject(), at, at, "clock", second + 1, 0.0))
        rows.append(
            Signal(
                SignalKind.LIQUIDATION, Subject(asset="BTC", venue="bybit", instrument="BTCUSDT"), at, at,
                "bybit/liquidation", second + 1, 1000.5, {"side": "long", "price": 60000.0, "quantity": None},
            )
        )  # fmt: skip
    return rows


def written(path: Path, rows: list[Signal]) -> Path:
    with RecordingWriter(path, header_of(CorrelatorSettings(warm_s=7), "eu", "1.2", T0)) as writer:
        writer.signals(rows)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_written_signals_are_read_back_in_order(tmp_path: Path, name: str) -> None:
    again = Recording(written(tmp_path / "deep" / name, signals()))
    header = again.header

    assert list(again) == signals()
    assert (header.format, header.vantage, header.version) == (FORMAT, "eu", "1.2")
    assert header.settings() == CorrelatorSettings(warm_s=7)


def test_a_replay_gives_the_live_digest(tmp_path: Path) -> None:
    live = Correlator(CorrelatorSettings(warm_s=7), vantage="eu")
    for signal in signals():
        live.on_signal(signal)
    live.finish()

    again = replay_file(written(tmp_path / "a.jsonl", signals()))
    list(again.changes())

    assert again.correlator.digest() == live.digest()
    assert again.signals == len(signals())


def test_the_same_recording_can_be_judged_with_other_settings(tmp_path: Path) -> None:
    again = replay_file(written(tmp_path / "a.jsonl", signals()), CorrelatorSettings(warm_s=8))

    assert again.correlator.settings.warm_s == 8


def reading(path: Path) -> str:
    with pytest.raises(OperatorError) as caught:
        list(Recording(path))
    return str(caught.value)


def test_an_empty_file_is_reported_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert "stormwatch record" in reading(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    assert "No such file" in reading(tmp_path / "none.jsonl")


def test_a_truncated_line_is_reported_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", signals())
    path.write_bytes(path.read_bytes()[:-20])
    assert f"a.jsonl:{2 * 30 + 1}" in reading(path)


def test_a_truncated_compressed_file_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl.gz", signals())
    path.write_bytes(path.read_bytes()[:-20])
    assert "cut off" in reading(path)


def test_a_file_with_a_false_compressed_name_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"\x1f\x8bnonsense")
    assert "not usable" in reading(path)


def test_an_unknown_format_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"format": "tape/9"}\n')
    assert "tape/9" in reading(path)


def test_a_text_that_is_no_json_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("hello\n")
    assert "a.jsonl:1" in reading(path)


def test_a_signal_without_time_zone_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", signals(1))
    path.write_bytes(path.read_bytes().replace(b'00:00:00Z"', b'00:00:00"'))
    assert "offset" in reading(path) or "not usable" in reading(path)


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", signals(1))
    path.write_bytes(path.read_bytes() + b"\n\n")
    assert len(list(Recording(path))) == 2


def test_a_file_without_a_header_is_read_with_the_default_settings(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", signals())
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    again = Recording(path)
    header = again.header
    assert list(again) == signals()
    assert header.settings() == CorrelatorSettings()


def test_a_recording_that_holds_a_setting_without_effect_of_an_earlier_version_is_judged(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", signals())
    first, _, rest = path.read_bytes().partition(b"\n")
    header = json.loads(first)
    header["correlator"]["level_short_s"] = 300.0
    path.write_bytes(json.dumps(header).encode() + b"\n" + rest)
    assert Recording(path).header.settings() == Recording(path).settings()
    assert (
        replay_file(path).correlator.digest()
        == replay_file(written(tmp_path / "b.jsonl", signals())).correlator.digest()
    )


def test_unknown_correlator_settings_in_a_header_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'{"format": "stormwatch.signals/1", "correlator": {"warms": 1}}\n')
    with pytest.raises(OperatorError, match="warm_s"):
        replay_file(path)
