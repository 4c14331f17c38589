"""The bounds that made messages are held against complain of what cannot be true, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from probes.readings import (
    BookMeasured,
    BookState,
    Censoring,
    EngineLag,
    Funding,
    Headroom,
    Instrument,
    InstrumentsListed,
    Liquidation,
    Market,
    MarkPrice,
    OpenInterest,
    ServiceState,
    ServiceStatus,
    Side,
    VenueClock,
    VenueId,
    WalletStatus,
)
from tests.fuzz.bounds import complaints

V = VenueId("made")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(minutes=2), NOW - timedelta(days=4)
BTC = Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", market=Market.PERP)
FORCED = Liquidation(
    venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, side=Side.LONG, price=Decimal(100), quantity=Decimal(2),
    notional_usd=Decimal(200), censoring=Censoring.COMPLETE,
)  # fmt: skip
MARK = MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=100.0, index=None)
RATE = Funding(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, rate=-0.0001, interval_s=28800.0)
INTEREST = OpenInterest(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(0), usd=None)
CLOCK = VenueClock(venue=V, received_at=NOW, offset_s=1.0, bound_s=0.1, samples=1, origin="rest")
BOOK = BookMeasured(
    venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, source="ws", state=BookState.OK, mid=100.0,
    spread_bps=2.0, depth_usd=dict.fromkeys((10, 25, 50, 100, 200, 500), (1000000.0, 1000000.0)),
    slippage_bps={10_000: (1.0, 1.0), 100_000: (1.0, 1.5), 1_000_000: (None, 2.0)}, levels=20, updates=1, age_s=0.0,
)  # fmt: skip
LAG = EngineLag(venue=V, feed="book_ws", instrument="BTCUSDT", received_at=NOW, lag_s=0.1)
LEFT = Headroom(venue=V, budget="ip", received_at=NOW, left=0.5, used=1.0, limit=2.0, window_s=60.0, declared=True)
STATUS = ServiceStatus(venue=V, received_at=NOW, state=ServiceState.OPERATIONAL, begins_at=NOW, ends_at=NOW)
WALLET = WalletStatus(venue=V, asset="BTC", network="BTC", received_at=NOW, deposits=None, withdrawals=False)
LISTED = InstrumentsListed(venue=V, received_at=NOW, instruments=(BTC,))
GOOD = [FORCED, MARK, RATE, INTEREST, CLOCK, BOOK, LAG, LEFT, STATUS, WALLET, LISTED]


@pytest.mark.parametrize("reading", GOOD, ids=lambda one: type(one).__name__)
def test_nothing_is_said_against_what_can_be_true(reading: Any) -> None:
    assert list(complaints(reading)) == []


DEPTH = dict(BOOK.depth_usd)


@pytest.mark.parametrize(
    "reading",
    [
        replace(FORCED, event_time=LATER),
        replace(FORCED, event_time=EARLIER),
        replace(FORCED, price=Decimal(0), notional_usd=Decimal(0)),
        replace(FORCED, quantity=Decimal("nan")),
        replace(FORCED, notional_usd=Decimal(201)),
        replace(FORCED, instrument=""),
        replace(MARK, instrument="x" * 101),
        replace(MARK, instrument="a\x00"),
        replace(MARK, mark=0.0),
        replace(MARK, mark=float("inf")),
        replace(MARK, index=1e16),
        replace(RATE, rate=1.01),
        replace(RATE, interval_s=0.0),
        replace(RATE, next_at=EARLIER),
        replace(INTEREST, base=Decimal(-1)),
        replace(INTEREST, usd=Decimal("1e16")),
        replace(CLOCK, offset_s=-90_000.0),
        replace(CLOCK, bound_s=-0.1),
        replace(BOOK, state=BookState.CROSSED),
        replace(BOOK, spread_bps=-1.0),
        replace(BOOK, spread_bps=None),
        replace(BOOK, mid=None, spread_bps=None),
        replace(BOOK, depth_usd=DEPTH | {25: (1.0, 1e6)}),
        replace(BOOK, depth_usd=DEPTH | {10: (-1.0, 1e6)}),
        replace(BOOK, depth_usd={}),
        replace(BOOK, slippage_bps={10_000: (2.0, 1.0), 100_000: (1.0, 1.0), 1_000_000: (2.0, 1.0)}),
        replace(BOOK, slippage_bps={10_000: (None, 1.0), 100_000: (1.0, 1.0), 1_000_000: (2.0, 1.0)}),
        replace(BOOK, event_time=EARLIER),
        replace(BOOK, age_s=-1.0),
        replace(LAG, lag_s=1.7e9),
        replace(LEFT, left=1.01),
        replace(LEFT, limit=1e12),
        replace(STATUS, ends_at=EARLIER),
        replace(STATUS, title="x" * 1001),
        replace(WALLET, network="\u2028"),
        replace(LISTED, instruments=(replace(BTC, contract_size=Decimal(0)),)),
        replace(LISTED, instruments=(replace(BTC, quote=""),)),
    ],
    ids=repr,
)
def test_what_cannot_be_true_is_complained_of(reading: Any) -> None:
    assert list(complaints(reading))


def test_a_text_with_a_lone_surrogate_cannot_be_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        list(complaints(replace(STATUS, title="\ud800")))
