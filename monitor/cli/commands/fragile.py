"""`stormwatch fragile`: ranks the assets by how fragile they are, and says what each ranking is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, print_json, print_table, settings_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.correlator.fragility_index import Fragility, FragilityPart

ASKED = "how fragile the assets are", "the fragility"
MAX_NAMED = 3


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fragile")(fragile)


def fragile(
    asset: Annotated[str | None, typer.Argument(help="Only this one, with every part.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Rank the assets by how easily the next shock would break them: leverage, one-sidedness, and how little can leave.

    The index (0 to 100) counts only what is known; beside it stands what it may be at most. Exit code 1 if no daemon answers.
    """
    from monitor.cli.by_asset import told_by_daemon
    from monitor.correlator.fragility_index import Fragility, ranked

    found = ranked(told_by_daemon(settings_from(config), "/fragile", asset, Fragility, ASKED).values())
    if json:
        print_json(found)
    elif asset is None:
        _print_all(found)
    else:
        _print_one(found[0])


def _print_all(found: Sequence[Fragility]) -> None:
    rows = [
        (
            "-" if one.index is None else str(number),
            one.asset,
            "unknown" if one.index is None else f"{one.index:.0f}",
            f"{one.at_most:.0f}",
            ", ".join(
                f"{part.name} {part.value:.3g} (+{part.adds:.0f})" for part in one.known[:MAX_NAMED] if part.adds
            ),
            ", ".join(one.unknown),
        )
        for number, one in enumerate(found, 1)
    ]
    columns = ("", "asset", "index", "at most", "most by", "unknown")
    print_table("which asset breaks next", columns, rows, whole=("asset", "index"))


def _print_one(one: Fragility) -> None:
    known = "unknown" if one.index is None else f"{one.index:.0f}"
    typer.echo(f"fragility of {one.asset}: {known} of 100, at most {one.at_most:.0f}")
    rows = [
        (part.what, _shown(part), f"{part.bound:g}", _points(part.points), _points(part.adds)) for part in one.parts
    ]
    print_table("its parts", ("part", "now", "bound", "points", "adds"), rows)


def _shown(part: FragilityPart) -> str:
    return "unknown" if part.value is None else f"{part.value:.3g}"


def _points(points: float | None) -> str:
    return "unknown" if points is None else f"{points:.0f}"
