"""`stormwatch run`: runs the daemon."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, note, parse_time, reload_on_hang_up, run, settings_from, stop_on_signals

if TYPE_CHECKING:
    from monitor.recordings.log_copy import LogCopy
    from monitor.settings.tree import Settings


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
    from_bus: Annotated[
        str,
        typer.Option("--from", help="Judge what agents publish on the bus of this name, and watch nothing."),
    ] = "",
    vantage: Annotated[
        list[str] | None,
        typer.Option(
            help="With --from: judge what the agent of this vantage publishes; once for each. Else bus.vantages."
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Watch the configured venues and networks until stopped (Ctrl-C, SIGTERM). SIGHUP reloads sinks and log_level."""
    run(_run(config, record, clock_start, _Bus(from_bus, tuple(vantage or ())), verbose))


@dataclass(frozen=True, slots=True)
class _Bus:
    """The bus to read, "" for none, and the vantages that are named with it."""

    name: str
    vantages: tuple[str, ...]


async def _run(config: Path | None, record: Path | None, clock_start: str, bus: _Bus, verbose: bool) -> None:
    import os

    stop = asyncio.Event()
    asked = reload_on_hang_up(stop)  # first of all: before it is there, SIGHUP ends the process

    from monitor.daemon.daemon import Daemon
    from monitor.daemon.logs import set_level, set_up_logs
    from monitor.daemon.reload import Reloader
    from monitor.daemon.supervisor import Supervisor
    from monitor.errors import check_all
    from monitor.settings.tree import LogLevel
    from probes.rest.http import utc_now

    def read() -> Settings:
        return _from_bus(settings_from(config), bus)

    check_all(read, lambda: parse_time("--clock-start", clock_start) if clock_start else None)
    settings = read()
    shift = parse_time("--clock-start", clock_start) - utc_now() if clock_start else timedelta()

    def clock() -> datetime:
        return utc_now() + shift

    copies = [] if record is None else [_recording(record, settings, clock())]
    daemon = Daemon(settings, env=os.environ, clock=clock, copies=copies, from_bus=bool(bus.name))
    set_up_logs(verbose, daemon.telemetry.log_sink())

    def show(level: LogLevel) -> None:
        set_level(LogLevel.DEBUG if verbose else level)

    show(settings.log_level)
    stop_on_signals(stop)
    reloader = Reloader(daemon, read, show)
    ready = asyncio.Event()

    def greet() -> None:
        note(_greeting(settings.web.enabled, settings.web.host, settings.web.port))
        ready.set()

    async def reload() -> None:
        await ready.wait()
        await reloader.run(asked)

    reloading = asyncio.create_task(Supervisor(clock).run("reload", reload))
    try:
        await daemon.run(stop, greet)
    finally:
        reloading.cancel()
    note(f"stopped; {daemon.pipeline.heard} signals, digest {daemon.correlator.digest()}")


def _from_bus(settings: Settings, bus: _Bus) -> Settings:
    """The settings with the bus of this name and these vantages. Raises OperatorError."""
    from dataclasses import replace

    from monitor.errors import OperatorError

    if not bus.name:
        if bus.vantages:
            raise OperatorError(
                "--vantage", bus.vantages[0], "with --from", "name the bus with --from, or set `vantage`"
            )
        return settings
    if not settings.bus.servers:
        raise OperatorError("bus.servers", [], "at least one", 'write servers = ["nats://…"] in [bus]')
    try:
        return replace(
            settings, bus=replace(settings.bus, name=bus.name, vantages=bus.vantages or settings.bus.vantages)
        )
    except ValueError as error:
        raise OperatorError("--from", " ".join((bus.name, *bus.vantages)), str(error), "correct it") from None


def _recording(path: Path, settings: Settings, now: datetime) -> LogCopy:
    """The recording of this run. Raises OperatorError if it cannot be written there."""
    from monitor.errors import OperatorError
    from monitor.recordings.log_copy import LogCopy
    from monitor.recordings.signals import header_of
    from monitor.version import stormwatch_version

    path = unused_path(path, now)
    header = header_of(settings.correlator, settings.vantage, stormwatch_version(), now)
    try:
        return LogCopy(path, header)
    except OSError as error:
        raise OperatorError("--record", str(path), "a place that can be written", str(error.strerror)) from None


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
