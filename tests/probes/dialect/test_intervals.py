"""A venue may list its funding intervals apart from its rates: the list is remembered, and every rate has its length."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from probes import dialect as d
from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import Funding, Instrument, MalformedReason, Market, Refusal, RequestTimed, RowsMalformed
from probes.rest.interpreter import AnswerReader
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import FundingIntervals, Malformed, OddRows
from tests.probes.cases import NOW
from tests.probes.dialect.test_engine import CONTEXT, said

LIST = d.Rows(says=(d.Intervals(symbol="s", interval="h", otherwise_s=28_800.0),))
RATE = d.Rows(says=(d.FundingRates(symbol="s", rate="r"),))
AT_MS = int(NOW.timestamp() * 1000)


def test_a_list_gives_each_symbols_interval_and_that_of_the_symbols_which_it_leaves_out() -> None:
    (found,) = said(LIST, [{"s": "A", "h": 4}, {"s": "B", "h": "1"}])
    assert found == FundingIntervals(by_symbol={"A": 14_400.0, "B": 3600.0}, otherwise_s=28_800.0)


@pytest.mark.parametrize(
    "odd", [{"s": "B"}, {"s": "B", "h": 0}, {"s": "B", "h": -4}, {"s": "B", "h": 1e9}, {"h": 4}, {"s": "B", "h": ""}]
)
def test_beside_an_odd_row_nobody_knows_which_symbols_are_left_out(odd: dict[str, Any]) -> None:
    found, *rest = said(LIST, [{"s": "A", "h": 4}, odd])
    assert found == FundingIntervals(by_symbol={"A": 14_400.0}, otherwise_s=None)
    assert [(type(one), one.count) for one in rest] == [(OddRows, 1)]
    with pytest.raises(Malformed):
        said(LIST, [odd])


def test_an_empty_list_says_nothing_of_anybody() -> None:
    assert said(LIST, []) == [FundingIntervals(by_symbol={}, otherwise_s=None)]


def test_a_rate_has_the_listed_interval_unless_its_own_row_or_declaration_gives_one() -> None:
    listed = FundingIntervals(by_symbol={"A": 14_400.0}, otherwise_s=28_800.0)

    def interval(rows: d.Rows, row: dict[str, Any], funding: FundingIntervals | None) -> float | None:
        (one,) = d.answer(rows)(json.dumps(row).encode(), replace(CONTEXT, funding=funding))
        assert isinstance(one, Funding)
        return one.interval_s

    assert interval(RATE, {"s": "A", "r": 1}, None) is None
    assert interval(RATE, {"s": "A", "r": 1}, listed) == 14_400.0
    assert interval(RATE, {"s": "B", "r": 1}, listed) == 28_800.0
    assert interval(RATE, {"s": "B", "r": 1}, replace(listed, otherwise_s=None)) is None
    own = d.Rows(says=(d.FundingRates(symbol="s", rate="r", interval="h", interval_s=3600.0),))
    assert interval(own, {"s": "A", "r": 1, "h": 2}, listed) == 7200.0


def test_binances_rates_have_their_interval_from_its_list_on_over_rest_and_on_the_feed() -> None:
    venue = venues.declared("binance_usdm")
    state = VenueState(venue)
    answers = AnswerReader(state)
    feed = next(one for one in venue.feeds if one.name == "liquidation")
    reader = FeedReader(venue.id, feed, ClockOffset(), [])

    asked_for = Instrument(
        symbol="BLZUSDT", base="BLZ", quote="USDT", market=Market.PERP, contract_size=Decimal(1)
    )  # fmt: skip

    def answer(name: str, body: Any) -> list[Any]:
        check = next(one for one in venue.checks if one.name == name)
        got = HttpExchange(
            status=200, headers={}, body=json.dumps(body).encode(), sent_at=NOW, received_at=NOW, phases=(), cold=False,
            refusal=None, detail="",
        )  # fmt: skip
        return answers.read(check, asked_for, NOW, got)[0]

    def intervals(symbol: str) -> set[float | None]:
        asked = answer("funding", {"symbol": symbol, "markPrice": "1", "lastFundingRate": "0.0001", "time": AT_MS})
        mark = {"e": "markPriceUpdate", "E": AT_MS, "s": symbol, "p": "1", "i": "1", "r": "0.0001", "T": AT_MS}
        pushed = reader.frame(json.dumps(mark).encode(), NOW, 0.0, {}, state.funding).readings
        found = [one.interval_s for one in (*asked, *pushed) if isinstance(one, Funding)]
        assert len(found) == 2
        return set(found)

    assert intervals("BLZUSDT") == {None}, "nobody has said it yet"
    row = {"adjustedFundingRateCap": "0.025", "adjustedFundingRateFloor": "-0.025", "disclaimer": False}
    (timed,) = [
        one
        for one in answer("funding_intervals", [{**row, "symbol": "BLZUSDT", "fundingIntervalHours": 4}])
        if isinstance(one, RequestTimed)
    ]
    assert timed.refusal is None
    assert intervals("BLZUSDT") == {14_400.0}
    assert intervals("BTCUSDT") == {28_800.0}
    readings = answer("funding_intervals", [{**row, "symbol": "BLZUSDT", "fundingIntervalHours": 1}, row])
    assert [one.reason for one in readings if isinstance(one, RowsMalformed)] == [MalformedReason.NAME]
    assert [one.refusal for one in readings if isinstance(one, RequestTimed)] == [None], "a part of it is believed"
    assert (intervals("BLZUSDT"), intervals("BTCUSDT")) == ({3600.0}, {None})
    refused = answer("funding_intervals", {"symbol": "BLZUSDT"})
    assert [one.refusal for one in refused if isinstance(one, RequestTimed)] == [Refusal.MALFORMED]
    assert intervals("BLZUSDT") == {3600.0}, "what could not be read changes nothing"
