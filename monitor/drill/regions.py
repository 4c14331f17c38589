"""Watches a drill from a further vantage: sources of its own, which feed the same correlator and log as the daemon's.

It stands for an agent whose signals come over the bus: its own settings, clock and addresses, and no place for its checkpoints.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from monitor.daemon.assembly import intake_of
from monitor.daemon.daemon import Daemon
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Supervisor
from monitor.pipeline import Observer, Pipeline
from monitor.settings.tree import Settings
from probes.rest.http import utc_now


class _Nowhere:
    """Checkpoints of a drill: it is over before any is needed."""

    async def load(self, network: str) -> bytes | None:
        return None

    def save(self, network: str, body: bytes) -> None:
        return


@asynccontextmanager
async def watching(daemon: Daemon, vantages: Sequence[Settings], observers: Sequence[Observer]) -> AsyncIterator[None]:
    """Watch from these vantages too. The daemon runs, so that its correlator is the one that judges."""
    tasks: list[asyncio.Task[None]] = []
    supervisor = Supervisor(utc_now)
    for settings in vantages:
        pipeline = Pipeline(
            intake_of(settings), daemon.correlator, daemon.telemetry, daemon.log, (*observers, daemon.history),
            daemon.origin,
        )  # fmt: skip
        parts = Sources(settings, os.environ, utc_now, pipeline=pipeline, checkpoints=_Nowhere()).parts()
        tasks += [
            asyncio.create_task(supervisor.run(f"{settings.vantage} {name}", part)) for name, part in parts.items()
        ]
    try:
        yield
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
