"""Where a venue says the same in two forms, or in a unit that the price decides, the engine takes what is meant alone."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from probes import dialect as d
from probes.dialect.frames import MAX_TOPICS
from probes.readings import (
    Funding,
    Liquidation,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    Refusal,
    Side,
    Volume,
)
from probes.venue import Ack, BookDelta, BookSnapshot, Malformed, SubscriptionRefused
from tests.probes.dialect.test_engine import AT, CONTEXT, MS, ROW, forced, said

TWO = {"long": Side.LONG, "short": Side.SHORT, "net": None, "sell": Side.LONG, "buy": Side.SHORT}


def sides_of(**changed: Any) -> list[Side]:
    rows = d.Rows(says=(forced(side=("position", "S"), sides=TWO),))
    return [one.side for one in said(rows, [{**ROW, **changed}]) if isinstance(one, Liquidation)]


def test_of_two_side_fields_the_second_counts_where_the_first_names_none() -> None:
    assert sides_of(position="short", S="sell") == [Side.SHORT]
    assert sides_of(position="net", S="sell") == sides_of(position="", S="sell") == sides_of(S="sell") == [Side.LONG]


@pytest.mark.parametrize(
    "changed", [{"position": "both"}, {"position": "net", "S": ""}, {"position": "net", "S": "net"}]
)
def test_a_side_that_neither_field_names_is_odd(changed: dict[str, str]) -> None:
    with pytest.raises(Malformed) as caught:
        sides_of(**changed)
    assert caught.value.reason is MalformedReason.SIDE


def test_an_inverse_contract_of_a_listed_size_in_usd_is_counted_in_base_units_by_its_price() -> None:
    rows = d.Rows(says=(forced(unit=d.Unit.USD_CONTRACTS),))
    (inverse,) = said(rows, [{**ROW, "s": "BTC-I", "p": "50", "q": "200"}])
    assert (inverse.quantity, inverse.notional_usd) == (Decimal(4), Decimal(200))
    (linear,) = said(rows, [ROW])
    assert (linear.quantity, linear.notional_usd) == (Decimal(30), Decimal(3000))
    assert said(rows, [{**ROW, "s": "BTC-UNLISTED"}]) == []


def book(unit: d.Unit, **fields: Any) -> d.Rows:
    return d.Rows(says=(d.Books(symbol="s", bids="b", asks="a", last_id="u", unit=unit, whole=True, **fields),))


def test_the_levels_of_an_inverse_contract_are_base_units_by_the_price_of_each() -> None:
    row = {"s": "BTC-I", "b": [["50", "200"]], "a": [["100", "200"]], "u": 7}
    (one,) = said(book(d.Unit.USD_CONTRACTS), row)
    assert isinstance(one, BookSnapshot)
    assert (one.bids, one.asks) == ([(50.0, 4.0)], [(100.0, 2.0)])
    assert said(book(d.Unit.CONTRACTS), row) == []
    assert said(book(d.Unit.USD_CONTRACTS), {**row, "s": "BTC-UNLISTED"}) == []
    (linear,) = said(book(d.Unit.USD_CONTRACTS), {**row, "s": "BTC-P"})
    assert linear.bids == [(50.0, 2000.0)]
    with pytest.raises(Malformed):
        said(book(d.Unit.USD_CONTRACTS), {**row, "b": [["0", "1"]]})


def test_a_change_with_the_number_at_which_the_venue_restarts_is_a_whole_book() -> None:
    declared = d.Books(symbol="s", bids="b", asks="a", last_id="u", restarts_at=1)
    kinds = [
        type(said(d.Rows(says=(declared,)), {"s": "BTC-P", "b": [], "a": [], "u": number})[0]) for number in (1, 2)
    ]
    assert kinds == [BookSnapshot, BookDelta]


def test_open_interest_of_both_sides_counts_only_where_that_of_one_side_is_not_given() -> None:
    rows = d.Rows(
        says=(
            d.OpenInterests(size="one", optional=True),
            d.OpenInterests(size="both", scale=Decimal("0.5"), unless="one", optional=True),
        )
    )
    for row in ({"one": "3", "both": "6.1"}, {"both": "6"}, {"one": "", "both": "6"}):
        (interest,) = said(rows, row)
        assert isinstance(interest, OpenInterest)
        assert interest.base == Decimal(3)
    assert said(rows, {}) == []


def funding(**fields: Any) -> Funding:
    declared = d.FundingRates(rate="r", next_at=d.Stamp("t"), following=d.Stamp("n"), **fields)
    (one,) = said(d.Rows(says=(declared,)), {"r": "0.1", "t": MS, "n": MS + 4 * 3_600_000, "h": 8})
    assert isinstance(one, Funding)
    return one


def test_two_settlements_in_a_row_give_the_interval_of_a_funding_rate() -> None:
    assert (funding().next_at, funding().interval_s) == (AT, 4 * 3600.0)
    assert funding(interval="h", interval_s=3600).interval_s == 8 * 3600.0
    declared = d.Rows(says=(d.FundingRates(rate="r", next_at=d.Stamp("t"), following=d.Stamp("n")),))
    for row in ({"r": "0.1", "t": MS}, {"r": "0.1", "n": MS}):
        assert said(declared, row)[0].interval_s is None
    with pytest.raises(Malformed) as caught:
        said(declared, {"r": "0.1", "t": MS, "n": MS})
    assert caught.value.reason is MalformedReason.STAMP


def test_a_base_volume_is_priced_by_the_last_price_where_the_venue_has_no_quote_volume() -> None:
    rows = d.Rows(says=(d.Volumes(base="v", last="l", priced=True),))
    (traded,) = said(rows, {"v": "3", "l": "2"})
    assert traded == Volume(
        venue=CONTEXT.venue, instrument="BTC-P", received_at=CONTEXT.received_at, event_time=None, market=Market.PERP,
        base=Decimal(3), usd=Decimal(6), last=2.0,
    )  # fmt: skip
    assert [said(rows, {"v": base, "l": ""})[0].usd for base in ("3", "0")] == [None, Decimal(0)]


def test_a_row_may_have_an_index_price_alone() -> None:
    (one,) = said(d.Rows(says=(d.MarkPrices(index="i"),)), {"i": "99"})
    assert isinstance(one, MarkPrice)
    assert (one.mark, one.index) == (None, 99.0)


def test_an_answer_about_the_clock_without_a_row_is_malformed() -> None:
    with pytest.raises(Malformed):
        said(d.Rows(where="data", says=(d.ServerTimes(at=d.Stamp("ts")),)), {"data": []})


@pytest.mark.parametrize("changed", [{"k": ""}, {"k": None}, {}])
def test_an_instrument_whose_kind_is_gone_is_odd_and_not_another_kind(changed: dict[str, Any]) -> None:
    rows = d.Rows(says=(d.Listing(symbol="s", base="b", quote="q", kind="k", kinds={"perpetual": Market.PERP}),))
    row = {"s": "BTC-P", "b": "BTC", "q": "USDT"}
    with pytest.raises(Malformed):
        said(rows, [{**row, **changed}])
    assert len(said(rows, [{**row, "k": "perpetual"}, {**row, "k": "option"}])[0].instruments) == 1


def test_a_socket_may_share_the_families_of_codes_of_rest() -> None:
    control = d.Control(path="event", values=frozenset({"error"}), means=d.Means.REFUSED, code="code", text="msg")
    read = d.frames(d.Frames(refusals=d.codes({Refusal.TIMEOUT: "100..199"}), controls=(control,)), {})
    for code, kind in (("130", Refusal.TIMEOUT), ("200", Refusal.BAD_REQUEST)):
        (word,) = read(json.dumps({"event": "error", "code": code, "msg": "no"}).encode(), CONTEXT)
        assert isinstance(word, SubscriptionRefused)
        assert word.kind is kind


def test_a_control_frame_is_told_by_a_part_of_its_text() -> None:
    controls = (
        d.Control(path="msg", like="already subscribed", means=d.Means.ACK, text="op"),
        d.Control(path="msg", means=d.Means.REFUSED, text="msg"),
    )
    read = d.frames(d.Frames(controls=controls), {})
    assert read(b'{"op":"subscribe","msg":"error:already subscribed"}', CONTEXT) == (Ack(subject="subscribe"),)
    for frame in (b'{"op":"subscribe","msg":"error:no such topic"}', b'{"msg":5}'):
        assert isinstance(read(frame, CONTEXT)[0], SubscriptionRefused)


def test_a_wallet_that_lost_its_asset_is_odd_where_the_rows_have_a_field_for_it() -> None:
    wallet = d.Wallets(deposits="d")
    assert [one.asset for one in said(d.Rows(says=(wallet,)), {"d": True})] == ["BTC"], "the coin that was asked for"
    named = d.Rows(each="chains", subject="c", says=(wallet,))
    with pytest.raises(Malformed):
        said(named, [{"chains": [{"d": True}]}])
    assert [one.asset for one in said(named, [{"c": "ETH", "chains": [{"d": True}]}])] == ["ETH"]
    with pytest.raises(Malformed):
        d.answer(d.Rows(says=(d.Wallets(symbol="c", deposits="d"),)))(b'{"d":true}', replace(CONTEXT, instrument=None))


def test_the_text_of_a_channel_is_split_once_and_what_is_remembered_has_a_bound() -> None:
    split: list[str] = []

    def topic(text: str) -> tuple[str, str]:
        split.append(text)
        return "news", "BTC-P"

    declared = d.Frames(topic=topic)
    read = d.frames(declared, {"news": d.Rows(says=(d.MarkPrices(mark="p"),))})
    long = "x" * 64

    def ask(channel: str) -> None:
        read(json.dumps({"channel": channel, "data": {"p": "1"}}).encode(), CONTEXT)

    for channel in ("a", "a", long, long):
        ask(channel)
    assert split == ["a", long, long]
    for number in range(MAX_TOPICS):
        ask(f"n{number}")
    split.clear()
    ask("n0")
    ask(f"n{MAX_TOPICS - 1}")
    assert split == [f"n{MAX_TOPICS - 1}"]


@pytest.mark.parametrize("raw", [b'{"channel":"\xff"}', b'{"other":' + b"[" * 100_000])
def test_a_frame_or_answer_that_is_no_text_or_nested_too_deep_is_malformed(raw: bytes) -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="channel", mark="p"),))
    for read in (d.frames(d.Frames(), {}), d.answer(rows)):
        with pytest.raises((Malformed, msgspec.DecodeError)):
            read(raw, CONTEXT)


def test_rows_inside_rows_of_contracts_that_are_not_listed_say_nothing() -> None:
    rows = d.Rows(each="orders", subject="s", says=(forced(symbol=None, unit=d.Unit.CONTRACTS),))
    told = [{"s": symbol, "orders": [{**ROW, "s": None}]} for symbol in ("BTC-UNLISTED", "BTC-P")]
    assert [one.instrument for one in said(rows, told)] == ["BTC-P"]


def test_a_level_of_an_inverse_contract_that_is_not_finite_in_base_units_is_malformed() -> None:
    with pytest.raises(Malformed):
        said(book(d.Unit.USD_CONTRACTS), {"s": "BTC-I", "b": [["1e-308", "1e10"]], "a": [], "u": 7})
