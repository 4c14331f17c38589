"""Asks the running daemon for a figure of each asset, or of one, and says in a line why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from monitor.settings.tree import Settings

Figure = TypeVar("Figure")


def told_by_daemon(
    settings: Settings, path: str, asset: str | None, kind: type[Figure], asked: tuple[str, str]
) -> dict[str, Figure]:
    """Asset to its figure, in order of name; only this asset's if one is given.

    `asked` says what no daemon tells, and of what nothing is known of an asset. Raises OperatorError for an asset that is not
    watched, and Exit(1) after a line where nothing is known.
    """
    import msgspec

    from monitor.cli.status import asked as answer_of
    from monitor.errors import OperatorError, nearest

    if asset is not None and asset not in settings.assets:
        raise OperatorError("ASSET", asset, ", ".join(settings.assets), nearest(asset, list(settings.assets)))
    said, trouble = answer_of(settings.web, path) if settings.web.enabled else (None, "web.enabled is false")
    if not trouble:
        try:
            found = msgspec.convert(said, dict[str, kind])  # type: ignore[valid-type]
        except msgspec.ValidationError:
            trouble = f"{settings.web.host}:{settings.web.port} is something else, or another version"
    if trouble:
        typer.echo(f"no daemon says {asked[0]}: {trouble}", err=True)
        raise typer.Exit(1)
    if asset is None:
        return dict(sorted(found.items()))
    if asset not in found:
        typer.echo(f"nothing is known yet of {asked[1]} of {asset}", err=True)
        raise typer.Exit(1)
    return {asset: found[asset]}
