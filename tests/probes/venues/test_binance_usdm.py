"""What Binance's USD-M venue promises beyond its stored cases: bans, odd orders, names of any script."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.instruments import choose
from probes.readings import (
    ClaimChanged,
    ClaimState,
    Instrument,
    InstrumentsListed,
    Liquidation,
    MalformedReason,
    Market,
    Refusal,
    RowsMalformed,
)
from probes.rest.refusals import by_answer
from probes.rest.venue_state import VenueState
from probes.venue import Context, Malformed
from tests.probes.cases import NOW

VENUE = venues.declared("binance_usdm")
AT_MS = int(NOW.timestamp() * 1000)
FEED = next(one for one in VENUE.feeds if one.name == "liquidation")


def refused(status: int, code: int, words: str = "?") -> Refusal | None:
    body = json.dumps({"code": code, "msg": words}).encode()
    named = VENUE.refuse(status, {}, body, NOW)
    return by_answer(status, body) if named is None else named.kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Refusal.UNKNOWN_CODE),
        (400, Refusal.BAD_REQUEST),
        (401, Refusal.UNAUTHORIZED),
        (403, Refusal.WAF_BLOCKED),
        (418, Refusal.BANNED),
        (429, Refusal.THROTTLED),
        (500, Refusal.VENUE_ERROR),
        (503, Refusal.OVERLOADED),
    ],
)
@pytest.mark.parametrize("code", [-1, -1098, -3000, -6001, -9999, 7])
def test_a_code_that_is_not_published_counts_by_the_http_status(code: int, status: int, kind: Refusal) -> None:
    assert refused(status, code) is kind


def test_a_ban_and_a_throttling_keep_their_meaning_whatever_the_code_says() -> None:
    for code in (-1121, -1016, -1003, -9999):
        assert refused(418, code) is Refusal.BANNED
        assert refused(429, code) is Refusal.THROTTLED


def order(**changed: Any) -> dict[str, Any]:
    said = {"s": "BTCUSDT", "S": "SELL", "q": "1", "p": "100", "ap": "100", "z": "1", "T": AT_MS, **changed}
    return {"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": AT_MS, "o": said, "st": 1}}


def heard(*payloads: dict[str, Any]) -> list[Any]:
    """What a feed of these frames reports, behind the gate, after a second."""
    reader = FeedReader(VENUE.id, FEED, ClockOffset(), [])
    found = [one for payload in payloads for one in reader.frame(json.dumps(payload).encode(), NOW, 0.0, {}).readings]
    return [one for one in (*found, *reader.second(NOW, 1.0, {})) if isinstance(one, Liquidation | RowsMalformed)]


@pytest.mark.parametrize("side", ["sell", "buy", "", "SHORT", None, "SELL "])
def test_an_order_whose_side_is_no_documented_word_is_malformed_and_of_no_side(side: str | None) -> None:
    context = Context(venue=VENUE.id, check="liquidation", received_at=NOW)
    with pytest.raises(Malformed) as caught:
        FEED.read(json.dumps(order(S=side)).encode(), context)
    assert caught.value.reason is MalformedReason.SIDE


def test_an_order_stamped_in_seconds_where_milliseconds_are_documented_is_refused_by_the_gate() -> None:
    good, odd = heard(order(), order(T=AT_MS // 1000))
    assert isinstance(good, Liquidation)
    assert isinstance(odd, RowsMalformed)
    assert (odd.reason, odd.count) == (MalformedReason.STAMP, 1)


def listing(*contracts: tuple[str, str, str]) -> tuple[Instrument, ...]:
    """What the venue lists: (base asset, contract type, status) against USDT."""
    symbols = [
        {"symbol": f"{base}USDT", "baseAsset": base, "quoteAsset": "USDT", "contractType": kind, "status": status}
        for base, kind, status in contracts
    ]
    reader = next(one.read for one in VENUE.checks if one.name == "instruments")
    context = Context(venue=VENUE.id, check="instruments", received_at=NOW)
    (listed,) = reader(json.dumps({"symbols": symbols}, ensure_ascii=False).encode(), context)
    assert isinstance(listed, InstrumentsListed)
    return listed.instruments


def test_a_contract_named_in_another_script_is_listed_watched_and_read() -> None:
    name = "\u5e01\u5b89\u4eba\u751f"
    (chosen,) = choose(listing((name, "PERPETUAL", "TRADING")), [name], [])
    assert (chosen.symbol, chosen.market) == (f"{name}USDT", Market.PERP)
    assert f"{name}usdt@markPrice@1s" in FEED.path([chosen])
    (forced,) = heard(order(s=chosen.symbol))
    assert forced.instrument == chosen.symbol
    topic = FEED.topics([chosen])[1]
    assert topic.instrument == chosen.symbol
    mark = {"e": "markPriceUpdate", "E": AT_MS, "s": chosen.symbol, "p": "1", "i": "1", "r": "", "T": 0}
    context = Context(venue=VENUE.id, check="liquidation", received_at=NOW)
    (read,) = FEED.read(json.dumps({"stream": topic.name, "data": mark}, ensure_ascii=False).encode(), context)
    assert getattr(read, "instrument", None) == chosen.symbol


@pytest.mark.parametrize("status", ["SETTLING", "CLOSE", "PENDING_TRADING", "PRE_SETTLE", "DELIVERED", "NEW_WORD"])
def test_a_contract_that_does_not_trade_any_more_ends_its_claims_with_the_next_second_and_says_so(status: str) -> None:
    state = VenueState(VENUE)
    state.list_instruments(listing(("BTC", "PERPETUAL", "TRADING"), ("ETH", "PERPETUAL", "TRADING")), whole=True)
    reader = FeedReader(VENUE.id, FEED, ClockOffset(), list(state.instruments.values()))
    reader.opened(NOW, 0.0)
    reader.ask(NOW, 0.0)
    state.list_instruments(listing(("BTC", "PERPETUAL", status), ("ETH", "PERPETUAL", "TRADING")), whole=True)
    changes = reader.second(NOW + timedelta(seconds=1), 1.0, state.instruments)
    ended = [one for one in changes if isinstance(one, ClaimChanged) and one.state is ClaimState.ENDED]
    assert [(one.channel, one.instrument) for one in ended] == [("markPrice", "BTCUSDT")]
    assert ended[0].reason
    assert [one.symbol for one in choose(state.instruments.values(), ["BTC", "ETH"], [])] == ["ETHUSDT"]


def test_no_spot_instrument_is_made_from_a_perpetual() -> None:
    assert {one.market for one in listing(("SHIB", "PERPETUAL", "TRADING"))} == {Market.PERP}
