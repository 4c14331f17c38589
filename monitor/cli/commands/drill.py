"""`stormwatch drill`: rehearses a storm with the whole program, on loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Json, note, print_json, run, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.drill.runner import DrillOrder, Progress
    from monitor.drill.verdict import DrillVerdict

LIST = "list"
"""In the place of a scenario: list the shipped ones."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drill")(drill)


def drill(
    scenario: Annotated[
        str, typer.Argument(help='A shipped scenario, the path of a .toml file, or "list".')
    ] = "perfect-storm",
    out: Annotated[Path, typer.Option("--out", "-o", help="Where recording and snapshot go.")] = Path("drills"),
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Notify this file's sinks too: rehearse your own alert routes."),
    ] = None,
    venues: Annotated[
        str, typer.Option(help='Play it with these venues, such as "okx,bitget", or with "all" that can be simulated.')
    ] = "",
    quiet: Annotated[
        bool, typer.Option("--quiet-twin", help="Play its world without its events: nothing may be flagged.")
    ] = False,
    otlp: Annotated[
        str, typer.Option(help="Send traces and metrics to this collector, e.g. http://127.0.0.1:4318.")
    ] = "",
    routes: Annotated[
        bool,
        typer.Option(
            "--routes", help="Rehearse the sinks of the settings (default: ./stormwatch.toml); each must take it."
        ),
    ] = False,
    json: Json = False,
    list_: Annotated[bool, typer.Option("--list", help='The same as "drill list".')] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what it plays and from which facts, and play nothing.")
    ] = False,
) -> None:
    """Rehearse a scenario: simulated venues and chain, the real daemon, database and sinks. Exit 0 only if it passed.

    With --routes the desk's own sinks get every page, marked DRILL. What each answered and how long it took is printed, and what
    is still open at the end is taken back. A sink's filters `assets` and `venues` are left out: the asset is simulated.
    """
    from monitor.drill import scenario as scenarios

    if list_ or scenario == LIST:
        from monitor.cli.render import drill as shown

        shown.print_all([scenarios.load(name) for name in scenarios.names()], json=json)
        return
    chosen = scenarios.load(scenario)
    if venues:
        chosen = scenarios.played_by(chosen, scenarios.named(venues))
    if quiet:
        chosen = scenarios.quiet_twin(chosen)
    if explain:
        from monitor.cli.render import drill as shown

        shown.print_one(chosen, json=json)
        return
    from monitor.drill.runner import DrillOrder

    sinks = _own_sinks(config, routes)
    _check(out, otlp)
    path = Path(scenario) if scenario.endswith(".toml") else scenarios.FOLDER / f"{scenario}.toml"
    order = DrillOrder(
        scenario=chosen,
        file=path,
        out=out,
        sinks=sinks,
        otlp_endpoint=otlp,
        must_deliver=routes,
        quiet=quiet,
    )
    verdict = run(_quietly(order) if json else _shown(order))
    if json:
        print_json(verdict)
    elif verdict.routes:
        from monitor.cli.render import drill as shown

        shown.print_routes(verdict.routes)
    if not verdict.held:
        raise typer.Exit(1)


def _own_sinks(config: Path | None, routes: bool) -> Mapping[str, Mapping[str, object]]:
    """The desk's sinks, if they are to be notified. Raises OperatorError for what is missing, before anything is played."""
    import os

    from monitor.alerting.sinks import made
    from monitor.errors import OperatorError

    if config is None and not routes:
        return {}
    sinks = settings_from(config).sinks
    ready = made(sinks, os.environ)
    if routes and not ready:
        where = "./stormwatch.toml" if config is None else str(config)
        raise OperatorError("--routes", where, "settings with a sink that is enabled", "add a table [sinks.NAME]")
    if ready:
        note(f"marked DRILL, every page goes to: {', '.join(f'{one.name} ({one.type})' for one in ready)}")
    return sinks


def _check(out: Path, otlp: str) -> None:
    """Check the options before the drill spends a minute. Raises OperatorError."""
    from monitor.errors import OperatorError
    from monitor.telemetry.settings import TelemetrySettings

    try:
        TelemetrySettings(otlp_endpoint=otlp)
    except ValueError as error:
        raise OperatorError("--otlp", "(not shown)", str(error), "correct it") from None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError("--out", str(out), "a folder that can be written", str(error.strerror)) from None


async def _quietly(order: DrillOrder) -> DrillVerdict:
    from monitor.daemon.logs import set_up_logs
    from monitor.drill.runner import run_drill

    set_up_logs(False)
    return await run_drill(order)


async def _shown(order: DrillOrder) -> DrillVerdict:
    from rich.console import Console
    from rich.live import Live

    from monitor.drill.runner import run_drill
    from monitor.drill.view import closing, screen
    from probes.rest.http import utc_now

    logging.getLogger("stormwatch").setLevel(
        logging.ERROR
    )  # the faults of a drill are simulated: the screen shows them
    console = Console()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        shown: list[Progress] = []

        async def paint() -> None:
            while True:
                if shown and console.is_terminal:
                    live.update(screen(shown[0], utc_now()), refresh=True)
                await asyncio.sleep(0.25)

        painter = asyncio.create_task(paint())
        lines = asyncio.create_task(_lines(console, shown))
        try:
            verdict = await run_drill(order, shown.append)
        finally:
            painter.cancel()
            lines.cancel()
            await asyncio.gather(painter, lines, return_exceptions=True)
        last = screen(shown[0], utc_now()) if shown else None
    if last is not None:
        console.print(last)
    console.print(closing(verdict))
    return verdict


async def _lines(console: Console, shown: list[Progress]) -> None:
    """Print a line for each stage and change if there is no terminal."""
    from monitor.incidents import LEVEL_NAMES

    stage, printed = "", 0
    while not console.is_terminal:
        for progress in shown:
            if progress.stage != stage:
                stage = progress.stage
                console.print(f"-- {stage}", markup=False)
            for one in progress.changes[printed:]:
                console.print(
                    f"   {one.at:%H:%M:%S} {LEVEL_NAMES[one.change.level]}: {one.change.headline}", markup=False
                )
            printed = len(progress.changes)
        await asyncio.sleep(0.25)
