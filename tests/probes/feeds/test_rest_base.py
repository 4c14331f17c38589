"""A feed whose books build on REST: what the snapshot's absence holds up, which is nothing."""

from __future__ import annotations

import asyncio

from aiohttp import web

from probes.readings import FeedEvent, FeedLag, Instrument
from probes.venue import BookSnapshot
from tests.probes.feeds.listening import depth, feed, listening, mark


async def test_a_snapshot_that_does_not_come_holds_up_nothing_else() -> None:
    async def never(instrument: Instrument) -> BookSnapshot | None:
        await asyncio.Event().wait()
        return None

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(depth(1, 2, 0))
        while True:
            await socket.send_json(mark())
            await asyncio.sleep(0.02)

    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=never) as (heard, _):
        await heard.until(lambda one: isinstance(one, FeedLag), times=5)
    assert FeedEvent.SILENT not in heard.events()
