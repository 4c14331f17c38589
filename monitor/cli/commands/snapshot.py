"""`stormwatch snapshot`: writes one incident as a folder and a zip that may be given to outsiders."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, parse_time, print_json, run, settings_from

if TYPE_CHECKING:
    from monitor.incidents import IncidentChange
    from monitor.store.postgres import PostgresStore


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("snapshot")(snapshot)


def snapshot(
    incident_id: Annotated[str | None, typer.Argument(help="Which incident (default: the latest).")] = None,
    at: Annotated[str, typer.Option(help="Take the gravest incident that was open at this time.")] = "",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path(),
    config: Config = None,
    json: Json = False,
) -> None:
    """Write the snapshot of an incident: text, signals, settings without secrets, versions, traces, manifest."""
    where = run(_snapshot(incident_id, parse_time("--at", at) if at else None, out, config))
    if json:
        print_json({"snapshot": str(where), "zip": f"{where}.zip"})
    else:
        typer.echo(f"{where}\n{where}.zip")


async def _snapshot(incident_id: str | None, at: datetime | None, out: Path, config: Path | None) -> Path:
    from monitor.cli.stored import changes_of, opened_store, quiet_of
    from monitor.errors import OperatorError
    from monitor.snapshot.collect import snapshot_incident

    if incident_id is not None and at is not None:
        raise OperatorError("--at", at.isoformat(), "either an ID or --at", "leave one of them out")
    settings = settings_from(config)
    async with opened_store(settings) as store:
        chosen = incident_id or (await _incident_at(store, at)).incident_id
        changes = await changes_of(store, chosen)
        return await snapshot_incident(store, changes, settings, out, quiet_of(settings).said_of(changes))


async def _incident_at(store: PostgresStore, at: datetime | None) -> IncidentChange:
    from monitor.errors import OperatorError
    from monitor.incidents import IncidentState

    known = await store.incidents(1000)
    if not known:
        raise OperatorError("ID", "", "the id of a stored incident", "none is stored yet")
    if at is None:
        return known[0]
    ended = (IncidentState.ENDED, IncidentState.ENDED_UNKNOWN, IncidentState.RETRACTED)
    then = [one for one in known if one.opened_at <= at and (one.state not in ended or at <= one.at)]
    if not then:
        nearest = min(known, key=lambda one: abs((one.opened_at - at).total_seconds()))
        raise OperatorError(
            "--at", at.isoformat(), "a time when an incident was open",
            f"the nearest is {nearest.incident_id}, opened {nearest.opened_at.isoformat()}",
        )  # fmt: skip
    return max(then, key=lambda one: (one.peak, one.opened_at))
