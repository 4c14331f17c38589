"""The gate of every reading: what cannot be true is not admitted, each with its reason, and what can be is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from probes.readings import (
    Censoring,
    Deleveraging,
    Funding,
    Instrument,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    Reading,
    ServerTime,
    ServiceState,
    ServiceStatus,
    Side,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.readings.admission import OddRowTally, book_refused, instrument_refused, refused
from probes.venue import BookSnapshot

V = VenueId("made")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FORCED = Liquidation(
    venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, side=Side.LONG, price=Decimal(100), quantity=Decimal(2),
    notional_usd=Decimal(200), censoring=Censoring.COMPLETE,
)  # fmt: skip
MARK = MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None)
RATE = Funding(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW - timedelta(hours=8), rate=-0.0001)
RATIO = LongShortRatio(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, ratio=1.2, basis="accounts")
INTEREST = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=None, base=Decimal(0), usd=None)
VOLUME = Volume(
    venue=V,
    instrument="BTCUSDT",
    received_at=NOW,
    event_time=NOW,
    market=Market.PERP,
    base=None,
    usd=Decimal(1),
    last=100.0,
)
FUND = InsuranceFund(
    venue=V, fund="USDT", instrument=None, received_at=NOW, event_time=NOW, balance=Decimal(-1), currency="USDT"
)
ADL = Deleveraging(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, active=True)
CLOCK = ServerTime(venue=V, received_at=NOW, event_time=NOW + timedelta(seconds=5), resolution_s=0.001)
WALLET = WalletStatus(venue=V, asset="BTC", network="BTC", received_at=NOW, deposits=None, withdrawals=None)
STATUS = ServiceStatus(venue=V, received_at=NOW, state=ServiceState.OPERATIONAL)
BOOK = BookSnapshot(instrument="BTCUSDT", last_id=1, event_time=NOW, bids=[(99.0, 1.0)], asks=[(101.0, 0.0)])
SECONDS_FOR_MILLISECONDS = datetime.fromtimestamp(NOW.timestamp() / 1000, UTC)


@pytest.mark.parametrize(
    "reading",
    [FORCED, MARK, RATE, RATIO, INTEREST, VOLUME, FUND, ADL, CLOCK, WALLET, STATUS],
    ids=lambda one: type(one).__name__,
)
def test_a_reading_that_can_be_true_is_admitted(reading: Reading) -> None:
    assert refused(reading) is None


REFUSED = [
    ("without a name", replace(FORCED, instrument=""), MalformedReason.NAME),
    ("a price without a name", replace(MARK, instrument=""), MalformedReason.NAME),
    ("two minutes in the future", replace(FORCED, event_time=NOW + timedelta(minutes=2)), MalformedReason.STAMP),
    ("in seconds", replace(FORCED, event_time=SECONDS_FOR_MILLISECONDS), MalformedReason.STAMP),
    ("two days old", replace(FORCED, event_time=NOW - timedelta(days=2)), MalformedReason.STAMP),
    (
        "backlog of last year",
        replace(FORCED, backlog=True, event_time=NOW - timedelta(days=365)),
        MalformedReason.STAMP,
    ),
    ("price zero", replace(FORCED, price=Decimal(0)), MalformedReason.PRICE),
    ("price not finite", replace(FORCED, price=Decimal("nan")), MalformedReason.PRICE),
    ("nothing liquidated", replace(FORCED, quantity=Decimal(0)), MalformedReason.SIZE),
    ("size not finite", replace(FORCED, quantity=Decimal("inf")), MalformedReason.SIZE),
    ("mark below zero", replace(MARK, mark=-5.0), MalformedReason.PRICE),
    ("index not finite", replace(MARK, index=float("inf")), MalformedReason.PRICE),
    ("mark of last month", replace(MARK, event_time=NOW - timedelta(days=30)), MalformedReason.STAMP),
    ("rate above one", replace(RATE, rate=5.0), MalformedReason.FIGURE),
    ("rate not a number", replace(RATE, rate=float("nan")), MalformedReason.FIGURE),
    ("ratio zero", replace(RATIO, ratio=0.0), MalformedReason.FIGURE),
    ("interest below zero", replace(INTEREST, base=Decimal(-1)), MalformedReason.SIZE),
    ("interest not finite", replace(INTEREST, usd=Decimal("inf")), MalformedReason.SIZE),
    ("volume below zero", replace(VOLUME, usd=Decimal(-1)), MalformedReason.SIZE),
    ("last price zero", replace(VOLUME, last=0.0), MalformedReason.PRICE),
    ("fund without a name", replace(FUND, fund=""), MalformedReason.NAME),
    ("fund of no currency", replace(FUND, currency=""), MalformedReason.NAME),
    ("fund not finite", replace(FUND, balance=Decimal("nan")), MalformedReason.FIGURE),
    ("fund of last month", replace(FUND, event_time=NOW - timedelta(days=30)), MalformedReason.STAMP),
    ("deleveraging of last week", replace(ADL, event_time=NOW - timedelta(days=7)), MalformedReason.STAMP),
    ("deleveraging of nothing", replace(ADL, instrument=""), MalformedReason.NAME),
    ("clock at 1970", replace(CLOCK, event_time=datetime.fromtimestamp(0, UTC)), MalformedReason.CLOCK),
    ("clock a year ahead", replace(CLOCK, event_time=NOW + timedelta(days=365)), MalformedReason.CLOCK),
    ("wallet of no network", replace(WALLET, network=""), MalformedReason.NAME),
    ("a name of 101 characters", replace(MARK, instrument="x" * 101), MalformedReason.NAME),
    ("a forced order with a NUL in its name", replace(FORCED, instrument="BTC\x00"), MalformedReason.NAME),
    ("a name that turns the line round", replace(MARK, instrument="\u202eTDSU"), MalformedReason.NAME),
    ("a network that breaks the line", replace(WALLET, network="\u2028"), MalformedReason.NAME),
    ("a price of 10^19", replace(MARK, mark=1e19), MalformedReason.PRICE),
    ("an index of 10^40", replace(MARK, index=1e40), MalformedReason.PRICE),
    ("a last price of 10^16", replace(VOLUME, last=1e16), MalformedReason.PRICE),
    ("liquidated at 10^16", replace(FORCED, price=Decimal("1e16")), MalformedReason.PRICE),
    ("10^25 units liquidated", replace(FORCED, quantity=Decimal("1e25")), MalformedReason.SIZE),
    ("10^16 dollars liquidated", replace(FORCED, notional_usd=Decimal("1e16")), MalformedReason.SIZE),
    ("open interest of 10^22 dollars", replace(INTEREST, usd=Decimal("1e22")), MalformedReason.SIZE),
    ("open interest of 10^25 units", replace(INTEREST, base=Decimal("1e25")), MalformedReason.SIZE),
    ("a volume of 10^16 dollars", replace(VOLUME, usd=Decimal("1e16")), MalformedReason.SIZE),
    ("funding due in 2021", replace(RATE, next_at=NOW - timedelta(days=2000)), MalformedReason.STAMP),
    ("funding due in 2199", replace(RATE, next_at=NOW + timedelta(days=63_000)), MalformedReason.STAMP),
    ("an interval of nothing", replace(RATE, interval_s=0.0), MalformedReason.FIGURE),
    ("an interval of a year", replace(RATE, interval_s=365 * 86_400.0), MalformedReason.FIGURE),
    (
        "a window that ends before it begins",
        replace(STATUS, begins_at=NOW, ends_at=NOW - timedelta(seconds=1)),
        MalformedReason.STAMP,
    ),
    ("wallet of no asset", replace(WALLET, asset=""), MalformedReason.NAME),
    ("wallet of a blank", replace(WALLET, asset=" "), MalformedReason.NAME),
    ("a dash liquidated", replace(FORCED, instrument="-"), MalformedReason.NAME),
    ("a price of a question mark", replace(MARK, instrument="?"), MalformedReason.NAME),
    ("a fund of a name without end", replace(FUND, fund="x" * 101), MalformedReason.NAME),
    ("a fund in a currency without end", replace(FUND, currency="x" * 101), MalformedReason.NAME),
]


@pytest.mark.parametrize(("reading", "reason"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_a_reading_that_cannot_be_true_is_refused_with_its_reason(reading: Reading, reason: MalformedReason) -> None:
    assert refused(reading) is reason


@pytest.mark.parametrize(
    "reading",
    [
        replace(RATE, next_at=NOW + timedelta(hours=8), interval_s=8 * 3600.0),
        replace(RATE, next_at=NOW - timedelta(minutes=1), interval_s=3600.0),
        replace(MARK, instrument="币安人生USDT"),
        replace(STATUS, begins_at=NOW, ends_at=NOW),
        replace(STATUS, ends_at=NOW),
        replace(STATUS, begins_at=NOW),
        replace(VOLUME, usd=Decimal("1e15"), base=Decimal("1e24"), last=1e15),
    ],
    ids=[
        "funding to come",
        "funding just paid",
        "a Chinese name",
        "no time",
        "no begin",
        "no end",
        "the largest amounts",
    ],
)
def test_what_is_unusual_but_can_be_true_is_admitted(reading: Reading) -> None:
    assert refused(reading) is None


@pytest.mark.parametrize(
    ("instrument", "reason"),
    [
        (Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", market=Market.PERP), None),
        (Instrument(symbol="", base="BTC", quote="USDT", market=Market.PERP), MalformedReason.NAME),
        (Instrument(symbol="BTCUSDT", base="\x00", quote="USDT", market=Market.PERP), MalformedReason.NAME),
        (Instrument(symbol="BTCUSDT", base="BTC", quote="", market=Market.PERP), MalformedReason.NAME),
        (
            Instrument(symbol="A", base="A", quote="B", market=Market.PERP, contract_size=Decimal("1e13")),
            MalformedReason.SIZE,
        ),
        (
            Instrument(symbol="A", base="A", quote="B", market=Market.PERP, contract_size=Decimal(0)),
            MalformedReason.SIZE,
        ),
    ],
)
def test_an_instrument_without_names_or_with_an_impossible_contract_is_refused(
    instrument: Instrument, reason: MalformedReason | None
) -> None:
    assert instrument_refused(instrument) is reason


def test_the_place_of_an_odd_row_is_short() -> None:
    odd = OddRowTally()
    odd.add(MalformedReason.NAME, "x" * 5000)
    (row,) = odd.take(V, "mark_price", NOW)
    assert row.path == "x" * 200


def test_a_backlog_may_be_days_old_and_a_late_liquidation_is_a_lag() -> None:
    assert refused(replace(FORCED, backlog=True, event_time=NOW - timedelta(days=7))) is None
    assert refused(replace(FORCED, event_time=NOW - timedelta(hours=1))) is None


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        (BOOK, None),
        (replace(BOOK, event_time=None), None),
        (replace(BOOK, instrument=""), MalformedReason.NAME),
        (replace(BOOK, bids=[(-5.0, 1.0)]), MalformedReason.PRICE),
        (replace(BOOK, asks=[(101.0, 1.0), (0.0, 1.0)]), MalformedReason.PRICE),
        (replace(BOOK, asks=[(101.0, -1.0)]), MalformedReason.SIZE),
        (replace(BOOK, asks=[(101.0, float("nan"))]), MalformedReason.SIZE),
        (replace(BOOK, event_time=SECONDS_FOR_MILLISECONDS), MalformedReason.STAMP),
        (replace(BOOK, event_time=NOW + timedelta(minutes=2)), MalformedReason.STAMP),
        (replace(BOOK, engine_time=SECONDS_FOR_MILLISECONDS), MalformedReason.STAMP),
        (replace(BOOK, engine_time=NOW + timedelta(minutes=2)), MalformedReason.STAMP),
        (replace(BOOK, engine_time=NOW - timedelta(seconds=1)), None),
        (replace(BOOK, instrument="BTC\x00"), MalformedReason.NAME),
        (replace(BOOK, bids=[(1e16, 1.0)]), MalformedReason.PRICE),
        (replace(BOOK, bids=[(100.0, 1e14)]), MalformedReason.SIZE),
    ],
)
def test_a_book_with_a_level_or_a_stamp_that_cannot_be_is_refused_whole(
    book: BookSnapshot, reason: MalformedReason | None
) -> None:
    assert book_refused(book, NOW) is reason


def test_odd_rows_are_counted_by_reason_with_the_first_place_and_taken_once() -> None:
    tally = OddRowTally()
    tally.add(MalformedReason.SIDE, "$[3].S", 2)
    tally.add(MalformedReason.SIDE, "$[9].S")
    tally.add(MalformedReason.PRICE, "$[1].p")

    taken = tally.take(V, "liquidation", NOW)

    assert [(one.reason, one.path, one.count) for one in taken] == [
        (MalformedReason.SIDE, "$[3].S", 3),
        (MalformedReason.PRICE, "$[1].p", 1),
    ]
    assert tally.take(V, "liquidation", NOW) == []
