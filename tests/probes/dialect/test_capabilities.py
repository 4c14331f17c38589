"""What of a venue is read follows from its declarations: names of checks and feeds, rows, topics, and what it says it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from probes import dialect as d
from probes import venues
from probes.dialect.capabilities import (
    CAPABILITIES,
    Reach,
    channels_of,
    given_by_check,
    given_by_feed,
    reach,
    reasons,
    rows_of,
    sequence_rule,
    sources,
)
from probes.readings import Censoring, Instrument, Liquidation, Market, MarkPrice, Side, VenueId, Volume
from probes.readings.topics import Topic
from probes.venue import Feed, RestCall, RestCheck, Venue

FIGURES = d.Rows(
    says=(
        d.MarkPrices(symbol="s", mark="m"),
        d.FundingRates(symbol="s", rate="r"),
        d.OpenInterests(symbol="s", size="o"),
        d.Volumes(symbol="s", base="v"),
    )
)
BOOK: dict[str, Any] = {"symbol": "s", "bids": "b", "asks": "a"}
FORCED = d.Liquidations(
    symbol="s", price="p", size="q", side="d", sides={"x": Side.LONG}, at=d.Stamp("t"), censoring=Censoring.COMPLETE
)


def venue(*checks: RestCheck, feeds: Sequence[Feed] = (), **more: Any) -> Venue:
    return Venue(
        id=VenueId("one"), title="One", docs="https://one.example", hosts={"rest": "https://one.example"}, budgets=(),
        checks=checks, feeds=tuple(feeds), **more,
    )  # fmt: skip


def feed(name: str, market: Market = Market.PERP, *said: d.Books | d.Liquidations | d.Volumes, **more: Any) -> Feed:
    rows = tuple(d.Rows(says=(one,), market=market) for one in said)
    return Feed(
        name=name, host="ws", market=market, read=d.frames(d.Frames(), {"news": rows}), subscribe=lambda *_: (), **more
    )  # fmt: skip


def signed(check: RestCheck) -> RestCheck:
    return replace(check, call=lambda one: replace(check.call(one), signed=True))


def test_a_check_gives_the_capability_of_its_name_and_all_that_its_rows_say() -> None:
    tickers = d.check("open_interest", "/tickers", FIGURES, 15)
    assert given_by_check(tickers) == {"open_interest", "mark_price", "funding", "volume"}


def test_a_check_of_another_name_gives_what_its_rows_say_and_a_reader_by_hand_only_its_name() -> None:
    rows = d.Rows(says=(FORCED,))
    assert given_by_check(d.check("liquidations_rest", "/orders", rows, 60)) == {"liquidation"}
    assert given_by_check(d.check("funding", "/rates", lambda *_: (), 60)) == {"funding"}
    assert given_by_check(d.check("something", "/else", lambda *_: (), 60)) == set()


def test_books_and_volumes_are_told_apart_by_the_market_of_their_rows() -> None:
    spot = d.Rows(says=(d.Volumes(symbol="s", base="v"), d.Books(whole=True, **BOOK)), market=Market.SPOT)
    assert given_by_check(d.check("x", "/x", spot, 60)) == {"volume_spot", "book_rest"}
    assert given_by_feed(feed("x", Market.SPOT, d.Books(**BOOK), d.Volumes(symbol="s", base="v"))) == {
        "book_ws_spot",
        "volume_spot",
    }
    assert given_by_feed(feed("x", Market.PERP, d.Books(**BOOK))) == {"book_ws"}


@pytest.mark.parametrize(("market", "volume"), [(Market.PERP, "volume"), (Market.SPOT, "volume_spot")])
def test_a_feed_with_topics_gives_what_they_speak_of_and_not_all_that_its_frames_could_say(
    market: Market, volume: str
) -> None:
    topics = [Topic("n", "orders", "s", (Liquidation,)), Topic("m", "tickers", "s", (MarkPrice, Volume))]
    given = feed("liquidation", market, d.Books(**BOOK), topics=lambda _: topics)
    assert given_by_feed(given) == {"liquidation", "mark_price", volume}
    assert channels_of(given) == ("orders", "tickers")


def test_the_channels_of_a_feed_without_topics_are_those_whose_frames_it_reads() -> None:
    assert channels_of(feed("book_ws", Market.PERP, d.Books(**BOOK))) == ("news",)


def test_a_capability_is_keyed_only_where_each_of_its_sources_needs_the_key() -> None:
    wallets = d.check("wallet_status", "/wallets", d.Rows(says=(d.Wallets(symbol="s"),)), 60)
    assert reach(venue(signed(wallets)))["wallet_status"] is Reach.KEYED
    assert reach(venue(wallets))["wallet_status"] is Reach.PUBLIC
    assert reach(venue(signed(wallets), wallets))["wallet_status"] is Reach.PUBLIC
    assert [one.signed for one in sources(venue(signed(wallets), wallets))["wallet_status"]] == [True, False]


def test_what_is_not_read_is_none_or_not_yet_as_declared_and_missing_where_nobody_says_anything() -> None:
    told = venue(none={"spot alone": ("funding", "liquidation")}, not_yet={"needs a page": ("system_status",)})
    found = reach(told)
    assert list(found) == list(CAPABILITIES)
    assert (found["funding"], found["liquidation"]) == (Reach.NONE, Reach.NONE)
    assert found["system_status"] is Reach.NOT_YET
    assert found["server_time"] is Reach.MISSING
    assert reasons(told.none) == {"funding": "spot alone", "liquidation": "spot alone"}


def test_what_is_read_is_never_called_absent() -> None:
    tickers = d.check("open_interest", "/tickers", FIGURES, 15)
    assert reach(venue(tickers, none={"wrong": ("funding",)}))["funding"] is Reach.PUBLIC


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ((d.Books(prev_id="p", last_id="l", first_id="f", **BOOK),), "each change names the id before it"),
        (
            (d.Books(first_id="f", last_id="l", **BOOK),),
            "the first id of a change follows the last id of the one before",
        ),
        ((d.Books(last_id="l", **BOOK),), "ids step by one"),
        ((d.Books(numbered=False, **BOOK),), "none: a gap cannot be seen"),
        ((d.Books(whole=True, **BOOK),), "none: every message is a whole book"),
        ((d.Books(whole=True, **BOOK), d.Books(last_id="l", **BOOK)), "ids step by one"),
        ((FORCED,), ""),
    ],
)
def test_the_rule_of_a_books_sequence_is_told_by_its_rows(said: tuple[Any, ...], rule: str) -> None:
    assert sequence_rule(feed("book_ws", Market.PERP, *said)) == rule


def test_the_market_of_a_call_that_needs_an_instrument_is_the_checks() -> None:
    seen: list[Instrument | None] = []
    book = d.check("book_rest", "/book/{}", d.Rows(says=(d.Books(whole=True, **BOOK),)), 30, Market.SPOT)

    def call(one: Instrument | None) -> RestCall:
        seen.append(one)
        return book.call(one)

    sources(venue(replace(book, call=call), symbols=lambda asset: {Market.SPOT: f"{asset}-USD"}))
    (instrument,) = seen
    assert instrument is not None
    assert (instrument.symbol, instrument.market) == ("BTC-USD", Market.SPOT)
    assert len(rows_of(book.read)) == 1


@pytest.mark.parametrize("name", venues.NAMES)
def test_every_check_and_feed_of_a_venue_gives_a_capability_unless_it_is_a_variant_of_one_that_is_read(
    name: str,
) -> None:
    one = venues.declared(name)
    read = sources(one)
    for check in one.checks:
        assert given_by_check(check) or any(check.name.startswith(known) for known in read), check.name
    for given in one.feeds:
        assert given_by_feed(given), given.name
