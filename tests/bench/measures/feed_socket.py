"""Measures liquidation frames a second of CPU time through a real WebSocket on loopback: the feed runner beside a bare client."""

from __future__ import annotations

import asyncio
import json
from time import thread_time

import aiohttp

from probes import venues
from probes.fair_shares.allowance import Limits, Rate
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting
from probes.readings import Liquidation, Reading
from probes.rest.http import USER_AGENT, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from tests.bench.figures import Figure
from tests.bench.frames import instruments
from tests.bench.venue_process import venue_process

FRAMES = 100_000
WARM = 5_000
VENUES = ("binance_usdm", "gate")
_LARGE = Rate(per_s=1e12, burst=1e12)
ANY = Limits(bytes=_LARGE, messages=_LARGE, control_frames=_LARGE, cpu_s=_LARGE)
"""The bench is a flood; its limits are none."""


def bench() -> list[Figure]:
    """One figure for each venue."""
    with venue_process() as process:
        return [_figure(venue, f"{process.socket}/{venue}") for venue in VENUES]


def _figure(venue: str, url: str) -> Figure:
    """The peer has its turn before and after ours: the caches are fuller at one time than at another."""
    before = asyncio.run(_bare(url))
    ours = asyncio.run(_received(venue, url))
    bare = 2 / (1 / before + 1 / asyncio.run(_bare(url)))
    return Figure(
        name=f"{venue}: liquidation frames from a socket into readings", value=ours, unit="frames/s", least=0.5 * bare,
        peer="aiohttp ws_connect + json.loads", peer_value=bare, note=f"{ours / bare:.2f} of the peer; the target is half of it",
        simulated="the venue (frames sent as fast as they are read, from its own process, not compressed)",
    )  # fmt: skip


async def _received(venue: str, url: str) -> float:
    dialect = venues.declared(venue)
    known = instruments(venue)
    state = VenueState(dialect)
    state.instruments.update(known)
    done = asyncio.Event()
    count, marks = 0, [0.0, 0.0]

    def emit(reading: Reading) -> None:
        nonlocal count
        if not isinstance(reading, Liquidation):
            return
        count += 1
        if count == WARM:
            marks[0] = thread_time()
        elif count == WARM + FRAMES:
            marks[1] = thread_time()
            done.set()

    async with session(tls_context(), USER_AGENT, limits=ANY) as client:
        setting = FeedSetting(
            url=url, client=client, clock=utc_now, emit=emit, instruments=tuple(known.values()), limits=ANY
        )
        feed = next(one for one in dialect.feeds if one.name == "liquidation")
        running = asyncio.create_task(FeedRunner(state, feed, setting).run())
        try:
            async with asyncio.timeout(120):
                await done.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return FRAMES / (marks[1] - marks[0])


async def _bare(url: str) -> float:
    shortly = aiohttp.ClientWSTimeout(ws_close=0.1)
    async with aiohttp.ClientSession() as client, client.ws_connect(url, timeout=shortly) as socket:
        for _ in range(WARM):
            await socket.receive()
        began = thread_time()
        for _ in range(FRAMES):
            json.loads((await socket.receive()).data)
        return FRAMES / (thread_time() - began)
