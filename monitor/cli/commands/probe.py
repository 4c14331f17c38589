"""`stormwatch probe`: asks one venue, or one of the operator's own targets, once and shows the phases of each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.render.readings import plain, words_of
from monitor.cli.shared import Config, Json, parse_pairs, print_json, print_table, run, settings_from

if TYPE_CHECKING:
    from probes.readings import Reading, RequestTimed
    from probes.venue import Venue

MAX_LISTEN_S = 3600.0
PHASES = ("resolve", "connect", "tls", "send", "wait", "receive")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("probe")(probe)


def probe(
    venue: Annotated[str | None, typer.Argument(help="Which venue.")] = None,
    check: Annotated[str | None, typer.Argument(help="A check or feed of it (default: every check once).")] = None,
    asset: Annotated[
        list[str] | None, typer.Option(help="Asset to ask about (default: the configured ones, else BTC).")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Instead of a venue: one of [targets] in the settings.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="KEY=URL: ask there instead of the venue's own host.")] = None,
    listen: Annotated[float, typer.Option(help="Seconds to listen, where CHECK is a feed.")] = 5.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Ask a venue, or a target of your own, once and show its answers and how long each phase took.

    Ends with 1 if the venue refused or did not answer, if anything that it said was malformed, or if there was nothing to ask.
    """
    if target is not None:
        _check_alone(venue, check, asset, host)
        venue, readings = f"target {target}", run(_probe_target(target, config))
    else:
        venue = _checked(venue, check, host or [], listen, config)
        readings = run(_probe(venue, check, asset or [], parse_pairs("--host", host or []), listen, config))
    if json:
        for reading in readings:
            print_json({"kind": type(reading).__name__, **plain(reading)})
    else:
        _show(venue, readings)
    if not readings or any(_failed(one) for one in readings):
        raise typer.Exit(1)


def _failed(reading: Reading) -> bool:
    """Whether a reading says that the venue refused, that it cannot be read, or that a connection to it failed."""
    from probes.readings import FeedChanged, FeedEvent, FeedMalformed, RequestTimed, RowsMalformed

    match reading:
        case RequestTimed():
            return reading.refusal is not None
        case FeedChanged():
            return reading.event is FeedEvent.REJECTED or (reading.event is FeedEvent.CLOSED and not reading.planned)
        case FeedMalformed() | RowsMalformed():
            return True
        case _:
            return False


def _check_alone(venue: str | None, check: str | None, asset: list[str] | None, host: list[str] | None) -> None:
    from monitor.errors import Mistakes, OperatorError

    mistakes, remedy = Mistakes(), "leave it out: the settings say what is asked"
    for name, given in (("VENUE", venue), ("CHECK", check), ("--asset", asset), ("--host", host)):
        if given:
            mistakes.add(OperatorError(name, given, "nothing beside --target", remedy))
    mistakes.tell()


def _checked(venue: str | None, check: str | None, host: list[str], listen_s: float, config: Path | None) -> str:
    """The venue, if it and what is asked of it exist. Raises OperatorError with all mistakes at once."""
    from functools import partial

    from monitor.errors import check_all
    from monitor.settings.check import check_host
    from probes import venues

    checks: list[Callable[[], object]] = [
        partial(_check_venue, venue),
        partial(_check_listen, listen_s),
        partial(settings_from, config),
    ]
    if venue in venues.NAMES:
        checks.append(partial(_check_name, venues.declared(venue), check))
    for one in host:
        checks.append(partial(parse_pairs, "--host", [one]))
        key, sign, url = one.partition("=")
        if sign and key and url and venue in venues.NAMES:
            checks.append(partial(check_host, "--host", venue, key, url))
    check_all(*checks)
    assert venue is not None
    return venue


def _check_venue(venue: str | None) -> None:
    from monitor.errors import OperatorError, nearest
    from probes import venues

    if venue is None:
        raise OperatorError("VENUE", None, ", ".join(venues.NAMES), "name one, or --target NAME")
    if venue not in venues.NAMES:
        raise OperatorError("VENUE", venue, ", ".join(venues.NAMES), nearest(venue, venues.NAMES))


def _check_listen(listen_s: float) -> None:
    from monitor.errors import OperatorError

    if not 0 < listen_s <= MAX_LISTEN_S:
        raise OperatorError("--listen", listen_s, f"seconds above 0, at most {MAX_LISTEN_S:g}", "correct it")


async def _probe_target(name: str, config: Path | None) -> list[Reading]:
    import os

    from monitor.errors import OperatorError, nearest
    from monitor.settings.check import check_url
    from monitor.settings.targets import targets_of
    from probes.feeds.targets import ask_once

    known = settings_from(config).targets
    if name not in known:
        allowed = ", ".join(known) or "(none is configured)"
        raise OperatorError("--target", name, allowed, nearest(name, list(known)) if known else f"add [targets.{name}]")
    return [await ask_once(one) for one in targets_of({name: known[name]}, os.environ, check_url, also_disabled=True)]


async def _probe(
    name: str, check: str | None, assets: list[str], hosts: object, listen_s: float, config: Path | None
) -> list[Reading]:
    import os
    from dataclasses import replace

    from monitor.daemon.assembly import prober_settings
    from monitor.settings.tree import AssetSettings, VenueSettings
    from probes import venues
    from probes.prober import probe_once

    dialect = venues.declared(name)
    settings = settings_from(config)
    wanted = [one.upper() for one in assets] or sorted(settings.assets) or ["BTC"]
    own = settings.venues.get(name) or VenueSettings()
    assert isinstance(hosts, dict)
    settings = replace(
        settings,
        assets={**{asset: AssetSettings() for asset in wanted}, **settings.assets},
        venues={**settings.venues, name: replace(own, hosts={**own.hosts, **hosts}, assets=tuple(wanted))},
    )
    chosen = prober_settings(settings, name, os.environ)
    _check_keys(dialect, check, chosen.keys is not None)
    return await probe_once(dialect, check, chosen, feed_s=listen_s)


def _check_name(dialect: Venue, check: str | None) -> None:
    from monitor.errors import OperatorError, nearest

    known = list(dict.fromkeys([one.name for one in dialect.checks] + [one.name for one in dialect.feeds]))
    if check is not None and check not in known:
        raise OperatorError("CHECK", check, ", ".join(known), nearest(check, known))


def _check_keys(dialect: Venue, check: str | None, keys: bool) -> None:
    from monitor.errors import OperatorError
    from probes.venue import Per

    for one in dialect.checks:
        if one.name == check and one.per is Per.VENUE and one.call(None).signed and not keys:
            raise OperatorError(
                f"venues.{dialect.id}.key_env", "", "the name of an environment variable with a read-only API key",
                f"set key_env and secret_env under [venues.{dialect.id}]: {check} is a signed check",
            )  # fmt: skip


def _show(venue: str, readings: Sequence[Reading]) -> None:
    from probes.readings import RequestTimed

    timed = [one for one in readings if isinstance(one, RequestTimed)]
    if timed or not readings:
        columns = ("check", "instrument", "outcome", "total", "conn", "phases")
        whole = ("check", "total", "conn")
        print_table(f"{venue}: {len(timed)} requests (ms)", columns, [_row(one) for one in timed], whole)
    others = [one for one in readings if not isinstance(one, RequestTimed)]
    print_table(
        f"{venue}: {len(others)} readings",
        ("reading", "what"),
        ((type(one).__name__, words_of(one)) for one in others[:200]),
    )
    if len(others) > 200:
        typer.echo(f"… and {len(others) - 200} more; --json prints all")


def _row(one: RequestTimed) -> tuple[object, ...]:
    by_name = {phase.name: phase.duration_s * 1000 for phase in one.phases}
    phases = ", ".join(f"{name} {by_name[name]:.1f}" for name in PHASES if name in by_name)
    outcome = "ok" if one.refusal is None else f"{one.refusal.value} {one.detail}"[:60]
    total = f"{'≥ ' if one.censored else ''}{one.latency_s * 1000:.1f}"
    return one.check, one.instrument, outcome, total, "new" if one.cold else "kept", phases or None
