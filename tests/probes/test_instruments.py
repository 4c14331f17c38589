"""Contracts on bundles of an asset (1000PEPE, kPEPE) are found by the asset's name and read in its units, on every venue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.instruments import by_asset, choose, guessed, in_units, unbundled
from probes.readings import (
    BookMeasured,
    Censoring,
    Funding,
    Instrument,
    InstrumentsListed,
    Liquidation,
    Market,
    MarkPrice,
    OpenInterest,
    Side,
    VenueId,
    Volume,
)
from probes.rest.interpreter import AnswerReader
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import BookChecksum, BookDelta, BookSnapshot

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT_MS = int(NOON.timestamp() * 1000)
BASICS: dict[str, Any] = {"venue": VenueId("v"), "instrument": "X", "received_at": NOON, "event_time": NOON}


@pytest.mark.parametrize(
    ("listed", "asset", "bundle"),
    [
        ("1000SHIB", "SHIB", 1000),
        ("1000PEPE", "PEPE", 1000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("10000SATS", "SATS", 10_000),
        ("10000000AIDOGE", "AIDOGE", 10_000_000),
        ("kPEPE", "PEPE", 1000),
        ("SHIB1000", "SHIB", 1000),
        ("BTC", "BTC", 1),
        ("1INCH", "1INCH", 1),
        ("1MIL", "1MIL", 1),
        ("1000X", "1000X", 1),
        ("KAVA", "KAVA", 1),
        ("kX", "kX", 1),
        ("C98", "C98", 1),
        ("", "", 1),
    ],
)
def test_the_asset_of_a_listed_name_and_how_many_of_it_the_name_means(listed: str, asset: str, bundle: int) -> None:
    assert unbundled(listed, Market.PERP) == (asset, Decimal(bundle))


def test_on_spot_a_small_k_and_a_number_behind_are_part_of_the_name_of_a_coin() -> None:
    assert unbundled("kBTC", Market.SPOT) == ("kBTC", Decimal(1))
    assert unbundled("TOP1000", Market.SPOT) == ("TOP1000", Decimal(1))
    assert unbundled("1000SATS", Market.SPOT) == ("SATS", Decimal(1000))


SHIB = Instrument(symbol="X", base="1000SHIB", quote="USDT", market=Market.PERP)


def test_a_contract_on_a_bundle_is_chosen_by_its_asset_and_an_asset_of_its_own_is_left_alone() -> None:
    alone = replace(SHIB, symbol="BTCUSDT", base="BTC")
    (chosen,) = choose([by_asset(SHIB), alone], ["SHIB"], [])
    assert (chosen.symbol, chosen.base) == ("X", "SHIB")
    assert by_asset(alone) is alone
    assert by_asset(chosen) is chosen


def test_readings_of_a_bundle_are_in_units_of_the_asset_and_worth_the_same() -> None:
    known = by_asset(SHIB)
    forced = in_units(
        Liquidation(
            **BASICS, side=Side.LONG, price=Decimal("0.012"), quantity=Decimal(5), notional_usd=Decimal("0.06"),
            censoring=Censoring.COMPLETE,
        ),
        known,
    )  # fmt: skip
    assert (forced.price, forced.quantity, forced.notional_usd) == (Decimal("0.000012"), Decimal(5000), Decimal("0.06"))
    interest = in_units(OpenInterest(**BASICS, base=Decimal(7), usd=Decimal(1)), known)
    assert (interest.base, interest.usd) == (Decimal(7000), Decimal(1))
    assert in_units(MarkPrice(**BASICS, mark=2.0, index=None), known) == MarkPrice(**BASICS, mark=0.002, index=None)
    volume = Volume(**BASICS, market=Market.PERP, base=Decimal(3), usd=Decimal(9), last=4.0)
    assert in_units(volume, known) == replace(volume, base=Decimal(3000), last=0.004)
    assert in_units(replace(volume, base=None), known).base is None
    funding = Funding(**BASICS, rate=0.1)
    assert in_units(funding, known) is funding


def test_books_of_a_bundle_and_their_checksums_are_in_the_same_units() -> None:
    known, levels = by_asset(SHIB), [(2.0, 3.0)]
    whole = BookSnapshot(instrument="X", last_id=1, event_time=None, bids=levels, asks=[])
    change = BookDelta(instrument="X", first_id=2, last_id=2, prev_id=1, event_time=None, bids=[], asks=levels)
    written = BookChecksum(instrument="X", checksum=1, bids=[(2.0, "2.0", "3.0")], asks=[])
    assert in_units(whole, known).bids == in_units(change, known).asks == [(0.002, 3000.0)]
    assert in_units(written, known).bids == [(0.002, "2.0", "3.0")]


def test_what_is_not_of_a_bundle_or_inverse_stays_as_it_is() -> None:
    mark = MarkPrice(**BASICS, mark=2.0, index=2.0)
    for known in (None, replace(SHIB, base="SHIB"), by_asset(replace(SHIB, inverse=True))):
        assert in_units(mark, known) is mark


def test_an_answer_and_a_frame_of_a_bundle_come_out_in_units_of_the_asset() -> None:
    venue = venues.declared("binance_usdm")
    state = VenueState(venue)
    answers = AnswerReader(state)
    row = {
        "symbol": "1000SHIBUSDT",
        "baseAsset": "1000SHIB",
        "quoteAsset": "USDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
    }

    def answer(name: str, body: Any, instrument: Instrument | None = None) -> list[Any]:
        check = next(one for one in venue.checks if one.name == name)
        got = HttpExchange(
            status=200,
            headers={},
            body=json.dumps(body).encode(),
            sent_at=NOON,
            received_at=NOON,
            phases=(),
            cold=False,
            refusal=None,
            detail="",
        )
        readings, snapshot = answers.read(check, instrument, NOON, got)
        return [*readings, snapshot]

    listed = next(one for one in answer("instruments", {"symbols": [row]}) if isinstance(one, InstrumentsListed))
    (shib,) = choose(listed.instruments, ["SHIB"], [])
    assert shib == state.instruments["1000SHIBUSDT"]
    interest = answer("open_interest", {"symbol": shib.symbol, "openInterest": "5", "time": AT_MS}, shib)
    assert [one.base for one in interest if isinstance(one, OpenInterest)] == [Decimal(5000)]
    book = answer("book_rest", {"lastUpdateId": 1, "bids": [["0.01", "5"]], "asks": [["0.02", "5"]]}, shib)[-1]
    assert isinstance(book, BookSnapshot)
    assert book.bids == [(0.01 / 1000, 5000.0)]

    feed = next(one for one in venue.feeds if one.name == "book_ws")
    reader = FeedReader(venue.id, feed, ClockOffset(), [shib])
    reader.rest_snapshot(book, shib.symbol, NOON)
    change = {
        "e": "depthUpdate",
        "E": AT_MS,
        "T": AT_MS,
        "s": shib.symbol,
        "U": 1,
        "u": 2,
        "pu": 0,
        "b": [["0.01", "7"]],
        "a": [],
    }
    reader.frame(
        json.dumps({"stream": "1000shibusdt@depth@100ms", "data": change}).encode(), NOON, 0.0, state.instruments
    )
    (measured,) = [one for one in reader.second(NOON, 0.0) if isinstance(one, BookMeasured)]
    assert measured.levels == 2
    assert measured.mid == pytest.approx(0.015 / 1000)
    assert measured.depth_usd[max(measured.depth_usd)][0] in (0.0, pytest.approx(0.07))


def test_one_spot_and_one_perpetual_of_an_asset_are_chosen_and_what_is_wanted_by_symbol() -> None:
    plain = replace(SHIB, base="BTC")
    listed = [
        replace(plain, symbol="BTCUSD", quote="USD"), replace(plain, symbol="BTCUSDT"),
        replace(plain, symbol="BTCUSDC", quote="USDC"),
        replace(plain, symbol="BTCUSDT_1", market=Market.FUTURE), replace(plain, symbol="spot:BTC", market=Market.SPOT),
        replace(plain, symbol="ETHUSDT", base="ETH"),
    ]  # fmt: skip
    assert [one.symbol for one in choose(listed, ["BTC"], ["BTCUSDT_1"])] == ["BTCUSDT_1", "BTCUSDT", "spot:BTC"]


def test_before_its_listing_a_venues_perpetual_is_guessed_by_its_pattern_and_no_spot_pair_of_another_host() -> None:
    assert [one.symbol for one in guessed(venues.declared("binance_usdm"), ["BTC"])] == ["BTCUSDT"]
