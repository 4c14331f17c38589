"""Feeds of real dialects over a real socket: subscriptions, silence, planned ends, damaged frames, reconnection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from probes.feeds.connection import EndedError, close_quietly, ending
from probes.readings import (
    BookState,
    EngineLag,
    FeedChanged,
    FeedEvent,
    FeedLag,
    FeedMalformed,
    Liquidation,
    MarkPrice,
    VenueClock,
    VenueId,
)
from probes.readings.topics import no_topics
from probes.rest.http import USER_AGENT, session, tls_context
from probes.tape import HttpExchange
from probes.venue import Ack, Context, FeedMessage, KeepAlive, Reply
from tests.probes.feeds.running_feed import depth, feed, listening, mark, now_ms, scripted, state_is
from tests.probes.loopback import free_port, serving

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MARKED = MarkPrice(
    venue=VenueId("binance_usdm"), instrument="BTCUSDT", received_at=NOON, event_time=NOON, mark=1.0, index=None
)


async def test_each_venue_receives_subscriptions_in_its_own_format() -> None:
    wanted = {"bybit": "allLiquidation.BTCUSDT", "okx": "liquidation-orders", "gate": "futures.public_liquidates"}
    for venue, words in wanted.items():
        async with listening(feed(venue, "liquidation"), venue, scripted()) as (feed_log, served):
            await feed_log.event(FeedEvent.OPENED)
            await served.until(lambda texts, words=words: any(words in text for text in texts))  # type: ignore[misc]
            if venue == "gate":
                assert served.headers[0]["X-Gate-Size-Decimal"] == "1"
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", scripted()) as (feed_log, served):
        await feed_log.event(FeedEvent.OPENED)
        assert served.asked == ["/stream?streams=!forceOrder@arr/btcusdt@markPrice@1s"]


async def test_an_application_ping_is_sent_in_time_and_its_answer_is_no_news() -> None:
    one = feed("okx", "book_ws", keep_alive=KeepAlive(every_s=0.02, text=lambda now: "ping"))
    async with listening(one, "okx", scripted("pong")) as (feed_log, served):
        await served.until(lambda texts: texts.count("ping") >= 2)
        assert FeedEvent.PULSE not in feed_log.events()


async def test_news_gives_a_feed_lag_an_engine_lag_a_clock_and_a_pulse() -> None:
    talk = scripted(depth(1, 2, 0), mark())
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", talk) as (feed_log, _):
        await feed_log.until(lambda one: isinstance(one, MarkPrice))
        lag = await feed_log.until(lambda one: isinstance(one, FeedLag))
        engine = await feed_log.until(lambda one: isinstance(one, EngineLag))
        clock = await feed_log.until(lambda one: isinstance(one, VenueClock))
        pulse = await feed_log.event(FeedEvent.PULSE)
    assert isinstance(lag, FeedLag)
    assert isinstance(engine, EngineLag)
    assert isinstance(clock, VenueClock)
    assert (lag.instrument, lag.feed, clock.origin) == ("BTCUSDT", "liquidation", "feed")
    assert 0 <= engine.lag_s < 1
    assert pulse.value >= 1


async def test_an_open_socket_without_messages_is_reported_silent_and_then_closed() -> None:
    one = feed("binance_usdm", "liquidation", silence_after_s=0.1)
    async with listening(one, "binance_usdm", scripted()) as (feed_log, _):
        closed = await feed_log.event(FeedEvent.CLOSED)
        await feed_log.event(FeedEvent.OPENED, times=2)
        assert feed_log.events()[:3] == [FeedEvent.OPENED, FeedEvent.SILENT, FeedEvent.CLOSED]
    assert (closed.planned, closed.detail) == (False, "silent on an open socket")
    assert closed.value >= 0.3


async def test_a_silence_ends_with_a_pulse() -> None:
    resume = asyncio.Event()

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await resume.wait()
        await socket.send_json(mark())
        await asyncio.Event().wait()

    async with listening(feed("binance_usdm", "liquidation", silence_after_s=0.2), "binance_usdm", talk) as (
        feed_log,
        _,
    ):
        silent = await feed_log.event(FeedEvent.SILENT)
        resume.set()
        await feed_log.event(FeedEvent.PULSE)
    assert silent.value >= 0.2


async def test_an_announced_shutdown_is_planned_and_the_feed_reconnects() -> None:
    goodbye = {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", scripted(goodbye)) as (feed_log, _):
        closed = await feed_log.event(FeedEvent.CLOSED)
        await feed_log.event(FeedEvent.OPENED, times=2)
    assert feed_log.events()[:3] == [FeedEvent.OPENED, FeedEvent.SHUTDOWN_ANNOUNCED, FeedEvent.CLOSED]
    assert closed.planned


async def test_a_connection_whose_lifetime_is_over_is_renewed_as_planned() -> None:
    async with listening(feed("binance_usdm", "liquidation", lifetime_s=0.05), "binance_usdm", scripted()) as (
        feed_log,
        _,
    ):
        closed = await feed_log.event(FeedEvent.CLOSED)
        await feed_log.event(FeedEvent.OPENED, times=2)
    assert (closed.planned, closed.detail) == (True, "its lifetime is over")


async def test_the_first_liquidations_of_okx_after_subscribing_are_marked_as_backlog() -> None:
    def forced(price: str) -> dict[str, Any]:
        detail = {"side": "buy", "posSide": "short", "bkPx": price, "sz": "1", "ts": str(now_ms())}
        row = {"instId": "BTC-USDT-SWAP", "details": [detail, detail]}
        return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}

    async with listening(feed("okx", "liquidation"), "okx", scripted(forced("1"), forced("2"))) as (feed_log, _):
        await feed_log.until(lambda one: isinstance(one, Liquidation), times=4)  # like ones of one message are two
        backlog = await feed_log.event(FeedEvent.BACKLOG)
    assert backlog.value == 2
    liquidations = [(str(one.price), one.backlog) for one in feed_log.readings if isinstance(one, Liquidation)]
    assert liquidations == [("1", True), ("1", True), ("2", False), ("2", False)]


async def test_a_refused_subscription_is_reported_and_the_feed_goes_on() -> None:
    refused = {"success": False, "ret_msg": "error:handler not found,topic:x", "op": "subscribe"}
    book = {
        "topic": "orderbook.50.BTCUSDT",
        "type": "snapshot",
        "ts": now_ms(),
        "data": {"s": "BTCUSDT", "u": 5, "b": [], "a": []},
    }
    async with listening(feed("bybit", "book_ws"), "bybit", scripted(refused, book)) as (feed_log, _):
        rejected = await feed_log.event(FeedEvent.REJECTED)
        await feed_log.until(state_is(BookState.EMPTY))
    assert rejected.detail == "bad_request: error:handler not found,topic:x"


async def test_damaged_frames_are_counted_with_their_path_and_the_feed_goes_on() -> None:
    damaged = ("{", "<html>", b"\xff\xfe", "[" * 50_000, {"e": "depthUpdate", "s": "BTCUSDT", "b": [], "a": []})
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", scripted(*damaged, mark())) as (
        feed_log,
        served,
    ):
        await feed_log.until(lambda one: isinstance(one, MarkPrice))
        await feed_log.until(lambda one: isinstance(one, FeedMalformed))
        count = sum(one.count for one in feed_log.readings if isinstance(one, FeedMalformed))
        last = [one for one in feed_log.readings if isinstance(one, FeedMalformed)][-1]
        assert served.connections == 1
    assert count == len(damaged)
    assert last.path == "$.u: missing"


async def test_an_oversized_frame_ends_the_connection_and_the_feed_reconnects() -> None:
    one = feed("binance_usdm", "liquidation", max_bytes=1000)
    async with listening(one, "binance_usdm", scripted("x" * 5000)) as (feed_log, _):
        closed = await feed_log.event(FeedEvent.CLOSED)
        await feed_log.event(FeedEvent.OPENED, times=2)
    assert (closed.planned, closed.detail) == (False, "WebSocketError")


async def test_a_connection_closed_by_the_venue_is_reported_with_its_code() -> None:
    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        await socket.close(code=1013)

    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", talk) as (feed_log, _):
        assert (await feed_log.event(FeedEvent.CLOSED)).detail == "closed by the venue with 1013"


async def test_an_unreachable_venue_is_tried_again_and_again() -> None:
    url = f"ws://127.0.0.1:{await free_port()}"
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", scripted(), url=url) as (feed_log, _):
        closed = await feed_log.event(FeedEvent.CLOSED, times=3)
    assert closed.detail == "could not connect: ClientConnectorError"
    assert FeedEvent.OPENED not in feed_log.events()


class MemoryTape:
    """A tape in memory."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, str, bytes]] = []
        self.connections: list[FeedEvent] = []

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        raise AssertionError("a feed sends no requests")

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        self.frames.append((venue, feed, raw))

    def connection(self, change: FeedChanged) -> None:
        self.connections.append(change.event)


async def test_raw_frames_are_recorded_before_they_are_read() -> None:
    tape = MemoryTape()
    talk = scripted("{", b'{"e":"x"}', mark())
    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", talk, tape=tape) as (feed_log, _):
        await feed_log.until(lambda one: isinstance(one, MarkPrice))
    assert tape.frames[:2] == [("binance_usdm", "liquidation", b"{"), ("binance_usdm", "liquidation", b'{"e":"x"}')]
    assert tape.connections[0] is FeedEvent.OPENED


async def test_a_flood_of_frames_does_not_starve_other_tasks() -> None:
    enough = asyncio.Event()

    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        text = json.dumps(mark())
        while not enough.is_set():
            await socket.send_str(text)
            await asyncio.sleep(0)  # both sides share one loop here

    async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", talk) as (feed_log, _):
        await feed_log.until(lambda one: isinstance(one, FeedLag), times=2)
        enough.set()


async def test_a_feed_can_be_cancelled_at_any_moment_of_its_connection() -> None:
    goodbye = {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}
    for turns in range(0, 30, 2):
        async with listening(feed("binance_usdm", "liquidation"), "binance_usdm", scripted(goodbye)) as (feed_log, _):
            await feed_log.event(FeedEvent.OPENED)
            for _turn in range(turns):
                await asyncio.sleep(0)


async def test_a_failure_in_our_own_code_is_raised_and_not_blamed_on_the_venue() -> None:
    def read(raw: bytes, context: Context) -> tuple[()]:
        raise AssertionError("ours")

    async def listen() -> None:
        one = feed("binance_usdm", "liquidation", read=read)
        async with listening(one, "binance_usdm", scripted(mark())) as (feed_log, _):
            await feed_log.ended.wait()

    with pytest.raises(AssertionError, match="ours"):
        await listen()


def test_of_several_reasons_to_end_the_venues_announcement_comes_first() -> None:
    word = EndedError("announced", planned=True)
    assert ending([ConnectionResetError(), word]) is word
    assert ending([ConnectionResetError()]).detail == "ConnectionResetError"


async def test_a_venues_own_ping_is_answered_as_its_dialect_says() -> None:
    def read(raw: bytes, context: Context) -> list[FeedMessage]:
        return [Reply(text="pong"), Ack(), replace(MARKED, event_time=None), replace(MARKED, instrument="ETHUSDT")]

    one = feed("binance_usdm", "liquidation", read=read, topics=no_topics)
    async with listening(one, "binance_usdm", scripted("ping")) as (feed_log, served):
        await served.until(lambda texts: texts == ["pong"])
        pulse = await feed_log.event(FeedEvent.PULSE)
        assert not [each for each in feed_log.readings if isinstance(each, FeedLag)], "neither stamped nor watched"
    assert pulse.value == 2
    assert len([each for each in feed_log.readings if isinstance(each, MarkPrice)]) == 2


async def test_a_book_without_a_stamp_has_no_lag() -> None:
    book = {"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "data": {"s": "BTCUSDT", "u": 5, "b": [], "a": []}}
    async with listening(feed("bybit", "book_ws"), "bybit", scripted(book)) as (feed_log, _):
        await feed_log.until(state_is(BookState.EMPTY))
        assert not [each for each in feed_log.readings if isinstance(each, FeedLag)]


async def test_a_venue_that_does_not_answer_a_close_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.feeds.connection.CLOSE_TIMEOUT_S", 0.1)

    async def deaf(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        await asyncio.Event().wait()
        return socket

    async with serving({"/": deaf}) as served, session(tls_context(), USER_AGENT) as client:
        socket = await client.ws_connect(served.ws_url + "/")
        async with asyncio.timeout(5):
            await close_quietly(socket)
        assert socket.closed
