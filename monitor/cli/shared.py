"""What commands have in common: the configuration option, one event loop with signals, JSON and tables on the screen."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from monitor.errors import OperatorError

if TYPE_CHECKING:
    from monitor.settings.tree import Settings

Given = TypeVar("Given")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file (default: ./stormwatch.toml).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/formats.md).")]


def settings_from(config: Path | None) -> Settings:
    """The settings of a file and the environment. Raises OperatorError."""
    import os

    from monitor.settings import load_settings

    return load_settings(config, os.environ)


def run(work: Coroutine[Any, Any, Given]) -> Given:
    """Run on a fresh event loop. SIGTERM cancels the work, so that servers and folders it began are ended with it."""

    async def cancellable() -> Given:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


def stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; a second SIGINT ends at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, first)
    return stop


def print_json(value: object) -> None:
    """One JSON value on one line."""
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value, order="deterministic") + b"\n")
    sys.stdout.flush()


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], whole: Collection[str] = ()
) -> None:
    """A table, as wide as the terminal; nothing found is said in words. Columns in `whole` are never cut or broken."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    Console().print(table if table.row_count else f"{title}: nothing found")


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr: stdout is for results."""
    typer.echo(text, err=True)


def moment(key: str, text: str) -> datetime:
    """An aware UTC time of what the operator wrote; without an offset it is UTC. Raises OperatorError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(key, text, "a time such as 2026-11-24T01:30:00Z", "correct it") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def pairs(key: str, given: Sequence[str]) -> Mapping[str, str]:
    """NAME=VALUE options as a mapping. Raises OperatorError."""
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name or not value:
            raise OperatorError(key, one, "NAME=VALUE", "write both, with = between")
        found[name] = value
    return found
