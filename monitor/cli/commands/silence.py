"""`stormwatch silence` and `stormwatch ack`: hold back what is known already, and say who takes care of an incident."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Config, Json, note, parse_zoned, print_json, print_table, settings_from
from monitor.errors import Mistakes, OperatorError, nearest

if TYPE_CHECKING:
    from monitor.alerting.quiet_file import QuietFile

MAX_DAYS = 90
MAX_CHARS = 200
_INCIDENT = re.compile(r".+-\d+-[0-9a-f]{6}")
"""The form of an incident's id: what, since when in unix seconds, and six hexadecimal digits."""
_app = typer.Typer(
    help="Hold incidents back from the sinks for a time; the end of an incident is always sent.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="silence")
    app.command("ack")(acknowledge)


@_app.command("add")
def add(
    until: Annotated[str, typer.Option(help="Until when, such as 2026-11-24T01:30Z.")],
    by: Annotated[str, typer.Option(help="Who asks for it.")],
    asset: Annotated[str, typer.Option(help="Only incidents of this asset.")] = "",
    venue: Annotated[str, typer.Option(help="Only incidents of this venue, or with evidence from it alone.")] = "",
    level: Annotated[str, typer.Option(help="Only up to this level; what is worse is sent.")] = "perfect-storm",
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    config: Config = None,
) -> None:
    """Add a silence. The running daemon obeys it from its next note on."""
    import secrets
    from dataclasses import replace

    from monitor.alerting.quiet import Silence
    from monitor.incidents import LEVEL_NAMES
    from probes.rest.http import utc_now

    now, levels, mistakes = utc_now(), {name: one for one, name in LEVEL_NAMES.items() if one}, Mistakes()
    with mistakes:
        end = _end(until, now)
    with mistakes:
        author = _text("--by", by)
    with mistakes:
        why = _text("--comment", comment) if comment else ""
    with mistakes:
        if level not in levels:
            raise OperatorError("--level", level, ", ".join(levels), nearest(level, list(levels)))
    with mistakes:
        _check_names(config, asset, venue)
    mistakes.tell()
    silence = Silence(
        id=secrets.token_hex(4), since=now, until=end, author=author, asset=asset, venue=venue, level=levels[level],
        comment=why,
    )  # fmt: skip
    _file(config).change(
        lambda quiet: replace(quiet, silences=(*(one for one in quiet.silences if one.until > now), silence))
    )
    note(f"{silence.matchers} {silence.words}")
    typer.echo(silence.id)


@_app.command("list")
def show(config: Config = None, json: Json = False) -> None:
    """List the silences that are not over."""
    from monitor.incidents import LEVEL_NAMES

    silences = [one for one in _file(config).read().silences if one.until > _now()]
    if json:
        for one in silences:
            print_json({
                "id": one.id, "since": one.since, "until": one.until, "by": one.author, "asset": one.asset, "venue": one.venue,
                "level": LEVEL_NAMES[one.level], "comment": one.comment,
            })  # fmt: skip
        return
    rows = ((one.id, one.matchers, f"{one.until:%Y-%m-%d %H:%M:%S}", one.author, one.comment) for one in silences)
    print_table("silences", ("id", "holds back", "until (UTC)", "by", "comment"), rows, whole=("id",))


@_app.command("end")
def end(silence_id: Annotated[str, typer.Argument(help="Which silence.")], config: Config = None) -> None:
    """End a silence now: what is still open is sent."""
    from dataclasses import replace

    file = _file(config)
    known = [one.id for one in file.read().silences if one.until > _now()]
    if silence_id not in known:
        raise OperatorError("ID", silence_id, ", ".join(known) or "(there is none)", nearest(silence_id, known))
    file.change(lambda quiet: replace(quiet, silences=tuple(one for one in quiet.silences if one.id != silence_id)))
    typer.echo(f"ended {silence_id}")


def acknowledge(
    incident_id: Annotated[str, typer.Argument(help="Which incident.")],
    by: Annotated[str, typer.Option(help="Who takes care of it.")],
    config: Config = None,
) -> None:
    """Acknowledge an incident: reminders of it stop; changes and its end are sent as before."""
    from monitor.alerting.quiet import Acknowledgement
    from monitor.alerting.quiet_file import acknowledged_by
    from monitor.log.sight import look

    mistakes = Mistakes()
    with mistakes:
        name = _text("ID", incident_id)
        if not _INCIDENT.fullmatch(name):
            raise OperatorError("ID", name, "the id of an incident", "`stormwatch incidents` lists them")
    with mistakes:
        given = Acknowledgement(by=_text("--by", by), at=_now())
    mistakes.tell()
    file = _file(config)
    file.change(lambda quiet: acknowledged_by(quiet, name, given))
    sight = look(file.path.parent / "log")
    if sight is None or name not in sight.incident_ids():
        note(f"the local log holds no change of {name}: is it the right one? `stormwatch incidents` lists them")
    typer.echo(f"{name} {given.words}")


def _end(until: str, now: datetime) -> datetime:
    """When a silence that begins now ends. Raises OperatorError."""
    end = parse_zoned("--until", until)
    if end is None or not now < end <= now + timedelta(days=MAX_DAYS):
        raise OperatorError("--until", until, f"a time to come, within {MAX_DAYS} days", "correct it")
    return end


def _file(config: Path | None) -> QuietFile:
    from monitor.alerting.quiet_file import QuietFile

    return QuietFile(Path(settings_from(config).store.folder).expanduser())


def _now() -> datetime:
    from probes.rest.http import utc_now

    return utc_now()


def _check_names(config: Path | None, asset: str, venue: str) -> None:
    from monitor.settings.filtered import check_name
    from monitor.signals import TARGET_PREFIX
    from probes import venues

    settings, mistakes = settings_from(config), Mistakes()
    with mistakes:
        if asset:
            check_name("--asset", asset, settings.assets)
    with mistakes:
        if venue:
            check_name("--venue", venue, [*venues.NAMES, *(TARGET_PREFIX + one for one in settings.targets)])
    mistakes.tell()


def _text(key: str, given: str) -> str:
    """One line of an operator's words. Raises OperatorError."""
    from monitor.signals.plain_text import one_line

    if not given.strip() or len(given) > MAX_CHARS:
        raise OperatorError(key, given[:MAX_CHARS], f"1 to {MAX_CHARS} characters", "write who, or what")
    return one_line(given.strip())
