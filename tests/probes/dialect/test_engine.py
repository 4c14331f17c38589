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
from probes.book import Applied, Book
from probes.readings import (
    Censoring,
    Funding,
    Instrument,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    Refusal,
    ServerTime,
    ServiceState,
    ServiceStatus,
    Side,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    Malformed,
    OddRows,
    Pong,
    ReadFrame,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
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


def test_a_row_without_a_symbol_is_the_requests_or_odd() -> None:
    rows = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),), prefix="spot:")
    assert [one.instrument for one in said(rows, [{"m": 1}, {"s": "A", "m": 1}])] == ["BTC-P", "spot:A"]
    nobody = Context(venue=VenueId("made"), check="made", received_at=AT)
    with pytest.raises(Malformed, match=r"\$\.s: missing"):
        d.answer(rows)(b'[{"m":1}]', nobody)


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


def test_a_list_of_states_of_which_one_cannot_be_read_never_says_that_all_is_well() -> None:
    declared = d.Statuses(
        state="w", states={"on": ServiceState.MAINTENANCE, "fine": ServiceState.OPERATIONAL, "done": None}
    )
    rows = d.Rows(says=(declared,))
    for good in ("done", "fine"):
        assert [type(one) for one in said(rows, [{"w": good}, {"w": "?"}])] == [OddRows]
    assert [type(one) for one in said(rows, [{"w": "on"}, {"w": "?"}])] == [ServiceStatus, OddRows]


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
    nobody = d.answer(rows)(b'[{"n":"N","d":"true"}]', Context(venue=VenueId("made"), check="made", received_at=AT))
    assert [one.asset for one in nobody if isinstance(one, WalletStatus)] == [""]


def test_two_kinds_of_rows_read_one_answer_and_its_own_stamp_is_theirs() -> None:
    marks = d.Rows(where="rows", says=(d.MarkPrices(symbol="s", mark="m"),))
    interests = d.Rows(where="rows", says=(d.OpenInterests(symbol="s", size="m"),))
    body = json.dumps({"time": MS, "rows": [{"s": "A", "m": 1}]}).encode()
    both = d.answer(marks, interests)(body, CONTEXT)
    stamped = d.answer(marks, at=d.Stamp("time"))(body, CONTEXT)
    assert [type(one) for one in both] == [MarkPrice, OpenInterest]
    assert [one.event_time for one in stamped if isinstance(one, MarkPrice)] == [AT]


BOOK = d.Books(bids="b", asks="a", one_sided=True, first_id="U", last_id="u", whole_kinds=frozenset({"snapshot"}))
CHANGE = replace(BOOK, whole_kinds=frozenset())


def book(declared: d.Books, row: Mapping[str, Any]) -> Any:
    (one,) = said(d.Rows(says=(declared,)), row)
    return one


def test_the_sequence_of_a_change_is_by_its_first_its_previous_or_its_last_id() -> None:
    by_first = book(CHANGE, {"U": "8", "u": 9.0})
    by_previous = book(d.Books(bids="b", asks="a", one_sided=True, prev_id="p", last_id="u"), {"p": 5, "u": 9})
    by_both = book(
        d.Books(bids="b", asks="a", one_sided=True, first_id="U", prev_id="p", last_id="u"), {"U": 7, "p": 5, "u": 9}
    )
    assert (by_both.first_id, by_both.prev_id) == (7, 5)
    by_last = book(d.Books(bids="b", asks="a", one_sided=True, last_id="u"), {"u": 9})
    assert [(one.first_id, one.last_id, one.prev_id) for one in (by_first, by_previous, by_last)] == [
        (8, 9, None),
        (6, 9, 5),
        (9, 9, None),
    ]


@pytest.mark.parametrize(
    "row",
    [{"U": 8}, {"u": 9}, {"U": 8, "u": 9.5}, {"U": 8, "u": True}, {"U": 8, "u": "x"},
     {"U": 8, "u": "--9"}, {"U": 8, "u": "9" * 30},
     {"U": 8, "u": 10**30}, {"U": 8, "u": 9, "b": [["nan", 1]]}],
)  # fmt: skip
def test_a_change_without_its_whole_sequence_is_malformed(row: Mapping[str, Any]) -> None:
    with pytest.raises(Malformed):
        book(CHANGE, row)


def test_a_book_whose_kind_is_not_said_is_neither_whole_nor_a_change() -> None:
    with pytest.raises(Malformed, match="neither a whole book nor a change"):
        book(BOOK, {"U": 8, "u": 9, "b": [], "a": []})


def test_a_book_in_contracts_that_are_not_listed_is_passed_over() -> None:
    declared = d.Books(symbol="s", bids="b", asks="a", one_sided=True, last_id="u", unit=d.Unit.CONTRACTS, whole=True)
    rows = d.Rows(says=(declared,))
    (one,) = said(rows, {"s": "BTC-P", "u": 1, "a": [], "b": [["100", "2", "3"]]})
    assert one.bids == [(100.0, 20.0)]
    assert said(rows, {"s": "NEW", "u": 1}) == []


def test_levels_can_be_at_any_two_positions_of_a_list() -> None:
    declared = d.Books(bids="b", asks="a", one_sided=True, level=(1, 2), last_id="u", whole=True)
    assert book(declared, {"u": 1, "b": [["new", 100, 2]], "a": [["delete", 101, 0.0, 7]]}).bids == [(100.0, 2.0)]


def test_a_book_of_which_a_side_is_not_there_is_malformed_unless_the_venue_leaves_sides_out() -> None:
    declared = d.Books(bids="b", asks="a", last_id="u", whole=True)
    broken: tuple[Mapping[str, Any], ...] = ({"b": [[100, 2]]}, {"a": []}, {"b": None, "a": []})
    for row in broken:
        with pytest.raises(msgspec.ValidationError):
            book(declared, {"u": 1, **row})
    assert book(declared, {"u": 1, "b": [], "a": []}).bids == []
    assert book(replace(declared, one_sided=True), {"u": 1, "b": [[100, 2]]}).asks == []


def test_a_book_without_numbers_is_followed_by_each_of_its_changes() -> None:
    declared = d.Books(bids="b", asks="a", one_sided=True, numbered=False, whole="w")
    followed = Book(VenueId("made"), "BTC-P")
    followed.snapshot(book(declared, {"w": True, "b": [[100, 2]]}), 0.0)
    for size in (3, 4):
        assert followed.apply(book(declared, {"b": [[100, size]]}), 1.0) is Applied.YES
    assert followed.bids == {100.0: 4.0}
    assert followed.last_id is not None, "a book with a last id is measured"


def test_a_frame_can_be_its_own_payload() -> None:
    read = d.frames(d.Frames(channel="feed", payload=""), {"mark": d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),))})
    assert [one.instrument for one in heard(read, {"feed": "mark", "s": "A", "m": 1})] == ["A"]


def test_a_ping_of_the_venue_is_answered_with_what_it_asks_for() -> None:
    pong = d.Control(path="ping", means=d.Means.REPLY, reply=lambda whole: json.dumps({"pong": whole["ping"]}))
    assert heard(frame(controls=(pong,)), {"ping": 17}) == [Reply(text='{"pong": 17}')]
    assert heard(frame(controls=(d.Control(path="ping", means=d.Means.REPLY),)), {"ping": 17}) == []


def frame(**changes: Any) -> ReadFrame:
    declared: dict[str, Any] = {
        "channel": "ch", "payload": "data", "kind": "k", "at": d.Stamp("t"),
        "controls": (
            d.Control(path="error", means=d.Means.REFUSED, code="error.code", text="error.text"),
            d.Control(path="op", values=frozenset({"sub"}), means=d.Means.ACK, text="ch"),
            d.Control(path="op", values=frozenset({"bye"}), means=d.Means.SHUTDOWN, text="why"),
            d.Control(path="op", values=frozenset({"pong"}), means=d.Means.PONG),
            d.Control(path="op", values=frozenset({"info"}), means=d.Means.NOTHING),
        ),
        "refusals": {"7": Refusal.THROTTLED},
    }  # fmt: skip
    marks = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),))
    interests = d.Rows(says=(d.OpenInterests(symbol="s", size="m"),))
    return d.frames(
        d.Frames(**{**declared, **changes}), {"book": d.Rows(says=(BOOK,)), "mark": marks, "two": (marks, interests)}
    )


def heard(read: ReadFrame, whole: Any) -> list[Any]:
    return list(read(json.dumps(whole).encode(), CONTEXT))


def test_a_frame_says_what_its_channel_carries_with_the_frames_time() -> None:
    (one,) = heard(frame(), {"ch": "mark", "t": MS, "data": [{"s": "A", "m": 1}]})
    assert (one.instrument, one.event_time) == ("A", AT)
    assert [type(one) for one in heard(frame(), {"ch": "two", "data": {"s": "A", "m": 1}})] == [MarkPrice, OpenInterest]
    assert heard(frame(), {"ch": "other", "data": []}) == []


def test_a_frames_kind_tells_a_whole_book_from_a_change() -> None:
    row = {"U": 8, "u": 9}
    assert isinstance(heard(frame(), {"ch": "book", "k": "snapshot", "data": row})[0], BookSnapshot)
    assert isinstance(heard(frame(), {"ch": "book", "k": "update", "data": row})[0], BookDelta)


def test_a_channels_text_can_hold_the_symbol_and_a_frame_can_be_unpacked_first() -> None:
    def topic(text: str) -> tuple[str, str]:
        key, _, symbol = text.partition(".")
        return key, symbol

    def unpack(raw: bytes) -> bytes:
        return raw[::-1]

    read = frame(topic=topic, unpack=unpack)
    body = json.dumps({"ch": "mark.XYZ", "data": {"m": 1}}).encode()
    assert [one.instrument for one in read(body[::-1], CONTEXT) if isinstance(one, MarkPrice)] == ["XYZ"]


def test_frames_without_news_are_acknowledgements_refusals_pongs_or_announced_endings() -> None:
    read = frame(texts={b"pong": d.Means.PONG, b"hi": d.Means.NOTHING})
    assert list(read(b"pong", CONTEXT)) == [Pong()]
    assert list(read(b"hi", CONTEXT)) == []
    assert heard(read, {"op": "sub", "ch": "mark"}) == [Ack(subject="mark")]
    assert heard(read, {"op": "pong"}) == [Pong()]
    assert heard(read, {"op": "bye", "why": "upgrade"}) == [ShutdownAnnounced(detail="upgrade")]
    assert heard(read, {"op": "info"}) == heard(read, {"op": []}) == heard(read, {}) == []
    assert heard(read, {"op": "sub", "error": {"code": 7, "text": "slow"}}) == [
        SubscriptionRefused(kind=Refusal.THROTTLED, detail="7 slow")
    ]
    assert heard(read, {"error": {"code": 8}}) == [SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail="8")]


def test_an_error_code_is_refused_by_its_table_by_the_status_or_as_unknown() -> None:
    refuse = d.refusals(
        d.Errors(
            code=("code", "errors.0.id"),
            good=frozenset({"0"}),
            text=("msg",),
            refusals={"1": Refusal.OVERLOADED, "slow": Refusal.THROTTLED},
        )
    )

    def kind(status: int, body: str) -> Refusal | None:
        refused = refuse(status, {}, body.encode(), AT)
        return None if refused is None else refused.kind

    assert kind(200, '{"code":0}') is kind(200, "[]") is kind(200, "{}") is kind(400, '{"code":"9"}') is None
    assert kind(200, '{"code":1,"msg":"busy"}') is Refusal.OVERLOADED
    assert kind(429, '{"errors":[{"id":"slow"}]}') is Refusal.THROTTLED
    assert kind(200, '{"code":9}') is Refusal.UNKNOWN_CODE
    assert not Refusal.UNKNOWN_CODE.is_ours


def test_budget_headers_count_only_together() -> None:
    usage = d.budget_headers("ip", used="used", limit="limit")
    (one,) = usage({"used": "3", "limit": "10"}, AT)
    assert (one.budget, one.used, one.limit, one.remaining) == ("ip", 3, 10, None)
    assert list(usage({"used": "3"}, AT)) == list(d.budget_headers("ip")({}, AT)) == []


def test_a_check_asks_for_each_instrument_where_its_name_is_in_the_path_or_query() -> None:
    spot = Instrument(symbol="spot:A", base="AB", quote="USDT", market=Market.SPOT)
    rows = d.Rows(says=(d.MarkPrices(mark="m"),), prefix="spot:")
    call = d.check("mark_price", "/x/{}/y", rows, 5, Market.SPOT, asset="{base}", depth="5").call(spot)
    assert (call.path, call.query) == ("/x/A/y", {"asset": "AB", "depth": "5"})
    assert d.check("mark_price", "/x", rows, 5, depth="5").call(None).query == {"depth": "5"}
    assert d.sends(lambda names, now_s: [[*names, now_s]], "spot:")([spot], AT) == [f'["A", {MS // 1000}]']


def test_a_book_may_be_one_list_of_changes_that_name_their_side() -> None:
    declared = d.Books(updates="u", level=("price", "size"), bid_is=frozenset({"bid"}), numbered=False, whole=True)
    row = {"s": "BTC-P", "u": [
        {"side": "bid", "price": "99", "size": "2"}, {"side": "offer", "price": "101", "size": 1},
        {"side": "bid", "price": "98.5", "size": "0"},
    ]}  # fmt: skip
    [found] = said(d.Rows(says=(declared,)), row)
    assert isinstance(found, BookSnapshot)
    assert (found.bids, found.asks) == ([(99.0, 2.0), (98.5, 0.0)], [(101.0, 1.0)])


def test_an_acknowledgement_names_its_topics_and_its_request_and_says_that_it_succeeded() -> None:
    control = d.Control(
        path="op",
        means=d.Means.ACK,
        names=lambda whole: whole["on"],
        id="id",
        outcome="r.s",
        outcome_is=frozenset({"ok"}),
    )
    read = frame(controls=(control,))
    assert heard(read, {"op": "sub", "on": ["a", "b"], "id": 3, "r": {"s": "ok"}}) == [
        Ack(names=("a", "b"), request="3")
    ]
    for outcome in ({"s": "no"}, {"s": None}, {"s": ["ok"]}, {}, None):
        with pytest.raises(Malformed) as caught:
            heard(read, {"op": "sub", "on": [], "r": outcome})
        assert caught.value.reason is MalformedReason.STATE


def test_a_refusal_names_its_topics_and_its_request() -> None:
    control = d.Control(path="op", means=d.Means.REFUSED, names=lambda whole: whole["on"], id="id")
    (refused,) = heard(frame(controls=(control,)), {"op": "sub", "on": ["a"], "id": "x"})
    assert (refused.names, refused.request) == (("a",), "x")
