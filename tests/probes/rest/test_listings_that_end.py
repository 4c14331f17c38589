"""A contract that a venue does not list any more is not trading; a listing that is damaged ends nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from probes import venues
from probes.readings import Instrument, Market
from probes.rest.venue_state import VenueState

PERP = Instrument(symbol="X0", base="X", quote="USDT", market=Market.PERP)


def perps(count: int) -> list[Instrument]:
    return [replace(PERP, symbol=f"X{number}") for number in range(count)]


def trading(state: VenueState) -> set[str]:
    return {one.symbol for one in state.instruments.values() if one.trading}


def listed(*listings: Sequence[Instrument], whole: bool = True) -> VenueState:
    state = VenueState(venues.declared("bybit"))
    for one in listings:
        state.list_instruments(one, whole=whole)
    return state


def test_a_contract_that_is_missing_from_the_next_listing_is_not_trading() -> None:
    state = listed(perps(20), perps(19))
    assert trading(state) == {f"X{number}" for number in range(19)}
    assert not state.instruments["X19"].trading


def test_a_contract_whose_status_says_so_is_not_trading() -> None:
    assert trading(listed(perps(2), [PERP, replace(PERP, symbol="X1", trading=False)])) == {"X0"}


def test_one_that_comes_back_is_trading_again() -> None:
    assert trading(listed(perps(20), perps(19), perps(20))) == trading(listed(perps(20)))


def test_a_listing_of_another_market_ends_nothing() -> None:
    assert trading(listed(perps(2), [replace(PERP, symbol="spot:X", market=Market.SPOT)])) == {"X0", "X1", "spot:X"}


def test_a_listing_with_odd_rows_or_without_a_tenth_of_what_was_known_ends_nothing() -> None:
    assert len(trading(listed(perps(20), perps(19), whole=False))) == 20
    assert len(trading(listed(perps(20), perps(15)))) == 20
    assert len(trading(listed(perps(20), []))) == 20


def test_bybits_listing_says_when_a_contract_goes_from_trading_to_closed() -> None:
    check = next(one for one in venues.declared("bybit").checks if one.name == "instruments")

    def read(status: str) -> Instrument:
        from probes.venue import Context
        from tests.probes.cases import NOW

        row = {
            "symbol": "XUSDT", "baseCoin": "X", "quoteCoin": "USDT", "contractType": "LinearPerpetual", "status": status
        }  # fmt: skip
        body = json.dumps({"retCode": 0, "result": {"category": "linear", "list": [row]}}).encode()
        (listing,) = check.read(body, Context(venue=venues.declared("bybit").id, check="", received_at=NOW))
        instruments: tuple[Instrument, ...] = listing.instruments  # type: ignore[union-attr]
        return instruments[0]

    assert [read(status).trading for status in ("Trading", "PreLaunch", "Settling", "Closed")] == [
        True,
        False,
        False,
        False,
    ]
