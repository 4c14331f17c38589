"""What a REST client sends, charges, waits for and records. A declared venue on loopback, under a clock that the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from probes.readings import BookMeasured, FeedChanged, Instrument, Market, Reading, Refusal, RequestTimed, VenueId
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import session, tls_context
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import BookSnapshot, Budget, Context, Keys, RestCall, RestCheck, SignedRequest, Venue
from tests.probes.loopback import Answer, Loopback, in_turn, never_ending, say, serving

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
BOOK = BookSnapshot(instrument="BTC", last_id=7, event_time=None, bids=[(99.0, 1000.0)], asks=[(101.0, 1000.0)])


class Tape:
    """Stores answers in memory."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, str | None, datetime, bytes]] = []

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        self.answers.append((venue, check, path, instrument, scheduled_at, got.body))

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        raise AssertionError("nothing is listened to")

    def connection(self, change: FeedChanged) -> None:
        raise AssertionError("nothing is listened to")


def check(
    query: Mapping[str, str] | None = None, *, cost: float = 1.0, budget: str = "ip", signed: bool = False,
    path: str = "/a", body: Mapping[str, str] | None = None, words: Sequence[Reading | BookSnapshot] = (), **changed: Any,
) -> RestCheck:  # fmt: skip
    def read(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
        return words

    call = RestCall(path=path, query=query or {}, body=body, cost=cost, budget=budget, signed=signed)
    return replace(RestCheck(name="made_check", call=lambda _one: call, read=read, every_s=1.0), **changed)


def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
    return SignedRequest(query=f"t={now:%H}" if call.query else "", headers={"X-Signed-By": keys.key})


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), "tests") as one:
        yield one


def rest_client(client: aiohttp.ClientSession, served: Loopback, **given: Any) -> RestClient:
    venue = Venue(
        id=MADE, title="", docs="", hosts={"rest": "http://127.0.0.1:9"}, checks=(check(name=TIME),), feeds=(), sign=sign,
        budgets=(Budget(name="ip", limit=100, window_s=60), Budget(name="data", limit=10, window_s=60)),
    )  # fmt: skip
    return RestClient(
        VenueState(venue),
        client,
        lambda: T0,
        RestAccess(
            hosts={"rest": served.url + "/"}, keys=Keys(key="k", secret="s"), timeout_s=given.pop("timeout_s", None)
        ),
        **given,
    )


async def test_a_query_is_encoded_and_an_unsigned_call_carries_no_key(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served)
        await ours.ask(check({"symbol": "A B", "limit": "5"}), None)
        await ours.ask(check(), None)
        assert served.asked == ["/a?symbol=A+B&limit=5", "/a"]
        assert not [one for one in served.headers if "X-Signed-By" in one]


async def test_a_signed_call_carries_what_the_dialect_signed(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served)
        await ours.ask(check({"x": "y"}, signed=True), None)
        await ours.ask(check(signed=True), None)
        assert served.asked == ["/a?t=00", "/a"]
        assert [one["X-Signed-By"] for one in served.headers] == ["k", "k"]


async def test_a_call_with_a_body_is_a_post_and_the_tape_tells_it_from_others_by_its_body(
    client: aiohttp.ClientSession,
) -> None:
    tape = Tape()
    came: list[tuple[str, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        came.append((request.method, await request.read()))
        return web.Response(body=b"{}")

    async with serving({"/a": answer}) as served:
        ours = rest_client(client, served, tape=tape)
        for one in ({"type": "meta"}, {"type": "l2Book", "coin": "BTC"}):
            await ours.ask(check(body=one), None)
    assert came == [("POST", b'{"type": "meta"}'), ("POST", b'{"type": "l2Book", "coin": "BTC"}')]
    assert [one[2] for one in tape.answers] == [
        '/a {"type": "meta"}',
        '/a {"coin": "BTC", "type": "l2Book"}',
    ]


async def test_each_call_spends_its_declared_cost_from_its_named_budget(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served)
        await ours.ask(check(cost=40.0, name=TIME), None)
        await ours.ask(check(cost=3.0, budget="data"), None)
        used = {one.budget: one.used for one in ours.state.budgets.headroom(T0.timestamp(), T0)}
        assert used == {"ip": 40.0, "data": 3.0}
        for cost, refusal in ((51.0, Refusal.BUDGET), (50.0, None), (0.5, Refusal.BUDGET)):
            (timing, *_) = await ours.ask(check(cost=cost, name=TIME), None)
            assert isinstance(timing, RequestTimed)
            assert timing.refusal is refusal
        assert len(served.asked) == 3


async def test_a_request_we_hold_back_is_reported_as_our_refusal_and_is_not_recorded(
    client: aiohttp.ClientSession,
) -> None:
    tape = Tape()
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served, tape=tape)
        ours.state.budgets.wait_until(T0.timestamp() + 30, RestCall(path="/a"), T0.timestamp())
        readings, snapshot = await ours.ask_unmeasured(check(), BTC, T0 - timedelta(seconds=4))
        assert served.asked == []
    (timing,) = readings
    assert isinstance(timing, RequestTimed)
    assert snapshot is None
    assert (timing.refusal, timing.detail, timing.status, timing.censored) == (
        Refusal.BUDGET,
        "waiting 30 s after a refusal",
        None,
        False,
    )
    assert (timing.latency_s, timing.service_s, timing.instrument, timing.cold, timing.phases) == (
        4.0,
        0.0,
        "BTC",
        False,
        (),
    )
    assert tape.answers == []


async def test_an_expired_floor_is_not_given_as_a_reason(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served)
        ours.state.budgets.wait_until(T0.timestamp() - 30, RestCall(path="/a"), T0.timestamp() - 60)
        (timing, *_) = await ours.ask(check(cost=91.0), None)
    assert isinstance(timing, RequestTimed)
    assert timing.detail == "what is left of the budget is reserved"


async def test_without_a_slot_the_moment_of_the_request_is_the_slot(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("{}")}) as served:
        (timing, *_) = await rest_client(client, served).ask(check(), None)
    assert isinstance(timing, RequestTimed)
    assert (timing.scheduled_at, timing.sent_at) == (T0, T0)
    assert timing.latency_s == timing.service_s > 0


async def test_unsigned_answers_are_recorded_unchanged_and_signed_ones_are_never_recorded(
    client: aiohttp.ClientSession,
) -> None:
    tape = Tape()
    async with serving({"/a": say("one"), "/b": say("two", 503)}) as served:
        ours = rest_client(client, served, tape=tape)
        await ours.ask(check(), BTC, T0)
        await ours.ask(check(path="/b"), None, T0)
        await ours.ask(check(signed=True), None, T0)
        assert len(served.asked) == 3
    assert tape.answers == [
        ("made", "made_check", "/a", "BTC", T0, b"one"),
        ("made", "made_check", "/b", None, T0, b"two"),
    ]


@pytest.mark.parametrize("given", [{"timeout_s": 0.05}, {}])
async def test_the_operators_timeout_overrides_the_checks_own(
    client: aiohttp.ClientSession, given: dict[str, float]
) -> None:
    async with serving({"/a": say("{}", after_s=20.0)}) as served:
        (timing, *_) = await rest_client(client, served, **given).ask(check(timeout_s=30.0 if given else 0.05), None)
    assert isinstance(timing, RequestTimed)
    assert (timing.refusal, timing.censored) == (Refusal.TIMEOUT, True)
    assert 0.05 <= timing.latency_s < 15


async def test_a_check_limits_the_size_of_its_body(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say(b"x" * 100)}) as served:
        ours = rest_client(client, served)
        kinds = []
        for most in (99, 100):
            (timing, *_) = await ours.ask(check(max_bytes=most), None)
            assert isinstance(timing, RequestTimed)
            kinds.append((timing.refusal, timing.body_bytes))
    assert kinds == [(Refusal.OVERSIZED, 0), (None, 100)]


async def test_a_requested_book_is_measured_at_its_arrival_unless_the_request_is_unmeasured(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({"/a": say("{}")}) as served:
        ours = rest_client(client, served)
        readings = await ours.ask(check(words=[BOOK]), BTC)
        raw, snapshot = await ours.ask_unmeasured(check(words=[BOOK]), BTC)
    (book,) = [one for one in readings if isinstance(one, BookMeasured)]
    first = readings[0]
    assert isinstance(first, RequestTimed)
    assert (book.venue, book.instrument, book.source, book.mid, book.age_s) == ("made", "BTC", "rest", 100.0, 0.0)
    assert book.received_at == first.received_at
    assert snapshot == BOOK
    assert not [one for one in raw if isinstance(one, BookMeasured)]


@pytest.mark.parametrize("answer", [say("no", 401), say("{}", after_s=20.0)])
async def test_a_failed_signed_call_is_not_recorded_either(client: aiohttp.ClientSession, answer: Answer) -> None:
    tape = Tape()
    async with serving({"/a": answer}) as served:
        (timing, *_) = await rest_client(client, served, tape=tape, timeout_s=0.05).ask(check(signed=True), None)
    assert isinstance(timing, RequestTimed)
    assert timing.refusal is not None
    assert tape.answers == []


async def test_the_operators_timeout_ends_a_body_that_never_ends(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": never_ending}) as served:
        (timing, *_) = await rest_client(client, served, timeout_s=0.05).ask(
            check(timeout_s=30.0, max_bytes=10**9), None
        )
    assert isinstance(timing, RequestTimed)
    assert (timing.refusal, timing.status) == (Refusal.TIMEOUT, 200)
    assert 0.05 <= timing.latency_s < 15


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_refusal_and_is_not_followed(client: aiohttp.ClientSession, status: int) -> None:
    async with serving({"/a": say("", status, {"Location": "/b"}), "/b": say("{}")}) as served:
        (timing, *_) = await rest_client(client, served).ask(check(), None)
        assert served.asked == ["/a"]
    assert isinstance(timing, RequestTimed)
    assert (timing.status, timing.refusal) == (status, Refusal.REDIRECTED)


TIME = "server_time"


@pytest.mark.parametrize(
    ("status", "stated", "wait_s"),
    [
        (429, "1e300", 5.0),
        (429, "inf", 5.0),
        (429, "-5", 5.0),
        (429, "9" * 400, 900.0),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", 900.0),
        (503, "9" * 400, 300.0),
        (503, "1e300", 0.0),
        (418, "1e300", 120.0),
        (418, "7200", 7200.0),
        (418, "9" * 400, 259_200.0),
    ],
)
async def test_no_header_can_silence_us_for_longer_than_its_kind_of_refusal_allows(
    client: aiohttp.ClientSession, status: int, stated: str, wait_s: float
) -> None:
    async with serving({"/a": say("no", status, {"Retry-After": stated})}) as served:
        ours = rest_client(client, served)
        await ours.ask(check(), None)
        assert ours.state.budgets.wait_left_s(T0.timestamp()) == pytest.approx(wait_s, abs=2.0)


async def test_a_long_throttling_ends_when_a_trial_of_the_cheapest_check_is_answered(
    client: aiohttp.ClientSession,
) -> None:
    throttled = say("no", 429, {"Retry-After": "9" * 400})
    async with serving({"/a": in_turn(throttled, throttled, say("{}"))}) as served:
        ours = rest_client(client, served)

        async def refusal_at(seconds: float, name: str) -> Refusal | None:
            ours._clock = lambda: T0 + timedelta(seconds=seconds)
            (timing, *_) = await ours.ask(check(name=name), None)
            assert isinstance(timing, RequestTimed)
            return timing.refusal

        assert await refusal_at(0, "volume") is Refusal.THROTTLED
        assert await refusal_at(299, TIME) is Refusal.BUDGET
        assert await refusal_at(310, "volume") is Refusal.BUDGET
        assert await refusal_at(311, TIME) is Refusal.THROTTLED
        assert await refusal_at(316, TIME) is Refusal.BUDGET
        assert await refusal_at(911, TIME) is None
        assert await refusal_at(912, "volume") is None
        assert len(served.asked) == 4


async def test_a_ban_is_tried_ever_more_rarely_while_it_lasts(client: aiohttp.ClientSession) -> None:
    async with serving({"/a": say("no", 418, {"Retry-After": "7200"})}) as served:
        ours = rest_client(client, served)
        await ours.ask(check(), None)
        for seconds in range(60, 7200, 60):
            ours._clock = lambda seconds=seconds: T0 + timedelta(seconds=seconds)  # type: ignore[misc]
            await ours.ask(check(name=TIME), None)
        assert len(served.asked) == 6, "at 2, 6, 14, 30 and 62 minutes"
