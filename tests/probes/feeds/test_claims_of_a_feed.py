"""What a feed's reader makes of its claims: readings beside the old feed events, no sign of life, and marked backlog."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import ClaimChanged, ClaimState, FeedChanged, FeedEvent, Instrument, Liquidation, Reading
from tests.probes.cases import listed

T0 = datetime(2026, 11, 1, tzinfo=UTC)
OKX = venues.declared("okx")
(SWAP,) = [one for one in listed("okx") if one.symbol == "BTC-USDT-SWAP"]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def reader() -> FeedReader:
    feed = next(one for one in OKX.feeds if one.name == "liquidation")
    one = FeedReader(OKX.id, feed, ClockOffset(), [SWAP])
    one.opened(T0, 0.0)
    one.ask(T0, 0.0)
    return one


def frame(one: FeedReader, seconds: float, payload: dict[str, Any]) -> list[Reading]:
    return one.frame(json.dumps(payload).encode(), at(seconds), seconds, {SWAP.symbol: SWAP}).readings


def forced(*seconds: float) -> dict[str, Any]:
    details = [
        {"side": "sell", "posSide": "long", "bkPx": "100", "sz": "1", "ts": str(int(at(one).timestamp() * 1000))}
        for one in seconds
    ]
    return {
        "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
        "data": [{"instId": SWAP.symbol, "details": details}],
    }


ACK = {"event": "subscribe", "arg": {"channel": "liquidation-orders", "instType": "SWAP"}}


def states(readings: Sequence[Reading]) -> list[tuple[str, ClaimState]]:
    return [(one.channel, one.state) for one in readings if isinstance(one, ClaimChanged)]


def events(readings: Sequence[Reading]) -> list[FeedEvent]:
    return [one.event for one in readings if isinstance(one, FeedChanged)]


def test_a_refusal_is_a_feed_event_as_before_and_a_claim_of_its_own() -> None:
    one = reader()
    message = "Wrong URL or channel:liquidation-orders,instType:SWAP doesn't exist"
    readings = frame(one, 1, {"event": "error", "code": "60018", "msg": message})
    assert events(readings) == [FeedEvent.REJECTED]
    assert states(readings) == [("liquidation-orders", ClaimState.REFUSED)]


def test_an_acknowledgement_is_a_claim_and_no_sign_of_life() -> None:
    readings = frame(reader(), 1, ACK)
    assert states(readings) == [("liquidation-orders", ClaimState.ACKNOWLEDGED)]
    assert events(readings) == []


def test_liquidations_that_cannot_be_believed_lower_the_claim_and_a_good_one_raises_it() -> None:
    one = reader()
    frame(one, 1, ACK)
    assert states(frame(one, 2, forced(-400 * 86400.0))) == [("liquidation-orders", ClaimState.SILENT)]
    assert states(frame(one, 3, forced(3))) == [("liquidation-orders", ClaimState.SPEAKING)]


def test_old_orders_that_a_renewed_subscription_repeats_are_backlog_and_new_ones_are_not() -> None:
    one = reader()
    frame(one, 1, ACK)
    frame(one, 2, forced(-5))
    assert [each.backlog for each in frame(one, 3, forced(3)) if isinstance(each, Liquidation)] == [False]
    frame(one, 301, ACK)
    renewed = frame(one, 302, forced(10, 300))
    assert [each.backlog for each in renewed if isinstance(each, Liquidation)] == [True, False]


def test_a_contract_that_is_listed_as_not_trading_ends_its_claims_within_a_second() -> None:
    one = reader()
    readings = one.second(at(1), 1.0, {SWAP.symbol: replace(SWAP, trading=False)})
    of_the_contract = ("mark-price", "open-interest", "adl-warning")
    assert states(readings) == [(channel, ClaimState.ENDED) for channel in of_the_contract]


def test_an_unlisted_instrument_is_not_taken_for_one_that_ended() -> None:
    one: Instrument = replace(SWAP, symbol="ETH-USDT-SWAP")
    assert states(reader().second(at(1), 1.0, {one.symbol: replace(one, trading=False)})) == []
