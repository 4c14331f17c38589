"""Fills the daemon's disk while it hears, judges and tells, and counts what was lost, dropped in silence, or untrue.

    python -m tests.disk_full [--seconds 120] [--server external|embedded]

`store.folder` and a recording lie on a tmpfs of 110 MB; PostgreSQL lies elsewhere, and then on the same disk (the embedded one).
A file takes all room for so many seconds while the source makes 500 signals a second and incidents; then it goes. After that the
disk is filled again, and the daemon is stopped, started and stopped on the full disk. Bars, for each server:

- every incident change that was judged in a life is in PostgreSQL and has reached the webhook; those the log still holds agree;
- every signal that is missing in PostgreSQL is a routine one, and is counted: by `/metrics`, or at a stop by the daemon's log;
- `/readyz` is not ready while PostgreSQL is too far behind, and all is well again within 90 s of the end;
- the daemon takes at most 200 MB, writes at most 1 MB to stderr, hears at least 95 % of 500 signals a second throughout;
- the recording can be read to its end, and holds all that was heard until the first fault was over, unless that was dropped;
- a start on the full disk works, or ends with one line that says what to do.

It needs root for the tmpfs; without it, it says so and ends with 0. Exit code 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from monitor.log.health import BEHIND_S
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS
from monitor.store.embedded import EmbeddedServer
from tests.database_faults import SLACK_S, Behind
from tests.killed_daemon import A_STEP, STEP_S, Order
from tests.kills import Receiver, delivered, in_log
from tests.observed_life import Life, free_port

DISK_MB = 110
WARM_S = 10.0
ROUND_S = 0.2
"""How often the filler takes what has become free."""
AGAIN_S = 90.0
ENDS_S = 15.0
MEMORY_MB = 200.0
OUTPUT_MB = 1.0
HEARD_SHARE = 0.95
STOP_S = 10.0
A_FEW = 100
"""Changes are counted with what was heard."""
INTO_FAULT_S = 5.0
NOT_WRITTEN = re.compile(r"([0-9]+) rows were not written")
DROPPED = re.compile(r'^stormwatch_log_rows_total\{[^}]*="dropped"[^}]*\} ([0-9.e+]+)', re.MULTILINE)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of `DISK_MB`. Raises OSError where there may be none."""
    folder.mkdir()
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0755", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        raise OSError(made.stderr.decode(errors="replace").strip())
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


class Filler:
    """A file that takes all room of a disk, also what becomes free, until it goes."""

    def __init__(self, disk: Path) -> None:
        self._path = disk / "filler"
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Take all room from now on."""
        self._take()
        self._task = asyncio.create_task(self._again())

    async def end(self) -> None:
        """Give all room back."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._path.unlink(missing_ok=True)

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(ROUND_S)
            self._take()

    def _take(self) -> None:
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            for size in (1_000_000, 4096):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass


class Run:
    """One run, with PostgreSQL elsewhere or on the full disk."""

    def __init__(self, place: Path, disk: Path, receiver: Receiver, embedded: bool) -> None:
        self._place = place
        self._disk = disk
        self._receiver = receiver
        self._external = None if embedded else EmbeddedServer(place / "server")
        self._dsn = "" if self._external is None else self._external.start()
        self._filler = Filler(disk)
        self._order = Order(
            folder=str(disk / "store"), heard=str(place / "heard"), webhook=receiver.url, dsn=self._dsn, port=free_port(),
            together=True,
            record=str(disk / "copy.jsonl.gz"), max_mb=40,
        )  # fmt: skip
        self._behind = Behind(self._dsn or _dsn_of(disk / "store"), datetime.now(UTC))
        self.checks: list[tuple[str, object, bool]] = []
        self._dropped = 0
        self._peak_mb = 0.0
        self._to_copy = 0

    @property
    def output(self) -> Path:
        """What all lives wrote to stderr."""
        return self._place / "output"

    def _check(self, name: str, value: object, holds: bool) -> None:
        self.checks.append((name, value, holds))

    async def run(self, seconds: float) -> bool:
        """The lives, and the judgement; whether all bars are met."""
        try:
            await self._filled(seconds)
            await self._started_full()
            await self._last()
            await self._compare()
        finally:
            await self._filler.end()
            if self._external is not None:
                await asyncio.to_thread(self._external.stop)
        return all(holds for _, _, holds in self.checks)

    async def _filled(self, seconds: float) -> None:
        """Life 1: the disk is full for a time, recovers, and is full at the stop."""
        life = Life(self._order, self.output)
        watching = asyncio.create_task(self._behind.watch())
        try:
            await life.start()
            await life.until_ready(60.0)
            await asyncio.sleep(WARM_S)
            began_s, heard = time.monotonic(), self._heard()
            self._filler.begin()
            await asyncio.sleep(seconds)
            over_s = time.monotonic()
            self._to_copy = self._heard()
            share = (self._to_copy - heard) / ((over_s - began_s) * A_STEP / STEP_S)
            await self._filler.end()
            again_s = await life.until_ready(2 * AGAIN_S)
            await asyncio.sleep(WARM_S)  # the recording tries again each 5 s
            in_fault = [one for one in life.seen if began_s <= one.at_s <= over_s]
            named_s = next((one.at_s - began_s for one in in_fault if one.names("the log cannot be written")), None)
            reasons = {
                "no answer" if one.reasons is None else text.split("(")[0].strip()
                for one in in_fault
                for text in one.reasons or ("",)
            } - {""}
            said_ready = sum(one.ready for one in in_fault)
            untrue = sum(
                one.ready and self._behind.age_at(one.at_s) > BEHIND_S + SLACK_S
                for one in life.seen
                if one.at_s > began_s
            )
            self._check("answers not ready in the fault", f"{len(in_fault) - said_ready} of {len(in_fault)}", True)
            self._check("first that names the log after, s", named_s, True)
            self._check("reasons in the fault", sorted(reasons), True)
            self._check('answers "ready" while PostgreSQL was too far behind', untrue, untrue == 0)
            self._check("signals heard in the fault, share", round(share, 3), share >= HEARD_SHARE)
            self._check("ready again after, s", again_s, again_s is not None and again_s <= AGAIN_S)
            self._filler.begin()
            await asyncio.sleep(INTO_FAULT_S)
            await self._stopped(life, "stop on the full disk, s")
        finally:
            watching.cancel()
            await life.kill()

    async def _started_full(self) -> None:
        """Life 2: it starts while the disk is full, or says what to do."""
        life = Life(msgspec.structs.replace(self._order, record=""), self.output)
        try:
            await life.start()
            await asyncio.sleep(INTO_FAULT_S)
            await self._stopped(life, "start and stop on the full disk, s")
        except AssertionError as error:
            last = str(error).splitlines()[-1:]
            self._check("start on the full disk ends with", last, "OperatorError" in str(last) and "room" in str(last))
        finally:
            await life.kill()
            await self._filler.end()

    async def _last(self) -> None:
        """The last life: there is room, all incidents end, and all readers catch up."""
        life = Life(msgspec.structs.replace(self._order, calm=True, record=""), self.output)
        try:
            await life.start()
            await life.until_ready(AGAIN_S)
            await asyncio.sleep(ENDS_S)
            await self._stopped(life, "last stop, s")
        finally:
            await life.kill()

    async def _stopped(self, life: Life, name: str) -> None:
        took_s = await life.stop()
        self._dropped += sum(int(float(one)) for one in DROPPED.findall(life.metrics))
        self._peak_mb = max(self._peak_mb, life.peak_mb)
        self._check(name, round(took_s, 1), took_s <= STOP_S)

    def _heard(self) -> int:
        """Signals heard so far, and a few changes."""
        return _lines(self._place / "heard")

    async def _compare(self) -> None:
        dsn = self._dsn
        own = None
        if not dsn:
            own = EmbeddedServer(self._disk / "store")
            dsn = await asyncio.to_thread(own.start)
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch("select run_id, source, seq, kind from signals")
            known = {
                f"{row[0]}:{row[1]}"
                for row in await connection.fetch("select incident_id, revision from incident_changes")
            }
        finally:
            await connection.close()
            if own is not None:
                await asyncio.to_thread(own.stop)
        stored = {(row[0], row[1], row[2]) for row in rows}
        judged, heard = self._truth()
        _, held = await in_log(self._disk / "store" / "log")
        in_order, undelivered = delivered(held, self._receiver.keys)
        missing = heard.keys() - stored
        required = sum(not KINDS[heard[one]].droppable for one in missing)
        keys = set(self._receiver.keys)
        self._check("incident changes judged", len(judged), len(judged) > 0)
        self._check("… not in PostgreSQL", len(judged - known), not judged - known)
        self._check("… of the log and not at the webhook", undelivered, undelivered == 0)
        self._check(
            "… not at the webhook, themselves or by a later one", _untold(judged, keys), _untold(judged, keys) == 0
        )
        self._check("… at the webhook in order", in_order, in_order)
        self._check("signals heard", len(heard), True)
        self._check("… twice in PostgreSQL", len(rows) - len(stored), len(rows) == len(stored))
        self._check("… not in PostgreSQL", len(missing), True)
        self._check("… of these, not routine", required, required == 0)
        told = self._dropped + sum(map(int, NOT_WRITTEN.findall(self.output.read_text())))
        self._check("… told, by /metrics or at a stop by the log", told, told >= len(missing))
        self._check("peak RSS, MB", round(self._peak_mb), self._peak_mb <= MEMORY_MB)
        size = self.output.stat().st_size / 1e6
        self._check("stderr, MB", round(size, 3), size <= OUTPUT_MB)
        copied = _copied(Path(self._order.record))
        self._check(
            f"signals in the recording, of {self._to_copy} until the first fault ended",
            copied,
            copied >= self._to_copy - A_FEW - self._dropped,
        )

    def _truth(self) -> tuple[set[str], dict[tuple[str, str, int], SignalKind]]:
        """The changes that were judged, and the kind of each signal that was heard."""
        judged: set[str] = set()
        heard: dict[tuple[str, str, int], SignalKind] = {}
        for line in (self._place / "heard").read_text().splitlines():
            parts = line.split()
            if len(parts) == 5:
                heard[(parts[0], parts[1], int(parts[2]))] = SignalKind(parts[4])
            elif len(parts) == 1:
                judged.add(parts[0])
        return judged, heard


def _dsn_of(store: Path) -> str:
    """Of the daemon's own server: its socket lies in its folder, where the path is short."""
    return f"postgresql://postgres:@/postgres?host={store / 'postgres'}&port=5432"


def _untold(judged: set[str], keys: set[str]) -> int:
    """How many changes did not arrive, nor any later one of their incident."""
    newest: dict[str, int] = {}
    for key in keys:
        incident, _, revision = key.rpartition(":")
        newest[incident] = max(newest.get(incident, 0), int(revision))
    return sum(int(one.rpartition(":")[2]) > newest.get(one.rpartition(":")[0], 0) for one in judged)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _copied(path: Path) -> int:
    """Signals in the recording; raises where a line of it cannot be read."""
    with gzip.open(path) as file:
        return sum(bool(json.loads(line)) for line in file) - 1


async def run(servers: list[str], seconds: float) -> bool:
    holds = True
    for server in servers:
        receiver = Receiver()
        runner = await receiver.start()
        with tempfile.TemporaryDirectory(prefix="stormwatch-full-") as folder:
            place = Path(folder)
            place.chmod(0o755)  # noqa: ASYNC240  # before anything runs
            with small_disk(place / "disk") as disk:
                one = await asyncio.to_thread(Run, place, disk, receiver, server == "embedded")
                try:
                    holds = await one.run(seconds) and holds
                except BaseException:
                    print(one.output.read_text()[-4000:], file=sys.stderr)
                    raise
                finally:
                    keep = Path(tempfile.gettempdir()) / f"disk_full_{server}.log"
                    keep.write_bytes(one.output.read_bytes())
                print(f"\nPostgreSQL {server}, full for {seconds:g} s; {platform.machine()}, {os.cpu_count()} cores")
                for name, value, met in one.checks:
                    print(f"  {name}: {value} {'met' if met else 'MISSED'}", flush=True)
        await runner.cleanup()
    return holds


def may_mount() -> bool:
    """Whether this process may mount a tmpfs."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk"):
                return True
        except OSError as error:
            print(f"not tried: a small disk cannot be made here ({error})")
            return False


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=120.0)
    options.add_argument("--server", choices=("external", "embedded"))
    given = options.parse_args()
    if not may_mount():
        sys.exit(0)
    sys.exit(not asyncio.run(run([given.server] if given.server else ["external", "embedded"], given.seconds)))
