"""What the engine of declared venues promises of books, frames, error codes and budgets, for a venue that does not exist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from probes import dialect as d
from probes.book import Applied, Book
from probes.readings import (
    Instrument,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    Refusal,
    VenueId,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Malformed,
    Pong,
    ReadFrame,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)
from tests.probes.dialect.test_engine import AT, CONTEXT, MS, said

BOOK = d.Books(bids="b", asks="a", one_sided=True, first_id="U", last_id="u", whole_kinds=frozenset({"snapshot"}))
CHANGE = replace(BOOK, whole_kinds=frozenset())


def book(declared: d.Books, row: Mapping[str, Any]) -> Any:
    (one,) = said(d.Rows(says=(declared,)), row)
    return one


def test_the_sequence_of_a_change_is_by_its_first_its_previous_or_its_last_id() -> None:
    by_first = book(CHANGE, {"U": "8", "u": 9.0, "b": []})
    by_previous = book(d.Books(bids="b", asks="a", one_sided=True, prev_id="p", last_id="u"), {"p": 5, "u": 9, "b": []})
    by_both = book(
        d.Books(bids="b", asks="a", one_sided=True, first_id="U", prev_id="p", last_id="u"),
        {"U": 7, "p": 5, "u": 9, "b": []},
    )
    assert (by_both.first_id, by_both.prev_id) == (7, 5)
    by_last = book(d.Books(bids="b", asks="a", one_sided=True, last_id="u"), {"u": 9, "b": []})
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
    with pytest.raises((Malformed, msgspec.ValidationError)):
        book(CHANGE, row)


@pytest.mark.parametrize("row", [{"p": 5, "u": 9}, {"U": 7, "u": 9}])
def test_a_sequence_number_that_a_venue_declares_is_not_made_from_the_other_where_it_is_gone(
    row: Mapping[str, Any],
) -> None:
    both = d.Books(bids="b", asks="a", one_sided=True, first_id="U", prev_id="p", last_id="u")
    with pytest.raises(Malformed):
        book(both, row)


@pytest.mark.parametrize("figure", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("pairs", [False, True])
def test_a_level_that_is_not_finite_makes_the_book_malformed_and_pairs_are_read_as_others_are(
    figure: str, pairs: bool
) -> None:
    declared = replace(CHANGE, pairs=pairs)
    change = {"U": 8, "u": 9, "b": [["1.5", 2]]}
    assert book(declared, change) == book(CHANGE, change)
    in_contracts = replace(declared, unit=d.Unit.CONTRACTS, symbol="s")
    assert book(in_contracts, {**change, "s": "BTC-P"}).bids == [(1.5, 20.0)]
    for broken in ([[figure, 1]], [[1, figure]]):
        with pytest.raises((Malformed, msgspec.ValidationError)):
            book(declared, {**change, "b": broken})


def test_a_book_whose_kind_is_not_said_is_neither_whole_nor_a_change() -> None:
    with pytest.raises(Malformed, match="neither a whole book nor a change"):
        book(BOOK, {"U": 8, "u": 9, "b": [], "a": []})
    for word in ("partial", "Snapshot", "unknown"):
        with pytest.raises(Malformed, match="neither a whole book nor a change"):
            book(replace(BOOK, whole="k"), {"U": 8, "u": 9, "b": [], "a": [], "k": word})


def test_a_book_in_contracts_that_are_not_listed_is_passed_over() -> None:
    declared = d.Books(symbol="s", bids="b", asks="a", one_sided=True, last_id="u", unit=d.Unit.CONTRACTS, whole=True)
    rows = d.Rows(says=(declared,))
    (one,) = said(rows, {"s": "BTC-P", "u": 1, "a": [], "b": [["100", "2", "3"]]})
    assert one.bids == [(100.0, 20.0)]
    assert said(rows, {"s": "NEW", "u": 1}) == []


def test_levels_can_be_at_any_two_positions_of_a_list() -> None:
    declared = d.Books(bids="b", asks="a", one_sided=True, level=(1, 2), last_id="u", whole=True)
    assert book(declared, {"u": 1, "b": [["new", 100, 2]], "a": [["delete", 101, 0.0, 7]]}).bids == [(100.0, 2.0)]


def test_a_level_that_lost_a_place_is_malformed_where_the_venue_has_more_places_than_are_read() -> None:
    declared = d.Books(bids="b", asks="a", one_sided=True, width=3, last_id="u", whole=True)
    assert book(declared, {"u": 1, "b": [["100", "2", "1793491200"]]}).bids == [(100.0, 2.0)]
    with pytest.raises((Malformed, msgspec.ValidationError), match="length 3"):
        book(declared, {"u": 1, "b": [["2", "1793491200"]]})


def test_a_book_of_which_a_side_is_not_there_is_malformed_unless_the_venue_leaves_sides_out() -> None:
    declared = d.Books(bids="b", asks="a", last_id="u", whole=True)
    broken: tuple[Mapping[str, Any], ...] = ({"b": [[100, 2]]}, {"a": []}, {"b": None, "a": []})
    for row in broken:
        with pytest.raises(msgspec.ValidationError):
            book(declared, {"u": 1, **row})
    assert book(declared, {"u": 1, "b": [], "a": []}).bids == []
    one_sided = replace(declared, one_sided=True)
    assert book(one_sided, {"u": 1, "b": [[100, 2]]}).asks == []
    assert book(one_sided, {"u": 1, "a": [], "b": None}).bids == []
    for nothing in ({}, {"b": None, "a": None}, {"bids": [[100, 2]]}):
        with pytest.raises(Malformed, match="the other side as well"):
            book(one_sided, {"u": 1, **nothing})


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
    row = {"U": 8, "u": 9, "b": []}
    assert isinstance(heard(frame(), {"ch": "book", "k": "snapshot", "data": row})[0], BookSnapshot)
    assert isinstance(heard(frame(), {"ch": "book", "k": "update", "data": row})[0], BookDelta)


def test_a_frame_of_a_known_channel_and_an_unknown_kind_is_malformed_unless_it_is_a_control() -> None:
    read = frame(news=frozenset({"update"}))
    row = {"s": "A", "m": 1}
    assert [type(one) for one in heard(read, {"ch": "mark", "k": "update", "t": MS, "data": row})] == [MarkPrice]
    assert heard(read, {"ch": "mark", "k": "ack", "op": "sub", "data": {}}) == [Ack(subject="mark")]
    for kind in ("Update", "partial", None):
        with pytest.raises(Malformed, match="is not allowed") as caught:
            heard(read, {"ch": "mark", "k": kind, "t": MS, "data": row})
        assert caught.value.reason is MalformedReason.STATE


def test_a_channels_text_can_hold_the_symbol_and_a_frame_can_be_unpacked_first() -> None:
    def topic(text: str) -> tuple[str, str]:
        key, _, symbol = text.partition(".")
        return key, symbol

    def unpack(raw: bytes) -> bytes:
        return raw[::-1]

    read = frame(topic=topic, unpack=unpack)
    body = json.dumps({"ch": "mark.XYZ", "data": {"m": 1}}).encode()
    assert [one.instrument for one in read(body[::-1], CONTEXT) if isinstance(one, MarkPrice)] == ["XYZ"]


def test_a_list_that_nests_without_end_is_malformed() -> None:
    read = d.frames(d.Frames(channel="e", payload=""), {"mark": d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),))})
    with pytest.raises(Malformed):
        read(b'[{"x":' + b"[" * 100_000, CONTEXT)


def test_a_frame_with_or_without_its_envelope_or_a_list_of_them_means_the_same() -> None:
    marks = d.Rows(says=(d.MarkPrices(symbol="s", mark="p", at=d.Stamp("E")),))
    read = d.either(
        d.frames(
            d.Frames(
                channel="stream",
                topic=lambda name: (name.partition("@")[2], ""),
                controls=(
                    d.Control(path="result", means=d.Means.ACK, names=lambda whole: whole["result"], complete=True),
                    d.Control(path="e", values=frozenset({"bye"}), means=d.Means.SHUTDOWN),
                ),
            ),
            {"mark": marks},
        ),
        d.frames(d.Frames(channel="e", payload=""), {"mark": marks}),
    )
    event = {"e": "mark", "s": "X", "p": 1, "E": MS}
    (mark,) = heard(read, event)
    assert (mark.instrument, mark.mark, mark.event_time) == ("X", 1.0, AT)
    assert heard(read, {"stream": "x@mark", "data": event}) == [mark]
    assert heard(read, [{**event, "e": None}, event]) == [mark, mark], "the first channel that is named"
    assert heard(read, [{"e": "other"}]) == []
    assert heard(read, {"stream": "x@other", "data": event}) == []
    assert heard(read, {"result": ["x@mark"]}) == [Ack(names=("x@mark",), complete=True)]
    assert heard(read, {"e": "bye"}) == [ShutdownAnnounced()]
    for broken in (b"5", b"\xff", b'{"stream":"\xff"}', b"[" * 100_000):
        with pytest.raises((Malformed, msgspec.DecodeError)):
            read(broken, CONTEXT)
    closed = d.frames(d.Frames(), {"mark": marks})
    with pytest.raises(Malformed, match="Expected `object`, got `array`"):
        closed(b"[]", CONTEXT)
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps({"stream": "x@mark", "data": {**event, "s": 1}}).encode(), CONTEXT)


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


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("1500", 1.5), ("3600000", 3600.0), ("3600001", None), ("-1", None), ("x", None)]
)
def test_the_milliseconds_to_a_reset_are_read_up_to_an_hour(text: str, seconds: float | None) -> None:
    usage = d.budget_headers("ip", remaining="left", resets_in_ms="reset")
    (read,) = usage({"left": "3", "reset": text}, AT)
    assert read.resets_at == (None if seconds is None else AT + timedelta(seconds=seconds))


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
