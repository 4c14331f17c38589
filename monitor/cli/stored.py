"""Opens the store for one command, and reads incidents from it, and what people said of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from monitor.alerting.maintenance import windows_of
from monitor.alerting.quiet import Quiet
from monitor.alerting.quiet_file import QuietFile
from monitor.errors import OperatorError, nearest
from monitor.incidents import IncidentChange
from monitor.settings.tree import Settings
from monitor.store.postgres import PostgresStore


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[PostgresStore]:
    """Open the store of these settings and closes it afterwards. Raises OperatorError if it cannot be reached."""
    store = PostgresStore(settings.store, os.environ)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def quiet_of(settings: Settings) -> Quiet:
    """The windows of maintenance, and the silences and acknowledgements beside the local log. Raises OperatorError."""
    return replace(QuietFile(Path(settings.store.folder).expanduser()).read(), windows=windows_of(settings.maintenance))


async def changes_of(store: PostgresStore, incident_id: str) -> list[IncidentChange]:
    """Read every change of one incident. Raises OperatorError with the nearest id if there is no such incident."""
    changes = await store.incident(incident_id)
    if not changes:
        known = [one.incident_id for one in await store.incidents(200)]
        raise OperatorError(
            "ID",
            incident_id,
            "the id of a stored incident",
            _advice(incident_id, known),
        )
    return changes


def _advice(given: str, known: list[str]) -> str:
    if not known:
        return "none is stored yet"
    advice = nearest(given, known)
    return advice if "did you mean" in advice else "`stormwatch incidents` lists them"
