"""Whatever a tape or a recording of signals holds, reading it gives signals, or one OperatorError. Seeded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from random import Random
from typing import Any

from monitor.errors import OperatorError
from monitor.recordings.frames import RawTape, raw_header
from monitor.recordings.signals import Recording
from tests.fuzz.mutators import encoded, mutated_bytes, mutated_tree

COUNT = 400
MOST_SIGNALS = 50_000
AT = "2026-11-01T00:00:01Z"
VALUES = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2199-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-11-01T00:00:00",
    "2026-11-01T00:00:02+23:59", "gate", "liquidation", "book_rest", "timeout", "closed", "opened", "e30=", "not base64!", "W10=",
)  # fmt: skip
GOT = {
    "sent_at": "2026-11-01T00:00:00Z", "received_at": AT, "phases": [{"name": "wait", "started_at": AT, "duration_s": 0.1}],
    "cold": False, "status": 200, "headers": {"retry-after": "5"}, "body": "W10=", "refusal": None, "detail": "",
}  # fmt: skip
CHANGE = {
    "venue": "gate", "feed": "liquidation", "instrument": None, "received_at": AT, "event": "opened", "value": 0.0,
    "planned": False, "detail": "",
}  # fmt: skip
TAPE: list[Any] = [
    {
        "format": "stormwatch.frames/1",
        "venues": {"gate": ["BTC"]},
        "assets": ["BTC"],
        "vantage": "local",
        "correlator": {},
    },
    {
        "at": AT,
        "venue": "gate",
        "check": "instruments",
        "path": "/futures/usdt/contracts",
        "scheduled_at": AT,
        "got": GOT,
    },
    {"at": AT, "venue": "gate", "feed": "liquidation", "connection": CHANGE},
    {"at": AT, "venue": "gate", "feed": "liquidation", "raw": '{"channel":"futures.pong"}'},
    {"at": "2026-11-01T00:00:05Z", "venue": "gate", "feed": "liquidation", "raw": "[]"},
]
TICK = {
    "kind": "tick", "subject": {}, "event_time": AT, "received_at": AT, "source": "clock", "seq": 1, "value": 0.0,
    "attributes": {"note": "x"},
}  # fmt: skip
SIGNALS: list[Any] = [{"format": "stormwatch.signals/1", "correlator": {}}, TICK, TICK | {"seq": 2}]


def files(lines: list[Any], seed: str, path: Path) -> Iterator[Path]:
    """The file with one of its lines changed, by its form or by its bytes; now and then lines in another order."""
    draw = Random(seed)
    for _ in range(COUNT):
        written = [json.dumps(one).encode() for one in lines]
        at = draw.randrange(len(written))
        changed = (
            encoded(mutated_tree(lines[at], draw, VALUES)) if draw.random() < 0.8 else mutated_bytes(written[at], draw)
        )
        written[at] = changed.replace(b"\n", b" ")
        if draw.random() < 0.1:
            written[1:] = draw.sample(written[1:], len(written) - 1)
        path.write_bytes(b"\n".join(written) + draw.choice((b"\n", b"", b"\n\n", b"\x00")))
        yield path


def test_a_tape_with_any_line_changed_is_replayed_or_refused_in_one_line(tmp_path: Path) -> None:
    replayed, refusals = 0, list[str]()
    for path in files(TAPE, "tape", tmp_path / "tape.jsonl"):
        try:
            tape = RawTape(path, raw_header(path.read_bytes().split(b"\n", 1)[0], path))
            tape.settings()
            for number, signal in enumerate(tape.signals()):
                assert isfinite(signal.value)
                assert number < MOST_SIGNALS
            replayed += 1
        except OperatorError as error:
            refusals.append(str(error).strip())
    assert replayed > COUNT / 20
    assert not any("\n" in one for one in refusals)


def test_signals_with_any_line_changed_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    read, refusals = 0, list[str]()
    for path in files(SIGNALS, "signals", tmp_path / "signals.jsonl"):
        try:
            recording = Recording(path)
            recording.settings()
            for signal in recording:
                assert isfinite(signal.value)
            read += 1
        except OperatorError as error:
            refusals.append(str(error).strip())
    assert read > COUNT / 20
    assert not any("\n" in one for one in refusals)
