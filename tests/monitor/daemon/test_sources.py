"""What the daemon's sources log for the operator: an unusable node is named, at most once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chain.events import ChainEvent
from chain.events.network import NodeFault
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.settings import NetworkSettings, NodeRef, Settings
from monitor.signals import Signal
from probes.readings import Reading
from probes.rest.http import utc_now

PATIENCE_S = 30.0


class Counting:
    """A recorder that waits for two faults of a node."""

    def __init__(self) -> None:
        self.faults = 0
        self.twice = asyncio.Event()

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        self.faults += isinstance(event, NodeFault)
        if self.faults == 2:
            self.twice.set()
        return None

    def signals(self, signals: Sequence[Signal]) -> None:
        return

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        return


class Nowhere:
    """Checkpoints of a network that was never followed."""

    async def load(self, network: str) -> bytes | None:
        return None

    def save(self, network: str, body: bytes) -> None:
        return


async def test_an_unusable_node_is_named_once_and_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    node = NodeRef(url="http://127.0.0.1:1/v3/hunter2")
    settings = Settings(networks={"local": NetworkSettings(nodes=(node,), poll_interval_s=0.02)})
    counting, intake = Counting(), intake_of(settings)
    pipeline = Pipeline(intake, Correlator(settings.correlator, vantage="here"), counting, counting)
    sources = Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=Nowhere())
    part = asyncio.ensure_future(sources.parts()["network local"]())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await counting.twice.wait()
    finally:
        part.cancel()
        await asyncio.gather(part, return_exceptions=True)

    assert [one.getMessage() for one in caplog.records if one.name.startswith("stormwatch")] == [
        "node http://127.0.0.1:1 of local: unreachable ClientConnectorError"
    ]
