"""A raw tape gives the signals of the live day: the same kinds, books, liquidations; broken tapes name their line."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.correlator import CorrelatorSettings
from monitor.drill.rehearsal import rehearsal
from monitor.drill.scenario import FOLDER
from monitor.drill.world_link import WorldLink
from monitor.errors import OperatorError
from monitor.recordings.frames import RawTape, RawTapeWriter, raw_header, raw_header_of
from monitor.recordings.lines import first_line
from monitor.recordings.recorder import record_sources
from monitor.recordings.replay import replay_file
from monitor.recordings.signals import Recording
from monitor.settings.tree import AssetSettings, Settings, VenueSettings
from monitor.signals import Signal, SignalKind
from probes.readings import FeedChanged, FeedEvent, Phase, VenueId
from probes.tape import HttpExchange

T0 = datetime(2026, 11, 1, tzinfo=UTC)
V = VenueId("binance_usdm")
SETTINGS = Settings(assets={"BTC": AssetSettings()}, venues={"binance_usdm": VenueSettings()})
LISTING = b"""{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",
"contractType":"PERPETUAL"}]}"""
DEPTH = b'{"lastUpdateId":100,"E":1793491203000,"T":1793491203000,"bids":[["99","5000"]],"asks":[["101","5000"]]}'


def change(first: int, prev: int, at_ms: int) -> bytes:
    return (
        f'{{"e":"depthUpdate","E":{at_ms},"T":{at_ms},"s":"BTCUSDT","U":{first},"u":{first},"pu":{prev},'
        f'"b":[["99","6000"]],"a":[]}}'
    ).encode()


def answered(at_s: float, body: bytes) -> HttpExchange:
    at = T0 + timedelta(seconds=at_s)
    sent = at - timedelta(milliseconds=20)
    return HttpExchange(
        sent_at=sent, received_at=at, phases=(Phase(name="wait", started_at=sent, duration_s=0.02),), cold=False,
        status=200, headers={}, body=body, refusal=None, detail="",
    )  # fmt: skip


def connected(event: FeedEvent, at_s: float) -> FeedChanged:
    return FeedChanged(
        venue=V, feed="book_ws", instrument=None, received_at=T0 + timedelta(seconds=at_s), event=event, value=0.0
    )


def tape(path: Path) -> Path:
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    writer.answer(V, "instruments", "/fapi/v1/exchangeInfo", None, T0, answered(0, LISTING))
    writer.connection(connected(FeedEvent.OPENED, 1))
    writer.frame(V, "book_ws", T0 + timedelta(seconds=2), change(100, 99, 1793491202000))
    writer.answer(V, "book_rest", "/fapi/v1/depth", "BTCUSDT", T0, answered(3, DEPTH))
    for second in range(4, 9):
        writer.frame(
            V,
            "book_ws",
            T0 + timedelta(seconds=second),
            change(97 + second, 96 + second, 1793491200000 + second * 1000),
        )
    writer.frame(V, "book_ws", T0 + timedelta(seconds=9), b"{")
    writer.frame(V, "no_such_feed", T0 + timedelta(seconds=9), b"{}")
    writer.answer(V, "no_such_check", "/", None, T0, answered(9, b"{}"))
    writer.answer(V, "book_rest", "/fapi/v1/depth", "BTCUSDT", T0, answered(9, DEPTH))
    writer.answer(V, "open_interest", "/fapi/v1/openInterest", "NOSUCHUSDT", T0, answered(9, b"{}"))
    writer.connection(connected(FeedEvent.CLOSED, 12))
    writer.connection(
        FeedChanged(
            venue=V,
            feed="no_such_feed",
            instrument=None,
            received_at=T0 + timedelta(seconds=12),
            event=FeedEvent.OPENED,
            value=0.0,
        )
    )
    writer.close()
    return path


def signals_of(path: Path) -> list[Signal]:
    return list(RawTape(path, raw_header(first_line(path), path)).signals())


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_tape_gives_its_books_lags_and_ticks(tmp_path: Path, name: str) -> None:
    signals = signals_of(tape(tmp_path / name))
    kinds = Counter(one.kind for one in signals)

    assert kinds[SignalKind.TICK] == 12
    assert kinds[SignalKind.EXPECT] == 3
    assert kinds[SignalKind.REQUEST] == 3
    assert kinds[SignalKind.FEED_OPENED] == kinds[SignalKind.FEED_CLOSED] == kinds[SignalKind.MALFORMED] == 1
    assert not kinds[SignalKind.FEED_GAP]
    books = [one for one in signals if one.kind is SignalKind.BOOK and one.attributes["origin"] == "ws"]
    assert books[-1].attributes["state"] == "ok"
    assert books[-1].value == pytest.approx(200)
    assert [one.attributes["origin"] for one in signals if one.kind is SignalKind.BOOK].count("rest") == 1


def test_a_tape_can_be_replayed_like_any_recording(tmp_path: Path) -> None:
    path = tape(tmp_path / "a.jsonl")
    again = replay_file(path)
    list(again.changes())
    assert again.signals == len(signals_of(path))
    assert again.correlator.settings == CorrelatorSettings()


def test_an_answer_of_megabytes_is_read_completely(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    writer = RawTapeWriter(path, raw_header_of(SETTINGS, "1", T0))
    writer.answer(V, "instruments", "/fapi/v1/exchangeInfo", None, T0, answered(0, LISTING + b" " * 3_000_000))
    writer.close()

    assert Counter(one.kind for one in signals_of(path))[SignalKind.EXPECT] == 3


def broken(path: Path) -> str:
    with pytest.raises(OperatorError) as caught:
        list(replay_file(path).changes())
    return str(caught.value)


def test_a_broken_line_is_reported_with_its_number(tmp_path: Path) -> None:
    path = tape(tmp_path / "a.jsonl")
    path.write_bytes(path.read_bytes()[:-10])
    assert "a.jsonl:17" in broken(path)


def test_a_broken_header_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"format": "stormwatch.frames/1", "assets": 3}\n')
    assert "a.jsonl:1" in broken(path)


def test_a_tape_of_an_unknown_venue_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"format": "stormwatch.frames/1", "venues": {"atlantis": []}}\n')
    assert "atlantis" in broken(path)


async def test_a_tape_gives_the_same_signals_as_the_live_sources(tmp_path: Path) -> None:
    world = WorldLink(FOLDER / "quiet.toml", "x")
    ready = await world.start()
    stop = asyncio.Event()
    with TemporaryDirectory() as folder:
        try:
            settings = rehearsal(ready, Path(folder))
            settings = Settings(
                assets={ready.asset: AssetSettings()}, venues=settings.venues, correlator=settings.correlator
            )
            asyncio.get_running_loop().call_later(4.0, stop.set)
            await record_sources(settings, {}, tmp_path / "live.jsonl", stop, tmp_path / "raw.jsonl.gz")
        finally:
            await world.end()
    live = list(Recording(tmp_path / "live.jsonl"))
    again = signals_of(tmp_path / "raw.jsonl.gz")

    def values_of(signals: list[Signal], kind: SignalKind) -> list[tuple[str, float]]:
        return sorted((one.source, one.value) for one in signals if one.kind is kind)

    for kind in (
        SignalKind.LIQUIDATION,
        SignalKind.FUNDING,
        SignalKind.OPEN_INTEREST,
        SignalKind.WALLET,
        SignalKind.REQUEST,
    ):
        assert values_of(live, kind), kind
        assert values_of(again, kind) == values_of(live, kind)
    assert {one.source for one in again if one.kind is SignalKind.BOOK} == {
        one.source for one in live if one.kind is SignalKind.BOOK
    }
    assert not [one for one in again if one.kind in (SignalKind.FEED_GAP, SignalKind.MALFORMED)]
