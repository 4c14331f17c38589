"""Books of real dialects over a real socket: a gap is reported, and each venue is resynchronised by its own rule."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from probes.readings import (
    BookMeasured,
    BookState,
    FeedEvent,
    Instrument,
)
from probes.venue import BookSnapshot
from tests.probes.feeds.running_feed import depth, feed, listening, now_ms, okx_book, scripted, snapshot, state_is


async def test_a_gap_of_binance_is_reported_and_its_book_is_rebuilt_from_rest() -> None:
    requested: list[str] = []

    async def base(instrument: Instrument) -> BookSnapshot | None:
        requested.append(instrument.symbol)
        return {1: None, 2: snapshot(10, instrument.symbol)}.get(len(requested), snapshot(30, instrument.symbol))

    synced = asyncio.Event()

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(depth(8, 12, 7))
        await synced.wait()
        await socket.send_json(depth(25, 30, 24))
        await socket.send_json(depth(31, 32, 30))
        await asyncio.Event().wait()

    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=base) as (feed_log, served):
        await feed_log.until(state_is(BookState.OK))
        synced.set()
        gap = await feed_log.event(FeedEvent.GAP)
        resynced = await feed_log.event(FeedEvent.RESYNCED)
        assert served.connections == 1
    assert (gap.value, gap.instrument, gap.detail) == (12, "BTCUSDT", "after 12 came 25..30")
    assert resynced.value >= 0
    assert requested == ["BTCUSDT"] * 3, "one that failed, one to start from, one after the gap"


async def test_a_gap_of_gate_is_reported_and_its_book_is_rebuilt_from_rest() -> None:
    bases = iter([10, 40])
    synced = asyncio.Event()

    async def base(instrument: Instrument) -> BookSnapshot | None:
        return snapshot(next(bases), instrument.symbol)

    def update(first_id: int, last_id: int) -> dict[str, Any]:
        result = {"t": now_ms(), "s": "BTC_USDT", "U": first_id, "u": last_id, "b": [], "a": []}
        return {"time_ms": now_ms(), "channel": "futures.order_book_update", "event": "update", "result": result}

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(update(11, 12))
        await synced.wait()
        await socket.send_json(update(14, 41))
        await asyncio.Event().wait()

    async with listening(feed("gate", "book_ws"), "gate", talk, base=base) as (feed_log, _):
        await feed_log.until(state_is(BookState.OK))
        synced.set()
        assert (await feed_log.event(FeedEvent.GAP)).value == 1
        await feed_log.event(FeedEvent.RESYNCED)
        count = len(feed_log.readings)
        await feed_log.until(lambda one: state_is(BookState.OK)(one) and one in feed_log.readings[count:])


async def test_a_gap_of_okx_is_repaired_by_a_new_connection_and_its_snapshot() -> None:
    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(okx_book("snapshot", 10 + number, -1))
        await socket.send_json(okx_book("update", 12, 10))
        if number == 0:
            await socket.send_json(okx_book("update", 20, 15))
        await asyncio.Event().wait()

    async with listening(feed("okx", "book_ws"), "okx", talk) as (feed_log, served):
        gap = await feed_log.event(FeedEvent.GAP)
        closed = await feed_log.event(FeedEvent.CLOSED)
        await feed_log.event(FeedEvent.RESYNCED)
        assert served.connections >= 2
    assert gap.value == 3
    assert (closed.planned, closed.detail) == (True, "resync of a book")


async def test_an_unwatched_book_is_neither_stored_nor_fetched() -> None:
    async def base(instrument: Instrument) -> BookSnapshot | None:
        return snapshot(10, instrument.symbol)

    talk = scripted(depth(8, 12, 7, "ETHUSDT"), depth(8, 12, 7))
    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=base) as (feed_log, _):
        await feed_log.until(state_is(BookState.OK), times=2)
        assert {one.instrument for one in feed_log.readings if isinstance(one, BookMeasured)} == {"BTCUSDT"}


async def test_a_gap_of_kucoin_is_repaired_by_a_new_connection_and_its_snapshot_in_binary_frames() -> None:
    def pushed(kind: str, first_id: int, last_id: int) -> bytes:
        levels = {"b": [["100", "2000000"]], "a": [["100.5", "2000000"]], "s": "XBTUSDTM"}
        stamps = {"O": first_id, "C": last_id, "M": (now_ms() - 5) * 10**6}
        frame = {"T": "obu.FUTURES", "dp": "increment@10ms", "t": kind, "P": now_ms() * 10**6, "d": levels | stamps}
        return json.dumps(frame).encode()

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_bytes(b'{"sessionId":"x","message":"welcome","pingInterval":18000}')
        await socket.send_bytes(pushed("snapshot", 10, 10))
        await socket.send_bytes(pushed("delta", 11, 14))
        if number == 0:
            await socket.send_bytes(pushed("delta", 17, 18))
        await asyncio.Event().wait()

    async with listening(feed("kucoin", "book_ws"), "kucoin", talk) as (feed_log, _):
        gap = await feed_log.event(FeedEvent.GAP)
        await feed_log.event(FeedEvent.OPENED, times=2)
        await feed_log.event(FeedEvent.RESYNCED)
        await feed_log.until(state_is(BookState.OK))
    assert (gap.instrument, gap.value, gap.detail) == ("XBTUSDTM", 2, "after 14 came 17..18")
