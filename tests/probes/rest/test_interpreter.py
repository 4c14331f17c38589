"""What an exchange teaches: timing, refusal, floors, clock, listing, headroom. A declared venue and exchanges made by hand."""

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
    Market,
    Phase,
    Reading,
    Refusal,
    RequestTimed,
    ServerTime,
    VenueClock,
    VenueId,
)
from probes.rest.interpreter import AnswerReader, Slot, request_reading
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import BookSnapshot, Budget, Context, Malformed, Refused, RestCall, RestCheck, Usage, Venue

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


class Asked:
    """The ear of a declared venue whose one check reads every body as `words`, or fails with `error`."""

    def __init__(
        self, *words: Reading | BookSnapshot, error: Exception | None = None, refused: Refused | None = None,
        usage: Sequence[Usage] = (),
    ) -> None:  # fmt: skip
        self.contexts: list[Context] = []

        def read(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
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
        self.ear = AnswerReader(self.state)

    def hear(self, got: HttpExchange | None = None) -> list[Reading]:
        return self.ear.read(self.check, BTC, DUE, got or answered())[0]

    def wait_left_s(self, now: datetime) -> float:
        return self.state.budgets.wait_left_s(now.timestamp())


def only(kind: type[One], readings: Sequence[object]) -> One:
    (found,) = [one for one in readings if isinstance(one, kind)]
    return found


def test_latency_counts_from_the_slot_and_service_from_the_sending() -> None:
    first = Asked().hear()[0]
    assert isinstance(first, RequestTimed)
    assert (first.latency_s, first.service_s) == (2.5, 0.5)
    assert (first.venue, first.check, first.instrument) == ("made", "made_check", "BTC")
    assert (first.scheduled_at, first.sent_at, first.received_at) == (DUE, at(2.0), at(2.5))
    assert (first.status, first.refusal, first.censored, first.cold, first.body_bytes, first.detail) == (
        200, None, False, True, 5, ""
    )  # fmt: skip


def test_no_time_is_negative_when_our_clock_was_set_back() -> None:
    got = answered(sent_at=at(-2.0), received_at=at(-3.0))
    told = request_reading(Slot(MADE, "x", None, DUE), got, None, "")
    assert (told.latency_s, told.service_s, told.instrument) == (0.0, 0.0, None)


@pytest.mark.parametrize("kind", list(Refusal))
def test_only_a_time_out_is_a_least_value(kind: Refusal) -> None:
    told = only(RequestTimed, Asked().hear(answered(refusal=kind, detail="why", status=None, body=b"")))
    assert (told.refusal, told.censored, told.detail) == (kind, kind is Refusal.TIMEOUT, "why")


def test_an_answer_without_a_status_is_not_read() -> None:
    asked = Asked()
    asked.hear(answered(status=None))
    asked.hear(answered(refusal=Refusal.OVERSIZED))
    assert asked.contexts == []


def test_a_reader_knows_the_check_the_time_the_headers_and_the_instrument() -> None:
    asked = Asked()
    asked.state.instruments["BTC"] = BTC
    asked.hear(answered(headers={"x": "y"}))
    (context,) = asked.contexts
    assert (context.venue, context.check, context.received_at, context.instrument, context.headers) == (
        "made", "made_check", at(2.5), BTC, {"x": "y"}
    )  # fmt: skip
    assert context.instruments == {"BTC": BTC}


def test_the_dialects_word_comes_before_the_status_and_a_200_with_a_code_is_a_refusal() -> None:
    refused = Refused(Refusal.MAINTENANCE, "closed " + "x" * 300)
    told = only(RequestTimed, Asked(refused=refused).hear())
    assert (told.status, told.refusal, len(told.detail)) == (200, Refusal.MAINTENANCE, 200)
    told = only(RequestTimed, Asked(error=Refused(Refusal.OVERLOADED, "busy")).hear())
    assert (told.status, told.refusal, told.detail) == (200, Refusal.OVERLOADED, "busy")
    told = only(RequestTimed, Asked(refused=refused).hear(answered(status=500)))
    assert told.refusal is Refusal.MAINTENANCE


@pytest.mark.parametrize("error", [Malformed("$.a" + "b" * 300), msgspec.DecodeError("d" * 300)])
def test_what_cannot_be_read_is_malformed_and_its_path_is_cut(error: Exception) -> None:
    told = only(RequestTimed, Asked(error=error).hear())
    assert (told.refusal, len(told.detail)) == (Refusal.MALFORMED, 200)
    assert str(error).startswith(told.detail)


def test_a_status_alone_gives_the_kind_and_says_which_status() -> None:
    told = only(RequestTimed, Asked().hear(answered(status=502)))
    assert (told.refusal, told.detail) == (Refusal.OVERLOADED, "HTTP 502")


def test_what_is_refused_says_nothing_else() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(2.5), event_time=DUE, resolution_s=0.0)
    readings = Asked(server_time).hear(answered(status=500))
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
def test_a_retry_after_a_reset_or_a_bans_end_is_waited_for(
    refused: Refused, headers: dict[str, str], wait_left_s: float
) -> None:
    asked = Asked(refused=refused)
    asked.hear(answered(headers=headers))
    assert asked.wait_left_s(at(2.5)) == pytest.approx(wait_left_s)


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
def test_a_status_no_dialect_explains_is_waited_for_as_its_header_says(
    status: int, headers: dict[str, str], wait_left_s: float
) -> None:
    asked = Asked()
    asked.hear(answered(status=status, headers=headers))
    assert asked.wait_left_s(at(2.5)) == pytest.approx(wait_left_s)


def test_a_refusal_found_while_reading_is_waited_for_too() -> None:
    asked = Asked(error=Refused(Refusal.THROTTLED))
    asked.hear()
    assert asked.wait_left_s(at(2.5)) == 5.0


def test_what_the_headers_say_of_a_budget_is_learnt_even_from_a_refusal() -> None:
    asked = Asked(usage=[Usage(budget="ip", used=60, limit=200)])
    told = only(Headroom, asked.hear(answered(status=500)))
    assert (told.used, told.limit, told.left, told.declared, told.received_at) == (60, 200, 0.7, True, at(2.5))


def test_headroom_is_told_at_most_every_five_seconds() -> None:
    asked = Asked()
    seconds = (10.0, 11.0, 14.9, 15.0, 19.9, 20.5)
    counts = [sum(isinstance(one, Headroom) for one in asked.hear(answered(received_at=at(when)))) for when in seconds]
    assert counts == [1, 0, 0, 1, 0, 1]


def test_a_server_time_sets_the_clock_by_the_time_on_the_wire_only() -> None:
    """Connecting is no part of the round trip: sent, waited and received is 0.2 s of the 5 s, so the bound is 0.1 s."""
    phases = (phase("resolve", 1.0), phase("connect", 2.0), phase("tls", 1.8), phase("send", 0.05), phase("wait", 0.1),
              phase("receive", 0.05))  # fmt: skip
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(12.9), resolution_s=0.0)
    asked = Asked(server_time)
    readings = asked.hear(answered(sent_at=at(5.0), received_at=at(10.0), phases=phases))
    clock = only(VenueClock, readings)
    assert (clock.offset_s, clock.bound_s) == pytest.approx((3.0, 0.1), abs=1e-6)
    assert (clock.venue, clock.received_at, clock.samples, clock.origin) == ("made", at(10.0), 1, "rest")
    assert [type(one) for one in readings] == [RequestTimed, ServerTime, VenueClock, Headroom]


def test_a_cold_connection_gives_the_clock_the_same_bound_as_a_used_one() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(10.0), resolution_s=0.0)
    used = (phase("send", 0.1), phase("wait", 0.2), phase("receive", 0.1))
    for phases in (used, (phase("resolve", 3.0), *used), (phase("connect", 3.0), *used), (phase("tls", 3.0), *used)):
        clock = only(VenueClock, Asked(server_time).hear(answered(received_at=at(10.0), phases=phases)))
        assert (clock.offset_s, clock.bound_s) == pytest.approx((0.2, 0.2), abs=1e-6)


def test_a_stamp_in_whole_seconds_widens_the_bound_by_half_a_second() -> None:
    server_time = ServerTime(venue=MADE, received_at=at(10.0), event_time=at(12.0), resolution_s=1.0)
    clock = only(VenueClock, Asked(server_time).hear(answered(received_at=at(10.0), phases=(phase("wait", 0.2),))))
    assert clock.bound_s == pytest.approx(0.6, abs=1e-6)
    assert clock.offset_s == pytest.approx(2.6, abs=1e-6)


def test_a_listing_is_known_to_every_later_reader_and_a_newer_one_replaces_what_it_names() -> None:
    asked = Asked(InstrumentsListed(venue=MADE, received_at=DUE, instruments=(BTC,)))
    asked.state.instruments["BTC"] = replace(BTC, trading=False)
    asked.state.instruments["ETH"] = replace(BTC, symbol="ETH")
    asked.hear()
    assert asked.state.instruments == {"BTC": BTC, "ETH": replace(BTC, symbol="ETH")}


def test_a_book_is_given_apart_from_the_readings() -> None:
    asked = Asked(BOOK)
    readings, snapshot = asked.ear.read(asked.check, None, DUE, answered())
    assert snapshot == BOOK
    assert [type(one) for one in readings] == [RequestTimed, Headroom]
    assert only(RequestTimed, readings).instrument is None
    assert Asked().ear.read(asked.check, None, DUE, answered(status=500))[1] is None
