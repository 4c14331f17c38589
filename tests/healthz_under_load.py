"""Asks /healthz of a daemon that takes thousands of forced orders a second, and shows how long the answers take.

    python -m tests.healthz_under_load [--seconds 30] [--per-s 6000]

The daemon is the real one in a process of its own: log, correlator, embedded PostgreSQL, web server. Only its source is scripted:
readings of liquidations of two venues, the same number every 20 ms, so reading a venue's messages is not part of it. Exit code 1:
the 99th percentile is above 100 ms, a request failed, or the source sent less than asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal as system_signals
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import aiohttp

from monitor.daemon.daemon import Daemon
from monitor.daemon.logs import set_up_logs
from monitor.pipeline import Pipeline
from monitor.settings.tree import AssetSettings, Settings
from monitor.store.settings import StoreSettings
from monitor.web.settings import WebSettings
from probes.readings import Censoring, Instrument, InstrumentsListed, Liquidation, Market, Side, VenueId
from tests.bench.figures import quantile

MOST_S = 0.1
ASKED_PER_S = 20
STEP_S = 0.02
READY_S = 90.0
SETTLE_S = 3.0
ASSETS = tuple(f"H{number}" for number in range(5))
VENUES: tuple[VenueId, ...] = (VenueId("okx"), VenueId("gate"))


class Orders:
    """The scripted source: `per_s` forced orders a second for ever."""

    def __init__(self, pipeline: Pipeline, per_s: int) -> None:
        self._pipeline = pipeline
        self._per_step = round(per_s * STEP_S)
        self.sent = 0

    async def run(self) -> None:
        now = datetime.now(UTC)
        listed = tuple(Instrument(symbol=f"{one}-USDT", base=one, quote="USDT", market=Market.PERP) for one in ASSETS)
        for venue in VENUES:
            self._pipeline.take_reading(InstrumentsListed(venue=venue, received_at=now, instruments=listed))
        due = time.monotonic()
        while True:
            for _ in range(self._per_step):
                self._pipeline.take_reading(self._one())
            due += STEP_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _one(self) -> Liquidation:
        self.sent += 1
        now = datetime.now(UTC)
        price, quantity = Decimal("2.5"), Decimal(100 + self.sent % 977)
        return Liquidation(
            venue=VENUES[self.sent % 2], instrument=f"{ASSETS[self.sent % len(ASSETS)]}-USDT", received_at=now,
            event_time=now, side=Side.LONG, price=price, quantity=quantity, notional_usd=price * quantity,
            censoring=Censoring.COMPLETE,
        )  # fmt: skip


async def daemon(folder: str, port: int, per_s: int) -> None:
    """The child: prints a line when it is ready, and what its pipeline has heard whenever it is asked (SIGUSR1)."""
    settings = Settings(
        vantage="load",
        assets={asset: AssetSettings() for asset in ASSETS},
        store=StoreSettings(folder=folder),
        web=WebSettings(port=port),
    )
    one = Daemon(settings, env={})
    set_up_logs(False)
    ticks = one._sources._ticks
    orders = Orders(one.pipeline, per_s)
    one._sources.parts = lambda: {"orders": orders.run, "clock": ticks}  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(system_signals.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(
        system_signals.SIGUSR1,
        lambda: print(f"{one.pipeline.heard} {time.process_time():.3f} {time.monotonic():.3f}", flush=True),
    )
    await one.run(stop, lambda: print("ready", flush=True))


async def measure(seconds: float, per_s: int) -> bool:
    """Start the daemon, ask it, and print what came out; whether the bar is met."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="stormwatch-load-") as folder:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.healthz_under_load", "--daemon", folder, "--port", str(port), "--per-s", str(per_s),
            stdout=PIPE, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        try:
            assert child.stdout is not None
            async with asyncio.timeout(READY_S):
                assert (await child.stdout.readline()).strip() == b"ready", "the daemon did not start"
            await asyncio.sleep(SETTLE_S)
            before = await _state(child)
            took_s, failed = await _asked(f"http://127.0.0.1:{port}/healthz", seconds)
            after = await _state(child)
        finally:
            if child.returncode is None:
                child.terminate()
            await child.wait()
    sent, cpu_s, lasted_s = (new - old for new, old in zip(after, before, strict=True))
    p99_s = quantile(took_s, 0.99) if took_s else float("inf")
    good = p99_s <= MOST_S and not failed and sent >= 0.98 * per_s * lasted_s
    print(f"{sent / lasted_s:,.0f} forced orders a second for {lasted_s:.0f} s (asked for {per_s:,}); the daemon took "
          f"{cpu_s / lasted_s:.0%} of one core; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    if took_s:
        print(f"/healthz: p50 {quantile(took_s, 0.5) * 1e3:.1f} ms, p99 {p99_s * 1e3:.1f} ms, max {max(took_s) * 1e3:.1f} ms "
              f"of {len(took_s)} answers, {failed} failed (bar: p99 {MOST_S * 1e3:.0f} ms): "
              f"{'met' if good else 'MISSED'}")  # fmt: skip
    return good


async def _state(child: asyncio.subprocess.Process) -> tuple[float, ...]:
    """The signals that the daemon has heard, its CPU seconds, and its clock."""
    assert child.stdout is not None
    child.send_signal(system_signals.SIGUSR1)
    return tuple(map(float, (await asyncio.wait_for(child.stdout.readline(), READY_S)).split()))


async def _asked(url: str, seconds: float) -> tuple[list[float], int]:
    """How long each answer took, asked at a fixed rate however slow the answers are, and how many requests failed."""
    took_s: list[float] = []
    failed = 0

    async def ask(session: aiohttp.ClientSession) -> None:
        nonlocal failed
        began = time.perf_counter()
        try:
            async with session.get(url) as answer:
                await answer.read()
                answer.raise_for_status()
            took_s.append(time.perf_counter() - began)
        except (aiohttp.ClientError, TimeoutError):
            failed += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session, asyncio.TaskGroup() as group:
        for _ in range(round(seconds * ASKED_PER_S)):
            group.create_task(ask(session))
            await asyncio.sleep(1 / ASKED_PER_S)
    return took_s, failed


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--per-s", type=int, default=6000)
    parser.add_argument("--daemon", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.daemon:
        asyncio.run(daemon(given.daemon, given.port, given.per_s))
        return 0
    return 0 if asyncio.run(measure(given.seconds, given.per_s)) else 1


if __name__ == "__main__":
    sys.exit(main())
