"""`stormwatch export`: writes stored history as CSV or Parquet, for a spreadsheet or pandas."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.shared import Config, Json, note, parse_zoned, print_json, run, settings_from
from monitor.errors import OperatorError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.snapshot.history import Format
    from monitor.store.postgres import PostgresStore

WINDOW = timedelta(hours=1)
"""Signals are asked for by the hour: the server sorts no more than that at once."""
WHAT = ("signals", "incidents", "deliveries")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    what: Annotated[str, typer.Argument(help="signals, incidents (every change of each) or deliveries.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new file; - for stdout (CSV only).")],
    since: Annotated[
        str, typer.Option(help="From this time on, such as 2026-11-24T01:30Z (default: everything).")
    ] = "",
    until: Annotated[str, typer.Option(help="Before this time (default: now).")] = "",
    asset: Annotated[str, typer.Option(help="Only what is about this asset.")] = "",
    venue: Annotated[str, typer.Option(help="Only what is about this venue.")] = "",
    format: Annotated[str, typer.Option(help="csv or parquet (default: by the file's name).")] = "",  # noqa: A002
    config: Config = None,
    json: Json = False,
) -> None:
    """Write stored history to a file: `stormwatch export signals --asset BTC --since 2026-11-24T00:00Z -o btc.csv`.

    Times are UTC. No cell of a CSV is a formula, and what looks like a secret is hidden. Any length is written in bounded memory.
    """
    from monitor.snapshot.history import format_of

    if what not in WHAT:
        raise OperatorError("WHAT", what, ", ".join(WHAT), nearest(what, WHAT))
    first, last = parse_zoned("--since", since), parse_zoned("--until", until)
    if first is not None and last is not None and last <= first:
        raise OperatorError("--until", until, "a time after --since", "exchange the two")
    how = format_of(format, out)
    if str(out) == "-":
        _refuse_on_stdout(how, json)
    chosen = (first, last, asset or None, venue or None)
    rows = run(_export(config, what, chosen, out, how))
    if json:
        print_json({"file": str(out), "rows": rows})
    elif str(out) != "-":
        note(f"{rows} rows")
        typer.echo(str(out))


def _refuse_on_stdout(how: Format, json: bool) -> None:
    if how != "csv" or json:
        raise OperatorError("--out", "-", "a file, or - for CSV alone", "name a file")


_Chosen = tuple[datetime | None, datetime | None, str | None, str | None]


async def _export(config: Path | None, what: str, chosen: _Chosen, out: Path, how: Format) -> int:
    from monitor.cli.stored import opened_store
    from monitor.snapshot.history import write, write_file
    from monitor.snapshot.history_tables import TABLES

    settings = settings_from(config)
    since, until, asset, venue = chosen
    span = (since or datetime.min.replace(tzinfo=UTC), until or datetime.now(UTC))
    async with opened_store(settings) as store:
        items = _items(store, what, span, asset, venue)
        with _progress() as on_rows:
            if str(out) == "-":
                return await write(items, TABLES[what], sys.stdout.buffer, how, on_rows)
            return await write_file(items, TABLES[what], out, how, on_rows)


async def _items(
    store: PostgresStore, what: str, span: tuple[datetime, datetime], asset: str | None, venue: str | None
) -> AsyncIterator[Any]:
    """The items of one kind, in order of time."""
    start, end = span
    if what == "signals":
        for hour in [day + number * WINDOW for day in await store.days() for number in range(24)]:
            first, last = max(hour, start), min(hour + WINDOW, end)
            if first < last:
                async for signal in store.signals(first, last, asset, venue):
                    yield signal
        return
    async for one in (store.changes if what == "incidents" else store.deliveries)(start, end, asset, venue):
        yield one


def _progress() -> AbstractContextManager[Callable[[int], None]]:
    """Says on a terminal how many rows are written; says nothing where nobody looks."""
    from rich.console import Console

    console = Console(stderr=True)

    @contextmanager
    def shown() -> Iterator[Callable[[int], None]]:
        with console.status("reading …") as status:
            yield lambda rows: status.update(f"{rows:,} rows …")

    @contextmanager
    def silent() -> Iterator[Callable[[int], None]]:
        yield lambda _rows: None

    return shown() if console.is_terminal else silent()
