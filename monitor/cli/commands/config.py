"""`stormwatch config check|show|schema|init`: checks the settings, shows them without secrets, writes a first file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.shared import Config, Json, note, print_json, run, settings_from
from monitor.signals.plain_text import one_line

_app = typer.Typer(help="Check, show or create the settings.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="config")


@_app.command("check")
def check(
    config: Config = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: no venue, node, target or database.")] = False,
    json: Json = False,
) -> None:
    """Read the settings strictly, ask what they name, and print what a run would watch. All mistakes are reported at once."""
    import os

    from monitor.cli.asked import ask
    from monitor.cli.foresight import foresee
    from monitor.daemon.assembly import enabled_networks, enabled_venues
    from monitor.errors import Mistakes

    settings, mistakes = settings_from(config), Mistakes()
    foreseen = foresee(settings, os.environ, mistakes)
    warnings = foreseen.warnings
    if not offline:
        warnings += run(ask(settings, foreseen, os.environ, mistakes))
    mistakes.tell()
    summary = {
        "assets": sorted(settings.assets),
        "venues": enabled_venues(settings),
        "networks": enabled_networks(settings),
        "targets": [one.name for one in foreseen.targets],
        "market_totals": list(foreseen.market_totals),
        "sinks": sorted(settings.sinks),
        "routes": foreseen.routes,
        "untraced": foreseen.untraced,
        "warnings": warnings,
        "asked": not offline,
    }
    if json:
        print_json(summary)
        return
    for key in ("assets", "venues", "networks", "targets", "sinks"):
        names = summary[key]
        assert isinstance(names, list)
        typer.echo(f"{key}: {', '.join(names) or 'none'}")
    for one in foreseen.untraced:
        typer.echo(
            f'no traces are requested from {one}: a change reverted within one block would not be seen (traces = "on")'
        )
    for one in warnings:
        typer.echo(f"warning: {one_line(one)}")
    typer.echo("the settings are good" + ("; nobody was asked (--offline)" if offline else ""))


@_app.command("show")
def show(config: Config = None, json: Json = False) -> None:
    """Show every setting in force, without secrets."""
    tree = settings_from(config).public()
    if json:
        print_json(tree)
        return
    from monitor.settings.toml_text import as_toml

    typer.echo(as_toml(tree))


@_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the settings file, for an editor or a check in a pipeline."""
    from monitor.cli.settings_schema import settings_schema

    print_json(settings_schema())


@_app.command("init")
def init(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path("stormwatch.toml"),
    minimal: Annotated[bool, typer.Option("--minimal", help="Only what a first run needs.")] = False,
    force: Annotated[bool, typer.Option(help="Write over an existing file.")] = False,
) -> None:
    """Write a first settings file: every key with its unit, its default and why, or only what a first run needs."""
    from monitor.errors import OperatorError
    from monitor.settings.template import FULL, MINIMAL

    if out.exists() and not force:
        raise OperatorError("--out", str(out), "a file that does not exist yet", "choose another, or give --force")
    try:
        out.write_text(MINIMAL if minimal else FULL, encoding="utf-8")
    except OSError as error:
        raise OperatorError("--out", str(out), "a place that can be written", str(error.strerror)) from None
    note(f"wrote {out}; edit it, then `stormwatch config check`")
