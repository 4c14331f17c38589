"""What the engine of declared venues promises of rows whose fields are inside an inner object, or that are not ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from probes import dialect as d
from probes.readings import InstrumentsListed, Liquidation, MalformedReason, Market
from probes.venue import Malformed, OddRows
from tests.probes.dialect.test_engine import AT, CONTEXT, MS, forced, said

ORDER = {"s": "BTC-P", "p": "100", "q": "3", "ap": "101", "z": "2", "S": "sell", "t": MS}
INSIDE = forced(
    symbol="o.s", price="o.ap", size="o.z", order_price="o.p", order_size="o.q", side="o.S", at=d.Stamp("o.t")
)


def orders(*rows: dict[str, Any], **only: Any) -> list[Any]:
    return said(d.Rows(says=(INSIDE,), only=only), list(rows))


def test_a_dotted_name_is_a_field_of_an_inner_object() -> None:
    (one,) = orders({"o": ORDER})
    assert isinstance(one, Liquidation)
    assert (one.instrument, one.price, one.quantity, one.event_time) == ("BTC-P", Decimal(101), Decimal(2), AT)


@pytest.mark.parametrize("odd", [{}, {"o": None}, {"o": {}}, {"o": []}, {"o": {**ORDER, "ap": None}}])
def test_a_row_whose_inner_object_or_a_field_of_it_is_gone_is_odd_and_costs_itself(odd: dict[str, Any]) -> None:
    good, *rest = orders({"o": ORDER}, odd)
    assert isinstance(good, Liquidation)
    assert [(type(one), one.count) for one in rest] == [(OddRows, 1)]


def test_the_orders_own_price_and_size_count_where_nothing_of_it_was_filled_yet() -> None:
    for changed, price, quantity in (
        ({"ap": "0"}, "100", "2"),
        ({"z": "0"}, "101", "3"),
        ({"ap": 0, "z": 0}, "100", "3"),
    ):
        (one,) = orders({"o": {**ORDER, **changed}})
        assert (one.price, one.quantity) == (Decimal(price), Decimal(quantity))
    for broken in ({"ap": "0", "p": "0"}, {"ap": "0", "p": None}, {"z": "0", "q": ""}, {"z": "-1"}):
        with pytest.raises(Malformed):
            orders({"o": {**ORDER, **broken}})


def test_texts_with_a_part_are_passed_over_and_a_text_that_is_gone_is_not() -> None:
    ours, other = {"o": ORDER}, {"o": {**ORDER, "s": "BTC-Q"}}
    rows = d.Rows(
        says=(forced(symbol="o.s", price="o.p", size="o.q", side="o.S", at=d.Stamp("o.t")),),
        only={"o.s": d.Without("-Q")},
    )
    assert [one.instrument for one in said(rows, [ours, other, ours])] == ["BTC-P", "BTC-P"]
    assert said(rows, other) == []
    (alone,) = said(rows, ours)
    assert alone.instrument == "BTC-P"
    with pytest.raises(Malformed, match=r"\$\.o\.s: missing"):
        said(rows, {"o": {}})


def test_one_row_that_is_alone_in_its_message_is_read_as_in_a_list() -> None:
    rows = d.Rows(says=(d.Volumes(symbol="s", base="b", optional=True),))
    assert said(rows, {"s": "A", "b": 1}) == said(rows, [{"s": "A", "b": 1}])
    assert said(rows, {"s": "A"}) == said(rows, [{"s": "A"}]) == []


def test_bytes_that_are_no_text_or_nested_too_deep_are_malformed_whatever_the_rows_are() -> None:
    for rows in (d.Rows(says=(forced(),)), d.Rows(says=(forced(),), where="rows")):
        for body in (b'{"s":"\xff"}', b'{"rows":' * 100_000):
            with pytest.raises((Malformed, msgspec.DecodeError)):
                d.answer(rows)(body, CONTEXT)


def test_a_row_that_does_not_count_costs_nothing_beside_one_that_is_odd() -> None:
    rows = d.Rows(says=(forced(),), only={"type": frozenset({"liquidation"})})
    row = {"s": "BTC-P", "p": "100", "q": "3", "S": "sell", "t": MS}
    words = said(
        rows, [{"type": "fill"}, {**row, "type": "liquidation"}, {"s": 7, "type": "liquidation"}, {"type": "fill"}]
    )
    assert [type(one) for one in words] == [Liquidation, OddRows]


def test_a_kind_that_is_gone_is_odd_unless_the_declaration_says_what_that_means() -> None:
    declared: dict[str, Any] = {"symbol": "s", "split": "-", "kind": "k"}
    rows = [{"s": "A-USD", "k": "swap"}, {"s": "B-USD"}, {"s": "C-USD", "k": "option"}]
    listed, odd = said(d.Rows(says=(d.Listing(**declared, kinds={"swap": Market.PERP}),)), rows)
    assert isinstance(listed, InstrumentsListed)
    assert [one.symbol for one in listed.instruments] == ["A-USD"]
    assert (odd.reason, odd.count) == (MalformedReason.STATE, 1)
    (listed,) = said(d.Rows(says=(d.Listing(**declared, kinds={"swap": Market.PERP, None: Market.FUTURE}),)), rows)
    assert [one.market for one in listed.instruments] == [Market.PERP, Market.FUTURE]
