"""Two real processes on two folders, one after the other: the first is killed in a storm, and no page is sent twice."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

import pytest
from aiohttp import web

from monitor.correlator import CorrelatorSettings
from monitor.log.bus.connection import Bus
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.state import read_state
from tests.monitor.correlator.storm import DRILL, at
from tests.monitor.daemon.bus_judges import STORM, in_one_process, publish, server, settings

__all__ = ["server", "settings"]

CUT = next(index for index, one in enumerate(STORM) if one.received_at >= at(34))
"""The storm is reported, and becomes a graver one behind it."""
LONG_S = 120.0
FILE = """
vantage = "home"
[store]
folder = "{folder}"
dsn = "postgresql://nobody@127.0.0.1:1/nowhere"
connect_timeout_s = "200ms"
[web]
enabled = false
[log]
image_s = "1s"
[bus]
servers = ["{server}"]
max_mb = 64
silent_s = "10m"
[assets.BTC]
[correlator]
{correlator}
[correlator.networks]
home = "north"
away = "south"
[sinks.pager]
type = "webhook"
url = "http://127.0.0.1:{port}/"
secret_env = "PAGER_SECRET"
repeat_s = 0
"""


class Pager:
    """A receiver: the idempotency keys that came, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.port = 0
        self._came = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        async with self._came:
            self.keys.append(request.headers["Idempotency-Key"])
            self._came.notify_all()
        return web.Response()

    async def until(self, count: int) -> None:
        """Return when so many have come."""
        async with asyncio.timeout(LONG_S), self._came:
            await self._came.wait_for(lambda: len(self.keys) >= count)


@asynccontextmanager
async def listening() -> AsyncIterator[Pager]:
    app, pager = web.Application(), Pager()
    app.router.add_post("/", pager.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pager.port = runner.addresses[0][1]
    try:
        yield pager
    finally:
        await runner.cleanup()


async def correlator(settings: BusSettings, folder: Path, pager: Pager) -> Process:
    """A process of its own, whose clock is just behind the storm."""
    own = [one.name for one in fields(DRILL) if getattr(DRILL, one.name) != getattr(CorrelatorSettings(), one.name)]
    lines = "\n".join(f"{name} = {getattr(DRILL, name)}" for name in own if name != "networks")
    path = folder.with_suffix(".toml")
    path.write_text(FILE.format(folder=folder, server=settings.servers[0], correlator=lines, port=pager.port))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from monitor.cli import main; main()", "run", "-c", str(path), "--from", settings.name,
        "--vantage", "home", "--clock-start", at(50).isoformat(), stderr=DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PAGER_SECRET": "x" * 32},
    )  # fmt: skip


async def told_on_the_bus(settings: BusSettings, keys: list[str]) -> None:
    """Return when the bus has the word that these were delivered, and an image."""
    bus = Bus(settings, {}, "watch")
    await bus.open()
    async with asyncio.timeout(LONG_S):
        while True:
            state = await read_state(bus, settings, "watch")
            if state.image is not None and state.image.heard and len(state.deliveries) >= len(keys):
                break
            await asyncio.sleep(0.5)  # it comes from another process
    await bus.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_killed_correlator_is_replaced_on_another_folder_and_no_page_is_sent_twice(
    settings: BusSettings, tmp_path: Path
) -> None:
    expected = [f"{one.incident_id}" for one in in_one_process(STORM).open_incidents() if one.scope == "asset:BTC"]
    await publish(settings, STORM[:CUT])
    async with listening() as pager:
        first = await correlator(settings, tmp_path / "one", pager)
        try:
            await pager.until(1)
            await told_on_the_bus(settings, pager.keys)
        finally:
            first.kill()
            await first.wait()
        before = list(pager.keys)
        await publish(settings, STORM[CUT:], first=1000)
        second = await correlator(settings, tmp_path / "two", pager)
        try:
            await pager.until(len(before) + 1)
        finally:
            second.terminate()
            await second.wait()

    assert second.returncode == 0
    assert len(pager.keys) == len(set(pager.keys))
    assert {one.rpartition(":")[0] for one in pager.keys if one.startswith("asset-btc")} == set(expected)
    revisions = [int(one.rpartition(":")[2]) for one in pager.keys if one.startswith("asset-btc")]
    assert revisions == sorted(revisions)
