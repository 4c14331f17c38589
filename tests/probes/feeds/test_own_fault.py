"""A feed that our own machine cannot open: told as our own fault, and no cut of the venue's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHORT = """
import asyncio, resource, socket
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting
from probes.readings import FeedChanged, FeedEvent, Market
from probes.rest.http import USER_AGENT, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venues import declared
from tests.probes.feeds.running_feed import FeedLog, feed, watched

async def main() -> None:
    log = FeedLog()
    async with session(tls_context(), USER_AGENT) as client:
        setting = FeedSetting(
            url="ws://127.0.0.1:9/ws", client=client, clock=utc_now, emit=log.put,
            instruments=watched("binance_usdm", Market.PERP),
        )
        runner = FeedRunner(VenueState(declared("binance_usdm")), feed("binance_usdm", "liquidation"), setting)
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        while True:
            try:
                held.append(socket.socket())
            except OSError:
                break
        running = asyncio.create_task(runner.run())
        closed = await log.until(lambda one: isinstance(one, FeedChanged) and one.event is FeedEvent.CLOSED)
        running.cancel()
        print(closed.detail, closed.planned)

asyncio.run(main())
"""


def test_a_feed_that_finds_no_file_descriptor_is_no_cut_of_the_venue() -> None:
    """In a child process, because the limit holds for a whole process."""
    child = subprocess.run(
        [sys.executable, "-c", SHORT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert child.stdout.strip() == "could not connect: local (ClientConnectorError) True", child.stderr
