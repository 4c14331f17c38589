"""Kills the daemon again and again, and counts what was lost, written twice, or told wrongly.

    python -m tests.kills [--kills 50] [--server external|embedded] [--seed 1]

A scripted source gives 500 signals a second; every second life ends at the instant of a change (or up to 100 ms after it), the
others at a random moment. At the end the daemon runs on until all incidents have ended, and stops cleanly. Then:

- of all signals in the log, how many PostgreSQL lacks or holds twice (bar: 0 and 0);
- of all signals heard, the longest time's worth that one kill lost (bar: 50 ms);
- whether every change of the log reached the sink, in order, its end included (bar: all);
- whether each incident went on with its id and the next revision over every kill (bar: all).

Everything is real but the source: the daemon, its log, PostgreSQL, the webhook's receiver on loopback. Exit code 1: a bar is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import signal as system_signals
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
from aiohttp import web

from monitor.incidents import ChangeKind, IncidentChange
from monitor.log import Holding, Stream
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.store.embedded import EmbeddedServer
from tests.killed_daemon import PERIOD_S, SECRET_ENV, Order

WORTH_S = 0.05
READY_S = 60.0
ENDS_S = 30.0
ENDS = (ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED)


@dataclass
class Receiver:
    """The webhook's receiver: the keys of all notes, in order of arrival."""

    keys: list[str] = field(default_factory=list)
    url: str = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        self.keys.append(request.headers["Idempotency-Key"])
        return web.Response()


async def life(order: Order, place: Path) -> Process:
    """Start one daemon, and wait until it is ready."""
    path = place / "order.json"
    path.write_bytes(msgspec.json.encode(order))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.killed_daemon", str(path), stdout=PIPE, env={**os.environ, SECRET_ENV: "x"}
    )
    assert process.stdout is not None
    async with asyncio.timeout(READY_S):
        line = await process.stdout.readline()
    if not line and not order.at_change:  # it may kill itself at a change of the pause before
        raise AssertionError("the daemon did not start")
    return process


async def killed(order: Order, place: Path, after_s: float) -> None:
    """One life: it kills itself at a change, or is killed after `after_s`."""
    process = await life(order, place)
    wait_s = 2 * PERIOD_S if order.at_change else after_s
    try:
        async with asyncio.timeout(wait_s):
            await process.wait()
    except TimeoutError:
        os.kill(process.pid, system_signals.SIGKILL)
        await process.wait()


async def run(kills: int, server: str, seed: int) -> bool:
    chance = random.Random(seed)
    receiver = Receiver()
    runner = await receiver.start()
    with tempfile.TemporaryDirectory(prefix="stormwatch-kills-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # noqa: ASYNC240  # before anything runs
        external = EmbeddedServer(place / "server") if server == "external" else None
        dsn = await asyncio.to_thread(external.start) if external else ""
        base = Order(folder=str(place / "store"), heard=str(place / "heard"), webhook=receiver.url, dsn=dsn)
        try:
            for number in range(kills):
                at_change = number % 2 == 1
                order = msgspec.structs.replace(base, at_change=at_change, seed=chance.randrange(1 << 30))
                await killed(order, place, chance.uniform(0.3, 3.0))
                print(f"kill {number + 1} of {kills} ({'at a change' if at_change else 'at random'})", flush=True)
            last = await life(msgspec.structs.replace(base, calm=True), place)
            await asyncio.sleep(ENDS_S)
            last.terminate()
            async with asyncio.timeout(30):
                await last.wait()
            if not dsn:
                external = EmbeddedServer(place / "store")
                dsn = await asyncio.to_thread(external.start)
            return await judged(place, dsn, receiver.keys, kills)
        finally:
            if external is not None:
                await asyncio.to_thread(external.stop)
            await runner.cleanup()


async def judged(place: Path, dsn: str, keys: list[str], kills: int) -> bool:
    signals, changes = await in_log(place / "store" / "log")
    connection = await asyncpg.connect(dsn)
    rows = Counter(
        (row[0], row[1], row[2]) for row in await connection.fetch("select run_id, source, seq from signals")
    )
    told = {(row[0], row[1]) for row in await connection.fetch("select incident_id, revision from incident_changes")}
    await connection.close()
    lost = sum((signals - rows).values()) + len({(one.incident_id, one.revision) for one in changes} - told)
    twice = sum(count - 1 for count in rows.values())
    worth_s, lost_heard = heard_and_lost(place / "heard", signals)
    order_holds, undelivered = delivered(changes, keys)
    broken = broken_incidents(changes)
    last = {
        one.incident_id: one.kind for one in changes
    }  # an incident may end, resume within the merging time, and end again
    left_open = sorted(name for name, kind in last.items() if kind not in ENDS)
    opened = sum(one.kind is ChangeKind.OPENED for one in changes)
    checks = [
        ("lost of the log in PostgreSQL", lost, lost == 0),
        ("twice in PostgreSQL", twice, twice == 0),
        ("longest worth of heard signals lost by one kill, ms", round(worth_s * 1000), worth_s <= WORTH_S),
        ("changes that did not reach the sink", undelivered, undelivered == 0),
        ("changes reached the sink in order", order_holds, order_holds),
        ("incidents that did not go on with id and revision", broken, not broken),
        ("incidents not ended at the end", left_open, not left_open and opened > 0),
    ]
    print(f"\n{kills} kills, {sum(signals.values())} signals in the log, {lost_heard} heard and lost, {len(changes)} changes, "
          f"{opened} incidents, {len(keys)} notes ({len(keys) - len(set(keys))} of them again); {platform.machine()}, "
          f"{os.cpu_count()} cores")  # fmt: skip
    for name, value, holds in checks:
        print(f"  {name}: {value} {'met' if holds else 'MISSED'}")
    return all(holds for _, _, holds in checks)


async def in_log(folder: Path) -> tuple[Counter[tuple[str, str, int]], list[IncidentChange]]:
    """Every signal of the log by run, source and number, and every change in order."""
    log = SqliteLog(folder, LogSettings(keep_s=86400.0), {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await log.open()
    signals: Counter[tuple[str, str, int]] = Counter()
    changes: list[IncidentChange] = []
    async for chunk in remaining(log, 0, (Stream.SIGNALS, Stream.CHANGE)):
        for entry in chunk.entries:
            if entry.stream is Stream.CHANGE:
                changes.append(decode_change(entry.body))
            else:
                signals.update((entry.run_id, one.source, one.seq) for one in decode_signals(entry.body))
    await log.close()
    return signals, changes


def heard_and_lost(path: Path, signals: Counter[tuple[str, str, int]]) -> tuple[float, int]:
    """The longest time from the first lost signal of a life to its end, and how many were lost in all."""
    by_run: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        parts = line.split()
        if len(parts) == 5:
            by_run[parts[0]].append((float(parts[3]), (parts[0], parts[1], int(parts[2])) in signals))
    worst_s, lost = 0.0, 0
    for heard in by_run.values():
        missing = [at_s for at_s, kept in heard if not kept]
        lost += len(missing)
        if missing:
            worst_s = max(worst_s, heard[-1][0] - missing[0])
    return worst_s, lost


def delivered(changes: list[IncidentChange], keys: list[str]) -> tuple[bool, int]:
    """Whether the first arrivals came in the log's order, and how many changes never arrived."""
    wanted = [f"{one.incident_id}:{one.revision}" for one in changes]
    first = {key: number for number, key in reversed(list(enumerate(keys)))}
    arrived = [first[key] for key in wanted if key in first]
    return arrived == sorted(arrived), len(set(wanted) - first.keys())


def broken_incidents(changes: list[IncidentChange]) -> list[str]:
    """Incidents whose revisions are not 1, 2, 3 …, and scopes that opened a second incident while one was open."""
    revisions: dict[str, list[int]] = defaultdict(list)
    open_now: dict[str, str] = {}
    broken = []
    for one in changes:
        revisions[one.incident_id].append(one.revision)
        if open_now.get(one.scope, one.incident_id) != one.incident_id:
            broken.append(f"{one.scope}: {one.incident_id} while {open_now[one.scope]} was open")
        open_now[one.scope] = one.incident_id
        if one.kind in ENDS:
            del open_now[one.scope]
    return broken + [f"{name}: {got}" for name, got in revisions.items() if got != list(range(1, len(got) + 1))]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--server", choices=("external", "embedded"), default="external")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    sys.exit(not asyncio.run(run(given.kills, given.server, given.seed)))
