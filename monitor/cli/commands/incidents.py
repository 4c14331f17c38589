"""`stormwatch incidents list|show`: prints stored incidents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from monitor.cli.shared import Config, Json, parse_zoned, print_json, print_table, run, settings_from
from monitor.errors import Mistakes, OperatorError, nearest

if TYPE_CHECKING:
    from monitor.cli.listed import ListedIncident
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

    mistakes = Mistakes()
    first, last = (_time(mistakes, key, text) for key, text in (("--since", since), ("--until", until)))
    with mistakes:
        if first is not None and last is not None and last < first:
            raise OperatorError("--until", until, "a time after --since", "exchange the two")
    with mistakes:
        peak = _one("--level", level or "calm", {name: one for one, name in LEVEL_NAMES.items()})
    with mistakes:
        now = _one("--state", state, {one.value: one for one in IncidentState}) if state else None
    with mistakes:
        settings_from(config)
    mistakes.tell()
    scopes = (*((f"asset:{asset}",) if asset else ()), *((f"venue:{venue}",) if venue else ()))
    wanted = Wanted(until=last, scopes=scopes, min_peak=peak, state=now)
    incidents = run(_list(config, limit, first, wanted))
    if json:
        for one in incidents:
            print_json(one)
        return
    rows = (
        (f"{one.opened_at:%Y-%m-%d %H:%M:%S}", one.incident_id, LEVEL_NAMES[one.peak], one.state.value, one.headline,
         one.remarks)
        for one in incidents
    )  # fmt: skip
    columns = ("opened (UTC)", "id", "peak", "state", "headline", "remarks")
    print_table("incidents", columns, rows, whole=("id",))


@_app.command("show")
def show(
    incident_id: Annotated[str, typer.Argument(help="Which incident.")], config: Config = None, json: Json = False
) -> None:
    """Show every change of one incident."""
    from monitor.incidents import LEVEL_NAMES
    from monitor.signals.plain_text import one_line

    changes, remarks = run(_show(config, incident_id))
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
    for remark in remarks:
        typer.echo(one_line(remark))
    typer.echo(one_line(f"state {last.state.value}; fault {last.fault.value}; runbook {last.runbook}"))


def _time(mistakes: Mistakes, key: str, text: str) -> datetime | None:
    with mistakes:
        return parse_zoned(key, text)
    return None


def _one(key: str, given: str, known: Mapping[str, Named]) -> Named:
    if given not in known:
        raise OperatorError(key, given, ", ".join(known), nearest(given, list(known)))
    return known[given]


async def _list(config: Path | None, limit: int, since: datetime | None, wanted: Wanted) -> list[ListedIncident]:
    from monitor.cli.listed import listed
    from monitor.cli.stored import opened_store, quiet_of
    from probes.rest.http import utc_now

    settings = settings_from(config)
    quiet = quiet_of(settings)
    async with opened_store(settings) as store:
        return [listed(one, quiet, utc_now()) for one in await store.incidents(limit, since, wanted)]


async def _show(config: Path | None, incident_id: str) -> tuple[list[IncidentChange], tuple[str, ...]]:
    from monitor.cli.stored import changes_of, opened_store, quiet_of

    settings = settings_from(config)
    quiet = quiet_of(settings)
    async with opened_store(settings) as store:
        changes = await changes_of(store, incident_id)
    return changes, quiet.said_of(changes)
