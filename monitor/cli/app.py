"""The tree of commands. Each module of `monitor.cli.commands` adds its own; no list names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from monitor.registry import Registry

app = typer.Typer(
    name="stormwatch",
    help="Can we get out of this asset, can we believe what we see, and is a storm coming?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(requested: bool) -> None:
    if requested:
        from monitor.version import stormwatch_version

        typer.echo(stormwatch_version())
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Take the options of the program itself; each ends the program."""


_COMMANDS: Registry[Callable[[typer.Typer], None]] = Registry("monitor.cli.commands", "add_to")

for _name in _COMMANDS.names():
    _COMMANDS.get(_name)(app)
