"""Measures the local log: signals a second into it, alone and beside the judgement of the same signals.

Every turn ends when all of it is durable. Both sides take turns with the garbage collector as the daemon has it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import msgspec

from monitor.correlator import Correlator
from monitor.incidents import Level
from monitor.log import Holding
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.signals import Signal
from monitor.store.reader import READER
from tests.bench.figures import Figure
from tests.monitor.correlator.storm import Story

SIGNALS = 400_000
"""Signals of a turn of appending alone."""
A_CALL = 50
"""Signals of a call of appending alone: what a burst of a feed gives."""
TURNS = 5
APPEND_LEAST = 300_000
SHARE_LEAST = 80
PEER = "msgspec: the same signals to lines of JSON in a file, one fsync"
SIMULATED = "the signals; the log's files and their fsync are real"


def bench() -> list[Figure]:
    """Appending alone; and the share of the judgement's rate that is left with the log beside it, in two logs of signals."""
    busy = Story(lasts_s=300, calm_per_s=20).surge(120, 240, per_s=250).trouble(150, 240).upgrade(160).migrate(165)
    quiet = Story(lasts_s=3600).surge(3000, 3300).trouble(3010, 3300).upgrade(3020).migrate(3030)
    return [
        _append_figure(Story(lasts_s=200, calm_per_s=1600).signals()[:SIGNALS]),
        _share_figure("ordinary hour with a storm at its end", quiet.signals()),
        _share_figure("mixed log with a storm of forced orders", busy.signals()),
    ]


def _append_figure(signals: Sequence[Signal]) -> Figure:
    assert len(signals) == SIGNALS, len(signals)
    calls = [signals[at : at + A_CALL] for at in range(0, len(signals), A_CALL)]
    ours, peer = [], []
    for _ in range(TURNS):
        ours.append(asyncio.run(_appended(calls)))
        peer.append(_lines(calls))
    return Figure(
        name="log: signals appended, until durable", value=SIGNALS / min(ours), unit="signals/s", least=APPEND_LEAST,
        peer=PEER, peer_value=SIGNALS / min(peer), simulated=SIMULATED,
        note=f"{SIGNALS:,} signals, {A_CALL} a call; quickest of {TURNS} turns",
    )  # fmt: skip


def _share_figure(name: str, signals: Sequence[Signal]) -> Figure:
    calls = _as_the_pipeline(signals)
    alone, beside = [], []
    for _ in range(TURNS):
        alone.append(asyncio.run(_judged(calls, None)))
        with tempfile.TemporaryDirectory(prefix="stormwatch-bench-") as folder:
            beside.append(asyncio.run(_judged(calls, _log(folder))))
    share = min(alone) / min(beside)
    note = (
        f"{len(signals):,} signals, 1 or 2 a call; judged alone {len(signals) / min(alone):,.0f}/s, judged and durable "
        f"{len(signals) / min(beside):,.0f}/s; quickest of {TURNS} turns each, taken alternately"
    )
    return Figure(
        name=f"log and judgement: share of judgement alone, {name}", value=100 * share, unit="%", least=SHARE_LEAST,
        simulated=SIMULATED, note=note,
    )  # fmt: skip


def _as_the_pipeline(signals: Sequence[Signal]) -> list[list[Signal]]:
    """Lists of one and two signals in turn: a reading gives one or two."""
    calls: list[list[Signal]] = []
    at = 0
    while at < len(signals):
        count = 1 + len(calls) % 2
        calls.append(list(signals[at : at + count]))
        at += count
    return calls


async def _judged(calls: Sequence[list[Signal]], log: SqliteLog | None) -> float:
    """Seconds of judging everything; with a log, until it is durable too."""
    if log is not None:
        await log.open()
    correlator = Correlator()
    worst = Level.CALM
    gc.collect()
    began = perf_counter()
    for call in calls:
        changes = [change for signal in call for change in correlator.on_signal(signal)]
        if log is not None:
            log.signals(call)
        if changes:
            worst = max(worst, max(one.level for one in changes))
            if log is not None:
                log.changes(changes)
    changes = list(correlator.finish())
    if log is not None:
        log.changes(changes)
        await log.flush()
    took = perf_counter() - began
    assert worst >= Level.SQUALL, "the storm is seen"
    if log is not None:
        _complete(log)
        await log.close()
    return took


async def _appended(calls: Sequence[Sequence[Signal]]) -> float:
    """Seconds of appending everything, until it is durable."""
    with tempfile.TemporaryDirectory(prefix="stormwatch-bench-") as folder:
        log = _log(folder)
        await log.open()
        gc.collect()
        began = perf_counter()
        for call in calls:
            log.signals(call)
        await log.flush()
        took = perf_counter() - began
        assert log.health().written == SIGNALS
        _complete(log)
        await log.close()
    return took


def _lines(calls: Sequence[Sequence[Signal]]) -> float:
    """Seconds of the peer."""
    encode = msgspec.json.Encoder().encode_lines
    gc.collect()
    began = perf_counter()
    with tempfile.TemporaryFile() as file:
        for call in calls:
            file.write(encode(call))
        file.flush()
        os.fsync(file.fileno())
    return perf_counter() - began


def _log(folder: str) -> SqliteLog:
    settings = LogSettings(queue_rows=2 * SIGNALS)  # nothing may be dropped while the rate is measured
    return SqliteLog(Path(folder) / "log", settings, {READER: Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))


def _complete(log: SqliteLog) -> None:
    health = log.health()
    assert not health.dropped, health
    assert (health.waiting, health.failing) == (0, None), health
