"""Requests of real dialects over loopback: one RequestTimed each time, budgets, floors, and refusals by their kind."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import aiohttp
import pytest

from probes import venues
from probes.readings import (
    BookMeasured,
    BookState,
    Headroom,
    InstrumentsListed,
    Reading,
    Refusal,
    RequestTimed,
    ServerTime,
    VenueClock,
)
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import USER_AGENT, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venue import Budget, Keys, RestCheck
from tests.probes.cases import found, listed
from tests.probes.loopback import Answer, Loopback, never_ending, say, say_now, serving

One = TypeVar("One")
TIME = {
    name: one.call(None).path
    for name in venues.NAMES
    for one in reversed(venues.declared(name).checks)
    if one.name == "server_time"
}
SECRET = "never-to-be-seen"
READ_ONLY = {
    "/sapi/v1/account/apiRestrictions": say('{"enableReading":true,"enableWithdrawals":false}'),
    "/v5/user/query-api": say('{"retCode":0,"result":{"readOnly":1}}'),
    "/api/v5/account/config": say('{"code":"0","data":[{"perm":"read_only"}]}'),
}


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), USER_AGENT) as one:
        yield one


def check(venue: str, name: str) -> RestCheck:
    return next(one for one in venues.declared(venue).checks if one.name == name)


def rest_client(
    client: aiohttp.ClientSession, served: Loopback, venue: str = "binance_usdm", **given: float
) -> RestClient:
    return RestClient(
        VenueState(venues.declared(venue)),
        client,
        utc_now,
        RestAccess(
            hosts={"rest": served.url + "/", "spot": served.url},
            keys=Keys(key="k", secret=SECRET, passphrase="p"),
            timeout_s=given.get("timeout_s", 1.0),
        ),
    )


def only(kind: type[One], readings: list[Reading]) -> One:
    (found,) = [one for one in readings if isinstance(one, kind)]
    return found


async def timed(client: aiohttp.ClientSession, venue: str, answer: Answer) -> RequestTimed:
    """The timing of a venue's server_time check, answered like this."""
    async with serving({TIME[venue]: answer}) as served:
        readings = await rest_client(client, served, venue).ask(check(venue, "server_time"), None)
    assert readings[0] == only(RequestTimed, readings)
    return only(RequestTimed, readings)


async def test_a_good_answer_is_timed_and_read_and_sets_the_clock(client: aiohttp.ClientSession) -> None:
    ahead_ms = int((utc_now() + timedelta(seconds=100)).timestamp() * 1000)
    async with serving({TIME["binance_usdm"]: say(json.dumps({"serverTime": ahead_ms}))}) as served:
        ours = rest_client(client, served)
        readings = await ours.ask(check("binance_usdm", "server_time"), None)
        again = await ours.ask(check("binance_usdm", "server_time"), None)
    timing = only(RequestTimed, readings)
    assert (timing.refusal, timing.status, timing.cold, timing.censored, timing.detail) == (None, 200, True, False, "")
    assert timing.body_bytes == len(json.dumps({"serverTime": ahead_ms}))
    assert only(ServerTime, readings).resolution_s == 0.001
    clock = only(VenueClock, readings)
    assert clock.offset_s == pytest.approx(100, abs=2)
    assert (clock.samples, clock.origin) == (1, "rest")
    assert {one.budget for one in readings if isinstance(one, Headroom)} == {"ip", "spot", "data", "funding"}
    assert not only(RequestTimed, again).cold
    assert not [one for one in again if isinstance(one, Headroom)], "headroom is reported every five seconds"


async def test_latency_counts_from_the_scheduled_time_and_service_from_the_sending(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({TIME["gate"]: say_now('{"server_time":NOW_MS}')}) as served:
        due = utc_now() - timedelta(seconds=60)
        timing = only(
            RequestTimed, await rest_client(client, served, "gate").ask(check("gate", "server_time"), None, due)
        )
    assert timing.scheduled_at == due
    assert timing.latency_s >= 60 > 5 > timing.service_s > 0


async def test_a_time_out_is_censored(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["okx"]: say("{}", after_s=5)}) as served:
        timing = only(
            RequestTimed, await rest_client(client, served, "okx", timeout_s=0.1).ask(check("okx", "server_time"), None)
        )
    assert (timing.refusal, timing.censored, timing.status) == (Refusal.TIMEOUT, True, None)
    assert timing.latency_s >= 0.1


async def test_a_body_that_never_ends_is_censored_too(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["okx"]: never_ending}) as served:
        timing = only(
            RequestTimed, await rest_client(client, served, "okx", timeout_s=0.1).ask(check("okx", "server_time"), None)
        )
    assert (timing.refusal, timing.censored) == (Refusal.TIMEOUT, True)


async def test_an_oversized_body_is_refused(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["gate"]: say(b" " * 2000)}) as served:
        small = replace(check("gate", "server_time"), max_bytes=1000)
        timing = only(RequestTimed, await rest_client(client, served, "gate").ask(small, None))
    assert timing.refusal is Refusal.OVERSIZED


@pytest.mark.parametrize("venue", sorted(TIME))
async def test_a_firewall_page_with_status_200_is_a_firewall_refusal(client: aiohttp.ClientSession, venue: str) -> None:
    timing = await timed(client, venue, say("<!DOCTYPE html><html>Just a moment</html>"))
    assert (timing.refusal, timing.status) == (Refusal.WAF_BLOCKED, 200)


@pytest.mark.parametrize("venue", sorted(TIME))
async def test_a_payload_of_wrong_types_is_malformed_with_its_path(client: aiohttp.ClientSession, venue: str) -> None:
    damaged = next(
        one
        for one in found()
        if (one.venue, one.subject, one.source["grade"]) == (venue, "server_time", "damaged")
        and "$" in str(one.expected)
    )
    body, path = damaged.payload, re.findall(r"\$[^\s`:]*", damaged.expected["malformed"])[0]
    timing = await timed(client, venue, say(body))
    assert timing.refusal is Refusal.MALFORMED
    assert path in timing.detail


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b'{"serverTime":"\xff"}', b"9" * 300])
async def test_no_response_body_raises_an_exception(client: aiohttp.ClientSession, body: bytes) -> None:
    assert (await timed(client, "binance_usdm", say(body))).refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("venue", "body", "kind"),
    [
        ("bybit", '{"retCode":10006,"retMsg":"Too many visits!"}', Refusal.THROTTLED),
        ("bybit", '{"retCode":10016,"retMsg":"Internal"}', Refusal.OVERLOADED),
        ("okx", '{"code":"50011","msg":"Too Many Requests","data":[]}', Refusal.THROTTLED),
        ("okx", '{"code":"50001","msg":"Service unavailable","data":[]}', Refusal.MAINTENANCE),
        ("gate", '{"label":"TOO_BUSY","message":"busy"}', Refusal.OVERLOADED),
        ("binance_usdm", '{"code":-1016,"msg":"shutting down"}', Refusal.MAINTENANCE),
    ],
)
async def test_an_error_code_with_status_200_is_a_refusal(
    client: aiohttp.ClientSession, venue: str, body: str, kind: Refusal
) -> None:
    timing = await timed(client, venue, say(body))
    assert (timing.status, timing.refusal, timing.censored) == (200, kind, False)


@pytest.mark.parametrize(
    ("status", "kind"), [(451, Refusal.GEO_BLOCKED), (500, Refusal.VENUE_ERROR), (404, Refusal.BAD_REQUEST)]
)
async def test_a_status_unknown_to_the_dialect_is_classified_by_the_common_rules(
    client: aiohttp.ClientSession, status: int, kind: Refusal
) -> None:
    timing = await timed(client, "okx", say("nope", status))
    assert (timing.refusal, timing.detail) == (kind, f"HTTP {status}")


async def test_a_throttling_with_retry_after_blocks_requests_until_it_ends(
    client: aiohttp.ClientSession,
) -> None:
    throttled = say('{"code":-1003,"msg":"Too many requests"}', 429, {"Retry-After": "30"})
    async with serving({TIME["binance_usdm"]: throttled}) as served:
        ours = rest_client(client, served)
        first = only(RequestTimed, await ours.ask(check("binance_usdm", "server_time"), None))
        second = only(RequestTimed, await ours.ask(check("binance_usdm", "server_time"), None))
        other = only(RequestTimed, await ours.ask(check("binance_usdm", "instruments"), None))
        assert len(served.asked) == 1
    assert first.refusal is Refusal.THROTTLED
    assert {second.refusal, other.refusal} == {Refusal.BUDGET}
    assert "s after a refusal" in second.detail
    assert Refusal.BUDGET.is_ours
    assert 25 < ours.state.budgets.wait_left_s(utc_now().timestamp()) <= 30


async def test_a_throttling_of_the_futures_host_does_not_silence_the_spot_host_nor_does_its_usage_count_there(
    client: aiohttp.ClientSession,
) -> None:
    throttled = say('{"code":-1003,"msg":"Too many requests"}', 429, {"Retry-After": "30"})
    spot = say('{"status":0,"msg":"normal"}', headers={"X-MBX-USED-WEIGHT-1M": "2399"})
    async with serving({TIME["binance_usdm"]: throttled, "/sapi/v1/system/status": spot}) as served:
        ours = rest_client(client, served)
        await ours.ask(check("binance_usdm", "server_time"), None)
        other = only(RequestTimed, await ours.ask(check("binance_usdm", "system_status"), None))
    assert other.refusal is None
    figures = {one.budget: one for one in ours.state.budgets.headroom(utc_now().timestamp() + 31, utc_now())}
    assert (figures["ip"].host, figures["ip"].used, figures["ip"].declared) == ("rest", 1, False)
    assert (figures["spot"].host, figures["spot"].used) == ("spot", 1)


async def test_a_retry_after_without_a_dialect_rule_is_obeyed_too(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["okx"]: say("slow down", 429, {"Retry-After": "30"})}) as served:
        ours = rest_client(client, served, "okx")
        assert only(RequestTimed, await ours.ask(check("okx", "server_time"), None)).refusal is Refusal.THROTTLED
        assert only(RequestTimed, await ours.ask(check("okx", "server_time"), None)).refusal is Refusal.BUDGET


@pytest.mark.parametrize(("status", "max_s"), [(429, 5), (418, 120)])
async def test_a_throttling_or_ban_without_a_time_gives_a_default_wait(
    client: aiohttp.ClientSession, status: int, max_s: float
) -> None:
    async with serving({TIME["gate"]: say("slow down", status)}) as served:
        ours = rest_client(client, served, "gate")
        await ours.ask(check("gate", "server_time"), None)
        assert max_s - 4 < ours.state.budgets.wait_left_s(utc_now().timestamp()) <= max_s


async def test_no_request_is_sent_until_a_ban_ends(client: aiohttp.ClientSession) -> None:
    until_ms = int((utc_now() + timedelta(hours=1)).timestamp() * 1000)
    body = json.dumps(
        {"code": -1003, "msg": f"IP banned until {until_ms}. Please use the websocket."}, separators=(",", ":")
    )
    async with serving({TIME["binance_usdm"]: say(body, 418)}) as served:
        ours = rest_client(client, served)
        timing = only(RequestTimed, await ours.ask(check("binance_usdm", "server_time"), None))
    assert timing.refusal is Refusal.BANNED
    assert 3500 < ours.state.budgets.wait_left_s(utc_now().timestamp()) <= 3600


async def test_bybits_too_frequent_refusal_stops_requests_for_ten_minutes(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["bybit"]: say("403, access too frequent", 403)}) as served:
        ours = rest_client(client, served, "bybit")
        await ours.ask(check("bybit", "server_time"), None)
        assert 590 < ours.state.budgets.wait_left_s(utc_now().timestamp()) <= 600


async def test_the_last_tenth_of_a_budget_is_never_spent(client: aiohttp.ClientSession) -> None:
    async with serving({TIME["gate"]: say_now('{"server_time":NOW_MS}')}) as served:
        venue = replace(venues.declared("gate"), budgets=(Budget(name="ip", limit=10, window_s=3600),))
        ours = RestClient(VenueState(venue), client, utc_now, RestAccess(hosts={"rest": served.url}))
        timings = [only(RequestTimed, await ours.ask(check("gate", "server_time"), None)) for _ in range(12)]
        assert len(served.asked) == 9
    assert [one.refusal for one in timings] == [None] * 9 + [Refusal.BUDGET] * 3
    assert (timings[-1].phases, timings[-1].status, timings[-1].detail) == (
        (),
        None,
        "what is left of the budget is reserved",
    )


async def test_budget_headers_of_a_venue_can_stop_our_requests(client: aiohttp.ClientSession) -> None:
    nearly = say('{"serverTime":1793491200000}', headers={"X-MBX-USED-WEIGHT-1M": "2390"})
    async with serving({TIME["binance_usdm"]: nearly}) as served:
        ours = rest_client(client, served)
        readings = await ours.ask(check("binance_usdm", "server_time"), None)
        assert only(RequestTimed, await ours.ask(check("binance_usdm", "server_time"), None)).refusal is Refusal.BUDGET
    (ip,) = [one for one in readings if isinstance(one, Headroom) and one.budget == "ip"]
    assert (ip.declared, ip.used) == (True, 2390)


async def test_a_book_is_measured_and_an_unmeasured_request_gives_its_snapshot(client: aiohttp.ClientSession) -> None:
    perp = listed("binance_usdm")[0]
    body = {"lastUpdateId": 7, "bids": [["100", "1000"]], "asks": [["100.1", "1000"]]}
    async with serving({"/fapi/v1/depth": say(json.dumps(body))}) as served:
        ours = rest_client(client, served)
        book = only(BookMeasured, await ours.ask(check("binance_usdm", "book_rest"), perp))
        raw, snapshot = await ours.ask_unmeasured(check("binance_usdm", "book_rest"), perp)
        assert served.asked[0] == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    assert (book.state, book.source, book.instrument) == (BookState.OK, "rest", "BTCUSDT")
    assert only(RequestTimed, raw).instrument == "BTCUSDT"
    assert snapshot is not None
    assert snapshot.last_id == 7


async def test_a_listing_is_available_to_every_other_reader(client: aiohttp.ClientSession) -> None:
    body = [{"name": "BTC_USDT", "quanto_multiplier": "0.0001", "in_delisting": False}]
    async with serving({"/futures/usdt/contracts": say(json.dumps(body))}) as served:
        ours = rest_client(client, served, "gate")
        readings = await ours.ask(check("gate", "instruments"), None)
    assert only(InstrumentsListed, readings).instruments == tuple(ours.state.instruments.values())


@pytest.mark.parametrize(
    ("venue", "path"),
    [
        ("binance_usdm", "/sapi/v1/capital/config/getall"),
        ("bybit", "/v5/asset/coin/query-info"),
        ("okx", "/api/v5/asset/currencies"),
    ],
)
async def test_a_signed_check_signs_its_request_and_never_shows_its_secret(
    client: aiohttp.ClientSession, venue: str, path: str
) -> None:
    async with serving({path: say("[]", 401), **READ_ONLY}) as served:
        readings = await rest_client(client, served, venue).ask(check(venue, "wallet_status"), None)
        assert served.asked[0].partition("?")[0] in READ_ONLY, "first it is asked what the key may do"
        assert served.asked[1].startswith(path)
        for asked, headers in zip(served.asked, served.headers, strict=True):
            assert any(SECRET not in value and "k" in value for value in headers.values())
            assert SECRET not in asked + str(dict(headers))
    assert [one.refusal for one in readings if isinstance(one, RequestTimed)] == [Refusal.UNAUTHORIZED, None]
    assert SECRET not in repr(readings)
