"""`stormwatch db migrate`: brings the database's schema up to date."""

from __future__ import annotations

from pathlib import Path

import typer

from monitor.cli.shared import Config, run, settings_from

_app = typer.Typer(help="The database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="db")


@_app.callback()
def _group() -> None:
    """Make `db` a group although it has one command: otherwise Typer drops the word `migrate`."""


@_app.command("migrate")
def migrate(config: Config = None) -> None:
    """Apply the migrations that the database lacks."""
    applied = run(_migrate(config))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


async def _migrate(config: Path | None) -> list[str]:
    import os

    from monitor.store.postgres import PostgresStore

    store = PostgresStore(settings_from(config).store, os.environ)
    try:
        return await store.migrate()
    finally:
        await store.close()
