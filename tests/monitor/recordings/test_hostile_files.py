"""Files that somebody else wrote: each fault is one line with file, line, what is allowed and the remedy; exit code 2."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.recordings import lines
from monitor.recordings.lines import Holes, check_time

SIGNALS, FRAMES = "stormwatch.signals/1", "stormwatch.frames/1"
DEEP = b"[" * 100_000
GOOD = {
    "kind": "tick", "subject": {}, "event_time": "2026-11-01T00:00:00Z", "received_at": "2026-11-01T00:00:00Z",
    "source": "clock", "seq": 1, "value": 0.0,
}  # fmt: skip
FRAME = {"at": "2026-11-01T00:00:00Z", "venue": "bybit", "feed": "liquidation", "raw": "{}"}
GOT = {
    "sent_at": "2026-11-01T00:00:00Z", "received_at": "2026-11-01T00:00:00Z", "phases": [], "cold": False, "status": 200,
    "headers": {}, "body": "e30=", "refusal": None, "detail": "",
}  # fmt: skip

Replayed = Callable[[bytes], str]


def signal(**changed: object) -> bytes:
    return json.dumps(GOOD | changed).encode()


def frame(**changed: object) -> bytes:
    return json.dumps(FRAME | changed).encode()


def header(form: str, **changed: object) -> bytes:
    return json.dumps({"format": form, **changed}).encode()


HEAD = header(SIGNALS)
TAPE = header(FRAMES, venues={"bybit": ["BTC"]}, assets=["BTC"])


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], str]:
    """Run the command on a file that must be refused; its only line of error."""

    def run(path: Path) -> str:
        monkeypatch.setattr(sys, "argv", ["stormwatch", "replay", str(path)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert error[:-1].isprintable()
        assert "allowed: " in error
        assert len(error) < 2100
        return error

    return run


def line_of_one_venue(**times: object) -> bytes:
    return frame(raw=None, check="server_time", path="/v5/market/time", got=GOT | times)


BAD_LINES = {
    "a deep line": (HEAD, DEEP),
    "a deep unknown key": (HEAD, b'{"x":' + DEEP),
    "a deep line of a tape": (TAPE, b'{"x":' + DEEP),
    "a number beyond any float": (HEAD, signal().replace(b'"value": 0.0', b'"value": 1e400')),
    "a number of 10,000 digits": (HEAD, signal().replace(b'"seq": 1', b'"seq": ' + b"9" * 10_000)),
    "not a number": (HEAD, signal().replace(b'"value": 0.0', b'"value": NaN')),
    "zero bytes": (HEAD, b"\0" * 100),
    "zero bytes on a tape": (TAPE, b"\0" * 100),
    "no UTF-8": (HEAD, signal(source="x").replace(b'"x"', b'"\xff\xfe"')),
    "no UTF-8 on a tape": (TAPE, frame(raw="x").replace(b'"x"', b'"\xff\xfe"')),
    "half a surrogate pair": (HEAD, signal(source="x").replace(b'"x"', b'"\\ud800"')),
    "a naive event time": (HEAD, signal(event_time="2026-11-01T00:00:00")),
    "a naive time of receipt": (HEAD, signal(received_at="2026-11-01T00:00:00")),
    "a naive time on a tape": (TAPE, frame(at="2026-11-01T00:00:00")),
    "the last year with an offset": (HEAD, signal(event_time="9999-12-31T23:59:59-12:00")),
    "a receipt in the last year": (HEAD, signal(received_at="9999-12-31T23:59:59-12:00")),
    "the first year with an offset": (HEAD, signal(event_time="0001-01-01T00:00:00+12:00")),
    "the first year on a tape": (TAPE, frame(at="0001-01-01T00:00:00+12:00")),
    "the last year on a tape": (TAPE, frame(at="9999-12-31T23:59:59Z")),
    "an answer of the first year": (TAPE, line_of_one_venue(sent_at="0001-01-01T00:00:00+12:00")),
    "an answer without an offset": (TAPE, line_of_one_venue(received_at="2026-11-01T00:00:00")),
    "an expected answer of the last year": (TAPE, frame(scheduled_at="9999-12-31T23:59:59Z")),
    "an unknown kind with an escape": (HEAD, signal(kind="\x1b[2J")),
    "a line of text": (HEAD, b"hello"),
    "a line that goes on for ever": (HEAD, b'"' + b"x" * 2_000_000),
    "spaces that go on for ever": (HEAD, b" " * 2_000_000),
    "a million blank lines": (HEAD, b"\n" * 1_000_000),
}
"""Name -> header, line 2."""


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_with_its_file_and_number(name: str, tmp_path: Path, replay: Callable[[Path], str]) -> None:
    head, line = BAD_LINES[name]
    path = tmp_path / "a.jsonl"
    path.write_bytes(head + b"\n" + line + b"\n")
    error = replay(path)
    assert f"{path}:2" in error or (name == "a million blank lines" and f"{path}:1002" in error)
    assert "cut the line" in error


@pytest.mark.parametrize("name", [name for name, (head, _line) in BAD_LINES.items() if head is HEAD])
def test_a_bad_line_of_a_bare_file_of_signals_is_named_too(
    name: str, tmp_path: Path, replay: Callable[[Path], str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(signal() + b"\n" + BAD_LINES[name][1] + b"\n")
    assert str(path) in replay(path)


BAD_HEADERS = {
    "deep": (b'{"x":' + DEEP, "nested too deeply"),
    "a deep list": (DEEP, "got `array`"),
    "deep settings": (b'{"format":"stormwatch.signals/1","correlator":{"warm_s":' + DEEP, "nested too deeply"),
    "deep settings of a tape": (b'{"format":"stormwatch.frames/1","correlator":{"warm_s":' + DEEP, "nested too deeply"),
    "half as deep": (
        b'{"format":"stormwatch.signals/1","correlator":{"warm_s":' + b"[" * 900 + b"]" * 900 + b"}}", "correlator",
    ),
    "settings that are a list": (header(SIGNALS, correlator=[]), "$.correlator"),
    "a time that is a list": (header(SIGNALS, correlator={"warm_s": [1]}), "correlator.warm_s"),
    "a number that is a text": (header(SIGNALS, correlator={"prior": "x"}), "correlator.prior"),
    "a number that is nothing": (header(SIGNALS, correlator={"enter_ticks": None}), "correlator.enter_ticks"),
    "an impossible number": (header(SIGNALS, correlator={"mu_min": -1}), "mu_min"),
    "a number beyond any float": (b'{"format":"stormwatch.signals/1","correlator":{"prior":1e400}}', "out of range"),
    "settings of a tape": (header(FRAMES, venues={}, correlator={"warm_s": {}}), "correlator.warm_s"),
    "venues that are a list": (header(FRAMES, venues=[]), "$.venues"),
    "an unknown venue": (header(FRAMES, venues={"\x1b[31mbybit": []}), "binance_usdm"),
    "a vantage that is a number": (header(SIGNALS, vantage=5), "$.vantage"),
    "another format": (header("\x1b[2Jtape/9"), "docs/formats.md"),
    "no UTF-8": (b'{"format":"\xff"}', "utf-8"),
    "zero bytes": (b"\0" * 10, "malformed"),
    "without an end": (b'{"format":"' + b"x" * 2_000_000, "more than 1000000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_bad_header_is_named_with_its_file_and_key(name: str, tmp_path: Path, replay: Callable[[Path], str]) -> None:
    first, said = BAD_HEADERS[name]
    path = tmp_path / "a.jsonl"
    path.write_bytes(first + b"\n" + signal() + b"\n")
    error = replay(path)
    assert f"{path}:1" in error
    assert said in error


def test_a_compressed_line_of_a_gigabyte_is_refused_without_being_held(
    tmp_path: Path, replay: Callable[[Path], str]
) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", 1) as packed:
        packed.write(HEAD + b"\n")
        for _ in range(1000):
            packed.write(b" " * 1_000_000)
    assert f"{path}:2" in replay(path)


def test_a_folder_is_no_recording(tmp_path: Path, replay: Callable[[Path], str]) -> None:
    assert "Is a directory" in replay(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, replay: Callable[[Path], str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "to a file first" in replay(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("kind", "value", "attributes"),
    [
        ("expect", 1, {"leg": ["liquidation"]}),
        ("wallet_silent", 1e18, {}),  # OSError
    ],
)
def test_a_signal_that_decodes_but_cannot_be_judged_is_the_files_fault(
    kind: str, value: float, attributes: dict[str, object], tmp_path: Path, replay: Callable[[Path], str]
) -> None:
    path = tmp_path / "a.jsonl"
    subject = {"asset": "BTC", "venue": "bybit", "network": "ethereum", "contract": "0x1"}
    odd = signal(kind=kind, value=value, attributes=attributes, subject=subject, source="ethereum/chain")
    later = [signal(received_at=f"2026-11-01T00:00:{second:02d}Z", seq=second) for second in range(10, 30)]
    expected = signal(
        kind="expect", value=15.0, attributes={"leg": "migration", "weight": 1.0, "class": "chain"},
        subject={"asset": "BTC", "network": "ethereum"}, source="ethereum/chain",
    )  # fmt: skip
    path.write_bytes(b"\n".join([HEAD, expected, odd, *later]) + b"\n")
    assert f"{path}:" in replay(path)


@pytest.mark.parametrize(
    ("kind", "value", "attributes"),
    [
        ("expect", 1, {"leg": "\x1b[31m", "weight": 1.0, "class": "ws"}),
        ("control_changed", 1, {"change": 5}),
        ("wallet_silent", 1e308, {}),
    ],
)
def test_a_signal_that_cannot_be_is_refused_and_named_at_the_end(
    kind: str, value: float, attributes: dict[str, object], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "a.jsonl"
    subject = {"asset": "BTC", "venue": "bybit", "network": "ethereum", "contract": "0x1"}
    odd = signal(kind=kind, value=value, attributes=attributes, subject=subject, source="ethereum/chain")
    path.write_bytes(b"\n".join([HEAD, odd]) + b"\n")
    monkeypatch.setattr(sys, "argv", ["stormwatch", "replay", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().out
    assert ended.value.code in (0, None)
    assert f" refused 1 {kind}: " in shown
    assert "\x1b" not in shown


def replay_of_times(times: list[datetime], path: Path, replay: Callable[[Path], str]) -> str:
    rows = [signal(event_time=at.isoformat(), received_at=at.isoformat(), seq=seq) for seq, at in enumerate(times)]
    path.write_bytes(b"\n".join([HEAD, *rows]) + b"\n")
    return replay(path)


def test_a_file_that_jumps_between_far_years_is_refused(tmp_path: Path, replay: Callable[[Path], str]) -> None:
    times = [datetime(2000 if one % 2 else 9998, 1, 1, tzinfo=UTC) for one in range(1000)]
    assert f"{tmp_path}/a.jsonl:2" in replay_of_times(times, tmp_path / "a.jsonl", replay)


def test_a_file_with_a_thousand_long_holes_is_refused_after_a_week_of_them(
    tmp_path: Path, replay: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_HOLES_S", 86_400.0)  # a day of empty seconds takes about a second
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=2 * one) for one in range(1000)]
    assert f"{tmp_path}/a.jsonl:4" in replay_of_times(times, tmp_path / "a.jsonl", replay)


@pytest.mark.slow
def test_holes_between_the_events_of_one_receipt_count_too(
    tmp_path: Path, replay: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_HOLES_S", 86_400.0)
    path = tmp_path / "a.jsonl"
    rows = [
        signal(
            kind="liquidation", received_at="2100-01-01T00:00:00Z", seq=day, event_time=f"2026-01-{day:02d}T00:00:00Z"
        )
        for day in range(1, 31, 2)
    ]
    path.write_bytes(b"\n".join([HEAD, *rows]) + b"\n")
    assert f"{path}:4" in replay(path)


def test_a_tape_with_a_thousand_long_holes_is_refused_too(
    tmp_path: Path, replay: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_HOLES_S", 86_400.0)
    path = tmp_path / "a.jsonl"
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=2 * one) for one in range(1000)]
    path.write_bytes(b"\n".join([TAPE, *(frame(at=at.isoformat()) for at in times)]) + b"\n")
    assert f"{path}:5" in replay(path)  # before the ticks of line 3 there is no signal


def test_holes_add_up_to_a_week_and_each_counts_for_a_day_at_most() -> None:
    year_s, holes = 365 * 86_400.0, Holes()
    assert not any(holes.are_too_many(year_s * one) for one in range(8))  # seven holes of a year
    assert not holes.are_too_many(0.0)  # backwards is no hole
    assert not holes.are_too_many(7 * year_s + 3600)  # an hour is none either
    assert holes.are_too_many(7 * year_s + 3600 + 3601)


@pytest.mark.parametrize(
    ("at", "good"),
    [
        ("1970-01-01T23:59:59+00:00", False),
        ("1970-01-02T00:00:00+00:00", True),
        ("2199-12-31T23:59:59+00:00", True),
        ("2200-01-01T00:00:00+00:00", False),
        ("2200-01-01T01:00:00+02:00", True),
    ],
)
def test_times_lie_between_1970_and_2199(at: str, *, good: bool) -> None:
    if good:
        check_time(datetime.fromisoformat(at))
        return
    with pytest.raises(ValueError, match="1970 to 2199"):
        check_time(datetime.fromisoformat(at))
