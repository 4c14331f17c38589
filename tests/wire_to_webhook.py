"""Measures how long after the wire a webhook arrives: the real daemon, between a venue and a receiver in a process of their own.

    python -m tests.wire_to_webhook [--assets N] [--late SECONDS]

The venue speaks Bybit's protocol. After a calm time it sends a burst of forced orders for each asset, one asset after the other
at moments that do not fit the clock's seconds; each burst opens an incident. For each webhook whose change the burst made due,
the figure is

    the time when the receiver has the request's head - the time when the venue sent the last forced order of the asset whose
    event time lies in the second of the change (the second that ends at `at`)

A burst sends every 50 ms, so the last order of a second is sent at its end but for 50 ms. `from the first order` is the same
since the first order in that second: the latest that any signal of it can have waited. `--late` stamps the orders so many
seconds before they are sent, as a slow feed does; the targets are for a feed on time. Exit code 1: a target is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from monitor.daemon.daemon import Daemon
from monitor.drill.rehearsal import CORRELATOR
from monitor.settings.tree import AssetSettings, Settings, VenueSettings
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.web.settings import WebSettings
from probes import venues
from tests.bench.figures import quantile

P50_S, P99_S = 1.2, 2.0
CALM_S = 25.0
"""The correlator learns for fifteen seconds what is usual."""
BURST_S, EVERY_S = 5.0, 0.05
BETWEEN_S = 0.73
"""From one burst to the next: no whole part of a second, so that bursts begin anywhere in a second."""
TICKER_S = 0.5
LAST_S = 6.0
USED = ("server_time", "instruments", "liquidation")
SECRET_ENV = "STORMWATCH_WIRE_SECRET"
Order = tuple[float, float]
"""Event time and sending time, unix seconds."""


def assets(count: int) -> list[str]:
    """Tickers for so many assets."""
    return [f"W{chr(65 + at // 26)}{chr(65 + at % 26)}" for at in range(count)]


class Venue:
    """The venue and the receiver: remembers when each order was sent and when each webhook arrived."""

    def __init__(self, names: list[str], late_s: float) -> None:
        self._names = names
        self._late_s = late_s
        self._socket: web.WebSocketResponse | None = None
        self._subscribed = asyncio.Event()
        self.orders: dict[str, list[Order]] = {name: [] for name in names}
        self.webhooks: list[tuple[float, dict[str, Any]]] = []

    async def start(self) -> int:
        """Listen; return the port."""
        app = web.Application()
        app.router.add_get("/v5/market/time", self._time)
        app.router.add_get("/v5/market/instruments-info", self._instruments)
        app.router.add_get("/ws", self._feed)
        app.router.add_post("/webhook", self._webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    async def _time(self, request: web.Request) -> web.Response:
        return _said({"timeSecond": str(int(time.time())), "timeNano": str(time.time_ns())})

    async def _instruments(self, request: web.Request) -> web.Response:
        category = request.query["category"]
        rows = [
            {"symbol": f"{name}USDT", "baseCoin": name, "quoteCoin": "USDT", "contractType": "LinearPerpetual"}
            for name in self._names
        ]
        listed = [{**row, "status": "Trading"} for row in rows] if category == "linear" else []
        return _said({"category": category, "list": listed, "nextPageCursor": ""})

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            said = json.loads(message.data)
            await socket.send_json({"success": True, "ret_msg": "", "op": said["op"], "req_id": said.get("req_id", "")})
            self._socket = socket
            self._subscribed.set()
        return socket

    async def _webhook(self, request: web.Request) -> web.Response:
        arrived_s = time.time()
        self.webhooks.append((arrived_s, await request.json()))
        return web.Response()

    async def play(self) -> None:
        """Send prices all the time and, after the calm, each asset's burst; return some seconds after the last one."""
        await self._subscribed.wait()
        begun = time.time()
        starts = {name: begun + CALM_S + at * BETWEEN_S for at, name in enumerate(self._names)}
        ends_s = max(starts.values()) + BURST_S + LAST_S
        ticker_s = 0.0
        while (now_s := time.time()) < ends_s:
            if now_s - ticker_s >= TICKER_S:
                ticker_s = now_s
                row = {"symbol": f"{self._names[0]}USDT", "markPrice": "100", "indexPrice": "100"}
                await self._send("tickers", self._names[0], row, now_s)
            for name, start_s in starts.items():
                if start_s <= now_s < start_s + BURST_S:
                    await self._order(name)
            await asyncio.sleep(EVERY_S)

    async def _order(self, name: str) -> None:
        sent_s = time.time()
        event_s = int((sent_s - self._late_s) * 1000) / 1000
        self.orders[name].append((event_s, sent_s))
        volume = f"{random.uniform(50, 200):.1f}"
        row = {"T": int(event_s * 1000), "s": f"{name}USDT", "S": "Buy", "v": volume, "p": "100"}
        await self._send("allLiquidation", name, [row], sent_s)

    async def _send(self, topic: str, name: str, row: object, now_s: float) -> None:
        assert self._socket is not None
        frame = {"topic": f"{topic}.{name}USDT", "type": "snapshot", "ts": int(now_s * 1000), "data": row}
        await self._socket.send_str(json.dumps(frame))


def _said(result: dict[str, object]) -> web.Response:
    return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": time.time_ns() // 1_000_000})


async def play_venue(count: int, late_s: float) -> None:
    """The venue's process: the first line says the port, the last one what was sent and received."""
    venue = Venue(assets(count), late_s)
    print(await venue.start(), flush=True)
    await venue.play()
    print(json.dumps({"orders": venue.orders, "webhooks": venue.webhooks}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def settings_for(port: int, count: int, folder: str) -> Settings:
    """The drill's settings of the correlator, one venue with one feed and its server time, one webhook."""
    dialect = venues.declared("bybit")
    unused = tuple(({one.name for one in dialect.checks} | {one.name for one in dialect.feeds}) - set(USED))
    hosts = {
        name: f"http://127.0.0.1:{port}" if name == "rest" else f"ws://127.0.0.1:{port}/ws" for name in dialect.hosts
    }
    return Settings(
        vantage="wire",
        assets={name: AssetSettings() for name in assets(count)},
        venues={"bybit": VenueSettings(hosts=hosts, disabled=unused, every_s={"server_time": 1.0})},
        correlator=CORRELATOR,
        store=StoreSettings(folder=folder),
        telemetry=TelemetrySettings(otlp_endpoint=""),
        web=WebSettings(enabled=False),
        sinks={"wire": {"type": "webhook", "url": f"http://127.0.0.1:{port}/webhook", "secret_env": SECRET_ENV}},
    )


async def run(count: int, late_s: float) -> dict[str, Any]:
    """Run the daemon while the venue plays; return what the venue sent and received."""
    command = ("-m", "tests.wire_to_webhook", "--venue", "--assets", str(count), "--late", str(late_s))
    venue = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE, limit=100_000_000)
    assert venue.stdout is not None
    assert venue.stdin is not None
    port = int(await venue.stdout.readline())
    with tempfile.TemporaryDirectory(prefix="stormwatch-wire-") as folder:
        daemon = Daemon(settings_for(port, count, folder), env={**os.environ, SECRET_ENV: "s" * 32})
        stop = asyncio.Event()
        running = asyncio.create_task(daemon.run(stop))
        try:
            line = asyncio.create_task(venue.stdout.readline())
            await asyncio.wait({line, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            played = json.loads(await line)
        finally:
            stop.set()
            await asyncio.gather(running, return_exceptions=True)
            venue.stdin.close()
            await venue.wait()
    played["late"] = daemon.correlator.late
    return dict(played)


def delays(played: dict[str, Any]) -> tuple[list[float], list[float], int]:
    """For each change that a burst made due: since the last and the first order of its second; and how many others came."""
    last, first, others = [], [], 0
    for arrived_s, change in played["webhooks"]:
        end_s = datetime.fromisoformat(change["at"]).timestamp()
        orders = played["orders"].get(change["scope"].removeprefix("asset:"), [])
        sent = [sent_s for event_s, sent_s in orders if end_s - 1 <= event_s < end_s]
        if sent:
            last.append(arrived_s - max(sent))
            first.append(arrived_s - min(sent))
        else:
            others += 1
    return last, first, others


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire_to_webhook")
    parser.add_argument("--assets", type=int, default=100, help="how many bursts, one for each asset")
    parser.add_argument("--late", type=float, default=0.0, help="how late the feed is, in seconds")
    parser.add_argument("--venue", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.venue:
        asyncio.run(play_venue(given.assets, given.late))
        return 0
    played = asyncio.run(run(given.assets, given.late))
    last, first, others = delays(played)
    if not last:
        print("no webhook came")
        return 1
    p50, p99 = quantile(last, 0.5), quantile(last, 0.99)
    orders = sum(len(one) for one in played["orders"].values())
    print(f"{platform.machine()}, {os.cpu_count()} cores, python {platform.python_version()}, {_processor()}")
    print(
        f"bursts {given.assets}, orders {orders}, webhooks {len(last)} due by a burst and {others} others, late {played['late']}"
    )
    print(f"wire to webhook       p50 {p50:.3f} s (at most {P50_S})  p99 {p99:.3f} s (at most {P99_S})  n {len(last)}")
    print(f"from the first order  p50 {quantile(first, 0.5):.3f} s  p99 {quantile(first, 0.99):.3f} s")
    return int(p50 > P50_S or p99 > P99_S)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    sys.exit(main())
