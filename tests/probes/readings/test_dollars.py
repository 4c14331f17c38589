"""Which quotes count as dollars, and that a figure in another currency is never taken for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import Instrument, Market, MarkPrice, OpenInterest, VenueId, Volume
from probes.readings.dollars import in_dollars, is_in_dollars
from probes.rest.interpreter import AnswerReader
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")
VOLUME = Volume(
    venue=MADE, instrument="ETHX", received_at=NOW, event_time=NOW, market=Market.SPOT, base=Decimal(10), usd=Decimal(3)
)
INTEREST = OpenInterest(
    venue=MADE, instrument="ETHX", received_at=NOW, event_time=NOW, base=Decimal(10), usd=Decimal(3)
)
MARK = MarkPrice(venue=MADE, instrument="ETHX", received_at=NOW, event_time=NOW, mark=0.03, index=None)


def quoted(quote: str, symbol: str = "ETHX") -> dict[str, Instrument]:
    return {symbol: Instrument(symbol=symbol, base="ETH", quote=quote, market=Market.SPOT)}


@pytest.mark.parametrize("quote", ["USD", "USDT", "USDC", "FDUSD", "DAI", "TUSD"])
def test_dollars_and_tokens_that_promise_one_count_as_dollars(quote: str) -> None:
    assert in_dollars(VOLUME, quoted(quote)) is VOLUME
    assert in_dollars(INTEREST, quoted(quote)) is INTEREST


@pytest.mark.parametrize("quote", ["BTC", "ETH", "EUR", "TRY", "JPY", "usdt", "USDX", ""])
def test_no_other_quote_is_ever_taken_for_dollars(quote: str) -> None:
    for reading in (VOLUME, INTEREST):
        assert in_dollars(reading, quoted(quote)) == replace(reading, usd=None)
        assert in_dollars(reading, {}) == replace(reading, usd=None), "of one that is not listed nobody knows"


def test_prices_and_what_has_no_figure_in_dollars_stay_as_they_are() -> None:
    bare = replace(VOLUME, usd=None)
    assert in_dollars(bare, quoted("BTC")) is bare
    assert in_dollars(MARK, quoted("BTC")) is MARK
    assert not is_in_dollars(None)


@pytest.mark.parametrize(("quote", "usd"), [("USDT", Decimal("1500.5")), ("BTC", None)])
def test_an_answers_volume_is_in_dollars_or_without_them(quote: str, usd: Decimal | None) -> None:
    venue = venues.declared("binance_spot")
    state = VenueState(venue)
    state.list_instruments(list(quoted(quote, "ETHX").values()), whole=True)
    body = b'{"symbol":"ETHX","volume":"15","quoteVolume":"1500.5","lastPrice":"100","closeTime":1793491200000}'
    got = HttpExchange(
        sent_at=NOW, received_at=NOW, phases=(), cold=False, status=200, headers={}, body=body, refusal=None, detail=""
    )
    check = next(one for one in venue.checks if one.name == "volume_spot")
    readings, _ = AnswerReader(state).read(check, state.instruments["ETHX"], NOW, got)
    (volume,) = [one for one in readings if isinstance(one, Volume)]
    assert (volume.base, volume.usd) == (Decimal(15), usd)


@pytest.mark.parametrize(("quote", "usd"), [("USDT", Decimal("201.5")), ("BTC", None)])
def test_a_frames_volume_is_in_dollars_or_without_them(quote: str, usd: Decimal | None) -> None:
    venue = venues.declared("mexc")
    feed = next(one for one in venue.feeds if one.name == "book_ws")
    known = {"ETHX": Instrument(symbol="ETHX", base="ETH", quote=quote, market=Market.PERP)}
    reader = FeedReader(venue.id, feed, ClockOffset(), list(known.values()))
    row = b'{"symbol":"ETHX","lastPrice":1,"volume24":2,"amount24":201.5,"holdVol":5,"fairPrice":1,"timestamp":1793491200000}'
    frame = b'{"channel":"push.ticker","data":' + row + b',"symbol":"ETHX","ts":1793491200000}'
    (volume,) = [one for one in reader.frame(frame, NOW, 0.0, known).readings if isinstance(one, Volume)]
    assert volume.usd == usd
