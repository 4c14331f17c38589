"""A feed whose books start from a REST snapshot: a missing snapshot delays nothing."""

from __future__ import annotations

import asyncio

from aiohttp import web

from probes.readings import FeedEvent, FeedLag, Instrument
from probes.venue import BookSnapshot
from tests.probes.feeds.running_feed import depth, feed, listening, mark


async def test_a_missing_snapshot_does_not_delay_other_readings() -> None:
    async def never(instrument: Instrument) -> BookSnapshot | None:
        await asyncio.Event().wait()
        return None

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(depth(1, 2, 0))
        while True:
            await socket.send_json(mark())
            await asyncio.sleep(0.02)

    async with listening(feed("binance_usdm", "book_ws"), "binance_usdm", talk, base=never) as (feed_log, _):
        await feed_log.until(lambda one: isinstance(one, FeedLag), times=5)
    assert FeedEvent.SILENT not in feed_log.events()
