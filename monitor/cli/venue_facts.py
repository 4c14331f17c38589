"""Collects what the declarations say of each venue: its capabilities, hosts, products, checks, feeds and budgets.

The matrix of venues and capabilities is made from these facts, for the screen, for JSON and for README.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes import venues
from probes.dialect.capabilities import (
    CAPABILITIES,
    channels_of,
    given_by_feed,
    reach,
    reasons,
    rows_of,
    sample_of,
    sequence_rule,
    sources,
)
from probes.dialect.declared import Listing

if TYPE_CHECKING:
    from probes.venue import Budget, Feed, RestCheck, Venue

_BY_HAND = "decided by a function of the venue's file"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityFacts:
    """One cell of the matrix. `reason` says why it is not read, `by` names the checks and feeds that read it."""

    name: str
    reach: str
    reason: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """One check: what is asked (`asks`, with bitcoin as the instrument), how often, and what it costs of which budget."""

    name: str
    asks: str
    host: str
    market: str | None
    per: str
    every_s: float
    budget: str
    cost: float
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFacts:
    """One feed. `sequence` and `checksum` are the rules of its books in words, None of a feed without books."""

    name: str
    host: str
    market: str | None
    channels: tuple[str, ...]
    silence_after_s: float
    censoring: str | None
    sequence: str | None
    checksum: str | None
    book_base: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """All that a venue's file declares. `budgets` are units by seconds, in words."""

    venue: str
    title: str
    docs: str
    products: tuple[str, ...]
    capabilities: tuple[CapabilityFacts, ...]
    hosts: Mapping[str, str]
    budgets: Mapping[str, str]
    checks: tuple[CheckFacts, ...]
    feeds: tuple[FeedFacts, ...]


def facts_of(name: str) -> VenueFacts:
    """The facts of a declared venue."""
    venue = venues.declared(name)
    return VenueFacts(
        venue=venue.id,
        title=venue.title,
        docs=venue.docs,
        products=_products(venue),
        capabilities=_capabilities(venue),
        hosts=venue.hosts,
        budgets={one.name: _budget(one) for one in venue.budgets},
        checks=tuple(_check(venue, one) for one in venue.checks),
        feeds=tuple(map(_feed, venue.feeds)),
    )


def every_fact() -> list[VenueFacts]:
    """The facts of every declared venue, by name."""
    return [facts_of(name) for name in venues.NAMES]


def _capabilities(venue: Venue) -> tuple[CapabilityFacts, ...]:
    read, why = sources(venue), {**reasons(venue.none), **reasons(venue.not_yet)}
    return tuple(
        CapabilityFacts(
            name=name,
            reach=far.value,
            reason="" if name in read else why.get(name, ""),
            by=tuple(one.name for one in read.get(name, ())),
        )
        for name, far in reach(venue).items()
    )


def _products(venue: Venue) -> tuple[str, ...]:
    markets = {one.market for one in venue.checks} | {one.market for one in venue.feeds}
    for check in venue.checks:
        for rows in rows_of(check.read):
            listings = [said for said in rows.says if isinstance(said, Listing)]
            markets |= {market for said in listings for market in (said.kinds.values() or (rows.market,))}
    return tuple(sorted(one.value for one in markets if one is not None))


def _budget(budget: Budget) -> str:
    words = [f"{budget.limit:g} in {budget.window_s:g} s", "each endpoint for itself" if budget.each else ""]
    words += [f"within {budget.within}" if budget.within else "", f"at {', '.join(budget.hosts)}"]
    return ", ".join(filter(None, words))


def _check(venue: Venue, check: RestCheck) -> CheckFacts:
    call = check.call(sample_of(venue, check.market))
    return CheckFacts(
        name=check.name, asks=f"{'GET' if call.body is None else 'POST'} {call.subject}", host=call.host,
        market=None if check.market is None else check.market.value, per=check.per.value, every_s=check.every_s,
        budget=call.budget, cost=call.cost, signed=call.signed,
    )  # fmt: skip


def _feed(feed: Feed) -> FeedFacts:
    books, rule = any(name.startswith("book_ws") for name in given_by_feed(feed)), feed.checksum
    checksum = f"the best {rule.best} of {rule.depth} levels a side" if rule else "none"
    return FeedFacts(
        name=feed.name, host=feed.host, market=None if feed.market is None else feed.market.value,
        channels=channels_of(feed), silence_after_s=feed.silence_after_s,
        censoring=None if feed.censoring is None else feed.censoring.value,
        sequence=(sequence_rule(feed) or _BY_HAND) if books else None, checksum=checksum if books else None,
        book_base=feed.book_base,
    )  # fmt: skip


def groups() -> Mapping[str, Sequence[str]]:
    """The names of the capabilities in each group of the matrix."""
    found: dict[str, list[str]] = {}
    for one in CAPABILITIES.values():
        found.setdefault(one.group, []).append(one.name)
    return found


def markdown() -> str:
    """The matrix as a Markdown table, as README.md shows it."""
    titles = [one.title for one in CAPABILITIES.values()]
    lines = [f"| venue | {' | '.join(titles)} |", "| --- " * (len(titles) + 1) + "|"]
    lines += [f"| {one.title} | {' | '.join(cell.reach for cell in one.capabilities)} |" for one in every_fact()]
    return "\n".join(lines) + "\n"
