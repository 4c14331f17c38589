"""An instrument of a listing that cannot be costs itself; a listing of such alone is malformed."""

from __future__ import annotations

from decimal import Decimal

from probes.readings import Instrument, InstrumentsListed, MalformedReason, Market, Refusal, RequestTimed, RowsMalformed
from tests.probes.rest.test_interpreter import BTC, MADE, ScriptedCheck, at, only

NAMELESS = Instrument(symbol="B\x00", base="B", quote="USDT", market=Market.SPOT)
HUGE = Instrument(symbol="C", base="C", quote="USDT", market=Market.PERP, contract_size=Decimal("1e40"))


def listing(*instruments: Instrument) -> InstrumentsListed:
    return InstrumentsListed(venue=MADE, received_at=at(2.5), instruments=instruments)


def test_an_impossible_instrument_is_left_out_and_counted_and_the_others_are_listed() -> None:
    check = ScriptedCheck(listing(BTC, NAMELESS, HUGE))
    readings = check.read_answer()
    assert only(InstrumentsListed, readings).instruments == (BTC,)
    assert [(one.reason, one.count) for one in readings if isinstance(one, RowsMalformed)] == [
        (MalformedReason.NAME, 1),
        (MalformedReason.SIZE, 1),
    ]
    assert list(check.state.instruments) == ["BTC"]


def test_a_listing_of_impossible_instruments_alone_is_malformed() -> None:
    readings = ScriptedCheck(listing(NAMELESS)).read_answer()
    assert only(RequestTimed, readings).refusal is Refusal.MALFORMED
    assert not any(isinstance(one, InstrumentsListed) for one in readings)


def test_an_empty_listing_is_a_listing() -> None:
    assert only(InstrumentsListed, ScriptedCheck(listing()).read_answer()).instruments == ()
