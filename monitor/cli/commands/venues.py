"""`stormwatch venues`: shows which capabilities of each venue are read, and all that one venue's file declares."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Json, print_json, print_table

if TYPE_CHECKING:
    from monitor.cli.venue_facts import VenueFacts


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("venues")(venues)


def venues(
    venue: Annotated[str | None, typer.Option(help="Only this one, with its hosts, checks, feeds and rules.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the matrix as README.md has it.")] = False,
    json: Json = False,
) -> None:
    """Show what is read of each venue: public, keyed (needs your key), none (it offers none) or not yet (we do not read it)."""
    from monitor.cli.venue_facts import every_fact, facts_of
    from monitor.cli.venue_facts import markdown as as_markdown
    from monitor.errors import OperatorError, nearest
    from probes.venues import NAMES

    if venue is not None and venue not in NAMES:
        raise OperatorError("--venue", venue, ", ".join(NAMES), nearest(venue, NAMES))
    if markdown:
        if venue is not None or json:
            raise OperatorError("--markdown", "with --venue or --json", "--markdown alone", "leave the others out")
        sys.stdout.write(as_markdown())
        return
    facts = every_fact() if venue is None else [facts_of(venue)]
    if json:
        for one in facts:
            print_json(one)
    elif venue is None:
        _show_matrix(facts)
    else:
        _show_venue(facts[0])


def _show_matrix(facts: list[VenueFacts]) -> None:
    from monitor.cli.venue_facts import groups
    from probes.dialect.capabilities import CAPABILITIES

    for group, names in groups().items():
        rows = []
        for one in facts:
            reach = {cell.name: cell.reach for cell in one.capabilities}
            rows.append((one.venue, *(reach[name] for name in names)))
        print_table(group, ("venue", *(CAPABILITIES[name].title for name in names)), rows, {"venue", "liquidation"})
    typer.echo("`stormwatch venues --venue NAME` says by which checks and feeds, and why not.")


def _show_venue(facts: VenueFacts) -> None:
    print_table(
        f"{facts.title} ({', '.join(facts.products)}), {facts.docs}",
        ("capability", "reach", "by, or why not"),
        ((one.name, one.reach, ", ".join(one.by) or one.reason or None) for one in facts.capabilities),
        {"capability", "reach"},
    )
    print_table("hosts", ("host", "address"), facts.hosts.items(), {"host"})
    print_table("budgets", ("budget", "units"), facts.budgets.items(), {"budget"})
    print_table(
        "checks",
        ("check", "every", "costs", "asks"),
        (
            (
                one.name,
                f"{one.every_s:g} s",
                f"{one.cost:g} {one.budget}",
                f"{one.asks}{' (signed)' if one.signed else ''}",
            )
            for one in facts.checks
        ),
        {"check", "every"},
    )
    print_table(
        "feeds",
        ("feed", "silent after", "channels"),
        ((one.name, f"{one.silence_after_s:g} s", ", ".join(one.channels) or None) for one in facts.feeds),
        {"feed"},
    )
    rules = [
        (one.name, what, rule)
        for one in facts.feeds
        for what, rule in (("censoring", one.censoring), ("sequence", one.sequence), ("checksum", one.checksum))
        if rule is not None
    ]
    print_table("rules", ("feed", "of its", "rule"), rules, {"feed", "of its"})
