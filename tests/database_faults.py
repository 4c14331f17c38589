"""Gives the daemon a PostgreSQL that is away, silent, late, cut off or killed, and counts what was lost, untrue or slow to end.

    python -m tests.database_faults [--seconds 120] [--case away|silent|late|cut|killed]

The real daemon hears 500 signals a second. Each case has four lives on one store: in the first the fault lasts so many seconds
(from its start on; cut and killed: from when it is ready), in the second it begins while all is well and the daemon is stopped
in it, the third starts and is stopped in it, and the last catches up. Bars, for each case:

- of all signals and changes in the log, PostgreSQL lacks none and holds none twice;
- `/readyz` names the database within 8 s of the fault (late: only if it falls behind), is never ready while the newest stored
  signal is older than the stated limit, and is ready again within 60 s of the end of the fault;
- a stop in the fault takes at most 10 s; the daemon takes at most 200 MB.

Exit code 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal as system_signals
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from monitor.log.health import BEHIND_S
from monitor.store.embedded import EmbeddedServer
from tests.changing_proxy import ChangingProxy, Mode
from tests.killed_daemon import Order
from tests.kills import Receiver, in_log
from tests.observed_life import Life, free_port

NAMED_S = 8.0
AGAIN_S = 60.0
STOP_S = 10.0
MEMORY_MB = 200.0
SLACK_S = 3.0
"""What lies between a reader's answer and our own question."""
INTO_FAULT_S = 5.0
DOWN_S = 5.0
DATABASE = "database is "
CASES = ("away", "silent", "late", "cut", "killed")
FROM_START = ("away", "silent", "late")


@dataclass
class Measured:
    """What one case showed."""

    case: str
    signals: int = 0
    changes: int = 0
    lost: int = 0
    twice: int = 0
    named_s: float | None = None
    """From the fault to the first answer that names the database."""
    untrue: int = 0
    """Answers "ready" while the database was farther behind than the limit."""
    not_ready: int = 0
    """Answers "not ready" in the fault, for any reason."""
    again_s: float | None = None
    most_behind_s: float = 0.0
    kills: int = 0
    stops_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    def missed(self) -> list[str]:
        """The bars that are missed."""
        bars = {
            "lost": self.lost == 0,
            "twice": self.twice == 0,
            "named": self.case == "late" or (self.named_s is not None and self.named_s <= NAMED_S),
            "true": self.untrue == 0,
            "ready again": self.again_s is not None and self.again_s <= AGAIN_S,
            "stop": all(one <= STOP_S for one in self.stops_s),
            "memory": self.peak_mb <= MEMORY_MB,
        }
        return [name for name, holds in bars.items() if not holds]


@dataclass
class Behind:
    """Asks PostgreSQL itself, past the proxy, how old its newest signal is."""

    dsn: str
    newest: datetime
    """Until something is stored: when the first life began."""
    ages: list[tuple[float, float]] = field(default_factory=list)
    """When it was asked (monotonic), and the age of the newest signal, in seconds."""

    async def watch(self) -> None:
        """Ask each second, until cancelled. While the server does not answer, what it answered last holds."""
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(self.dsn, timeout=2.0)
                try:
                    newest = await connection.fetchval("select max(received_at) from signals", timeout=5.0)
                finally:
                    connection.terminate()
                self.newest = newest or self.newest
            self.ages.append((time.monotonic(), (datetime.now(UTC) - self.newest).total_seconds()))
            await asyncio.sleep(1.0)

    def age_at(self, at_s: float) -> float:
        """The age at a moment: it was seen a second before and a second after, and the smaller counts, for the database
        may have caught up in between."""
        before = next((age for asked_s, age in reversed(self.ages) if asked_s <= at_s), 0.0)
        after = next((age for asked_s, age in self.ages if asked_s > at_s), before)
        return min(before, after)


class Case:
    """One case in a place of its own."""

    def __init__(self, name: str, seconds: float, place: Path, receiver: Receiver) -> None:
        self._name = name
        self._seconds = seconds
        self._place = place
        self._server = EmbeddedServer(place / "server")
        self._direct = self._server.start()
        self._proxy = ChangingProxy(self._direct, free_port())
        self._order = Order(
            folder=str(place / "store"), heard=str(place / "heard"), webhook=receiver.url, dsn=self._proxy.dsn,
            port=free_port(), together=True,
        )  # fmt: skip
        self.measured = Measured(name)

    async def run(self) -> Measured:
        """All four lives, and the comparison."""
        try:
            await self._first()
            for at_start in (False, True):
                await self._stopped_in_fault(at_start)
            await self._last()
            await self._compare()
        finally:
            await self._proxy.turn(Mode.AWAY)
            await asyncio.to_thread(self._server.stop)
        return self.measured

    async def _begin_fault(self) -> None:
        if self._name == "killed":
            self._kill()
        else:
            await self._proxy.turn(Mode(self._name))

    async def _end_fault(self) -> None:
        if self._name == "killed":
            await asyncio.to_thread(self._server.start)
        else:
            await self._proxy.turn(Mode.THROUGH)

    def _kill(self) -> None:
        pid = int((self._place / "server" / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, system_signals.SIGKILL)
        self.measured.kills += 1

    async def _first(self) -> None:
        life = Life(self._order, self._place / "output")
        behind = Behind(self._direct, datetime.now(UTC))
        from_start = self._name in FROM_START
        await self._proxy.turn(Mode(self._name) if from_start else Mode.THROUGH)
        watching = asyncio.create_task(behind.watch())
        try:
            await life.start()
            if not from_start:
                assert await life.until_ready(30.0) is not None, life.seen[-1]
            began_s = time.monotonic()
            if self._name == "killed":
                await self._kills(life)
            else:
                await self._begin_fault()
                await asyncio.sleep(self._seconds)
            over_s = time.monotonic()
            await self._end_fault()
            self.measured.again_s = await life.until_ready(2 * AGAIN_S)
            self._judge(life, behind, began_s, over_s)
            await life.stop()
            self.measured.peak_mb = life.peak_mb
        finally:
            watching.cancel()
            await life.kill()

    async def _kills(self, life: Life) -> None:
        """Kill the server whenever rows pass, and start it again, until the time is over."""
        until_s = time.monotonic() + self._seconds
        while time.monotonic() < until_s:
            killed = asyncio.Event()

            def kill(done: asyncio.Event = killed) -> None:
                self._kill()
                done.set()

            self._proxy.on_copy = kill
            async with asyncio.timeout(60.0):
                await killed.wait()
            await asyncio.sleep(DOWN_S)
            await asyncio.to_thread(self._server.start)
            await life.until_ready(30.0)

    def _judge(self, life: Life, behind: Behind, began_s: float, over_s: float) -> None:
        measured = self.measured
        in_fault = [one for one in life.seen if began_s <= one.at_s <= over_s]
        measured.named_s = next((one.at_s - began_s for one in in_fault if one.names(DATABASE)), None)
        measured.not_ready = sum(not one.ready for one in in_fault)
        measured.most_behind_s = max((age for asked_s, age in behind.ages if asked_s >= began_s), default=0.0)
        measured.untrue = sum(
            one.ready and behind.age_at(one.at_s) > BEHIND_S + SLACK_S for one in life.seen if one.at_s >= began_s
        )

    async def _stopped_in_fault(self, at_start: bool) -> None:
        life = Life(self._order, self._place / "output")
        try:
            if at_start:
                await self._begin_fault()
            await life.start()
            if not at_start:
                await life.until_ready(30.0)
                await self._begin_fault()
            await asyncio.sleep(INTO_FAULT_S)
            self.measured.stops_s.append(await life.stop())
            self.measured.peak_mb = max(self.measured.peak_mb, life.peak_mb)
            await self._end_fault()
        finally:
            await life.kill()

    async def _last(self) -> None:
        life = Life(msgspec.structs.replace(self._order, calm=True), self._place / "output")
        try:
            await life.start()
            await life.until_ready(60.0)
            await life.stop()
        finally:
            await life.kill()

    async def _compare(self) -> None:
        signals, changes = await in_log(self._place / "store" / "log")
        connection = await asyncpg.connect(self._direct)
        rows = await connection.fetch("select run_id, source, seq from signals")
        stored = Counter((row[0], row[1], row[2]) for row in rows)
        known = Counter(
            f"{row[0]}:{row[1]}" for row in await connection.fetch("select incident_id, revision from incident_changes")
        )
        await connection.close()
        wanted = {f"{one.incident_id}:{one.revision}" for one in changes}
        measured = self.measured
        measured.signals, measured.changes = sum(signals.values()), len(wanted)
        measured.lost = sum((signals - stored).values()) + len(wanted - known.keys())
        measured.twice = sum((stored - signals).values())


async def run(cases: list[str], seconds: float) -> bool:
    receiver = Receiver()
    runner = await receiver.start()
    found: list[Measured] = []
    try:
        for name in cases:
            with tempfile.TemporaryDirectory(prefix="stormwatch-faults-") as folder:
                place = Path(folder)
                place.chmod(0o755)  # noqa: ASYNC240  # before anything runs
                case = await asyncio.to_thread(Case, name, seconds, place, receiver)
                try:
                    found.append(await case.run())
                except BaseException:
                    print((place / "output").read_text()[-4000:], file=sys.stderr)
                    raise
            show(found[-1:])
    finally:
        await runner.cleanup()
    print(f"\nthe fault lasts {seconds:g} s; {platform.machine()}, {os.cpu_count()} cores")
    show(found)
    return not any(one.missed() for one in found)


def show(found: list[Measured]) -> None:
    print(f"{'case':8}{'signals':>9}{'changes':>9}{'lost':>6}{'twice':>7}{'named':>8}{'not ready':>11}{'untrue':>8}"
          f"{'behind':>9}{'again':>8}{'stops':>12}{'MB':>6}  bars")  # fmt: skip
    for one in found:
        named = "-" if one.named_s is None else f"{one.named_s:.1f} s"
        again = "-" if one.again_s is None else f"{one.again_s:.1f} s"
        stops = " ".join(f"{stop_s:.1f}" for stop_s in one.stops_s)
        bars = ", ".join(one.missed())
        print(f"{one.case:8}{one.signals:9}{one.changes:9}{one.lost:6}{one.twice:7}{named:>8}{one.not_ready:11}{one.untrue:8}"
              f"{one.most_behind_s:7.0f} s{again:>8}{stops:>10} s{one.peak_mb:6.0f}  {'MISSED: ' + bars if bars else 'met'}",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=120.0)
    options.add_argument("--case", choices=CASES)
    given = options.parse_args()
    sys.exit(not asyncio.run(run([given.case] if given.case else list(CASES), given.seconds)))
