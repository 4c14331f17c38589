"""The seconds that a connection takes: for opening, closing, sampling, keeping alive, its lifetime and the first pause."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from probes.feeds import runner as feeds
from probes.feeds.connection import EndedError, close_quietly
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting, feed_url
from probes.readings import FeedChanged, FeedEvent, Instrument, Market, Reading, VenueId
from probes.rest.http import session, tls_context
from probes.rest.venue_state import VenueState
from probes.venue import BookDelta, BookSnapshot, Context, Feed, FeedMessage, KeepAlive, Venue
from tests.monitor.jumping_time import elapsed_s, run_jumping
from tests.probes.loopback import serving

T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
FRAME = aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, json.dumps({}), None)
CLOSED = aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None)


class Wire:
    """A socket of the library's shape: gives these messages at once and then nothing, and notes what is sent and when."""

    def __init__(self, *messages: aiohttp.WSMessage, closes: bool = True) -> None:
        self.messages = list(messages)
        self.sent: list[tuple[float, str]] = []
        self.close_code = 1006
        self._closes = closes

    async def receive(self) -> aiohttp.WSMessage:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send_str(self, text: str) -> None:
        self.sent.append((elapsed_s(), text))

    async def close(self) -> None:
        if not self._closes:
            await asyncio.Event().wait()


class Dialling:
    """A client whose every connection is made by `dial`."""

    def __init__(self, dial: Callable[[], Awaitable[Any]]) -> None:
        self._dial = dial

    async def ws_connect(self, url: str, **given: Any) -> Any:
        return await self._dial()


def declared(read: Callable[[bytes, Context], list[FeedMessage]] = lambda raw, context: [], **changed: Any) -> Feed:
    given: dict[str, Any] = {"subscribe": lambda _instruments, _now: (), "silence_after_s": 1e9, **changed}
    return Feed(name="news", host="ws", read=read, **given)


def runner(feed: Feed, client: Any, emit: Callable[[Reading], None] = lambda _: None, **given: Any) -> FeedRunner:
    venue = Venue(id=VenueId("made"), title="", docs="", hosts={}, budgets=(), checks=(), feeds=(feed,))
    url = feed_url("ws", feed, (), {"ws": given.pop("url", "ws://venue.example")})
    setting = FeedSetting(url=url, client=client, clock=lambda: T0, emit=emit, **given)
    return FeedRunner(VenueState(venue), feed, setting)


def test_a_venue_that_does_not_answer_the_closing_is_given_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def closing() -> float:
        socket: Any = Wire(closes=False)
        await close_quietly(socket)
        return elapsed_s()

    assert run_jumping(monkeypatch, closing()) == pytest.approx(2.0)


def test_a_venue_that_does_not_answer_the_opening_is_given_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def opening() -> tuple[str, float]:
        ended = await runner(declared(), Dialling(asyncio.Event().wait))._connection()
        return ended.detail, elapsed_s()

    detail, took_s = run_jumping(monkeypatch, opening())
    assert detail == "could not connect: TimeoutError"
    assert took_s == pytest.approx(10.0)


def test_unless_given_otherwise_a_connection_is_sampled_after_one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sampling() -> float:
        one = runner(declared(lifetime_s=1.0), None)
        one._opened_s = float("-inf")  # its lifetime is over at the first sample
        with pytest.raises(EndedError, match="its lifetime is over"):
            await one._every_second()
        return elapsed_s()

    assert run_jumping(monkeypatch, sampling()) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(12))
def test_the_first_pause_is_about_half_a_second_unless_given_otherwise(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async def refused() -> None:
        dialled_s.append(elapsed_s())
        if len(dialled_s) == 2:
            raise AssertionError("dialled twice")
        raise aiohttp.ClientConnectionError

    dialled_s: list[float] = []
    with pytest.raises(AssertionError, match="dialled twice"):
        run_jumping(monkeypatch, runner(declared(), Dialling(refused), seed=seed).run())
    assert 0.05 <= dialled_s[1] - dialled_s[0] <= 0.55


def test_a_feed_that_is_kept_alive_sends_its_text_once_in_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    socket = Wire()

    async def keeping() -> None:
        feed = declared(keep_alive=KeepAlive(every_s=20.0, text=lambda now: f"ping {now:%Y}"))
        one = runner(feed, Dialling(lambda: answered(socket)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(65.0):
                await one._connection()

    run_jumping(monkeypatch, keeping())
    assert [at_s for at_s, _ in socket.sent] == pytest.approx([20.0, 40.0, 60.0])
    assert {text for _, text in socket.sent} == {"ping 2026"}


async def answered(socket: Wire) -> Wire:
    return socket


def test_a_lifetime_counts_from_the_opening_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended_at(opened_s: float, tick_s: float) -> str:
        one = runner(declared(lifetime_s=100.0), None)
        socket: Any = Wire(CLOSED)
        monkeypatch.setattr(feeds, "monotonic", lambda: opened_s)
        with pytest.raises(EndedError, match="closed by the venue with 1006"):
            await one._receive(socket)
        monkeypatch.setattr(feeds, "monotonic", lambda: tick_s)
        try:
            await asyncio.wait_for(one._every_second(), 1.5)
        except EndedError as ended:
            return ended.detail
        except TimeoutError:
            pass
        return "goes on"

    assert run_jumping(monkeypatch, ended_at(500.0, 600.0)) == "goes on"
    assert run_jumping(monkeypatch, ended_at(500.0, 600.5)) == "its lifetime is over"


def test_a_flooding_venue_lets_others_run_after_each_64_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = 0
    seen: list[int] = []

    def read(raw: bytes, context: Context) -> list[FeedMessage]:
        nonlocal frames
        frames += 1
        return []

    async def other() -> None:
        while True:
            seen.append(frames)
            await asyncio.sleep(0)

    async def flooded() -> float:
        socket: Any = Wire(*[FRAME] * 200, CLOSED)
        beside = asyncio.ensure_future(other())
        with pytest.raises(EndedError):
            await runner(declared(read), None)._receive(socket)
        beside.cancel()
        return elapsed_s()

    assert run_jumping(monkeypatch, flooded()) == 0.0, "it gives way without waiting"
    assert seen == [64, 128, 192]


def test_a_connection_is_over_only_when_a_fetch_that_was_cut_short_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = BookDelta(instrument="BTC", first_id=2, last_id=2, prev_id=None, event_time=None, bids=[], asks=[])
    over_s: list[float] = []

    async def fetch(instrument: Instrument) -> BookSnapshot | None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(3.0)
            over_s.append(elapsed_s())
        return None

    async def ending() -> float:
        feed = declared(lambda raw, context: [waiting], lifetime_s=0.0, book_base="book_rest")
        dialling = Dialling(lambda: answered(Wire(FRAME)))
        await runner(feed, dialling, base=fetch, instruments=[BTC])._connection()
        return elapsed_s()

    assert run_jumping(monkeypatch, ending()) == pytest.approx(4.0), (
        "its lifetime is over at the first sample, after 1 s"
    )
    assert over_s == [pytest.approx(4.0)]


async def test_a_connection_that_we_end_is_closed_towards_the_venue() -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def listening(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        closed.set_result(socket.close_code)
        return socket

    async with serving({"/": listening}) as served, session(tls_context(), "tests") as client:
        one = runner(declared(lifetime_s=0.0), client, url=served.ws_url, sample_s=0.0)
        ended = await one._connection()
        assert (ended.detail, ended.planned) == ("its lifetime is over", True)
        assert await asyncio.wait_for(closed, 10) == 1000, "RFC 6455: a normal closure"


async def test_compression_is_offered_with_the_largest_window_and_no_demand_on_the_venues() -> None:
    offered: list[str] = []

    async def refusing(request: web.Request) -> web.StreamResponse:
        offered.append(request.headers.get("Sec-WebSocket-Extensions", ""))
        return web.Response(status=503)

    async with serving({"/": refusing}) as served, session(tls_context(), "tests") as client:
        ended = await runner(declared(), client, url=served.ws_url)._connection()
    assert ended.detail == "could not connect: WSServerHandshakeError"
    assert offered == ["permessage-deflate; client_max_window_bits"]


def test_a_failed_connection_is_announced_as_closed_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[Reading] = []

    async def dropped() -> None:
        one = runner(declared(), Dialling(lambda: answered(Wire(CLOSED))), emitted.append)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await one.run()

    run_jumping(monkeypatch, dropped())
    changes = [one for one in emitted if isinstance(one, FeedChanged)]
    assert [(one.event, one.detail) for one in changes] == [
        (FeedEvent.OPENED, ""),
        (FeedEvent.CLOSED, "closed by the venue with 1006"),
    ]


def test_the_end_of_a_connection_says_its_reason_as_its_text() -> None:
    assert str(EndedError("silent on an open socket")) == "silent on an open socket"
    assert not EndedError("silent on an open socket").planned
