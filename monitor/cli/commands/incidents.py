"""`stormwatch incidents list|show`: prints stored incidents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from monitor.cli.shared import Config, Json, parse_zoned, print_json, print_table, run, settings_from
from monitor.errors import OperatorError, nearest

if TYPE_CHECKING:
    from monitor.incidents import IncidentChange
    from monitor.store.postgres import Wanted

Named = TypeVar("Named")
_app = typer.Typer(help="Incidents in the store.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="incidents")


@_app.callback(invoke_without_command=True)
def _default(context: typer.Context, config: Config = None, json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_incidents(config=config, json=json)
    elif config is not None or json:
        where = context.invoked_subcommand
        raise OperatorError("incidents", "an option before " + where, "options after it", f"write it after {where}")


@_app.command("list")
def list_incidents(
    config: Config = None,
    since: Annotated[
        str, typer.Option(help="Only those that changed since this time, such as 2026-11-24T01:30Z.")
    ] = "",
    until: Annotated[str, typer.Option(help="Only those that had opened by this time.")] = "",
    asset: Annotated[str, typer.Option(help="Only those of this asset.")] = "",
    venue: Annotated[str, typer.Option(help="Only those of this venue (with --asset: of either).")] = "",
    level: Annotated[str, typer.Option(help="Only those whose peak was at least this level.")] = "",
    state: Annotated[str, typer.Option(help="Only those that are in this state now, such as open.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    json: Json = False,
) -> None:
    """List incidents, newest first."""
    from monitor.incidents import LEVEL_NAMES, IncidentState
    from monitor.store.postgres import Wanted

    first, last = parse_zoned("--since", since), parse_zoned("--until", until)
    if first is not None and last is not None and last < first:
        raise OperatorError("--until", until, "a time after --since", "exchange the two")
    wanted = Wanted(
        until=last,
        scopes=(*((f"asset:{asset}",) if asset else ()), *((f"venue:{venue}",) if venue else ())),
        min_peak=_one("--level", level or "calm", {name: one for one, name in LEVEL_NAMES.items()}),
        state=_one("--state", state, {one.value: one for one in IncidentState}) if state else None,
    )
    incidents = run(_list(config, limit, first, wanted))
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


def _one(key: str, given: str, known: Mapping[str, Named]) -> Named:
    if given not in known:
        raise OperatorError(key, given, ", ".join(known), nearest(given, list(known)))
    return known[given]


async def _list(config: Path | None, limit: int, since: datetime | None, wanted: Wanted) -> list[IncidentChange]:
    from monitor.cli.stored import opened_store

    async with opened_store(settings_from(config)) as store:
        return await store.incidents(limit, since, wanted)


async def _show(config: Path | None, incident_id: str) -> list[IncidentChange]:
    from monitor.cli.stored import changes_of, opened_store

    async with opened_store(settings_from(config)) as store:
        return await changes_of(store, incident_id)
