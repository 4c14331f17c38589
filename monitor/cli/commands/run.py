"""`stormwatch run`: runs the daemon."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.shared import Config, note, parse_time, run, settings_from, stop_on_signals


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run_daemon)


def run_daemon(
    config: Config = None,
    record: Annotated[
        Path | None, typer.Option(help="Also record every signal to this file (.jsonl or .jsonl.gz).")
    ] = None,
    clock_start: Annotated[
        str, typer.Option(help="Run the daemon's clock from this time, to play old recordings of a venue.")
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Watch the configured venues and networks until stopped (Ctrl-C, SIGTERM)."""
    run(_run(config, record, clock_start, verbose))


async def _run(config: Path | None, record: Path | None, clock_start: str, verbose: bool) -> None:
    import os

    from monitor.daemon.daemon import Daemon
    from monitor.daemon.logs import set_up_logs
    from monitor.errors import OperatorError
    from monitor.recordings.log_copy import LogCopy
    from monitor.recordings.signals import header_of
    from monitor.version import stormwatch_version
    from probes.rest.http import utc_now

    settings = settings_from(config)
    shift = parse_time("--clock-start", clock_start) - utc_now() if clock_start else timedelta()

    def clock() -> datetime:
        return utc_now() + shift

    copies = []
    if record is not None:
        record = unused_path(record, clock())
        header = header_of(settings.correlator, settings.vantage, stormwatch_version(), clock())
        try:
            copies.append(LogCopy(record, header))
        except OSError as error:
            allowed = "a place that can be written"
            raise OperatorError("--record", str(record), allowed, str(error.strerror)) from None
    daemon = Daemon(settings, env=os.environ, clock=clock, copies=copies)
    set_up_logs(verbose, daemon.telemetry.log_sink())
    stop = stop_on_signals()
    await daemon.run(stop, lambda: note(_greeting(settings.web.enabled, settings.web.host, settings.web.port)))
    note(f"stopped; {daemon.pipeline.heard} signals, digest {daemon.correlator.digest()}")


def unused_path(path: Path, now: datetime) -> Path:
    """A path where no file exists yet: a restarted daemon must not overwrite its earlier recording."""
    if not path.exists():
        return path
    stem, dot, ending = path.name.partition(".")
    other = path.with_name(f"{stem}-{now:%Y%m%dT%H%M%S}{dot}{ending}")
    note(f"{path} exists; recording to {other}")
    return other


def _greeting(web: bool, host: str, port: int) -> str:
    where = f"http://{host}:{port}/healthz /readyz /metrics" if web else "no web server"
    return f"stormwatch is watching; {where}; Ctrl-C ends it"
