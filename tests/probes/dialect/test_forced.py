"""The usual frame of a forced order is read by one compiled function, and means what the careful reader says of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import dialect as d
from probes.dialect import foreseen
from probes.dialect.forced import usual
from probes.readings import Censoring, Liquidation, Side, VenueId
from probes.venue import Context, ReadFrame
from tests.probes.cases import BROKEN

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONTEXT = Context(venue=VenueId("made"), check="made", received_at=NOW)
FRAME = d.Frames(channel="stream")
SAID = d.Liquidations(
    symbol="o.s", side="o.S", sides={"SELL": Side.LONG, "BUY": Side.SHORT, "NET": None}, price="o.ap", size="o.z",
    order_price="o.p", order_size="o.q", at=d.Stamp("o.T"), censoring=Censoring.LATEST_PER_SECOND,
)  # fmt: skip
ONLY: dict[str, Any] = {"st": frozenset({None, 1}), "o.s": d.Without("USD_")}
ROWS = d.rows(SAID, only=ONLY)
ORDER = {"s": "BTCUSDT", "S": "SELL", "q": "2", "p": "90", "ap": "100.5", "z": "1.50", "T": 1_793_491_200_123}


def raw(order: Any = None, **beside: Any) -> bytes:
    return json.dumps(
        {"stream": "!orders", "data": {"e": "forceOrder", "o": ORDER if order is None else order, **beside}}
    ).encode()


def outcome(read: ReadFrame, frame: bytes) -> Any:
    try:
        return list(read(frame, CONTEXT))
    except BROKEN as error:
        return type(error).__name__, str(error)


def both(frame: bytes) -> Any:
    """What a frame means after one usual frame; the same as by the careful way, which nothing is foreseen for."""
    read = d.frames(FRAME, {"!orders": ROWS})
    read(raw(), CONTEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foreseen, "MAX_STARTS", 0)
        by_head = d.frames(FRAME, {"!orders": ROWS})
        careful = [outcome(by_head, frame) for _ in range(2)]
    said = outcome(read, frame)
    assert [said, said] == careful
    return said


def test_a_usual_forced_order_is_read_in_full() -> None:
    assert both(raw()) == [
        Liquidation(
            venue=VenueId("made"), instrument="BTCUSDT", received_at=NOW,
            event_time=datetime(2026, 11, 1, 0, 0, 0, 123_000, tzinfo=UTC), side=Side.LONG, price=Decimal("100.5"),
            quantity=Decimal("1.50"), notional_usd=Decimal("150.750"), censoring=Censoring.LATEST_PER_SECOND,
        )
    ]  # fmt: skip


def test_the_second_usual_frame_costs_at_most_three_calls() -> None:
    read = d.frames(FRAME, {"!orders": ROWS})
    frame, calls = raw(), 0
    read(frame, CONTEXT)

    def called(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(called)
    try:
        said = read(frame, CONTEXT)
    finally:
        sys.setprofile(None)
    assert len(said) == 1
    assert calls <= 3


@pytest.mark.parametrize(
    "changed",
    [
        {"ap": 100.5}, {"ap": "0"}, {"z": "0"}, {"ap": "0", "p": "0"}, {"ap": "-1"}, {"ap": "1e41"}, {"ap": "1e40"},
        {"z": "1e-41"}, {"z": "1e-40"}, {"ap": "NaN"}, {"ap": "sNaN"}, {"ap": "Infinity"}, {"ap": "x"}, {"ap": ""},
        {"ap": None}, {"ap": True},
        {"ap": [1]}, {"z": " 1 "}, {"S": "sell"}, {"S": ""}, {"S": "NET"}, {"S": None}, {"S": 1}, {"s": ""}, {"s": None},
        {"s": "BTCUSD_PERP"}, {"s": 7}, {"T": "1793491200123"}, {"T": 0}, {"T": -5}, {"T": None}, {"T": 1.5},
        {"T": 1_793_491_200}, {"T": 7_258_118_400_000}, {"T": 7_258_118_400_001}, {"T": 2**63}, {"T": 2**70},
        {"T": True}, {"extra": {"deep": []}},
    ],
)  # fmt: skip
def test_an_unusual_forced_order_means_what_the_careful_way_says(changed: dict[str, Any]) -> None:
    both(raw({**ORDER, **changed}))
    for name in changed.keys() & ORDER.keys():
        both(raw({key: value for key, value in ORDER.items() if key != name}))


@pytest.mark.parametrize(
    "frame", [raw(st=1), raw(st=2), raw(st="2"), raw([]), raw([ORDER]), raw("x"), b'{"stream":"!orders"}']
)
def test_a_row_that_does_not_count_and_a_frame_of_another_form_mean_the_same_both_ways(frame: bytes) -> None:
    both(frame)


def test_rows_that_do_not_count_say_nothing() -> None:
    assert both(raw(st=2)) == both(raw({**ORDER, "s": "BTCUSD_PERP"})) == []


@settings(deadline=None)
@given(stamps=st.lists(st.integers(1, 7_258_118_400_000), min_size=1, max_size=5))
def test_each_stamp_is_its_own_moment_to_the_millisecond(stamps: list[int]) -> None:
    read = d.frames(FRAME, {"!orders": ROWS})
    read(raw(), CONTEXT)
    for stamp in stamps:
        [said] = read(raw({**ORDER, "T": stamp}), CONTEXT)
        assert isinstance(said, Liquidation)
        assert said.event_time == datetime.fromtimestamp(stamp // 1000, UTC).replace(microsecond=stamp % 1000 * 1000)


def test_a_channel_whose_first_frame_is_unusual_is_read_the_careful_way() -> None:
    read = d.frames(FRAME, {"!orders": ROWS})
    for _ in range(3):
        [said] = read(raw({**ORDER, "ap": 7}), CONTEXT)
        assert isinstance(said, Liquidation)
        assert said.price == 7


@pytest.mark.parametrize(
    "frame",
    [FRAME, replace(FRAME, kind="type"), replace(FRAME, symbol="s")],
)
@pytest.mark.parametrize(
    "rows",
    [
        ROWS, d.rows(SAID, prefix="spot:"), d.rows(SAID, where="inner"), d.rows(SAID, SAID), d.rows(SAID, each="rows"),
        d.rows(replace(SAID, unit=d.Unit.QUOTE)), d.rows(replace(SAID, at=d.Stamp("o.T", d.Clock.S))),
        d.rows(replace(SAID, at=None)), d.rows(replace(SAID, side=("o.S", "o.x"))), d.rows(replace(SAID, side=None)),
        d.rows(replace(SAID, price=("o.ap", "o.p"))), d.rows(d.MarkPrices(mark="m")),
    ],
)  # fmt: skip
def test_only_the_plain_form_is_compiled(frame: d.Frames, rows: d.Rows) -> None:
    assert (usual(frame, rows) is not None) is (frame is FRAME and rows is ROWS)


def test_an_odd_order_in_contracts_is_malformed_although_its_channel_is_foreseen() -> None:
    read = d.frames(FRAME, {"!orders": d.rows(replace(SAID, unit=d.Unit.CONTRACTS))})
    assert read(raw(), CONTEXT) == read(raw(), CONTEXT) == [], "of a contract that is not listed"
    with pytest.raises(BROKEN):
        read(raw("x"), CONTEXT)
