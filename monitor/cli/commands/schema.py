"""`stormwatch schema`: prints the JSON Schema of everything printed with --json."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.shared import Json, print_json


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)


def schema(
    name: Annotated[str | None, typer.Argument(help="Which; without a name all are listed.")] = None, json: Json = False
) -> None:
    """Print the JSON Schema of one format, or the names of all."""
    from monitor.cli.schemas import SCHEMAS
    from monitor.cli.schemas import schema as schema_of

    if name is None:
        for known in sorted(SCHEMAS):
            if json:
                print_json({"schema": known})
            else:
                typer.echo(known)
        return
    print_json(schema_of(name))
