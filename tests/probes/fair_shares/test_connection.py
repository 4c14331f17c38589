"""A hostile connection is refused as flooding, in bounded steps, and the connections beside it go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from probes import venues
from probes.fair_shares.allowance import FAIR, Limits, Rate
from probes.fair_shares.connection import (
    MAX_INFORMATIONAL,
    SLICE_FRAMES,
    SLICE_S,
    FairProtocol,
    FloodingError,
    Turn,
    protocol_of,
)
from probes.feeds.connection import close_quietly
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import Emit, FeedSetting
from probes.readings import ClaimChanged, FeedChanged, FeedEvent, Liquidation, MarkPrice, Reading, Refusal
from probes.rest.http import USER_AGENT, get_once, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from tests.bench.frames import liquidations
from tests.flood_venue import FLOODS, INFORMATIONAL, flood
from tests.probes.cases import listed
from tests.probes.feeds.running_feed import FeedLog, feed, listening, mark, watched
from tests.probes.loopback import say, serving

PATIENCE_S = 30.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LARGE = Rate(per_s=1e12, burst=1e12)
UNLIMITED = Limits(bytes=LARGE, messages=LARGE, control_frames=LARGE, cpu_s=LARGE)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), USER_AGENT) as one:
        yield one


@asynccontextmanager
async def listener(serve: Serve) -> AsyncIterator[str]:
    """A server that speaks bytes; yields host and port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()


@asynccontextmanager
async def flooding(kind: str) -> AsyncIterator[str]:
    """A hostile venue; yields host and port."""
    begun = asyncio.Event()
    begun.set()
    async with listener(partial(flood, kind, begun)) as place:
        yield place


def hostile(client: aiohttp.ClientSession, place: str, emit: Emit, limits: Limits = FAIR) -> FeedRunner:
    one = feed("binance_usdm", "liquidation")
    state = VenueState(venues.declared("binance_usdm"))
    state.instruments.update((each.symbol, each) for each in listed("binance_usdm"))
    setting = FeedSetting(
        url=f"ws://{place}/", client=client, clock=utc_now, emit=emit, seed=1, limits=limits,
        instruments=watched("binance_usdm", one.market),
    )  # fmt: skip
    return FeedRunner(state, one, setting)


EXCESS = {
    "ping": "control frames",
    "pong": "control frames",
    "empty": "control frames",
    "fragment": "bytes",
    "liquidation": "messages",
}


@pytest.mark.parametrize("kind", [one for one in FLOODS if one != "1xx"])
@pytest.mark.slow
async def test_a_flood_ends_the_connection_as_flooding_and_other_feeds_are_read_meanwhile(
    kind: str, client: aiohttp.ClientSession
) -> None:
    async def talk(socket: web.WebSocketResponse, number: int) -> None:
        while True:
            await socket.send_json(mark())
            await asyncio.sleep(0.001)

    readings: list[Reading] = []
    async with (
        flooding(kind) as place,
        listening(feed("binance_usdm", "liquidation"), "binance_usdm", talk) as (beside, _),
    ):
        await beside.event(FeedEvent.OPENED)
        before = len(beside.readings)
        ended = await asyncio.wait_for(hostile(client, place, readings.append)._connection(), PATIENCE_S)
        during = beside.readings[before:]
        await beside.until(lambda one: isinstance(one, MarkPrice), times=len(beside.readings) + 1)
        assert beside.events().count(FeedEvent.CLOSED) == 0
    assert (ended.detail, ended.planned, ended.flooding) == (f"flooding: {EXCESS[kind]}", False, True)
    assert any(isinstance(one, MarkPrice) for one in during), "the others were read while the flood was"
    if kind == "liquidation":
        taken = sum(isinstance(one, Liquidation) for one in readings)
        assert FAIR.messages.burst - SLICE_FRAMES <= taken, "what was within the limits is kept"


async def test_a_flooding_feed_is_reported_closed_with_that_reason(client: aiohttp.ClientSession) -> None:
    feed_log = FeedLog()
    async with flooding("ping") as place:
        running = asyncio.create_task(hostile(client, place, feed_log.put).run())
        closed = await feed_log.event(FeedEvent.CLOSED)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (closed.detail, closed.planned) == ("flooding: control frames", False)


async def test_a_ping_is_answered_with_its_own_bytes_and_is_no_news(client: aiohttp.ClientSession) -> None:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def pinging(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await socket.ping(b"20 s")
        async for message in socket:
            if message.type is web.WSMsgType.PONG:
                answered.set_result(message.data)
        return socket

    readings: list[Reading] = []
    async with serving({"/": pinging}) as served:
        running = asyncio.create_task(hostile(client, served.host, readings.append)._connection())
        assert await asyncio.wait_for(answered, PATIENCE_S) == b"20 s"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [type(one) for one in readings if not isinstance(one, ClaimChanged)] == [FeedChanged]


async def test_one_frame_of_very_many_liquidations_is_not_read_at_all(client: aiohttp.ClientSession) -> None:
    [forced] = liquidations("binance_usdm", 1, int(utc_now().timestamp() * 1000))

    async def pushing(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(forced)
        await socket.send_bytes(b"[" + b",".join([forced] * 5000) + b"]")
        async for _ in socket:
            pass
        return socket

    readings: list[Reading] = []
    async with serving({"/": pushing}) as served:
        ended = await asyncio.wait_for(hostile(client, served.host, readings.append)._connection(), PATIENCE_S)
    assert ended.detail == "WebSocketError"
    assert sum(isinstance(one, Liquidation) for one in readings) == 1


def test_no_declared_feed_accepts_a_frame_that_takes_long_to_read() -> None:
    for venue in venues.NAMES:
        for one in venues.declared(venue).feeds:
            assert one.max_bytes <= 1_000_000, f"{venue} {one.name}"


def informational(count: int) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(INFORMATIONAL * count + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    return serve


@pytest.mark.parametrize(
    ("count", "refusal", "body"),
    [(MAX_INFORMATIONAL, None, b"{}"), (MAX_INFORMATIONAL + 1, Refusal.FLOODING, b"")],
)
async def test_sixteen_informational_answers_may_precede_an_answer_and_no_more(
    count: int, refusal: Refusal | None, body: bytes, client: aiohttp.ClientSession
) -> None:
    async with listener(informational(count)) as place:
        got = await get_once(client, f"http://{place}/", headers={}, timeout_s=PATIENCE_S, max_bytes=100, clock=utc_now)
    assert (got.refusal, got.body) == (refusal, body)


async def test_an_endless_row_of_informational_answers_is_refused_and_the_next_request_is_made_afresh(
    client: aiohttp.ClientSession,
) -> None:
    async with flooding("1xx") as place, serving({"/": say("{}")}) as good:
        for _ in range(3):
            got = await get_once(
                client, f"http://{place}/", headers={}, timeout_s=PATIENCE_S, max_bytes=100, clock=utc_now
            )
            assert (got.refusal, got.detail, got.status) == (Refusal.FLOODING, "informational answers", None)
            assert got.cold
        beside = await get_once(client, good.url + "/", headers={}, timeout_s=5.0, max_bytes=100, clock=utc_now)
    assert beside.refusal is None
    assert not Refusal.FLOODING.is_ours


async def test_a_socket_that_answers_an_opening_with_informational_answers_is_flooding(
    client: aiohttp.ClientSession,
) -> None:
    async with flooding("1xx") as place:
        ended = await asyncio.wait_for(hostile(client, place, lambda _: None)._connection(), PATIENCE_S)
    assert (ended.detail, ended.flooding) == ("flooding: informational answers", True)


async def test_a_flooded_socket_that_we_close_is_dropped_and_nothing_more_of_it_is_read(
    client: aiohttp.ClientSession,
) -> None:
    async with flooding("pong") as place:
        socket = await client.ws_connect(f"ws://{place}/", autoping=False)
        protocol = protocol_of(socket)
        assert protocol is not None
        await socket.receive()
        async with asyncio.timeout(PATIENCE_S):
            while not protocol._reading_paused:  # noqa: ASYNC110  # aiohttp has no event for a full queue
                await asyncio.sleep(0)
        await close_quietly(socket)
        assert protocol.flooded
        assert socket.closed


async def test_a_venue_that_begins_to_flood_while_we_close_is_dropped(client: aiohttp.ClientSession) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = asyncio.Event()
        opening = asyncio.ensure_future(flood("pong", begun, reader, writer))
        await asyncio.sleep(0)
        closing.append(begun)
        await opening

    closing: list[asyncio.Event] = []
    async with listener(serve) as place:
        socket = await client.ws_connect(f"ws://{place}/", autoping=False)
        protocol = protocol_of(socket)
        assert protocol is not None
        asyncio.get_running_loop().call_later(0.02, closing[0].set)
        await close_quietly(socket)
        assert protocol.flooded


async def test_a_connection_above_its_limit_of_bytes_is_dropped_and_its_reader_is_told() -> None:
    tight = Limits(bytes=Rate(per_s=1, burst=100_000), messages=LARGE, control_frames=LARGE, cpu_s=LARGE)
    async with (
        session(tls_context(), USER_AGENT, limits=tight) as client,
        serving({"/small": say("x" * 50_000), "/large": say("x" * 500_000)}) as venue,
    ):
        small = await get_once(client, venue.url + "/small", headers={}, timeout_s=5.0, max_bytes=10**6, clock=utc_now)
        large = await get_once(client, venue.url + "/large", headers={}, timeout_s=5.0, max_bytes=10**6, clock=utc_now)
    assert (small.refusal, len(small.body)) == (None, 50_000)
    assert (large.refusal, large.detail) == (Refusal.FLOODING, "bytes")


async def test_a_protocol_without_a_connection_can_be_dropped() -> None:
    protocol = FairProtocol(asyncio.get_running_loop(), FAIR)
    protocol.drop("bytes")
    assert protocol.flooded
    protocol.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(FloodingError, match="bytes"):
        await protocol.read()


def test_a_turn_is_over_after_64_frames_or_two_milliseconds_of_cpu_time() -> None:
    assert (SLICE_FRAMES, SLICE_S) == (64, 0.002)
    assert not Turn(taken=63, cpu_s=0.0019).over
    assert Turn(taken=64).over
    assert Turn(taken=1, cpu_s=0.002).over
    work = Turn(bytes=1, messages=2, control_frames=3, cpu_s=4.0, taken=5).work()
    assert (work.bytes, work.messages, work.control_frames, work.cpu_s) == (1, 2, 3, 4.0)
