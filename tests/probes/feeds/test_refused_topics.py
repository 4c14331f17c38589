"""What becomes of the claims of OKX and Bybit when a channel or symbol is refused or a contract ends, by the words they send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import ClaimChanged, ClaimState, Instrument, InstrumentsListed, Market, MarkPrice, Reading
from probes.venue import Context

T0 = datetime(2026, 11, 1, tzinfo=UTC)
MS = int(T0.timestamp() * 1000)


def swap(symbol: str) -> Instrument:
    return Instrument(symbol=symbol, base=symbol[:3], quote="USDT", market=Market.PERP)


class Talk:
    """A liquidation feed of a venue that has just asked for its topics."""

    def __init__(self, venue: str, *symbols: str) -> None:
        self.instruments = {one: swap(one) for one in symbols}
        self.venue = venues.declared(venue)
        feed = next(one for one in self.venue.feeds if one.name == "liquidation")
        self.reader = FeedReader(self.venue.id, feed, ClockOffset(), list(self.instruments.values()))
        self.reader.opened(T0, 0.0)
        self.reader.ask(T0, 0.0)
        self.asked = self.texts()
        self.now_s = 0.0

    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.reader.claims.texts()]

    def hear(self, payload: dict[str, Any]) -> list[Reading]:
        self.now_s += 1.0
        now = T0 + timedelta(seconds=self.now_s)
        return self.reader.frame(json.dumps(payload).encode(), now, self.now_s, self.instruments).readings

    def states(self) -> dict[str, ClaimState]:
        return {one.topic.name: one.state for one in self.reader.claims.all}


def changed(readings: list[Reading]) -> list[ClaimChanged]:
    return [one for one in readings if isinstance(one, ClaimChanged)]


LIQUIDATIONS = "liquidation-orders:SWAP"
SWAPS = "BTC-USDT-SWAP"


@pytest.mark.parametrize("words", ["Wrong URL or channel:liquidation-orders,instType:SWAP doesn't exist", ""])
def test_a_liquidation_channel_that_okx_refuses_stays_refused_while_mark_prices_come(words: str) -> None:
    talk = Talk("okx", SWAPS)
    for channel in ("mark-price", "open-interest"):
        talk.hear({"event": "subscribe", "arg": {"channel": channel, "instId": SWAPS}})
    family = {"channel": "adl-warning", "instType": "SWAP", "instFamily": "BTC-USDT"}
    talk.hear({"event": "subscribe", "arg": family})
    (refused,) = changed(talk.hear({"event": "error", "code": "60018", "msg": words}))
    assert (refused.channel, refused.state) == ("liquidation-orders", ClaimState.REFUSED)
    assert "bad_request: 60018" in refused.reason
    for number in range(60):
        row = {"instType": "SWAP", "instId": SWAPS, "markPx": "100", "ts": str(MS + number * 1000)}
        readings = talk.hear({"arg": {"channel": "mark-price", "instId": SWAPS}, "data": [row]})
        assert any(isinstance(one, MarkPrice) for one in readings)
        assert all(one.channel == "mark-price" for one in changed(readings))
    assert talk.states()[LIQUIDATIONS] is ClaimState.REFUSED
    assert talk.states()[f"mark-price:{SWAPS}"] is ClaimState.SPEAKING


def test_one_invalid_symbol_of_ten_topics_of_bybit_is_named_and_the_others_are_asked_for_again() -> None:
    symbols = ("AAAUSDT", "BBBUSDT", "XUSDT", "CCCUSDT", "DDDUSDT")
    talk = Talk("bybit", *symbols)
    (request,) = talk.asked
    assert len(request["args"]) == 10
    answer = {"success": False, "ret_msg": "Invalid symbol :[XUSDT]", "req_id": request["req_id"], "op": "subscribe"}
    changes = changed(talk.hear(answer))
    assert {(one.channel, one.instrument, one.state) for one in changes} == {
        ("allLiquidation", "XUSDT", ClaimState.REFUSED), ("tickers", "XUSDT", ClaimState.REFUSED),
    }  # fmt: skip
    assert all("XUSDT" in one.reason for one in changes)
    (again,) = talk.texts()
    assert again["args"] == [one for one in request["args"] if "XUSDT" not in one]
    changes = changed(talk.hear({"success": True, "ret_msg": "", "req_id": again["req_id"], "op": "subscribe"}))
    assert {one.instrument for one in changes} == set(symbols) - {"XUSDT"}
    assert {one.state for one in changes} == {ClaimState.ACKNOWLEDGED}


def test_a_perpetual_of_bybit_that_goes_from_trading_to_closed_ends_its_claims() -> None:
    talk = Talk("bybit", "XUSDT", "BTCUSDT")
    listing = next(one for one in talk.venue.checks if one.name == "instruments")

    def listed(status: str) -> dict[str, Instrument]:
        rows = [
            {
                "symbol": symbol,
                "contractType": "LinearPerpetual",
                "status": said,
                "baseCoin": symbol[:-4],
                "quoteCoin": "USDT",
            }
            for symbol, said in (("XUSDT", status), ("BTCUSDT", "Trading"))
        ]
        body = json.dumps({"retCode": 0, "result": {"category": "linear", "list": rows}, "time": MS}).encode()
        (whole,) = listing.read(body, Context(venue=talk.venue.id, check="instruments", received_at=T0))
        assert isinstance(whole, InstrumentsListed)
        return {one.symbol: one for one in whole.instruments}

    assert changed(talk.reader.second(T0, 1.0, listed("Trading"))) == []
    ended = changed(talk.reader.second(T0, 2.0, listed("Closed")))
    assert {(one.channel, one.instrument, one.state) for one in ended} == {
        ("allLiquidation", "XUSDT", ClaimState.ENDED), ("tickers", "XUSDT", ClaimState.ENDED),
    }  # fmt: skip


ENDED = {
    "gate": (
        "BTC_USDT",
        {
            "event": "unsubscribe",
            "channel": "futures.public_liquidates",
            "payload": ["!all"],
            "result": {"status": "success"},
        },
    ),
    "bitget": ("BTCUSDT", {"event": "unsubscribe", "arg": {"instType": "usdt-futures", "topic": "liquidation"}}),
}


@pytest.mark.parametrize("venue", ENDED)
def test_a_subscription_that_the_venue_ends_unasked_is_refused_and_never_confirmed(venue: str) -> None:
    symbol, frame = ENDED[venue]
    talk = Talk(venue, symbol)
    (refused,) = changed(talk.hear(frame))
    assert (refused.state, refused.main, refused.covers) == (ClaimState.REFUSED, True, False)
