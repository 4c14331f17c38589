"""A whole venue is watched over loopback: its listing, its checks on schedule, its feeds, its controls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from probes import prober as prober_module
from probes import venues
from probes.controls import CONTROL, Controls
from probes.fair_shares.allowance import Rate
from probes.instruments import choose, guessed
from probes.prober import YIELD_EVERY, Prober, ProberSettings, probe_once
from probes.readings import (
    BookMeasured,
    BookState,
    ClaimChanged,
    ClaimState,
    Instrument,
    InstrumentsListed,
    Market,
    MarkPrice,
    Reading,
    Refusal,
    RequestTimed,
    ServerTime,
    SlotMissed,
)
from probes.rest.http import utc_now
from probes.venue import Context, Keys, RestCall, RestCheck, Venue
from tests.probes.cases import listed
from tests.probes.loopback import Answer, Loopback, free_port, in_turn, say, say_now, serving

GATE = venues.declared("gate")
PERP = {"name": "BTC_USDT", "quanto_multiplier": "0.0001", "in_delisting": False, "mark_price": "100"}
PAIR = {"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "trade_status": "tradable"}
BOOK = {"id": 10, "asks": [{"p": "100.1", "s": 1e9}], "bids": [{"p": "100", "s": 1e9}]}
ANSWERS: dict[str, Answer] = {
    "/futures/usdt/contracts": say(json.dumps([PERP])),
    "/spot/currency_pairs": say(json.dumps([PAIR])),
    "/spot/time": say_now('{"server_time":NOW_MS}'),
    "/futures/usdt/order_book": say(json.dumps(BOOK)),
}


def settings(served: Loopback, **changed: Any) -> ProberSettings:
    hosts = {"rest": served.url, "ws_spot": served.ws_url, "ws_futures": served.ws_url}
    return replace(ProberSettings(assets=["BTC"], hosts=hosts, seed=1, timeout_s=1.0), **changed)


async def first(readings: AsyncIterator[Reading], wanted: Callable[[Reading], bool]) -> Reading:
    """The first reading that `wanted` accepts."""
    async with asyncio.timeout(10):
        async for reading in readings:
            if wanted(reading):
                return reading
    raise AssertionError("readings go on for ever")


async def talk(socket: web.WebSocketResponse, number: int) -> None:
    update = {"t": int(utc_now().timestamp() * 1000), "s": "BTC_USDT", "U": 11, "u": 12, "b": [], "a": []}
    await socket.send_json({"channel": "futures.order_book_update", "event": "update", "result": update})
    await asyncio.Event().wait()


async def test_a_venue_is_listed_first_and_then_its_checks_and_feeds_start() -> None:
    async with serving(ANSWERS, talk) as served:
        prober = Prober(GATE, settings(served, every_s={"server_time": 0.02}))
        async with aclosing(prober.readings()) as readings:
            assert isinstance(await anext(readings), RequestTimed)
            listed = await first(readings, lambda one: isinstance(one, InstrumentsListed))
            await first(readings, lambda one: isinstance(one, ServerTime))
            book = await first(
                readings,
                lambda one: isinstance(one, BookMeasured) and one.source == "ws" and one.state is BookState.OK,
            )
        assert served.asked[:2] == ["/futures/usdt/contracts", "/spot/currency_pairs"]
    assert isinstance(listed, InstrumentsListed)
    assert isinstance(book, BookMeasured)
    assert book.instrument == "BTC_USDT"
    assert [one.symbol for one in prober.instruments] == ["BTC_USDT", "spot:BTC_USDT"]
    assert prober.instruments[0].contract_size == Decimal("0.0001")


async def test_a_venue_that_does_not_answer_is_watched_by_its_expected_symbols() -> None:
    nobody = f"http://127.0.0.1:{await free_port()}"
    settings_away = ProberSettings(assets=["BTC"], hosts={"rest": nobody, "spot": nobody}, timeout_s=0.5)
    prober = Prober(venues.declared("binance_usdm"), replace(settings_away, disabled=["book_ws", "liquidation"]))
    async with aclosing(prober.readings()) as readings:
        timing = await first(readings, lambda one: bool(prober.instruments))
    assert isinstance(timing, RequestTimed)
    assert timing.refusal is Refusal.REFUSED
    assert {one.symbol for one in prober.instruments} == {"BTCUSDT"}, "a spot pair is known by its listing alone"


async def test_a_listing_that_failed_at_the_start_is_requested_again_and_its_instruments_are_watched() -> None:
    late = {**ANSWERS, "/futures/usdt/contracts": in_turn(say("{}", status=503), say(json.dumps([PERP])))}
    async with serving(late, talk) as served:
        prober = Prober(GATE, settings(served, relist_s=0.1))
        async with aclosing(prober.readings()) as readings:
            await anext(readings)
            assert [one.symbol for one in prober.instruments] == []
            await first(readings, lambda one: isinstance(one, BookMeasured) and one.instrument == "BTC_USDT")
        assert [path for path in served.asked if path == "/spot/currency_pairs"] == ["/spot/currency_pairs"]
    assert [one.symbol for one in prober.instruments] == ["BTC_USDT", "spot:BTC_USDT"]


async def test_nothing_restarts_while_the_listing_is_unchanged() -> None:
    async with serving(ANSWERS, talk) as served:
        prober = Prober(GATE, settings(served, relist_s=0.05))
        async with aclosing(prober.readings()) as readings:
            await first(readings, lambda one: isinstance(one, BookMeasured) and one.source == "ws")
        opened = served.connections
        assert len([path for path in served.asked if path == "/futures/usdt/contracts"]) == 1
    assert opened == 3


async def test_a_slot_that_passes_during_a_running_check_is_reported_as_missed() -> None:
    disabled = sorted(
        ({each.name for each in GATE.checks} | {each.name for each in GATE.feeds}) - {"instruments", "server_time"}
    )
    slow = {**ANSWERS, "/spot/time": say_now('{"server_time":NOW_MS}', after_s=0.2)}
    async with serving(slow) as served:
        prober = Prober(GATE, settings(served, disabled=disabled, every_s={"server_time": 0.05}))
        async with aclosing(prober.readings()) as readings:
            missed_slot = await first(readings, lambda one: isinstance(one, SlotMissed))
    assert isinstance(missed_slot, SlotMissed)
    assert (missed_slot.check, missed_slot.instrument) == ("server_time", None)
    assert missed_slot.missed >= 1


async def test_a_failure_in_our_own_code_ends_the_readings_with_that_failure() -> None:
    def broken(body: bytes, context: Context) -> list[Reading]:
        raise AssertionError("ours")

    check = RestCheck(name="server_time", call=lambda _: RestCall(path="/spot/time"), read=broken, every_s=0.01)
    venue: Venue = replace(GATE, checks=(check,), feeds=())
    async with serving(ANSWERS) as served:
        with pytest.raises(AssertionError, match="ours"):
            await _exhaust(Prober(venue, settings(served)))


async def _exhaust(prober: Prober) -> None:
    async with asyncio.timeout(10), aclosing(prober.readings()) as readings:
        async for _ in readings:
            pass


def test_signed_checks_run_with_keys_only_and_disabled_ones_never() -> None:
    okx = venues.declared("okx")
    without = {one.name for one in Prober(okx, ProberSettings(assets=["BTC"])).checks()}
    keys = Keys(key="k", secret="s", passphrase="p")
    having = Prober(okx, ProberSettings(assets=["BTC"], keys=keys, disabled=["funding", "liquidation"]))
    assert {one.name for one in having.checks()} - without == {"wallet_status"}
    assert "funding" not in {one.name for one in having.checks()}
    assert [one.name for one in having.feeds()] == ["book_ws", "book_ws_spot"]


def test_a_feed_takes_as_many_connections_as_its_instruments_need() -> None:
    prober = Prober(GATE, ProberSettings(assets=[]))
    prober.instruments = [replace(listed("gate")[0], symbol=f"X{number}") for number in range(120)]
    perps, spots, _ = prober.feeds()
    assert [len(some) for some in prober.batches(perps)] == [50, 50, 20]
    assert prober.batches(spots) == []


def one(symbol: str, quote: str = "USDT", market: Market = Market.PERP, **changed: Any) -> Instrument:
    return replace(Instrument(symbol=symbol, base="BTC", quote=quote, market=market), **changed)


def test_one_perpetual_and_one_spot_of_each_asset_are_chosen_in_the_preferred_quote() -> None:
    listed = [
        one("BTCUSD", "USD"),
        one("BTCUSDC", "USDC"),
        one("BTCUSDT_LONG_NAME"),
        one("BTCUSDT"),
        one("BTCUSDT2", inverse=True),
        one("BTCUSDT3", trading=False),
        one("BTCEUR", "EUR"),
        one("BTC-DATED", market=Market.FUTURE),
        one("spot", "USDC", Market.SPOT),
        one("BTCUSDC2", "USDC"),
        one("ETHUSDT", base="ETH"),
    ]
    assert [each.symbol for each in choose(listed, ["BTC"], [])] == ["BTCUSDT", "spot"]
    assert [each.symbol for each in choose(listed, ["BTC"], ["BTC-DATED", "BTCUSDT", "nowhere"])] == [
        "BTC-DATED",
        "BTCUSDT",
        "spot",
    ]


def test_instruments_are_guessed_from_a_venues_patterns() -> None:
    assert [each.symbol for each in guessed(venues.declared("bybit"), ["BTC", "ETH"])] == [
        "spot:BTCUSDT",
        "BTCUSDT",
        "spot:ETHUSDT",
        "ETHUSDT",
    ]


async def test_one_check_can_run_once() -> None:
    async with serving(ANSWERS) as served:
        readings = await probe_once(GATE, "server_time", settings(served))
        listing = await probe_once(GATE, "instruments", settings(served))
        book = await probe_once(GATE, "book_rest", settings(served))
    assert [type(each) for each in readings][:2] == [RequestTimed, ServerTime]
    assert {type(each) for each in listing} >= {RequestTimed, InstrumentsListed, MarkPrice}
    assert [each.check for each in book if isinstance(each, RequestTimed)] == ["book_rest", "book_rest"]


async def test_one_feed_can_run_for_a_limited_time() -> None:
    async with serving(ANSWERS, talk) as served:
        readings = await probe_once(GATE, "book_ws", settings(served), feed_s=0.5)
    assert not [each for each in readings if isinstance(each, RequestTimed) and each.check == "instruments"]
    assert type(readings[0]).__name__ == "FeedChanged"


async def test_a_control_that_gives_any_answer_is_good_and_one_without_an_answer_is_refused() -> None:
    async with serving({"/": say("nothing here", 404)}) as served:
        targets = {"near": served.url + "/", "away": f"http://127.0.0.1:{await free_port()}/"}
        controls = Controls(targets, every_s=0.05, timeout_s=1.0)
        seen: dict[str, RequestTimed] = {}
        async with asyncio.timeout(10), aclosing(controls.readings()) as readings:
            async for reading in readings:
                assert isinstance(reading, RequestTimed)
                seen[reading.check] = reading
                if len(seen) == 2:
                    break
    assert (seen["near"].venue, seen["near"].refusal, seen["near"].status) == (CONTROL, None, 404)
    assert (seen["away"].refusal, seen["away"].status) == (Refusal.REFUSED, None)
    assert seen["near"].latency_s >= seen["near"].service_s > 0


def test_our_clock_has_a_time_zone() -> None:
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_venue_with_nothing_to_do_is_silent_and_does_not_end() -> None:
    every = sorted({each.name for each in GATE.checks} | {each.name for each in GATE.feeds})
    prober = Prober(GATE, ProberSettings(assets=["BTC"], disabled=every))
    async with aclosing(prober.readings()) as readings:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(readings)


async def test_waiting_readings_come_in_order_and_let_other_tasks_run() -> None:
    every = sorted({each.name for each in GATE.checks} | {each.name for each in GATE.feeds})
    prober = Prober(GATE, ProberSettings(assets=[], disabled=every))
    for number in range(1000):
        prober.queue.put(
            ServerTime(
                venue=GATE.id, received_at=utc_now(), event_time=datetime(2026, 11, 1, tzinfo=UTC), resolution_s=number
            )
        )
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    numbers: list[float] = []
    async with aclosing(prober.readings()) as readings:
        async for reading in readings:
            assert isinstance(reading, ServerTime)
            numbers.append(reading.resolution_s)
            if len(numbers) == 1000:
                break
    beside.cancel()
    assert numbers == list(range(1000))
    assert turns >= 3


async def test_a_venue_hands_over_no_more_than_its_pace_and_keeps_the_rest_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prober_module, "READINGS", Rate(per_s=1e-6, burst=300))
    every = sorted({each.name for each in GATE.checks} | {each.name for each in GATE.feeds})
    prober = Prober(GATE, ProberSettings(assets=[], disabled=every))
    stamp = datetime(2026, 11, 1, tzinfo=UTC)
    for _ in range(2000):
        prober.queue.put(ServerTime(venue=GATE.id, received_at=utc_now(), event_time=stamp, resolution_s=1.0))
    taken = 0
    async with aclosing(prober.readings()) as readings:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                async for _ in readings:
                    taken += 1
    assert taken <= 300 + YIELD_EVERY
    assert taken + len(prober.remaining()) == 2000


async def test_a_contract_that_goes_into_delisting_says_so_and_is_not_watched_any_more() -> None:
    leaving = json.dumps([{**PERP, "in_delisting": True}])
    listings = in_turn(say(json.dumps([PERP])), say(leaving))
    async with serving({**ANSWERS, "/futures/usdt/contracts": listings}, talk) as served:
        prober = Prober(GATE, settings(served, relist_s=1.5, every_s={"instruments": 0.1}))
        async with aclosing(prober.readings()) as readings:
            ended = await first(readings, lambda one: isinstance(one, ClaimChanged) and one.state is ClaimState.ENDED)
            async with asyncio.timeout(10):
                async for _ in readings:
                    if [one.symbol for one in prober.instruments] == ["spot:BTC_USDT"]:
                        break
    assert isinstance(ended, ClaimChanged)
    assert (ended.instrument, ended.covers, ended.reason) == (
        "BTC_USDT",
        False,
        "the venue does not list it as trading",
    )
