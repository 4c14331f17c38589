"""Sizes in dollars at the door of the monitor: converted by a price in dollars that is at hand, else left out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from monitor.intake import Intake
from monitor.signals import Signal, SignalKind
from probes.readings import (
    BookMeasured,
    BookState,
    Censoring,
    Instrument,
    Liquidation,
    Market,
    MarkPrice,
    OpenInterest,
    Reading,
    Side,
    VenueId,
    Volume,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
V = VenueId("made")
COMMON: dict[str, Any] = {"venue": V, "received_at": NOW, "event_time": NOW}


def intake() -> Intake:
    one = Intake(vantage="here", assets=["ETH"])
    pairs = [("ETHUSDT", "USDT", Market.PERP), ("ETHBTC", "BTC", Market.PERP), ("ETH-EUR", "EUR", Market.SPOT)]
    one.know(V, [Instrument(symbol=name, base="ETH", quote=quote, market=market) for name, quote, market in pairs])
    return one


def volume(instrument: str, base: str | None, usd: str | None = None, last: float | None = None) -> Volume:
    return Volume(
        **COMMON, instrument=instrument, market=Market.SPOT, base=None if base is None else Decimal(base),
        usd=None if usd is None else Decimal(usd), last=last,
    )  # fmt: skip


def interest(instrument: str) -> OpenInterest:
    return OpenInterest(**COMMON, instrument=instrument, base=Decimal(10), usd=None)


def forced(instrument: str) -> Liquidation:
    return Liquidation(
        **COMMON, instrument=instrument, side=Side.LONG, price=Decimal("0.05"), quantity=Decimal(4),
        notional_usd=Decimal("0.2"), censoring=Censoring.COMPLETE,
    )  # fmt: skip


def book(instrument: str, mid: float | None) -> BookMeasured:
    return BookMeasured(
        **COMMON, instrument=instrument, source="ws", state=BookState.OK, mid=mid, spread_bps=1.0,
        depth_usd={50: (2.0, 3.0)}, slippage_bps={10_000: (1.0, 1.0)}, levels=5, updates=1, age_s=0.0,
    )  # fmt: skip


def mark(instrument: str, price: float) -> MarkPrice:
    return MarkPrice(**COMMON, instrument=instrument, mark=price, index=None)


def told(*readings: Reading) -> list[Signal]:
    """The signals of the last reading, after the others."""
    one = intake()
    for reading in readings[:-1]:
        one.reading(reading)
    return one.reading(readings[-1])


PRICES: list[Reading] = [mark("ETHUSDT", 2000.0), volume("ETHUSDT", "1", "2000", last=2000.0)]


@pytest.mark.parametrize("price", PRICES, ids=["a mark", "a last trade"])
def test_what_is_quoted_in_another_currency_is_priced_by_its_asset_in_dollars(price: Reading) -> None:
    assert [one.value for one in told(price, volume("ETHBTC", "10", last=0.05))] == [20_000.0]
    assert [one.value for one in told(price, volume("ETH-EUR", "3", last=1800.0))] == [6_000.0]
    assert [one.value for one in told(price, interest("ETHBTC"))] == [20_000.0]
    assert [one.value for one in told(price, forced("ETHBTC"))] == [8_000.0]
    (signal,) = told(price, book("ETHBTC", 0.05))
    assert (signal.attributes["bid_depth_50_usd"], signal.attributes["ask_depth_50_usd"]) == (80_000.0, 120_000.0)
    assert not any("slippage" in name for name in signal.attributes)


def test_without_a_price_in_dollars_it_is_left_out_and_a_price_in_bitcoin_is_none() -> None:
    bitcoins: list[Reading] = [mark("ETHBTC", 0.05), volume("ETHBTC", "1", last=0.05)]
    for before in ([], bitcoins):
        assert told(*before, volume("ETHBTC", "10")) == []
        assert told(*before, interest("ETHBTC")) == []
        assert told(*before, forced("ETHBTC")) == []
        (signal,) = told(*before, book("ETHBTC", 0.05))
        assert (signal.kind, signal.attributes["mid"]) == (SignalKind.BOOK, 0.05)
        assert not any(name.endswith("_usd") for name in signal.attributes)


def test_a_book_without_a_middle_has_no_depth_in_dollars() -> None:
    (signal,) = told(mark("ETHUSDT", 2000.0), book("ETHBTC", None))
    assert "bid_depth_50_usd" not in signal.attributes


def test_figures_in_dollars_stay_as_the_venue_states_them() -> None:
    price = mark("ETHUSDT", 2000.0)
    assert [one.value for one in told(price, volume("ETHUSDT", "10", "19000"))] == [19_000.0]
    assert [one.value for one in told(price, forced("ETHUSDT"))] == [0.2]
    (signal,) = told(price, book("ETHUSDT", 2000.0))
    assert signal.attributes["bid_depth_50_usd"] == 2.0
    assert signal.attributes["buy_slippage_10k_bps"] == 1.0


def test_a_volume_without_base_units_and_dollars_says_nothing() -> None:
    assert told(mark("ETHUSDT", 2000.0), volume("ETHBTC", None)) == []


def test_of_an_instrument_that_nobody_listed_nothing_is_priced() -> None:
    assert told(mark("SOLUSDT", 100.0), interest("SOLUSDT")) == []


@pytest.mark.parametrize(("instrument", "quote"), [("ETHUSDT", "USDT"), ("ETHBTC", None), ("ETH-EUR", None)])
def test_a_price_names_its_quote_only_if_it_counts_as_a_dollar(instrument: str, quote: str | None) -> None:
    for reading in (mark(instrument, 2000.0), book(instrument, 2000.0)):
        (signal,) = told(reading)
        assert signal.attributes["quote"] == quote
