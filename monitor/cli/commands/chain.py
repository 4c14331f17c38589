"""`stormwatch chain scan`: what happened to the watched contracts and pools in a range of blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, print_json, print_table, run, settings_from

if TYPE_CHECKING:
    from chain.events import ChainEvent

_app = typer.Typer(help="Post-mortems on a chain.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="chain")


@_app.callback()
def _group() -> None:
    """Keep `chain scan` two words while there is one command."""


@_app.command("scan")
def scan(
    network: Annotated[str, typer.Option(help="Which configured network.")],
    first: Annotated[int, typer.Option("--from", min=0, help="First block.")],
    last: Annotated[int, typer.Option("--to", min=0, help="Last block.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell the upgrades, timelock operations, liquidity moves and migrations of a range of blocks."""
    events = run(_scan(network, first, last, config))
    if json:
        for event in events:
            print_json(_plain(event))
        return
    print_table(f"{network} {first}..{last}", ("block", "time", "event", "what"), (_row(event) for event in events))


async def _scan(network: str, first: int, last: int, config: Path | None) -> list[ChainEvent]:
    import os

    from chain.events import HeadSeen, NodeFault
    from chain.watcher import ScanIncomplete
    from chain.watcher import scan as scan_blocks
    from monitor.assembly import watcher_settings
    from monitor.errors import OperatorError, nearest

    settings = settings_from(config)
    if network not in settings.networks:
        known = sorted(settings.networks)
        raise OperatorError("--network", network, ", ".join(known) or "(none is configured)", nearest(network, known))
    if last < first:
        raise OperatorError("--to", last, f"a block from {first} on", "give the later block")
    told: list[ChainEvent] = []
    why = "it does not keep that history"
    try:
        async for event in scan_blocks(watcher_settings(settings, network, os.environ), first, last):
            if isinstance(event, NodeFault):
                why = f"{event.node}: {event.fault.value} {event.detail}"
            elif not isinstance(event, HeadSeen):
                told.append(event)
    except ScanIncomplete as error:
        raise OperatorError(
            f"networks.{network}.nodes",
            f"block {error.number}",
            "nodes that have every block of the range, with its state",
            f"{why}; choose another range, or name another node",
        ) from None
    return told


def _plain(event: ChainEvent) -> dict[str, object]:
    import msgspec

    plain = msgspec.to_builtins(event)
    assert isinstance(plain, dict)
    return {"kind": type(event).__name__, **plain}


def _row(event: ChainEvent) -> tuple[object, ...]:
    plain = _plain(event)
    place = plain.pop("place", {})
    assert isinstance(place, dict)
    kind = plain.pop("kind")
    skip = {"seen_at", "event_id"}
    what = ", ".join(f"{key} {value}" for key, value in plain.items() if key not in skip and value is not None)
    return place.get("block_number"), place.get("block_time"), kind, what
