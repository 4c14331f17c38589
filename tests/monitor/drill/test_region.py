"""A region's relays pass everything on, and cut off this region alone when its network is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from monitor.drill.rehearsal import NETWORK, of_region, rehearsal
from monitor.drill.scenario import Scenario, Stage, checked, load
from monitor.drill.world import weather
from monitor.drill.world.listening import Server
from monitor.drill.world.region import Region
from monitor.drill.world_link import Reached, Ready
from monitor.errors import OperatorError


async def answer(request: web.Request) -> web.StreamResponse:
    if request.path != "/socket":
        return web.Response(text="answered")
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"heard {message.data}")
    return socket


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Region, str, str, aiohttp.ClientSession]]:
    """A region, the address of a server by its relay, the server's own address, and a client."""
    server, region = Server(answer), Region()
    own = f"http://127.0.0.1:{await server.start()}"
    try:
        reached = await region.start({"hosts": {"a": {"rest": f"{own}/x", "ws": f"{own}/socket"}}, "node": own})
        assert len({one.rpartition(":")[2].partition("/")[0] for one in reached["hosts"]["a"].values()}) == 1
        async with aiohttp.ClientSession() as client:
            yield region, reached["node"], own, client
    finally:
        await region.stop()
        await server.stop()


async def get(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url, headers={"Connection": "close"}) as got:
        return await got.text()


async def test_a_relay_passes_on_requests_and_sockets() -> None:
    async with relayed() as (_, url, own, client):
        assert url != own
        assert await get(client, f"{url}/x") == "answered"
        async with client.ws_connect(f"{url}/socket") as socket:
            await socket.send_str("one")
            assert await socket.receive_str() == "heard one"


async def test_a_network_that_is_down_cuts_what_is_open_and_refuses_what_is_new_of_its_region_alone() -> None:
    async with relayed() as (region, url, own, client), client.ws_connect(f"{url}/socket") as socket:
        region.be(down=True)
        region.be(down=True)
        message = await socket.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)
        with pytest.raises(aiohttp.ClientError):
            await get(client, f"{url}/x")
        assert await get(client, f"{own}/x") == "answered"
        region.be(down=False)
        assert await get(client, f"{url}/x") == "answered"


async def test_a_server_that_is_gone_is_a_cut_connection_too() -> None:
    region = Region()
    with_nobody = await region.start({"node": "http://127.0.0.1:1/"})
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(get(client, with_nobody["node"]), 10)
    await region.stop()


def two_regions(**given: object) -> Scenario:
    return replace(load("two-regions"), **given)  # type: ignore[arg-type]


def test_only_the_named_region_is_cut_off_and_the_weather_of_the_venues_does_not_change() -> None:
    one = two_regions()
    assert [name for name in one.regions if one.cut_off(name, 55.0)] == ["eu"]
    assert not [name for name in one.regions if one.cut_off(name, 53.0) or one.cut_off(name, 64.0)]
    assert not weather.at(one, "", 55.0).network_down


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"regions": ("eu",)}, "regions"),
        ({"regions": ("eu", "eu")}, "regions"),
        ({"regions": tuple("abcd")}, "regions"),
        ({"stages": (Stage(at_s=0, title="x", regions=("mars",), network_down=True),)}, "stages[0].regions"),
        ({"stages": (Stage(at_s=0, title="x", regions=("eu",)),)}, "stages[0].regions"),
        ({"expect": replace(load("two-regions").expect, lost="mars")}, "expect.lost"),
    ],
)
def test_regions_that_cannot_be_are_the_authors_mistake(given: dict[str, object], key: str) -> None:
    with pytest.raises(OperatorError) as wrong:
        checked(two_regions(**given))
    assert wrong.value.key == key


def test_each_vantage_reaches_the_world_by_its_own_network() -> None:
    hosts = {"okx": {"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"}}
    own = {"okx": {"rest": "http://127.0.0.1:2", "ws": "ws://127.0.0.1:2"}}
    reached = Reached(hosts=own, node="http://127.0.0.1:3", controls={"a": "http://127.0.0.1:4"})
    ready = Ready(
        hosts=hosts, node="http://127.0.0.1:5", controls={}, webhook="http://127.0.0.1:6", contract="0x" + "1" * 40, pools=(),
        timelock="0x" + "2" * 40, asset="RIFT", regions={"eu": reached, "us": reached},
    )  # fmt: skip
    settings = of_region(rehearsal(ready, Path("/x")), ready, "us")
    assert settings.vantage == "us"
    assert settings.venues["okx"].hosts == own["okx"]
    assert [one.url for one in settings.networks[NETWORK].nodes] == ["http://127.0.0.1:3"]
    assert settings.controls.targets == {"a": "http://127.0.0.1:4"}
    assert len(set(settings.correlator.networks.values())) == 2
