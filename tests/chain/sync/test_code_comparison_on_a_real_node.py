"""Upgrades real proxies to contracts compiled for these tests: checks the reported code comparison and its cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from web3.contract import AsyncContract

from chain import networks
from chain.events import Address, ChainEvent, CodeChange, CodeCompared
from chain.events.network import NodeFault
from chain.events.upgrades import ContractUpgraded
from chain.sync.scan import scan
from chain.sync.settings import WatcherSettings
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedContract
from tests.chain.builders import START
from tests.chain.bytecode.layouts.vaults import code_of, deployed
from tests.chain.following import head_at, low, placed, settings_of, until, watching
from tests.chain.inspection.test_inspecting_through_a_poor_node import spoiled
from tests.chain.proxies.changing import diamond
from tests.chain.proxies.making import EMPTY, Deployer
from tests.evm.anvil import Anvil, running

JSON = {"Content-Type": "application/json"}
SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"


def comparisons(events: Iterable[ChainEvent]) -> list[CodeCompared]:
    """Returns the comparisons: one for each upgrade, after the upgrades of its block, in their order."""
    placed_in: dict[str, list[ContractUpgraded]] = {}
    found: list[CodeCompared] = []
    for event in events:
        if isinstance(event, ContractUpgraded) and event.role != "admin":
            assert event.place.block_hash not in {one.place.block_hash for one in found}
            placed_in.setdefault(event.place.block_hash, []).append(event)
        elif isinstance(event, CodeCompared):
            upgrade = placed_in[event.place.block_hash].pop(0)
            assert (event.upgrade_id, event.event_id) == (upgrade.event_id, f"{upgrade.event_id}/compared")
            assert all(getattr(event, one) == getattr(upgrade, one) for one in ("contract", "role", "old", "new"))
            found.append(event)
    assert not any(placed_in.values())
    return found


async def scanned(settings: WatcherSettings, first: int, last: int) -> list[CodeCompared]:
    return comparisons([event async for event in scan(settings, first, last)])


async def followed(anvil: Anvil, start: int, *contracts: AsyncContract | str) -> list[CodeCompared]:
    return comparisons(await events_of(anvil, start, *contracts))


async def events_of(anvil: Anvil, start: int, *contracts: AsyncContract | str) -> list[ChainEvent]:
    """Returns all events. A quiet block is mined last, because a comparison is emitted after its block."""
    watch = Watch(contracts=tuple(WatchedContract(address=low(one)) for one in contracts))
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    await anvil.mine()
    return placed(await until(Watcher(settings, None), head_at(await anvil.height())))


async def proxy_of(anvil: Anvil, name: str) -> tuple[AsyncContract, AsyncContract, AsyncContract]:
    first = await deployed(anvil, name)
    admin = await anvil.deploy("ProxyAdmin")
    return await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b""), admin, first


async def test_an_upgrade_lists_the_gained_functions_and_the_storage_changes_of_the_new_code() -> None:
    async with running() as anvil:
        proxy, admin, _ = await proxy_of(anvil, "Vault")
        appended, reordered = await deployed(anvil, "VaultAppended"), await deployed(anvil, "VaultReordered")
        start = await anvil.height() + 1
        await anvil.send(admin.functions.upgrade(proxy.address, appended.address))
        await anvil.send(admin.functions.upgrade(proxy.address, reordered.address))
        settings = settings_of(anvil.url, watch=watching(proxy))
        live, past = await followed(anvil, start, proxy), await scanned(settings, start, await anvil.height())
        assert [replace(one, seen_at=START) for one in live] == [replace(one, seen_at=START) for one in past]
        safe, broken = live
        assert (safe.change.gained, safe.change.lost) == (("0x28fb6607", "0x9c8d83bb", "0xddca3f43"), ())
        assert safe.change == CodeChange(
            old_size=len(code_of("Vault")),
            new_size=len(code_of("VaultAppended")),
            gained=safe.change.gained,
            lost=(),
            signatures=("0x28fb6607(address,uint256)", "0x9c8d83bb(address)", "0xddca3f43()"),
            layout=(),
            old_compiler="solc 0.8.37",
            new_compiler="solc 0.8.37",
        )
        assert {hint.slot for hint in broken.change.layout or ()} == {"0x1", "0x2"}
        assert broken.change.lost == safe.change.gained


async def test_a_proxy_pointed_at_an_empty_address_is_reported_with_a_code_size_of_zero() -> None:
    async with running() as anvil:
        proxy, _, _ = await proxy_of(anvil, "Vault")
        start = await anvil.height() + 1
        await anvil.mine()
        await anvil.call("anvil_setStorageAt", proxy.address, SLOT, f"0x{0xDEAD:064x}")
        await anvil.mine()
        [event] = await followed(anvil, start, proxy)
        assert (event.change.old_size, event.change.new_size) == (len(code_of("Vault")), 0)
        assert "0xd0e30db0" in (event.change.lost or ())
        assert event.change.links == ()


async def test_new_code_at_the_same_address_is_compared_with_the_code_before_its_block() -> None:
    async with running() as anvil:
        proxy, _, _ = await proxy_of(anvil, "Vault")
        before = len(await anvil.web3.eth.get_code(proxy.address))
        start = await anvil.height() + 1
        await anvil.mine()
        await anvil.call("anvil_setCode", proxy.address, "0x" + code_of("Vault").hex())
        await anvil.mine(2)
        [event] = [one for one in await followed(anvil, start, proxy) if one.role == "code"]
        assert event.change.old_size in (before, len(code_of("Vault")))  # anvil writes code into the state of its head
        assert event.change.new_size == len(code_of("Vault"))


async def test_a_beacon_of_three_children_is_compared_once() -> None:
    async with running() as anvil:
        first, second = await deployed(anvil, "Vault"), await deployed(anvil, "VaultShrunk")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        children = [await anvil.deploy("BeaconProxy", beacon.address, b"") for _ in range(3)]
        start = await anvil.height() + 1
        await anvil.send(beacon.functions.upgradeTo(second.address))
        asked: list[str] = []
        async with counted(anvil, asked) as url:
            events = await scanned(settings_of(url, watch=watching(*children)), start, start)
        assert {one.contract for one in events} == {low(child) for child in children}
        assert len({one.change for one in events}) == 1
        assert {hint.slot for hint in events[0].change.layout or ()} == {"0xd", "0xe"}
        compared = [one for one in asked if low(first) in one or low(second) in one]
        assert len(compared) == 1  # one request,
        assert compared[0].count("eth_getCode") == 2  # for two codes


async def test_replaced_and_removed_facets_show_their_sizes_and_the_zero_address_is_not_empty_code() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        make, change = diamond()
        made = await make(deployer)
        start = await anvil.height() + 1
        await change(deployer, made)
        events = await followed(anvil, start, made.address)
        added, replaced, removed = (one for one in events if one.role == "facet")
        assert (added.change.old_size, added.change.gained, added.change.lost) == (
            None,
            ("0x095ea7b3", "0xa9059cbb"),
            (),
        )
        assert replaced.change.old_size == replaced.change.new_size == added.change.new_size
        assert replaced.change.gained == replaced.change.lost != ()
        assert removed.new == EMPTY
        assert (removed.change.new_size, removed.change.old_size) == (None, added.change.new_size)


async def test_a_change_of_admin_is_not_a_change_of_code() -> None:
    async with running() as anvil:
        proxy, admin, _ = await proxy_of(anvil, "Vault")
        start = await anvil.height() + 1
        await anvil.send(admin.functions.changeProxyAdmin(proxy.address, anvil.accounts[1]))
        [event] = await events_of(anvil, start, proxy)
        assert isinstance(event, ContractUpgraded)
        assert event.role == "admin"


async def test_hostile_code_is_reported_with_size_and_functions_and_delays_nothing() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        proxy, admin, _ = await proxy_of(anvil, "Vault")
        hostile = await deployer.raw("5b3661000057" * 4000)
        start = await anvil.height() + 1
        await anvil.send(admin.functions.upgrade(proxy.address, anvil.web3.to_checksum_address(hostile)))
        [event] = await followed(anvil, start, proxy)
        assert (event.change.new_size, event.change.gained) == (24_000, ())
        assert "0xd0e30db0" in (event.change.lost or ())


async def test_a_range_full_of_upgrades_costs_three_more_requests() -> None:
    async with running() as anvil:
        proxy, admin, _ = await proxy_of(anvil, "Vault")
        names = ("VaultAppended", "VaultShrunk", "VaultRetyped", "VaultReordered")
        others = [await deployed(anvil, name) for name in names]
        quiet = await anvil.height() + 1
        await anvil.mine(40)
        loud = await anvil.height() + 1
        for turn in range(40):
            await anvil.send(admin.functions.upgrade(proxy.address, others[turn % 4].address))
        asked: list[str] = []
        async with counted(anvil, asked) as url:
            settings = settings_of(url, watch=watching(proxy))
            assert await scanned(settings, quiet, quiet + 39) == []
            without = len(asked)
            events = await scanned(settings, loud, loud + 39)
        assert len(events) == 40
        assert all(one.change.layout is not None for one in events)
        assert len(asked) - without <= without + 3  # hashes before and after, and each code once


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32000, "message": "missing trie node"},
        {"code": -32000, "message": "header not found"},
        {"code": -32005, "message": "rate limit exceeded"},
    ],
)
async def test_an_upgrade_whose_code_no_node_returns_is_still_reported(error: dict[str, Any]) -> None:
    async with running() as anvil:
        proxy, admin, first = await proxy_of(anvil, "Vault")
        second = await deployed(anvil, "VaultAppended")
        start = await anvil.height() + 1
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))

        def without_targets(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            if question["method"] == "eth_getCode" and question["params"][0] in (low(first), low(second)):
                return {"jsonrpc": "2.0", "id": question["id"], "error": error}
            return answer

        async with spoiled(anvil, without_targets) as url:
            [event] = await scanned(settings_of(url, watch=watching(proxy)), start, start)
        assert (event.old, event.new) == (low(first), low(second))
        assert event.change == CodeChange(old_size=None, new_size=None, gained=None, lost=None)


async def test_one_node_failure_during_the_comparison_changes_nothing() -> None:
    async with running() as anvil:
        proxy, admin, _ = await proxy_of(anvil, "Vault")
        second = await deployed(anvil, "VaultAppended")
        start = await anvil.height() + 1
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        failures = [{"code": -32603, "message": "internal error"}]

        def once(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            if question["method"] == "eth_getCode" and question["params"][0] == low(second) and failures:
                return {"jsonrpc": "2.0", "id": question["id"], "error": failures.pop()}
            return answer

        async with spoiled(anvil, once) as url:
            events = [event async for event in scan(settings_of(url, watch=watching(proxy)), start, start)]
        assert not failures
        assert comparisons(events)[0].change.new_size == len(code_of("VaultAppended"))
        assert any(isinstance(event, NodeFault) for event in events)


async def test_changes_above_the_bound_of_one_block_are_reported_without_their_code() -> None:
    async with running() as anvil:
        beacons, proxies = [], []
        first = await deployed(anvil, "Vault")
        for _ in range(26):
            beacons.append(await anvil.deploy("UpgradeableBeacon", first.address))
            proxies.append(await anvil.deploy("BeaconProxy", beacons[-1].address, b""))
        others = [await anvil.deploy("UpgradeableBeacon", first.address) for _ in range(26)]
        await anvil.call("evm_setAutomine", False)
        for beacon, other in zip(beacons, others, strict=True):
            await beacon.functions.upgradeTo(other.address).transact({"from": anvil.accounts[0], "gas": 100_000})
        await anvil.mine()
        at = await anvil.height()
        watch = Watch(contracts=tuple(WatchedContract(address=low(one)) for one in proxies))
        events = await scanned(settings_of(anvil.url, watch=watch), at, at)
        assert len(events) == 26
        assert [one.change.new_size is None for one in events] == [False] * 24 + [True] * 2


def test_an_unknown_network_has_no_links_and_a_known_one_links_explorer_and_sourcify() -> None:
    assert networks.declared("local").links(Address("0x" + "1" * 40)) == ()
    for name in networks.names():
        network = networks.declared(name)
        for link in network.links(Address("0x" + "1" * 40)):
            assert link.startswith("https://")
            assert "0x" + "1" * 40 in link
        assert bool(network.links(Address("0x" + "1" * 40))) == (name != "local")


@asynccontextmanager
async def counted(anvil: Anvil, asked: list[str]) -> AsyncIterator[str]:
    """A loopback relay in front of the node; it records the calls of each request."""

    async def relay(request: web.Request) -> web.Response:
        body = await request.read()
        asked.append(body.decode())
        async with aiohttp.ClientSession() as session, session.post(anvil.url, data=body, headers=JSON) as response:
            return web.Response(body=await response.read(), content_type="application/json")

    application = web.Application()
    application.router.add_post("/", relay)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert site._server is not None
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    finally:
        await runner.cleanup()
