"""`stormwatch config check|show|init`: checks the settings, shows them without secrets, writes a first file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.shared import Config, Json, note, print_json, settings_from

_app = typer.Typer(help="Check, show or create the settings.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="config")


@_app.command("check")
def check(config: Config = None, json: Json = False) -> None:
    """Read the settings strictly; print what will be watched."""
    import os

    from chain.nodes.web3_node import redacted
    from chain.sync.settings import asks_traces
    from monitor.alerting.sinks import made
    from monitor.daemon.assembly import enabled_networks, enabled_venues, prober_settings, watcher_settings
    from monitor.settings.check import check_url
    from monitor.settings.coinglass import coinglass_access
    from monitor.settings.targets import targets_of
    from monitor.store.dsn import find

    settings = settings_from(config)
    targets = targets_of(settings.targets, os.environ, check_url)
    totals = coinglass_access(settings.coinglass, enabled_venues(settings), os.environ)
    for name in enabled_venues(settings):
        prober_settings(settings, name, os.environ)
    untraced: list[str] = []
    for name in enabled_networks(settings):
        chosen = watcher_settings(settings, name, os.environ)
        untraced += [f"{name} {redacted(url)}" for url in chosen.nodes if not asks_traces(url, chosen.traces)]
    routes = made(settings.sinks, os.environ)
    find(settings.store, os.environ)
    summary = {
        "assets": sorted(settings.assets),
        "venues": enabled_venues(settings),
        "networks": enabled_networks(settings),
        "targets": [one.name for one in targets],
        "market_totals": [] if totals is None else list(totals.exchanges),
        "sinks": sorted(settings.sinks),
        "routes": len(routes),
        "untraced": untraced,
    }
    if json:
        print_json(summary)
        return
    for key in ("assets", "venues", "networks", "targets", "sinks"):
        names = summary[key]
        assert isinstance(names, list)
        typer.echo(f"{key}: {', '.join(names) or 'none'}")
    for one in untraced:
        typer.echo(
            f'no traces are requested from {one}: a change reverted within one block would not be seen (traces = "on")'
        )
    typer.echo("the settings are good")


@_app.command("show")
def show(config: Config = None, json: Json = False) -> None:
    """Show every setting in force, without secrets."""
    tree = settings_from(config).public()
    if json:
        print_json(tree)
        return
    from monitor.settings.example import as_toml

    typer.echo(as_toml(tree))


@_app.command("init")
def init(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path("stormwatch.toml"),
    force: Annotated[bool, typer.Option(help="Write over an existing file.")] = False,
) -> None:
    """Write a first settings file, with every key explained."""
    from monitor.errors import OperatorError
    from monitor.settings.example import EXAMPLE

    if out.exists() and not force:
        raise OperatorError("--out", str(out), "a file that does not exist yet", "choose another, or give --force")
    try:
        out.write_text(EXAMPLE, encoding="utf-8")
    except OSError as error:
        raise OperatorError("--out", str(out), "a place that can be written", str(error.strerror)) from None
    note(f"wrote {out}; edit it, then `stormwatch config check`")
