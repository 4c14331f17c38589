"""`stormwatch venue`: writes the first files of a new venue (`new`), and shows what a stored payload reads as (`try`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.render.readings import plain, words_of
from monitor.cli.shared import Json, note, parse_time, print_json, print_table
from monitor.errors import OperatorError, check_all, nearest

if TYPE_CHECKING:
    from monitor.cli.payloads import Tried, Wanted

MAX_ROWS = 200
_app = typer.Typer(help="Add a venue: its first files, and what its payloads read as.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="venue")


@_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The venue's name: small letters, digits and _.")],
    checkout: Annotated[Path, typer.Option(help="The checkout of Stormwatch to write into.")] = Path(),
    json: Json = False,
) -> None:
    """Write the venue's file and the folders of its cases, with FILL_IN wherever its documentation must be read."""
    from monitor.cli.venue_skeleton import write

    written = write(checkout, name)
    if json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        typer.echo(path)
    note(
        f"next: replace each FILL_IN; `stormwatch venue try {name} FILE` reads a payload; "
        f"pytest tests/probes -k {name} names what is left"
    )


@_app.command("try")
def try_payload(
    name: Annotated[str, typer.Argument(help="Which venue.")],
    file: Annotated[
        Path, typer.Argument(help="A body or a frame, as the venue sent it; .http.json has status and headers.")
    ],
    check: Annotated[str | None, typer.Option(help="Read it as this check's answer.")] = None,
    feed: Annotated[str | None, typer.Option(help="Read it as this feed's frame.")] = None,
    symbol: Annotated[str | None, typer.Option(help="The instrument that was asked for (default: bitcoin's).")] = None,
    contract_size: Annotated[str, typer.Option(help="Base units of one contract, of every instrument.")] = "1",
    listing: Annotated[
        Path | None, typer.Option(help="A stored answer of its check instruments: only what it lists is known.")
    ] = None,
    received_at: Annotated[
        str | None, typer.Option(help="When it was received (default: a second after its newest stamp).")
    ] = None,
    status: Annotated[int | None, typer.Option(min=100, max=599, help="HTTP status (default: 200).")] = None,
    json: Json = False,
) -> None:
    """Show what a stored payload reads as: readings, odd rows, refusals, and what the admission gate does not let pass.

    Without --check or --feed, its folder and the source file beside it say what it is.

    Without --listing, every instrument in it counts as listed and linear.
    Ends with 1 if it is refused or malformed, or if nothing that it says is admitted.
    """
    from monitor.cli.payloads import Wanted, check_wanted, read
    from monitor.cli.payloads import listing as listing_of
    from probes.venues import NAMES

    check_all(
        lambda: _check_name(name, NAMES),
        lambda: _check_file(file),
        lambda: check_wanted(name, Wanted(check=check, feed=feed)),
        lambda: _size(contract_size),
        lambda: None if received_at is None else parse_time("--received-at", received_at),
    )
    wanted = Wanted(
        check=check, feed=feed, symbol=symbol, contract_size=_size(contract_size), status=status,
        listed=None if listing is None else listing_of(name, listing),
        received_at=None if received_at is None else parse_time("--received-at", received_at),
    )  # fmt: skip
    tried = read(name, file, wanted)
    if json:
        print_json(_as_json(name, file, tried))
    else:
        _show(name, tried, wanted)
    if tried.outcome not in ("read", "nothing"):
        raise typer.Exit(1)


def _check_name(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise OperatorError("NAME", name, ", ".join(known), nearest(name, known))


def _check_file(file: Path) -> None:
    if not file.exists():
        raise OperatorError("FILE", str(file), "a file that can be read", "No such file or directory")


def _size(text: str) -> Decimal:
    try:
        size = Decimal(text)
    except InvalidOperation:
        size = Decimal(0)
    if not (size.is_finite() and 0 < size < Decimal("1e12")):
        raise OperatorError("--contract-size", text, "a number above 0", "give the base units of one contract")
    return size


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadRead:
    """What `venue try --json` prints. Messages are plain, with the name of their type as `kind`."""

    venue: str
    file: str
    reader: str
    outcome: str
    detail: str
    received_at: datetime
    readings: tuple[dict[str, Any], ...]
    odd: tuple[dict[str, Any], ...]
    not_admitted: tuple[dict[str, Any], ...]


def _as_json(name: str, file: Path, tried: Tried) -> PayloadRead:
    return PayloadRead(
        venue=name, file=str(file), reader=tried.reader, outcome=tried.outcome, detail=tried.detail,
        received_at=tried.received_at,
        readings=tuple({"kind": type(one).__name__, **plain(one)} for one in tried.words),
        odd=tuple(plain(one) for one in tried.odd),
        not_admitted=tuple(
            {"reason": one.reason, "kind": type(one.word).__name__, **plain(one.word)} for one in tried.not_admitted
        ),
    )  # fmt: skip


def _show(name: str, tried: Tried, wanted: Wanted) -> None:
    title = f"{name}, {tried.reader}: {tried.outcome}"
    if tried.detail:
        typer.echo(_line(f"{title}: {tried.detail}"))
    if tried.words:
        print_table(title, ("reading", "what"), ((type(one).__name__, words_of(one)) for one in tried.words[:MAX_ROWS]))
    if len(tried.words) > MAX_ROWS:
        typer.echo(f"… and {len(tried.words) - MAX_ROWS} more; --json prints all")
    if tried.odd:
        print_table("odd rows", ("reason", "rows", "where"), ((one.reason, one.count, one.path) for one in tried.odd))
    if tried.not_admitted:
        rows = [(one.reason, type(one.word).__name__, words_of(one.word)) for one in tried.not_admitted[:MAX_ROWS]]
        print_table(f"{name}, {tried.reader}: not admitted", ("reason", "reading", "what"), rows)
    if wanted.received_at is None:
        note(f"as received at {tried.received_at.isoformat()}; --received-at judges its stamps against another time")


def _line(text: str) -> str:
    from monitor.signals.plain_text import one_line

    return one_line(text)
