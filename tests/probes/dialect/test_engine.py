"""What the engine of declared venues promises, on the wires of a venue that does not exist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from probes import dialect as d
from probes.readings import (
    Censoring,
    Funding,
    Instrument,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    Market,
    MarkPrice,
    ServerTime,
    Side,
    VenueId,
    Volume,
)
from probes.venue import (
    Context,
    Malformed,
    OddRows,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
MS = 1793491200000
"""AT in unix milliseconds."""
TEN = Instrument(symbol="BTC-P", base="BTC", quote="USDT", market=Market.PERP, contract_size=Decimal(10))
INVERSE = Instrument(symbol="BTC-I", base="BTC", quote="USD", market=Market.PERP, inverse=True)
CONTEXT = Context(
    venue=VenueId("made"), check="made", received_at=AT + timedelta(seconds=1), instrument=TEN,
    instruments={"BTC-P": TEN, "BTC-I": INVERSE},
)  # fmt: skip
SIDES = {"buy": Side.SHORT, "sell": Side.LONG}


def said(rows: d.Rows, whole: Any) -> list[Any]:
    """What an answer of such rows means."""
    return list(d.answer(rows)(json.dumps(whole).encode(), CONTEXT))


def forced(**changes: Any) -> d.Liquidations:
    usual: dict[str, Any] = {
        "symbol": "s", "price": "p", "size": "q", "side": "S", "sides": SIDES, "at": d.Stamp("t"),
        "censoring": Censoring.COMPLETE,
    }  # fmt: skip
    return d.Liquidations(**{**usual, **changes})


ROW = {"s": "BTC-P", "p": "100", "q": "3", "S": "sell", "t": MS}


def quantity(declared: d.Liquidations, **changes: Any) -> list[Decimal]:
    return [
        one.quantity for one in said(d.Rows(says=(declared,)), [{**ROW, **changes}]) if isinstance(one, Liquidation)
    ]


def test_a_liquidation_names_the_side_that_was_liquidated_and_counts_in_base_units() -> None:
    (one,) = said(d.Rows(says=(forced(),)), [ROW])
    assert one == Liquidation(
        venue=VenueId("made"), instrument="BTC-P", received_at=CONTEXT.received_at, event_time=AT, side=Side.LONG,
        price=Decimal(100), quantity=Decimal(3), notional_usd=Decimal(300), censoring=Censoring.COMPLETE,
    )  # fmt: skip


def test_contracts_are_multiplied_by_their_size_and_quote_amounts_divided_by_the_price() -> None:
    assert quantity(forced(unit=d.Unit.CONTRACTS)) == [Decimal(30)]
    assert quantity(forced(unit=d.Unit.QUOTE)) == [Decimal("0.03")]


def test_contracts_that_are_not_listed_or_depend_on_the_price_are_passed_over() -> None:
    assert quantity(forced(unit=d.Unit.CONTRACTS), s="UNKNOWN") == []
    assert quantity(forced(unit=d.Unit.CONTRACTS), s="BTC-I") == []


def test_the_sign_of_a_size_can_be_the_side() -> None:
    signed = forced(side=None, sides={"+": Side.LONG, "-": Side.SHORT})
    sides = [one.side for one in said(d.Rows(says=(signed,)), [{**ROW, "q": 1}, {**ROW, "q": "-2"}])]
    assert sides == [Side.LONG, Side.SHORT]


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"p": None}, "$.p: missing"),
        ({"p": ""}, "$.p: missing"),
        ({"p": "0"}, "$.p: not above zero"),
        ({"q": "-1"}, "$.q: not above zero"),
        ({"q": "many"}, "$.q: 'many' is no number"),
        ({"S": "both"}, "$.S: 'both' is not allowed"),
        ({"S": None}, "$.S: 'None' is not allowed"),
        ({"t": 0}, "$.t: missing"),
        ({"t": True}, "$.t: True is no number"),
        ({"s": 7}, "Expected `str | null`, got `int` - at `$.s`"),
        ({"p": {}}, "Expected `bool | int | float | str | null`, got `object` - at `$.p`"),
    ],
)
def test_an_odd_row_costs_itself_and_no_other(odd: Mapping[str, Any], why: str) -> None:
    words = said(d.Rows(says=(forced(),)), [ROW, {**ROW, **odd}, {**ROW, **odd}, ROW])
    assert [type(one) for one in words] == [Liquidation, Liquidation, OddRows]
    assert (words[-1].path, words[-1].count) == (why, 2)


def test_an_answer_of_which_no_row_is_good_is_malformed() -> None:
    for odd in ({"p": ""}, {"s": 7}):
        with pytest.raises((Malformed, msgspec.ValidationError)):
            said(d.Rows(says=(forced(),)), [{**ROW, **odd}])
    with pytest.raises(msgspec.ValidationError):
        said(d.Rows(says=(forced(),), where="data"), {"data": 5})
    with pytest.raises(msgspec.ValidationError):
        said(d.Rows(says=(forced(),), where="data.rows"), {"data": {}})


def test_a_row_that_says_several_things_says_none_of_them_if_it_is_odd() -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"), d.FundingRates(symbol="s", rate="r")))
    good, odd = {"s": "A", "m": 1, "r": 2}, {"s": "B", "m": 1, "r": "x"}
    words = said(rows, [good, odd])
    assert [type(one) for one in words] == [MarkPrice, Funding, OddRows]


def test_an_optional_capability_may_be_absent_and_no_other() -> None:
    row = {"s": "A", "m": ""}
    assert said(d.Rows(says=(d.MarkPrices(symbol="s", mark="m", optional=True),)), [row]) == []
    with pytest.raises(Malformed, match=r"\$\.m: missing"):
        said(d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),)), [row])


def test_rows_inside_rows_take_the_symbol_of_the_outer_row_and_fail_alone() -> None:
    rows = d.Rows(where="data", each="details", subject="inst", says=(forced(symbol=None),))
    whole = {
        "data": [
            {"inst": "A", "details": [ROW, {**ROW, "p": []}]},
            {"inst": 5, "details": [ROW]},
            {"inst": "B", "details": [ROW]},
        ]
    }
    words = said(rows, whole)
    assert [one.instrument for one in words[:-1]] == ["A", "B"]
    assert words[-1].count == 2
    assert [one.instrument for one in said(rows, {"data": [{"inst": "A", "details": [ROW]}]})] == ["A"]


def test_rows_of_other_kinds_are_passed_over() -> None:
    rows = d.Rows(says=(forced(),), only={"type": frozenset({"liquidation"})})
    assert len(said(rows, [{**ROW, "type": "fill", "p": "odd"}, {**ROW, "type": "liquidation"}])) == 1
    assert said(rows, [{**ROW, "type": "fill"}]) == []
    inner = replace(rows, each="details", subject="inst", says=(forced(symbol=None),))
    whole = [{"inst": "A", "details": [{**ROW, "type": "fill"}, {**ROW, "type": "liquidation"}]}]
    assert [one.instrument for one in said(inner, whole)] == ["A"]


def test_only_the_newest_row_counts_where_it_is_declared() -> None:
    ratios = (d.LongShortRatios(at=d.Stamp(0), ratio=1),)
    pairs = [[MS, "1.5"], [MS, "2.5"], [MS, "3.5"]]
    assert [one.ratio for one in said(d.Rows(says=ratios, first=1), pairs)] == [1.5]
    assert [one.ratio for one in said(d.Rows(says=ratios, last=2), pairs)] == [2.5, 3.5]


def test_rows_that_are_lists_are_read_by_position() -> None:
    (one,) = said(d.Rows(says=(d.LongShortRatios(at=d.Stamp(0), ratio=3),)), [[MS, "x", {}, "1.5", "more"]])
    assert one == LongShortRatio(
        venue=VenueId("made"),
        instrument="BTC-P",
        received_at=CONTEXT.received_at,
        event_time=AT,
        ratio=1.5,
        basis="accounts",
    )


def test_the_first_of_several_names_that_is_given_counts() -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="s", mark=("a", "b", "c")),))
    words = said(rows, [{"s": "A", "a": 1, "b": 2}, {"s": "B", "a": "", "c": 3}, {"s": "C", "b": 2, "c": 3}])
    assert [one.mark for one in words] == [1.0, 3.0, 2.0]


def test_a_function_unfolds_what_a_table_cannot_say_and_its_failure_is_an_odd_row() -> None:
    def by_symbol(whole: Mapping[str, Any]) -> Sequence[Any]:
        return [{"s": symbol, "m": row["mark"]} for symbol, row in whole.items()]

    rows = d.Rows(where="result", unfold=by_symbol, says=(d.MarkPrices(symbol="s", mark="m"),))
    assert [one.instrument for one in said(rows, {"result": {"A": {"mark": 1}, "B": {"mark": 2}}})] == ["A", "B"]
    with pytest.raises(Malformed, match="KeyError"):
        said(rows, {"result": {"A": {}}})

    def refused(row: Any) -> Sequence[Any]:
        raise Malformed("$.why: by itself")

    with pytest.raises(Malformed, match="by itself"):
        said(d.Rows(unfold=refused, says=rows.says), [1])


def test_a_function_may_get_all_rows_at_once() -> None:
    def side_by_side(whole: Any) -> Sequence[Any]:
        names, marks = whole
        return [{"s": name, "m": mark} for name, mark in zip(names, marks, strict=True)]

    rows = d.Rows(whole=True, unfold=side_by_side, says=(d.MarkPrices(symbol="s", mark="m"),))
    assert [(one.instrument, one.mark) for one in said(rows, [["A", "B"], [1, 2]])] == [("A", 1.0), ("B", 2.0)]


@pytest.mark.parametrize(
    ("clock", "value"),
    [
        (d.Clock.S, 1793491200),
        (d.Clock.MS, "1793491200000"),
        (d.Clock.US, 1793491200000000),
        (d.Clock.NS, "1793491200000000000"),
        (d.Clock.ISO, "2026-11-01T00:00:00.000000000Z"),
        (d.Clock.ANY, 1793491200.0),
        (d.Clock.ANY, MS),
    ],
)
def test_a_stamp_is_read_in_its_unit(clock: d.Clock, value: Any) -> None:
    (one,) = said(d.Rows(says=(d.ServerTimes(at=d.Stamp("t", clock)),)), {"t": value})
    assert one == ServerTime(venue=VenueId("made"), received_at=CONTEXT.received_at, event_time=AT, resolution_s=1e-3)


@pytest.mark.parametrize("value", ["soon", "2026-11-01T00:00:00", "1969-01-01T00:00:00Z", 5])
def test_a_text_that_is_no_time_of_a_zone_is_odd(value: Any) -> None:
    with pytest.raises(Malformed):
        said(d.Rows(says=(d.ServerTimes(at=d.Stamp("t", d.Clock.ISO)),)), {"t": value})


def test_open_interest_is_scaled_to_one_side_and_valued_by_the_row() -> None:
    declared = d.OpenInterests(symbol="s", size="oi", scale=Decimal("0.5"), usd="v", mark="m")
    both, marked, bare = said(
        d.Rows(says=(declared,)),
        [{"s": "A", "oi": 8, "v": 80, "m": 1}, {"s": "A", "oi": 8, "m": 5}, {"s": "A", "oi": 8}],
    )
    assert [(one.base, one.usd) for one in (both, marked, bare)] == [(4, 40), (4, 20), (4, None)]


def test_contracts_of_open_interest_and_volume_need_their_size() -> None:
    interest = d.OpenInterests(symbol="s", size="q", unit=d.Unit.CONTRACTS, contract_size="c")
    volume = d.Volumes(symbol="s", base="q", unit=d.Unit.CONTRACTS)
    rows = [{"s": "BTC-P", "q": 2}, {"s": "NEW", "q": 2, "c": "5"}, {"s": "BTC-I", "q": 2, "c": "5"}]
    assert [one.base for one in said(d.Rows(says=(interest,)), rows)] == [20, 10]
    assert [(type(one), one.base) for one in said(d.Rows(says=(volume,)), rows)] == [
        (Volume, 20),
        (Volume, None),
        (Volume, None),
    ]


def test_funding_has_its_interval_from_the_row_or_from_the_declaration() -> None:
    declared = d.FundingRates(symbol="s", rate="r", scale=0.01, interval="h", interval_s=3600, fixed_interval_s=28800)
    first, second = said(d.Rows(says=(declared,)), [{"s": "A", "r": "0.5", "h": 4}, {"s": "A", "r": "0.5"}])
    assert (first.rate, first.interval_s, second.interval_s) == (0.005, 14400, 28800)


def test_a_ratio_of_two_parts_needs_both() -> None:
    rows = d.Rows(says=(d.LongShortRatios(longs="l", shorts="s"),))
    assert [one.ratio for one in said(rows, [{"l": "0.6", "s": "0.4"}])] == [1.5]
    with pytest.raises(Malformed, match=r"\$\.s: not above zero"):
        said(rows, [{"l": "0.6", "s": 0}])


def test_a_fund_is_that_of_its_instrument_or_of_its_currency() -> None:
    at = d.Stamp("t")
    apart = d.Rows(says=(d.InsuranceFunds(symbol="s", balance="b", currency="c", at=at),))
    [one] = said(apart, [{"s": "A", "b": "-1.5", "c": "BTC", "t": MS}])
    assert (one.fund, one.instrument, one.balance, one.currency, one.event_time) == (
        "A", "A", Decimal("-1.5"), "BTC", AT,
    )  # fmt: skip
    [all_of_it] = said(d.Rows(says=(d.InsuranceFunds(balance="b", fixed_currency="USDT"),)), [{"b": 7}])
    assert (all_of_it.fund, all_of_it.instrument, all_of_it.currency) == ("USDT", None, "USDT")
    whole = {"s": "A", "b": "1", "c": "BTC", "t": MS}
    for field in whole:
        with pytest.raises(Malformed, match="missing"):
            said(apart, [whole | {field: None}])


def test_deleveraging_goes_on_or_not_by_the_wires_own_words() -> None:
    rows = d.Rows(
        says=(d.Deleveragings(symbol="s", state="w", states={"adl": True, "normal": False}, at=d.Stamp("t")),)
    )
    words = said(rows, [{"s": "A", "w": "adl", "t": MS}, {"s": "B", "w": "normal"}])
    assert [(one.instrument, one.active, one.event_time) for one in words] == [("A", True, AT), ("B", False, None)]
    for odd in ("soon", None):
        with pytest.raises(Malformed):
            said(rows, [{"s": "A", "w": odd}])


def test_a_row_is_the_requests_only_where_no_symbol_of_its_own_is_declared() -> None:
    nameless = d.Rows(says=(d.MarkPrices(mark="m"),))
    assert [one.instrument for one in said(nameless, [{"m": 1}])] == ["BTC-P"]
    nobody = Context(venue=VenueId("made"), check="made", received_at=AT)
    with pytest.raises(Malformed, match=r"\$: missing"):
        d.answer(nameless)(b'[{"m":1}]', nobody)


def test_a_row_that_lost_its_symbol_is_odd_and_never_taken_for_the_one_that_was_asked_for() -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),), prefix="spot:")
    good, odd = said(rows, [{"m": 1}, {"s": "A", "m": 1}])
    assert (good.instrument, odd.reason, odd.path) == ("spot:A", MalformedReason.NAME, "$.s: missing")
    with pytest.raises(Malformed, match=r"\$\.s: missing"):
        said(rows, [{"m": 1}])
