"""`stormwatch exits`: says how much of each asset could leave now, by which ways, as the running daemon sees it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, print_json, print_table, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.incidents import ExitCapacity

EVERY_S = 10.0
ASKED = "how much can leave", "the ways out"
"""What no daemon says, and what of an asset nothing is known of, as `by_asset` says it."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("exits")(exits)


def exits(
    asset: Annotated[str | None, typer.Argument(help="Only this one, with its ways out.")] = None,
    config: Config = None,
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print it again every ten seconds, until Ctrl-C.")] = False,
) -> None:
    """Say how much of each asset could be sold and taken out now, within 1 % and 5 % of its price.

    A way that nobody can see adds nothing: the amounts are lower bounds. Exit code 1 if no daemon answers.
    """
    from monitor.cli.by_asset import told_by_daemon
    from monitor.incidents import ExitCapacity

    settings = settings_from(config)
    while True:
        found = told_by_daemon(settings, "/exits", asset, ExitCapacity, ASKED)
        if json:
            print_json(found)
        elif asset is None:
            _print_all(found)
        else:
            _print_one(found[asset])
        if not watch:
            return
        time.sleep(EVERY_S)


def _print_all(found: Mapping[str, ExitCapacity]) -> None:
    from monitor.incidents import WayState, brief_usd

    def usd(amount: float | None) -> str:
        return "unknown" if amount is None else brief_usd(amount)

    rows = [
        (
            one.asset,
            *(usd(one.usd(percent, minutes)) for percent, minutes in ((1, 1), (1, 60), (5, 1), (5, 60))),
            "" if one.normal_share is None else f"{one.normal_share:.0%}",
            "" if one.countdown_s is None else f"{one.countdown_s / 60:.0f} min",
            ", ".join(way.name for way in one.ways if way.state is not WayState.OPEN),
        )
        for one in found.values()
    ]
    columns = ("asset", "1 %, 1 min", "1 %, 1 h", "5 %, 1 min", "5 %, 1 h", "of usual", "a tenth in", "not open")
    print_table("what could leave, at least", columns, rows, whole=("asset",))


def _print_one(one: ExitCapacity) -> None:
    from monitor.incidents import brief_usd

    typer.echo(one.words)
    rows = [
        (f"within {percent} %", *(_shown(one.usd(percent, minutes)) for minutes in (1, 10, 60))) for percent in (1, 5)
    ]
    print_table("what could leave, at least", ("", "in 1 min", "in 10 min", "in 60 min"), rows)
    ways = [
        (way.name, way.state.value, *("" if usd is None else brief_usd(usd) for usd in (way.usd_1, way.usd_5)), way.why)
        for way in one.ways
    ]
    print_table("ways out", ("way", "state", "within 1 %", "within 5 %", "why not"), ways, whole=("way",))


def _shown(usd: float | None) -> str:
    from monitor.incidents import brief_usd

    return "unknown" if usd is None else brief_usd(usd)
