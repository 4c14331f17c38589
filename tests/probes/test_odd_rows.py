"""An odd row costs that row alone: the others of its answer or frame are read, and it is counted with its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from probes import venues
from probes.readings import (
    Instrument,
    InstrumentsListed,
    Liquidation,
    MalformedReason,
    Refusal,
    RequestTimed,
    ServiceStatus,
    WalletStatus,
)
from probes.rest.interpreter import AnswerReader
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import Context, Malformed, OddRows
from tests.probes.cases import NOW, Reader, listed

AT_MS = 1_793_491_200_000
Parts = tuple[list[Any], list[OddRows]]


def context(venue: str) -> Context:
    return Context(
        venue=venues.declared(venue).id,
        check="",
        received_at=NOW,
        instruments={one.symbol: one for one in listed(venue)},
    )


def read(venue: str, reader: Reader, payload: Any) -> Parts:
    words: Sequence[Any] = reader(json.dumps(payload).encode(), context(venue))
    return [one for one in words if not isinstance(one, OddRows)], [one for one in words if isinstance(one, OddRows)]


def feed(venue: str) -> Reader:
    return next(one.read for one in venues.declared(venue).feeds if one.name == "liquidation")


def check(venue: str, name: str, path: str = "") -> Reader:
    return next(one.read for one in venues.declared(venue).checks if one.name == name and path in one.call(None).path)


def binance(**changed: Any) -> dict[str, Any]:
    order = {"s": "BTCUSDT", "S": "SELL", "q": "1", "p": "100", "ap": "100", "z": "1", "T": AT_MS, **changed}
    return {"e": "forceOrder", "E": AT_MS, "o": order, "st": 1}


def bybit(**changed: Any) -> dict[str, Any]:
    return {"T": AT_MS, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "100", **changed}


def okx(**changed: Any) -> dict[str, Any]:
    return {"side": "sell", "posSide": "long", "bkPx": "100", "sz": "1", "ts": str(AT_MS), **changed}


def gate(**changed: Any) -> dict[str, Any]:
    return {"price": "100", "size": "1", "time": AT_MS, "contract": "BTC_USDT", **changed}


def frame(venue: str, rows: list[dict[str, Any]]) -> Any:
    return {
        "binance_usdm": rows,
        "bybit": {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": AT_MS, "data": rows},
        "okx": {
            "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
            "data": [{"instId": "BTC-USDT-SWAP", "details": rows}],
        },
        "gate": {"channel": "futures.public_liquidates", "event": "update", "time_ms": AT_MS, "result": rows},
    }[venue]


ROWS = {"binance_usdm": binance, "bybit": bybit, "okx": okx, "gate": gate}
PRICE = {"binance_usdm": "ap", "bybit": "p", "okx": "bkPx", "gate": "price"}


@pytest.mark.parametrize("venue", ROWS)
def test_one_liquidation_without_a_price_does_not_cost_the_twenty_beside_it(venue: str) -> None:
    rows = [ROWS[venue]() for _ in range(21)]
    inner = rows[7]["o"] if venue == "binance_usdm" else rows[7]
    del inner[PRICE[venue]]

    good, odd = read(venue, feed(venue), frame(venue, rows))

    assert [type(one) for one in good] == [Liquidation] * 20
    assert sum(one.count for one in odd) == 1


@pytest.mark.parametrize(
    ("venue", "changed"),
    [
        ("binance_usdm", {"S": "sell"}),
        ("binance_usdm", {"S": ""}),
        ("bybit", {"S": "buy"}),
        ("bybit", {"S": ""}),
        ("okx", {"posSide": "both"}),
        ("okx", {"posSide": "net", "side": ""}),
        ("okx", {"posSide": "", "side": "SELL"}),
    ],
)
def test_a_side_that_is_no_known_word_is_malformed_and_never_short(venue: str, changed: dict[str, str]) -> None:
    with pytest.raises(Malformed) as caught:
        read(venue, feed(venue), frame(venue, [ROWS[venue](**changed)]))
    assert caught.value.reason is MalformedReason.SIDE


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size": "0"}, MalformedReason.SIZE),
        ({"price": ""}, MalformedReason.PRICE),
        ({"time": None}, MalformedReason.STAMP),
    ],
)
def test_a_row_of_gate_that_names_no_side_price_or_time_is_malformed(
    changed: dict[str, Any], reason: MalformedReason
) -> None:
    with pytest.raises(Malformed) as caught:
        read("gate", feed("gate"), frame("gate", [gate(**changed)]))
    assert caught.value.reason is reason


def test_gates_rows_are_stamped_by_either_of_their_two_fields() -> None:
    rows = [gate(), gate(time=None, time_ms=AT_MS), gate(time=AT_MS // 1000)]

    good, odd = read("gate", feed("gate"), frame("gate", rows))

    assert odd == []
    assert {one.event_time for one in good} == {datetime.fromtimestamp(AT_MS / 1000, UTC)}


def test_one_currency_of_gate_with_a_null_chain_does_not_cost_the_others() -> None:
    def row(name: str, chain: Any) -> dict[str, Any]:
        flags = {"withdraw_disabled": False, "withdraw_delayed": False, "deposit_disabled": False}
        return {"currency": name, "chain": chain, "chains": [{"name": "ETH", **flags}]}

    good, odd = read("gate", check("gate", "wallet_status"), [row("A", "ETH"), row("B", None), row("C", "ETH")])

    assert [(one.asset, one.withdrawals) for one in good if isinstance(one, WalletStatus)] == [("A", True), ("C", True)]
    assert [(one.reason, one.count) for one in odd] == [(MalformedReason.NAME, 1)]


def test_one_network_that_cannot_be_read_does_not_cost_the_coins_other_networks() -> None:
    def network(name: str, **changed: Any) -> dict[str, Any]:
        return {"network": name, "depositEnable": True, "withdrawEnable": False, **changed}

    coins = [
        {"coin": "BTC", "networkList": [network("BTC"), network("BSC", withdrawEnable="perhaps"), {}]},
        {"coin": "ETH", "networkList": [network("ETH")]},
        {"coin": "XRP", "networkList": [{}]},
        {"coin": "SOL", "networkList": None},
    ]

    good, odd = read("binance_usdm", check("binance_usdm", "wallet_status"), coins)

    assert [(one.asset, one.network) for one in good] == [("BTC", "BTC"), ("ETH", "ETH")]
    assert sum(one.count for one in odd) == 4


def test_a_listing_without_its_odd_rows_is_one_listing() -> None:
    rows: list[Any] = [
        {"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "trade_status": "tradable"},
        {"id": "ETH_USDT", "base": "ETH", "quote": "USDT", "trade_status": "paused"},
        {"id": "SOL_USDT", "base": "SOL", "quote": "USDT", "trade_status": "untradable"},
    ]

    good, odd = read("gate", check("gate", "instruments", "currency_pairs"), rows)

    (listing,) = good
    assert isinstance(listing, InstrumentsListed)
    assert [(one.symbol, one.trading) for one in listing.instruments] == [
        ("spot:BTC_USDT", True),
        ("spot:SOL_USDT", False),
    ]
    assert [(one.reason, one.count) for one in odd] == [(MalformedReason.STATE, 1)]


@pytest.mark.parametrize("state", ["", "paused"])
def test_a_window_of_an_unknown_state_leaves_the_venues_status_unknown(state: str) -> None:
    def windows(*states: str) -> dict[str, Any]:
        told = {"maintType": "1", "env": "1", "serviceType": "5"}
        return {"code": "0", "msg": "", "data": [{"state": one, "title": one, **told} for one in states]}

    status = check("okx", "system_status")
    assert read("okx", status, windows("completed", state))[0] == []
    (planned,) = read("okx", status, windows("ongoing", state))[0]
    assert isinstance(planned, ServiceStatus)
    assert planned.state.value == "maintenance"


@pytest.mark.parametrize(
    ("venue", "body"),
    [
        ("bybit", {"retCode": 0, "result": {}}),
        ("bybit", {"retCode": 0, "result": {"list": None}}),
        ("okx", {"code": "0", "msg": ""}),
        ("okx", {"code": "0", "data": None}),
        ("binance_usdm", {"msg": "normal"}),
        ("binance_usdm", {"status": 2, "msg": "?"}),
    ],
)
def test_a_status_that_says_nothing_is_not_operational(venue: str, body: dict[str, Any]) -> None:
    import msgspec

    with pytest.raises((Malformed, msgspec.ValidationError)):
        read(venue, check(venue, "system_status"), body)


def test_a_refusal_in_the_body_is_not_searched_for_rows() -> None:
    venue = venues.declared("okx")
    client = AnswerReader(VenueState(venue))
    status = next(one for one in venue.checks if one.name == "system_status")
    body = json.dumps({"code": "50001", "msg": "unavailable", "data": []}).encode()
    got = HttpExchange(
        sent_at=NOW, received_at=NOW, phases=(), cold=False, status=200, headers={}, body=body, refusal=None, detail=""
    )
    readings, _ = client.read(status, None, NOW, got)
    assert not any(isinstance(one, ServiceStatus) for one in readings)
    assert [one.refusal for one in readings if isinstance(one, RequestTimed)] == [Refusal.MAINTENANCE]


def test_only_the_newest_row_of_a_ratio_counts_and_an_odd_older_one_costs_nothing() -> None:
    reader = check_of_instrument("okx", "long_short_ratio")
    asked = replace(context("okx"), instrument=listed("okx")[0])
    (ratio,) = reader(json.dumps({"code": "0", "data": [[str(AT_MS), "1.5"], [None]]}).encode(), asked)
    assert ratio.ratio == 1.5  # type: ignore[union-attr]
    for body in ({"code": "0", "data": [[None], [str(AT_MS), "1.5"]]}, {"code": "0", "data": [[None]]}, {"code": "0"}):
        with pytest.raises((Malformed, ValueError)):
            reader(json.dumps(body).encode(), asked)


def check_of_instrument(venue: str, name: str) -> Reader:
    return next(one.read for one in venues.declared(venue).checks if one.name == name)


def test_instruments_without_a_contract_size_or_a_status_are_not_listed() -> None:
    row = {
        "instId": "A-USDT-SWAP",
        "instType": "SWAP",
        "uly": "A-USDT",
        "ctVal": "1",
        "ctMult": "1",
        "ctType": "linear",
    }
    rows = [
        {**row, "state": "live"},
        row,
        {**row, "state": "live", "ctVal": ""},
        {**row, "state": "live", "ctVal": "0"},
    ]

    good, odd = read("okx", check("okx", "instruments"), {"code": "0", "data": rows})

    instruments: tuple[Instrument, ...] = good[0].instruments
    assert [one.symbol for one in instruments] == ["A-USDT-SWAP"]
    assert sum(one.count for one in odd) == 3


@pytest.mark.parametrize("lost", ["c", "v", "p"])
def test_a_ticker_of_kraken_that_lost_a_place_is_malformed_and_no_size_becomes_a_price(lost: str) -> None:
    row = {"c": ["100.5", "0.01"], "v": ["1", "20"], "p": ["100", "101"]}
    row[lost] = row[lost][1:]
    with pytest.raises(Malformed):
        read("kraken", check_of_instrument("kraken", "volume_spot"), {"error": [], "result": {"XBTUSDT": row}})


def test_a_flag_of_deribit_that_is_neither_true_nor_false_opens_no_instrument() -> None:
    row = {
        "instrument_name": "BTC_USDC-PERPETUAL", "base_currency": "BTC", "quote_currency": "USDC", "kind": "future",
        "settlement_period": "perpetual", "contract_size": 0.001, "instrument_type": "linear", "state": "open",
    }  # fmt: skip
    rows = [{**row, "is_active": flag} for flag in (True, False, "unknown", None)]

    good, odd = read("deribit", check("deribit", "instruments"), {"jsonrpc": "2.0", "result": rows})

    assert [one.trading for one in good[0].instruments] == [True, False]
    assert sum(one.count for one in odd) == 2
