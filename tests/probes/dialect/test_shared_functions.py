"""Functions that several venues share: checked words and amounts, rows by name, names in a control, checksums of frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from probes import dialect as d
from probes.dialect import decode
from probes.readings import MalformedReason, Refusal, VenueId, WalletStatus
from probes.venue import BookChecksum, Context, Malformed, OddRows

CONTEXT = Context(venue=VenueId("one"), check="x", received_at=datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: decode.one_of("sell", ("buy",), "$.side"), "$.side: 'sell' is not allowed"),
        (lambda: decode.above_zero("0", "$.price"), "$.price: not above zero"),
        (lambda: decode.above_zero("-1e-9", "$.price"), "$.price: not above zero"),
        (lambda: decode.above_zero(None, "$.price"), "$.price: missing"),
    ],
)
def test_a_word_or_amount_that_cannot_be_is_malformed(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(Malformed, match=said.replace("$", r"\$")):
        call()


def test_a_good_word_or_amount_is_itself_and_the_reason_is_the_callers() -> None:
    assert decode.one_of("buy", ("buy", "sell"), "$.side") == "buy"
    assert decode.above_zero("0.10", "$.price") == Decimal("0.10")
    with pytest.raises(Malformed) as failed:
        decode.above_zero(0, "$.price", MalformedReason.PRICE)
    assert failed.value.reason is MalformedReason.PRICE


def test_of_two_families_of_codes_the_one_with_more_before_its_star_counts() -> None:
    kind_of = d.meaning({"E*": Refusal.VENUE_ERROR, "E:Busy*": Refusal.OVERLOADED, "E:Busy now": Refusal.MAINTENANCE})
    assert [kind_of(one) for one in ("E:x", "E:Busy:1", "E:Busy now", "F")] == [
        Refusal.VENUE_ERROR, Refusal.OVERLOADED, Refusal.MAINTENANCE, None
    ]  # fmt: skip


def test_rows_that_are_the_values_of_an_object_are_read_and_an_odd_one_costs_itself() -> None:
    read = d.values(d.rows(d.Wallets(symbol="a", deposits="in", withdrawals="out")))
    body = {"result": {"X1": {"a": "BTC", "in": True, "out": False}, "X2": {"a": "ETH", "in": "?", "out": True}}}
    said = read(json.dumps(body).encode(), CONTEXT)
    assert [(one.asset, one.deposits, one.withdrawals) for one in said if isinstance(one, WalletStatus)] == [
        ("BTC", True, False)
    ]
    assert [one.count for one in said if isinstance(one, OddRows)] == [1]


@pytest.mark.parametrize(
    ("frame", "names"),
    [({"result": ["a", 1, "b"]}, ["a", "b"]), ({"result": None}, []), ({}, []), ({"result": "a"}, [])],
)
def test_the_names_of_a_control_are_the_texts_of_a_list(frame: Any, names: list[str]) -> None:
    assert d.names_at("result")(frame) == names


BOOKS = d.frames(
    d.Frames(kind="type"),
    {"book": d.rows(d.Books(symbol="symbol", bids="bids", asks="asks", level=("price", "qty"), whole=True))},
)
ROW = '{"symbol":"BTC","bids":[{"price":10.50,"qty":1.00}],"asks":[],"checksum":%s}'
FRAME = '{"channel":"book","type":"snapshot","data":[%s]}'


def framed(checksum: str) -> bytes:
    return (FRAME % (ROW % checksum)).encode()


def test_the_checksum_of_a_frame_follows_its_book_with_all_digits_of_its_levels() -> None:
    read = d.checksummed(BOOKS, level=("price", "qty"))
    _, checksum = read(framed("123"), CONTEXT)
    assert checksum == BookChecksum(instrument="BTC", checksum=123, bids=[(10.5, "10.50", "1.00")], asks=[])
    assert read(b'{"channel":"else","data":[]}', CONTEXT) == BOOKS(b'{"channel":"else","data":[]}', CONTEXT)


@pytest.mark.parametrize(
    ("checksum", "said"),
    [("1.5", "no whole number"), ("null", "TypeError"), ("[]", "TypeError"), ("99999999999999999999", "checksum")],
)
def test_a_checksum_that_is_none_makes_the_frame_malformed(checksum: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        d.checksummed(BOOKS, level=("price", "qty"))(framed(checksum), CONTEXT)
