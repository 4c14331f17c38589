"""`stormwatch top`: the board in the terminal, live, as the running daemon shows it to a browser."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, settings_from

if TYPE_CHECKING:
    from monitor.settings.tree import Settings
    from monitor.web.board.contents import Contents

EVERY_S = 1.0
MAX_BYTES = 16_000_000
ONCE_ROWS = 100
"""Rows of a table where nobody's screen is a limit."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("top")(top)


def top(
    config: Config = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print one picture and end; so too where stdout is no terminal.")
    ] = False,
) -> None:
    """Show the board in the terminal, live, until Ctrl-C: `stormwatch top`, or `stormwatch top --once | less`.

    It asks the running daemon, as the board's page does. With --once, exit code 1 if no daemon answers.
    """
    from rich.console import Console

    from monitor.cli.render.top import picture

    settings = settings_from(config)
    console = Console(highlight=False)
    if once or not console.is_terminal:
        board, trouble = _asked(settings)
        if board is None:
            typer.echo(f"no daemon shows its board: {trouble}", err=True)
            raise typer.Exit(1)
        console.print(picture(board, console.width, ONCE_ROWS))
        return
    _live(settings)


def _live(settings: Settings) -> None:
    """Draw it again each second. A daemon that is away is said on top of what it said last."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from monitor.cli.render.top import picture

    console = Console(highlight=False)
    last: Contents | None = None
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            board, trouble = _asked(settings)
            last = board or last
            if last is None:
                live.update(Text(f"no daemon shows its board: {trouble}"), refresh=True)
            else:
                live.update(picture(last, console.width, max(console.height // 5, 3), trouble), refresh=True)
            time.sleep(EVERY_S)


def _asked(settings: Settings) -> tuple[Contents | None, str]:
    """The daemon's board, or why there is none."""
    import msgspec

    from monitor.cli.status import asked
    from monitor.settings.targets import secret_of_variable
    from monitor.web.board.contents import Contents

    web = settings.web
    if not web.enabled:
        return None, "web.enabled is false"
    name = web.board_token_env
    token = secret_of_variable("web.board_token_env", name, os.environ) if name else ""
    said, trouble = asked(web, "/board.json", token, MAX_BYTES)
    if trouble:
        return None, trouble
    try:
        return msgspec.convert(said, Contents), ""
    except msgspec.ValidationError:
        return None, f"{web.host}:{web.port} is something else, or another version"
