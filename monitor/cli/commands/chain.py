"""`stormwatch chain`: what happened in a range of blocks (`scan`), and what an address is (`inspect`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.render.inspection import control_lines, kind_words
from monitor.cli.render.liquidity import told_of_liquidity
from monitor.cli.render.upgrades import change_lines, compared_row, source_words, upgrade_row
from monitor.cli.shared import Config, Json, note, print_json, print_table, run, settings_from
from monitor.errors import OperatorError, nearest

if TYPE_CHECKING:
    from chain.events import Address, ChainEvent
    from chain.inspection.inspect import Inspection
    from chain.sync.settings import WatcherSettings
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
    every_block: Annotated[
        bool | None,
        typer.Option(
            "--every-block/--stretches",
            help="Read the state of each block, and see what was soon set back; or of each 512th, and look for what no log "
            "told (the default above 512 blocks).",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write JSON lines there; a scan that was broken off goes on when called again."
        ),
    ] = None,
    contract: Annotated[
        list[str] | None,
        typer.Option(help="Watch this address too, besides those that are configured. Repeat for more."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell the upgrades, control changes, timelock operations and liquidity moves of a range of blocks."""
    from monitor.cli.scan_output import EACH_BLOCK, Asked, Output, scan_into, written

    settings = _settings(network, config)
    if last < first:
        raise OperatorError("--to", last, f"a block from {first} on", "give the later block")
    whole = last + 1 - first <= EACH_BLOCK if every_block is None else every_block
    asked = Asked(network=network, first=first, last=last, every_block=whole)
    told: list[ChainEvent] = []
    into = Output(output, asked) if output else None

    def take(event: ChainEvent) -> None:
        if into:
            into.take(event)
        elif json:
            typer.echo(written(event))
        else:
            told.append(event)

    run(scan_into(_with(contract, _watcher_settings(settings, network)), asked, take, into))
    if not json and not into:
        print_table(f"{network} {first}..{last}", ("block", "time", "event", "what"), (_row(event) for event in told))
    note(
        "state read of every block"
        if whole
        else "state read once in 512 blocks, silent changes looked for between; --every-block also sees what was soon set back"
    )


def _with(contracts: list[str] | None, settings: WatcherSettings) -> WatcherSettings:
    """The settings with these contracts watched too."""
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
            key, text, "an address whose upper and lower case fit (EIP-55)", "look for a mistyped digit"
        )
    return Address(text.lower())


def _watcher_settings(settings: Settings, network: str) -> WatcherSettings:
    import os

    from monitor.daemon.assembly import watcher_settings

    return watcher_settings(settings, network, os.environ)


def _row(event: ChainEvent) -> tuple[object, ...]:
    from chain.events import CodeCompared
    from chain.events.upgrades import ContractUpgraded
    from monitor.cli.scan_output import plain

    said = plain(event)
    place = said.pop("place", {})
    assert isinstance(place, dict)
    kind = said.pop("kind")
    if isinstance(event, ContractUpgraded):
        return place.get("block_number"), place.get("block_time"), kind, upgrade_row(event)
    if isinstance(event, CodeCompared):
        return place.get("block_number"), place.get("block_time"), kind, compared_row(event)
    skip = {"seen_at", "event_id"}
    what = told_of_liquidity(event) or ", ".join(
        f"{key} {value}" for key, value in said.items() if key not in skip and value is not None
    )
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

    from chain.inspection.inspect import inspect as inspect_address
    from chain.rpc.errors import NodeFailure
    from chain.sync.settings import open_nodes, utc_now
    from monitor.daemon.explorer_checks import books_of, with_sources

    asked = _address("ADDRESS", address)
    whole = _settings(network, config)
    settings = _watcher_settings(whole, network)
    books = books_of(whole, network, os.environ)
    nodes = open_nodes(settings, utc_now)
    try:
        return await with_sources(await inspect_address(nodes, settings.network.id, asked), books)
    except NodeFailure as failure:
        raise OperatorError(
            f"networks.{network}.nodes", failure.fault.value, "a node that answers", failure.detail
        ) from None
    finally:
        await nodes.close()


def _settings(network: str, config: Path | None) -> Settings:
    settings = settings_from(config)
    if network not in settings.networks:
        known = sorted(settings.networks)
        raise OperatorError("--network", network, ", ".join(known) or "(none is configured)", nearest(network, known))
    return settings


def _really(found: Inspection) -> list[tuple[str, object]]:
    """Whom it really delegates to, where that is not what it declares."""
    from chain.behaviour.declared import Finding

    really = found.delegated
    if really.target is None or really.target in found.roles.values():
        return []
    by = f"{really.target} (seen in {really.probes} calls, by {really.probed_by})"
    if really.slot is not None:
        by += f", held in slot {really.slot:#x}" + (f" of {really.slot_of}" if really.slot_of != found.address else "")
    if really.verdict is Finding.BROKEN:
        return [("WARNING: really runs", by)]
    return [("runs" if found.kind else "custom proxy of", by)]


def _lines(found: Inspection) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = [("kind", kind_words(found))]
    lines += [(role, address) for role, address in sorted(found.roles.items())]
    lines += [(f"facet, {count} functions", facet) for facet, count in found.facets.items()]
    lines += _really(found)
    lines += control_lines(found)
    if found.since:
        lines.append(("since block", f"{found.since.block_number} {found.since.block_time or ''}".strip()))
        lines.append(("changes in logs", found.since.changes))
    if found.last_change:
        lines += [(f"last change: {what}", words) for what, words in change_lines(found.last_change)]
    lines.append(("functions", "not read" if found.functions is None else found.functions))
    lines.append(("code", f"{found.code_size} bytes"))
    lines += [("source, if verified", link) for link in found.links if not found.last_change]
    lines += [(f"source at {one.by}", source_words(one)) for one in found.sources]
    return lines
