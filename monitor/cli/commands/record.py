"""`stormwatch record`: runs the sources alone and records every signal; no database, no sinks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.shared import Config, note, run, settings_from, stop_on_signals


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("record")(record)


def record(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write (.jsonl or .jsonl.gz).")],
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="Seconds to record (default: until stopped).")
    ] = None,
    raw: Annotated[Path | None, typer.Option(help="Also write the raw frames and answers to this file.")] = None,
    force: Annotated[bool, typer.Option(help="Write over existing files.")] = False,
    config: Config = None,
) -> None:
    """Record every signal of the configured venues and networks, for `stormwatch replay`."""
    from monitor.errors import OperatorError

    for key, path in (("--out", out), ("--raw", raw)):
        if path is not None and path.exists() and not force:
            raise OperatorError(key, str(path), "a file that does not exist yet", "choose another, or give --force")
    run(_record(out, raw, seconds, config))


async def _record(out: Path, raw: Path | None, seconds: float | None, config: Path | None) -> None:
    import os

    from monitor.daemon.logs import set_up_logs
    from monitor.recordings.recorder import record_sources

    set_up_logs(False)
    stop = asyncio.Event()
    stop_on_signals(stop)
    settings = settings_from(config)
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop.set)
    recorded = await record_sources(settings, os.environ, out, stop, raw)
    note(f"wrote {out}: {recorded.signals} signals, digest {recorded.digest}")
