"""Measures rows a second into PostgreSQL through the store, beside the driver's bare COPY of the same rows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg

from monitor.signals import Signal
from monitor.store.batch import Batch
from monitor.store.embedded import EmbeddedServer
from monitor.store.postgres import PostgresStore
from monitor.store.rows import COLUMNS, signal_rows
from monitor.store.settings import StoreSettings
from tests.bench.figures import Figure
from tests.monitor.correlator.storm import Story

BATCH = 5_000
BATCHES = 30
PEER_NAME = "asyncpg copy_records_to_table, rows prepared beforehand"
SIMULATED = "the signals; the server is real (embedded PostgreSQL on a Unix socket, fsync as shipped)"


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
    log = Story(lasts_s=200, calm_per_s=200).signals()[: BATCH * BATCHES]
    assert len(log) == BATCH * BATCHES, len(log)
    slices = [log[at : at + BATCH] for at in range(0, len(log), BATCH)]
    store = PostgresStore(StoreSettings(dsn=dsn, folder=folder), {})
    await store.open()
    try:
        bare = await asyncpg.connect(dsn)
        try:
            ours, peer = await _in_turns(store, bare, slices)
        finally:
            await bare.close()
    finally:
        await store.close()
    note = f"{len(log):,} rows in batches of {BATCH:,}, a transaction each; median batch"
    return [
        Figure(
            name="store: rows through PostgresStore.save", value=BATCH / ours, unit="rows/s", peer=PEER_NAME,
            peer_value=BATCH / peer, simulated=SIMULATED, note=note,
        ),
        Figure(
            name="store: share of the bare COPY's rate", value=100 * peer / ours, unit="%", least=60, simulated=SIMULATED,
            note=note,
        ),
    ]  # fmt: skip


async def _in_turns(store: PostgresStore, bare: Any, slices: Sequence[Sequence[Signal]]) -> tuple[float, float]:
    """Median seconds of a batch: ours, the peer's."""
    first = slices[0][0].received_at
    await store.save(Batch(run_id="warm", number=0, cut_at=first, signals=tuple(slices[0])))
    await bare.execute("create table bare_signals (like signals including all) partition by range (received_at)")
    await bare.execute("create table bare_signals_all (like signals including all)")
    await bare.execute("alter table bare_signals attach partition bare_signals_all default")
    ours: list[float] = []
    peer: list[float] = []
    for number, some in enumerate(slices, 1):
        batch = Batch(run_id="bench", number=number, cut_at=first, signals=tuple(some))
        began = perf_counter()
        assert await store.save(batch)
        ours.append(perf_counter() - began)
        rows = signal_rows(some, "bench")
        began = perf_counter()
        await bare.copy_records_to_table("bare_signals", records=rows, columns=COLUMNS)
        peer.append(perf_counter() - began)
    written = await bare.fetchval("select count(*) from signals where run_id = 'bench'")
    assert written == len(slices) * BATCH, written
    return median(ours), median(peer)
