"""What a raw tape's lines are (docs/formats.md), and how time passes between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.recordings.frames import RawTape, RawTapeWriter, raw_header, raw_header_of
from monitor.recordings.lines import first_line
from monitor.settings.tree import AssetSettings, Settings, VenueSettings
from monitor.signals import Signal, SignalKind
from probes.readings import FeedChanged, FeedEvent, Refusal, VenueId
from probes.tape import HttpExchange

T0 = datetime(2026, 11, 1, tzinfo=UTC)
V = VenueId("binance_usdm")
SETTINGS = Settings(
    vantage="eu",
    assets={"ETH": AssetSettings(), "BTC": AssetSettings()},
    venues={
        "binance_usdm": VenueSettings(assets=("BTC",), instruments=("BTCUSDT",)),
        "bybit": VenueSettings(enabled=False),
    },
)
ANSWER = HttpExchange(
    sent_at=T0, received_at=T0, phases=(), cold=True, status=200, headers={"x": "y"}, body=b"\x00\xff{}", refusal=None,
    detail="",
)  # fmt: skip


def at(seconds: float) -> datetime:
    """So many seconds after the start of the tape."""
    return T0 + timedelta(seconds=seconds)


def framed(path: Path, seconds: Sequence[float]) -> list[Signal]:
    """The signals of a tape with a frame at each of these seconds."""
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    for one in seconds:
        writer.frame(V, "book_ws", at(one), b"{}")
    writer.close()
    return list(RawTape(path, raw_header(first_line(path), path)).signals())


def ticks(signals: list[Signal]) -> list[float]:
    """The seconds at which the clock ticked."""
    return [(one.received_at - T0).total_seconds() for one in signals if one.kind is SignalKind.TICK]


def test_the_header_names_what_was_watched(tmp_path: Path) -> None:
    framed(tmp_path / "a.jsonl", [0])
    header = json.loads(first_line(tmp_path / "a.jsonl"))
    assert header["format"] == "stormwatch.frames/1"
    assert (header["version"], header["vantage"], header["started_at"]) == ("1", "eu", "2026-11-01T00:00:00Z")
    assert header["assets"] == ["BTC", "ETH"]
    assert header["venues"] == {"binance_usdm": ["BTC"]}
    assert header["instruments"] == {"binance_usdm": ["BTCUSDT"]}
    assert header["correlator"]


def test_lines_are_in_order_of_arrival_with_their_content(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    writer.answer(V, "depth", "/x", "BTCUSDT", at(1), replace(ANSWER, received_at=at(2)))
    writer.frame(V, "book_ws", at(3), b"caf\xc3\xa9 \xff")
    writer.connection(
        FeedChanged(venue=V, feed="book_ws", instrument=None, received_at=at(4), event=FeedEvent.CLOSED, value=1.5)
    )
    writer.answer(V, "depth", "/x", None, at(5), replace(ANSWER, refusal=Refusal.TIMEOUT, detail="late"))
    writer.close()

    answer, frame, closed, refused = map(json.loads, path.read_bytes().splitlines()[1:])
    assert (answer["at"], answer["scheduled_at"]) == ("2026-11-01T00:00:02Z", "2026-11-01T00:00:01Z")
    assert (answer["venue"], answer["check"], answer["path"], answer["instrument"]) == (V, "depth", "/x", "BTCUSDT")
    assert (answer["got"]["status"], answer["got"]["body"], answer["got"]["cold"]) == (200, "AP97fQ==", True)
    assert frame == {"at": "2026-11-01T00:00:03Z", "venue": V, "feed": "book_ws", "raw": "café \ufffd"}
    assert (closed["feed"], closed["connection"]["event"], closed["connection"]["value"]) == ("book_ws", "closed", 1.5)
    assert (refused["got"]["refusal"], refused["got"]["detail"]) == ("timeout", "late")


def test_the_clock_gives_a_tick_for_each_whole_second_between_the_lines(tmp_path: Path) -> None:
    assert ticks(framed(tmp_path / "a.jsonl", [0, 0.5, 0.999999])) == []
    assert ticks(framed(tmp_path / "b.jsonl", [0, 1])) == [1]
    assert ticks(framed(tmp_path / "c.jsonl", [0.5, 2.4, 2.5, 4.6])) == [1.5, 2.5, 3.5, 4.5]


def test_lines_out_of_order_do_not_move_time_backwards(tmp_path: Path) -> None:
    assert ticks(framed(tmp_path / "a.jsonl", [0, 3, 1, 4])) == [1, 2, 3, 4]


@pytest.mark.parametrize(("hole_s", "first", "count"), [(3600, 1, 3600), (3601, 2, 3600), (86_400, 82_801, 3600)])
def test_a_gap_longer_than_an_hour_gives_ticks_for_its_last_hour_only(
    tmp_path: Path, hole_s: int, first: int, count: int
) -> None:
    ticked = ticks(framed(tmp_path / "a.jsonl", [0, hole_s]))
    assert (ticked[0], ticked[-1], len(ticked)) == (first, hole_s, count)


def test_lines_of_a_venue_missing_in_the_header_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    writer.frame(VenueId("bybit"), "book_ws", T0, b"{")
    writer.close()
    assert list(RawTape(path, raw_header(first_line(path), path)).signals()) == []


def test_an_answer_without_a_schedule_is_timed_from_its_sending(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    got = replace(ANSWER, sent_at=at(1), received_at=at(3), body=b"{}")
    writer.answer(V, "instruments", "/fapi/v1/exchangeInfo", None, at(0.5), got)
    writer.close()
    text = path.read_text()
    scheduled = list(RawTape(path, raw_header(first_line(path), path)).signals())
    path.write_text(
        text.replace('"scheduled_at":"2026-11-01T00:00:00.5Z"', '"scheduled_at":null').replace(
            '"scheduled_at":"2026-11-01T00:00:00.500000Z"', '"scheduled_at":null'
        )
    )
    unscheduled = list(RawTape(path, raw_header(first_line(path), path)).signals())
    latencies = [
        next(one.value for one in signals if one.kind is SignalKind.REQUEST) for signals in (scheduled, unscheduled)
    ]
    assert latencies == [pytest.approx(2.5), pytest.approx(2.0)]


def test_a_broken_line_is_named_by_its_number_and_earlier_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    framed(path, [0, 1, 2])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"{\n", *lines[3:]]))
    read: list[Signal] = []
    with pytest.raises(OperatorError, match=r"a\.jsonl:4"):
        read.extend(RawTape(path, raw_header(first_line(path), path)).signals())
    assert ticks(read) == [1]
