"""Looks each second whether a sink is broken, and reports it as an incident of its own, which every other sink delivers.

What an earlier run reported is found in the log, so a restart reports nothing twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from monitor.alerting.broken import BrokenSinks
from monitor.alerting.delivery import Deliveries
from monitor.incidents import SINK_PREFIX, ChangeKind
from monitor.log import Stream
from monitor.log.change_json import decode_change
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Clock
from monitor.telemetry.telemetry import Telemetry

EVERY_S = 1.0


class SinkWatch:
    """Watches the sinks of the deliveries. `open` once the log is open."""

    def __init__(
        self, deliveries: Deliveries, broken: BrokenSinks, pipeline: Pipeline, telemetry: Telemetry, clock: Clock
    ) -> None:
        self.broken = broken
        self._deliveries = deliveries
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._clock = clock
        self._breaks: Counter[str] = Counter()

    def open(self, log: SqliteLog) -> None:
        """Continue with what the log says was reported."""
        latest = [one for name, one in log.latest(Stream.CHANGE).items() if name.startswith(SINK_PREFIX)]
        self.broken.resume([decode_change(one.body) for one in latest])

    def look(self) -> None:
        """Report what has changed, and the figures of every sink."""
        sinks = self._deliveries.watched()
        changes = self.broken.look(sinks, self._clock())
        self._breaks.update(one.scope for one in changes if one.kind is ChangeKind.OPENED)
        self._pipeline.report(changes)
        for one in sinks:
            is_broken = self.broken.why(one.name) is not None
            self._telemetry.record_sink(one.name, is_broken, self._breaks[f"{SINK_PREFIX}{one.name}"])

    async def run(self) -> None:
        """Look each second, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)
