"""Sockets whose frames are gzip and which ping at application level: the pong goes back, and the book is read."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from aiohttp import web

from probes.readings import BookState, FeedEvent
from tests.probes.feeds.running_feed import feed, listening, now_ms, scripted, state_is


def packed(**frame: Any) -> bytes:
    return gzip.compress(json.dumps(frame).encode())


@pytest.mark.parametrize(
    ("name", "ping", "pong"),
    [
        ("book_ws", {"ping": 17}, {"pong": 17}),
        ("book_ws_spot", {"ping": 17}, {"pong": 17}),
        ("liquidation", {"op": "ping", "ts": "17"}, {"op": "pong", "ts": "17"}),
    ],
)
async def test_a_ping_of_htx_is_answered_with_its_own_number(
    name: str, ping: dict[str, Any], pong: dict[str, Any]
) -> None:
    async with listening(feed("htx", name), "htx", scripted(packed(**ping))) as (_, served):
        await served.until(lambda texts: pong in map(json.loads, texts))


async def test_a_spot_book_of_htx_begins_with_its_whole_book_and_a_gap_brings_a_new_connection() -> None:
    topic = "market.btcusdt.mbp.150"
    sides = {"bids": [[100, 1000]], "asks": [[100.5, 1000]]}

    def change(number: int, previous: int) -> bytes:
        return packed(ch=topic, ts=now_ms(), tick={"seqNum": number, "prevSeqNum": previous, **sides})

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_bytes(change(9, 8))
        await socket.send_bytes(change(12, 9))
        whole = {"seqNum": 9, **sides}
        await socket.send_bytes(packed(id=topic, rep=topic, status="ok", ts=now_ms(), data=whole))
        await socket.send_bytes(change(15, 13 if number == 0 else 12))
        await asyncio.Event().wait()

    async with listening(feed("htx", "book_ws_spot"), "htx", talk) as (feed_log, _):
        gap = await feed_log.event(FeedEvent.GAP)
        await feed_log.event(FeedEvent.OPENED, times=2)
        await feed_log.event(FeedEvent.RESYNCED)
        await feed_log.until(state_is(BookState.OK))
    assert (gap.instrument, gap.detail) == ("btcusdt", "after 12 came 14..15")
