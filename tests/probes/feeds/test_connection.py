"""When a feed ends its own connection and what it does before it reconnects, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from probes.feeds import runner as feeds
from probes.feeds.connection import EndedError
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting
from probes.readings import FeedChanged, FeedEvent, Instrument, Market, Reading, VenueId
from probes.rest.http import session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venue import BookDelta, BookSnapshot, Context, Feed, FeedMessage, Reply, Venue
from tests.probes.loopback import Talk, free_port, serving

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
GAP: Sequence[FeedMessage] = [
    BookSnapshot(instrument="BTC", last_id=10, event_time=None, bids=[], asks=[]),
    BookDelta(instrument="BTC", first_id=15, last_id=15, prev_id=None, event_time=None, bids=[], asks=[]),
]


class _Over(Exception):
    """The test's clock has no more times."""


def declared(words: Sequence[FeedMessage] = (), **changed: Any) -> Feed:
    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        return words

    given: dict[str, Any] = {"subscribe": lambda _instruments, _now: (), **changed}
    return Feed(name="news", host="ws", read=read, **given)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), "tests") as one:
        yield one


def runner(
    client: aiohttp.ClientSession, feed: Feed, readings: list[Reading], url: str = "", **given: Any
) -> FeedRunner:
    venue = Venue(id=MADE, title="", docs="", hosts={}, budgets=(), checks=(), feeds=(feed,))
    usual: dict[str, Any] = {"sample_s": 0.0, "clock": lambda: T0, "seed": 1, "instruments": [BTC], **given}
    return FeedRunner(VenueState(venue), feed, FeedSetting(url=url, client=client, emit=readings.append, **usual))


def clock_of(*ticks_s: float) -> Callable[[], float]:
    """A steady clock that returns these times and then ends the test."""
    left = list(ticks_s)

    def tick() -> float:
        if not left:
            raise _Over
        return left.pop(0)

    return tick


async def sampled(one: FeedRunner, monkeypatch: pytest.MonkeyPatch, *ticks_s: float) -> EndedError | None:
    """Sample a connection that was opened at 0 at these ticks and return how it ends."""
    monkeypatch.setattr(feeds, "monotonic", clock_of(*ticks_s))
    try:
        await one._every_second()
    except EndedError as ended:
        return ended
    except _Over:
        return None
    raise AssertionError("sampling goes on for ever")


def events(readings: Sequence[Reading]) -> list[FeedEvent]:
    return [one.event for one in readings if isinstance(one, FeedChanged)]


async def test_a_silent_socket_is_closed_after_three_silence_periods_and_not_before(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[Reading] = []
    one = runner(client, declared(silence_after_s=30.0), readings)
    one._reader.opened(T0, 0.0)
    assert await sampled(one, monkeypatch, 29.9, 30.0, 60.0, 89.9) is None
    assert events(readings) == [FeedEvent.SILENT]
    ended = await sampled(one, monkeypatch, 90.0)
    assert ended is not None
    assert (ended.detail, ended.planned) == ("silent on an open socket", False)


async def test_a_connection_ends_when_its_lifetime_has_passed_and_not_before(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = runner(client, declared(silence_after_s=1e9, lifetime_s=100.0), [])
    one._reader.opened(T0, 0.0)
    assert await sampled(one, monkeypatch, 99.0, 100.0) is None
    ended = await sampled(one, monkeypatch, 100.5)
    assert ended is not None
    assert (ended.detail, ended.planned) == ("its lifetime is over", True)


async def test_a_lifetime_counts_from_the_opening_and_a_feed_without_one_stays_open(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = runner(client, declared(silence_after_s=1e9, lifetime_s=100.0), [])
    one._opened_s = 50.0
    assert await sampled(one, monkeypatch, 150.0) is None
    assert await sampled(one, monkeypatch, 150.5) is not None
    endless = runner(client, declared(silence_after_s=1e9), [])
    assert await sampled(endless, monkeypatch, 1e8) is None


async def test_a_gap_that_needs_a_new_connection_ends_this_one_as_planned(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, based = (
        runner(client, declared(GAP, silence_after_s=1e9, book_base=base), []) for base in (None, "book_rest")
    )
    for one in (own, based):
        one._reader.frame(b"", T0, 0.0, {"BTC": BTC})
    ended = await sampled(own, monkeypatch, 1.0)
    assert ended is not None
    assert (ended.detail, ended.planned) == ("resync of a book", True)
    assert await sampled(based, monkeypatch, 1.0) is None


async def changes_until(one: FeedRunner, readings: list[Reading], wanted: int, kind: FeedEvent) -> list[FeedChanged]:
    """Run a feed until it has emitted so many changes of this kind; return all its changes."""
    running = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(20):
            while events(readings).count(kind) < wanted:
                await asyncio.sleep(0.005)
                assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return [each for each in readings if isinstance(each, FeedChanged)]


async def test_a_feed_waits_before_it_connects_again(client: aiohttp.ClientSession) -> None:
    readings: list[Reading] = []
    url = f"ws://127.0.0.1:{await free_port()}"
    waiting = runner(client, declared(), readings, url, clock=utc_now, first_pause_s=1.0)
    closed = await changes_until(waiting, readings, 2, FeedEvent.CLOSED)
    waited_s = (closed[1].received_at - closed[0].received_at).total_seconds()
    assert waited_s >= 0.1, "a tenth of the first pause is the least of its jitter"
    assert not closed[0].planned
    assert closed[0].value < 1.0


async def test_a_venue_that_never_completes_the_handshake_times_out(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "OPEN_TIMEOUT_S", 0.1)

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    readings: list[Reading] = []
    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        changes = await changes_until(runner(client, declared(), readings, url), readings, 1, FeedEvent.CLOSED)
    assert (changes[0].detail, changes[0].event) == ("could not connect: TimeoutError", FeedEvent.CLOSED)


async def run_until_sent(client: aiohttp.ClientSession, feed: Feed, talk: Talk, texts_sent: Sequence[str]) -> None:
    """Run a feed until it has sent these texts."""
    readings: list[Reading] = []
    async with serving(talk=talk) as served:
        running = asyncio.create_task(runner(client, feed, readings, served.ws_url).run())
        try:
            await served.until(lambda texts: list(texts[: len(texts_sent)]) == list(texts_sent))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_feed_sends_its_subscriptions_in_order_and_then_its_replies(client: aiohttp.ClientSession) -> None:
    async def quiet(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_bytes(b"ping")
        await asyncio.Event().wait()

    feed = declared(
        [Reply(text="one"), Reply(text="two")], subscribe=lambda some, now: [one.symbol for one in some] + [f"{now:%Y}"]
    )
    await run_until_sent(client, feed, quiet, ["BTC", "2026", "one", "two"])


async def test_a_venues_ping_frame_is_answered_with_its_payload_and_compression_is_offered(
    client: aiohttp.ClientSession,
) -> None:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    offered: list[str] = []

    async def pinging(request: web.Request) -> web.StreamResponse:
        offered.append(request.headers.get("Sec-WebSocket-Extensions", ""))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await socket.ping(b"payload")
        async for message in socket:
            if message.type is web.WSMsgType.PONG and not answered.done():
                answered.set_result(bytes(message.data))
        return socket

    async with serving({"/": pinging}) as served:
        running = asyncio.create_task(runner(client, declared(), [], served.ws_url + "/").run())
        try:
            assert await asyncio.wait_for(answered, 10) == b"payload"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert "permessage-deflate" in offered[0]


async def test_news_delays_the_closing_of_a_silent_socket(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [BookSnapshot(instrument="BTC", last_id=10, event_time=None, bids=[], asks=[])]
    one = runner(client, declared(words, silence_after_s=10.0), [])
    one._reader.opened(T0, 0.0)
    assert await sampled(one, monkeypatch, 25.0) is None
    one._reader.frame(b"", T0, 26.0, {"BTC": BTC})
    assert await sampled(one, monkeypatch, 30.0, 46.0, 55.9) is None
    assert await sampled(one, monkeypatch, 56.0) is not None


async def test_pauses_grow_while_a_venue_is_unreachable(client: aiohttp.ClientSession) -> None:
    readings: list[Reading] = []
    url = f"ws://127.0.0.1:{await free_port()}"
    away = runner(client, declared(), readings, url, clock=utc_now, first_pause_s=0.4)
    closed = await changes_until(away, readings, 4, FeedEvent.CLOSED)
    waited_s = (closed[3].received_at - closed[0].received_at).total_seconds()
    assert waited_s >= 0.04 + 0.08 + 0.16, "each at least a tenth of a bound that doubles"
