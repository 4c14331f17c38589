"""What the engine makes of rows about a venue itself: listings, states, wallets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from probes import dialect as d
from probes.readings import (
    Instrument,
    InstrumentsListed,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    ServiceState,
    ServiceStatus,
    VenueId,
)
from probes.venue import (
    Malformed,
    OddRows,
)
from tests.probes.dialect.test_engine import AT, CONTEXT, MS, said


def test_a_listing_has_markets_by_its_own_words_and_passes_other_kinds_over() -> None:
    declared = d.Listing(
        symbol="s", split="-", kind="k", kinds={"swap": Market.PERP}, contract_size="c", inverse="i",
        inverse_is=frozenset({"yes"}), trading="t", trading_is=frozenset({"live"}),
    )  # fmt: skip
    rows = [
        {"s": "BTC-USD", "k": "swap", "c": "0.1", "i": "yes", "t": "live"}, {"s": "BTC-OPT", "k": "option"},
        {"s": "ETH-USD", "k": "swap", "c": -1, "t": "live"}, {"s": "-", "k": "swap", "c": "1", "t": "live"},
    ]  # fmt: skip
    listed, *odd = said(d.Rows(says=(declared,)), rows)
    assert listed == InstrumentsListed(
        venue=VenueId("made"), received_at=CONTEXT.received_at,
        instruments=(
            Instrument(symbol="BTC-USD", base="BTC", quote="USD", market=Market.PERP, contract_size=Decimal("0.1"), inverse=True),
        ),
    )  # fmt: skip
    assert [(one.reason, one.count) for one in odd] == [(MalformedReason.SIZE, 1), (MalformedReason.NAME, 1)]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"t": "live", "c": "2"}, True),
        ({"t": "off", "c": "0"}, False),
        ({"c": "2"}, MalformedReason.STATE),
        ({"t": "", "c": "2"}, MalformedReason.STATE),
        ({"t": "paused", "c": "2"}, MalformedReason.STATE),
        ({"t": "live"}, MalformedReason.SIZE),
        ({"t": "live", "c": "0"}, MalformedReason.SIZE),
    ],
)
def test_a_contract_whose_size_or_state_nobody_says_is_not_listed(
    row: Mapping[str, Any], found: bool | MalformedReason
) -> None:
    declared = d.Listing(
        symbol="s",
        split="-",
        contract_size="c",
        trading="t",
        trading_is=frozenset({"live"}),
        trading_not=frozenset({"off"}),
    )
    good = {"s": "BTC-USD", "c": "1", "t": "live"}
    listed, *odd = said(d.Rows(says=(declared,)), [good, {"s": "ETH-USD", **row}])
    assert isinstance(listed, InstrumentsListed)
    if isinstance(found, bool):
        assert [one.trading for one in listed.instruments] == [True, found]
    else:
        assert len(listed.instruments) == 1
        assert [one.reason for one in odd] == [found]


@pytest.mark.parametrize("word", ["unknown", "", 2, "-"])
def test_a_flag_of_trading_that_is_no_flag_neither_lists_nor_ends_a_contract(word: object) -> None:
    declared = d.Listing(symbol="s", split="-", trading="t", trading_is=frozenset({True}))
    rows = [{"s": "BTC-USD", "t": True}, {"s": "ETH-USD", "t": False}, {"s": "SOL-USD", "t": word}]

    listed, *odd = said(d.Rows(says=(declared,), market=Market.SPOT), rows)

    assert [(one.symbol, one.trading) for one in listed.instruments] == [("BTC-USD", True), ("ETH-USD", False)]
    assert [(one.reason, one.count) for one in odd] == [(MalformedReason.STATE, 1)]


def test_a_list_of_states_of_which_one_cannot_be_read_never_says_that_all_is_well() -> None:
    declared = d.Statuses(
        state="w", states={"on": ServiceState.MAINTENANCE, "fine": ServiceState.OPERATIONAL, "done": None}
    )
    rows = d.Rows(says=(declared,))
    for good in ("done", "fine"):
        assert [type(one) for one in said(rows, [{"w": good}, {"w": "?"}])] == [OddRows]
    assert [type(one) for one in said(rows, [{"w": "on"}, {"w": "?"}])] == [ServiceStatus, OddRows]


def test_a_state_says_of_which_part_of_the_venue_it_is() -> None:
    declared = d.Statuses(state="w", states={"on": ServiceState.MAINTENANCE}, healthy=None, service="spot")
    assert [one.service for one in said(d.Rows(says=(declared,)), {"w": "on"})] == ["spot"]
    named = d.Rows(says=(d.Statuses(state="w", states={"on": ServiceState.MAINTENANCE}, healthy=None, service_at="n"),))
    assert [one.service for one in said(named, [{"w": "on", "n": "x" * 100}])] == ["x" * 64]
    for nameless in ({"w": "on"}, {"w": "on", "n": ""}, {"w": "on", "n": 7}):
        with pytest.raises(Malformed, match="missing"):
            said(named, nameless)


def test_one_row_of_several_that_a_function_makes_costs_itself() -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),), unfold=lambda row: row["inner"])
    words = said(rows, [{"inner": [{"s": "A", "m": 1}, {"s": 7, "m": 1}, {"s": "B", "m": 2}]}])
    assert [type(one) for one in words] == [MarkPrice, MarkPrice, OddRows]


def test_a_venue_that_declares_nothing_now_is_healthy_and_windows_to_come_say_nothing_of_now() -> None:
    declared = d.Statuses(
        state="w", states={"on": ServiceState.MAINTENANCE, "done": None}, announced=frozenset({"planned"}), title="n",
        begins=d.Stamp("b"), planned="p", planned_is=frozenset({1}),
    )  # fmt: skip
    rows = d.Rows(says=(declared,))

    def states(*given: Mapping[str, Any]) -> list[tuple[ServiceState, bool]]:
        return [(one.state, one.planned) for one in said(rows, list(given)) if isinstance(one, ServiceStatus)]

    assert states() == [(ServiceState.OPERATIONAL, False)]
    assert states({"w": "done"}) == [(ServiceState.OPERATIONAL, False)]
    assert states({"w": "on", "p": 1, "n": "t", "b": MS}) == [(ServiceState.MAINTENANCE, True)]
    assert states({"w": "planned", "b": MS}) == [(ServiceState.OPERATIONAL, True), (ServiceState.OPERATIONAL, False)]


def test_a_wallet_flag_that_is_left_out_is_unknown_and_an_unknown_word_is_odd() -> None:
    rows = d.Rows(says=(d.Wallets(symbol="a", network="n", deposits="d", withdrawals="w", note="x"),))
    given = [{"a": "A", "n": "N", "d": "true"}, {"a": "A", "n": "M", "w": "0", "x": "slow"}]
    unknown, noted, odd, nameless = said(rows, [*given, {"a": "A", "n": "N", "d": "?"}, {"a": "A", "d": "true"}])
    assert (unknown.deposits, unknown.withdrawals, unknown.network) == (True, None, "N")
    assert (noted.withdrawals, noted.network, noted.note) == (False, "M", "slow")
    assert isinstance(odd, OddRows)
    assert (odd.reason, nameless.reason) == (MalformedReason.STATE, MalformedReason.NAME)
    with pytest.raises(Malformed):
        d.answer(rows)(b'[{"n":"N","d":"true"}]', replace(CONTEXT, instrument=None))


def test_two_kinds_of_rows_read_one_answer_and_its_own_stamp_is_theirs() -> None:
    marks = d.Rows(where="rows", says=(d.MarkPrices(symbol="s", mark="m"),))
    interests = d.Rows(where="rows", says=(d.OpenInterests(symbol="s", size="m"),))
    body = json.dumps({"time": MS, "rows": [{"s": "A", "m": 1}]}).encode()
    both = d.answer(marks, interests)(body, CONTEXT)
    stamped = d.answer(marks, at=d.Stamp("time"))(body, CONTEXT)
    assert [type(one) for one in both] == [MarkPrice, OpenInterest]
    assert [one.event_time for one in stamped if isinstance(one, MarkPrice)] == [AT]
