"""`stormwatch incidents list|show`: prints stored incidents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, parse_time, print_json, print_table, run, settings_from

if TYPE_CHECKING:
    from monitor.incidents import IncidentChange

_app = typer.Typer(help="Incidents in the store.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="incidents")


@_app.callback(invoke_without_command=True)
def _default(context: typer.Context, config: Config = None, json: Json = False) -> None:
    from monitor.errors import OperatorError

    if context.invoked_subcommand is None:
        list_incidents(config=config, json=json)
    elif config is not None or json:
        where = context.invoked_subcommand
        raise OperatorError("incidents", "an option before " + where, "options after it", f"write it after {where}")


@_app.command("list")
def list_incidents(
    config: Config = None,
    since: Annotated[str, typer.Option(help="Only those that changed since this time.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    json: Json = False,
) -> None:
    """List incidents, newest first."""
    from monitor.incidents import LEVEL_NAMES

    incidents = run(_list(config, since, limit))
    if json:
        for one in incidents:
            print_json(one)
        return
    rows = (
        (f"{one.opened_at:%Y-%m-%d %H:%M:%S}", one.incident_id, LEVEL_NAMES[one.peak], one.state.value, one.headline)
        for one in incidents
    )
    print_table("incidents", ("opened", "id", "peak", "state", "headline"), rows, whole=("id",))


@_app.command("show")
def show(
    incident_id: Annotated[str, typer.Argument(help="Which incident.")], config: Config = None, json: Json = False
) -> None:
    """Show every change of one incident."""
    from monitor.incidents import LEVEL_NAMES
    from monitor.signals.plain_text import one_line

    changes = run(_show(config, incident_id))
    if json:
        for one in changes:
            print_json(one)
        return
    rows = (
        (one.revision, f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind.value, LEVEL_NAMES[one.level], one.headline)
        for one in changes
    )
    print_table(incident_id, ("rev", "at", "change", "level", "headline"), rows)
    last = changes[-1]
    typer.echo(one_line(f"state {last.state.value}; fault {last.fault.value}; runbook {last.runbook}"))


async def _list(config: Path | None, since: str, limit: int) -> list[IncidentChange]:
    from monitor.cli.stored import opened_store

    async with opened_store(settings_from(config)) as store:
        return await store.incidents(limit, parse_time("--since", since) if since else None)


async def _show(config: Path | None, incident_id: str) -> list[IncidentChange]:
    from monitor.cli.stored import changes_of, opened_store

    async with opened_store(settings_from(config)) as store:
        return await changes_of(store, incident_id)
