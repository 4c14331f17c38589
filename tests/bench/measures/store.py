"""Measures rows a second from the local log into PostgreSQL, beside the driver's bare COPY of the same rows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import asyncpg

from monitor.log import Holding
from monitor.log.codec import decode_rows, encode_signals
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal
from monitor.store.copy_format import CopiedSignals, Known
from monitor.store.embedded import EmbeddedServer
from monitor.store.log_rows import Signals
from monitor.store.postgres import PostgresStore
from monitor.store.reader import READER, StoreReader
from monitor.store.rows import COLUMNS
from monitor.store.settings import StoreSettings
from tests.bench.figures import Figure
from tests.monitor.correlator.storm import Story

ROWS = 200_000
"""Rows of one turn."""
TURNS = 5
GROUP = 1_000
"""Rows of one entry of the log: a twentieth of a second of a storm."""
COPY_ROWS = 5_000
PEER_NAME = "asyncpg copy_records_to_table, rows prepared beforehand"
PEER_NOTE = (
    "the peer copies tuples in transactions of 5,000 rows into a table of the same columns, index and partitioning, with nothing "
    "else to write, and leaves their encoding to the driver"
)
SIMULATED = "the signals; the log and the server are real (embedded PostgreSQL on a Unix socket, fsync as shipped)"


def bench() -> list[Figure]:
    """Rows a second, and their share of the bare driver's rate."""
    with tempfile.TemporaryDirectory(prefix="stormwatch-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        dsn = server.start()
        try:
            return asyncio.run(_bench(dsn, folder))
        finally:
            server.stop()


async def _bench(dsn: str, folder: str) -> list[Figure]:
    signals = Story(lasts_s=200, calm_per_s=800).signals()[:ROWS]
    assert len(signals) == ROWS, len(signals)
    settings = StoreSettings(dsn=dsn, folder=folder)
    store = PostgresStore(settings, {})
    await store.open()
    log = SqliteLog(Path(folder) / "log", LogSettings(), {READER: Holding.UNTIL_LIMIT}, _now)
    await log.open()
    bare = await asyncpg.connect(dsn)
    await bare.execute("create table bare_signals (like signals including all) partition by range (received_at)")
    await bare.execute("create table bare_signals_all (like signals including all)")
    await bare.execute("alter table bare_signals attach partition bare_signals_all default")
    ours, peer, encoded = [], [], []
    for turn in range(TURNS + 1):  # the first warms up
        ours.append(await _ours(store, log, settings, signals))
        peer.append(await _peers(bare, signals))
        encoded.append(await _encoded_peers(bare, signals))
        written = await bare.fetchval("select count(*) from signals")
        assert written == (turn + 1) * ROWS, written
    await bare.close()
    await store.close()
    await log.close()
    our_s, peer_s = min(ours[1:]), min(peer[1:])
    note = f"{ROWS:,} rows that wait in the log, {TURNS} turns taken alternately, the quickest; {PEER_NOTE}"
    return [
        Figure(
            name="store: rows from the log to PostgreSQL", value=ROWS / our_s, unit="rows/s", peer=PEER_NAME,
            peer_value=ROWS / peer_s, simulated=SIMULATED, note=note,
        ),
        Figure(
            name="store: share of the bare COPY's rate", value=100 * peer_s / our_s, unit="%", least=75, simulated=SIMULATED,
            note=note,
        ),
        Figure(
            name="store: share of the rate of COPY of encoded bytes", value=100 * min(encoded[1:]) / our_s, unit="%",
            simulated=SIMULATED, note="the same, but the peer's bytes are encoded beforehand too: the server's own rate",
        ),
    ]  # fmt: skip


async def _ours(store: PostgresStore, log: SqliteLog, settings: StoreSettings, signals: Sequence[Signal]) -> float:
    """Seconds from the connection to the last row."""
    for at in range(0, len(signals), GROUP):
        log.signals(signals[at : at + GROUP])
        await log.flush()
    reader = StoreReader(store, log, settings, _now)
    began = perf_counter()
    assert await reader.flush(60.0)
    return perf_counter() - began


async def _peers(bare: asyncpg.Connection[asyncpg.Record], signals: Sequence[Signal]) -> float:
    """Seconds of COPY alone."""
    slices = []
    for at in range(0, len(signals), COPY_ROWS):
        some = Signals()
        some.add(decode_rows(encode_signals(signals[at : at + COPY_ROWS])), "bench")
        slices.append(list(some))
    began = perf_counter()
    for rows in slices:
        await bare.copy_records_to_table("bare_signals", records=rows, columns=COLUMNS)
    return perf_counter() - began


async def _encoded_peers(bare: asyncpg.Connection[asyncpg.Record], signals: Sequence[Signal]) -> float:
    """Seconds of COPY alone, of bytes that were encoded before."""
    known = Known()
    slices = []
    for at in range(0, len(signals), COPY_ROWS):
        some = CopiedSignals()
        some.add(encode_signals(signals[at : at + COPY_ROWS]), "bench", known)
        slices.append(some.copy())
    began = perf_counter()
    for one in slices:
        await bare.copy_to_table("bare_signals", source=one, columns=COLUMNS, format="binary")
    return perf_counter() - began


def _now() -> datetime:
    return datetime.now(UTC)
