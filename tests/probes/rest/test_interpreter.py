"""What an exchange gives: timing, refusal, floors, clock, listing, headroom. A declared venue, exchanges written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest

from probes.readings import (
    Headroom,
    Instrument,
    InstrumentsListed,
    MalformedReason,
    Market,
    MarkPrice,
    Phase,
    Reading,
    Refusal,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    VenueClock,
    VenueId,
)
from probes.rest.interpreter import AnswerReader, Slot, request_reading
from probes.rest.priority import Priority
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import BookSnapshot, Budget, Context, Malformed, OddRows, Refused, RestCall, RestCheck, Usage, Venue

One = TypeVar("One")
MADE = VenueId("made")
DUE = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
BOOK = BookSnapshot(instrument="BTC", last_id=7, event_time=None, bids=[(1.0, 1.0)], asks=[(2.0, 1.0)])


def at(seconds: float) -> datetime:
    return DUE + timedelta(seconds=seconds)


def phase(name: str, seconds: float) -> Phase:
    return Phase(name=name, started_at=DUE, duration_s=seconds)


def answered(**changed: Any) -> HttpExchange:
    """Sent two seconds after it was due, answered half a second later."""
    usual = HttpExchange(
        sent_at=at(2.0),
        received_at=at(2.5),
        phases=(),
        cold=True,
        status=200,
        headers={},
        body=b"12345",
        refusal=None,
        detail="",
    )
    return replace(usual, **changed)


class ScriptedCheck:
    """The answer reader of a declared venue whose one check decodes every body to `words`, or fails with `error`."""

    def __init__(
        self, *words: Reading | BookSnapshot | OddRows, error: Exception | None = None, refused: Refused | None = None,
        usage: Sequence[Usage] = (),
    ) -> None:  # fmt: skip
        self.contexts: list[Context] = []

        def read(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot | OddRows]:
            self.contexts.append(context)
            if error is not None:
                raise error
            return words

        self.check = RestCheck(name="made_check", call=lambda _one: RestCall(path="/"), read=read, every_s=1.0)
        venue = Venue(
            id=MADE, title="", docs="", hosts={}, budgets=(Budget(name="ip", limit=100, window_s=60),),
            checks=(self.check,), feeds=(), refuse=lambda *_: refused, usage=lambda *_: usage,
        )  # fmt: skip
        self.state = VenueState(venue)
        self.reader = AnswerReader(self.state)

    def read_answer(self, got: HttpExchange | None = None) -> list[Reading]:
        return self.reader.read(self.check, BTC, DUE, got or answered())[0]

    def wait_left_s(self, now: datetime) -> float:
        return self.state.budgets.wait_left_s(now.timestamp())


def only(kind: type[One], readings: Sequence[object]) -> One:
    (found,) = [one for one in readings if isinstance(one, kind)]
    return found


def test_latency_counts_from_the_slot_and_service_from_the_sending() -> None:
    first = ScriptedCheck().read_answer()[0]
    assert isinstance(first, RequestTimed)
    assert (first.latency_s, first.service_s) == (2.5, 0.5)
    assert (first.venue, first.check, first.instrument) == ("made", "made_check", "BTC")
    assert (first.scheduled_at, first.sent_at, first.received_at) == (DUE, at(2.0), at(2.5))
    assert (first.status, first.refusal, first.censored, first.cold, first.body_bytes, first.detail) == (
        200, None, False, True, 5, ""
    )  # fmt: skip


def test_odd_rows_of_a_good_answer_are_counted_under_the_checks_name() -> None:
    clock = ServerTime(venue=MADE, received_at=at(2.5), event_time=at(2.0), resolution_s=0.001)
    odd = OddRows(reason=MalformedReason.PRICE, path="$.p: missing", count=3)
    readings = ScriptedCheck(clock, odd).read_answer()
    assert only(RequestTimed, readings).refusal is None
    assert clock in readings
    damage = only(RowsMalformed, readings)
    assert (damage.venue, damage.check, damage.reason) == (MADE, "made_check", MalformedReason.PRICE)
    assert (damage.path, damage.count, damage.received_at) == ("$.p: missing", 3, at(2.5))


def test_no_time_is_negative_when_our_clock_was_set_back() -> None:
    got = answered(sent_at=at(-2.0), received_at=at(-3.0))
    timing = request_reading(Slot(MADE, "x", None, DUE), got, None, "")
    assert (timing.latency_s, timing.service_s, timing.instrument) == (0.0, 0.0, None)


@pytest.mark.parametrize("kind", list(Refusal))
def test_only_a_timeout_gives_a_censored_value(kind: Refusal) -> None:
    timing = only(
        RequestTimed, ScriptedCheck().read_answer(answered(refusal=kind, detail="why", status=None, body=b""))
    )
    assert (timing.refusal, timing.censored, timing.detail) == (kind, kind is Refusal.TIMEOUT, "why")


def test_an_answer_without_a_status_or_with_a_failure_is_not_read() -> None:
    check = ScriptedCheck()
    check.read_answer(answered(status=None))
    check.read_answer(answered(refusal=Refusal.OVERSIZED))
    assert check.contexts == []


def test_a_reader_knows_the_check_the_time_the_headers_and_the_instrument() -> None:
    check = ScriptedCheck()
    check.state.instruments["BTC"] = BTC
    check.read_answer(answered(headers={"x": "y"}))
    (context,) = check.contexts
    assert (context.venue, context.check, context.received_at, context.instrument, context.headers) == (
        "made", "made_check", at(2.5), BTC, {"x": "y"}
    )  # fmt: skip
    assert context.instruments == {"BTC": BTC}


def test_the_dialect_overrides_the_status_and_a_200_with_an_error_code_is_a_refusal() -> None:
    refused = Refused(Refusal.MAINTENANCE, "closed " + "x" * 300)
    timing = only(RequestTimed, ScriptedCheck(refused=refused).read_answer())
    assert (timing.status, timing.refusal, len(timing.detail)) == (200, Refusal.MAINTENANCE, 200)
    timing = only(RequestTimed, ScriptedCheck(error=Refused(Refusal.OVERLOADED, "busy")).read_answer())
    assert (timing.status, timing.refusal, timing.detail) == (200, Refusal.OVERLOADED, "busy")
    timing = only(RequestTimed, ScriptedCheck(refused=refused).read_answer(answered(status=500)))
    assert timing.refusal is Refusal.MAINTENANCE


@pytest.mark.parametrize("error", [Malformed("$.a" + "b" * 300), msgspec.DecodeError("d" * 300)])
def test_an_unreadable_body_is_malformed_and_its_path_is_shortened(error: Exception) -> None:
    timing = only(RequestTimed, ScriptedCheck(error=error).read_answer())
    assert (timing.refusal, len(timing.detail)) == (Refusal.MALFORMED, 200)
    assert str(error).startswith(timing.detail)


def test_a_status_alone_gives_the_kind_and_says_which_status() -> None:
    timing = only(RequestTimed, ScriptedCheck().read_answer(answered(status=502)))
    assert (timing.refusal, timing.detail) == (Refusal.OVERLOADED, "HTTP 502")


@pytest.mark.parametrize("status", [200, 301, 404])
def test_a_page_of_maintenance_on_a_documented_path_is_the_venues_maintenance(status: int) -> None:
    page = b"<!doctype html><html><title>System under maintenance</title></html>"
    timing = only(RequestTimed, ScriptedCheck().read_answer(answered(status=status, body=page)))
    assert timing.refusal is Refusal.MAINTENANCE
    assert not timing.refusal.is_ours


def test_a_redirect_without_such_a_page_says_nothing_about_the_venue() -> None:
    timing = only(RequestTimed, ScriptedCheck().read_answer(answered(status=301, body=b"moved")))
    assert (timing.refusal, timing.detail) == (Refusal.REDIRECTED, "HTTP 301, redirect refused")


def test_a_refused_answer_gives_no_other_readings() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(2.5), event_time=DUE, resolution_s=0.0)
    readings = ScriptedCheck(server_time).read_answer(answered(status=500))
    assert [type(one) for one in readings] == [RequestTimed, Headroom]


@pytest.mark.parametrize(
    ("refused", "headers", "wait_left_s"),
    [
        (Refused(Refusal.THROTTLED), {"retry-after": "30"}, 30.0),
        (Refused(Refusal.BANNED), {"retry-after": "30"}, 30.0),
        (Refused(Refusal.THROTTLED), {}, 5.0),
        (Refused(Refusal.BANNED), {}, 120.0),
        (Refused(Refusal.THROTTLED, retry_after_s=11.0), {"retry-after": "30"}, 11.0),
        (Refused(Refusal.THROTTLED, until=at(22.5)), {}, 20.0),
        (Refused(Refusal.BANNED, until=at(3.5)), {}, 1.0),
        (Refused(Refusal.THROTTLED, until=at(22.5)), {"retry-after": "30"}, 30.0),
        (Refused(Refusal.BANNED, until=at(62.5)), {"retry-after": "30"}, 60.0),
        (Refused(Refusal.OVERLOADED), {}, 0.0),
        (Refused(Refusal.OVERLOADED, retry_after_s=7.0), {}, 7.0),
        (Refused(Refusal.OVERLOADED, until=at(12.5)), {}, 10.0),
        (Refused(Refusal.UNAUTHORIZED), {}, 0.0),
    ],
)
def test_a_retry_after_header_a_reset_time_and_a_ban_end_set_the_wait(
    refused: Refused, headers: dict[str, str], wait_left_s: float
) -> None:
    check = ScriptedCheck(refused=refused)
    check.read_answer(answered(headers=headers))
    assert check.wait_left_s(at(2.5)) == pytest.approx(wait_left_s)


@pytest.mark.parametrize(
    ("status", "headers", "wait_left_s"),
    [
        (429, {"retry-after": "30"}, 30.0),
        (429, {}, 5.0),
        (418, {}, 120.0),
        (503, {"retry-after": "40"}, 40.0),
        (503, {}, 0.0),
        (200, {"retry-after": "40"}, 0.0),
    ],
)
def test_the_retry_after_header_sets_the_wait_of_a_status_unknown_to_the_dialect(
    status: int, headers: dict[str, str], wait_left_s: float
) -> None:
    check = ScriptedCheck()
    check.read_answer(answered(status=status, headers=headers))
    assert check.wait_left_s(at(2.5)) == pytest.approx(wait_left_s)


@pytest.mark.parametrize(("headers", "tried_s"), [({}, 60.0), ({"retry-after": "200"}, 200.0)])
def test_a_page_of_a_firewall_is_left_alone_for_a_minute_or_as_long_as_it_says(
    headers: dict[str, str], tried_s: float
) -> None:
    check = ScriptedCheck()
    check.read_answer(answered(status=403, headers=headers, body=b"<html>Access denied</html>"))
    call = check.check.call(None)
    seconds = (tried_s - 0.001, tried_s)
    tried = [check.state.budgets.allows(call, Priority.STATISTICS, at(2.5 + one).timestamp()) for one in seconds]
    assert tried == [False, True]


def test_a_refusal_found_while_reading_the_body_sets_the_wait_too() -> None:
    check = ScriptedCheck(error=Refused(Refusal.THROTTLED))
    check.read_answer()
    assert check.wait_left_s(at(2.5)) == 5.0


def test_budget_headers_are_used_even_from_a_refusal() -> None:
    check = ScriptedCheck(usage=[Usage(budget="ip", used=60, limit=200)])
    timing = only(Headroom, check.read_answer(answered(status=500)))
    assert (timing.used, timing.limit, timing.left, timing.declared, timing.received_at) == (
        60,
        200,
        0.7,
        True,
        at(2.5),
    )


def test_headroom_is_reported_at_most_every_five_seconds() -> None:
    check = ScriptedCheck()
    seconds = (10.0, 11.0, 14.9, 15.0, 19.9, 20.5)
    counts = [
        sum(isinstance(one, Headroom) for one in check.read_answer(answered(received_at=at(when)))) for when in seconds
    ]
    assert counts == [1, 0, 0, 1, 0, 1]


def test_a_server_time_sets_the_clock_from_the_request_time_without_connecting() -> None:
    """Connecting is no part of the round trip: sent, waited and received is 0.2 s of the 5 s, so the bound is 0.1 s."""
    phases = (phase("resolve", 1.0), phase("connect", 2.0), phase("tls", 1.8), phase("send", 0.05), phase("wait", 0.1),
              phase("receive", 0.05))  # fmt: skip
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(12.9), resolution_s=0.0)
    check = ScriptedCheck(server_time)
    readings = check.read_answer(answered(sent_at=at(5.0), received_at=at(10.0), phases=phases))
    clock = only(VenueClock, readings)
    assert (clock.offset_s, clock.bound_s) == pytest.approx((3.0, 0.1), abs=1e-6)
    assert (clock.venue, clock.received_at, clock.samples, clock.origin) == ("made", at(10.0), 1, "rest")
    assert [type(one) for one in readings] == [RequestTimed, ServerTime, VenueClock, Headroom]


def test_a_new_connection_gives_the_clock_the_same_bound_as_a_reused_one() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(10.0), resolution_s=0.0)
    used = (phase("send", 0.1), phase("wait", 0.2), phase("receive", 0.1))
    for phases in (used, (phase("resolve", 3.0), *used), (phase("connect", 3.0), *used), (phase("tls", 3.0), *used)):
        clock = only(VenueClock, ScriptedCheck(server_time).read_answer(answered(received_at=at(10.0), phases=phases)))
        assert (clock.offset_s, clock.bound_s) == pytest.approx((0.2, 0.2), abs=1e-6)


def test_a_stamp_in_whole_seconds_widens_the_bound_by_half_a_second() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(12.0), resolution_s=1.0)
    clock = only(
        VenueClock, ScriptedCheck(server_time).read_answer(answered(received_at=at(10.0), phases=(phase("wait", 0.2),)))
    )
    assert clock.bound_s == pytest.approx(0.6, abs=1e-6)
    assert clock.offset_s == pytest.approx(2.6, abs=1e-6)


def test_a_listing_is_known_to_later_readers_and_a_newer_listing_replaces_its_instruments() -> None:
    check = ScriptedCheck(InstrumentsListed(venue=MADE, received_at=DUE, instruments=(BTC,)))
    check.state.instruments["BTC"] = replace(BTC, trading=False)
    check.state.instruments["ETH"] = replace(BTC, symbol="ETH")
    check.read_answer()
    ended = replace(BTC, symbol="ETH", trading=False)
    assert check.state.instruments == {"BTC": BTC, "ETH": ended}, "what is not listed any more is not traded any more"


def test_a_book_is_returned_separately_from_the_readings() -> None:
    check = ScriptedCheck(BOOK)
    readings, snapshot = check.reader.read(check.check, None, DUE, answered())
    assert snapshot == BOOK
    assert [type(one) for one in readings] == [RequestTimed, Headroom]
    assert only(RequestTimed, readings).instrument is None
    assert ScriptedCheck().reader.read(check.check, None, DUE, answered(status=500))[1] is None


def test_an_impossible_server_time_is_malformed_and_never_becomes_the_offset() -> None:
    slow = ServerTime(venue=MADE, received_at=at(2.5), event_time=at(3.5), resolution_s=0.001)
    for stated in (
        datetime.fromtimestamp(0, UTC),
        at(365 * 86400.0),
        datetime.fromtimestamp(DUE.timestamp() / 1000, UTC),
    ):
        check = ScriptedCheck(replace(slow, event_time=stated))
        readings = check.read_answer()
        assert only(RequestTimed, readings).refusal is Refusal.MALFORMED
        assert only(RowsMalformed, readings).reason is MalformedReason.CLOCK
        assert not [one for one in readings if isinstance(one, VenueClock)]
        assert check.state.clock_offset.best(at(2.5).timestamp()) is None
    assert only(VenueClock, ScriptedCheck(slow).read_answer()).offset_s == pytest.approx(1.0, abs=0.3)


def test_a_reading_that_cannot_be_true_costs_that_reading_alone_and_is_named() -> None:
    mark = MarkPrice(venue=MADE, instrument="BTC", received_at=at(2.5), event_time=None, mark=1.0, index=None)
    odd = OddRows(reason=MalformedReason.SHAPE, path="$[3]", count=2)

    readings = ScriptedCheck(mark, replace(mark, mark=-1.0), odd).read_answer()

    assert only(RequestTimed, readings).refusal is None
    assert only(MarkPrice, readings) == mark
    assert [(one.check, one.reason, one.path, one.count) for one in readings if isinstance(one, RowsMalformed)] == [
        ("made_check", MalformedReason.PRICE, "MarkPrice of BTC", 1),
        ("made_check", MalformedReason.SHAPE, "$[3]", 2),
    ]


def test_a_book_with_a_bid_below_zero_is_no_book() -> None:
    check = ScriptedCheck(replace(BOOK, bids=[(-5.0, 1.0)]))
    readings, snapshot = check.reader.read(check.check, BTC, DUE, answered())
    timing = only(RequestTimed, readings)
    assert snapshot is None
    assert (timing.refusal, timing.detail) == (Refusal.MALFORMED, "price: BookSnapshot of BTC")
