"""`stormwatch agent`: watches from one vantage and publishes what it hears; a correlator elsewhere judges it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.shared import Config, note, run, settings_from, stop_on_signals


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent")(run_agent)


def run_agent(
    config: Config = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Watch from this vantage and publish every signal on the bus until stopped (Ctrl-C, SIGTERM). Judges nothing."""
    run(_run(config, verbose))


async def _run(config: Path | None, verbose: bool) -> None:
    import os

    from monitor.daemon.agent import Agent
    from monitor.daemon.logs import set_up_logs

    stop = asyncio.Event()
    settings = settings_from(config)
    agent = Agent(settings, env=os.environ)
    set_up_logs(verbose, agent.telemetry.log_sink())
    stop_on_signals(stop)
    await agent.run(stop, lambda: note(f"stormwatch agent watches from {settings.vantage}; Ctrl-C ends it"))
    left = agent.publisher.lag().entries
    note(
        f"stopped; {agent.pipeline.heard} signals, {agent.publisher.published} published, {left} entries of the log wait"
    )
