"""Books of real dialects over a real socket: a gap is told, and each venue is brought back in its own way."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from probes.readings import (
    BookMeasured,
    BookState,
    FeedEvent,
    Instrument,
)
from probes.venue import BookSnapshot
from tests.probes.feeds.listening import depth, feed, listening, now_ms, okx_book, scripted, snapshot, state_is


async def test_a_gap_of_binance_is_told_and_its_book_built_anew_from_rest() -> None:
    asked: list[str] = []

    async def base(instrument: Instrument) -> BookSnapshot | None:
        asked.append(instrument.symbol)
        return {1: None, 2: snapshot(10, instrument.symbol)}.get(len(asked), snapshot(30, instrument.symbol))

    stood = asyncio.Event()

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(depth(8, 12, 7))
        await stood.wait()
        await socket.send_json(depth(25, 30, 24))
        await socket.send_json(depth(31, 32, 30))
        await asyncio.Event().wait()

    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=base) as (heard, served):
        await heard.until(state_is(BookState.OK))
        stood.set()
        gap = await heard.event(FeedEvent.GAP)
        resynced = await heard.event(FeedEvent.RESYNCED)
        assert served.connections == 1
    assert (gap.value, gap.instrument, gap.detail) == (12, "BTCUSDT", "after 12 came 25..30")
    assert resynced.value >= 0
    assert asked == ["BTCUSDT"] * 3, "one that failed, one to stand on, one after the gap"


async def test_a_gap_of_gate_is_told_and_its_book_built_anew_from_rest() -> None:
    bases = iter([10, 40])
    stood = asyncio.Event()

    async def base(instrument: Instrument) -> BookSnapshot | None:
        return snapshot(next(bases), instrument.symbol)

    def update(first_id: int, last_id: int) -> dict[str, Any]:
        result = {"t": now_ms(), "s": "BTC_USDT", "U": first_id, "u": last_id, "b": [], "a": []}
        return {"time_ms": now_ms(), "channel": "futures.order_book_update", "event": "update", "result": result}

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(update(11, 12))
        await stood.wait()
        await socket.send_json(update(14, 41))
        await asyncio.Event().wait()

    async with listening(feed("gate", "book_ws"), "gate", talk, base=base) as (heard, _):
        await heard.until(state_is(BookState.OK))
        stood.set()
        assert (await heard.event(FeedEvent.GAP)).value == 1
        await heard.event(FeedEvent.RESYNCED)
        count = len(heard.told)
        await heard.until(lambda one: state_is(BookState.OK)(one) and one in heard.told[count:])


async def test_a_gap_of_okx_takes_a_new_connection_and_its_snapshot() -> None:
    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(okx_book("snapshot", 10 + number, -1))
        await socket.send_json(okx_book("update", 12, 10))
        if number == 0:
            await socket.send_json(okx_book("update", 20, 15))
        await asyncio.Event().wait()

    async with listening(feed("okx", "book_ws"), "okx", talk) as (heard, served):
        gap = await heard.event(FeedEvent.GAP)
        closed = await heard.event(FeedEvent.CLOSED)
        await heard.event(FeedEvent.RESYNCED)
        assert served.connections >= 2
    assert gap.value == 3
    assert (closed.planned, closed.detail) == (True, "resync of a book")


async def test_a_book_that_nobody_asked_for_is_neither_kept_nor_fetched() -> None:
    async def base(instrument: Instrument) -> BookSnapshot | None:
        return snapshot(10, instrument.symbol)

    talk = scripted(depth(8, 12, 7, "ETHUSDT"), depth(8, 12, 7))
    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=base) as (heard, _):
        await heard.until(state_is(BookState.OK), times=2)
        assert {one.instrument for one in heard.told if isinstance(one, BookMeasured)} == {"BTCUSDT"}
