"""Measures signals a second from an agent's log to the correlator's, with three servers and with one, beside the bare client.

The log is a story of eight assets at four venues with a storm at its end, in entries of the length that the log makes. The
agent's own writing is no part of it: it has been written. The bare client sends the same signals to the same servers, in the
messages of a publisher that keeps up: each entry alone.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from monitor.log import Entry, Holding, Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.publisher import READER, Divider
from monitor.log.codec import encode_signals
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal
from tests.bus.desk import machine
from tests.bus.drain import ASSETS, NOT_COUNTED, VANTAGE, Done, Order, Sent, bus_settings, own_assets
from tests.monitor.correlator.storm import START, Story
from tests.nats_servers import NatsServer, nats_cluster

LASTS_S = 20
PER_S = 10_000
"""Signals of a second of the story, before the storm."""
VENUES = 4
A_GROUP_S = 0.05 / 3
"""The log begins a group so often (`log.group_s` of 50 ms)."""
R3_PER_S, R1_PER_S = 10_000, 30_000
TAKES_AT_MOST_S = 300.0
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Figure:
    """One drain: signals, seconds, and the CPU of each process in seconds."""

    signals: int
    took_s: float
    cpu_s: dict[str, float]

    @property
    def per_s(self) -> float:
        return self.signals / self.took_s

    @property
    def alone_per_s(self) -> float:
        """What the CPU that was used allows at most, if nothing else uses these cores."""
        return self.signals / max(*self.cpu_s.values(), sum(self.cpu_s.values()) / CORES)

    def line(self, name: str) -> str:
        cpu = ", ".join(f"{one} {value:.1f} s" for one, value in self.cpu_s.items())
        alone = f"alone on {CORES} cores at most {self.alone_per_s:,.0f}"
        return f"  {name}: {self.per_s:,.0f} signals/s ({self.took_s:.1f} s; CPU {cpu}; {alone})"


def story() -> list[Signal]:
    """The signals of all assets in order of arrival; what is about no asset comes once."""
    calm = PER_S / len(ASSETS) / VENUES
    reported = Story(LASTS_S, calm_per_s=calm).surge(14, LASTS_S, per_s=2 * calm).trouble(15, LASTS_S).upgrade(16)
    shift = (
        datetime.now(UTC).replace(microsecond=0) - START - timedelta(seconds=LASTS_S)
    )  # a backlog: none of it is to come
    found = []
    for one in reported.signals():
        moved = msgspec.structs.replace(one, event_time=one.event_time + shift, received_at=one.received_at + shift)
        if one.subject.asset is None:
            found.append(moved)
            continue
        for asset in ASSETS:
            subject = msgspec.structs.replace(one.subject, asset=asset)
            found.append(msgspec.structs.replace(moved, subject=subject, source=f"{one.source}/{asset}"))
    return found


def groups(signals: Sequence[Signal]) -> Sequence[Sequence[Signal]]:
    """As the log would have grouped them."""
    found: list[list[Signal]] = []
    until = signals[0].received_at
    for one in signals:
        if one.received_at >= until or not found:
            found.append([])
            until = one.received_at + timedelta(seconds=A_GROUP_S)
        found[-1].append(one)
    return found


async def written(folder: Path, entries: Sequence[Sequence[Signal]]) -> None:
    local = SqliteLog(folder, LogSettings(keep_s=1e9), {READER: Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await local.open()
    for one in entries:
        local.signals(one)
        await local.flush()
    await local.close()


def bare_messages(name: str, entries: Sequence[Sequence[Signal]]) -> list[Sent]:
    divider = Divider(name, VANTAGE, "bare")
    found = []
    for position, signals in enumerate(entries, 1):
        entry = Entry(
            position=position, stream=Stream.SIGNALS, id=str(position), key="", run_id="r", at=datetime.now(UTC),
            rows=len(signals), body=encode_signals(signals),
        )  # fmt: skip
        found += [Sent(one.subject, {**one.headers, "Nats-Msg-Id": one.id}, one.body) for one in divider.parts(entry)]
    return found


async def started(place: Path, order: Order) -> Process:
    path = place / f"{order.role} {order.partition} {order.name}.json"
    path.write_bytes(msgspec.json.encode(order))
    with (place / "errors.log").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bus.drain", str(path), stdin=PIPE, stdout=PIPE, stderr=errors
        )
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line == b"ready\n", (place / "errors.log").read_text()[-3000:]
    return process


def cpu_of(server: NatsServer) -> float:
    """CPU of a server so far, in seconds."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drained(place: Path, servers: Sequence[NatsServer], orders: Sequence[Order], signals: int) -> Figure:
    """Start all processes, let them begin, the last of `orders` being who publishes, and wait until the readers are done."""
    bus = Bus(bus_settings(orders[0]), {}, "trial")
    await bus.open()
    await bus.prepare()
    await bus.close()
    processes = [await started(place, one) for one in orders]
    try:
        servers_s = sum(map(cpu_of, servers))
        began_s = time.time()
        for one in processes:
            assert one.stdin is not None
            one.stdin.write(b"go\n")
        done = []
        async with asyncio.timeout(TAKES_AT_MOST_S):
            for one in processes:
                assert one.stdout is not None
                done.append(msgspec.json.decode(await one.stdout.readline(), type=Done))
        cpu_s = {f"{order.role} {order.partition}": one.cpu_s for order, one in zip(orders, done, strict=True)}
        cpu_s["servers"] = sum(map(cpu_of, servers)) - servers_s
        return Figure(signals, max(one.at_s for one in done) - began_s, cpu_s)
    finally:
        for one in processes:
            with suppress(ProcessLookupError):
                one.kill()
            await one.wait()


def judged_by(order: Order, signals: Sequence[Signal]) -> int:
    own = own_assets(order)
    return sum(
        one.kind not in NOT_COUNTED and (one.subject.asset is None or one.subject.asset in own) for one in signals
    )


async def ours(place: Path, servers: Sequence[NatsServer], name: str, partitions: int) -> Figure:
    signals = story()
    entries = groups(signals)
    await written(place / f"{name}-agent", entries)
    base = Order(
        role="publisher", folder=str(place / f"{name}-agent"), servers=tuple(one.url for one in servers), name=name,
        replicas=len(servers), partitions=partitions,
    )  # fmt: skip
    judges = [
        msgspec.structs.replace(base, role="correlator", folder=str(place / f"{name}-{number}"), partition=number)
        for number in range(partitions)
    ]
    judges = [msgspec.structs.replace(one, expected=judged_by(one, signals)) for one in judges]
    return await drained(place, servers, [*judges, base], len(signals))


async def bare(place: Path, servers: Sequence[NatsServer], name: str) -> Figure:
    signals = story()
    messages = bare_messages(name, groups(signals))
    file = place / f"{name}.messages"
    file.write_bytes(msgspec.msgpack.encode(messages))
    base = Order(
        role="bare publisher", folder="", servers=tuple(one.url for one in servers), name=name, replicas=len(servers),
        messages=str(file), expected=len(messages),
    )  # fmt: skip
    return await drained(place, servers, [msgspec.structs.replace(base, role="bare reader"), base], len(signals))


async def throughput() -> bool:
    met = True
    print(f"{machine()}; load before: {os.getloadavg()[0]:.1f}")
    for size, least in ((3, R3_PER_S), (1, R1_PER_S)):
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stormwatch-bus-throughput-")))
            servers = stack.enter_context(nats_cluster(place, size)) if size > 1 else [alone(place, stack)]
            figure = await ours(place, servers, "ours", 1)
            met &= figure.per_s >= least
            print(f"{size} server(s), {figure.signals:,} signals; bar {least:,}: "
                  f"{'met' if figure.per_s >= least else 'MISSED'}")  # fmt: skip
            print(figure.line("agent's log to correlator's"))
            two = await ours(place, servers, "two", 2)
            print(two.line("the same, two correlators"))
            print((await bare(place, servers, "bare")).line("bare client, the same messages"), flush=True)
            ratio = (
                sum(value for one, value in two.cpu_s.items() if one.startswith("correlator"))
                / figure.cpu_s["correlator 0"]
            )
            print(f"  two correlators take {ratio:.2f} times the CPU of one")
    return met


def alone(place: Path, stack: ExitStack) -> NatsServer:
    server = NatsServer(place / "alone")
    stack.callback(server.kill)
    server.start()
    return server
