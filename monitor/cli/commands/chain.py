"""`stormwatch chain`: what happened in a range of blocks (`scan`), and what an address is (`inspect`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, print_json, print_table, run, settings_from

if TYPE_CHECKING:
    from chain.events import ChainEvent
    from chain.inspecting import Inspection
    from monitor.settings.tree import Settings

_app = typer.Typer(help="Post-mortems on a chain.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="chain")


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
    from monitor.errors import OperatorError

    settings = _settings(network, config)
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


@_app.command("inspect")
def inspect(
    address: Annotated[str, typer.Argument(help="The contract or account: 0x and 40 hexadecimal digits.")],
    network: Annotated[str, typer.Option(help="Which configured network.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell what kind of proxy an address is, its target, who can change it, through which delay, and since when."""
    found = run(_inspect(network, address, config))
    if json:
        print_json(found)
        return
    print_table(f"{network} {address} at block {found.block_number}", ("what", "is"), _lines(found))


async def _inspect(network: str, address: str, config: Path | None) -> Inspection:
    import os
    import re

    from chain.events import Address
    from chain.inspecting import inspect as inspect_address
    from chain.rpc import NodeFailure
    from chain.settings import open_nodes, utc_now
    from monitor.assembly import watcher_settings
    from monitor.errors import OperatorError

    if not re.fullmatch("0x[0-9a-fA-F]{40}", address):
        raise OperatorError("ADDRESS", address, "0x and 40 hexadecimal digits", "give the whole address")
    settings = watcher_settings(_settings(network, config), network, os.environ)
    nodes = open_nodes(settings, utc_now)
    try:
        return await inspect_address(nodes, settings.network.id, Address(address.lower()))
    except NodeFailure as failure:
        raise OperatorError(
            f"networks.{network}.nodes", failure.fault.value, "a node that answers", failure.detail
        ) from None
    finally:
        await nodes.close()


def _settings(network: str, config: Path | None) -> Settings:
    from monitor.errors import OperatorError, nearest

    settings = settings_from(config)
    if network not in settings.networks:
        known = sorted(settings.networks)
        raise OperatorError("--network", network, ", ".join(known) or "(none is configured)", nearest(network, known))
    return settings


def _lines(found: Inspection) -> list[tuple[str, object]]:
    kind = f"{found.kind} ({found.source})" if found.kind else "no known proxy"
    lines: list[tuple[str, object]] = [("kind", kind + (", cannot change" if found.fixed else ""))]
    lines += [(role, address) for role, address in sorted(found.roles.items())]
    lines += [(f"facet, {count} functions", facet) for facet, count in found.facets.items()]
    for one in found.controllers:
        more = f", {one.delay_s} s delay" if one.delay_s is not None else ""
        more += f", {one.threshold} signatures" if one.threshold else ""
        lines.append(("changed by", f"{one.address} ({one.what}{more})"))
    if found.kind and not found.fixed:
        lines.append(("delay", "not known" if found.delay_s is None else f"{found.delay_s} s"))
    if found.since:
        lines.append(("since block", f"{found.since.block_number} {found.since.block_time or ''}".strip()))
        lines.append(("changes in logs", found.since.changes))
    if found.last_change:
        lines.append(("last change gained", ", ".join(found.last_change.gained) or "nothing"))
        lines.append(("last change lost", ", ".join(found.last_change.lost) or "nothing"))
    lines.append(("functions", found.functions))
    lines.append(("code", f"{found.code_size} bytes"))
    return lines
