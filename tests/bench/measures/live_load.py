"""Measures what one process costs that watches every venue at the rates of life: its share of one core, and its memory.

Probers, intake and correlator run in a process of their own; another sends the venues' fixture frames (`fixture_venues.py`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic, process_time

from monitor.correlator import Correlator
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.pipeline import Pipeline
from monitor.signals import Signal
from probes import venues
from probes.prober import Prober, ProberSettings
from probes.readings import Reading
from tests.bench.figures import Figure
from tests.bench.fixture_venues import (
    BOOKS_PER_S,
    FIGURES_PER_S,
    FORCED_PER_S,
    INSTRUMENTS,
    LEVELS,
    WHOLE_LEVELS,
    watched,
)
from tests.bench.measures.daemon_memory import peak_mb

WARM_S, MEASURED_S = 15.0, 40.0
MOST_OF_A_CORE, MOST_MB = 50.0, 300.0
SIMULATED = (
    f"{len(venues.NAMES)} venues of {INSTRUMENTS} instruments in another process: {BOOKS_PER_S} frames a book and second, "
    f"{LEVELS} levels a side in books of {WHOLE_LEVELS}, figures {FIGURES_PER_S}/s in each form, "
    f"{FORCED_PER_S} forced orders a venue and second, "
    "not compressed, no TLS, subscriptions not acknowledged"
)


def bench() -> list[Figure]:
    """The share of one core, and the peak of resident memory."""
    sender = [sys.executable, "-m", "tests.bench.fixture_venues"]
    with subprocess.Popen(sender, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sending:
        assert sending.stdin is not None
        assert sending.stdout is not None
        said = json.loads(sending.stdout.readline())
        command = [sys.executable, "-m", "tests.bench.measures.live_load", str(said["port"])]
        try:
            ran = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, timeout=WARM_S + MEASURED_S + 60
            )
        finally:
            sending.stdin.close()
        found = json.loads(ran.stdout.splitlines()[-1])
    return _figures(found, [name for name, one in said["feeds"].items() if not any(one.values())])


def _figures(found: dict[str, float], mute: Sequence[str]) -> list[Figure]:
    note = (
        f"{found['s']:.0f} s, {found['readings_per_s']:,.0f} readings/s, {found['changes_per_s']:,.0f} changes of books/s, "
        f"{found['signals_per_s']:,.0f} signals/s; {found['synced']:.0f} of {found['books']:.0f} measured books in step; "
        f"dropped {found['dropped']:.0f}; no fixture that follows itself: {', '.join(mute) or 'none'}"
    )
    return [
        Figure(
            name="all venues live: CPU of one core", value=found["share"] * 100, unit="%", most=MOST_OF_A_CORE,
            simulated=SIMULATED, note=note,
        ),
        Figure(
            name="all venues live: peak RSS", value=found["mb"], unit="MB", most=MOST_MB, simulated="the same", note=""
        ),
    ]  # fmt: skip


class _Counting:
    """Where signals and changes end, and what the pipeline asks of telemetry: they are counted, and nothing is stored."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.states: dict[tuple[str, str, str], str] = {}
        self.updates = 0
        self.heard = 0

    def record(self, reading: Reading) -> str | None:
        """Count a reading."""
        self.kinds[type(reading).__name__] += 1
        if type(reading).__name__ == "BookMeasured" and getattr(reading, "source", "") == "ws":
            self.updates += getattr(reading, "updates", 0)
            self.states[reading.venue, getattr(reading, "instrument", ""), "ws"] = getattr(reading, "state", "")
        return None

    def record_chain(self, event: object) -> str | None:
        """No chain is watched."""
        raise AssertionError(event)

    def signals(self, signals: Sequence[Signal]) -> None:
        """Count signals."""
        self.heard += len(signals)

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        """Pass over changes of incidents."""


def _prober(name: str, port: int) -> Prober:
    """A venue's own prober, with each feed at an address of its own and the instruments known in advance."""
    venue = venues.declared(name)
    venue = replace(venue, feeds=tuple(replace(one, host=f"feed:{one.name}") for one in venue.feeds))
    hosts = dict.fromkeys(venue.hosts, f"http://127.0.0.1:{port}/{name}/rest")
    hosts |= {f"feed:{one.name}": f"ws://127.0.0.1:{port}/{name}/{one.name}" for one in venue.feeds}
    ours = watched(name)
    prober = Prober(venue, ProberSettings(assets=[], instruments=[one.symbol for one in ours], hosts=hosts, seed=1))
    prober.state.instruments.update((one.symbol, one) for one in ours)
    return prober


async def _pumped(prober: Prober, pipeline: Pipeline) -> None:
    pipeline.intake.know(str(prober.venue.id), list(prober.state.instruments.values()))
    async with aclosing(prober.readings()) as readings:
        async for reading in readings:
            pipeline.take_reading(reading)


async def _seconds(pipeline: Pipeline) -> None:
    while True:
        now = datetime.now(UTC)
        pipeline.tick(now)
        pipeline.complete(now)
        await asyncio.sleep(1)


async def _measured(port: int) -> dict[str, float]:
    counted = _Counting()
    assets = {one.base for name in venues.NAMES for one in watched(name)}
    pipeline = Pipeline(Intake(vantage="bench", assets=assets), Correlator(), counted, counted)
    probers = [_prober(name, port) for name in venues.NAMES]
    works: Iterable[asyncio.Task[None]] = [asyncio.create_task(_pumped(one, pipeline)) for one in probers]
    works = [*works, asyncio.create_task(_seconds(pipeline))]
    await asyncio.sleep(WARM_S)
    began, cpu = monotonic(), process_time()
    before = (counted.kinds.total(), counted.updates, counted.heard)
    await asyncio.sleep(MEASURED_S)
    took, used = monotonic() - began, process_time() - cpu
    after = (counted.kinds.total(), counted.updates, counted.heard)
    for one in works:
        if one.done():
            one.result()  # a failure of ours
        one.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    readings, updates, signals = (late - early for late, early in zip(after, before, strict=True))
    return {
        "share": used / took, "s": took, "mb": peak_mb("self"), "readings_per_s": readings / took,
        "changes_per_s": updates / took, "signals_per_s": signals / took, "books": len(counted.states),
        "synced": sum(state != "unsynced" for state in counted.states.values()),
        "dropped": sum(one.queue.dropped.total() for one in probers),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measured(int(sys.argv[1])))))
