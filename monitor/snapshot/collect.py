"""Collects from the store what a snapshot of one incident needs, and writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import distributions
from pathlib import Path

from monitor.incidents import IncidentChange
from monitor.settings.tree import Settings
from monitor.signals import Signal
from monitor.snapshot import Beside, write_snapshot
from monitor.snapshot.picture import pictures
from monitor.store.postgres import PostgresStore
from monitor.telemetry.incident_traces import trace_id_of
from monitor.version import stormwatch_version

BEFORE = timedelta(minutes=10)
AFTER = timedelta(minutes=2)
MAX_SIGNALS = 500_000
_NAMED = ("aiohttp", "web3", "asyncpg", "matplotlib", "msgspec", "pandas", "opentelemetry-sdk", "typer", "tenacity")


def versions() -> dict[str, str]:
    """The versions of Stormwatch and of the libraries that it uses."""
    found = {one.metadata["Name"].lower(): one.version for one in distributions() if one.metadata["Name"]}
    return {"stormwatch": stormwatch_version(), **{name: found[name] for name in _NAMED if name in found}}


async def snapshot_incident(
    store: PostgresStore, changes: Sequence[IncidentChange], settings: Settings, into: Path, remarks: Sequence[str] = ()
) -> Path:
    """Write the snapshot of these changes (all of one incident) under `into`; return its folder.

    `remarks` say who acknowledged it, and until when it was silenced.
    """
    first, last = changes[0], changes[-1]
    asset = first.scope.partition(":")[2] if first.scope.startswith("asset:") else None
    signals: list[Signal] = []
    async for signal in store.signals(first.opened_at - BEFORE, last.at + AFTER, asset):
        signals.append(signal)
        if len(signals) == MAX_SIGNALS:
            break
    return write_snapshot(
        into,
        changes=changes,
        signals=signals,
        beside=Beside(
            settings_public=settings.public(),
            versions=versions(),
            traces={first.incident_id: trace_id_of(first.incident_id)},
            remarks=remarks,
            pictures=await asyncio.to_thread(pictures, changes),
        ),
    )
