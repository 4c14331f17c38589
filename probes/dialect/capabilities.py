"""Says what of a venue is read: each capability is public, keyed, not offered or not read yet, by the declarations alone.

A check or feed gives the capability of its name, those of the rows its reader was compiled from, and those of its topics. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from probes.dialect import declared as words
from probes.dialect.declared import Rows, Said
from probes.dialect.rows import compiled_from
from probes.readings import (
    Deleveraging,
    Funding,
    Instrument,
    InstrumentsListed,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    Market,
    MarkPrice,
    OpenInterest,
    ServerTime,
    ServiceStatus,
    Volume,
    WalletStatus,
)
from probes.venue import BookDelta, BookSnapshot, Feed, RestCheck, Venue


class Reach(StrEnum):
    """How far a capability of a venue can be seen. MISSING: the venue's file forgets it."""

    PUBLIC = "public"
    KEYED = "keyed"
    NONE = "none"
    NOT_YET = "not yet"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One thing that venues may tell: in which group of the matrix, under which title, and as which messages."""

    name: str
    group: str
    title: str
    means: tuple[type, ...]


_BOOKS = (BookSnapshot, BookDelta)
CAPABILITIES: Mapping[str, Capability] = {
    name: Capability(name=name, group=group, title=title, means=means)
    for name, group, title, means in (
        ("server_time", "service", "server time", (ServerTime,)),
        ("system_status", "service", "system status", (ServiceStatus,)),
        ("wallet_status", "service", "wallet status", (WalletStatus,)),
        ("instruments", "service", "instruments", (InstrumentsListed,)),
        ("book_rest", "market", "book REST", _BOOKS),
        ("book_ws", "market", "book WS", _BOOKS),
        ("book_ws_spot", "market", "book WS spot", _BOOKS),
        ("volume", "market", "volume", (Volume,)),
        ("volume_spot", "market", "volume spot", (Volume,)),
        ("liquidation", "derivatives", "liquidation", (Liquidation,)),
        ("open_interest", "derivatives", "open interest", (OpenInterest,)),
        ("funding", "derivatives", "funding", (Funding,)),
        ("mark_price", "derivatives", "mark price", (MarkPrice,)),
        ("long_short_ratio", "derivatives", "long short ratio", (LongShortRatio,)),
        ("insurance_fund", "derivatives", "insurance fund", (InsuranceFund,)),
        ("deleveraging", "derivatives", "deleveraging", (Deleveraging,)),
    )
}
"""All capabilities, in the order of the matrix. `book_ws` and `volume` are those of perpetuals."""
_OF_ROWS: Mapping[type[Said], str] = {
    words.ServerTimes: "server_time",
    words.Statuses: "system_status",
    words.Wallets: "wallet_status",
    words.Listing: "instruments",
    words.Liquidations: "liquidation",
    words.OpenInterests: "open_interest",
    words.FundingRates: "funding",
    words.MarkPrices: "mark_price",
    words.LongShortRatios: "long_short_ratio",
    words.InsuranceFunds: "insurance_fund",
    words.Deleveragings: "deleveraging",
}
_OF_MESSAGES: Mapping[type, str] = {
    Liquidation: "liquidation",
    OpenInterest: "open_interest",
    Funding: "funding",
    MarkPrice: "mark_price",
    LongShortRatio: "long_short_ratio",
    InsuranceFund: "insurance_fund",
    Deleveraging: "deleveraging",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A check or feed that gives a capability. `signed`: it needs the operator's key."""

    name: str
    signed: bool


def rows_of(read: Callable[..., Any]) -> tuple[Rows, ...]:
    """The rows that a reader was compiled from; none of one that is written by hand."""
    return compiled_from(read)[0]


def channels_of(feed: Feed) -> tuple[str, ...]:
    """The channels of a feed: those of its topics, else those whose frames its reader knows."""
    topics = dict.fromkeys(one.channel for one in feed.topics([_sample(feed.market)]))
    return tuple(topics) or compiled_from(feed.read)[1]


def sample_of(venue: Venue, market: Market | None) -> Instrument:
    """An instrument that a call could be for: bitcoin, by the venue's own name where its file says it."""
    return _sample(market, venue.symbols("BTC").get(market or Market.PERP, "BTCUSDT"))


def _sample(market: Market | None, symbol: str = "BTCUSDT") -> Instrument:
    return Instrument(
        symbol=symbol, base="BTC", quote="USDT", market=market or Market.PERP, contract_size=Decimal(1)
    )  # fmt: skip


def _of_rows(read: Callable[..., Any], book: str) -> Iterator[str]:
    for rows in rows_of(read):
        spot = rows.market is Market.SPOT
        for said in rows.says:
            if isinstance(said, words.Books):
                yield "book_ws_spot" if spot and book == "book_ws" else book
            elif isinstance(said, words.Volumes):
                yield "volume_spot" if spot else "volume"
            elif not isinstance(said, words.Intervals):  # they complete the funding of other checks
                yield _OF_ROWS[type(said)]


def given_by_check(check: RestCheck) -> frozenset[str]:
    """The capabilities of a check."""
    return frozenset({check.name} & CAPABILITIES.keys() | set(_of_rows(check.read, "book_rest")))


def given_by_feed(feed: Feed) -> frozenset[str]:
    """The capabilities of a feed: what its topics speak of, or all that its frames may say where it declares none."""
    spoken = {kind for one in feed.topics([_sample(feed.market)]) for kind in one.speaks}
    of_topics = {_OF_MESSAGES[kind] for kind in spoken if kind in _OF_MESSAGES}
    if Volume in spoken:
        of_topics.add("volume_spot" if feed.market is Market.SPOT else "volume")
    return frozenset({feed.name} & CAPABILITIES.keys() | (of_topics if spoken else set(_of_rows(feed.read, "book_ws"))))


def sources(venue: Venue) -> Mapping[str, tuple[Source, ...]]:
    """Who gives each capability that is read."""
    found: dict[str, list[Source]] = {}
    for check in venue.checks:
        signed = check.call(sample_of(venue, check.market)).signed
        for name in given_by_check(check):
            found.setdefault(name, []).append(Source(check.name, signed))
    for feed in venue.feeds:
        for name in given_by_feed(feed):
            found.setdefault(name, []).append(Source(feed.name, signed=False))
    return {name: tuple(dict.fromkeys(found[name])) for name in CAPABILITIES if name in found}


def reasons(declared: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """The reason by capability of `Venue.none` or `Venue.not_yet`, which list capabilities by reason."""
    return {name: reason for reason, names in declared.items() for name in names}


def reach(venue: Venue) -> Mapping[str, Reach]:
    """How far each capability of a venue can be seen."""
    read, none, not_yet = sources(venue), reasons(venue.none), reasons(venue.not_yet)

    def of(name: str) -> Reach:
        if name in read:
            return Reach.KEYED if all(one.signed for one in read[name]) else Reach.PUBLIC
        if name in none:
            return Reach.NONE
        return Reach.NOT_YET if name in not_yet else Reach.MISSING

    return {name: of(name) for name in CAPABILITIES}


def sequence_rule(feed: Feed) -> str:
    """The rule by which a feed's books show a gap, in words; "" where no row declares it."""
    books = [said for rows in rows_of(feed.read) for said in rows.says if isinstance(said, words.Books)]
    rules = [_rule(said) for said in sorted(books, key=lambda one: one.whole is True)]
    return rules[0] if rules else ""


def _rule(said: words.Books) -> str:
    if said.prev_id is not None:
        return "each change names the id before it"
    if said.first_id is not None:
        return "the first id of a change follows the last id of the one before"
    if said.whole is True:
        return "none: every message is a whole book"
    return "ids step by one" if said.numbered else "none: a gap cannot be seen"
