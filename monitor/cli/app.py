"""The tree of commands. Each module of `monitor.cli.commands` adds its own; nothing lists them by hand."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import typer

from monitor.cli import commands

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


for _module in sorted(iter_modules(commands.__path__), key=lambda one: one.name):
    import_module(f"{commands.__name__}.{_module.name}").add_to(app)
