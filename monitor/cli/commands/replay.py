"""`stormwatch replay`: runs a recording through the same correlator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Json, print_json

if TYPE_CHECKING:
    from monitor.incidents import IncidentChange


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="A recording: signals, one JSON line each (.gz or not).")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Use this file's [correlator] settings instead.")
    ] = None,
    json: Json = False,
) -> None:
    """Correlate a recording again; print the incident changes and the digest."""
    from monitor.cli.shared import settings_from
    from monitor.recordings.replay import Summary, replay_file

    settings = settings_from(config).correlator if config is not None else None
    replayed = replay_file(file, settings)
    count = 0
    for change in replayed.changes():
        count += 1
        if json:
            print_json(change)
        else:
            typer.echo(line_of(change))
    summary = Summary(
        signals=replayed.signals,
        changes=count,
        late=replayed.correlator.late,
        digest=replayed.correlator.digest(),
        refused={f"{kind}: {reason}": number for (kind, reason), number in replayed.correlator.refused.items()},
    )
    if json:
        print_json(summary)
    else:
        refused = "".join(f" refused {number} {what}" for what, number in summary.refused.items())
        typer.echo(f"signals {summary.signals} changes {count} late {summary.late}{refused} digest {summary.digest}")


def line_of(change: IncidentChange) -> str:
    """A change on one line: a recording may hold any text."""
    from monitor.incidents import LEVEL_NAMES
    from monitor.signals.plain_text import one_line

    level = LEVEL_NAMES[change.level]
    return f"{change.at:%Y-%m-%d %H:%M:%S} {change.kind.value:<13} {level:<16} {one_line(change.headline)}"
