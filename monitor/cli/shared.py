"""Serves all commands: the configuration option, one event loop with signals, JSON and tables on the screen."""

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
    from rich.table import Table

    from monitor.settings.tree import Settings

Result = TypeVar("Result")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file (default: ./stormwatch.toml).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/formats.md).")]

MIN_WIDTH = 60
MAX_LABEL = 12
"""Characters of a label and its indent beside which the texts stand in one column: a hash of 66 then fits into 80."""


def settings_from(config: Path | None) -> Settings:
    """Load the settings from a file and the environment. Raises OperatorError."""
    import os

    from monitor.settings import load_settings

    return load_settings(config, os.environ)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on a fresh event loop. SIGTERM cancels the work, so that it cleans up its servers and folders."""

    async def cancellable() -> Result:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


def reload_on_hang_up(stop: asyncio.Event) -> asyncio.Event:
    """An event that SIGHUP sets. If the signal comes because the terminal that we were started in has gone, `stop` is set."""
    import os

    asked = asyncio.Event()
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # by nohup: the terminal's end is none of ours
    terminals = [] if ignored else [number for number in (0, 1, 2) if os.isatty(number)]

    def hung_up() -> None:
        gone = bool(terminals) and not any(map(os.isatty, terminals))
        (stop if gone else asked).set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
    return asked


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT and SIGTERM; a second SIGINT ends at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, first)


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value, order="deterministic") + b"\n")
    sys.stdout.flush()


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], whole: Collection[str] = ()
) -> None:
    """Print a table, or that nothing was found: on a screen, or where COLUMNS is set, as wide as that; else one line a row.

    A cell may hold text from a venue or a chain: nothing in it steers the terminal or is read as markup. Columns in `whole`
    are never wrapped, and no cell is cut.
    """
    import os

    from rich.console import Console

    from monitor.cli import tables
    from monitor.signals.plain_text import one_line

    shown = [list(columns)] + [["-" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    if len(shown) == 1:
        typer.echo(f"{one_line(title)}: nothing found")
        return
    console = Console()
    long = tables.long_columns(shown, [n for n, name in enumerate(columns) if name in whole])
    bounded = console.is_terminal or os.environ.get("COLUMNS", "").isdecimal()
    fits = tables.fits(shown, long, 3, console.width)
    if bounded and (fits or not long):
        cells = tables.widths_of(shown[1:])
        held = [fits and n not in long and len(name) <= cells[n] for n, name in enumerate(columns)]
        console.print(_table(one_line(title), shown, [one or columns[n] in whole for n, one in enumerate(held)]))
        return
    lines = tables.flowed(shown, long, console.width) if bounded else tables.lines_of(shown)
    typer.echo("\n".join([one_line(title), *lines, ""]))


def _table(title: str, shown: Sequence[Sequence[str]], held: Sequence[bool]) -> Table:
    """A table of these cells; a column that is held is never wrapped."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title, style="table.title"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column, no_wrap in zip(shown[0], held, strict=True):
        table.add_column(column, no_wrap=no_wrap, overflow="fold")
    for row in shown[1:]:
        table.add_row(*map(Text, row))
    return table


def print_report(title: str, lines: Iterable[tuple[int, str, str]]) -> None:
    """Print lines of indent, label and text, wrapped at the terminal's width. No word is cut: addresses can be copied.

    A text may come from a venue or a chain: nothing in it steers the terminal.
    """
    from textwrap import wrap

    from rich.console import Console

    from monitor.signals.plain_text import one_line

    width = max(Console().width, MIN_WIDTH)
    shown = [(indent, one_line(label), one_line(text)) for indent, label, text in lines]
    column = min(max((indent + len(label) for indent, label, _ in shown if label), default=0), MAX_LABEL) + 2
    typer.echo(one_line(title))
    for indent, label, text in shown:
        start = f"{' ' * indent}{label} ".ljust(column) if label else " " * indent
        hanging = " " * (column if label else indent + 4)
        typer.echo("\n".join(wrap(
            text, width, initial_indent=start, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False,
        )) or start.rstrip())  # fmt: skip


def note(text: str) -> None:
    """Print a line for the operator on stderr: stdout is for results."""
    typer.echo(text, err=True)


def parse_time(key: str, text: str) -> datetime:
    """Parse a time that the operator wrote into an aware UTC time; without an offset it is UTC. Raises OperatorError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(key, text, "a time such as 2026-11-24T01:30:00Z", "correct it") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def parse_zoned(key: str, text: str) -> datetime | None:
    """Parse a time that names its zone; None for "". Raises OperatorError for one without: who wrote it may mean his own."""
    if not text:
        return None
    at = parse_time(key, text)
    if datetime.fromisoformat(text).tzinfo is None:
        raise OperatorError(key, text, "a time with its zone", f"write {text}Z for UTC, or an offset such as +09:00")
    return at


def parse_pairs(key: str, given: Sequence[str]) -> Mapping[str, str]:
    """Parse NAME=VALUE options into a mapping. Raises OperatorError."""
    values = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name or not value:
            raise OperatorError(key, one, "NAME=VALUE", "write both, with = between")
        values[name] = value
    return values
