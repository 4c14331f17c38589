"""`stormwatch status`: says how the daemon of this configuration is, its log, and who lacks what of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from monitor.cli.shared import Config, Json, print_json, print_table, settings_from

if TYPE_CHECKING:
    from monitor.cli.status import DaemonStatus

MAX_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(config: Config = None, json: Json = False) -> None:
    """Say whether the daemon of this configuration runs and is ready; exit code 0 if it is, 1 if not."""
    settings = settings_from(config)
    from monitor.cli.status import now, status_of

    found = status_of(settings, now())
    if json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(0 if found.ready else 1)


def _print(found: DaemonStatus) -> None:
    where = "is not running"
    if found.running:
        known = found.process is not None
        where = f"runs: process {found.process} on {found.host} since {found.since}" if known else "runs"
    typer.echo(f"the daemon {where}")
    if found.ready:
        typer.echo(
            "ready" + ("" if found.judged_by == "readyz" else " (as far as its log shows: web.enabled is false)")
        )
    else:
        typer.echo("\n".join(["not ready:", *(f"  {one}" for one in found.reasons)]) if found.running else "not ready")
    log = found.log
    if log is None:
        typer.echo("there is no log yet")
        return
    newest = "no entry" if log.newest_age_s is None else f"the newest entry {_length(log.newest_age_s)} old"
    typer.echo(f"log {log.folder}: {log.size / 1e6:.1f} MB in {log.segments} files, {newest}")
    for name, why in log.unreadable.items():
        typer.echo(f"  {name} cannot be read: {why}")
    if log.set_aside:
        typer.echo(f"  {log.set_aside} damaged files are set aside")
    rows = [
        (name, one.position, one.entries, _length(one.behind_s), _state(one.state, one.why, one.owed, one.configured))
        for name, one in found.readers.items()
    ]
    if found.unseen:
        most = sorted(found.unseen.items(), key=lambda one: -one[1])
        print_table("not seen since the start", ("what", "count"), most[:MAX_SHOWN], whole=("what",))
    print_table("readers of the log", ("reader", "place", "entries behind", "oldest", "state"), rows, whole=("reader",))


def _length(seconds: float | None) -> str | None:
    """A length of time in the unit that suits it."""
    if seconds is None:
        return None
    for unit, length_s in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _state(state: str | None, why: str, owed: int, configured: bool) -> str | None:
    words = [one for one in (state, why) if one]
    if owed and "owed" not in why:
        words.append(f"{owed} owed")
    if not configured:
        words.append("not in these settings")
    return ": ".join(words) or None
