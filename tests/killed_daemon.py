"""A daemon for `tests/kills.py` and the scripts of faults: the real one, with a scripted source of 500 signals a second.

It may kill itself at a change, and writes what it hears to a file at once: the truth that the log is compared with.

python -m tests.killed_daemon ORDER.json
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal as system_signals
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from monitor.daemon.daemon import Daemon
from monitor.daemon.logs import set_up_logs
from monitor.incidents import IncidentChange
from monitor.log.settings import LogSettings
from monitor.pipeline import Pipeline
from monitor.recordings.log_copy import LogCopy
from monitor.recordings.signals import header_of
from monitor.settings.tree import AssetSettings, Settings
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.store.settings import StoreSettings
from monitor.telemetry.settings import TelemetrySettings
from monitor.web.settings import WebSettings
from tests.monitor.correlator.storm import DRILL

ASSETS = tuple(f"K{number}" for number in range(5))
VENUES = ("alpha", "beta")
STEP_S = 0.02
A_STEP = 10
"""Signals each 20 ms: 500 a second."""
SURGE_S, PERIOD_S = 3.0, 12.0
"""Each asset surges 3 s of every 12: an incident opens or ends about every two seconds."""
SECRET_ENV = "STORMWATCH_KILLS_SECRET"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks of one life."""

    folder: str
    heard: str
    webhook: str
    dsn: str = ""
    at_change: bool = False
    """Kill yourself at the next change, or up to 100 ms after it."""
    calm: bool = False
    """No surges any more, so that all incidents end."""
    together: bool = False
    """All assets surge at once and are calm at once, so that incidents open and end all the time."""
    seed: int = 0
    port: int = 0
    """Of the web server on loopback; 0: none."""
    record: str = ""
    """Copy all signals to this file too."""
    max_mb: int = 4096
    """The most that the log takes on disk."""


def settings_of(order: Order) -> Settings:
    """Short lengths of time, so that there are many changes; the order's places; the log keeps everything."""
    return Settings(
        vantage="kills",
        assets={asset: AssetSettings() for asset in ASSETS},
        correlator=replace(
            DRILL,
            leave_after_s=2,
            merge_s=1,
            liquidation_half_life_s=3,
            background_half_life_s=20,
            warm_s=5,
            lower_ticks=1,
        ),
        log=LogSettings(keep_s=86400.0, max_mb=order.max_mb, segment_mb=min(32, order.max_mb // 4)),
        store=StoreSettings(folder=order.folder, dsn=order.dsn),
        telemetry=TelemetrySettings(),
        web=WebSettings(enabled=order.port > 0, port=order.port),
        sinks={"desk": {"type": "webhook", "url": order.webhook, "secret_env": SECRET_ENV, "repeat_s": 0.0}},
    )


@dataclass
class Witness:
    """Writes what was heard to a file at once, and ends the process where the order says so."""

    order: Order
    run_id: str
    file: int
    loop: asyncio.AbstractEventLoop

    def on_signals(self, signals: Sequence[Signal]) -> None:
        now = time.time()
        os.write(
            self.file,
            b"".join(
                b"%s %s %d %.4f %s\n"
                % (self.run_id.encode(), one.source.encode(), one.seq, now, one.kind.value.encode())
                for one in signals
            ),
        )

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        os.write(self.file, b"".join(b"%s:%d\n" % (one.incident_id.encode(), one.revision) for one in changes))
        if not self.order.at_change:
            return
        delay_s = random.Random(self.order.seed).choice([0.0, 0.0, 0.01, 0.03, 0.05, 0.1])
        if not delay_s:
            os.kill(os.getpid(), system_signals.SIGKILL)
        self.loop.call_soon_threadsafe(
            self.loop.call_later, delay_s, os.kill, os.getpid(), system_signals.SIGKILL
        )  # the pause before a start is assessed in a thread


class Source:
    """The scripted source: quiet traffic of two venues, and a surge of forced orders that moves from asset to asset."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        calm: bool,
        together: bool,
        step: int = A_STEP,
        first: int = 0,
        vantage: str | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._calm = calm
        self._shift_s = 0.0 if together else SURGE_S
        self._step = step
        self._seq = first
        self._vantage = vantage

    async def run(self) -> None:
        now = datetime.now(UTC)
        for asset in ASSETS:
            for venue in VENUES:
                subject = Subject(asset=asset, venue=venue, instrument=f"{asset}-PERP", vantage=self._vantage)
                expected = self._signal(
                    SignalKind.EXPECT, subject, f"{venue}/liquidation", 5.0, now, {"leg": "liquidation"}
                )
                self._pipeline.take([expected])
        due = time.monotonic()
        while True:
            now = datetime.now(UTC)
            self._pipeline.take([self._one(now, number) for number in range(self._step)])
            due += STEP_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _one(self, now: datetime, number: int) -> Signal:
        at_s = now.timestamp()
        index = number % len(ASSETS)
        asset, venue = ASSETS[index], VENUES[number % len(VENUES)]
        surging = not self._calm and (at_s + index * self._shift_s) % PERIOD_S < SURGE_S
        subject = Subject(asset=asset, venue=venue, instrument=f"{asset}-PERP", vantage=self._vantage)
        if surging or (number < 2 and random.random() < 0.02):
            attributes: dict[str, Scalar] = {"side": "long", "censoring": "complete", "backlog": False}
            return self._signal(SignalKind.LIQUIDATION, subject, f"{venue}/liquidation", 20_000.0, now, attributes)
        return self._signal(SignalKind.FEED_PULSE, subject, f"{venue}/liquidation", 1.0, now, {})

    def _signal(
        self,
        kind: SignalKind,
        subject: Subject,
        source: str,
        value: float,
        now: datetime,
        attributes: dict[str, Scalar],
    ) -> Signal:
        self._seq += 1
        return Signal(kind, subject, now, now, source, self._seq, value, attributes)


async def main(order: Order) -> None:
    file = os.open(order.heard, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    witness = Witness(order, "", file, asyncio.get_running_loop())
    settings = settings_of(order)
    copies = []
    if order.record:
        header = header_of(settings.correlator, settings.vantage, "faults", datetime.now(UTC))
        copies.append(LogCopy(Path(order.record), header))
    daemon = Daemon(settings, env={SECRET_ENV: "x"}, observers=(witness,), copies=copies)
    witness.run_id = daemon.log.run_id
    set_up_logs(False)
    ticks = daemon._sources._ticks
    source = Source(daemon.pipeline, calm=order.calm, together=order.together)
    daemon._sources.parts = lambda: {"story": source.run, "clock": ticks}  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(system_signals.SIGTERM, stop.set)
    await daemon.run(stop, lambda: print(json.dumps({"ready": True, "again": daemon.judged_again}), flush=True))


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)))
