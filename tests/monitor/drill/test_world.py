"""The whole simulated world: a process that prints its addresses, venues that answer, and their weather."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from monitor.drill.scenario import FOLDER, VENUES, Liquidated, Mute
from monitor.drill.world import dialects
from monitor.drill.world.places import SIGNATURE
from monitor.drill.world_link import WorldLink
from probes import venues
from probes.prober import Prober, ProberSettings, probe_once
from probes.readings import (
    BookMeasured,
    BookState,
    FeedChanged,
    FeedEvent,
    FeedMalformed,
    Funding,
    Headroom,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    OpenInterest,
    Reading,
    Refusal,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    Side,
    Volume,
)
from tests.monitor.drill.worlds import SECRET, Running, running, scenario, stage

PATIENCE_S = 20.0
NAMES = dialects.names()
FEEDS = {"server_time": 1.0, "instruments": 3600.0}


async def listen(one: Running, venue: str, enough: Callable[[Sequence[Reading]], bool]) -> list[Reading]:
    """Collect the readings of the real prober for a venue until there are enough."""
    settings = ProberSettings(assets=["RIFT"], hosts=one.hosts(venue), every_s=FEEDS, seed=1)
    collected: list[Reading] = []

    async def until_enough() -> None:
        readings = Prober(venues.declared(venue), settings).readings()
        async for reading in readings:
            collected.append(reading)
            if enough(collected):
                return

    async with asyncio.timeout(PATIENCE_S):
        await until_enough()
    return collected


def changes(readings: Sequence[Reading], event: FeedEvent, feed: str) -> int:
    return sum(isinstance(one, FeedChanged) and one.event is event and one.feed == feed for one in readings)


@pytest.mark.parametrize("venue", NAMES)
async def test_the_real_prober_gets_a_good_answer_to_every_unsigned_check(venue: str) -> None:
    async with running(scenario(stage(), venues=[venue]), begun_at_s=None) as one:
        settings = ProberSettings(assets=["RIFT"], hosts=one.hosts(venue))
        readings = await probe_once(venues.declared(venue), None, settings)
    timed = [each for each in readings if isinstance(each, RequestTimed)]
    assert {each.refusal for each in timed} == {None}
    assert {ServerTime, InstrumentsListed, BookMeasured} <= {type(each) for each in readings}
    assert all(each.state is BookState.OK for each in readings if isinstance(each, BookMeasured))
    if venue in VENUES:
        assert {OpenInterest, Funding, LongShortRatio, Volume, Headroom} <= {type(each) for each in readings}


@pytest.mark.parametrize("venue", [name for name in NAMES if venues.declared(name).feeds])
async def test_the_real_prober_reads_books_in_order_and_a_surge_of_long_liquidations(venue: str) -> None:
    surge = scenario(stage(liquidations_per_s=30.0, liquidated_side=Liquidated.LONG), venues=[venue])
    names = {each.name for each in venues.declared(venue).feeds}

    def enough(readings: Sequence[Reading]) -> bool:
        fresh = sum(isinstance(each, Liquidation) and not each.backlog for each in readings)
        books = sum(isinstance(each, BookMeasured) and each.source == "ws" for each in readings)
        return (fresh >= 2 or "liquidation" not in names) and books >= 2

    async with running(surge) as one:
        readings = await listen(one, venue, enough)
    assert all(each.side is Side.LONG for each in readings if isinstance(each, Liquidation) and not each.backlog)
    books = [each for each in readings if isinstance(each, BookMeasured) and each.source == "ws"]
    assert books[-1].state is BookState.OK
    assert not any(
        isinstance(each, FeedChanged) and each.event in (FeedEvent.GAP, FeedEvent.REJECTED) for each in readings
    )
    assert not any(isinstance(each, FeedMalformed | RowsMalformed) for each in readings)


async def test_an_outage_answers_503_and_drops_sockets_and_the_others_go_on() -> None:
    async with running(scenario(stage(outage=True, venues=("bybit",)))) as one:
        readings = await listen(one, "bybit", lambda so_far: changes(so_far, FeedEvent.CLOSED, "book_ws") > 0)
        well = await probe_once(
            venues.declared("gate"), "server_time", ProberSettings(assets=[], hosts=one.hosts("gate"))
        )
    refused = [each for each in readings if isinstance(each, RequestTimed)]
    assert {(each.status, each.refusal) for each in refused} == {(503, Refusal.OVERLOADED)}
    assert any(isinstance(each, ServerTime) for each in well)


async def test_open_sockets_are_dropped_when_the_network_goes_down_with_controls_and_node() -> None:
    async with running(scenario(stage(network_down=True)), begun_at_s=None) as one, aiohttp.ClientSession() as client:
        socket = await client.ws_connect(one.hosts("okx")["ws"])
        places = [one.hosts("gate")["rest"] + "/spot/time", *one.addresses["controls"].values()]
        for url in places:
            async with client.get(url) as answer:
                assert answer.status in (200, 204)
        one.world.begin()
        async with asyncio.timeout(PATIENCE_S):
            ended = await socket.receive()
        assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
        for url in (*places, one.addresses["node"], one.addresses["webhook"]):
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(url)
        await socket.close()


async def test_a_mute_feed_sends_nothing_on_an_open_socket_while_the_books_go_on() -> None:
    weather = stage(mute=(Mute.LIQUIDATION,), venues=("binance_usdm",), liquidations_per_s=50.0)
    async with running(scenario(weather)) as one, aiohttp.ClientSession() as client:
        hosts = one.hosts("binance_usdm")
        market = await client.ws_connect(hosts["ws_market"] + "/stream?streams=!forceOrder@arr/riftusdt@markPrice@1s")
        public = await client.ws_connect(hosts["ws_public"] + "/stream?streams=riftusdt@depth@100ms")
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(10):  # a second and a half of changes: longer than any pause of the mute feed
                assert (await public.receive()).type is aiohttp.WSMsgType.TEXT
        with pytest.raises(TimeoutError):
            await market.receive(timeout=0.01)
        assert not market.closed
        await market.close()
        await public.close()


async def test_a_late_feed_keeps_its_order_and_its_stamps_show_how_late_it_is() -> None:
    weather = stage(feed_lag_s=0.4, engine_lag_s=2.5, venues=("bybit",))

    async with running(scenario(weather)) as one, aiohttp.ClientSession() as client:
        socket = await client.ws_connect(one.hosts("bybit")["ws_linear"])
        await socket.send_json({"op": "subscribe", "args": ["orderbook.50.RIFTUSDT"]})
        async with asyncio.timeout(PATIENCE_S):
            frames = [json.loads((await socket.receive()).data) for _ in range(6)]
        await socket.close()
    assert frames[0]["success"] is True
    assert [each["type"] for each in frames[1:]] == ["snapshot"] + ["delta"] * 4
    ids = [each["data"]["u"] for each in frames[1:]]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert all(each["ts"] - each["cts"] == 2502 for each in frames[1:])


async def test_throttling_and_latency_affect_rest_by_their_stated_share_and_time() -> None:
    weather = stage(throttle=1.0, rest_latency_s=0.1, venues=("okx",))
    async with running(scenario(weather)) as one:
        settings = ProberSettings(assets=[], hosts=one.hosts("okx"), timeout_s=5, disabled=("instruments",))
        readings = await probe_once(venues.declared("okx"), "server_time", settings)
    (timed,) = (each for each in readings if isinstance(each, RequestTimed))
    assert timed.refusal is Refusal.THROTTLED
    assert timed.service_s >= 0.07


async def test_the_share_that_fails_is_answered_503_and_open_sockets_stay() -> None:
    weather = stage(failing=1.0, venues=("okx",))
    async with running(scenario(weather)) as one, aiohttp.ClientSession() as client:
        async with client.get(one.hosts("okx")["rest"] + "/api/v5/public/time") as answer:
            assert answer.status == 503
        async with client.get(one.hosts("bybit")["rest"] + "/v5/market/time") as answer:
            assert answer.status == 200
        async with client.ws_connect(one.hosts("okx")["ws"]) as socket:
            assert not socket.closed


async def test_webhooks_are_stored_and_their_signatures_are_checked() -> None:
    body = json.dumps({"kind": "opened", "incident_id": "one", "level": 4}).encode()
    good = hmac.new(SECRET.encode(), b"1790000000." + body, hashlib.sha256).hexdigest()
    async with running(scenario(stage())) as one, aiohttp.ClientSession() as client:
        for signature in (f"t=1790000000,v1={good}", f"t=1790000001,v1={good}", ""):
            async with client.post(one.addresses["webhook"], data=body, headers={SIGNATURE: signature}) as answer:
                assert answer.status == 204
        async with client.post(one.addresses["webhook"], data=b"nonsense") as answer:
            assert answer.status == 400
    (done,) = [line for line in one.lines if line.get("done")]
    assert [hook["signed"] for hook in done["webhooks"]] == [True, False, False]
    assert {(hook["kind"], hook["incident_id"]) for hook in done["webhooks"]} == {("opened", "one")}


@pytest.mark.parametrize(("quiet", "title"), [(False, "A QUIET MARKET"), (True, "a quiet market")])
async def test_the_process_simulates_the_venues_it_is_given_or_the_quiet_twin(
    quiet: bool, title: str, tmp_path: Path
) -> None:
    path = tmp_path / "loud.toml"
    path.write_text((FOLDER / "quiet.toml").read_text().replace("a quiet market", "A QUIET MARKET"))
    link = WorldLink(path, SECRET, ("bitget", "okx"), quiet=quiet)
    try:
        assert set((await link.start()).hosts) == {"bitget", "okx"}
        await link.begin()
        assert await link.next_message() == {"stage": title, "at_s": 0.0}
    finally:
        await link.end()


async def test_the_webhooks_of_a_world_that_has_ended_by_itself_are_still_read() -> None:
    link = WorldLink(FOLDER / "quiet.toml", SECRET)
    ready = await link.start()
    async with aiohttp.ClientSession() as client, client.post(ready.webhook, data=b'{"kind": "opened"}'):
        pass
    await link.end()
    assert [one["kind"] for one in await link.finish()] == ["opened"]


async def test_a_post_that_is_no_object_is_refused_as_the_venue_does() -> None:
    async with running(scenario(stage(), venues=["hyperliquid"])) as one, aiohttp.ClientSession() as client:
        url = one.hosts("hyperliquid")["rest"] + "/info"
        statuses = []
        for body in (b'{"type":"exchangeStatus"}', b"[]", b"{"):
            async with client.post(url, data=body) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 422, 422]


async def _world(scenario_path: Path, *commands: bytes) -> tuple[list[dict[str, object]], int]:
    """Run the process, send a command after each line it prints; return its lines and its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor.drill.world", str(scenario_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    lines: list[dict[str, object]] = []
    waiting = list(commands)
    async with asyncio.timeout(PATIENCE_S):
        while line := await process.stdout.readline():
            lines.append(json.loads(line))
            if waiting:
                process.stdin.write(waiting.pop(0) + b"\n")
            else:
                process.stdin.close()
        return lines, await process.wait()


@pytest.mark.parametrize("commands", [(b"begin", b"end"), (b"begin",)], ids=["end command", "end of stdin"])
async def test_the_process_prints_its_addresses_and_begins_on_command_and_exits_with_zero(
    commands: tuple[bytes, ...],
) -> None:
    lines, code = await _world(FOLDER / "quiet.toml", *commands)
    assert code == 0
    ready, begun, done = lines
    assert set(ready) == {"hosts", "node", "controls", "webhook", "contract", "pools", "timelock", "asset", "regions"}
    assert ready["regions"] == {}
    assert begun == {"stage": "a quiet market", "at_s": 0.0}
    assert done == {"done": True, "webhooks": []}


async def test_the_process_starts_without_importing_the_chain_library() -> None:
    code = "import sys, monitor.drill.world.__main__; print('web3' in sys.modules or 'pandas' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"False"
