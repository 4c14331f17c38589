"""One process of the measurement of throughput: the real publisher or correlator, or the bare client of NATS with the same bytes.

It prints "ready", begins when a line comes on its standard input, and prints when it was done and how much CPU that took.

python -m tests.bus.drain ORDER.json
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import nats
from nats.js.api import AckPolicy, ConsumerConfig

from monitor.daemon.daemon import Daemon
from monitor.incidents import IncidentChange
from monitor.log import Holding
from monitor.log.bus.connection import Bus
from monitor.log.bus.publisher import READER, Publisher
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind, partition_of, stream_of
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.settings.tree import AssetSettings, Settings
from monitor.signals import Signal, SignalKind
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.web.settings import WebSettings
from tests.bus.life import NO_DATABASE

VANTAGE = "home"
ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX")
NOT_COUNTED = (SignalKind.TICK, SignalKind.FEED_SILENT)
"""A correlator makes these itself too."""
FETCH = 500
Begun = Callable[[], Coroutine[Any, Any, None]]


class Sent(msgspec.Struct, array_like=True, frozen=True):
    """One message, as the publisher would send it."""

    subject: str
    headers: dict[str, str]
    body: bytes


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks of one process."""

    role: Literal["publisher", "correlator", "bare publisher", "bare reader"]
    folder: str
    servers: tuple[str, ...]
    name: str
    replicas: int
    expected: int = 0
    """Signals that a correlator judges, or messages that a bare reader gets."""
    partition: int = 0
    partitions: int = 1
    messages: str = ""
    """The file of the bare client's messages."""


class Done(msgspec.Struct, frozen=True):
    """When a process was done, in unix seconds, and its CPU from the beginning to there, in seconds."""

    at_s: float
    cpu_s: float


def own_assets(order: Order) -> Sequence[str]:
    return [one for one in ASSETS if partition_of(one, order.partitions) == order.partition]


def bus_settings(order: Order) -> BusSettings:
    return BusSettings(
        servers=order.servers, name=order.name, replicas=order.replicas, partition=order.partition,
        partitions=order.partitions, max_mb=200,
    )  # fmt: skip


async def publisher(order: Order, begun: Begun) -> None:
    local = SqliteLog(
        Path(order.folder), LogSettings(keep_s=1e9), {READER: Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC)
    )
    await local.open()
    bus = Bus(bus_settings(order), {}, "publisher")
    one = Publisher(bus, local, order.name, VANTAGE, lambda: datetime.now(UTC))
    await begun()
    task = asyncio.create_task(one.run())
    while local.place(READER).position < local.end:  # noqa: ASYNC110  # the servers' word comes from other processes
        await asyncio.sleep(0.01)
    task.cancel()


class Counter:
    """Counts the signals that were judged."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.done = asyncio.Event()

    def on_signals(self, signals: Sequence[Signal]) -> None:
        self._left -= sum(one.kind not in NOT_COUNTED for one in signals)
        if self._left <= 0:
            self.done.set()

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Changes are in the log."""


async def correlator(order: Order, begun: Begun) -> None:
    settings = Settings(
        vantage=VANTAGE, assets={one: AssetSettings() for one in own_assets(order)}, bus=bus_settings(order),
        store=StoreSettings(folder=order.folder, dsn=NO_DATABASE), telemetry=TelemetrySettings(),
        web=WebSettings(enabled=False),
    )  # fmt: skip
    counter, stop, ready = Counter(order.expected), asyncio.Event(), asyncio.Event()
    daemon = Daemon(replace(settings), env={}, observers=(counter,), from_bus=True)
    asyncio.get_running_loop().create_task(daemon.run(stop, ready.set))
    await ready.wait()
    await begun()
    await counter.done.wait()


async def bare_publisher(order: Order, begun: Begun) -> None:
    sent = msgspec.msgpack.decode(Path(order.messages).read_bytes(), type=list[Sent])  # noqa: ASYNC240  # before anything runs
    client = await nats.connect(list(order.servers))
    stream = client.jetstream()
    await begun()
    futures = [await stream.publish_async(one.subject, one.body, headers=one.headers) for one in sent]
    await asyncio.gather(*futures)


async def bare_reader(order: Order, begun: Begun) -> None:
    client = await nats.connect(list(order.servers))
    subscription = await client.jetstream().pull_subscribe(
        "", "bare", stream=stream_of(order.name, Kind.SIGNALS), config=ConsumerConfig(ack_policy=AckPolicy.ALL)
    )
    left = order.expected
    await begun()
    while left > 0:
        try:
            found = await subscription.fetch(FETCH, timeout=1)
        except nats.errors.TimeoutError:
            continue
        left -= len(found)
        await found[-1].ack()


ROLES = {
    "publisher": publisher, "correlator": correlator, "bare publisher": bare_publisher, "bare reader": bare_reader,
}  # fmt: skip


async def main(order: Order) -> None:
    cpu_s = 0.0

    async def begun() -> None:
        nonlocal cpu_s
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        cpu_s = time.process_time()

    await ROLES[order.role](order, begun)
    print(msgspec.json.encode(Done(time.time(), time.process_time() - cpu_s)).decode(), flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)))
