"""Contracts with the names of a proxy that are none, on a real node: called none, and no change of theirs an upgrade."""

from __future__ import annotations

from chain.events import Address, ControlChange, ControlChanged, PlacedEvent
from chain.sync.watcher import scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import settings_of
from tests.chain.inspection.test_inspecting_on_a_real_node import looked
from tests.chain.proxies.making import EMPTY, Bench, up
from tests.evm.anvil import Anvil, running


async def events(anvil: Anvil, start: int, *addresses: Address) -> list[PlacedEvent]:
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in addresses))
    told = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
    return [event for event in told if isinstance(event, PlacedEvent)]


async def test_a_registry_of_implementations_is_not_a_proxy_and_its_entries_are_not_upgrades() -> None:
    async with running() as anvil:
        bench = Bench(anvil)
        made = await bench.made("Registry", up(bench, await bench.target()))
        address = Address(made.address.lower())
        found = await looked(anvil.url, address)
        assert (found.kind, found.roles) == (None, {})
        start = await anvil.height() + 1
        await anvil.mine(2)
        for _ in range(2):
            await bench.send(made.functions.register(up(bench, await bench.target())))
        assert await events(anvil, start, address) == []


async def test_targets_beacons_singletons_factories_and_admins_are_not_proxies() -> None:
    async with running() as anvil:
        bench = Bench(anvil)
        target = up(bench, await bench.target())
        plain = [
            await bench.new("Uups"),
            await bench.new("Factory1967"),
            await bench.new("five/UpgradeableBeacon", target, up(bench, bench.me)),
            await bench.new("five/ProxyAdmin", up(bench, bench.me)),
            await bench.new("safe/Safe.sol/Safe"),
            await bench.new("MainModuleUpgradable"),
            await bench.new("OwnableFeature"),
            await bench.new("Dictionary", target),
            await bench.new("Cloner"),
        ]
        for address in plain:
            found = await looked(anvil.url, address)
            assert (address, found.kind, found.controllers, found.delay_s) == (address, None, (), None)
        start = await anvil.height() + 1
        await anvil.mine()
        admin = bench.seen("five/ProxyAdmin", plain[3])
        block = await bench.send(admin.functions.transferOwnership(up(bench, Address(EMPTY[:-1] + "1"))))
        [event] = await events(anvil, start, *plain)
        assert isinstance(event, ControlChanged)
        assert (event.contract, event.change, event.place.block_number) == (plain[3], ControlChange.OWNER, block)
