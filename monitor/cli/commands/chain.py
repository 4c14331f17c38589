"""`stormwatch chain`: reports what happened in a range of blocks (`scan`), and what an address is (`inspect`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.render.events import event_lines, upgraded_contracts, with_token_names
from monitor.cli.render.inspection import control_lines, kind_words, report
from monitor.cli.shared import Config, Json, note, print_json, print_report, run, settings_from
from monitor.errors import OperatorError, check_all, nearest

if TYPE_CHECKING:
    from chain.events import Address, ChainEvent
    from chain.inspection.inspect import Inspection
    from chain.sync.settings import WatcherSettings
    from monitor.settings.tree import Settings

_app = typer.Typer(help="Post-mortems on a chain.", no_args_is_help=True)
_EVERY_BLOCK = "state read of every block"
_SAMPLED = (
    "state read once in 512 blocks, silent changes searched between them; --every-block also sees soon reverted ones"
)

MAX_INSPECTED = 8
"""Upgraded contracts of which a scan shows who can change them now."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="chain")


@_app.command("scan")
def scan(
    network: Annotated[str, typer.Option(help="Which configured network.")],
    first: Annotated[int, typer.Option("--from", min=0, help="First block.")],
    last: Annotated[int, typer.Option("--to", min=0, help="Last block.")],
    every_block: Annotated[
        bool | None,
        typer.Option(
            "--every-block/--sampled",
            help="Read the state of each block, and see changes that were soon reverted; or of each 512th, and search for "
            "changes without a log (the default above 512 blocks).",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write JSON lines there; an interrupted scan continues when called again."),
    ] = None,
    contract: Annotated[
        list[str] | None,
        typer.Option(help="Watch this address too, besides the configured ones. Repeat for more."),
    ] = None,
    config: Config = None,
    json: Json = False,
    stretches: Annotated[bool, typer.Option("--stretches", hidden=True, help="The former name of --sampled.")] = False,
) -> None:
    """List the upgrades, control changes, timelock operations and liquidity moves in a range of blocks."""
    from monitor.cli.scan_output import MAX_EVERY_BLOCK, Output, ScanRequest, json_line, scan_into

    check_all(
        lambda: _settings(network, config),
        lambda: _check_range(first, last),
        *(partial(_address, "--contract", one) for one in contract or ()),
    )
    settings = _settings(network, config)
    if every_block is None:
        every_block = last + 1 - first <= MAX_EVERY_BLOCK and not stretches
    request = ScanRequest(network=network, first=first, last=last, every_block=every_block)
    events: list[ChainEvent] = []
    watching = _also_watching(contract, _watcher_settings(settings, network))
    into = Output(output, request) if output else None

    def take(event: ChainEvent) -> None:
        if into:
            into.take(event)
        elif json:
            typer.echo(json_line(event))
        else:
            events.append(event)

    run(scan_into(watching, request, take, into))
    if not json and not into:
        known = run(_inspected(watching, upgraded_contracts(events)))
        _show(f"{network}, blocks {first} to {last}", events, known)
    note(_EVERY_BLOCK if every_block else _SAMPLED)


def _check_range(first: int, last: int) -> None:
    if last < first:
        raise OperatorError("--to", last, f"a block from {first} on", "give the later block")


def _also_watching(contracts: list[str] | None, settings: WatcherSettings) -> WatcherSettings:
    """Add contracts to the watched ones."""
    from dataclasses import replace

    from chain.watch import WatchedContract

    known = {one.address for one in settings.watch.contracts}
    given = dict.fromkeys(_address("--contract", one) for one in contracts or ())
    more = tuple(WatchedContract(address=one) for one in given if one not in known)
    return replace(settings, watch=replace(settings.watch, contracts=(*settings.watch.contracts, *more)))


def _address(key: str, text: str) -> Address:
    import re

    from chain.blocks.abi import checksummed
    from chain.events import Address

    if not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise OperatorError(key, text, "0x and 40 hexadecimal digits", "give the whole address")
    if text[2:] not in (text[2:].lower(), text[2:].upper()) and text != checksummed(text):
        raise OperatorError(
            key, text, "an address whose upper and lower case fit (EIP-55)", "check for a mistyped digit"
        )
    return Address(text.lower())


def _watcher_settings(settings: Settings, network: str) -> WatcherSettings:
    import os

    from monitor.daemon.assembly import watcher_settings

    return watcher_settings(settings, network, os.environ)


async def _inspected(settings: WatcherSettings, contracts: list[str]) -> dict[str, Inspection]:
    """What the first upgraded contracts are now: their kind, and who can change them. What no node answers is left out."""
    from chain.events import Address
    from chain.inspection.inspect import inspect as inspect_address
    from chain.rpc.errors import NodeFailure
    from chain.sync.settings import open_nodes, utc_now

    if not contracts:
        return {}
    nodes, found = open_nodes(settings, utc_now), {}
    try:
        for one in contracts[:MAX_INSPECTED]:
            found[one] = await inspect_address(nodes, settings.network.id, Address(one))
    except NodeFailure as failure:
        note(f"who can change them could not be read: {failure.fault.value} {failure.detail}")
    finally:
        await nodes.close()
    return found


def _show(title: str, events: list[ChainEvent], known: dict[str, Inspection]) -> None:
    """Print the events, and who can change the upgraded contracts now."""
    count = f"{len(events)} event{'' if len(events) == 1 else 's'}"
    if not events:
        print_report(f"{title}: nothing found", ())
        return
    print_report(f"{title}: {count}", ())
    for event in with_token_names(events):
        print_report("", event_lines(event, known))
    for address, inspection in known.items():
        print_report("", [(0, "", f"{address} now: {kind_words(inspection)}"), *control_lines(inspection)])


@_app.command("inspect")
def inspect(
    address: Annotated[str, typer.Argument(help="The contract or account: 0x and 40 hexadecimal digits.")],
    network: Annotated[str, typer.Option(help="Which configured network.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Report what kind of proxy an address is, its target, who can change it, after which delay, and since when."""
    inspection = run(_inspect(network, address, config))
    if json:
        print_json(inspection)
        return
    print_report(address, report(inspection))


async def _inspect(network: str, address: str, config: Path | None) -> Inspection:
    import os

    from chain.inspection.inspect import inspect as inspect_address
    from chain.rpc.errors import NodeFailure
    from chain.sync.settings import open_nodes, utc_now
    from monitor.daemon.explorer_checks import books_of, with_sources

    check_all(lambda: _address("ADDRESS", address), lambda: _settings(network, config))
    checked = _address("ADDRESS", address)
    tree = _settings(network, config)
    settings = _watcher_settings(tree, network)
    books = books_of(tree, network, os.environ)
    nodes = open_nodes(settings, utc_now)
    try:
        return await with_sources(await inspect_address(nodes, settings.network.id, checked), books)
    except NodeFailure as failure:
        raise OperatorError(
            f"networks.{network}.nodes",
            failure.fault.value,
            "a node that answers",
            f"start it, or name another ({failure.detail})",
        ) from None
    finally:
        await nodes.close()


def _settings(network: str, config: Path | None) -> Settings:
    settings = settings_from(config)
    if network not in settings.networks:
        known = sorted(settings.networks)
        raise OperatorError("--network", network, ", ".join(known) or "(none is configured)", nearest(network, known))
    return settings
