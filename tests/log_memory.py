"""Sends many signals through the pipeline into the local log, and shows whether resident memory stays flat.

    python -m tests.log_memory [--signals 10000000] [--database]

The log is small (`max_mb`), so segments are thinned and removed all the time. With --database its reader follows into an
embedded PostgreSQL. Prints the resident memory after each million; exit code 1: the last differs from that after the second by
more than 20 MB, or a signal of the pipeline was not written.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.intake import Intake
from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.store.embedded import EmbeddedServer
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER, StoreReader
from monitor.store.settings import StoreSettings
from probes.readings import Reading
from tests.monitor.correlator.storm import DRILL

MILLION = 1_000_000
MOST_MB = 20.0
PER_S = 1_000
"""Signals of one second of the signals' own time."""
A_CALL = 100
MOST_WAITING = 20_000
"""The source waits while so many rows wait in memory: only then is every signal written."""
BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
ASSETS = ("AAA", "BBB", "CCC")
VENUES = ("alpha", "beta", "gamma", "delta")
LOG = LogSettings(max_mb=8, segment_mb=2, keep_s=0.0)
"""So small that both ways of making room begin before the second million."""


class NoTelemetry:
    """A recorder that records nothing."""

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None


def calls(count: int) -> Iterator[list[Signal]]:
    """Lists of signals: pulses of each venue's feed, one forced order in twenty, and a surge in every tenth minute."""
    subjects = [Subject(asset=asset, venue=venue, instrument=f"{asset}-PERP") for asset in ASSETS for venue in VENUES]
    yield [_signal(SignalKind.EXPECT, one, 0, BEGAN, 5.0, {"leg": "liquidation"}) for one in subjects]
    for begin in range(1, count, A_CALL):
        call = []
        for seq in range(begin, min(begin + A_CALL, count)):
            at = BEGAN + timedelta(seconds=seq / PER_S)
            subject = subjects[seq % len(subjects)]
            surging = seq // PER_S % 600 < 20
            if seq % (2 if surging else 20) == 0:
                order: dict[str, Scalar] = {"side": "long", "censoring": "complete", "backlog": False}
                call.append(_signal(SignalKind.LIQUIDATION, subject, seq, at, 2_000.0 + seq % 977, order))
            else:
                call.append(_signal(SignalKind.FEED_PULSE, subject, seq, at, 1.0, {}))
        yield call


def _signal(
    kind: SignalKind, subject: Subject, seq: int, at: datetime, value: float, attributes: dict[str, Scalar]
) -> Signal:
    return Signal(kind, subject, at, at, f"{subject.venue}/liquidation", seq, value, attributes)


def rss_mb() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MILLION


async def run(count: int, folder: Path, dsn: str | None) -> bool:
    """Send so many; whether memory stayed flat."""
    log = SqliteLog(folder / "log", LOG, {READER: Holding.UNTIL_LIMIT}, _now)
    await log.open()
    reader: StoreReader | None = None
    following: asyncio.Task[None] | None = None
    if dsn is not None:
        settings = StoreSettings(dsn=dsn, folder=str(folder))
        reader = StoreReader(PostgresStore(settings, {}), log, settings, _now)
        following = asyncio.create_task(reader.run())
    correlator = Correlator(replace(DRILL, leave_after_s=5, merge_s=5))
    pipeline = Pipeline(Intake(vantage="memory", assets={}, contracts={}, pools={}), correlator, NoTelemetry(), log)
    found_mb: list[float] = []
    began = perf_counter()
    for call in calls(count):
        pipeline.take(call)
        while log.health().waiting > MOST_WAITING:
            await log.wait(log.end)
        await asyncio.sleep(0)
        if pipeline.heard // MILLION > len(found_mb):
            found_mb.append(rss_mb())
            lag = f", the database lacks {reader.lag().entries} entries" if reader is not None else ""
            print(f"{pipeline.heard / MILLION:.0f} M: {found_mb[-1]:.1f} MB, {pipeline.heard / (perf_counter() - began):,.0f} "
                  f"signals/s, log {log.health().size / MILLION:.0f} MB{lag}", flush=True)  # fmt: skip
    await log.flush()
    if following is not None and reader is not None:
        whole = await reader.flush(60.0)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        print(f"written to the database: {reader.lag().written}, missed entries: {reader.lag().missed}, whole: {whole}")
    health = log.health()
    await log.close()
    in_memory = sum(health.dropped.values())
    print(f"written to the log: {health.written} of {pipeline.heard}; thinned by its limit: {in_memory}")
    if len(found_mb) < 3:
        print("too few signals to compare: 3 million at least")
        return False
    grown_mb = found_mb[-1] - found_mb[1]
    good = abs(grown_mb) <= MOST_MB and health.written >= pipeline.heard
    print(
        f"from the second million to the last: {grown_mb:+.1f} MB (bar: {MOST_MB:.0f}): {'met' if good else 'MISSED'}"
    )
    return good


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=10 * MILLION)
    parser.add_argument("--database", action="store_true", help="with the reader into an embedded PostgreSQL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stormwatch-memory-") as name, ExitStack() as used:
        dsn = None
        if given.database:  # the server's folder belongs to its own user, so the log lies in another
            server = EmbeddedServer(Path(used.enter_context(tempfile.TemporaryDirectory(prefix="stormwatch-memory-"))))
            dsn = server.start()
            used.callback(server.stop)
        return 0 if asyncio.run(run(given.signals, Path(name), dsn)) else 1


if __name__ == "__main__":
    sys.exit(main())
